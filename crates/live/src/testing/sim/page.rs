//! A tab and the page that is loaded in it: a client as `docs/protocol.md` wants it, without a browser.
//!
//! ```text
//! waiting ──timer──► opening ──hello──► open ──lost──► waiting
//!    ▲                  └────── refused, or no hello in time ─────┘
//! ```
//!
//! A state machine that is told what happens and leaves behind what it wants: text to send, a socket to let go
//! of, a socket to be made. It never waits; the world does, and asks [`Page::next_due`] for how long. What is
//! in [`Handle`] is one component as the page shows it: `lifecycle` brings it back, `state` keeps it in step,
//! `line` holds its calls until they are answered.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::corrupt::Carried;
use super::desk::Desk;
use super::read::{self, Answer, Said, frame};

mod handle;
mod lifecycle;
mod line;
mod socket;
mod state;

pub use handle::Outcome;
pub(super) use handle::{Handle, Phase};

/// The first wait after a loss is a random part of this, in ms; each next may be twice as long.
const BACKOFF_START: u64 = 250;
/// No wait is longer than this, in ms.
const BACKOFF_CAP: u64 = 15_000;
/// Messages in one frame.
const BATCH: usize = 64;

/// Where a page stands with its socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// It will have one, now or at this time.
    Waiting(u64),
    /// Made then, and no hello yet.
    Opening(u32, u64),
    Open(u32),
}

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Session,
    Mount,
    /// Asks an instance back, with a snapshot or without.
    Resume {
        carries: bool,
    },
    Unmount,
    Call(usize),
    Resync,
    /// A whole state to compare with, not to show.
    Probe,
    /// Whether the connection has the instance.
    Confirm,
}

impl Kind {
    const fn original(self) -> &'static str {
        match self {
            Self::Session => "SESSION_RESUME",
            Self::Mount => "COMPONENT_MOUNT",
            Self::Resume { .. } => "COMPONENT_RESUME",
            Self::Unmount => "COMPONENT_UNMOUNT",
            // The one that is not always the same is checked where it is made.
            Self::Call(_) => "",
            Self::Resync | Self::Probe => "STATE_RESYNC",
            Self::Confirm => "COMPONENT_PING",
        }
    }
}

struct Request {
    kind: Kind,
    handle: usize,
    /// The turn of the handle in which it was asked.
    turn: u64,
    /// What the message was about.
    about: Option<String>,
    at: u64,
}

/// What a page made of a frame.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) is_unreadable: bool,
    pub(super) is_disproved: bool,
    pub(super) is_elsewhere: bool,
    pub(super) is_astray: bool,
    /// The states that were shown because of it.
    pub(super) shown: Vec<Carried>,
}

/// See the module.
pub(super) struct Page {
    pub(super) name: String,
    /// Times this tab was loaded.
    pub(super) load: u32,
    origin: Rc<str>,
    pub(super) subject: String,
    pub(super) caps: &'static str,
    pub(super) token: Option<String>,
    /// The token the last hello brought.
    given: String,
    /// Why the session was not taken up on this connection.
    refusal: Option<String>,
    pub(super) link: Link,
    pub(super) handles: Vec<Handle>,
    /// Frozen until then.
    pub(super) asleep: Option<u64>,
    /// Closed for good.
    pub(super) is_closed: bool,
    /// Something happened to it after which being reset is no wonder.
    pub(super) is_excused: bool,
    /// A frame said something else than the server did, where no digest reaches.
    pub(super) is_tainted: bool,
    /// Milliseconds a frame takes.
    pub(super) latency: u64,
    attempt: u32,
    requests: BTreeMap<u64, Request>,
    last_request: u64,
    /// What is asked on this connection is higher than this.
    first_request: u64,
    last_number: u64,
    heard_at: u64,
    pinged_at: Option<u64>,
    /// Instances it had at any time.
    former: BTreeSet<String>,
    /// Messages to be sent.
    out: Vec<String>,
    /// Sockets it let go of.
    pub(super) dropped: Vec<u32>,
    pub(super) wants_socket: bool,
    reading: Reading,
    /// Whether the frame that is being read was changed on its way: for the books, not for what the page does.
    is_reading_changed: bool,
    /// Whether nothing was done to the frames of this connection.
    pub(super) is_clean: bool,
}

impl Page {
    pub(super) fn new(index: usize, subject: &str, latency: u64) -> Self {
        let mut page = Self {
            name: format!("tab{index}"),
            load: 0,
            origin: "".into(),
            subject: subject.to_owned(),
            caps: "delta,batch,resume",
            token: None,
            given: String::new(),
            refusal: None,
            link: Link::Waiting(0),
            handles: Vec::new(),
            asleep: None,
            is_closed: false,
            is_excused: false,
            is_tainted: false,
            latency,
            attempt: 0,
            requests: BTreeMap::new(),
            last_request: 0,
            first_request: 0,
            last_number: 0,
            heard_at: 0,
            pinged_at: None,
            former: BTreeSet::new(),
            out: Vec::new(),
            dropped: Vec::new(),
            wants_socket: false,
            reading: Reading::default(),
            is_reading_changed: false,
            is_clean: true,
        };
        page.count_load();
        page
    }

    fn count_load(&mut self) {
        self.load += 1;
        self.origin = format!("{}.{}", self.name, self.load).into();
        self.last_number = 0;
    }

    /// What the upgrade request says.
    pub(super) fn query(&self) -> String {
        format!("v=3&caps={}&client={}", self.caps, self.origin)
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.link, Link::Open(_))
    }

    /// Its socket, if it has one.
    pub(super) fn socket(&self) -> Option<u32> {
        match self.link {
            Link::Opening(socket, _) | Link::Open(socket) => Some(socket),
            Link::Waiting(_) => None,
        }
    }

    /// Whether it waits for nothing.
    pub(super) fn is_quiet(&self) -> bool {
        self.is_closed
            || self.is_open() && self.requests.is_empty() && self.handles.iter().all(Handle::is_quiet)
    }

    // Saying and being told.

    /// The frames that are to leave.
    pub(super) fn take_frames(&mut self) -> Vec<String> {
        if self.out.is_empty() || !self.is_open() || self.asleep.is_some() {
            return Vec::new();
        }
        let out = std::mem::take(&mut self.out);
        let join = |messages: &[String]| match messages {
            [message] => message.clone(),
            messages => format!("[{}]", messages.join(",")),
        };
        out.chunks(BATCH).map(join).collect()
    }

    /// Asks something. `message` is an object without its last bracket.
    fn ask(&mut self, kind: Kind, handle: usize, about: Option<&str>, mut message: String, now: u64) {
        self.last_request += 1;
        let request = self.last_request;
        message.push_str(&format!(",\"requestId\":\"{request}\"}}"));
        self.out.push(message);
        let turn = self.handles.get(handle).map_or(0, |handle| handle.turn);
        let about = about.map(str::to_owned);
        self.requests.insert(request, Request { kind, handle, turn, about, at: now });
    }

    /// A frame has come.
    pub(super) fn receive(&mut self, bytes: &[u8], is_changed: bool, desk: &mut Desk) -> Reading {
        self.heard_at = desk.now;
        self.pinged_at = None;
        self.is_reading_changed = is_changed;
        self.reading = Reading::default();
        let socket = self.socket();
        match frame(bytes) {
            Some(messages) => {
                for said in messages {
                    self.hear(said, desk);
                    if self.socket() != socket {
                        break;
                    }
                }
            }
            None => {
                self.reading.is_unreadable = true;
                self.distrust(desk);
            }
        }
        std::mem::take(&mut self.reading)
    }

    fn hear(&mut self, said: Said<'_>, desk: &mut Desk) {
        let id = match said {
            Said::Hello { token } => return self.greet(token, desk),
            Said::Answer(answer) => return self.answered(answer, desk),
            Said::Pong | Said::Complaint { id: None, .. } => return,
            Said::Delta { ref id, .. }
            | Said::Whole { ref id, .. }
            | Said::Event { ref id, .. }
            | Said::Missed { ref id, .. }
            | Said::Snapshot { ref id, .. }
            | Said::Complaint { id: Some(ref id), .. } => id,
        };
        let Some(handle) = self.handles.iter().position(|handle| handle.listens_to(id)) else {
            // What it had and has no more may still be on its way; what it never had was meant for nobody.
            if !self.former.contains(&**id) {
                self.reading.is_astray = true;
                self.distrust(desk);
            }
            return;
        };
        match said {
            Said::Delta { delta, .. } => self.delta(handle, delta.as_deref(), desk),
            Said::Whole { whole, .. } => self.whole(handle, whole, desk),
            Said::Event { seq, event, .. } => self.event(handle, seq, event, desk),
            Said::Missed { count, .. } => self.missed(handle, count, desk),
            Said::Snapshot { snapshot, .. } => self.handles[handle].snapshot = Some(snapshot),
            Said::Complaint { code, .. } => self.gone(handle, &code, desk),
            Said::Hello { .. } | Said::Answer(_) | Said::Pong => {}
        }
    }

    /// The server is there: the session is presented first, then every instance is asked back.
    fn greet(&mut self, token: String, desk: &mut Desk) {
        let Link::Opening(socket, _) = self.link else { return };
        desk.line(&self.name, format_args!("open"));
        self.link = Link::Open(socket);
        self.first_request = self.last_request;
        self.refusal = None;
        self.attempt = 0;
        match &self.token {
            None => self.token = Some(token),
            Some(kept) => {
                let message =
                    format!("{{\"type\":\"SESSION_RESUME\",\"payload\":{{\"token\":{}}}", text(kept));
                self.given = token;
                self.ask(Kind::Session, usize::MAX, None, message, desk.now);
            }
        }
        for handle in 0..self.handles.len() {
            self.opened(handle, desk);
        }
    }

    fn answered(&mut self, answer: Answer<'_>, desk: &mut Desk) {
        let Some(request) = self.requests.remove(&answer.request) else {
            self.reading.is_astray = true;
            let was_asked = answer.request > self.first_request && answer.request <= self.last_request;
            if self.is_clean {
                desk.break_promise(
                    &self.name.clone(),
                    "a request was answered twice, or was none".to_owned(),
                );
            }
            if !was_asked {
                self.distrust(desk);
            }
            return;
        };
        let fits = |said: &Option<_>, asked: Option<&str>| match (said.as_deref(), asked) {
            (Some(said), Some(asked)) => said == asked,
            // Some answers do not say it.
            (None, _) | (_, None) => true,
        };
        let original = self.original(&request);
        if !fits(&answer.original, Some(original)) || !fits(&answer.about, request.about.as_deref()) {
            self.reading.is_astray = true;
            return self.distrust(desk);
        }
        let Answer { outcome, .. } = answer;
        if request.kind == Kind::Session {
            return match outcome {
                Ok(result) => match result.and_then(read::read::<Taken>) {
                    Some(Taken { token }) => self.token = Some(token),
                    None => self.misread(desk),
                },
                Err(code) if is_passing(&code) => {
                    desk.line(&self.name, format_args!("session: {code}, tries again"));
                    self.retry(desk);
                }
                Err(code) => {
                    desk.line(&self.name, format_args!("session: {code}"));
                    self.refusal = Some(code.into_owned());
                    self.token = Some(std::mem::take(&mut self.given));
                }
            };
        }
        self.settle(&request, outcome, desk);
    }

    fn original(&self, request: &Request) -> &'static str {
        match request.kind {
            Kind::Call(call) => {
                let line = self.handles.get(request.handle).map(|handle| &handle.line);
                line.and_then(|line| line.iter().find(|waits| waits.call == call))
                    .map_or("CALL_ACTION", |waits| waits.kind)
            }
            kind => kind.original(),
        }
    }

    /// An answer was readable, but not what it had to be.
    fn misread(&mut self, desk: &mut Desk) {
        self.reading.is_unreadable = true;
        self.distrust(desk);
    }
}

/// A text as JSON: what came from a server may be anything, once a byte of it was changed.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[derive(serde::Deserialize)]
struct Taken {
    token: String,
}

/// Whether trying again later may help, because nothing was done.
fn is_passing(code: &str) -> bool {
    matches!(code, "BUSY" | "RATE_LIMITED" | "TOO_MANY_CALLS" | "SERVER_OUTDATED" | "SNAPSHOT_THROTTLED")
}
