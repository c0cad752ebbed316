//! Text in, [`ClientMessage`] out, or a [`Refusal`] that can be sent back.
//!
//! The envelope is read as a flat object of raw pieces ([`scan`]); payloads stay untouched text until whoever owns
//! their type reads them. A refusal carries the request's id whenever one could be found, so that no
//! caller waits for an answer that never comes.

use std::borrow::Cow;

use crate::plain;
use crate::raw::Raw;
use serde::Deserialize;

use crate::code::Code;
use crate::dialect::Dialect;
use crate::frame;
use crate::id::CallId;
use crate::legacy;
use crate::message::{ClientBody, ClientMessage, Resume};
use crate::pieces::items;

mod batch;
mod list;
mod rooms;
pub(crate) mod scan;
mod upload;

pub(crate) use upload::is_one as is_about_upload;

/// The longest request id, action, property or component name in bytes. Longer ones are nobody's.
pub const MAX_NAME: usize = 256;

/// The most calls that are read of a `CALL_BATCH`. How many are done is the server's limit, which is lower.
pub const MAX_BATCH: usize = 4_096;

/// The most rooms that a client may say to be in as it comes back.
pub const MAX_ROOMS: usize = 64;

/// The most calls that a client may say to be in doubt of as it comes back: what an instance remembers of one origin.
pub const MAX_DOUBT: usize = 256;

/// The longest token in bytes.
const MAX_TOKEN: usize = 1_024;

/// A message that was not understood, with all that is needed to say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// The sentence for people.
    pub error: Cow<'static, str>,
    /// The request's id as JSON text, if it could be read.
    pub request_id: Option<Box<str>>,
    /// What the message was about, if it could be read.
    pub component_id: Option<Box<str>>,
    /// The message's `type`, if it could be read.
    pub original: Option<Box<str>>,
    /// The upload it was about, if it was about one and that could be read.
    pub upload_id: Option<Box<str>>,
}

impl Refusal {
    /// A refusal of a whole frame, in which no request could be read.
    #[must_use]
    pub fn frame(code: Code, error: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            error: error.into(),
            request_id: None,
            component_id: None,
            original: None,
            upload_id: None,
        }
    }
}

/// Why a message that has an id was not understood.
type Fault = (Code, &'static str);

const fn bad(error: &'static str) -> Fault {
    (Code::BadPayload, error)
}

#[derive(Debug, Default, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Raw<'a>>,
    #[serde(borrow, rename = "componentId")]
    component_id: Option<Raw<'a>>,
    #[serde(borrow, rename = "requestId")]
    request_id: Option<Raw<'a>>,
    #[serde(borrow, rename = "expectResponse")]
    expect_response: Option<Raw<'a>>,
    #[serde(borrow, rename = "callId")]
    call_id: Option<Raw<'a>>,
    #[serde(borrow)]
    acked: Option<Raw<'a>>,
    #[serde(borrow)]
    optimistic: Option<Raw<'a>>,
    #[serde(borrow)]
    action: Option<Raw<'a>>,
    #[serde(borrow)]
    property: Option<Raw<'a>>,
    #[serde(borrow, rename = "roomId")]
    room_id: Option<Raw<'a>>,
    #[serde(borrow)]
    event: Option<Raw<'a>>,
    #[serde(borrow, rename = "data")]
    content: Option<Raw<'a>>,
    #[serde(borrow)]
    payload: Option<Raw<'a>>,
    /// Whether it is known that nothing is escaped in any of them.
    #[serde(skip)]
    is_plain: bool,
}

impl<'a> Envelope<'a> {
    /// The text of one of its fields, if that is a string.
    fn text(&self, raw: Option<Raw<'a>>) -> Option<Cow<'a, str>> {
        match raw {
            Some(raw) if self.is_plain => raw.get().strip_prefix('"')?.strip_suffix('"').map(Cow::Borrowed),
            raw => raw.and_then(string),
        }
    }
}

/// The parts of a payload that belong to the protocol.
#[derive(Deserialize, Default)]
pub(crate) struct Payload<'a> {
    #[serde(borrow)]
    pub(crate) component: Option<Raw<'a>>,
    #[serde(borrow, rename = "componentName")]
    pub(crate) component_name: Option<Raw<'a>>,
    #[serde(borrow)]
    pub(crate) props: Option<Raw<'a>>,
    #[serde(borrow)]
    pub(crate) property: Option<Raw<'a>>,
    #[serde(borrow)]
    pub(crate) value: Option<Raw<'a>>,
    #[serde(borrow)]
    pub(crate) event: Option<Raw<'a>>,
    #[serde(borrow)]
    schema: Option<Raw<'a>>,
    #[serde(borrow)]
    token: Option<Raw<'a>>,
    #[serde(borrow)]
    name: Option<Raw<'a>>,
    #[serde(borrow)]
    have: Option<Raw<'a>>,
    #[serde(borrow)]
    heard: Option<Raw<'a>>,
    #[serde(borrow)]
    fresh: Option<Raw<'a>>,
    #[serde(borrow)]
    snapshot: Option<Raw<'a>>,
    #[serde(borrow)]
    rooms: Option<Raw<'a>>,
    #[serde(borrow)]
    doubt: Option<Raw<'a>>,
    #[serde(borrow)]
    on: Option<Raw<'a>>,
}

/// Reads one message.
///
/// # Errors
/// A [`Refusal`] to be sent back as it is.
///
/// ```
/// use fluxstack_live_protocol::{ClientBody, Dialect, decode};
/// let text = r#"{"type":"COMPONENT_PING","requestId":7}"#;
/// let message = decode(text, Dialect::NATIVE).unwrap();
/// assert!(matches!(message.body, ClientBody::Ping));
/// assert_eq!(message.request_id.unwrap().get(), "7");
/// ```
pub fn decode(text: &str, dialect: Dialect) -> Result<ClientMessage<'_>, Refusal> {
    read(text, None, dialect)
}

/// The same for the header of a binary frame and what came behind it.
pub(crate) fn chunk<'a>(header: &'a str, bytes: &'a [u8]) -> Result<ClientMessage<'a>, Refusal> {
    // Nothing that a dialect decides is in it.
    read(header, Some(bytes), Dialect::NATIVE)
}

fn read<'a>(text: &'a str, chunk: Option<&'a [u8]>, dialect: Dialect) -> Result<ClientMessage<'a>, Refusal> {
    let mut envelope = Envelope::default();
    let levels = match scan::envelope(text, &mut envelope) {
        Some(levels) => levels,
        None => {
            envelope = parse(text)?;
            frame::levels(text)
        }
    };
    let request_id = envelope.request_id;
    let component_id = envelope.text(envelope.component_id);
    let original = envelope.text(envelope.kind);
    let refuse = |code, error: &'static str| Refusal {
        code,
        error: error.into(),
        request_id: request_id.filter(|id| is_request_id(*id)).map(|id| id.get().into()),
        component_id: component_id.as_deref().filter(|id| id.len() <= MAX_NAME).map(Into::into),
        original: original.as_deref().filter(|kind| kind.len() <= MAX_NAME).map(Into::into),
        upload_id: match original.as_deref() {
            Some(kind) if upload::is_one(kind) => upload::id(text).as_deref().map(Into::into),
            _ => None,
        },
    };
    if request_id.is_some_and(|id| !is_request_id(id)) {
        return Err(refuse(Code::BadMessage, "`requestId` must be a string or number of at most 256 bytes"));
    }
    if envelope.component_id.is_some() && component_id.as_ref().is_none_or(|id| id.len() > MAX_NAME) {
        return Err(refuse(Code::BadMessage, "`componentId` must be a string of at most 256 bytes"));
    }
    let Some(call) = call_id(envelope.call_id) else {
        return Err(refuse(Code::BadMessage, "`callId` must be an origin, `-` and a number from 1"));
    };
    let Some(acked) = number(envelope.acked) else {
        return Err(refuse(Code::BadMessage, "`acked` must be a number from 0"));
    };
    // Older clients do not know the word, whatever it means to them.
    let Some(optimistic) = flag(envelope.optimistic.filter(|_| !dialect.is_legacy())) else {
        return Err(refuse(Code::BadMessage, "`optimistic` must be true or false"));
    };
    let Some(kind) = original.as_deref() else {
        return Err(refuse(Code::BadMessage, "`type` must be a string"));
    };

    let body = match chunk {
        Some(_) if kind != "FILE_UPLOAD_CHUNK" => {
            Err((Code::BadChunk, "a binary frame carries a chunk of an upload"))
        }
        _ if upload::is_one(kind) => upload::read(kind, text, chunk, &envelope, dialect),
        _ => body(kind, &envelope, dialect),
    };
    let body = body.map_err(|(code, error)| refuse(code, error))?;
    let expect_response = envelope.expect_response.is_some_and(|raw| raw.get() == "true");
    Ok(ClientMessage { request_id, expect_response, component_id, call, acked, optimistic, levels, body })
}

/// The envelope of a message that is not like most.
#[cold]
fn parse(text: &str) -> Result<Envelope<'_>, Refusal> {
    // A derived struct would also read an array, by position.
    if text.trim_start().as_bytes().first() != Some(&b'{') {
        return Err(Refusal::frame(Code::BadMessage, "a message is a JSON object"));
    }
    match serde_json::from_str(text) {
        Ok(envelope) => Ok(envelope),
        Err(error) if error.is_data() => {
            Err(Refusal::frame(Code::BadMessage, "a field of the message is there twice"))
        }
        Err(_) => Err(Refusal::frame(Code::BadJson, "Invalid JSON")),
    }
}

fn body<'a>(kind: &str, envelope: &Envelope<'a>, dialect: Dialect) -> Result<ClientBody<'a>, Fault> {
    let payload = || object::<Payload<'a>>(envelope.payload);
    Ok(match kind {
        "CALL_ACTION" => ClientBody::Call {
            action: (envelope.text(envelope.action))
                .filter(|text| text.len() <= MAX_NAME)
                .ok_or(bad("`action` must be a short string"))?,
            args: envelope.payload,
        },
        "COMPONENT_MOUNT" => {
            let payload = payload()?;
            let component = name(legacy::component_name(&payload, dialect))
                .ok_or(bad("`payload.component` must be a short string"))?;
            let schema = schema(&payload).ok_or(bad("`payload.schema` must be a number from 1"))?;
            ClientBody::Mount { component, props: payload.props, schema }
        }
        "SESSION_RESUME" => {
            let token = payload()?.token.and_then(string).filter(|token| token.len() <= MAX_TOKEN);
            let token = token.ok_or(bad("`payload.token` must be the token of a hello"))?;
            ClientBody::ResumeSession { token }
        }
        "COMPONENT_RESUME" => ClientBody::Resume(Box::new(resume(&payload()?)?)),
        "COMPONENT_UNMOUNT" => ClientBody::Unmount,
        "PROPERTY_UPDATE" => {
            let payload = payload()?;
            let property = name(legacy::property_name(envelope.property, &payload, dialect))
                .ok_or(bad("`property` must be a short string"))?;
            ClientBody::Write { property, value: payload.value }
        }
        "PROPS_UPDATE" => ClientBody::Props { props: payload()?.props },
        "COMPONENT_EVENT" => {
            ClientBody::Event { event: payload()?.event.ok_or(bad("`payload.event` is missing"))? }
        }
        "STATE_RESYNC" => ClientBody::Resync,
        "COMPONENT_PING" => ClientBody::Ping,
        "AUTH" => ClientBody::Auth { credentials: envelope.payload },
        "CALL_BATCH" => batch::read(envelope.payload)?,
        "QUIET" if !dialect.is_legacy() => {
            let on = payload()?.on.and_then(|raw| raw.get().parse().ok());
            ClientBody::Quiet { on: on.ok_or(bad("`payload.on` must be true or false"))? }
        }
        _ if dialect.is_legacy() => rooms::read_legacy(kind, envelope)?,
        "LIST_READ" => list::read(envelope)?,
        _ => rooms::read(kind, envelope)?,
    })
}

fn resume<'a>(payload: &Payload<'a>) -> Result<Resume<'a>, Fault> {
    let fresh = payload.fresh.is_some_and(|raw| raw.get() == "true");
    let have = number(payload.have).ok_or(bad("`payload.have` must be a version"))?;
    let snapshot = payload.snapshot.map(|raw| string(raw).ok_or(bad("`payload.snapshot` must be a string")));
    Ok(Resume {
        component: name(payload.component).ok_or(bad("`payload.component` must be a short string"))?,
        name: name(payload.name).ok_or(bad("`payload.name` must be a short string"))?,
        schema: schema(payload).ok_or(bad("`payload.schema` must be a number from 1"))?,
        have: (!fresh).then_some(have),
        heard: number(payload.heard).ok_or(bad("`payload.heard` must be the number of an event"))?,
        snapshot: snapshot.transpose()?,
        props: payload.props,
        rooms: payload.rooms.map_or(Ok(Vec::new()), rooms::heard)?,
        doubt: payload.doubt.map_or(Ok(Vec::new()), doubt)?,
    })
}

/// The names of calls.
fn doubt(raw: Raw<'_>) -> Result<Vec<CallId>, Fault> {
    let calls = items(raw.get(), MAX_DOUBT).filter(|calls| calls.total <= MAX_DOUBT);
    let calls = calls.ok_or(bad("`payload.doubt` must be a list of at most 256 calls"))?;
    let call = |raw: Raw<'_>| string(raw)?.parse().ok();
    let calls: Option<_> = calls.first.into_iter().map(call).collect();
    calls.ok_or(bad("each of `payload.doubt` must be an origin, `-` and a number from 1"))
}

fn schema(payload: &Payload<'_>) -> Option<u32> {
    match payload.schema {
        None => Some(1),
        Some(raw) => raw.get().parse().ok().filter(|schema| *schema > 0),
    }
}

/// A whole number from 0, 0 if it is not there.
fn number(raw: Option<Raw<'_>>) -> Option<u64> {
    raw.map_or(Some(0), |raw| raw.get().parse().ok())
}

/// `true` or `false`, `false` if it is not there.
fn flag(raw: Option<Raw<'_>>) -> Option<bool> {
    raw.map_or(Some(false), |raw| raw.get().parse().ok())
}

/// A call's name, if it has one.
fn call_id(raw: Option<Raw<'_>>) -> Option<Option<CallId>> {
    raw.map(|raw| string(raw)?.parse().ok()).map_or(Some(None), |call| call.map(Some))
}

/// The parts of an object, none if it is not there.
fn object<'a, T: Deserialize<'a> + Default>(raw: Option<Raw<'a>>) -> Result<T, Fault> {
    let Some(raw) = raw else { return Ok(T::default()) };
    // A derived struct would also read an array, by position.
    let text = Some(raw.get()).filter(|text| text.starts_with('{'));
    let parts = text.and_then(|text| serde_json::from_str(text).ok());
    parts.ok_or(bad("`payload` must be an object that has no field twice"))
}

/// The text of a JSON string; borrowed unless it holds escapes.
fn string(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    // It is one string, so all that can end it before its end is an escape.
    if plain::end(inner.as_bytes(), 0) != inner.len() {
        return serde_json::from_str::<String>(raw.get()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

fn name(raw: Option<Raw<'_>>) -> Option<Cow<'_, str>> {
    raw.and_then(string).filter(|text| text.len() <= MAX_NAME)
}

fn is_request_id(raw: Raw<'_>) -> bool {
    let text = raw.get();
    text.len() <= MAX_NAME
        && text.starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, code: Code, request_id: Option<&str>) {
        let refusal = decode(text, Dialect::NATIVE).expect_err(text);
        assert_eq!((refusal.code, refusal.request_id.as_deref()), (code, request_id), "{text}: {refusal:?}");
    }

    #[test]
    fn a_call_is_read_without_touching_its_arguments() {
        let text = r#"{"type":"CALL_ACTION","componentId":"live-1","action":"add","payload":{"by":1},"requestId":"r","x":[]}"#;
        let message = decode(text, Dialect::NATIVE).unwrap();
        assert_eq!(message.component_id.as_deref(), Some("live-1"));
        assert_eq!(message.request_id.unwrap().get(), "\"r\"");
        let ClientBody::Call { action, args } = message.body else { panic!("{:?}", message.body) };
        assert_eq!((action.as_ref(), args.unwrap().get()), ("add", r#"{"by":1}"#));
    }

    #[test]
    fn what_is_not_a_message_is_refused_with_the_id_it_came_with() {
        refused("null", Code::BadMessage, None);
        refused("[1]", Code::BadMessage, None);
        refused("{", Code::BadJson, None);
        refused(r#"{"type":"A","type":"B"}"#, Code::BadMessage, None);
        refused(r#"{"requestId":"r"}"#, Code::BadMessage, Some("\"r\""));
        refused(r#"{"type":5,"requestId":1}"#, Code::BadMessage, Some("1"));
        refused(r#"{"type":"NOPE","requestId":1}"#, Code::UnknownType, Some("1"));
        refused(r#"{"type":"CALL_ACTION","requestId":1}"#, Code::BadPayload, Some("1"));
        refused(r#"{"type":"CALL_ACTION","componentId":{},"requestId":1}"#, Code::BadMessage, Some("1"));
        refused(r#"{"type":"COMPONENT_MOUNT","payload":[],"requestId":1}"#, Code::BadPayload, Some("1"));
        refused(r#"{"type":"COMPONENT_MOUNT","requestId":1}"#, Code::BadPayload, Some("1"));
        refused(r#"{"type":"COMPONENT_PING","requestId":{"a":1}}"#, Code::BadMessage, None);
        refused(
            r#"{"type":"CALL_ACTION","action":"a","callId":"x","requestId":1}"#,
            Code::BadMessage,
            Some("1"),
        );
        refused(
            r#"{"type":"CALL_ACTION","action":"a","acked":-1,"requestId":1}"#,
            Code::BadMessage,
            Some("1"),
        );
        refused(r#"{"type":"SESSION_RESUME","requestId":1}"#, Code::BadPayload, Some("1"));
        refused(
            r#"{"type":"COMPONENT_RESUME","payload":{"component":"C","name":"n","have":1.5},"requestId":1}"#,
            Code::BadPayload,
            Some("1"),
        );
        refused(
            r#"{"type":"COMPONENT_MOUNT","payload":{"component":"C","schema":0},"requestId":1}"#,
            Code::BadPayload,
            Some("1"),
        );
        for wrong in ["1", "\"true\"", "[]"] {
            let text = format!(r#"{{"type":"CALL_ACTION","action":"a","optimistic":{wrong},"requestId":1}}"#);
            refused(&text, Code::BadMessage, Some("1"));
            refused(
                &format!(r#"{{"type":"QUIET","payload":{{"on":{wrong}}},"requestId":1}}"#),
                Code::BadPayload,
                Some("1"),
            );
        }
        refused(r#"{"type":"QUIET","requestId":1}"#, Code::BadPayload, Some("1"));
        refused(r#"{"type":"QUIET","payload":{"on":null},"requestId":1}"#, Code::BadPayload, Some("1"));
        let long = format!(r#"{{"type":"COMPONENT_PING","requestId":"{}"}}"#, "x".repeat(300));
        refused(&long, Code::BadMessage, None);
    }

    #[test]
    fn a_client_that_comes_back_says_where_it_stands() {
        let text = r#"{"type":"COMPONENT_RESUME","componentId":"live-1","payload":{"component":"C","name":"C:a","have":7,"heard":2,"schema":3},"requestId":1}"#;
        let ClientBody::Resume(resume) = decode(text, Dialect::NATIVE).unwrap().body else {
            panic!("{text}")
        };
        assert_eq!((resume.have, resume.heard, resume.schema), (Some(7), 2, 3));
        let fresh = text.replace("\"have\":7", "\"fresh\":true");
        let ClientBody::Resume(resume) = decode(&fresh, Dialect::NATIVE).unwrap().body else {
            panic!("{fresh}")
        };
        assert_eq!(resume.have, None);
        assert!(resume.props.is_none());
        let member = text.replace("\"have\":7", "\"props\":{\"room\":1}");
        let ClientBody::Resume(resume) = decode(&member, Dialect::NATIVE).unwrap().body else {
            panic!("{member}")
        };
        assert_eq!(resume.props.map(Raw::get), Some(r#"{"room":1}"#));
        let call = r#"{"type":"CALL_ACTION","action":"a","callId":"o-2","acked":1}"#;
        let message = decode(call, Dialect::NATIVE).unwrap();
        assert_eq!((message.call.map(|call| call.number()), message.acked), (Some(2), 1));
    }

    #[test]
    fn a_client_that_comes_back_says_which_calls_it_is_in_doubt_of() {
        let resume = |doubt: &str| {
            let text = format!(
                r#"{{"type":"COMPONENT_RESUME","payload":{{"component":"C","name":"n","doubt":{doubt}}},"requestId":1}}"#
            );
            match decode(&text, Dialect::NATIVE) {
                Ok(message) => match message.body {
                    ClientBody::Resume(resume) => {
                        Ok(resume.doubt.iter().map(ToString::to_string).collect::<Vec<_>>())
                    }
                    other => panic!("{other:?}"),
                },
                Err(refusal) => {
                    assert_eq!(refusal.request_id.as_deref(), Some("1"));
                    Err(refusal.code)
                }
            }
        };
        assert_eq!(resume(r#"["a-1","b-22"]"#), Ok(vec!["a-1".to_owned(), "b-22".to_owned()]));
        assert_eq!((resume("[]"), resume("null")), (Ok(Vec::new()), Ok(Vec::new())));
        let many = |count: usize| format!("[{}]", vec!["\"a-1\""; count].join(","));
        assert_eq!(resume(&many(MAX_DOUBT)).map(|calls| calls.len()), Ok(MAX_DOUBT));
        let long = format!("[\"{}-1\"]", "x".repeat(41));
        for wrong in ["{}", "\"a-1\"", "5", "[5]", r#"["a-0"]"#, r#"[["a-1"]]"#, &many(MAX_DOUBT + 1), &long]
        {
            assert_eq!(resume(wrong), Err(Code::BadPayload), "{wrong:.40}");
        }
    }

    #[test]
    fn a_guess_and_quiet_are_for_ours_only() {
        let call = r#"{"type":"CALL_ACTION","action":"a","callId":"a-1","optimistic":true}"#;
        let is_optimistic = |text: &str, dialect| decode(text, dialect).map(|message| message.optimistic);
        assert_eq!(is_optimistic(call, Dialect::NATIVE), Ok(true));
        assert_eq!(is_optimistic(call, Dialect::LEGACY), Ok(false));
        assert_eq!(is_optimistic(&call.replace("true", "{}"), Dialect::LEGACY), Ok(false));
        for word in ["false", "null"] {
            assert_eq!(is_optimistic(&call.replace("true", word), Dialect::NATIVE), Ok(false));
        }
        for on in [true, false] {
            let quiet = format!(r#"{{"type":"QUIET","payload":{{"on":{on}}}}}"#);
            let body = decode(&quiet, Dialect::NATIVE).map(|message| message.body);
            assert!(matches!(body, Ok(ClientBody::Quiet { on: read }) if read == on));
            let legacy = decode(&quiet, Dialect::LEGACY).map(|_| ()).map_err(|refusal| refusal.code);
            assert_eq!(legacy, Err(Code::UnknownType));
        }
    }

    #[test]
    fn credentials_are_not_looked_at() {
        let check = |payload: &str, expected: Option<&str>| {
            let text = format!(r#"{{"type":"AUTH","payload":{payload},"requestId":1}}"#);
            for dialect in [Dialect::NATIVE, Dialect::LEGACY] {
                let body = decode(&text, dialect).unwrap().body;
                let ClientBody::Auth { credentials } = body else { panic!("{body:?}") };
                assert_eq!(credentials.map(Raw::get), expected);
            }
        };
        check(r#"{"token":"t","provider":"p","x":[]}"#, Some(r#"{"token":"t","provider":"p","x":[]}"#));
        check("{}", Some("{}"));
        check("null", None);
        check("[5]", Some("[5]"));
    }

    #[test]
    fn older_spellings_are_for_older_clients() {
        let mount = r#"{"type":"COMPONENT_MOUNT","payload":{"componentName":"Counter"}}"#;
        assert!(decode(mount, Dialect::NATIVE).is_err());
        let message = decode(mount, Dialect::LEGACY).unwrap();
        assert!(matches!(message.body, ClientBody::Mount { component, .. } if component == "Counter"));
        let write = r#"{"type":"PROPERTY_UPDATE","payload":{"property":"name","value":null}}"#;
        let message = decode(write, Dialect::LEGACY).unwrap();
        assert!(matches!(message.body, ClientBody::Write { property, value: None } if property == "name"));
    }
}
