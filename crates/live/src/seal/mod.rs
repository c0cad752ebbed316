//! What the server gives away and wants back unchanged: the token of a session, the snapshot of an instance.
//!
//! Sessions and instances hand in [`Claims`] and a body and get bytes that say nothing to whoever carries
//! them, or nothing they could change. On the way back the bytes are believed as far as the signature
//! reaches, which is all of them:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the format, 1 |
//! | 1 | flags: 1 the body is packed, 2 the body is encrypted; the others are 0 |
//! | 1 + n | the length of the key's id, and the id |
//! | … | the claims, in the order of [`claims`]; every text has its length before it |
//! | … | the body; encrypted it is a nonce of 24 bytes, as many bytes as there were, a tag of 16 |
//! | 32 | HMAC-SHA256 of everything before it |
//!
//! Numbers are big-endian. A body is packed first and encrypted then, by XChaCha20-Poly1305 with everything
//! before the nonce as associated data; the signature is over what came of it.
//!
//! What must stay true: nothing is parsed, decrypted or unpacked before its signature was checked, but the
//! four fields that say with which key to check it. Nothing is allocated by a length that somebody claims.
//! What was sealed by an older version of this crate opens: a change of the layout is a new format byte.

mod claims;
mod keys;
mod pack;
#[cfg(test)]
mod tests;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use claims::Fields;
pub(crate) use claims::{Claims, Kind};
pub(crate) use keys::SIGNATURE;
pub use keys::{KeyError, Keys};

const FORMAT: u8 = 1;
const PACKED: u8 = 1;
const ENCRYPTED: u8 = 2;

/// How far the clocks of two servers may be apart, in milliseconds. What was issued later than that from
/// now was not issued by one of ours.
const SKEW: u64 = 60_000;

/// Why something sealed was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsealed {
    /// It is not what one of our keys signed: changed, cut, made up, of another kind, or from the future.
    Corrupt,
    /// It names a key that is not among ours. It may be genuine: of a life before, or of a server elsewhere.
    UnknownKey,
    /// Genuine, and older than what is accepted.
    Expired,
    /// Genuine, and its body is larger than what is accepted.
    TooLarge,
}

impl Keys {
    /// Signs, and encrypts if these keys do.
    pub(crate) fn seal(&self, claims: &Claims, body: &[u8]) -> Vec<u8> {
        let key = self.signing();
        // What is encrypted is not packed: its length would tell whoever can write one field, and see the
        // length each time, what is in another (CRIME, BREACH).
        let packed = if self.encrypts() { None } else { pack::pack(body) };
        let mut flags = 0;
        flags |= if packed.is_some() { PACKED } else { 0 };
        flags |= if self.encrypts() { ENCRYPTED } else { 0 };
        let body = packed.as_deref().unwrap_or(body);
        // What everything takes beside the texts and the body, or a little more.
        let mut sealed = Vec::with_capacity(body.len() + claims.component.len() + claims.subject.len() + 200);
        let length = u8::try_from(key.id().len()).expect("an id has at most 32 characters");
        sealed.extend_from_slice(&[FORMAT, flags, length]);
        sealed.extend_from_slice(key.id().as_bytes());
        claims.write(&mut sealed);
        if self.encrypts() {
            let encrypted = key.encrypt(&sealed, body);
            sealed.extend_from_slice(&encrypted);
        } else {
            sealed.extend_from_slice(body);
        }
        let signature = key.sign(&sealed);
        sealed.extend_from_slice(&signature);
        sealed
    }

    /// The same as text: base64 for addresses and files (RFC 4648, section 5), without padding.
    pub(crate) fn seal_text(&self, claims: &Claims, body: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.seal(claims, body))
    }

    /// What was sealed, if it is genuine, of this kind, at `now` no older than `max_age`, and its body at
    /// `most` so long. Whoever calls bounds the length of `sealed`.
    pub(crate) fn open(
        &self,
        sealed: &[u8],
        kind: Kind,
        now: u64,
        max_age: Duration,
        most: usize,
    ) -> Result<(Claims, Vec<u8>), Unsealed> {
        let (signed, signature) = sealed.split_last_chunk::<SIGNATURE>().ok_or(Unsealed::Corrupt)?;
        let mut fields = Fields(signed);
        let (flags, id) = head(&mut fields).ok_or(Unsealed::Corrupt)?;
        let key = self.named(id).ok_or(Unsealed::UnknownKey)?;
        if !key.has_signed(signed, signature) {
            return Err(Unsealed::Corrupt);
        }
        let claims = Claims::read(&mut fields).ok_or(Unsealed::Corrupt)?;
        if claims.kind != kind || claims.issued > now.saturating_add(SKEW) {
            return Err(Unsealed::Corrupt);
        }
        if u128::from(now.saturating_sub(claims.issued)) > max_age.as_millis() {
            return Err(Unsealed::Expired);
        }
        let (before, body) = signed.split_at(signed.len() - fields.0.len());
        let decrypted = if flags & ENCRYPTED == 0 {
            None
        } else {
            Some(key.decrypt(before, body).ok_or(Unsealed::Corrupt)?)
        };
        let body = decrypted.as_deref().unwrap_or(body);
        let body = if flags & PACKED == 0 {
            (body.len() <= most).then(|| body.to_vec()).ok_or(Unsealed::TooLarge)?
        } else {
            pack::unpack(body, most)?
        };
        Ok((claims, body))
    }

    /// The same from text. There is one spelling: no padding, no other alphabet, no line ends, no stray bits.
    pub(crate) fn open_text(
        &self,
        sealed: &str,
        kind: Kind,
        now: u64,
        max_age: Duration,
        most: usize,
    ) -> Result<(Claims, Vec<u8>), Unsealed> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| Unsealed::Corrupt)?;
        self.open(&sealed, kind, now, max_age, most)
    }
}

/// The flags and the id of the key: all that is read before the signature is checked.
fn head<'a>(fields: &mut Fields<'a>) -> Option<(u8, &'a [u8])> {
    let [format, flags, length] = fields.array()?;
    (format == FORMAT && flags & !(PACKED | ENCRYPTED) == 0).then_some(())?;
    Some((flags, fields.take(length.into())?))
}
