//! Less instead of more: what waits of one instance's state becomes one piece of it.

use bytes::Bytes;
use fluxstack_live_protocol::encode::write_delta;
use fluxstack_live_protocol::{Delta, InstanceId};

use super::super::done::Done;
use super::super::item::{Item, Payload};
use super::Queue;
use crate::clock;
use crate::mailbox::Mailbox;

/// The changes of one delta or more, as one.
enum Deltas {
    /// As it was written.
    One {
        frame: Bytes,
        payload: Payload,
    },
    Several(Box<Delta>),
}

impl Deltas {
    /// Takes in what comes next, unless it does not follow.
    fn absorb(self, frame: &Bytes, payload: Payload) -> Option<Self> {
        let mut deltas = match self {
            Self::One { frame, payload } => Box::new(Delta::parse(payload.of(&frame)).ok()?),
            Self::Several(deltas) => deltas,
        };
        deltas.absorb(Delta::parse(payload.of(frame)).ok()?).ok()?;
        Some(Self::Several(deltas))
    }

    fn frame(self, instance: InstanceId) -> (Bytes, Payload) {
        match self {
            Self::One { frame, payload } => (frame, payload),
            Self::Several(deltas) => {
                let mut frame = Vec::with_capacity(256);
                let payload = write_delta(instance, clock::now(), &mut frame, |out| deltas.write(out));
                let payload = Payload::at(&payload, frame.len());
                (frame.into(), payload)
            }
        }
    }
}

impl Queue {
    /// Makes as little as possible of all that waits of this instance's state, where the first of it
    /// stood: a delta, a whole state and a delta after it, or the promise of a snapshot. Answers how many bytes
    /// that is.
    pub(super) fn merge(&mut self, instance: InstanceId, mailbox: &Mailbox) -> usize {
        let is_ours = |item: &Item| matches!(item, Item::State { instance: of, .. } if *of == instance);
        // What comes after the answer to a mount is not merged into what stands before it: the answer has a picture, and
        // whoever is shown that would miss what was told earlier than it was made.
        let begin = self.items.iter().rposition(|item| item.is_mount_of(instance)).map_or(0, |at| at + 1);
        let Some(first) = self.items.range(begin..).position(is_ours).map(|at| at + begin) else { return 0 };
        let (mut whole, mut deltas, mut count) = (None, None, 0);
        // What the whole state brings, and what the deltas after it bring.
        let (mut in_whole, mut in_deltas) = (Done::default(), Done::default());
        let mut readable = true;
        let mut at = first;
        while at < self.items.len() {
            if !is_ours(&self.items[at]) {
                at += 1;
                continue;
            }
            let Some(item) = self.items.remove(at) else { break };
            self.bytes -= item.len();
            let Item::State { frame, payload, done, .. } = item else { break };
            count += 1;
            in_deltas.absorb(done);
            match payload {
                None => {
                    (whole, deltas, readable) = (Some(frame), None, true);
                    in_whole.absorb(std::mem::take(&mut in_deltas));
                }
                Some(payload) => {
                    deltas = match deltas.take() {
                        None => Some(Deltas::One { frame, payload }),
                        Some(earlier) => earlier.absorb(&frame, payload),
                    };
                    readable &= deltas.is_some();
                }
            }
        }
        let before = self.bytes;
        let mut put = |item: Item, at: usize| {
            self.bytes += item.len();
            self.items.insert(at, item);
        };
        let mut place = first;
        if let Some(frame) = whole {
            put(Item::State { instance, frame, payload: None, done: in_whole }, place);
            place += 1;
        }
        match deltas.filter(|_| readable).map(|deltas| deltas.frame(instance)) {
            // A merged delta this large is better replaced by the state itself, made when it can be read.
            Some((frame, _)) if count > 1 && frame.len() > self.soft => readable = false,
            Some((frame, payload)) => {
                let done = std::mem::take(&mut in_deltas);
                put(Item::State { instance, frame, payload: Some(payload), done }, place);
            }
            None => {}
        }
        if !readable {
            put(Item::Promise { instance, mailbox: mailbox.clone(), done: in_deltas }, place);
            let owing = self.owing.get_or_insert_default();
            owing.promises += 1;
            owing.stale.insert(instance, owing.promises);
        }
        self.bytes - before
    }
}
