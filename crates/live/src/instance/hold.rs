//! What the members of a shared instance have not been told yet, because more is on its way.
//!
//! To tell a thousand members of one change costs a thousand times what the change did. So while turns wait in
//! the mailbox, what they change is put together, and told once: one delta, then what they emitted, then the
//! replies, each in the order of the turns. Nobody waits for longer than the turns take that were already
//! there, nor for an `async` action, before which what is held is told; where nothing waits, every turn is told
//! at once.

use std::sync::Arc;

use fluxstack_live_protocol::Delta;

use crate::action::Outcome;
use crate::auth::Caller;
use crate::component::Effect;
use crate::outbox::Ticket;

/// Turns that are told together. More would make the first of them wait for no gain: by then a turn's part
/// of telling everybody is small beside the turn itself.
const MOST_TURNS: usize = 256;

/// See the module. Takes room only while something is held.
#[derive(Default)]
pub(super) struct Hold(Option<Box<Held>>);

/// What is held.
#[derive(Default)]
pub(super) struct Held {
    pub(super) delta: Option<HeldDelta>,
    /// What was emitted, and who asked for it.
    pub(super) effects: Vec<(Option<Arc<Caller>>, Effect)>,
    pub(super) replies: Vec<(Ticket, Outcome)>,
    turns: usize,
}

/// The changes of one or more turns, as one.
pub(super) enum HeldDelta {
    /// Of one turn, as it was written.
    One { base: u64, payload: Vec<u8> },
    /// Of several.
    Several(Box<Delta>),
}

impl HeldDelta {
    /// The version it starts from.
    pub(super) fn base(&self) -> u64 {
        match self {
            Self::One { base, .. } => *base,
            Self::Several(delta) => delta.base,
        }
    }

    /// The payload of the frame that says it.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::One { payload, .. } => out.extend_from_slice(payload),
            Self::Several(delta) => delta.write(out),
        }
    }

    /// Takes in what the next turn changed.
    fn absorb(self, payload: &[u8]) -> Option<Self> {
        let mut delta = match self {
            Self::One { payload, .. } => Box::new(Delta::parse(&payload).ok()?),
            Self::Several(delta) => delta,
        };
        delta.absorb(Delta::parse(payload).ok()?).ok()?;
        Some(Self::Several(delta))
    }
}

impl Hold {
    /// Holds what a turn changed.
    pub(super) fn delta(&mut self, base: u64, payload: Vec<u8>) {
        let held = self.held();
        held.turns += 1;
        held.delta = match held.delta.take() {
            None => Some(HeldDelta::One { base, payload }),
            // What we wrote reads back, and follows what we wrote before. If it did not, clients would find a gap
            // and ask for the whole state.
            Some(earlier) => earlier.absorb(&payload).or(Some(HeldDelta::One { base, payload })),
        };
    }

    /// Holds what a turn emitted.
    pub(super) fn effects(&mut self, caller: Option<&Arc<Caller>>, effects: Vec<Effect>) {
        if !effects.is_empty() {
            let held = self.held();
            held.turns += 1;
            held.effects.extend(effects.into_iter().map(|effect| (caller.cloned(), effect)));
        }
    }

    /// Holds what a turn is answered.
    pub(super) fn reply(&mut self, ticket: Ticket, outcome: Outcome) {
        let held = self.held();
        held.turns += 1;
        held.replies.push((ticket, outcome));
    }

    /// Whether so much is held that it has to be told.
    pub(super) fn is_full(&self) -> bool {
        self.0.as_ref().is_some_and(|held| held.turns >= 2 * MOST_TURNS)
    }

    /// What is to be told later after all.
    pub(super) fn of(held: Box<Held>) -> Self {
        Self(Some(held))
    }

    /// Everything, to be told now.
    pub(super) fn take(&mut self) -> Option<Box<Held>> {
        self.0.take()
    }

    fn held(&mut self) -> &mut Held {
        self.0.get_or_insert_default()
    }
}
