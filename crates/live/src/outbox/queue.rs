//! The queue inside an [`Outbox`](super::Outbox): what is merged, dropped or counted, and when.
//!
//! Pure: no waiting, no clock. Every rule of the parent's header is a method here.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;

use bytes::Bytes;
use fluxstack_live_protocol::encode::write_delta;
use fluxstack_live_protocol::{CloseCode, ConnectionId, InstanceId, ServerMessage, delta};

use crate::clock;
use crate::limits::Limits;
use crate::mailbox::Mailbox;

/// A state frame, ready to be written.
#[derive(Debug, Clone)]
pub(crate) enum StateFrame {
    /// A `STATE_DELTA`, and where in it the payload stands.
    Delta { frame: Bytes, payload: Range<usize> },
    /// A `STATE_UPDATE`.
    Whole(Bytes),
}

impl StateFrame {
    fn len(&self) -> usize {
        match self {
            Self::Delta { frame, .. } | Self::Whole(frame) => frame.len(),
        }
    }
}

pub(super) enum Item {
    Plain(Bytes),
    Reply(Bytes),
    State { instance: InstanceId, frame: StateFrame },
    Event { instance: InstanceId, frame: Bytes },
    /// Events that were dropped here.
    Missed { instance: InstanceId, count: u64 },
    /// A snapshot will be asked for when the client gets here.
    Promise { instance: InstanceId, mailbox: Mailbox },
}

/// What a missed count or a promise is taken to weigh.
const SMALL: usize = 64;

impl Item {
    fn len(&self) -> usize {
        match self {
            Self::Plain(frame) | Self::Reply(frame) | Self::Event { frame, .. } => frame.len(),
            Self::State { frame, .. } => frame.len(),
            Self::Missed { .. } | Self::Promise { .. } => SMALL,
        }
    }
}

pub(super) struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    events: usize,
    soft: usize,
    hard: usize,
    most_events: usize,
    /// Instances whose deltas are dropped until their snapshot comes.
    stale: HashSet<InstanceId>,
    promised: Vec<Mailbox>,
    closed: Option<Option<CloseCode>>,
}

pub(super) enum Taken {
    Frames { frames: Vec<Bytes>, replies: usize },
    Closed(Option<CloseCode>),
    Nothing,
}

impl Queue {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            items: VecDeque::new(),
            bytes: 0,
            events: 0,
            soft: limits.outbox_soft,
            hard: limits.outbox_hard,
            most_events: limits.events,
            stale: HashSet::new(),
            promised: Vec::new(),
            closed: None,
        }
    }

    pub(super) fn is_over_soft(&self) -> bool {
        self.closed.is_none() && self.bytes > self.soft
    }

    pub(super) fn close(&mut self, code: Option<CloseCode>) {
        self.closed.get_or_insert(code);
    }

    /// Mailboxes that are to be asked for a snapshot, after [`Queue::take`].
    pub(super) fn promised(&mut self) -> Vec<Mailbox> {
        std::mem::take(&mut self.promised)
    }

    pub(super) fn push(&mut self, item: Item) {
        if self.closed.is_some() {
            return;
        }
        self.bytes += item.len();
        self.items.push_back(item);
        let behind = self.bytes - self.items.front().map_or(0, Item::len);
        if behind > self.hard {
            // Nothing of this can be made smaller, so the peer is beyond help.
            self.items.clear();
            self.bytes = 0;
            self.events = 0;
            self.close(Some(CloseCode::TooSlow));
        }
    }

    pub(super) fn push_state(&mut self, instance: InstanceId, frame: StateFrame, mailbox: &Mailbox) {
        match &frame {
            StateFrame::Whole(_) => drop(self.stale.remove(&instance)),
            StateFrame::Delta { .. } if self.stale.contains(&instance) => return,
            StateFrame::Delta { .. } => {}
        }
        let crowded = self.bytes + frame.len() > self.soft;
        self.push(Item::State { instance, frame });
        if crowded && self.closed.is_none() {
            self.merge(instance, mailbox);
        }
    }

    pub(super) fn push_event(&mut self, instance: InstanceId, frame: Bytes) {
        self.push(Item::Event { instance, frame });
        if self.closed.is_some() {
            return;
        }
        self.events += 1;
        if self.events > self.most_events {
            self.forget_oldest_event();
        }
    }

    /// Makes one frame, or the promise of one, of all that waits of this instance's state, where the
    /// first of it stood.
    fn merge(&mut self, instance: InstanceId, mailbox: &Mailbox) {
        let is_ours = |item: &Item| matches!(item, Item::State { instance: of, .. } if *of == instance);
        let Some(first) = self.items.iter().position(is_ours) else { return };
        let mut merged: Option<Result<StateFrame, ()>> = None;
        let mut at = first;
        while at < self.items.len() {
            if !is_ours(&self.items[at]) {
                at += 1;
                continue;
            }
            let Some(Item::State { frame, .. }) = self.items.remove(at) else { break };
            self.bytes -= frame.len();
            merged = Some(match merged {
                None => Ok(frame),
                Some(Err(())) => Err(()),
                Some(Ok(earlier)) => join(instance, &earlier, frame),
            });
        }
        // A delta this large is better replaced by the state itself, made when it can be read.
        let item = match merged {
            Some(Ok(frame)) if frame.len() <= self.soft => Item::State { instance, frame },
            Some(Ok(frame @ StateFrame::Whole(_))) => Item::State { instance, frame },
            _ => {
                self.stale.insert(instance);
                Item::Promise { instance, mailbox: mailbox.clone() }
            }
        };
        self.bytes += item.len();
        self.items.insert(first, item);
    }

    fn forget_oldest_event(&mut self) {
        let Some(at) = self.items.iter().position(|item| matches!(item, Item::Event { .. })) else { return };
        let Some(Item::Event { instance, frame }) = self.items.remove(at) else { return };
        self.bytes -= frame.len();
        self.events -= 1;
        let before = self.items.iter_mut().take(at).rev().find_map(|item| match item {
            Item::Missed { instance: of, count } if *of == instance => Some(count),
            _ => None,
        });
        if let Some(count) = before {
            *count += 1;
        } else {
            self.items.insert(at, Item::Missed { instance, count: 1 });
            self.bytes += SMALL;
        }
    }

    pub(super) fn take(&mut self, most: usize, connection: ConnectionId) -> Taken {
        let (mut frames, mut replies, mut bytes) = (Vec::new(), 0, 0);
        while bytes < most {
            let Some(item) = self.items.pop_front() else { break };
            self.bytes -= item.len();
            bytes += item.len();
            match item {
                Item::Plain(frame) => frames.push(frame),
                Item::Reply(frame) => {
                    replies += 1;
                    frames.push(frame);
                }
                Item::State { frame: StateFrame::Delta { frame, .. } | StateFrame::Whole(frame), .. } => {
                    frames.push(frame);
                }
                Item::Event { frame, .. } => {
                    self.events -= 1;
                    frames.push(frame);
                }
                Item::Missed { instance, count } => {
                    let mut frame = Vec::new();
                    ServerMessage::Missed { instance, count }.write(clock::now(), &mut frame);
                    frames.push(frame.into());
                }
                Item::Promise { instance, mailbox } => {
                    tracing::debug!(%connection, %instance, "a slow client gets a snapshot");
                    if mailbox.is_closed() {
                        self.stale.remove(&instance);
                    } else {
                        self.promised.push(mailbox);
                    }
                }
            }
        }
        if self.items.is_empty() && self.items.capacity() > 16 {
            // A burst is over; do not keep its memory for an idle connection.
            self.items = VecDeque::new();
        }
        if !frames.is_empty() {
            return Taken::Frames { frames, replies };
        }
        match self.closed {
            Some(code) if self.items.is_empty() => Taken::Closed(code),
            _ => Taken::Nothing,
        }
    }
}

/// What `earlier` and then `later` come to.
fn join(instance: InstanceId, earlier: &StateFrame, later: StateFrame) -> Result<StateFrame, ()> {
    match (earlier, &later) {
        (_, StateFrame::Whole(_)) => Ok(later),
        (StateFrame::Whole(_), StateFrame::Delta { .. }) => Err(()),
        (
            StateFrame::Delta { frame, payload },
            StateFrame::Delta { frame: later_frame, payload: later_payload },
        ) => {
            let merged = delta::merge(&frame[payload.clone()], &later_frame[later_payload.clone()]).map_err(|_| ())?;
            Ok(delta_frame(instance, &merged))
        }
    }
}

fn delta_frame(instance: InstanceId, merged: &[u8]) -> StateFrame {
    let mut frame = Vec::with_capacity(merged.len() + 128);
    let payload = write_delta(instance, clock::now(), &mut frame, |out| out.extend_from_slice(merged));
    StateFrame::Delta { payload, frame: frame.into() }
}
