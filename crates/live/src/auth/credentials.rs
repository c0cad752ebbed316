//! What somebody shows to prove who they are.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

/// How credentials came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// With the request that opens the connection: a cookie, a header, or `?token=`.
    Connecting,
    /// In an `AUTH` message on a connection that is open.
    Message,
}

/// What somebody shows to prove who they are. Cheap to clone. Its `Debug` says nothing of what is in it.
///
/// ```
/// use fluxstack_live::auth::Credentials;
/// let cookies = [("Cookie", "theme=dark; session=s3cr3t")];
/// let credentials = Credentials::connecting("v=3", cookies, None);
/// assert_eq!(credentials.cookie("session"), Some("s3cr3t"));
/// assert!(!format!("{credentials:?}").contains("s3cr3t"));
/// ```
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    via: Via,
    /// Names in lower case.
    headers: Vec<(Box<str>, Box<str>)>,
    token: Option<Box<str>>,
    payload: Value,
    peer: Option<IpAddr>,
}

impl Credentials {
    /// Those of the request that opens a connection: its query, its headers, and where it comes from. Servers make
    /// them; this is here for tests of an [`Authenticator`](super::Authenticator).
    #[must_use]
    pub fn connecting<'a>(
        query: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        peer: Option<IpAddr>,
    ) -> Self {
        let headers: Vec<(Box<str>, Box<str>)> = headers
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase().into(), value.trim().into()))
            .collect();
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let token = pairs.find(|(key, _)| *key == "token").and_then(|(_, value)| unescaped(value));
        let token = token.filter(|token| !token.is_empty()).map(Into::into);
        Self(Arc::new(Inner { via: Via::Connecting, headers, token, payload: Value::Null, peer }))
    }

    /// Those of an `AUTH` message.
    ///
    /// ```
    /// use fluxstack_live::auth::Credentials;
    /// let credentials = Credentials::message(serde_json::json!({ "token": "abc" }), None);
    /// assert_eq!(credentials.token(), Some("abc"));
    /// ```
    #[must_use]
    pub fn message(payload: Value, peer: Option<IpAddr>) -> Self {
        let text = payload["token"].as_str().filter(|token| !token.is_empty());
        let token = text.map(Into::into);
        Self(Arc::new(Inner { via: Via::Message, headers: Vec::new(), token, payload, peer }))
    }

    /// How they came.
    #[must_use]
    pub fn via(&self) -> Via {
        self.0.via
    }

    /// A header of the request that opens the connection, whatever the case of its name; the first if there are
    /// several. A message has none, and neither has what is not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.0.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_ref())
    }

    /// A cookie of the request that opens the connection, as it stands there, without the quotes if it has any; the
    /// first if there are several, which is the one with the longest path.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let lines = self.0.headers.iter().filter(|(key, _)| &**key == "cookie");
        let mut cookies = lines.flat_map(|(_, line)| line.split(';')).filter_map(|pair| pair.split_once('='));
        let (_, value) = cookies.find(|(key, _)| key.trim() == name)?;
        let value = value.trim();
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        Some(quoted.unwrap_or(value))
    }

    /// The token of an `Authorization: Bearer …` header.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    }

    /// The token, from wherever it may be: `?token=` in the address, `token` in a message, or [`Credentials::bearer`].
    ///
    /// What is in an address is in the logs of every server on the way. Take a token from a message where you can.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.0.token.as_deref().or_else(|| self.bearer())
    }

    /// Which of several ways to sign in the client means, by the name it gives it in a message.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.0.payload["provider"].as_str()
    }

    /// All that is in a message; `null` if they came with the connection.
    #[must_use]
    pub fn payload(&self) -> &Value {
        &self.0.payload
    }

    /// Where they come from, if the transport knows.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        self.0.peer
    }

    /// Whether there is nothing in a message but the wish to be nobody.
    pub(crate) fn is_empty(&self) -> bool {
        let is_nothing = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::String(text) => text.is_empty(),
            Value::Number(number) => number.as_f64() == Some(0.0),
            _ => false,
        };
        match &self.0.payload {
            Value::Object(fields) => fields.iter().all(|(key, value)| key == "provider" || is_nothing(value)),
            payload => is_nothing(payload),
        }
    }

    /// Whether anything is shown that could be guessed.
    pub(crate) fn may_be_a_guess(&self) -> bool {
        match self.0.via {
            Via::Message => true,
            Via::Connecting => {
                let mut names = self.0.headers.iter().map(|(name, _)| &**name);
                self.0.token.is_some() || names.any(|name| matches!(name, "cookie" | "authorization"))
            }
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whatever is in them may be a secret.
        f.debug_struct("Credentials")
            .field("via", &self.0.via)
            .field("peer", &self.0.peer)
            .finish_non_exhaustive()
    }
}

/// The text with its `%2B`s read; `None` if it is not text.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let escaped = (*first == b'%').then(|| more.get(..2)).flatten();
        let escaped = escaped.and_then(|two| str::from_utf8(two).ok()).filter(|two| !two.starts_with('+'));
        if let Some(byte) = escaped.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            bytes.push(byte);
            rest = &more[2..];
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(headers: &[(&str, &str)]) -> Credentials {
        Credentials::connecting("", headers.iter().copied(), None)
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        #[track_caller]
        fn check(lines: &[&str], found: Option<&str>) {
            let headers: Vec<_> = lines.iter().map(|line| ("COOKIE", *line)).collect();
            assert_eq!(with(&headers).cookie("id"), found, "{lines:?}");
        }
        check(&["id=1"], Some("1"));
        check(&["a=b; id=1; id=2"], Some("1"));
        check(&["a=b;id = 1 "], Some("1"));
        check(&["a=b", "id=1"], Some("1"));
        check(&["id=a=b=="], Some("a=b=="));
        check(&["id=\"1\""], Some("1"));
        check(&["id=\"1"], Some("\"1"));
        check(&["id="], Some(""));
        check(&["id=%41"], Some("%41"));
        check(&[], None);
        check(&["id", "=id", "; ;"], None);
        check(&["ID=1; xid=2; id2=3; a=id=4"], None);
    }

    #[test]
    fn a_token_is_found_wherever_it_is() {
        let bearer = |value| with(&[("authorization", value)]);
        assert_eq!(bearer("Bearer abc").token(), Some("abc"));
        assert_eq!(bearer("bEARER  abc").token(), Some("abc"));
        for other in ["Bearer", "Bearer ", "Basic abc", "abc"] {
            assert_eq!(bearer(other).token(), None, "{other}");
        }
        #[track_caller]
        fn check(query: &str, token: Option<&str>) {
            assert_eq!(Credentials::connecting(query, [], None).token(), token, "{query}");
        }
        check("v=3&token=a.b-c", Some("a.b-c"));
        check("token=a%2Bb+c%3D%3D", Some("a+b+c=="));
        check("token=%", Some("%"));
        check("token=%+1%4", Some("%+1%4"));
        check("token=%FF", None);
        check("token=&token=b", None);
        check("xtoken=a", None);
        assert_eq!(Credentials::message(json!({ "token": 5 }), None).token(), None);
    }

    #[test]
    fn a_message_is_empty_if_nothing_in_it_is_something() {
        #[track_caller]
        fn check(payload: Value, is_empty: bool) {
            assert_eq!(Credentials::message(payload.clone(), None).is_empty(), is_empty, "{payload}");
        }
        check(Value::Null, true);
        check(json!({}), true);
        check(json!({ "token": "", "provider": "jwt", "nonce": 0, "key": null, "again": false }), true);
        check(json!({ "token": "a" }), false);
        check(json!({ "key": {} }), false);
    }

    #[test]
    fn secrets_are_not_for_logs() {
        let headers = [("Cookie", "id=s3cr3t"), ("Authorization", "Bearer s3cr3t")];
        for credentials in [
            Credentials::connecting("token=s3cr3t", headers, None),
            Credentials::message(json!({ "token": "s3cr3t" }), None),
        ] {
            assert!(!format!("{credentials:#?}").contains("s3cr3t"));
        }
    }
}
