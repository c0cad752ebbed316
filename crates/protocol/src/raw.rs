//! [`Raw`]: a piece of a frame that is JSON, and that nobody here has a use for.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A JSON value, still text: known to be one, and not looked at otherwise.
///
/// What serde_json has of that kind can be made by nobody but serde_json, and the envelope is mostly read without it.
///
/// ```
/// use fluxstack_live_protocol::Raw;
/// let values: Vec<Raw<'_>> = serde_json::from_str(r#"[1,{"a": null}]"#).unwrap();
/// assert_eq!((values[0].get(), values[1].get()), ("1", r#"{"a": null}"#));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a>(&'a str);

impl<'a> Raw<'a> {
    /// This text, which is one value without anything around it.
    pub(crate) const fn of(text: &'a str) -> Self {
        Self(text)
    }

    /// Its text.
    #[must_use]
    pub const fn get(self) -> &'a str {
        self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        <&'a RawValue>::deserialize(input).map(|raw| Self(raw.get()))
    }
}
