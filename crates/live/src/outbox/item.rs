//! What waits in a [`Queue`](super::queue::Queue): one kind for each rule that says what may become of it.
//!
//! What must stay true: an item is no larger than a line of the processor's cache. What a thousand members of a room are
//! told is a thousand items, each somewhere else, and what it costs is to get there.

use std::num::NonZeroU16;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use fluxstack_live_protocol::{InstanceId, ServerMessage};

use super::done::Done;
use crate::clock;
use crate::mailbox::Mailbox;
use crate::rooms::RoomKey;

/// A state frame, ready to be written.
#[derive(Debug, Clone)]
pub(crate) enum StateFrame {
    /// A `STATE_DELTA`, and where in it the payload stands.
    Delta { frame: Bytes, payload: Payload },
    /// A `STATE_UPDATE`.
    Whole(Bytes),
}

impl StateFrame {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Delta { frame, .. } | Self::Whole(frame) => frame.len(),
        }
    }
}

/// Where in its frame a delta's payload stands: how many bytes are before it, and how many behind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload {
    /// The largest there is, if it cannot be said.
    before: NonZeroU16,
    behind: u16,
}

impl Payload {
    /// The payload that stands there in a frame of so many bytes.
    pub(crate) fn at(range: &Range<usize>, len: usize) -> Self {
        // What stands around it is a hundred bytes or so. Were it more, this would be no delta that can be merged, and a
        // whole state would come in its place.
        let before = u16::try_from(range.start).ok().and_then(NonZeroU16::new);
        match (before, u16::try_from(len - range.end)) {
            (Some(before), Ok(behind)) => Self { before, behind },
            _ => Self { before: NonZeroU16::MAX, behind: 0 },
        }
    }

    /// The payload of `frame`.
    pub(super) fn of(self, frame: &[u8]) -> &[u8] {
        if self.before == NonZeroU16::MAX {
            return b"";
        }
        let until = frame.len().saturating_sub(self.behind.into());
        frame.get(usize::from(self.before.get())..until).unwrap_or_default()
    }
}

pub(super) enum Item {
    Plain(Bytes),
    /// Proof of life. It says nothing of what waits, and waits for nothing.
    Pong(Bytes),
    /// An answer, and the instance whose state has to be there first.
    Reply {
        instance: Option<InstanceId>,
        frame: Bytes,
    },
    /// The answer to so many calls, and the instances whose state has to be there first.
    Together {
        instances: Box<[InstanceId]>,
        calls: usize,
        frame: Bytes,
    },
    /// The answer to a mount, or to a return: a whole state, or the instance whose state has to be there
    /// first.
    Mounted {
        instance: Option<InstanceId>,
        frame: Bytes,
    },
    State {
        instance: InstanceId,
        frame: Bytes,
        /// Of a delta. A whole state has none.
        payload: Option<Payload>,
        /// What this state brings and none before it.
        done: Done,
    },
    Event {
        of: Of,
        frame: Bytes,
    },
    /// A snapshot for the client to keep.
    Snapshot {
        instance: InstanceId,
        frame: Bytes,
    },
    /// A whole state for whoever has come back. Like a mount's, it does not count against a page that takes
    /// up much at once.
    CaughtUp {
        instance: InstanceId,
        frame: Bytes,
    },
    /// Events that were dropped here.
    Missed {
        of: Of,
        count: u64,
    },
    /// A snapshot will be asked for when the client gets here.
    Promise {
        instance: InstanceId,
        mailbox: Mailbox,
        done: Done,
    },
    /// It has been asked for, and will take this place.
    Asked {
        instance: InstanceId,
        turn: u64,
        done: Done,
    },
}

/// Whose event it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Of {
    Instance(InstanceId),
    /// Told once, however many instances of this connection are in it. Waits for no instance's state.
    Room(Arc<RoomKey>),
}

impl Of {
    fn instances(&self) -> &[InstanceId] {
        match self {
            Self::Instance(instance) => std::slice::from_ref(instance),
            Self::Room(_) => &[],
        }
    }

    pub(super) fn missed(&self, count: u64) -> Bytes {
        let mut frame = Vec::new();
        match self {
            Self::Instance(instance) => ServerMessage::Missed { instance: *instance, count },
            Self::Room(key) => ServerMessage::RoomMissed { component: key.component, room: &key.name, count },
        }
        .write(clock::now(), &mut frame);
        frame.into()
    }
}

/// What an item without a frame is taken to weigh.
pub(super) const SMALL: usize = 64;

impl Item {
    pub(super) fn state(instance: InstanceId, frame: StateFrame, done: Done) -> Self {
        match frame {
            StateFrame::Delta { frame, payload } => {
                Self::State { instance, frame, payload: Some(payload), done }
            }
            StateFrame::Whole(frame) => Self::State { instance, frame, payload: None, done },
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Plain(frame)
            | Self::Pong(frame)
            | Self::Mounted { frame, .. }
            | Self::Reply { frame, .. }
            | Self::Together { frame, .. }
            | Self::Snapshot { frame, .. }
            | Self::CaughtUp { frame, .. }
            | Self::Event { frame, .. } => frame.len(),
            Self::State { frame, done, .. } => frame.len() + done.len(),
            Self::Missed { .. } => SMALL,
            Self::Promise { done, .. } | Self::Asked { done, .. } => SMALL + done.len(),
        }
    }

    /// The instances whose frames may not overtake each other.
    pub(super) fn instances(&self) -> &[InstanceId] {
        match self {
            // A snapshot is complete in itself, and says of which version it is.
            Self::Plain(_) | Self::Pong(_) | Self::Snapshot { .. } => &[],
            Self::Reply { instance, .. } | Self::Mounted { instance, .. } => instance.as_slice(),
            Self::Together { instances, .. } => instances,
            Self::Event { of, .. } | Self::Missed { of, .. } => of.instances(),
            Self::State { instance, .. }
            | Self::CaughtUp { instance, .. }
            | Self::Promise { instance, .. }
            | Self::Asked { instance, .. } => std::slice::from_ref(instance),
        }
    }

    /// Whether it answers a mount, or a return, of this instance.
    pub(super) fn is_mount_of(&self, instance: InstanceId) -> bool {
        matches!(self, Self::Mounted { instance: Some(of), .. } if *of == instance)
    }

    /// The calls that it brings, taken out of it.
    pub(super) fn take_done(&mut self) -> Done {
        match self {
            Self::State { done, .. } | Self::Promise { done, .. } | Self::Asked { done, .. } => {
                std::mem::take(done)
            }
            _ => Done::default(),
        }
    }

    /// Whether it goes to a quiet client as well.
    pub(super) fn goes_to_quiet(&self) -> bool {
        !matches!(
            self,
            Self::State { .. }
                | Self::Event { .. }
                | Self::Missed { .. }
                | Self::Promise { .. }
                | Self::Asked { .. }
        )
    }

    /// Whether it goes by itself, and what waits before it goes on waiting.
    pub(super) fn goes_alone(&self) -> bool {
        matches!(self, Self::Pong(_) | Self::Snapshot { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_fits_into_a_line_of_the_cache() {
        assert!(size_of::<Item>() <= 64, "{} bytes", size_of::<Item>());
    }

    #[test]
    fn a_payload_is_found_again_and_what_cannot_be_said_is_none() {
        let long = "x".repeat(70_000);
        let check = |before: &str, payload: &str, behind: &str, is_found: bool| {
            let frame = [before, payload, behind].concat();
            let range = before.len()..before.len() + payload.len();
            let found = Payload::at(&range, frame.len()).of(frame.as_bytes());
            assert_eq!(found, if is_found { payload.as_bytes() } else { b"" });
        };
        check("before", "payload", "behind", true);
        check("b", "", "", true);
        check("b", &long, "b", true);
        check("", "payload", "behind", false);
        check(&long, "payload", "", false);
        check("before", "payload", &long, false);
    }
}
