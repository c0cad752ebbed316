//! What older FluxStack clients say differently. The only file that knows their spellings.
//!
//! Everything they need is a superset of what ours get, so reading leniently is safe; it is still
//! confined to connections that did not announce version 3, so that our own vocabulary stays small.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::decode::Payload;
use crate::dialect::Dialect;

/// The built-in action of older clients that sets one writable field: `{key, value}`.
pub const SET_VALUE: &str = "setValue";

/// `payload.component`, or `payload.componentName` from an older client.
pub(crate) fn component_name<'a>(payload: &Payload<'a>, dialect: Dialect) -> Option<&'a RawValue> {
    let fallback = if dialect.is_legacy() { payload.component_name } else { None };
    payload.component.or(fallback)
}

/// `property`, or `payload.property` from an older client.
pub(crate) fn property_name<'a>(
    top: Option<&'a RawValue>,
    payload: &Payload<'a>,
    dialect: Dialect,
) -> Option<&'a RawValue> {
    let fallback = if dialect.is_legacy() { payload.property } else { None };
    top.or(fallback)
}

/// Under which names an older client may mean the component `name`: as it is, then with `Component`
/// put behind it or taken away, each also with the first letter in upper case.
///
/// ```
/// use fluxstack_live_protocol::legacy::spellings;
/// assert!(spellings("counter").any(|name| name == "Counter"));
/// assert!(spellings("CounterComponent").any(|name| name == "Counter"));
/// ```
pub fn spellings(name: &str) -> impl Iterator<Item = String> {
    let bare = name.strip_suffix("Component").unwrap_or(name).to_owned();
    let upper = |text: &str| {
        let mut letters = text.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    [
        name.to_owned(),
        format!("{name}Component"),
        format!("{}Component", upper(name)),
        upper(name),
        upper(&bare),
        bare,
    ]
    .into_iter()
}

/// The `key` and the raw `value` of a [`SET_VALUE`] call.
///
/// ```
/// use fluxstack_live_protocol::legacy::set_value;
/// let (key, value) = set_value(r#"{"key":"name","value":"Ana"}"#).unwrap();
/// assert_eq!((key.as_ref(), value), ("name", "\"Ana\""));
/// ```
#[must_use]
pub fn set_value(args: &str) -> Option<(Cow<'_, str>, &str)> {
    #[derive(serde::Deserialize)]
    struct KeyValue<'a> {
        #[serde(borrow)]
        key: Cow<'a, str>,
        #[serde(borrow)]
        value: &'a RawValue,
    }
    let KeyValue { key, value } = serde_json::from_str(args).ok()?;
    Some((key, value.get()))
}
