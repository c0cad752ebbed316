//! [`Done`]: which calls a state brings, for the client that shows them already.
//!
//! A client that shows what a call will do has to stop in the very moment in which the state does it: not before,
//! or the screen flickers, and not after, or it shows the call twice. So this travels with the state through
//! everything that happens to it in the queue, and is written directly before it.
//!
//! Names of calls, so it is bounded by what may wait: a name counts like any other bytes.

use bytes::Bytes;
use fluxstack_live_protocol::{CallId, InstanceId, ServerMessage};

use crate::clock;

/// See the module. Takes room only where there are any.
#[derive(Debug, Default)]
pub(crate) struct Done(Option<Box<Calls>>);

#[derive(Debug)]
struct Calls {
    names: Vec<CallId>,
    bytes: usize,
}

/// What the frame weighs without any names, about.
const FRAME: usize = 128;

/// A name is an origin, a dash, and a number of at most 16 digits, in quotes.
fn weight(call: &CallId) -> usize {
    call.origin().len() + 20
}

impl Done {
    /// These calls.
    pub(crate) fn of(names: Vec<CallId>) -> Self {
        if names.is_empty() {
            return Self(None);
        }
        let bytes = FRAME + names.iter().map(weight).sum::<usize>();
        Self(Some(Box::new(Calls { names, bytes })))
    }

    /// What it is taken to weigh.
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |calls| calls.bytes)
    }

    /// The state brings these as well.
    pub(super) fn absorb(&mut self, other: Self) {
        match (&mut self.0, other.0) {
            (_, None) => {}
            (Some(calls), Some(more)) => {
                calls.bytes += more.bytes - FRAME;
                calls.names.extend(more.names);
            }
            (none, more) => *none = more,
        }
    }

    /// The frame that says so, if there is anything to say.
    pub(super) fn frame(&self, instance: InstanceId) -> Option<Bytes> {
        let calls = self.0.as_ref()?;
        let mut frame = Vec::with_capacity(calls.bytes);
        ServerMessage::Done { instance, calls: &calls.names }.write(clock::now(), &mut frame);
        Some(frame.into())
    }
}
