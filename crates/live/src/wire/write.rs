//! Values to JSON, exactly or not at all.

use std::io;

use fluxstack_live_protocol::digest;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

/// The largest integer that a JavaScript number holds exactly, and so do all below it.
const LARGEST: u64 = (1 << 53) - 1;

/// Why a value cannot be sent. Says which value, for the log and for the author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsendable(pub String);

/// The value as JSON that JavaScript reads without loss.
///
/// ```
/// use fluxstack_live::wire::to_json;
/// assert_eq!(to_json(&(1, "a")).unwrap(), br#"[1,"a"]"#);
/// assert!(to_json(&(1u64 << 53)).is_err());
/// ```
///
/// # Errors
/// [`Unsendable`] for an integer beyond ±(2⁵³ − 1), a map key that is neither text nor a number, or
/// whatever the type's own `Serialize` refuses.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Unsendable> {
    let mut out = Vec::new();
    write_json(value, &mut out)?;
    Ok(out)
}

/// Appends the value; `out` holds half of it after an error.
pub(crate) fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), Unsendable> {
    let mut serializer = Serializer::with_formatter(out, Exact { quoted: false });
    value.serialize(&mut serializer).map_err(|error| Unsendable(error.to_string()))
}

/// The digest of what [`write_json`] wrote.
pub(crate) fn digest_of(json: &[u8]) -> Result<u32, Unsendable> {
    digest::of_part(json).ok_or_else(|| Unsendable("the value nests deeper than 118 levels".into()))
}

/// Compact JSON, except that integers which JavaScript would round are refused.
struct Exact {
    /// Inside a string, such as a map's key, where digits are only letters.
    quoted: bool,
}

impl Exact {
    fn check(&self, magnitude: u128, value: impl std::fmt::Display) -> io::Result<()> {
        if magnitude <= u128::from(LARGEST) || self.quoted {
            return Ok(());
        }
        Err(too_large(value))
    }
}

#[cold]
fn too_large(value: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!(
        "{value} is beyond ±{LARGEST} and would be rounded by JavaScript: send it as a `String`"
    ))
}

impl Formatter for Exact {
    fn begin_string<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.quoted = true;
        CompactFormatter.begin_string(out)
    }

    fn end_string<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.quoted = false;
        CompactFormatter.end_string(out)
    }

    fn write_i64<W: ?Sized + io::Write>(&mut self, out: &mut W, value: i64) -> io::Result<()> {
        self.check(value.unsigned_abs().into(), value)?;
        CompactFormatter.write_i64(out, value)
    }

    fn write_u64<W: ?Sized + io::Write>(&mut self, out: &mut W, value: u64) -> io::Result<()> {
        self.check(value.into(), value)?;
        CompactFormatter.write_u64(out, value)
    }

    fn write_i128<W: ?Sized + io::Write>(&mut self, out: &mut W, value: i128) -> io::Result<()> {
        self.check(value.unsigned_abs(), value)?;
        CompactFormatter.write_i128(out, value)
    }

    fn write_u128<W: ?Sized + io::Write>(&mut self, out: &mut W, value: u128) -> io::Result<()> {
        self.check(value, value)?;
        CompactFormatter.write_u128(out, value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_integer_javascript_would_round_is_refused_and_named() {
        assert_eq!(to_json(&((1u64 << 53) - 1)).unwrap(), b"9007199254740991");
        assert_eq!(to_json(&-9_007_199_254_740_991i64).unwrap(), b"-9007199254740991");
        for refused in
            [to_json(&(1u64 << 53)), to_json(&-(1i64 << 53)), to_json(&u128::MAX), to_json(&i128::MIN)]
        {
            assert!(refused.unwrap_err().to_string().contains("send it as a `String`"));
        }
        let nested = BTreeMap::from([("id", vec![1u64 << 60])]);
        assert!(to_json(&nested).unwrap_err().to_string().contains("1152921504606846976"));
    }

    #[test]
    fn a_key_is_text_whatever_its_digits() {
        let map = BTreeMap::from([(u64::MAX, 1)]);
        assert_eq!(to_json(&map).unwrap(), br#"{"18446744073709551615":1}"#);
        let after = BTreeMap::from([(1u64, u64::MAX)]);
        assert!(to_json(&after).is_err());
    }

    #[test]
    fn what_json_has_no_word_for_is_null() {
        assert_eq!(to_json(&[f64::NAN, f64::INFINITY, 0.5]).unwrap(), b"[null,null,0.5]");
    }
}
