//! The right and the duty to answer one request, exactly once.
//!
//! A ticket is made when a request is read and is consumed by its answer. One that is dropped answers by
//! itself: whatever happens to an instance, no client waits for ever.

use std::sync::Arc;

use bytes::Bytes;
use fluxstack_live_protocol::{CallId, Code, InstanceId, Reply, ReplyKind, ServerMessage, message::Failure};

use super::Outbox;
use crate::action::Outcome;
use crate::clock;
use crate::error::Error;

/// What a request is about, as the client spelled it.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    None,
    Instance(InstanceId),
    Named(Box<str>),
}

/// See the module.
pub(crate) struct Ticket(Option<Open>);

struct Open {
    outbox: Arc<Outbox>,
    kind: ReplyKind,
    subject: Subject,
    /// JSON text; `None` for a client that did not ask for an answer.
    request_id: Option<Bytes>,
    /// Only for older clients, which want to read it in the answer: the action, or the room.
    about: Option<Bytes>,
    /// Bytes of the request that are held until it is answered.
    bytes: usize,
    /// What the client calls it, if it may send it again; and how far it has its answers.
    call: Option<(CallId, u64)>,
    /// Who is signed in, for the answer to credentials.
    user: Option<Arc<str>>,
}

impl Ticket {
    pub(crate) fn new(
        outbox: &Arc<Outbox>,
        kind: ReplyKind,
        subject: Subject,
        request_id: Option<Bytes>,
        about: Option<Bytes>,
        bytes: usize,
    ) -> Self {
        outbox.open_call(bytes);
        let (outbox, call, user) = (Arc::clone(outbox), None, None);
        Self(Some(Open { outbox, kind, subject, request_id, about, bytes, call, user }))
    }

    /// The same for a request that may be sent again.
    #[must_use]
    pub(crate) fn of_call(mut self, call: Option<CallId>, acked: u64) -> Self {
        if let Some(open) = &mut self.0 {
            open.call = call.map(|call| (call, acked));
        }
        self
    }

    /// The same, whose answer says that this is who is signed in.
    #[must_use]
    pub(crate) fn of_user(mut self, user: Option<Arc<str>>) -> Self {
        if let Some(open) = &mut self.0 {
            open.user = user;
        }
        self
    }

    /// What the client calls it, and how far it has its answers.
    pub(crate) fn call(&self) -> Option<(&CallId, u64)> {
        self.0.as_ref()?.call.as_ref().map(|(call, acked)| (call, *acked))
    }

    /// Answers.
    pub(crate) fn answer(mut self, outcome: Outcome) {
        if let Some(open) = self.0.take() {
            open.answer(outcome);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            if open.kind == ReplyKind::Unmount {
                // Gone is what was asked for.
                return open.answer(Ok(None));
            }
            if matches!(open.kind, ReplyKind::ResumeSession | ReplyKind::Auth) {
                // The server began to drain before it was known who has it. The session is not refused: whoever
                // took this for a refusal would give up what waits for them. Nor are credentials.
                let said = "the server is going away: ask the next one";
                return open.answer(Err(Error::new(Code::Busy, said)));
            }
            let id = match &open.subject {
                Subject::Instance(instance) => instance.to_string(),
                Subject::Named(name) => name.to_string(),
                Subject::None => String::new(),
            };
            open.answer(Err(gone(&id)));
        }
    }
}

/// The answer to whoever names an instance this connection does not have.
#[cold]
pub(crate) fn gone(id: &str) -> Error {
    // The exact text is what older clients look for.
    Error::new(Code::RehydrationRequired, format!("COMPONENT_REHYDRATION_REQUIRED:{id}"))
}

impl Open {
    fn answer(self, outcome: Outcome) {
        self.outbox.settle(self.bytes);
        let text = |bytes: &Bytes| std::str::from_utf8(bytes).unwrap_or_default().to_owned();
        let id = match &self.subject {
            Subject::None => None,
            Subject::Instance(instance) => Some(instance.to_string()),
            Subject::Named(name) => Some(name.to_string()),
        };
        let request_id = self.request_id.as_ref().map(text);
        let about = self.about.as_ref().map(text);
        let is_about_room = is_about_room(self.kind);
        let now = clock::now();
        if let Err(error) = &outcome {
            let is_legacy = self.outbox.dialect().is_legacy();
            let is_legacy_call = is_legacy && self.kind.original() == "CALL_ACTION";
            // What an older client asks about a room is answered with an `ERROR` in any case.
            if is_legacy_call || (request_id.is_none() && !(is_legacy && is_about_room)) {
                let mut frame = Vec::new();
                ServerMessage::Error {
                    component_id: id.as_deref(),
                    request_id: None,
                    code: error.code(),
                    error: error.message(),
                    action: about.as_deref().filter(|_| is_legacy_call),
                }
                .write(now, &mut frame);
                self.outbox.push(frame);
            }
        }
        let quiet = request_id.is_none() && !(outcome.is_err() && self.outbox.dialect().is_legacy());
        if quiet {
            self.outbox.close_call();
            return;
        }
        let fields = outcome.as_ref().err().and_then(Error::fields_json);
        let outcome = match &outcome {
            Ok(result) => Ok(result.as_deref()),
            Err(error) => {
                Err(Failure { code: error.code(), error: error.message(), fields: fields.as_deref() })
            }
        };
        let mut frame = Vec::with_capacity(192);
        ServerMessage::Reply(Reply {
            kind: self.kind,
            component_id: id.as_deref(),
            request_id: request_id.as_deref(),
            user: self.user.as_deref(),
            room: about.as_deref().filter(|_| is_about_room),
            outcome,
        })
        .write(now, &mut frame);
        let instance = match self.subject {
            // What is asked about a room changes no state, so its answer waits for none; the events that follow
            // it do not either.
            Subject::Instance(instance) if !is_about_room => Some(instance),
            _ => None,
        };
        self.outbox.push_reply(self.kind, instance, frame);
    }
}

fn is_about_room(kind: ReplyKind) -> bool {
    use ReplyKind::{EmitRoom, GetRoomState, JoinRoom, LeaveRoom, SetRoomState};
    matches!(kind, JoinRoom | LeaveRoom | EmitRoom | SetRoomState | GetRoomState)
}
