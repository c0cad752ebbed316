//! The calls whose clients show already what they will do, and want to know which state has it.
//!
//! A turn that changed something the members see is told of with that change, to the connection that asked for it and
//! nobody else. Where several turns are told together, so are their calls. Of a turn whose change is held back, because
//! its author wants the field sent seldom, the answer says so, and the state that brings it says the rest. A turn is not
//! told in parts: what would be is not held back. One that changed nothing is answered, and that is all.
//!
//! What must stay true: no state that has a turn is told before the turn's call is in here, and none after it was
//! answered without `held`. What is held back is bounded: when too much is, the next turn holds nothing back.

use fluxstack_live_protocol::{CallId, ConnectionId};

use super::Instance;
use crate::auth::Caller;
use crate::component::Component;
use crate::outbox::{Done, StateFrame, Ticket};

/// Calls that may wait for what is held back.
const MOST_HELD: usize = 256;

/// One call, and where it came from.
struct Guess {
    connection: ConnectionId,
    call: CallId,
}

/// See the module. Takes room only while there is one.
#[derive(Default)]
pub(super) struct Guesses(Option<Box<Waiting>>);

#[derive(Default)]
struct Waiting {
    /// Of the turn that is being done.
    turn: Vec<Guess>,
    /// What the next change that is told brings.
    ready: Vec<Guess>,
    /// What will be told later, and the fields that have to be sent for it; see [`Pace`](crate::state::Pace).
    held: Vec<(Guess, u64)>,
    /// What was held back, and is not coming any more: it was undone before it was sent.
    lost: Vec<Guess>,
}

impl Guesses {
    /// The turn about to end is this call's, too.
    fn expect(&mut self, guess: Guess) {
        self.0.get_or_insert_default().turn.push(guess);
    }

    /// Whether so many wait that nothing more is to be held back.
    pub(super) fn is_full(&self) -> bool {
        self.0.as_ref().is_some_and(|waiting| waiting.held.len() >= MOST_HELD)
    }

    /// Whether only a part of a turn would be told now that its client shows as a whole. `has_changed` and the fields are
    /// as for [`Guesses::ended`].
    pub(super) fn is_torn(&self, has_changed: bool, held: u64, held_now: u64) -> bool {
        let Some(waiting) = &self.0 else { return false };
        let is_part = |(_, fields): &(Guess, u64)| (1..*fields).contains(&(fields & held));
        (has_changed && held_now != 0 && !waiting.turn.is_empty()) || waiting.held.iter().any(is_part)
    }

    /// The turn has ended well: whether anything is told of it, which fields are held back, and which of these are for
    /// what this turn changed.
    pub(super) fn ended(&mut self, has_changed: bool, held: u64, held_now: u64) {
        let Some(waiting) = &mut self.0 else { return };
        for (guess, mut fields) in std::mem::take(&mut waiting.held) {
            fields &= held;
            match (fields, has_changed) {
                (0, true) => waiting.ready.push(guess),
                (0, false) => waiting.lost.push(guess),
                _ => waiting.held.push((guess, fields)),
            }
        }
        let turn = std::mem::take(&mut waiting.turn);
        if held_now != 0 {
            waiting.held.extend(turn.into_iter().map(|guess| (guess, held_now)));
        } else if has_changed {
            waiting.ready.extend(turn);
        }
        self.tidy();
    }

    /// Whether what this call changed is held back in part.
    fn is_held(&self, connection: ConnectionId, call: &CallId) -> bool {
        let is_it = |(guess, _): &(Guess, u64)| guess.connection == connection && guess.call == *call;
        self.0.as_ref().is_some_and(|waiting| waiting.held.iter().rev().any(is_it))
    }

    /// The turn came to nothing.
    fn forget_turn(&mut self) {
        if let Some(waiting) = &mut self.0 {
            waiting.turn.clear();
            self.tidy();
        }
    }

    /// What was held back is gone.
    pub(super) fn lose_held(&mut self) {
        if let Some(waiting) = &mut self.0 {
            waiting.lost.extend(waiting.held.drain(..).map(|(guess, _)| guess));
        }
    }

    /// What the change brings that is told now.
    pub(super) fn take_ready(&mut self) -> Told {
        let Some(waiting) = &mut self.0 else { return Told(Vec::new()) };
        let ready = std::mem::take(&mut waiting.ready);
        self.tidy();
        Told(ready)
    }

    fn take_lost(&mut self) -> Told {
        let Some(waiting) = &mut self.0 else { return Told(Vec::new()) };
        let lost = std::mem::take(&mut waiting.lost);
        self.tidy();
        Told(lost)
    }

    fn tidy(&mut self) {
        let is_empty = |waiting: &Waiting| {
            let Waiting { turn, ready, held, lost } = waiting;
            turn.is_empty() && ready.is_empty() && held.is_empty() && lost.is_empty()
        };
        if self.0.as_deref().is_some_and(is_empty) {
            self.0 = None;
        }
    }
}

/// Calls that are told of now, each where it came from.
pub(super) struct Told(Vec<Guess>);

impl Told {
    /// Those of one connection.
    pub(super) fn of(&mut self, connection: ConnectionId) -> Done {
        if self.0.is_empty() {
            return Done::default();
        }
        let theirs = self.0.extract_if(.., |guess| guess.connection == connection);
        Done::of(theirs.map(|guess| guess.call).collect())
    }
}

impl<C: Component> Instance<C> {
    /// The turn about to end is this request's; its client may show already what it does.
    pub(super) fn expect_guess(&mut self, ticket: &Ticket) {
        let Some(call) = ticket.guess() else { return };
        let Some(connection) = self.cx.caller().map(Caller::connection_id) else { return };
        if self.guesses.is_full() {
            self.pace.everything();
        }
        self.guesses.expect(Guess { connection, call: call.clone() });
    }

    /// The turn came to nothing, so its clients hear of it by its answer.
    pub(super) fn forget_guesses(&mut self) {
        self.guesses.forget_turn();
    }

    /// The ticket again, which says whether a part of what it asked for is held back.
    pub(super) fn with_guess(&self, ticket: Ticket) -> Ticket {
        let connection = self.cx.caller().map(Caller::connection_id);
        let is_held = match (ticket.guess(), connection) {
            (Some(call), Some(connection)) => self.guesses.is_held(connection, call),
            _ => false,
        };
        ticket.held(is_held)
    }

    /// Tells those whose change was undone before it was sent: the state without it.
    pub(super) fn tell_lost(&mut self) {
        let mut lost = self.guesses.take_lost();
        while let Some(connection) = lost.0.first().map(|guess| guess.connection) {
            let done = lost.of(connection);
            if let Some(outbox) = self.members.connected(connection) {
                let digest = self.component.digest(&self.sent);
                let frame = StateFrame::Whole(self.whole_frame(digest, outbox.dialect()));
                outbox.push_state(self.id, frame, done, &self.mailbox);
            }
        }
    }
}
