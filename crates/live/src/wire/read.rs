//! JSON to values, with complaints a form can show: by field, without line numbers, short.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::CowStrDeserializer;
use serde::de::{self, Deserialize, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Wire;
use crate::error::{Code, Error};

/// The longest complaint; what a client sent is not echoed at length.
const LONGEST: usize = 160;

/// Reads the props of a mount. A component without props accepts anything that is an object or nothing.
///
/// ```
/// use fluxstack_live::prelude::*;
/// use fluxstack_live::wire::props_from_json;
/// #[wire]
/// #[derive(Debug)]
/// struct Props { count: i64 }
///
/// assert_eq!(props_from_json::<Props>(Some(br#"{"count":1,"other":2}"#)).unwrap().count, 1);
/// let error = props_from_json::<Props>(Some(br#"{"count":"one"}"#)).unwrap_err();
/// assert_eq!(error.field("count"), Some("expected i64, found string"));
/// assert!(props_from_json::<()>(None).is_ok());
/// ```
///
/// # Errors
/// [`Code::BadPayload`], with the field it is about.
pub fn props_from_json<P: Wire>(json: Option<&[u8]>) -> Result<P, Error> {
    let json = json.filter(|json| json.trim_ascii() != b"null").unwrap_or(b"{}");
    if P::NOTHING {
        return match json.trim_ascii_start().first() {
            Some(b'{') => from_json(b"null").map_err(|why| Error::new(Code::BadPayload, why)),
            _ => Err(Error::new(Code::BadPayload, "the props are not an object")),
        };
    }
    read_by_field(json).map_err(|(field, message)| match field {
        Some(field) => {
            let sentence = format!("prop `{field}`: {message}");
            Error::new(Code::BadPayload, sentence).and(field, message)
        }
        None => Error::new(Code::BadPayload, format!("the props do not fit: {message}")),
    })
}

/// Reads an object, or says in a few words which field is wrong, if it is one, and why.
pub(crate) fn read_by_field<T: DeserializeOwned>(json: &[u8]) -> Result<T, (Option<String>, String)> {
    T::deserialize(ByField { json }).map_err(|Complaint { field, message }| (field, message))
}

/// The entries of an object, values unread; or in a few words why it is none.
pub(crate) fn entries(json: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    from_json(json).map(|Fields(entries)| entries)
}

/// Reads one value, or says in a few words why not.
pub(crate) fn from_json<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| complaint(&error))
}

/// What serde says, for people: `expected i64, found string`.
#[cold]
pub(crate) fn complaint(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    reword(text.strip_suffix(&place).unwrap_or(&text))
}

fn reword(text: &str) -> String {
    let kind = text.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "));
    let worded = match kind {
        // `string "…"`, `integer `5``: the kind says enough, and the value may be long or secret.
        Some((found, expected)) => {
            let kind = found.split(['"', '`']).next().unwrap_or(found).trim_end();
            format!("expected {expected}, found {kind}")
        }
        None => text.to_owned(),
    };
    if worded.len() <= LONGEST {
        return worded;
    }
    let mut short: String = worded.chars().take(LONGEST / 4).collect();
    short.push('…');
    short
}

/// An object whose fields are read one by one, so that a complaint knows its field.
struct ByField<'de> {
    json: &'de [u8],
}

/// What is wrong, and with which field.
#[derive(Debug)]
struct Complaint {
    field: Option<String>,
    message: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Complaint {}

impl de::Error for Complaint {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { field: None, message: reword(&message.to_string()) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { field: Some(field.into()), message: "is missing".into() }
    }
}

impl<'de> de::Deserializer<'de> for ByField<'de> {
    type Error = Complaint;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        let fields = entries(self.json).map_err(|message| Complaint { field: None, message })?;
        visitor.visit_map(Walk { rest: fields.into_iter(), value: None })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Complaint> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Complaint> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

pub(crate) type Entry<'de> = (Cow<'de, str>, &'de RawValue);

/// The entries of an object, values unread.
struct Fields<'de>(Vec<Entry<'de>>);

impl<'de> de::Deserialize<'de> for Fields<'de> {
    fn deserialize<D: de::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    entries.push((key, value));
                }
                Ok(Fields(entries))
            }
        }
        input.deserialize_map(Collect)
    }
}

/// A key, borrowed where it has no escapes.
pub(crate) struct Key<'de>(pub(crate) Cow<'de, str>);

impl<'de> de::Deserialize<'de> for Key<'de> {
    fn deserialize<D: de::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: de::Error>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        input.deserialize_str(Borrow)
    }
}

struct Walk<'de> {
    rest: std::vec::IntoIter<Entry<'de>>,
    value: Option<Entry<'de>>,
}

impl<'de> MapAccess<'de> for Walk<'de> {
    type Error = Complaint;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Complaint> {
        self.value = self.rest.next();
        let Some((key, _)) = &self.value else { return Ok(None) };
        let key: CowStrDeserializer<'_, Complaint> = key.clone().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Complaint> {
        let (key, value) = self.value.take().ok_or_else(|| de::Error::custom("a value without a key"))?;
        let mut input = serde_json::Deserializer::from_str(value.get());
        seed.deserialize(&mut input)
            .map_err(|error| Complaint { field: Some(key.into_owned()), message: complaint(&error) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[track_caller]
    fn refused<P: Wire>(json: &str) -> Error {
        props_from_json::<P>(Some(json.as_bytes())).map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_complaint_names_the_field_and_never_repeats_the_value() {
        let secret = "x".repeat(4000);
        let error = refused::<BTreeMap<String, i64>>(&format!("{{\"a\":1,\"b\":\"{secret}\"}}"));
        assert_eq!(error.code(), Code::BadPayload);
        assert_eq!(error.field("b"), Some("expected i64, found string"));
        assert_eq!(error.message(), "prop `b`: expected i64, found string");
        let error = refused::<BTreeMap<String, u8>>("{\"a\":300}");
        assert_eq!(error.field("a"), Some("invalid value: integer `300`, expected u8"));
    }

    #[test]
    fn a_complaint_is_short_however_long_the_value() {
        #[derive(serde::Deserialize)]
        enum Colour {
            Red,
        }
        let json = format!("\"{}\"", "é".repeat(4000));
        let complaint = from_json::<Colour>(json.as_bytes()).map(|Colour::Red| ()).unwrap_err();
        assert!(complaint.starts_with("unknown variant") && complaint.len() < LONGEST, "{complaint}");
    }

    #[test]
    fn nothing_accepts_every_object_and_no_other_value() {
        for json in [None, Some(&b"null"[..]), Some(b" {\"a\":1}"), Some(b"{}")] {
            props_from_json::<()>(json).unwrap();
        }
        for json in ["1", "[]", "\"\""] {
            assert_eq!(refused::<()>(json).code(), Code::BadPayload);
        }
    }

    #[test]
    fn what_is_no_object_does_not_fit() {
        for json in ["1", "[1]", "{\"a\":}", ""] {
            assert_eq!(refused::<BTreeMap<String, i64>>(json).code(), Code::BadPayload, "{json}");
        }
    }
}
