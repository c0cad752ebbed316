//! The keys: what a configured secret becomes, and the only file that names a cipher.
//!
//! A secret itself is never used. Two keys are derived from it (HKDF-SHA256, RFC 5869), one that signs and
//! one that encrypts, so that nothing learned about one says anything about the other. They live in boxes
//! and are wiped when dropped: moving a [`Keys`] moves pointers and leaves no copy behind.

use std::fmt;

use chacha20poly1305::aead::{AeadInOut, KeyInit as _};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a signature.
pub(crate) const SIGNATURE: usize = 32;

const NONCE: usize = 24;
const TAG: usize = 16;

/// Bytes a secret must have: what the strongest guess at it must not be easier than.
const SECRET: usize = 32;

/// Keys that are read beside the one that is written with. A rotation needs one or two.
const ACCEPTED: usize = 8;

// Part of the format: other labels are other keys, and what is out there opens no more.
const SALT: &[u8] = b"fluxstack-live seal 1";
const SIGN: &[u8] = b"sign";
const ENCRYPT: &[u8] = b"encrypt";
const LINK: &[u8] = b"link";

/// The secrets that sign, and encrypt if wanted, what leaves the server and comes back.
///
/// All servers that serve one application need the same. To change a secret without logging anybody out,
/// three steps: every server [accepts](Keys::accept) the next key, every server writes with it and accepts the
/// old one, and when everything written with the old one has expired, the old one goes.
///
/// ```
/// use fluxstack_live::{KeyError, Keys};
/// # let (this_year, last_year) = ([7_u8; 32], [6_u8; 32]);
/// let keys = Keys::new("2026", this_year)?.accept("2025", last_year)?.encrypted();
/// assert_eq!(format!("{keys:?}"), r#"Keys { writes: "2026", accepts: ["2025"], encrypted: true }"#);
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone)]
pub struct Keys {
    signing: Key,
    accepted: Vec<Key>,
    encrypted: bool,
}

/// Why a key was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The id travels in clear with what was signed.
    #[error("a key's id is 1 to 32 of the characters A-Z a-z 0-9 _ . -, which {0:?} is not")]
    Id(String),
    /// How many bytes the secret has.
    #[error("a secret has at least {SECRET} random bytes, and this one has {0}")]
    Short(usize),
    /// What is read must say which key to read it with.
    #[error("there are two keys with the id {0:?}")]
    Twice(String),
    /// Every key that is accepted is one more that may be stolen.
    #[error("no more than {ACCEPTED} keys are accepted beside the one that is written with")]
    TooMany,
}

impl Keys {
    /// Keys that write and read with one secret of at least 32 bytes, which should come from a random
    /// number generator and not from a person. The id says which secret it was, and is no secret.
    ///
    /// ```
    /// use fluxstack_live::{KeyError, Keys};
    /// assert!(Keys::new("2026", [7; 32]).is_ok());
    /// assert_eq!(Keys::new("2026", "password").unwrap_err(), KeyError::Short(8));
    /// ```
    pub fn new(id: impl Into<String>, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let signing = Key::derive(id.into(), secret.as_ref())?;
        Ok(Self { signing, accepted: Vec::new(), encrypted: false })
    }

    /// The same with one more secret, an older one or the next, that is read and never written with.
    ///
    /// ```
    /// use fluxstack_live::{KeyError, Keys};
    /// let keys = Keys::new("2026", [7; 32])?.accept("2025", [6; 32])?;
    /// assert_eq!(keys.accept("2025", [5; 32]).unwrap_err(), KeyError::Twice("2025".into()));
    /// # Ok::<(), KeyError>(())
    /// ```
    pub fn accept(mut self, id: impl Into<String>, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let key = Key::derive(id.into(), secret.as_ref())?;
        if self.named(key.id.as_bytes()).is_some() {
            return Err(KeyError::Twice(key.id.into()));
        }
        if self.accepted.len() == ACCEPTED {
            return Err(KeyError::TooMany);
        }
        self.accepted.push(key);
        Ok(self)
    }

    /// The same, and what is written from now on is encrypted as well: a client that holds the snapshot of
    /// an instance cannot read the fields that are not `pub`. What is not encrypted is still read.
    ///
    /// It hides what a body says, not how long it is; so what is encrypted is not packed, because a packed
    /// length would tell how much in it repeats.
    ///
    /// ```
    /// use fluxstack_live::Keys;
    /// let keys = Keys::random().encrypted();
    /// ```
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.encrypted = true;
        self
    }

    /// Keys nobody else has, for one life of the program: what they signed is not accepted after a restart,
    /// nor by another server.
    ///
    /// ```
    /// use fluxstack_live::Keys;
    /// let keys = Keys::random();
    /// ```
    #[must_use]
    pub fn random() -> Self {
        let mut secret = Zeroizing::new([0; SECRET]);
        random(secret.as_mut_slice());
        // An id of its own, so that after a restart what is still out there is of an unknown key, which may
        // happen to honest clients, and not a wrong signature, which happens to forgers.
        let mut id = [0; 8];
        random(&mut id);
        let id = format!("random-{:016x}", u64::from_be_bytes(id));
        Self::new(id, secret.as_slice()).expect("the id is short and plain, the secret long enough")
    }

    /// Signs what an address says. What is signed is not said with it: whoever asks has to know it.
    pub(crate) fn sign_link(&self, said: &[u8]) -> [u8; SIGNATURE] {
        mac(&self.signing.link, said).finalize().into_bytes().into()
    }

    /// Whether one of these keys signed that. Takes as long for every wrong signature. An address does not say which
    /// key it was, so each is tried: there are few, and what is signed is short.
    pub(crate) fn has_signed_link(&self, said: &[u8], signature: &[u8; SIGNATURE]) -> bool {
        let mut keys = std::iter::once(&self.signing).chain(&self.accepted);
        keys.any(|key| mac(&key.link, said).verify_slice(signature).is_ok())
    }

    pub(crate) fn encrypts(&self) -> bool {
        self.encrypted
    }

    /// The key that is written with.
    pub(super) fn signing(&self) -> &Key {
        &self.signing
    }

    /// The key to read with. Ids are no secret, so how long the search takes tells nothing.
    pub(super) fn named(&self, id: &[u8]) -> Option<&Key> {
        std::iter::once(&self.signing).chain(&self.accepted).find(|key| key.id.as_bytes() == id)
    }
}

/// Names the keys and shows none.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accepts: Vec<&str> = self.accepted.iter().map(|key| &*key.id).collect();
        f.debug_struct("Keys")
            .field("writes", &self.signing.id)
            .field("accepts", &accepts)
            .field("encrypted", &self.encrypted)
            .finish()
    }
}

/// One secret, as it is used.
#[derive(Clone)]
pub(super) struct Key {
    id: Box<str>,
    sign: Box<Zeroizing<[u8; 32]>>,
    encrypt: Box<Zeroizing<[u8; 32]>>,
    link: Box<Zeroizing<[u8; 32]>>,
}

impl Key {
    fn derive(id: String, secret: &[u8]) -> Result<Self, KeyError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if !(1..=32).contains(&id.len()) || !id.bytes().all(plain) {
            return Err(KeyError::Id(id));
        }
        if secret.len() < SECRET {
            return Err(KeyError::Short(secret.len()));
        }
        let source = Hkdf::<Sha256>::new(Some(SALT), secret);
        let derived = |purpose| {
            let mut key = Box::new(Zeroizing::new([0; 32]));
            source.expand(purpose, key.as_mut_slice()).expect("32 bytes are one block of the hash");
            key
        };
        Ok(Self { id: id.into(), sign: derived(SIGN), encrypt: derived(ENCRYPT), link: derived(LINK) })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> [u8; SIGNATURE] {
        self.mac(bytes).finalize().into_bytes().into()
    }

    /// Takes as long for a signature that is wrong in the first bit as for one that is wrong in the last.
    pub(super) fn has_signed(&self, bytes: &[u8], signature: &[u8; SIGNATURE]) -> bool {
        self.mac(bytes).verify_slice(signature).is_ok()
    }

    /// A new nonce, the encrypted body, and the tag that ties both to `before`.
    pub(super) fn encrypt(&self, before: &[u8], body: &[u8]) -> Vec<u8> {
        // At 24 random bytes nobody lives to see the same nonce twice, so no server has to count.
        let mut nonce = [0; NONCE];
        random(&mut nonce);
        let mut encrypted = [&nonce, body].concat();
        let tag = self
            .cipher()
            .encrypt_inout_detached(&XNonce::from(nonce), before, (&mut encrypted[NONCE..]).into())
            .expect("no body is 256 GiB long");
        encrypted.extend_from_slice(&tag);
        encrypted
    }

    /// What `encrypt` was given, if it was this key and the same `before`.
    pub(super) fn decrypt(&self, before: &[u8], encrypted: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = encrypted.split_first_chunk::<NONCE>()?;
        let (body, tag) = body.split_last_chunk::<TAG>()?;
        let mut body = body.to_vec();
        let nonce = XNonce::from(*nonce);
        let into = body.as_mut_slice().into();
        self.cipher().decrypt_inout_detached(&nonce, before, into, &Tag::from(*tag)).ok()?;
        Some(body)
    }

    fn mac(&self, bytes: &[u8]) -> Hmac<Sha256> {
        mac(&self.sign, bytes)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new_from_slice(self.encrypt.as_slice()).expect("the key has 32 bytes")
    }
}

fn mac(key: &[u8; 32], bytes: &[u8]) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.chain_update(bytes)
}

/// Bytes from the operating system, which also makes our ids.
fn random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("an operating system without random numbers cannot run a server");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::new("2026", [7; 32]).unwrap()
    }

    #[test]
    fn a_key_is_refused_with_the_reason() {
        /// Whether an id is one, for the first key and for one more.
        fn check(id: &str, good: bool) {
            let refusal = (!good).then(|| KeyError::Id(id.to_owned()));
            assert_eq!(Keys::new(id, [7; 32]).err(), refusal);
            assert_eq!(keys().accept(id, [7; 32]).err(), refusal);
        }
        check("a", true);
        check("Az09_.-", true);
        check(&"a".repeat(32), true);
        check(&"a".repeat(33), false);
        for wrong in ["", " ", "a b", "ä", "a/b", "a\0", "a\n"] {
            check(wrong, false);
        }
        assert_eq!(Keys::new("a", [7; 31]).unwrap_err(), KeyError::Short(31));
        assert_eq!(keys().accept("a", []).unwrap_err(), KeyError::Short(0));
        assert!(Keys::new("a", [7; 1_000]).is_ok());
        assert_eq!(keys().accept("2026", [7; 32]).unwrap_err(), KeyError::Twice("2026".to_owned()));
        let eight = (0..8).try_fold(keys(), |keys, number: u8| keys.accept(number.to_string(), [number; 32]));
        let eight = eight.unwrap();
        assert_eq!(eight.clone().accept("7", [7; 32]).unwrap_err(), KeyError::Twice("7".to_owned()));
        assert_eq!(eight.accept("8", [8; 32]).unwrap_err(), KeyError::TooMany);
    }

    #[test]
    fn nothing_printed_shows_a_secret() {
        let secret = b"a secret that must not be printed";
        let keys = Keys::new("2026", secret).unwrap().accept("2025", [6; 32]).unwrap();
        let expected = r#"Keys { writes: "2026", accepts: ["2025"], encrypted: false }"#;
        assert_eq!(format!("{keys:?}"), expected);
        let refusal = Keys::new("2026", "too short").unwrap_err();
        assert_eq!(format!("{refusal:?}"), "Short(9)");
        assert_eq!(refusal.to_string(), "a secret has at least 32 random bytes, and this one has 9");
    }

    #[test]
    fn no_secret_is_used_for_two_things_or_as_it_is() {
        let secret = [7; 32];
        let key = Key::derive("a".to_owned(), &secret).unwrap();
        let other = Key::derive("a".to_owned(), &[7; 33]).unwrap();
        let used = [key, other].map(|key| [**key.sign, **key.encrypt, **key.link]).concat();
        let used = [vec![secret], used].concat();
        for (index, one) in used.iter().enumerate() {
            assert!(!used[index + 1..].contains(one), "{index}");
        }
    }
}
