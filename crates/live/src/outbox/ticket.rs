//! The right and the duty to answer one request, exactly once.
//!
//! A ticket is made when a request is read and is consumed by its answer. One that is dropped answers by
//! itself: whatever happens to an instance, no client waits for ever. One of a call in a batch fills its place
//! in the answer to all of them ([`Together`]).

use std::sync::Arc;

use bytes::Bytes;
use fluxstack_live_protocol::encode::write_answer;
use fluxstack_live_protocol::id::Text;
use fluxstack_live_protocol::{CallId, Code, InstanceId, Reply, ReplyKind, ServerMessage, message::Failure};

use super::short::Short;
use super::{Outbox, Together};
use crate::action::Outcome;
use crate::clock;
use crate::error::Error;
use crate::frame;

/// What a request is about, as the client spelled it.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    None,
    Instance(InstanceId),
    Named(Box<str>),
    /// So many calls of these.
    Several {
        instances: Box<[InstanceId]>,
        calls: usize,
    },
}

impl Subject {
    pub(super) fn instance(&self) -> Option<InstanceId> {
        match self {
            Self::Instance(instance) => Some(*instance),
            Self::None | Self::Named(_) | Self::Several { .. } => None,
        }
    }

    /// As how many requests it counts.
    fn calls(&self) -> usize {
        match self {
            Self::Several { calls, .. } => *calls,
            _ => 1,
        }
    }
}

/// See the module. A pointer and no more: it is moved a dozen times between the frame and its answer.
pub(crate) struct Ticket(Option<To>);

/// Where the answer goes.
enum To {
    Client(Box<Open>),
    Place(Box<Place>),
}

/// What the client knows of its request.
#[derive(Default)]
struct Asked {
    /// What it calls the request, if it may send it again; and how far it has its answers.
    call: Option<(CallId, u64)>,
    /// Already, before it is done.
    is_early: bool,
    /// Not all of what it did, because that is held back.
    is_held: bool,
}

/// A place in the answer to a batch.
struct Place {
    together: Arc<Together>,
    at: usize,
    instance: InstanceId,
    asked: Asked,
}

struct Open {
    outbox: Arc<Outbox>,
    kind: ReplyKind,
    subject: Subject,
    /// JSON text; `None` for a client that did not ask for an answer.
    request_id: Option<Short>,
    /// The upload; and for older clients, which want to read it in the answer, the action or the room.
    about: Option<Bytes>,
    /// Bytes of the request that are held until it is answered.
    bytes: usize,
    /// Who is signed in, for the answer to credentials.
    user: Option<Arc<str>>,
    /// The shared instance whose state the answer to a mount shows.
    shows: Option<InstanceId>,
    asked: Asked,
}

impl Ticket {
    pub(crate) fn new(
        outbox: &Arc<Outbox>,
        kind: ReplyKind,
        subject: Subject,
        request_id: Option<&str>,
        about: Option<Bytes>,
        bytes: usize,
    ) -> Self {
        outbox.begin_calls(subject.calls(), bytes);
        let open = Open {
            outbox: Arc::clone(outbox),
            kind,
            subject,
            request_id: request_id.map(Short::from),
            about,
            bytes,
            user: None,
            shows: None,
            asked: Asked::default(),
        };
        Self(Some(To::Client(Box::new(open))))
    }

    /// The ticket of the call at this place of a batch.
    pub(super) fn of_place(together: Arc<Together>, at: usize, instance: InstanceId) -> Self {
        let place = Place { together, at, instance, asked: Asked::default() };
        Self(Some(To::Place(Box::new(place))))
    }

    /// The same for a request that may be sent again.
    #[must_use]
    pub(crate) fn of_call(mut self, call: Option<CallId>, acked: u64) -> Self {
        if let Some(asked) = self.asked_mut() {
            asked.call = call.map(|call| (call, acked));
        }
        self
    }

    /// The same for one that the client shows already, if it has a name.
    #[must_use]
    pub(crate) fn shown_already(mut self, is_early: bool) -> Self {
        if let Some(asked) = self.asked_mut() {
            asked.is_early = is_early;
        }
        self
    }

    /// The same, a part of whose doing is held back: the answer says so to whoever shows it already.
    #[must_use]
    pub(crate) fn held(mut self, is_held: bool) -> Self {
        if let Some(asked) = self.asked_mut() {
            asked.is_held = is_held;
        }
        self
    }

    fn asked(&self) -> Option<&Asked> {
        self.0.as_ref().map(|to| match to {
            To::Client(open) => &open.asked,
            To::Place(place) => &place.asked,
        })
    }

    fn asked_mut(&mut self) -> Option<&mut Asked> {
        self.0.as_mut().map(|to| match to {
            To::Client(open) => &mut open.asked,
            To::Place(place) => &mut place.asked,
        })
    }

    /// The same, whose answer says that this is who is signed in.
    #[must_use]
    pub(crate) fn of_user(mut self, user: Option<Arc<str>>) -> Self {
        if let Some(To::Client(open)) = &mut self.0 {
            open.user = user;
        }
        self
    }

    /// The same, whose answer shows the state of this shared instance, which the client may be told of already.
    #[must_use]
    pub(crate) fn showing(mut self, instance: InstanceId) -> Self {
        if let Some(To::Client(open)) = &mut self.0 {
            open.shows = Some(instance);
        }
        self
    }

    /// What the client calls it, and how far it has its answers.
    pub(crate) fn call(&self) -> Option<(&CallId, u64)> {
        self.asked()?.call.as_ref().map(|(call, acked)| (call, *acked))
    }

    /// What the client calls it, if it shows already what it does.
    pub(crate) fn guess(&self) -> Option<&CallId> {
        let Asked { call, is_early, .. } = self.asked()?;
        call.as_ref().filter(|_| *is_early).map(|(call, _)| call)
    }

    /// The same, now that nothing of the request is held any more.
    #[must_use]
    pub(crate) fn without_bytes(mut self) -> Self {
        if let Some(To::Client(open)) = &mut self.0 {
            open.outbox.settle(std::mem::take(&mut open.bytes));
        }
        self
    }

    /// Answers.
    pub(crate) fn answer(mut self, outcome: Outcome) {
        match self.0.take() {
            Some(To::Client(open)) => open.answer(outcome),
            Some(To::Place(place)) => place.together.fill(place.at, &outcome, place.asked.is_held),
            None => {}
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        match self.0.take() {
            Some(To::Client(open)) => open.abandon(),
            Some(To::Place(place)) => {
                place.together.fill(place.at, &Err(gone(&place.instance.to_string())), false);
            }
            None => {}
        }
    }
}

impl Open {
    /// Nobody has answered it.
    fn abandon(self: Box<Self>) {
        if self.kind == ReplyKind::Unmount {
            // Gone is what was asked for.
            return self.answer(Ok(None));
        }
        if matches!(self.kind, ReplyKind::ResumeSession | ReplyKind::Auth) {
            // The server began to drain before it was known who has it. The session is not refused: whoever
            // took this for a refusal would give up what waits for them. Nor are credentials.
            let said = "the server is going away: ask the next one";
            return self.answer(Err(Error::new(Code::Busy, said)));
        }
        let id = match &self.subject {
            Subject::None | Subject::Several { .. } => String::new(),
            Subject::Instance(instance) => instance.to_string(),
            Subject::Named(name) => name.to_string(),
        };
        self.answer(Err(gone(&id)));
    }

    #[expect(clippy::boxed_local, reason = "it lies in one already, and to move it out would be to copy it")]
    fn answer(self: Box<Self>, outcome: Outcome) {
        self.outbox.settle(self.bytes);
        if let (Ok(result), Subject::Instance(instance), Some(request_id)) =
            (&outcome, &self.subject, &self.request_id)
            && self.is_plain()
        {
            let held = self.asked.is_held;
            let frame = frame::written(|out| {
                write_answer(self.kind, *instance, result.as_deref(), held, request_id, clock::now(), out);
            });
            let subject = self.shows.map_or(self.subject, Subject::Instance);
            return self.outbox.push_reply(self.kind, subject, frame);
        }
        let instance = self.subject.instance().map(InstanceId::text);
        let id = match &self.subject {
            Subject::Named(name) => Some(&**name),
            _ => instance.as_ref().map(Text::as_str),
        };
        let request_id = text(self.request_id.as_deref());
        let about = text(self.about.as_deref());
        let is_about_room = is_about_room(self.kind);
        let is_about_upload = self.kind.is_about_upload();
        let now = clock::now();
        if let Err(error) = &outcome {
            let is_legacy = self.outbox.dialect().is_legacy();
            let is_legacy_call = is_legacy && self.kind.original() == "CALL_ACTION";
            // What an older client asks about a room or an upload is answered in its own frame in any case.
            if is_legacy_call || (request_id.is_none() && !(is_legacy && (is_about_room || is_about_upload)))
            {
                let mut frame = Vec::new();
                ServerMessage::Error {
                    component_id: id,
                    request_id: None,
                    code: error.code(),
                    error: error.message(),
                    action: about.filter(|_| is_legacy_call),
                }
                .write(now, &mut frame);
                self.outbox.push(frame);
            }
        }
        let is_legacy = self.outbox.dialect().is_legacy();
        // Older clients find what is said of an upload by the upload.
        let quiet = request_id.is_none() && !((outcome.is_err() || is_about_upload) && is_legacy);
        if quiet {
            self.outbox.close_calls(self.subject.calls());
            return;
        }
        let mut fields = outcome.as_ref().err().and_then(Error::fields_json);
        // Older clients know it as a field of the frame, and it is no complaint about anything.
        let received = outcome.as_ref().err().filter(|_| is_about_upload).and_then(received);
        let extra = received.map(|received| format!("{{\"{RECEIVED}\":{received}}}").into_bytes());
        if extra.is_some() {
            fields = None;
        }
        let reply = ServerMessage::Reply(Reply {
            kind: self.kind,
            component_id: id,
            request_id,
            user: self.user.as_deref(),
            room: about.filter(|_| is_about_room),
            upload: about.filter(|_| is_about_upload),
            held: self.asked.is_held,
            outcome: told(&outcome, fields.as_deref(), extra.as_deref()),
        });
        let frame = frame::written(|out| reply.write(now, out));
        // What is asked about a room changes no state, so its answer waits for none; the events that follow it do
        // not either.
        let subject = match self.shows {
            Some(instance) => Subject::Instance(instance),
            None if is_about_room => Subject::None,
            None => self.subject,
        };
        self.outbox.push_reply(self.kind, subject, frame);
    }
}

impl Open {
    /// Whether its answer is like most: about an instance and nothing else, and to nobody in particular.
    fn is_plain(&self) -> bool {
        self.about.is_none()
            && self.kind != ReplyKind::Auth
            && !self.kind.is_about_upload()
            && !is_about_room(self.kind)
    }
}

/// What was cut out of a text frame.
fn text(piece: Option<&[u8]>) -> Option<&str> {
    piece.map(|piece| std::str::from_utf8(piece).unwrap_or_default())
}

fn is_about_room(kind: ReplyKind) -> bool {
    use ReplyKind::{EmitRoom, GetRoomState, JoinRoom, LeaveRoom, SetRoomState};
    matches!(kind, JoinRoom | LeaveRoom | EmitRoom | SetRoomState | GetRoomState)
}

/// How many bytes of a file are there, which the answer to a chunk says that did not fit.
const RECEIVED: &str = "bytesUploaded";

fn received(error: &Error) -> Option<u64> {
    error.field(RECEIVED)?.parse().ok()
}

/// What the client is told of it.
pub(super) fn told<'a>(
    outcome: &'a Outcome,
    fields: Option<&'a [u8]>,
    extra: Option<&'a [u8]>,
) -> Result<Option<&'a [u8]>, Failure<'a>> {
    match outcome {
        Ok(result) => Ok(result.as_deref()),
        Err(error) => Err(Failure { code: error.code(), error: error.message(), fields, extra }),
    }
}

/// The answer to whoever names an instance this connection does not have.
#[cold]
pub(crate) fn gone(id: &str) -> Error {
    // The exact text is what older clients look for.
    Error::new(Code::RehydrationRequired, format!("COMPONENT_REHYDRATION_REQUIRED:{id}"))
}
