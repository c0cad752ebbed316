//! Names that travel: opaque strings on the wire, 16 bytes in memory.
//!
//! Ids are made at random (122 bits), because knowing one is part of what lets a client use it. Nothing
//! here says who owns an id; that is the session's table.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The text is not an id this server could have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id made by this server")]
pub struct NotAnId;

/// Letters of an id: a name and a dash, then 36.
const LEN: usize = 41;

/// An id as text.
///
/// ```
/// use fluxstack_live_protocol::InstanceId;
/// let id = InstanceId::random();
/// assert_eq!(id.text().as_str(), id.to_string());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Text([u8; LEN]);

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Its letters.
    pub(crate) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// A new, unguessable id.
            #[must_use]
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// Its 128 bits.
            #[must_use]
            pub const fn to_u128(self) -> u128 {
                self.0.as_u128()
            }

            /// The id with these 128 bits; for tests and for stores that keep the bits.
            #[must_use]
            pub const fn from_u128(bits: u128) -> Self {
                Self(Uuid::from_u128(bits))
            }
        }

        impl $name {
            /// The id as text, without an allocation.
            #[must_use]
            pub fn text(self) -> Text {
                let mut bytes = [0; LEN];
                let (prefix, rest) = bytes.split_at_mut($prefix.len());
                prefix.copy_from_slice($prefix.as_bytes());
                self.0.hyphenated().encode_lower(rest);
                Text(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text().as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let uuid = text.strip_prefix($prefix).ok_or(NotAnId)?;
                // Only the form we write: one id has one spelling.
                if uuid.len() != 36 || uuid.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    return Err(NotAnId);
                }
                Uuid::try_parse(uuid).map(Self).map_err(|_| NotAnId)
            }
        }
    };
}

id!(
    /// One mounted component. On the wire it is called `componentId`.
    ///
    /// ```
    /// use fluxstack_live_protocol::InstanceId;
    /// let id = InstanceId::random();
    /// assert_eq!(id.to_string().parse(), Ok(id));
    /// ```
    InstanceId,
    "live-"
);

id!(
    /// One connection, from upgrade to close.
    ConnectionId,
    "conn-"
);

id!(
    /// One tab's stay, over as many connections as it takes. Known to nobody but the server and, sealed in
    /// a token, to the tab.
    SessionId,
    "sess-"
);

/// One call, named by whoever makes it so that it can be told apart from the same call sent again.
///
/// ```
/// use fluxstack_live_protocol::CallId;
/// let id: CallId = "k3f9-17".parse().unwrap();
/// assert_eq!((id.origin(), id.number()), ("k3f9", 17));
/// assert_eq!(id.to_string(), "k3f9-17");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CallId {
    origin: Box<str>,
    number: u64,
}

impl CallId {
    /// Who counts.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What it counted up to.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.origin, self.number)
    }
}

impl FromStr for CallId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (origin, number) = text.rsplit_once('-').ok_or(NotAnId)?;
        let plausible = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:".contains(&byte);
        // One spelling: no sign, no leading zero, and small enough for JavaScript to count on.
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        if origin.is_empty() || origin.len() > 40 || !origin.bytes().all(plausible) || !is_number {
            return Err(NotAnId);
        }
        let number = number.parse().ok().filter(|number| *number < 1 << 53).ok_or(NotAnId)?;
        Ok(Self { origin: origin.into(), number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_one_name() {
        for good in ["a-1", "k3f9:a.b_c-9007199254740991"] {
            assert_eq!(good.parse::<CallId>().map(|id| id.to_string()).as_deref(), Ok(good));
        }
        let long = format!("{}-1", "x".repeat(41));
        for wrong in [
            "",
            "a",
            "a-",
            "-1",
            "a-0",
            "a-01",
            "a-+1",
            "a- 1",
            "a-1x",
            "a-b-1",
            "ä-1",
            "a-9007199254740992",
            &long,
        ] {
            assert_eq!(wrong.parse::<CallId>(), Err(NotAnId), "{wrong:?}");
        }
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = InstanceId::random();
        let text = id.to_string();
        assert_eq!(text.len(), 41);
        assert_eq!(text.parse::<InstanceId>(), Ok(id));
        let shouted =
            format!("live-{}", text[5..].to_uppercase().replace(|digit: char| digit.is_ascii_digit(), "A"));
        for wrong in
            [shouted.as_str(), &text[5..], "live-", "conn-x", "", "live-00000000000000000000000000000000"]
        {
            assert_eq!(wrong.parse::<InstanceId>(), Err(NotAnId), "{wrong:?}");
        }
    }
}
