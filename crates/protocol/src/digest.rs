//! A 32-bit picture of a JSON value that both sides can compute.
//!
//! The server computes it from the text it sends, the client from the values it shows; equal numbers
//! mean equal screens. It is defined on values, not on text, so it survives `JSON.parse`: keys may be
//! reordered and numbers respelled. The final step is MurmurHash3's (Austin Appleby, public domain).
//!
//! It finds accidents, not attackers: nothing is trusted because of a digest.

/// Spreads the bits of `x`.
#[must_use]
pub const fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x85eb_ca6b);
    x ^= x >> 13;
    x = x.wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}

const NULL: u32 = 0x6e75_6c6c;
const FALSE: u32 = 0x6661_6c73;
const TRUE: u32 = 0x7472_7565;
const NUMBER: u32 = 0x6e75_6d30;
const STRING: u32 = 0x7374_7230;
const ARRAY: u32 = 0x6172_7230;
const OBJECT: u32 = 0x6f62_6a30;
const STRING_STEP: u32 = 0x0100_0193;
const STEP: u32 = 0x9e37_79b1;

/// The digest of a number.
#[must_use]
pub fn of_number(number: f64) -> u32 {
    if number == 0.0 {
        return mix(NUMBER);
    }
    let bits = number.to_bits();
    #[expect(clippy::cast_possible_truncation, reason = "the two halves are meant")]
    let (high, low) = ((bits >> 32) as u32, bits as u32);
    mix(mix(high ^ NUMBER).wrapping_add(low))
}

/// The digest of a string that is not escaped.
#[must_use]
pub fn of_string(text: &str) -> u32 {
    let mut units = Units::new();
    if text.is_ascii() {
        text.bytes().for_each(|byte| units.push(u32::from(byte)));
    } else {
        text.encode_utf16().for_each(|unit| units.push(u32::from(unit)));
    }
    units.end()
}

/// One step of an array: the digest so far, without the length, and the next item's digest.
#[must_use]
pub const fn array_step(so_far: u32, item: u32) -> u32 {
    so_far.wrapping_mul(STEP).wrapping_add(item)
}

/// Where [`array_step`] begins.
pub const ARRAY_START: u32 = ARRAY;

/// The digest of an array of `len` items whose steps ended in `steps`.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the length only stirs")]
pub const fn array_end(steps: u32, len: usize) -> u32 {
    mix(steps ^ len as u32)
}

/// What one entry adds to an object's sum.
#[must_use]
pub const fn entry(key: u32, value: u32) -> u32 {
    mix(key.wrapping_mul(STEP).wrapping_add(value))
}

/// The digest of an object of `len` entries whose parts sum up to `sum`.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the count only stirs")]
pub const fn object_end(sum: u32, len: usize) -> u32 {
    mix(sum ^ len as u32 ^ OBJECT)
}

/// The digest of a JSON text, or `None` if it is not JSON or nests deeper than 120 levels.
///
/// ```
/// use fluxstack_live_protocol::digest::of_json;
/// assert_eq!(of_json(br#"{"a":1.0,"b":2}"#), of_json(br#"{ "b" : 2, "a" : 1 }"#));
/// assert_ne!(of_json(b"[1,2]"), of_json(b"[2,1]"));
/// assert_eq!(of_json(b"[1,"), None);
/// ```
#[must_use]
pub fn of_json(text: &[u8]) -> Option<u32> {
    let mut reader = Reader { text, at: 0 };
    let digest = reader.value(0)?;
    reader.space();
    (reader.at == text.len()).then_some(digest)
}

/// The same of a value that stands in a state, or in a list or a map in one: at most two levels further down, so that
/// the state it stands in nests no deeper than [`of_json`] reads.
///
/// ```
/// use fluxstack_live_protocol::digest::{of_json, of_part};
/// assert_eq!(of_part(b"[1]"), of_json(b"[1]"));
/// let deep = "[".repeat(119) + &"]".repeat(119);
/// assert!(of_json(deep.as_bytes()).is_some() && of_part(deep.as_bytes()).is_none());
/// ```
#[must_use]
pub fn of_part(text: &[u8]) -> Option<u32> {
    let mut reader = Reader { text, at: 0 };
    let digest = reader.value(2)?;
    reader.space();
    (reader.at == text.len()).then_some(digest)
}

struct Units {
    hash: u32,
    len: u32,
}

impl Units {
    const fn new() -> Self {
        Self { hash: STRING, len: 0 }
    }

    const fn push(&mut self, unit: u32) {
        self.hash = (self.hash ^ unit).wrapping_mul(STRING_STEP);
        self.len = self.len.wrapping_add(1);
    }

    fn push_char(&mut self, letter: char) {
        let mut units = [0u16; 2];
        letter.encode_utf16(&mut units).iter().for_each(|unit| self.push(u32::from(*unit)));
    }

    const fn end(self) -> u32 {
        mix(self.hash ^ self.len)
    }
}

/// Walks JSON text without building anything.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

/// Below the 128 levels at which serde_json stops reading, so that what can be sent can be read back.
const MAX_DEPTH: usize = 120;

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<u32> {
        self.space();
        match *self.text.get(self.at)? {
            b'{' if depth < MAX_DEPTH => self.object(depth),
            b'[' if depth < MAX_DEPTH => self.array(depth),
            b'"' => self.string(),
            b'n' => self.word(b"null", NULL),
            b't' => self.word(b"true", TRUE),
            b'f' => self.word(b"false", FALSE),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn object(&mut self, depth: usize) -> Option<u32> {
        self.at += 1;
        let (mut sum, mut len) = (0u32, 0usize);
        if self.next_is(b'}') {
            return Some(object_end(sum, len));
        }
        loop {
            self.space();
            let key = self.string()?;
            self.expect(b':')?;
            let value = self.value(depth + 1)?;
            sum = sum.wrapping_add(entry(key, value));
            len += 1;
            if self.next_is(b'}') {
                return Some(object_end(sum, len));
            }
            self.expect(b',')?;
        }
    }

    fn array(&mut self, depth: usize) -> Option<u32> {
        self.at += 1;
        let (mut steps, mut len) = (ARRAY_START, 0usize);
        if self.next_is(b']') {
            return Some(array_end(steps, len));
        }
        loop {
            steps = array_step(steps, self.value(depth + 1)?);
            len += 1;
            if self.next_is(b']') {
                return Some(array_end(steps, len));
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Option<u32> {
        if *self.text.get(self.at)? != b'"' {
            return None;
        }
        self.at += 1;
        let mut units = Units::new();
        loop {
            let byte = *self.text.get(self.at)?;
            self.at += 1;
            match byte {
                b'"' => return Some(units.end()),
                b'\\' => self.escape(&mut units)?,
                0..0x20 => return None,
                0x20..0x80 => units.push(u32::from(byte)),
                _ => {
                    // Take everything up to the next ASCII byte; it is one run of whole characters.
                    let start = self.at - 1;
                    while self.text.get(self.at).is_some_and(|byte| *byte >= 0x80) {
                        self.at += 1;
                    }
                    let run = std::str::from_utf8(&self.text[start..self.at]).ok()?;
                    run.chars().for_each(|letter| units.push_char(letter));
                }
            }
        }
    }

    fn escape(&mut self, units: &mut Units) -> Option<()> {
        let byte = *self.text.get(self.at)?;
        self.at += 1;
        let unit = match byte {
            b'"' | b'\\' | b'/' => u32::from(byte),
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => 0x0a,
            b'r' => 0x0d,
            b't' => 0x09,
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                self.at += 4;
                digits
                    .iter()
                    .try_fold(0u32, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))?
            }
            _ => return None,
        };
        units.push(unit);
        Some(())
    }

    fn number(&mut self) -> Option<u32> {
        let start = self.at;
        while self
            .text
            .get(self.at)
            .is_some_and(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
        {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).ok()?;
        if text.len() <= 15
            && let Ok(small) = text.parse::<i64>()
        {
            #[expect(clippy::cast_precision_loss, reason = "15 digits fit a double exactly")]
            return Some(of_number(small as f64));
        }
        text.parse::<f64>().ok().filter(|number| number.is_finite()).map(of_number)
    }

    fn word(&mut self, word: &[u8], digest: u32) -> Option<u32> {
        let found = self.text[self.at..].starts_with(word);
        self.at += word.len();
        found.then_some(digest)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.next_is(byte).then_some(())
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.text.get(self.at) == Some(&byte);
        if found {
            self.at += 1;
        }
        found
    }

    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(left: &str, right: &str) {
        assert_eq!(
            of_json(left.as_bytes()).expect(left),
            of_json(right.as_bytes()).expect(right),
            "{left} {right}"
        );
    }

    #[track_caller]
    fn different(left: &str, right: &str) {
        assert_ne!(
            of_json(left.as_bytes()).expect(left),
            of_json(right.as_bytes()).expect(right),
            "{left} {right}"
        );
    }

    #[test]
    fn spelling_does_not_matter() {
        same("1", "1.0");
        same("0", "-0");
        same("1e3", "1000");
        same("9007199254740991", "9007199254740991.0");
        same(r#""é\n""#, r#""\u00e9\u000a""#);
        same(r#""😀""#, r#""\ud83d\ude00""#);
        same(r#"{"1":true,"b":null}"#, r#" { "b" : null , "1" : true } "#);
    }

    #[test]
    fn values_matter() {
        different("1", "\"1\"");
        different("[]", "{}");
        different("[[1],2]", "[1,[2]]");
        different(r#"{"a":1,"b":2}"#, r#"{"a":2,"b":1}"#);
        different("null", "false");
        different("0.1", "0.2");
        different("[0]", "[0,0]");
    }

    #[test]
    fn what_is_not_json_has_no_digest() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "tru",
            "\"\\x\"",
            "\"\\u12\"",
            "1 2",
            "+1",
            "nul",
            "\u{1}",
            "\"\u{1}\"",
        ] {
            assert_eq!(of_json(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(of_json(&[b'"', 0xff, b'"']), None);
        assert_eq!(of_json("[".repeat(200).as_bytes()), None);
    }

    #[test]
    fn a_string_has_one_digest_escaped_or_not() {
        for text in ["", "a", "ü", "😀 \" \\ \n"] {
            let json = serde_json::to_vec(text).unwrap();
            assert_eq!(of_json(&json), Some(of_string(text)), "{text}");
        }
    }

    #[test]
    fn these_numbers_are_the_contract() {
        // The same list stands in the TypeScript tests; changing one is changing the protocol.
        let digest = |text: &str| of_json(text.as_bytes()).unwrap();
        assert_eq!(digest("null"), 0x6e75_6c6c);
        assert_eq!(digest("0"), mix(0x6e75_6d30));
        assert_eq!(digest("{}"), mix(0x6f62_6a30));
        assert_eq!(digest("[]"), mix(0x6172_7230));
        assert_eq!(digest("\"\""), mix(0x7374_7230));
    }
}
