//! The queue inside an [`Outbox`](super::Outbox): what is merged, dropped or counted, and when.
//!
//! Pure: no waiting, no clock. Every rule of the parent's header is a method here.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use fluxstack_live_protocol::encode::write_delta;
use fluxstack_live_protocol::{CloseCode, InstanceId, ServerMessage, delta};

use crate::clock;
use crate::limits::Limits;
use crate::mailbox::Mailbox;
use crate::rooms::RoomKey;

/// A state frame, ready to be written.
#[derive(Debug, Clone)]
pub(crate) enum StateFrame {
    /// A `STATE_DELTA`, and where in it the payload stands.
    Delta { frame: Bytes, payload: Range<usize> },
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

pub(super) enum Item {
    Plain(Bytes),
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
        frame: StateFrame,
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
    },
    /// It has been asked for, and will take this place.
    Asked {
        instance: InstanceId,
        turn: u64,
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

    fn missed(&self, count: u64) -> Bytes {
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
const SMALL: usize = 64;

impl Item {
    fn len(&self) -> usize {
        match self {
            Self::Plain(frame)
            | Self::Mounted { frame, .. }
            | Self::Reply { frame, .. }
            | Self::Together { frame, .. }
            | Self::Snapshot { frame, .. }
            | Self::CaughtUp { frame, .. }
            | Self::Event { frame, .. } => frame.len(),
            Self::State { frame, .. } => frame.len(),
            Self::Missed { .. } | Self::Promise { .. } | Self::Asked { .. } => SMALL,
        }
    }

    /// The instances whose frames may not overtake each other.
    fn instances(&self) -> &[InstanceId] {
        match self {
            // A snapshot is complete in itself, and says of which version it is.
            Self::Plain(_) | Self::Snapshot { .. } => &[],
            Self::Reply { instance, .. } | Self::Mounted { instance, .. } => instance.as_slice(),
            Self::Together { instances, .. } => instances,
            Self::Event { of, .. } | Self::Missed { of, .. } => of.instances(),
            Self::State { instance, .. }
            | Self::CaughtUp { instance, .. }
            | Self::Promise { instance, .. }
            | Self::Asked { instance, .. } => std::slice::from_ref(instance),
        }
    }
}

/// A snapshot that is to be asked for, after [`Queue::take`].
pub(super) struct Wanted {
    pub(super) instance: InstanceId,
    pub(super) mailbox: Mailbox,
    pub(super) turn: u64,
}

pub(super) struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    /// Of these, what answers mounts: no more than the states we hold anyway.
    mounted: usize,
    events: usize,
    event_bytes: usize,
    soft: usize,
    hard: usize,
    most_events: usize,
    most_event_bytes: usize,
    /// Instances whose deltas are dropped until their snapshot comes, by when that was promised.
    stale: HashMap<InstanceId, u64>,
    promises: u64,
    wanted: Vec<Wanted>,
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
            mounted: 0,
            events: 0,
            event_bytes: 0,
            soft: limits.outbox_soft,
            hard: limits.outbox_hard,
            most_events: limits.events,
            most_event_bytes: limits.event_bytes,
            stale: HashMap::new(),
            promises: 0,
            wanted: Vec::new(),
            closed: None,
        }
    }

    pub(super) fn is_over_soft(&self) -> bool {
        self.closed.is_none() && self.bytes > self.soft
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    pub(super) fn close(&mut self, code: Option<CloseCode>) {
        self.closed.get_or_insert(code);
    }

    /// Snapshots that are to be asked for, after [`Queue::take`].
    pub(super) fn wanted(&mut self) -> Vec<Wanted> {
        std::mem::take(&mut self.wanted)
    }

    /// A snapshot that was asked for in `turn` has come, or is not coming: what waited for it may go.
    pub(super) fn forget(&mut self, instance: InstanceId, turn: u64) {
        let is_it = |item: &Item| matches!(item, Item::Asked { instance: of, turn: asked } if *of == instance && *asked == turn);
        if let Some(at) = self.items.iter().position(is_it) {
            self.items.remove(at);
            self.bytes -= SMALL;
        }
        if self.stale.get(&instance) == Some(&turn) {
            self.stale.remove(&instance);
        }
    }

    pub(super) fn push(&mut self, item: Item) {
        self.add(item);
        self.check();
    }

    pub(super) fn push_state(&mut self, instance: InstanceId, frame: StateFrame, mailbox: &Mailbox) {
        if self.closed.is_some() {
            return;
        }
        match &frame {
            StateFrame::Whole(_) => {
                self.stale.remove(&instance);
                let is_asked =
                    |item: &Item| matches!(item, Item::Asked { instance: of, .. } if *of == instance);
                if let Some(at) = self.items.iter().position(is_asked) {
                    self.bytes += frame.len() - SMALL;
                    self.items[at] = Item::State { instance, frame };
                    return self.check();
                }
            }
            StateFrame::Delta { .. } if self.stale.contains_key(&instance) => return,
            StateFrame::Delta { .. } => {}
        }
        let crowded = self.bytes + frame.len() > self.soft;
        self.add(Item::State { instance, frame });
        if crowded {
            self.merge(instance, mailbox);
        }
        self.check();
    }

    pub(super) fn push_event(&mut self, of: Of, frame: Bytes) {
        if self.closed.is_some() {
            return;
        }
        self.events += 1;
        self.event_bytes += frame.len();
        self.add(Item::Event { of, frame });
        // A single one may be as large as it is, like any other frame.
        while self.events > self.most_events || (self.events > 1 && self.event_bytes > self.most_event_bytes)
        {
            self.forget_oldest_event();
        }
        self.check();
    }

    pub(super) fn push_snapshot(&mut self, instance: InstanceId, frame: Bytes) {
        let is_older = |item: &Item| matches!(item, Item::Snapshot { instance: of, .. } if *of == instance);
        if let Some(at) = self.items.iter().position(is_older)
            && let Some(older) = self.items.remove(at)
        {
            self.bytes -= older.len();
        }
        self.push(Item::Snapshot { instance, frame });
    }

    fn add(&mut self, item: Item) {
        if self.closed.is_none() {
            self.bytes += item.len();
            if let Item::Mounted { frame, .. } | Item::CaughtUp { frame, .. } = &item {
                self.mounted += frame.len();
            }
            self.items.push_back(item);
        }
    }

    /// Gives the peer up if what waits behind the first frame is beyond the hard limit. Whatever could be
    /// made smaller has been by then. Answers to mounts do not count: a page that mounts much at once is not
    /// slow, and reading from it stops at the soft limit.
    fn check(&mut self) {
        let first =
            self.items.front().filter(|item| !matches!(item, Item::Mounted { .. } | Item::CaughtUp { .. }));
        let behind = self.bytes - self.mounted - first.map_or(0, Item::len);
        if behind > self.hard {
            self.items.clear();
            self.bytes = 0;
            self.mounted = 0;
            self.events = 0;
            self.event_bytes = 0;
            self.close(Some(CloseCode::TooSlow));
        }
    }

    /// Makes as little as possible of all that waits of this instance's state, where the first of it
    /// stood: a delta, a whole state and a delta after it, or the promise of a snapshot.
    fn merge(&mut self, instance: InstanceId, mailbox: &Mailbox) {
        let is_ours = |item: &Item| matches!(item, Item::State { instance: of, .. } if *of == instance);
        // What comes after the answer to a mount is not merged into what stands before it: the answer has a picture, and
        // whoever is shown that would miss what was told earlier than it was made.
        let is_mounted =
            |item: &Item| matches!(item, Item::Mounted { instance: Some(of), .. } if *of == instance);
        let begin = self.items.iter().rposition(is_mounted).map_or(0, |at| at + 1);
        let Some(first) = self.items.range(begin..).position(is_ours).map(|at| at + begin) else { return };
        let (mut whole, mut delta, mut count) = (None, None, 0);
        let mut readable = true;
        let mut at = first;
        while at < self.items.len() {
            if !is_ours(&self.items[at]) {
                at += 1;
                continue;
            }
            let Some(Item::State { frame, .. }) = self.items.remove(at) else { break };
            self.bytes -= frame.len();
            count += 1;
            match frame {
                StateFrame::Whole(frame) => {
                    (whole, delta, readable) = (Some(frame), None, true);
                }
                StateFrame::Delta { frame, payload } => {
                    delta = match delta.take() {
                        None => Some((frame, payload)),
                        Some(earlier) => join(instance, &earlier, &(frame, payload)),
                    };
                    readable &= delta.is_some();
                }
            }
        }
        let mut put = |item: Item, at: usize| {
            self.bytes += item.len();
            self.items.insert(at, item);
        };
        let mut place = first;
        if let Some(frame) = whole {
            put(Item::State { instance, frame: StateFrame::Whole(frame) }, place);
            place += 1;
        }
        match delta {
            // A merged delta this large is better replaced by the state itself, made when it can be read.
            Some((frame, _)) if count > 1 && frame.len() > self.soft => readable = false,
            Some((frame, payload)) if readable => {
                put(Item::State { instance, frame: StateFrame::Delta { frame, payload } }, place);
            }
            _ => {}
        }
        if !readable {
            put(Item::Promise { instance, mailbox: mailbox.clone() }, place);
            self.promises += 1;
            self.stale.insert(instance, self.promises);
        }
    }

    fn forget_oldest_event(&mut self) {
        let Some(at) = self.items.iter().position(|item| matches!(item, Item::Event { .. })) else { return };
        let Some(Item::Event { of, frame }) = self.items.remove(at) else { return };
        self.bytes -= frame.len();
        self.events -= 1;
        self.event_bytes -= frame.len();
        // A room's count does not pass what may say where in the room somebody stands.
        let is_mark = |item: &Item| matches!(item, Item::Plain(_) | Item::Reply { instance: None, .. });
        let may_pass = |item: &&mut Item| matches!(of, Of::Instance(_)) || !is_mark(item);
        let before = self.items.iter_mut().take(at).rev().take_while(may_pass).find_map(|item| match item {
            Item::Missed { of: whose, count } if *whose == of => Some(count),
            _ => None,
        });
        if let Some(count) = before {
            *count += 1;
        } else {
            self.items.insert(at, Item::Missed { of, count: 1 });
            self.bytes += SMALL;
        }
    }

    /// Takes about `most` bytes. What belongs to an instance whose snapshot has been asked for stays, in
    /// order; everything else may pass it.
    pub(super) fn take(&mut self, most: usize) -> Taken {
        let (mut frames, mut replies, mut bytes) = (Vec::new(), 0, 0);
        let mut held: Vec<InstanceId> = Vec::new();
        let mut at = 0;
        while bytes < most && at < self.items.len() {
            if self.items[at].instances().iter().any(|of| held.contains(of)) {
                at += 1;
                continue;
            }
            if let Item::Asked { instance, .. } = &self.items[at] {
                held.push(*instance);
                at += 1;
                continue;
            }
            // Nearly always the first one, which costs nothing.
            let Some(item) = self.items.remove(at) else { break };
            self.bytes -= item.len();
            bytes += item.len();
            match item {
                Item::Plain(frame) | Item::Snapshot { frame, .. } => frames.push(frame),
                Item::Mounted { frame, .. } => {
                    self.mounted -= frame.len();
                    replies += 1;
                    frames.push(frame);
                }
                Item::CaughtUp { frame, .. } => {
                    self.mounted -= frame.len();
                    frames.push(frame);
                }
                Item::Reply { frame, .. } => {
                    replies += 1;
                    frames.push(frame);
                }
                Item::Together { calls, frame, .. } => {
                    replies += calls;
                    frames.push(frame);
                }
                Item::State { frame: StateFrame::Delta { frame, .. } | StateFrame::Whole(frame), .. } => {
                    frames.push(frame);
                }
                Item::Event { frame, .. } => {
                    self.events -= 1;
                    self.event_bytes -= frame.len();
                    frames.push(frame);
                }
                Item::Missed { of, count } => frames.push(of.missed(count)),
                Item::Promise { instance, mailbox } => {
                    let turn = self.stale.get(&instance).copied().unwrap_or_default();
                    self.wanted.push(Wanted { instance, mailbox, turn });
                    self.items.insert(at, Item::Asked { instance, turn });
                    self.bytes += SMALL;
                    bytes -= SMALL;
                    held.push(instance);
                    at += 1;
                }
                Item::Asked { .. } => {}
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
            // What is held back is not coming any more.
            Some(code) => Taken::Closed(code),
            None => Taken::Nothing,
        }
    }
}

type Delta = (Bytes, Range<usize>);

/// What `earlier` and then `later` come to, unless they do not fit together.
fn join(instance: InstanceId, earlier: &Delta, later: &Delta) -> Option<Delta> {
    let merged = delta::merge(&earlier.0[earlier.1.clone()], &later.0[later.1.clone()]).ok()?;
    let mut frame = Vec::with_capacity(merged.len() + 128);
    let payload = write_delta(instance, clock::now(), &mut frame, |out| out.extend_from_slice(&merged));
    Some((frame.into(), payload))
}
