//! A client reads a part of a list that is not sent whole.
//!
//! It is no turn: nothing changes, and nobody else is told anything. What is told is the list as last sent, so a client
//! that has been told of an edit is told of no row from before it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use super::{Instance, log};
use crate::auth::Caller;
use crate::component::Component;
use crate::error::{Code, Error};
use crate::field::Part;
use crate::outbox::Ticket;

impl<C: Component> Instance<C> {
    /// Answers with rows of the list that clients call `property`.
    pub(super) fn read_list(
        &mut self,
        property: &[u8],
        from: usize,
        count: usize,
        caller: &Arc<Caller>,
        ticket: Ticket,
    ) {
        // Dropped, a ticket says that the caller has no such instance.
        if !self.may_reach(caller) {
            return;
        }
        if let Err(error) = self.demand_of(caller) {
            return ticket.answer(Err(error));
        }
        // The edits that led to these rows come before them.
        self.release();
        // More would make a slow client of one that reads.
        let part = Part { from, count: count.min(self.limits.window), bytes: self.limits.outbox_soft };
        let property = std::str::from_utf8(property).unwrap_or_default();
        let mut rows = Vec::with_capacity(1024);
        // The author's `Serialize` runs in here.
        let read = AssertUnwindSafe(|| self.component.read(&self.sent, property, part, &mut rows));
        let outcome = std::panic::catch_unwind(read).unwrap_or_else(|_| {
            tracing::error!(component = C::NAME, property, "writing a row panicked");
            Err(Error::new(Code::ActionFailed, "this failed on the server; nothing was changed"))
        });
        if let Err(error) = &outcome {
            log(error);
        }
        ticket.answer(outcome.map(|()| Some(rows)));
    }
}
