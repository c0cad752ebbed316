//! The queue inside an [`Outbox`](super::Outbox): what is merged, dropped or counted, and when.
//!
//! Pure: no waiting, no clock. Every rule of the parent's header is a method here.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use fluxstack_live_protocol::{CloseCode, InstanceId};

use super::done::Done;
use super::item::{Item, Of, SMALL, StateFrame};
use crate::limits::Limits;
use crate::mailbox::Mailbox;
use crate::spare::Spare;

mod merge;
mod quiet;

use quiet::Quiet;

/// A snapshot that is to be asked for, after [`Queue::take`].
pub(super) struct Wanted {
    pub(super) instance: InstanceId,
    pub(super) mailbox: Mailbox,
    pub(super) turn: u64,
}

thread_local! {
    static SPARE: Spare<Item> = const { Spare::new() };
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
    /// Set once there were more deltas than the client read.
    owing: Option<Box<Owing>>,
    /// Set while nobody looks.
    quiet: Option<Box<Quiet>>,
    /// Items that go to a quiet client as well.
    for_quiet: usize,
    closed: Option<Option<CloseCode>>,
    /// Whoever takes was told that something waits, or given a part of it, and has not looked since.
    is_told: bool,
    /// What was last said of the soft limit.
    was_over_soft: bool,
}

/// What a client is owed that did not read in time. Most never are.
#[derive(Default)]
struct Owing {
    /// Instances whose deltas are dropped until their snapshot comes, by when that was promised.
    stale: HashMap<InstanceId, u64>,
    promises: u64,
    wanted: Vec<Wanted>,
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
            owing: None,
            quiet: None,
            for_quiet: 0,
            closed: None,
            is_told: false,
            was_over_soft: false,
        }
    }

    /// Whether more waits than the soft limit, or no more, if that is new.
    pub(super) fn has_turned(&mut self) -> Option<bool> {
        let is_over = self.closed.is_none() && self.bytes > self.soft;
        (std::mem::replace(&mut self.was_over_soft, is_over) != is_over).then_some(is_over)
    }

    /// Whether whoever takes has to be told that something waits: once, until they look.
    pub(super) fn is_news(&mut self) -> bool {
        !std::mem::replace(&mut self.is_told, true)
    }

    /// Whether all that waits was looked at before.
    pub(super) fn is_seen(&self) -> bool {
        !self.is_told && self.closed.is_none()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    pub(super) fn close(&mut self, code: Option<CloseCode>) {
        self.closed.get_or_insert(code);
    }

    /// Closes it, and hands out all that waits and all that is known of instances: nobody takes anything any more.
    pub(super) fn discard(&mut self) -> impl Sized + use<> {
        self.close(None);
        (self.empty(), self.quiet.take(), self.owing.take())
    }

    /// Takes everything out.
    fn empty(&mut self) -> VecDeque<Item> {
        self.bytes = 0;
        self.mounted = 0;
        self.events = 0;
        self.event_bytes = 0;
        self.for_quiet = 0;
        std::mem::take(&mut self.items)
    }

    /// Snapshots that are to be asked for, after [`Queue::take`].
    pub(super) fn wanted(&mut self) -> Vec<Wanted> {
        self.owing.as_mut().map(|owing| std::mem::take(&mut owing.wanted)).unwrap_or_default()
    }

    /// A snapshot that was asked for in `turn` has come, or is not coming: what waited for it may go.
    pub(super) fn forget(&mut self, instance: InstanceId, turn: u64) {
        let is_it = |item: &Item| matches!(item, Item::Asked { instance: of, turn: asked, .. } if *of == instance && *asked == turn);
        if let Some(at) = self.items.iter().position(is_it) {
            self.bytes -= self.items.remove(at).map_or(0, |item| item.len());
        }
        if self.turn_of(instance) == Some(turn) {
            self.freshen(instance);
        }
    }

    /// When the snapshot was promised for which this instance's deltas are dropped, if they are.
    fn turn_of(&self, instance: InstanceId) -> Option<u64> {
        self.owing.as_ref().and_then(|owing| owing.stale.get(&instance).copied())
    }

    /// A snapshot of this instance has come, or is not coming.
    fn freshen(&mut self, instance: InstanceId) {
        if let Some(owing) = &mut self.owing {
            owing.stale.remove(&instance);
        }
    }

    pub(super) fn push(&mut self, item: Item) {
        self.add(item);
        self.check();
    }

    pub(super) fn push_state(
        &mut self,
        instance: InstanceId,
        frame: StateFrame,
        done: Done,
        mailbox: &Mailbox,
    ) {
        if self.closed.is_some() {
            return;
        }
        match &frame {
            StateFrame::Whole(_) => {
                self.freshen(instance);
                if let Some(at) = self.owed(instance) {
                    return self.put_in_place(at, instance, frame, done);
                }
            }
            StateFrame::Delta { .. } if self.turn_of(instance).is_some() => {
                return self.leave_to_owed(instance, done);
            }
            StateFrame::Delta { .. } => {}
        }
        let bytes = frame.len();
        let crowded = self.bytes + bytes > self.soft;
        self.add(Item::state(instance, frame, done));
        if crowded {
            self.merge(instance, mailbox);
        } else {
            self.keep_for_later(instance, bytes, mailbox);
        }
        self.check();
    }

    /// Where a whole state stands that was asked for, or will be. A promise is kept at its place, unless whoever gets
    /// there was shown a newer picture meanwhile.
    fn owed(&self, instance: InstanceId) -> Option<usize> {
        let is_asked = |item: &Item| matches!(item, Item::Asked { instance: of, .. } if *of == instance);
        let is_promised = |item: &Item| matches!(item, Item::Promise { instance: of, .. } if *of == instance);
        self.items.iter().position(is_asked).or_else(|| {
            let at = self.items.iter().rposition(is_promised)?;
            let is_newer = self.items.range(at..).any(|item| item.is_mount_of(instance));
            (!is_newer).then_some(at)
        })
    }

    /// A whole state has come that was owed: it is put where it was waited for.
    fn put_in_place(&mut self, at: usize, instance: InstanceId, frame: StateFrame, more: Done) {
        let item = &mut self.items[at];
        self.bytes -= item.len();
        let mut done = item.take_done();
        done.absorb(more);
        *item = Item::state(instance, frame, done);
        self.bytes += item.len();
        self.check();
    }

    /// What a delta brings that is dropped will be in the whole state that is owed.
    fn leave_to_owed(&mut self, instance: InstanceId, more: Done) {
        if more.len() == 0 {
            return;
        }
        let is_owed = |item: &&mut Item| matches!(item, Item::Asked { instance: of, .. } | Item::Promise { instance: of, .. } if *of == instance);
        if let Some(Item::Asked { done, .. } | Item::Promise { done, .. }) =
            self.items.iter_mut().rev().find(is_owed)
        {
            self.bytes -= done.len();
            done.absorb(more);
            self.bytes += done.len();
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
            self.for_quiet -= 1;
        }
        self.push(Item::Snapshot { instance, frame });
    }

    fn add(&mut self, item: Item) {
        if self.closed.is_none() {
            self.bytes += item.len();
            self.for_quiet += usize::from(item.goes_to_quiet());
            if let Item::Mounted { frame, .. } | Item::CaughtUp { frame, .. } = &item {
                self.mounted += frame.len();
            }
            let _ = SPARE.try_with(|spare| spare.lend(&mut self.items));
            self.items.push_back(item);
        }
    }

    /// Gives the peer up if what waits behind the first frame is beyond the hard limit. Whatever could be
    /// made smaller has been by then. Answers to mounts do not count: a page that mounts much at once is not
    /// slow, and reading from it stops at the soft limit.
    fn check(&mut self) {
        if self.bytes <= self.hard {
            return;
        }
        let first =
            self.items.front().filter(|item| !matches!(item, Item::Mounted { .. } | Item::CaughtUp { .. }));
        let behind = self.bytes - self.mounted - first.map_or(0, Item::len);
        if behind > self.hard {
            self.empty();
            self.close(Some(CloseCode::TooSlow));
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
        self.is_told = false;
        if self.is_resting() {
            return Taken::Nothing;
        }
        // Behind this place only what goes alone.
        let mut until = self.may_go();
        // Nearly always all of them, each with one frame; no more than fit, if they were as small as they can be.
        let mut frames = Vec::with_capacity(self.items.len().min(most / SMALL + 1));
        let (mut replies, mut bytes) = (0, 0);
        let mut held: Vec<InstanceId> = Vec::new();
        let mut at = 0;
        while bytes < most && at < self.items.len() {
            if at >= until && !self.items[at].goes_alone() {
                at += 1;
                continue;
            }
            if !held.is_empty() && self.items[at].instances().iter().any(|of| held.contains(of)) {
                at += 1;
                continue;
            }
            if let Item::Asked { instance, .. } = &self.items[at] {
                held.push(*instance);
                at += 1;
                continue;
            }
            // Nearly always the first one.
            let item = if at == 0 { self.items.pop_front() } else { self.items.remove(at) };
            let Some(item) = item else { break };
            self.bytes -= item.len();
            bytes += item.len();
            self.for_quiet -= usize::from(item.goes_to_quiet());
            if at < until {
                until -= 1;
            }
            match item {
                Item::Plain(frame) | Item::Pong(frame) | Item::Snapshot { frame, .. } => frames.push(frame),
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
                Item::State { instance, frame, done, .. } => {
                    // In one write, so that nothing comes between them.
                    frames.extend(done.frame(instance));
                    frames.push(frame);
                }
                Item::Event { frame, .. } => {
                    self.events -= 1;
                    self.event_bytes -= frame.len();
                    frames.push(frame);
                }
                Item::Missed { of, count } => frames.push(of.missed(count)),
                Item::Promise { instance, mailbox, done } => {
                    let turn = self.turn_of(instance).unwrap_or_default();
                    self.owing.get_or_insert_default().wanted.push(Wanted { instance, mailbox, turn });
                    let asked = Item::Asked { instance, turn, done };
                    self.bytes += asked.len();
                    bytes -= asked.len();
                    self.items.insert(at, asked);
                    held.push(instance);
                    until = until.saturating_add(1);
                    at += 1;
                }
                Item::Asked { .. } => {}
            }
        }
        let _ = SPARE.try_with(|spare| spare.take_back(&mut self.items));
        if !frames.is_empty() {
            // Looks again before it waits: there may be more than it was given.
            self.is_told = true;
            return Taken::Frames { frames, replies };
        }
        match self.closed {
            // What is held back is not coming any more.
            Some(code) => Taken::Closed(code),
            None => Taken::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use fluxstack_live_protocol::{ConnectionId, Dialect, ReplyKind};

    use super::super::{Outbox, Subject, Ticket};
    use super::*;
    use crate::mailbox::mailbox;

    #[test]
    fn what_nobody_will_take_goes_at_once_though_a_request_is_open() {
        let instance = InstanceId::from_u128(1);
        let subject = Subject::Instance(instance);
        let outbox = Outbox::new(ConnectionId::random(), Dialect::from_query("v=3"), &Limits::default());
        let ticket = |kind| Ticket::new(&outbox, kind, subject.clone(), Some("1"), None, 0);
        let (mailbox, _inbox) = mailbox(1, 1);
        let frame = Bytes::from("a frame".repeat(100));
        let open = ticket(ReplyKind::Call);
        ticket(ReplyKind::Mount).answer(Ok(None));
        outbox.set_quiet(true);
        outbox.push_state(instance, StateFrame::Whole(frame.clone()), Done::default(), &mailbox);
        outbox.push_event(instance, frame.clone());
        outbox.push_snapshot(instance, frame.clone());
        outbox.queue().push(Item::Promise { instance, mailbox: mailbox.clone(), done: Done::default() });
        outbox.queue().owing.get_or_insert_default().stale.insert(instance, 1);
        assert!(!frame.is_unique());

        outbox.discard();
        let counted = |queue: &Queue| {
            let Queue { items, bytes, mounted, events, event_bytes, for_quiet, owing, .. } = queue;
            let stale = owing.as_ref().map_or(0, |owing| owing.stale.len());
            [items.len(), *bytes, *mounted, *events, *event_bytes, *for_quiet, stale]
        };
        assert_eq!((frame.is_unique(), counted(&outbox.queue())), (true, [0; 7]));
        assert!(outbox.queue().quiet.is_none(), "it knows of instances");

        outbox.push_event(instance, frame.clone());
        outbox.push_state(instance, StateFrame::Whole(frame.clone()), Done::default(), &mailbox);
        drop(open);
        assert_eq!((frame.is_unique(), counted(&outbox.queue())), (true, [0; 7]), "nothing more comes in");
        assert!(matches!(outbox.queue().take(usize::MAX), Taken::Closed(None)));
    }
}
