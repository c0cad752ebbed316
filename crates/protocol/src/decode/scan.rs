//! The envelope in one look: nearly all messages are a flat object of few fields, in whose strings nothing is escaped.
//!
//! What must stay true: whatever is found here, serde_json finds as well, and nothing else. What is out of the
//! ordinary is not found here: an escape in a name, a name twice, too many levels, and everything that is no JSON. That
//! is read by serde_json, which knows what is wrong with it.

use super::Envelope;
use crate::plain;
use crate::raw::Raw;

/// Levels that are looked at; a bit for each. Deeper messages are read by serde_json.
const LEVELS: u32 = 128;

/// Bytes of most messages, at least.
const USUAL: usize = 64;

/// What an ordinary message says, put into an envelope that is empty, and on how many levels. If it is not ordinary,
/// what is in the envelope means nothing.
pub(super) fn envelope<'a>(text: &'a str, envelope: &mut Envelope<'a>) -> Option<usize> {
    let mut scan = Scan::new(text);
    let mut seen = 0_u32;
    scan.space();
    scan.take(b'{')?;
    scan.space();
    if scan.take(b'}').is_none() {
        loop {
            let key = scan.plain_string()?;
            scan.space();
            scan.take(b':')?;
            scan.space();
            let start = scan.at;
            scan.value()?;
            let value = text.get(start..scan.at)?;
            if let Some((number, slot)) = envelope.slot(key) {
                if seen & (1 << number) != 0 {
                    return None;
                }
                seen |= 1 << number;
                *slot = (value != "null").then(|| Raw::of(value));
            }
            scan.space();
            if scan.take(b'}').is_some() {
                break;
            }
            scan.take(b',')?;
            scan.space();
        }
    }
    scan.space();
    envelope.is_plain = scan.is_plain;
    (scan.at == text.len()).then_some(scan.deepest + 1)
}

/// The values of an ordinary array, each by itself.
pub(crate) fn items(text: &str) -> Option<Vec<Raw<'_>>> {
    let mut scan = Scan::new(text);
    let mut items = Vec::with_capacity(text.len() / USUAL + 1);
    scan.space();
    scan.take(b'[')?;
    scan.space();
    if scan.take(b']').is_none() {
        loop {
            let start = scan.at;
            scan.value()?;
            items.push(Raw::of(text.get(start..scan.at)?));
            scan.space();
            if scan.take(b']').is_some() {
                break;
            }
            scan.take(b',')?;
            scan.space();
        }
    }
    scan.space();
    (scan.at == text.len()).then_some(items)
}

impl<'a> Envelope<'a> {
    /// Where a field goes, and its number.
    fn slot(&mut self, key: &str) -> Option<(u32, &mut Option<Raw<'a>>)> {
        Some(match key {
            "type" => (0, &mut self.kind),
            "componentId" => (1, &mut self.component_id),
            "requestId" => (2, &mut self.request_id),
            "expectResponse" => (3, &mut self.expect_response),
            "callId" => (4, &mut self.call_id),
            "acked" => (5, &mut self.acked),
            "optimistic" => (6, &mut self.optimistic),
            "action" => (7, &mut self.action),
            "property" => (8, &mut self.property),
            "roomId" => (9, &mut self.room_id),
            "event" => (10, &mut self.event),
            "data" => (11, &mut self.content),
            "payload" => (12, &mut self.payload),
            _ => return None,
        })
    }
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Levels inside of the message itself.
    deepest: usize,
    /// Nothing was escaped so far.
    is_plain: bool,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, deepest: 0, is_plain: true }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        if self.bytes.get(self.at) != Some(&byte) {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// What is between the quotes of a string in which nothing is escaped.
    fn plain_string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        self.at = plain::end(self.bytes, start);
        let inner = self.text.get(start..self.at);
        self.take(b'"')?;
        inner
    }

    fn string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            self.at = plain::end(self.bytes, self.at);
            if self.take(b'"').is_some() {
                return Some(());
            }
            self.take(b'\\')?;
            self.is_plain = false;
            match self.bytes.get(self.at)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                b'u' => {
                    let digits = self.bytes.get(self.at + 1..self.at + 5)?;
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return None;
                    }
                    self.at += 5;
                }
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// At least one.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let is_there = self.bytes.get(self.at..)?.starts_with(word);
        self.at += word.len();
        is_there.then_some(())
    }

    fn key(&mut self) -> Option<()> {
        self.string()?;
        self.space();
        self.take(b':')?;
        self.space();
        Some(())
    }

    /// One value, however deep; nothing here recurses.
    fn value(&mut self) -> Option<()> {
        // What is open, the innermost last: 1 for an object.
        let (mut open, mut levels) = (0_u128, 0_u32);
        loop {
            match self.bytes.get(self.at)? {
                b'"' => self.string()?,
                b'-' | b'0'..=b'9' => self.number()?,
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                begin @ (b'{' | b'[') => {
                    let is_object = *begin == b'{';
                    if levels == LEVELS {
                        return None;
                    }
                    levels += 1;
                    self.deepest = self.deepest.max(levels as usize);
                    open = open << 1 | u128::from(is_object);
                    self.at += 1;
                    self.space();
                    if self.take(if is_object { b'}' } else { b']' }).is_none() {
                        if is_object {
                            self.key()?;
                        }
                        continue;
                    }
                    open >>= 1;
                    levels -= 1;
                }
                _ => return None,
            }
            // A value has ended: on to the next one, or out.
            loop {
                if levels == 0 {
                    return Some(());
                }
                self.space();
                let is_object = open & 1 == 1;
                match self.bytes.get(self.at)? {
                    b',' => {
                        self.at += 1;
                        self.space();
                        if is_object {
                            self.key()?;
                        }
                        break;
                    }
                    b'}' if is_object => {}
                    b']' if !is_object => {}
                    _ => return None,
                }
                self.at += 1;
                open >>= 1;
                levels -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame;

    /// What is found is what serde_json finds, and answers whether anything is.
    #[track_caller]
    fn agree(text: &str) -> bool {
        let mut found = Envelope::default();
        let Some(levels) = envelope(text, &mut found) else { return false };
        // serde_json does not say.
        assert_eq!(std::mem::take(&mut found.is_plain), !text.contains('\\'), "{text}");
        let read: Envelope<'_> = serde_json::from_str(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(format!("{found:?}"), format!("{read:?}"), "{text}");
        assert!(!frame::nests_deeper_than(text, levels), "{text}");
        assert!(frame::nests_deeper_than(text, levels - 1), "{text}");
        true
    }

    /// The same for arrays.
    #[track_caller]
    fn agree_on_items(text: &str) -> bool {
        let Some(found) = items(text) else { return false };
        let read: Vec<Raw<'_>> = serde_json::from_str(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(found, read, "{text}");
        true
    }

    #[test]
    fn the_values_of_an_array_are_found() {
        let deep = |levels: usize| format!("[{}{}]", "[".repeat(levels), "]".repeat(levels));
        assert!(agree_on_items(&deep(128)) && !agree_on_items(&deep(129)));
        for text in ["[]", " [ ] ", "[1]", r#" [ {"a" : [1, 2]} , "b\"]" , null,[[]] ,-0.5e3 ] "#] {
            assert!(agree_on_items(text), "{text}");
        }
        for text in
            ["", "[", "]", "{}", "[1,]", "[,1]", "[1 2]", "[1]]", "[1] x", "[{]}", "[nul]", "[\"a]", "[01]"]
        {
            assert!(!agree_on_items(text), "{text}");
        }
    }

    #[test]
    fn the_ordinary_is_found() {
        for text in [
            "{}",
            " { } ",
            r#"{"type":"CALL_ACTION","componentId":"live-1","action":"add","payload":{"by":1},"requestId":"7"}"#,
            r#"{ "type" : "X" , "payload" : [ 1 , -0.5e+3 , { "a" : [ ] , "b" : { } } , null , true , false ] }"#,
            r#"{"payload":"\"\\\/\b\f\n\r\t\u00e9\ud800","requestId":null,"other":"é😀"}"#,
            r#"{"acked":0,"acked2":10,"optimistic":true,"callId":"a-1","expectResponse":false,"property":"p","roomId":"r","event":"e","data":1e5}"#,
        ] {
            assert!(agree(text), "{text}");
        }
    }

    #[test]
    fn the_rest_is_left_to_serde() {
        let deep = |levels: usize| format!("{{\"payload\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert!(agree(&deep(128)) && !agree(&deep(129)));
        for text in [
            "",
            "{",
            "}",
            "[]",
            "1",
            "{} x",
            "{,}",
            r#"{"a":1,}"#,
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{a:1}"#,
            r#"{"a":01}"#,
            r#"{"a":-}"#,
            r#"{"a":1.}"#,
            r#"{"a":1e}"#,
            r#"{"a":+1}"#,
            r#"{"a":.5}"#,
            r#"{"a":tru}"#,
            r#"{"a":nulll}"#,
            r#"{"a":[1,]}"#,
            r#"{"a":[1}}"#,
            r#"{"a":{"b":1]}"#,
            r#"{"a":{"b"}}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\u12g4"}"#,
            r#"{"a":"\u12"}"#,
            "{\"a\":\"\u{1}\"}",
            r#"{"a":"b"#,
            r#"{"\u0074ype":"X"}"#,
            r#"{"type":1,"type":2}"#,
            r#"{"type":null,"type":null}"#,
            r#"{"a":1 2}"#,
            r#"{"a":1}{"#,
            r#"{"a":{,}}"#,
            r#"{"a":[,]}"#,
        ] {
            assert!(!agree(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_found_serde_finds_as_well(text in r#"\{("(type|payload|a|\\n)" ?:( ?([\[\]{}:,"a0-9.eE+-]|\\n|\\u00e9|null|true|"b"|-1\.5)){0,8},?){0,4}\}"#) {
            agree(&text);
        }

        #[test]
        fn whatever_array_is_found_serde_finds_as_well(text in r#"\[( ?([\[\]{}:,"a0-9.eE+-]|\\n|\\u00e9|null|true|"b"|\{"c":1\}|-1\.5),?){0,12}\]"#) {
            agree_on_items(&text);
        }

        #[test]
        fn what_is_changed_in_one_place_is_found_only_if_serde_finds_it(at in 0_usize..200, with in any::<char>(), cut in any::<bool>()) {
            let text = r#"{"type":"CALL_ACTION","componentId":"live-1","payload":{"by":[1,-2.5e3,"\u00e9\n",{"a":{}},[]],"x":null,"y":true},"requestId":"7"}"#;
            let letters: Vec<char> = text.chars().collect();
            let at = at % letters.len();
            let changed: String = letters[..at].iter().chain((!cut).then_some(&with)).chain(&letters[at + 1..]).collect();
            agree(&changed);
            // With what means something.
            for with in "{}[]:,\"\\0-.e tn \n".chars() {
                let changed: String = letters[..at].iter().chain([&with]).chain(&letters[at + 1..]).collect();
                agree(&changed);
                let more: String = letters[..at].iter().chain([&with]).chain(&letters[at..]).collect();
                agree(&more);
            }
        }
    }
}
