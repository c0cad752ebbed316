//! Looks at the top-level fields of JSON objects without building anything.
//!
//! The generator reads hundreds of bytes for each action and wants to know four things of them. Whoever sent them is
//! a server under load, not an enemy: what is no JSON is answered with `None`, but not all that is no JSON is found.
//! Whatever is JSON is read as serde_json reads it, and a test says so.

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
const ESCAPES: u64 = u64::from_ne_bytes([b'\\'; 8]);

/// The highest bit of the lowest byte that is zero is set, and none below it.
fn zero(eight: u64) -> u64 {
    eight.wrapping_sub(ONES) & !eight & (ONES << 7)
}

/// A place in a text, from which values are taken one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte that is no space, which is left where it is.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// Goes past this byte, if it is the next.
    pub(crate) fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Goes through an object, and gives each of its fields to `field`: the name and the value, both as they stand.
    pub(crate) fn object(&mut self, mut field: impl FnMut(&'a [u8], &'a [u8])) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            self.peek()?;
            let name = self.string()?;
            self.take(b':')?;
            let value = self.value()?;
            field(name, value);
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    /// A string without its quotes, its escapes as they stand.
    fn string(&mut self) -> Option<&'a [u8]> {
        if *self.text.get(self.at)? != b'"' {
            return None;
        }
        let begin = self.at + 1;
        self.skip_string()?;
        Some(&self.text[begin..self.at - 1])
    }

    #[inline]
    fn skip_string(&mut self) -> Option<()> {
        let mut at = self.at + 1;
        loop {
            // Eight at a time, up to the first that may be a quote or an escape.
            while let Some(eight) = self.text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
                let eight = u64::from_le_bytes(*eight);
                let found = zero(eight ^ QUOTES) | zero(eight ^ ESCAPES);
                if found != 0 {
                    at += found.trailing_zeros() as usize / 8;
                    break;
                }
                at += 8;
            }
            match *self.text.get(at)? {
                b'"' => {
                    self.at = at + 1;
                    return Some(());
                }
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }

    /// Any value, as it stands.
    pub(crate) fn value(&mut self) -> Option<&'a [u8]> {
        let first = self.peek()?;
        let begin = self.at;
        match first {
            b'"' => self.skip_string()?,
            b'{' | b'[' => self.skip_nested()?,
            _ => {
                while self.text.get(self.at).is_some_and(|byte| !b",]} \n\r\t".contains(byte)) {
                    self.at += 1;
                }
            }
        }
        (begin < self.at).then(|| &self.text[begin..self.at])
    }

    fn skip_nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match *self.text.get(self.at)? {
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Whether nothing but spaces follows.
    pub(crate) fn is_over(&mut self) -> bool {
        self.peek().is_none()
    }
}

/// What an object has under a name.
pub(crate) fn field<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut found = None;
    Scan::new(object).object(|key, value| {
        if key == name.as_bytes() {
            found = Some(value);
        }
    })?;
    found
}

/// A string without escapes; an id, a code.
pub(crate) fn plain(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// A whole number.
pub(crate) fn whole(value: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for digit in value {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(digit.into())?;
    }
    (!value.is_empty()).then_some(number)
}

/// A whole number that may be below zero.
pub(crate) fn signed(value: &[u8]) -> Option<i64> {
    match value.strip_prefix(b"-") {
        Some(rest) => i64::try_from(whole(rest)?).ok().map(|number| -number),
        None => i64::try_from(whole(value)?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn fields(text: &str) -> Option<Vec<(&str, &str)>> {
        let mut fields = Vec::new();
        let mut scan = Scan::new(text.as_bytes());
        scan.object(|name, value| {
            fields.push((std::str::from_utf8(name).unwrap(), std::str::from_utf8(value).unwrap()));
        })?;
        scan.is_over().then_some(fields)
    }

    #[test]
    fn fields_are_given_as_they_stand() {
        let text = r#" { "a" : "x\"}\\" , "b\"":[1,{"c":"]"}],"d":-1.5e3 , "e":{} ,"f":null}  "#;
        let expected = [
            ("a", r#""x\"}\\""#),
            (r#"b\""#, r#"[1,{"c":"]"}]"#),
            ("d", "-1.5e3"),
            ("e", "{}"),
            ("f", "null"),
        ];
        assert_eq!(fields(text).unwrap(), expected);
        assert_eq!(fields("{}").unwrap(), []);
        assert_eq!(field(text.as_bytes(), "d"), Some(&b"-1.5e3"[..]));
        assert_eq!(field(text.as_bytes(), "c"), None);
    }

    #[test]
    fn what_ends_too_early_is_nothing() {
        let text = r#"{"a":"x\"}","b":[1,{"c":"]"}],"d":-1}"#;
        for end in 0..text.len() {
            assert_eq!(fields(&text[..end]), None, "{}", &text[..end]);
        }
    }

    #[test]
    fn numbers_are_whole_or_nothing() {
        for (text, expected) in [("0", Some(0)), ("18446744073709551615", Some(u64::MAX)), ("", None)] {
            assert_eq!(whole(text.as_bytes()), expected, "{text}");
        }
        for text in ["18446744073709551616", "1.0", "1e3", "\"1\"", "-1"] {
            assert_eq!(whole(text.as_bytes()), None, "{text}");
        }
        assert_eq!((signed(b"-7"), signed(b"7"), signed(b"--7")), (Some(-7), Some(7), None));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            r#"[{}\[\],:"\\ a\n]{0,8}"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::hash_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_json_is_read_as_serde_json_reads_it(
            object in proptest::collection::hash_map(any::<String>(), values(), 0..6),
            is_pretty in any::<bool>(),
        ) {
            let object = Value::Object(object.into_iter().collect());
            let text = if is_pretty { format!("{object:#}") } else { object.to_string() };
            let mut read = serde_json::Map::new();
            for (name, value) in fields(&text).expect("it is JSON") {
                let name = serde_json::from_str(&format!("\"{name}\"")).expect("a name");
                read.insert(name, serde_json::from_str(value).expect("a value"));
            }
            // Read once more by the other, because not every float survives being written.
            prop_assert_eq!(Value::Object(read), serde_json::from_str::<Value>(&text).expect("JSON"));
        }

        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), text in r#"[{}\[\],:"\\a1 ]{0,40}"#) {
            for text in [&bytes[..], text.as_bytes()] {
                let _ = Scan::new(text).object(|_, _| {});
                let _ = Scan::new(text).value();
            }
        }
    }

    #[test]
    fn a_batch_is_gone_through_once() {
        let text = json!([{"a": 1}, {"a": [2]}]).to_string();
        let mut scan = Scan::new(text.as_bytes());
        let mut seen = Vec::new();
        scan.take(b'[').unwrap();
        loop {
            scan.object(|_, value| seen.push(value)).unwrap();
            if scan.take(b',').is_none() {
                break;
            }
        }
        assert!(scan.take(b']').is_some() && scan.is_over());
        assert_eq!(seen, [&b"1"[..], &b"[2]"[..]]);
    }
}
