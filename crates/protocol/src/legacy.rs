//! What older FluxStack clients say differently. The only file that knows their spellings.
//!
//! Everything they need is a superset of what ours get, so reading leniently is safe; it is still
//! confined to connections that did not announce version 3, so that our own vocabulary stays small.

use std::borrow::Cow;

use crate::raw::Raw;

use crate::decode::Payload;
use crate::dialect::Dialect;
use crate::encode::write_string;
use crate::pieces::{Entry, entries};

/// The built-in action of older clients that sets one writable field: `{key, value}`.
pub const SET_VALUE: &str = "setValue";

/// The event of an older client that is told what was set in the state of a room.
pub const STATE_UPDATE: &str = "$state:update";

/// The event of an older client that asked for the state of a room.
pub(crate) const STATE_GET: &str = "$state:get";

/// The event of an older client that is told who joined its room.
pub const SUB_JOIN: &str = "$sub:join";

/// The event of an older client that is told who left its room.
pub const SUB_LEAVE: &str = "$sub:leave";

/// What an event is called towards an older client if it has no name of its own.
const NAMELESS: &str = "event";

/// `payload.component`, or `payload.componentName` from an older client.
pub(crate) fn component_name<'a>(payload: &Payload<'a>, dialect: Dialect) -> Option<Raw<'a>> {
    let fallback = if dialect.is_legacy() { payload.component_name } else { None };
    payload.component.or(fallback)
}

/// `property`, or `payload.property` from an older client.
pub(crate) fn property_name<'a>(
    top: Option<Raw<'a>>,
    payload: &Payload<'a>,
    dialect: Dialect,
) -> Option<Raw<'a>> {
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
        value: Raw<'a>,
    }
    let KeyValue { key, value } = serde_json::from_str(args).ok()?;
    Some((key, value.get()))
}

/// The event that an older client means by a name and data beside it, as JSON text.
///
/// The name becomes its `type`, as in an enum with `#[serde(tag = "type")]`, and the entries of the data its
/// fields. Data that is no object, or has a `type` of its own, becomes the field `data`. `None` if the data
/// is not JSON, or has a key that is not text.
///
/// ```
/// use fluxstack_live_protocol::legacy::event;
/// assert_eq!(event("msg", Some(r#"{"text":"hi"}"#)).unwrap(), r#"{"type":"msg","text":"hi"}"#);
/// assert_eq!(event("msg", Some("5")).unwrap(), r#"{"type":"msg","data":5}"#);
/// assert_eq!(event("msg", None).unwrap(), r#"{"type":"msg"}"#);
/// ```
#[must_use]
pub fn event(name: &str, content: Option<&str>) -> Option<String> {
    let content = content.map(serde_json::from_str::<Raw<'_>>).transpose().ok()?;
    let content = content.map(Raw::get).filter(|content| *content != "null");
    let mut text = br#"{"type":"#.to_vec();
    write_string(&mut text, name);
    if let Some(content) = content {
        text.push(b',');
        match content.strip_prefix('{') {
            Some(fields) if !has_type(&entries(content, usize::MAX)?.first) => match fields.trim_start() {
                "}" => drop(text.pop()),
                fields => text.extend_from_slice(fields.strip_suffix('}')?.as_bytes()),
            },
            _ => {
                text.extend_from_slice(b"\"data\":");
                text.extend_from_slice(content.as_bytes());
            }
        }
    }
    text.push(b'}');
    String::from_utf8(text).ok()
}

/// The name and the data under which an older client hears an event: [`event`] the other way round.
///
/// ```
/// use fluxstack_live_protocol::legacy::named;
/// let (name, content) = named(r#"{"type":"msg","text":"hi"}"#);
/// assert_eq!((name.as_ref(), content.as_ref()), ("msg", r#"{"text":"hi"}"#));
/// assert_eq!(named("5"), ("event".into(), "5".into()));
/// ```
#[must_use]
pub fn named(event: &str) -> (Cow<'_, str>, Cow<'_, str>) {
    let Some(pieces) = entries(event, usize::MAX) else { return (NAMELESS.into(), event.into()) };
    let (types, fields): (Vec<_>, Vec<_>) = pieces.first.into_iter().partition(|(key, _)| key == "type");
    let name = match types.as_slice() {
        [(_, name)] => serde_json::from_str::<String>(name.get()).ok(),
        _ => None,
    };
    let Some(name) = name else { return (NAMELESS.into(), event.into()) };
    if let [(key, only)] = fields.as_slice()
        && key == "data"
        && entries(only.get(), usize::MAX).is_none_or(|pieces| has_type(&pieces.first))
    {
        return (name.into(), only.get().into());
    }
    let mut text = Vec::with_capacity(event.len());
    for (key, value) in &fields {
        text.push(if text.is_empty() { b'{' } else { b',' });
        write_string(&mut text, key);
        text.push(b':');
        text.extend_from_slice(value.get().as_bytes());
    }
    text.extend_from_slice(if text.is_empty() { b"{}" } else { b"}" });
    let content = String::from_utf8(text).unwrap_or_else(|_| event.to_owned());
    (name.into(), content.into())
}

fn has_type(entries: &[Entry<'_>]) -> bool {
    entries.iter().any(|(key, _)| key == "type")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an older client says, how it is passed on, and what another one hears of it.
    #[track_caller]
    fn check(name: &str, content: Option<&str>, passed_on: &str, heard: &str) {
        assert_eq!(event(name, content).as_deref(), Some(passed_on), "{name} {content:?}");
        assert_eq!(named(passed_on), (name.into(), heard.into()), "{passed_on}");
    }

    #[test]
    fn what_one_older_client_says_another_one_hears() {
        check(
            "msg",
            Some(r#"{"text":"hi","n":[1, 2]}"#),
            r#"{"type":"msg","text":"hi","n":[1, 2]}"#,
            r#"{"text":"hi","n":[1, 2]}"#,
        );
        check("msg", None, r#"{"type":"msg"}"#, "{}");
        check("msg", Some("null"), r#"{"type":"msg"}"#, "{}");
        check("msg", Some("{}"), r#"{"type":"msg"}"#, "{}");
        check("msg", Some(" { } "), r#"{"type":"msg"}"#, "{}");
        check("msg", Some("5"), r#"{"type":"msg","data":5}"#, "5");
        check("msg", Some(r#""hi""#), r#"{"type":"msg","data":"hi"}"#, r#""hi""#);
        check("msg", Some(r#"[{"a":1}]"#), r#"{"type":"msg","data":[{"a":1}]}"#, r#"[{"a":1}]"#);
        check("msg", Some(r#"{"data":{"a":1}}"#), r#"{"type":"msg","data":{"a":1}}"#, r#"{"data":{"a":1}}"#);
        check("", Some("false"), r#"{"type":"","data":false}"#, "false");
        check("\"\n", Some("{\"é\":1}"), "{\"type\":\"\\\"\\n\",\"é\":1}", "{\"é\":1}");
    }

    #[test]
    fn a_type_of_its_own_does_not_take_the_place_of_the_name() {
        check(
            "msg",
            Some(r#"{"type":"admin","a":1}"#),
            r#"{"type":"msg","data":{"type":"admin","a":1}}"#,
            r#"{"type":"admin","a":1}"#,
        );
        check(
            "msg",
            Some(r#"{"\u0074ype":null}"#),
            r#"{"type":"msg","data":{"\u0074ype":null}}"#,
            r#"{"\u0074ype":null}"#,
        );
    }

    #[test]
    fn what_is_not_json_is_nothing() {
        for wrong in ["", "\u{a0}5", "{", "nul", "1 2", r#"{"a":1}}"#, r#"{"a":1},{"#, r#"{"\ud800":1}"#] {
            assert_eq!(event("msg", Some(wrong)), None, "{wrong:?}");
        }
    }

    #[test]
    fn an_event_without_a_name_is_heard_whole() {
        for whole in [
            "5",
            "null",
            "[]",
            "{}",
            r#""Ping""#,
            r#"{"type":5}"#,
            r#"{"a":{"type":"b"}}"#,
            r#"{"type":"a","type":"b"}"#,
        ] {
            assert_eq!(named(whole), ("event".into(), whole.into()));
        }
    }
}
