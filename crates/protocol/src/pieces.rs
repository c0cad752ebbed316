//! What an object or an array consists of, each part still text, and never more parts than were asked for.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use crate::raw::Raw;
use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The first parts of something, and how many it has.
pub(crate) struct Pieces<T> {
    /// In order, no more than were asked for.
    pub(crate) first: Vec<T>,
    /// How many there are altogether.
    pub(crate) total: usize,
}

/// A key, and what stands behind it.
pub(crate) type Entry<'a> = (Cow<'a, str>, Raw<'a>);

/// The entries of an object, keys unescaped; `None` if the text is no object.
pub(crate) fn entries(text: &str, most: usize) -> Option<Pieces<Entry<'_>>> {
    read(text, most)
}

/// The items of an array; `None` if the text is no array.
pub(crate) fn items(text: &str, most: usize) -> Option<Pieces<Raw<'_>>> {
    read(text, most)
}

fn read<'a, T>(text: &'a str, most: usize) -> Option<Pieces<T>>
where
    AtMost<T>: DeserializeSeed<'a, Value = Pieces<T>>,
{
    let mut reader = serde_json::Deserializer::from_str(text);
    let pieces = AtMost(most, PhantomData).deserialize(&mut reader).ok()?;
    reader.end().ok().map(|()| pieces)
}

struct AtMost<T>(usize, PhantomData<T>);

impl<'de> DeserializeSeed<'de> for AtMost<Entry<'de>> {
    type Value = Pieces<Entry<'de>>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AtMost<Entry<'de>> {
    type Value = Pieces<Entry<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        /// A bare `Cow` would be copied even if nothing in it is escaped.
        #[derive(Deserialize)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

        let mut first = Vec::new();
        while first.len() < self.0 {
            let Some((Key(key), value)) = map.next_entry()? else { break };
            first.push((key, value));
        }
        let mut total = first.len();
        while total >= self.0 && map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            total += 1;
        }
        Ok(Pieces { first, total })
    }
}

impl<'de> DeserializeSeed<'de> for AtMost<Raw<'de>> {
    type Value = Pieces<Raw<'de>>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for AtMost<Raw<'de>> {
    type Value = Pieces<Raw<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut first = Vec::new();
        while first.len() < self.0 {
            let Some(item) = seq.next_element()? else { break };
            first.push(item);
        }
        let mut total = first.len();
        while total >= self.0 && seq.next_element::<IgnoredAny>()?.is_some() {
            total += 1;
        }
        Ok(Pieces { first, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, of_object: Option<(usize, usize)>, of_array: Option<(usize, usize)>) {
        let found = entries(text, 2).map(|pieces| (pieces.first.len(), pieces.total));
        assert_eq!(found, of_object, "{text}");
        let found = items(text, 2).map(|pieces| (pieces.first.len(), pieces.total));
        assert_eq!(found, of_array, "{text}");
    }

    #[test]
    fn what_is_too_much_is_counted_and_not_kept() {
        check("{}", Some((0, 0)), None);
        check(r#"{"a":1}"#, Some((1, 1)), None);
        check(r#"{"a":1,"b":[]}"#, Some((2, 2)), None);
        check(r#"{"a":1,"a":1,"a":{"b":1}}"#, Some((2, 3)), None);
        check("[]", None, Some((0, 0)));
        check("[null,{}]", None, Some((2, 2)));
        check("[1,2,3,[4,5]]", None, Some((2, 4)));
    }

    #[test]
    fn what_is_neither_is_nothing() {
        for text in ["", "null", "1", "\"{}\"", "{", "[", "{} x", "[] x", r#"{"\ud800":1}"#] {
            check(text, None, None);
        }
    }

    #[test]
    fn a_key_is_read_as_it_is_meant() {
        let pieces = entries(r#"{"\u0074ype":1,"b":2}"#, 2).expect("an object");
        assert!(matches!(&pieces.first[0], (Cow::Owned(key), _) if key == "type"));
        assert!(matches!(&pieces.first[1], (Cow::Borrowed("b"), value) if value.get() == "2"));
    }
}
