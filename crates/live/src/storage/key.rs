//! What a kept file is called in the storage, and with it who may have it.
//!
//! | key | whose |
//! |---|---|
//! | `<uuid>.<ending>` | everybody's |
//! | `private/<owner>/<uuid>.<ending>` | a user's: 32 hex digits of a hash of their id |
//! | `incoming/<32 hex digits>` | nobody's yet: an upload that goes straight to the storage |
//!
//! What must stay true: a [`Key`] is one of these and nothing else, wherever it came from. It has lower-case letters,
//! digits, `-`, one `.`, and the slashes above; so there is nothing in it to escape, decode, or climb with. An
//! address is compared as it was sent and never decoded: none of ours has a `%` in it. What is incoming has no address.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use fluxstack_live_protocol::InstanceId;
use sha2::{Digest as _, Sha256};

use super::kinds;

const PRIVATE: &str = "private/";
const INCOMING: &str = "incoming/";

/// Where files are served. The second is where older clients look.
const ROUTES: [&str; 2] = ["/uploads/", "/api/uploads/"];

/// So that the hash of a user's id is good for nothing else.
const OWNER: &[u8] = b"fluxstack-live file owner 1\0";

/// What a kept file is called in the storage. Made by the server, at random; see [`KeptFile`](super::KeptFile).
///
/// ```
/// use fluxstack_live::storage::Key;
/// let key: Key = "/uploads/6f1ed002-ab5e-4b3a-a7d4-0242ac120002.png".parse().unwrap();
/// assert_eq!(key.as_str(), "6f1ed002-ab5e-4b3a-a7d4-0242ac120002.png");
/// assert!(key.is_public() && key.content_type() == "image/png");
/// assert!("../../etc/passwd".parse::<Key>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

/// The text is not a key, and not the address of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the key or the address of a kept file")]
pub struct NotAKey;

impl Key {
    /// A new one for everybody.
    pub(crate) fn public(name: &str, content_type: &str) -> Self {
        Self(named(kinds::extension(name, content_type)).into())
    }

    /// A new one for one user.
    pub(crate) fn private(subject: &str, name: &str, content_type: &str) -> Self {
        let named = named(kinds::extension(name, content_type));
        Self(format!("{PRIVATE}{}/{named}", owner(subject)).into())
    }

    /// Where an upload lands that goes straight to the storage. It is never served from there.
    pub(crate) fn incoming(id: u128) -> Self {
        Self(format!("{INCOMING}{id:032x}").into())
    }

    /// A new one for what landed there, which nobody was told.
    pub(crate) fn hidden() -> Self {
        Self::incoming(InstanceId::random().to_u128())
    }

    /// The key, if this is exactly one of a file that is kept.
    fn exact(text: &str) -> Option<Self> {
        let is_one = if let Some(rest) = text.strip_prefix(PRIVATE) {
            rest.split_once('/').is_some_and(|(owner, file)| is_hex(owner) && is_file(file))
        } else {
            is_file(text)
        };
        is_one.then(|| Self(text.into()))
    }

    /// The key of the file that is served at this path.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let text = ROUTES.iter().find_map(|route| path.strip_prefix(route))?;
        Self::exact(text)
    }

    /// The key as text, which a database may keep.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the file is served.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", ROUTES[0], self.0)
    }

    /// Whether everybody may have it who knows what it is called.
    #[must_use]
    pub fn is_public(&self) -> bool {
        !self.0.contains('/')
    }

    /// Whether it was kept for this user.
    #[must_use]
    pub fn is_of(&self, user: &str) -> bool {
        let rest = self.0.strip_prefix(PRIVATE).and_then(|rest| rest.split_once('/'));
        !user.is_empty() && rest.is_some_and(|(hash, _)| hash == owner(user))
    }

    /// What it is served as. Told by its ending, and nothing in which a browser would run anything.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        kinds::content_type(self.extension())
    }

    /// Whether a browser may show it; else it is downloaded.
    pub(crate) fn is_shown(&self) -> bool {
        kinds::is_shown(self.extension())
    }

    fn extension(&self) -> Option<&str> {
        self.0.rsplit_once('.').map(|(_, extension)| extension)
    }
}

impl FromStr for Key {
    type Err = NotAKey;

    /// From a key, or from the address where it is served: what follows a `?` in it does not count.
    fn from_str(text: &str) -> Result<Self, NotAKey> {
        if !text.starts_with('/') {
            return Self::exact(text).ok_or(NotAKey);
        }
        let path = text.split_once('?').map_or(text, |(path, _)| path);
        Self::of_path(path).ok_or(NotAKey)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0)
    }
}

/// A name nobody can guess.
fn named(extension: Option<&str>) -> String {
    let bits = InstanceId::random().to_u128();
    let (a, b, c) = (bits >> 96, (bits >> 80) & 0xffff, (bits >> 64) & 0xffff);
    let (d, e) = ((bits >> 48) & 0xffff, bits & 0xffff_ffff_ffff);
    let uuid = format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}");
    extension.map_or_else(|| uuid.clone(), |extension| format!("{uuid}.{extension}"))
}

/// Half of a hash: nobody finds two users with the same one.
fn owner(subject: &str) -> String {
    let hash = Sha256::new().chain_update(OWNER).chain_update(subject).finalize();
    let half = hash.first_chunk().expect("the hash has 32 bytes");
    format!("{:032x}", u128::from_be_bytes(*half))
}

fn is_file(text: &str) -> bool {
    let (uuid, extension) = text.split_once('.').map_or((text, None), |(uuid, end)| (uuid, Some(end)));
    is_uuid(uuid) && extension.is_none_or(kinds::is_extension)
}

fn is_uuid(text: &str) -> bool {
    let fits = |(place, byte)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => is_digit(byte),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

fn is_hex(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(is_digit)
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UUID: &str = "6f1ed002-ab5e-4b3a-a7d4-0242ac120002";
    const OWNER: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn a_key_is_what_the_server_makes_and_nothing_else() {
        #[track_caller]
        fn check(text: &str, is_one: bool) {
            assert_eq!(text.parse::<Key>().is_ok(), is_one, "{text:?}");
        }
        check(UUID, true);
        check(&format!("{UUID}.png"), true);
        check(&format!("/uploads/{UUID}.png"), true);
        check(&format!("/api/uploads/{UUID}.png?until=1&sig=x"), true);
        check(&format!("private/{OWNER}/{UUID}.pdf"), true);
        check(&format!("/uploads/private/{OWNER}/{UUID}"), true);
        // Nobody is told of these.
        check(&format!("incoming/{OWNER}"), false);
        check(&format!("/uploads/incoming/{OWNER}"), false);
        for wrong in [
            "",
            ".",
            "..",
            "/",
            "/uploads/",
            "/uploads/..",
            "/etc/passwd",
            "private",
            "private/",
            &format!("private/{UUID}.png"),
            &format!("private/{OWNER}/../{UUID}.png"),
            &format!("private/{OWNER}//{UUID}.png"),
            &format!("private/{OWNER}/{UUID}/x"),
            &format!("private/../{UUID}"),
            &format!("../{UUID}.png"),
            &format!("./{UUID}.png"),
            &format!("/uploads//{UUID}.png"),
            &format!("/uploads/{UUID}.png/"),
            &format!("{UUID}.png/"),
            &format!("{UUID}."),
            &format!("{UUID}.exe"),
            &format!("{UUID}.PNG"),
            &format!("{UUID}.png.html"),
            &format!("{UUID}.png\0"),
            &format!("{UUID}\\.png"),
            &format!("{UUID}%2epng"),
            &format!("{UUID}.png?x"),
            &format!("{}.png", UUID.to_uppercase()),
            &format!("{UUID}a.png"),
            &format!("{UUID}.png#1"),
            &format!(" {UUID}.png"),
            &format!("{UUID}.png\n"),
            &format!("{}.png", UUID.replace('6', "６")),
        ] {
            check(wrong, false);
        }
    }

    #[test]
    fn whose_it_is_stands_in_the_key() {
        let key = Key::private("ada", "résumé.PDF", "application/pdf");
        assert!(key.is_of("ada") && !key.is_of("bob") && !key.is_of("") && !key.is_public());
        assert_eq!(key.content_type(), "application/pdf");
        assert_eq!(key.url().parse(), Ok(key.clone()));
        assert!(!key.as_str().contains("ada") && !Key::private("", "a", "").is_of(""));
        let key = Key::public("a", "image/png");
        assert!(key.is_public() && !key.is_of("ada") && key.as_str().ends_with(".png"), "{key}");
        assert_eq!(key.url().parse(), Ok(key));
        let key = Key::incoming(7);
        assert_eq!(key.as_str(), format!("incoming/{:032x}", 7));
        assert!(!key.is_public() && !key.is_of("ada") && Key::of_path(&key.url()).is_none());
        assert_ne!(Key::hidden(), Key::hidden());
    }

    proptest! {
        /// Whatever is taken for a key has nothing in it that a file system or an address reads otherwise.
        #[test]
        fn nothing_else_is_taken(text in r"(/(api/)?uploads/)?(private/|incoming/)?[0-9a-f./%\\-]{0,80}") {
            if let Ok(key) = text.parse::<Key>() {
                let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-./".contains(&byte);
                prop_assert!(key.as_str().bytes().all(plain));
                prop_assert!(key.as_str().split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
            }
        }

        #[test]
        fn what_the_server_makes_is_one(subject in ".*", name in ".*", kind in "[ -~]*") {
            for key in [Key::public(&name, &kind), Key::private(&subject, &name, &kind)] {
                prop_assert_eq!(key.as_str().parse::<Key>(), Ok(key.clone()));
                prop_assert_eq!(key.url().parse::<Key>(), Ok(key));
            }
        }
    }
}
