//! From a frame to what it says, as a tab reads it: strictly, because what cannot be read was not said by a server.

use std::borrow::Cow;

use fluxstack_live_protocol::{Delta, frame};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// One message of the server.
pub(super) enum Said<'a> {
    /// The first one, with the token of a session.
    Hello {
        token: String,
    },
    /// The answer to a request.
    Answer(Answer<'a>),
    /// A sign of life.
    Pong,
    /// A change of state; `None` if it could not be read, and the instance has to ask again.
    Delta {
        id: Cow<'a, str>,
        delta: Option<Box<Delta>>,
    },
    /// A whole state; `None` likewise.
    Whole {
        id: Cow<'a, str>,
        whole: Option<Whole>,
    },
    Event {
        id: Cow<'a, str>,
        seq: u64,
        event: &'a RawValue,
    },
    Missed {
        id: Cow<'a, str>,
        count: u64,
    },
    Snapshot {
        id: Cow<'a, str>,
        snapshot: String,
    },
    /// Something went wrong with an instance, or with the connection.
    Complaint {
        id: Option<Cow<'a, str>>,
        code: Cow<'a, str>,
    },
}

/// The answer to a request.
pub(super) struct Answer<'a> {
    pub(super) request: u64,
    /// What it says it answers.
    pub(super) original: Option<Cow<'a, str>>,
    /// What it says it is about.
    pub(super) about: Option<Cow<'a, str>>,
    pub(super) outcome: Result<Option<&'a RawValue>, Cow<'a, str>>,
}

/// A whole state.
pub(super) struct Whole {
    pub(super) state: Map<String, Value>,
    pub(super) version: u64,
    pub(super) digest: u32,
}

/// What a mount or a return was answered.
#[derive(Deserialize)]
pub(super) struct Stands {
    pub(super) outcome: Option<String>,
    pub(super) frames: Option<u64>,
    #[serde(rename = "componentId")]
    pub(super) id: Option<String>,
    #[serde(rename = "initialState")]
    pub(super) state: Option<Map<String, Value>>,
    pub(super) version: u64,
    pub(super) digest: u32,
    pub(super) seq: Option<u64>,
    #[serde(default)]
    pub(super) outdated: bool,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, rename = "componentId")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "requestId")]
    request: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "originalType")]
    original: Option<Cow<'a, str>>,
    success: Option<bool>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    session: Option<Token>,
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

#[derive(Deserialize)]
struct Update {
    state: Map<String, Value>,
    version: u64,
    digest: u32,
}

#[derive(Deserialize)]
struct Happened<'a> {
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    seq: Option<u64>,
    missed: Option<u64>,
}

#[derive(Deserialize)]
struct Kept {
    snapshot: String,
}

/// The messages of a frame, or `None` if there is one that no server says.
pub(super) fn frame(bytes: &[u8]) -> Option<Vec<Said<'_>>> {
    let text = std::str::from_utf8(bytes).ok()?;
    frame::split(text, true).ok()?.iter().map(message).collect()
}

fn message(text: &str) -> Option<Said<'_>> {
    let envelope: Envelope<'_> = serde_json::from_str(text).ok()?;
    let Envelope { kind, id, request, original, success, result, code, payload, session } = envelope;
    Some(match &*kind {
        "CONNECTION_ESTABLISHED" => Said::Hello { token: session?.token },
        "COMPONENT_PONG" if request.is_none() => Said::Pong,
        "MESSAGE_RESPONSE" | "ACTION_RESPONSE" | "COMPONENT_PONG" => {
            let request = request?.parse().ok()?;
            let outcome = match (success?, &*kind) {
                (true, _) => Ok(result),
                (false, "COMPONENT_PONG") => Err("REHYDRATION_REQUIRED".into()),
                (false, _) => Err(code?),
            };
            let original =
                if kind == "COMPONENT_PONG" { Some("COMPONENT_PING".into()) } else { Some(original?) };
            Said::Answer(Answer { request, original, about: id, outcome })
        }
        "ERROR" => match request {
            Some(request) => Said::Answer(Answer {
                request: request.parse().ok()?,
                original: None,
                about: id,
                outcome: Err(code?),
            }),
            None => Said::Complaint { id, code: code? },
        },
        "STATE_DELTA" => {
            let delta = payload.and_then(|payload| Delta::parse(payload.get().as_bytes()).ok());
            Said::Delta { id: id?, delta: delta.map(Box::new) }
        }
        "STATE_UPDATE" => {
            let update: Option<Update> = payload.and_then(read);
            let whole = update.map(|Update { state, version, digest }| Whole { state, version, digest });
            Said::Whole { id: id?, whole }
        }
        "COMPONENT_EVENT" => match read::<Happened<'_>>(payload?)? {
            Happened { missed: Some(count), .. } => Said::Missed { id: id?, count },
            Happened { event, seq, .. } => Said::Event { id: id?, seq: seq?, event: event? },
        },
        "STATE_SNAPSHOT" => Said::Snapshot { id: id?, snapshot: read::<Kept>(payload?)?.snapshot },
        // A server says to nobody what they have not said they understand.
        _ => return None,
    })
}

/// Reads a part of a message.
pub(super) fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}
