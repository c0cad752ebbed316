//! Several calls that are all done, or none.
//!
//! They are done one after another with nothing sent in between. If all went well one flush ends them, like one
//! turn: whoever else is there is told of all of them at once. If one failed, the component is put back in place
//! to what it was before the first: everything a client can see, and what is kept. Other private fields stay as
//! the calls left them, and so do timers and spawned work. Where a panic left the component in no state to be
//! put back in place, it is mended like after any other turn that panicked.
//!
//! What must stay true: before the first call nothing is held back, so that what was last sent is what was.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;

use super::{Broken, Instance, Lost, log, refused};
use crate::action::Outcome;
use crate::auth::Caller;
use crate::component::Component;
use crate::error::{Code, Error};
use crate::mailbox::BatchedCall;
use crate::outbox::Ticket;

/// The call at which a batch failed, and why.
struct Failed {
    at: usize,
    error: Error,
    /// Whether the component is in no state to be put back in place.
    is_broken: bool,
}

impl<C: Component> Instance<C> {
    /// Does all of these calls or none, and answers each.
    pub(super) async fn call_all(
        &mut self,
        calls: Vec<BatchedCall>,
        caller: Arc<Caller>,
    ) -> std::result::Result<(), Lost> {
        // Dropped, the tickets say that the caller has no such instance.
        if !self.may_reach(&caller) {
            return Ok(());
        }
        if let Err(error) = self.demand_of(&caller) {
            // Asked once: a second answer might be another, and say that something was done.
            for BatchedCall { ticket, .. } in calls {
                ticket.answer(Err(Error::new(error.code(), error.message().to_owned())));
            }
            return Ok(());
        }
        let Some(calls) = self.unless_all_done(calls) else { return Ok(()) };
        let (calls, tickets): (Vec<_>, Vec<_>) =
            calls.into_iter().map(|call| ((call.words, name_of(&call.ticket)), call.ticket)).unzip();
        if let Err(lost) = self.catch_up().await {
            tickets.into_iter().for_each(instance_lost);
            return Err(lost);
        }
        if calls.iter().any(|(words, _)| C::waits(words.action())) {
            // Now, because in between there is no state that could be told.
            self.release();
        }
        let mut outcomes = Vec::with_capacity(calls.len());
        let mut failed = None;
        for (at, (words, name)) in calls.iter().enumerate() {
            self.cx.set_call(name.clone());
            // Whoever was somebody at the first call may be nobody by now.
            let demanded = self.demand_of(&caller);
            let turn = async {
                demanded?;
                self.component.dispatch(words.action(), words.args(), &mut self.cx).await
            };
            match AssertUnwindSafe(turn).catch_unwind().await {
                Ok(Ok(result)) => outcomes.push(Ok(result)),
                Ok(Err(error)) => failed = Some(Failed { at, error, is_broken: false }),
                Err(_) => {
                    let error =
                        Error::new(Code::ActionFailed, "this failed on the server; nothing was changed");
                    failed = Some(Failed { at, error, is_broken: true });
                }
            }
            if failed.is_some() {
                break;
            }
        }
        if failed.is_none() {
            tickets.iter().for_each(|ticket| self.expect_guess(ticket));
            failed = self.flush_all(tickets.len());
        }
        match failed {
            None => {
                tickets.into_iter().zip(outcomes).for_each(|(ticket, outcome)| self.settle(ticket, outcome))
            }
            Some(failed) => self.undo_all(tickets, failed).await?,
        }
        Ok(())
    }

    /// The calls back, unless they were done before: then they are answered as they were then.
    fn unless_all_done(&mut self, calls: Vec<BatchedCall>) -> Option<Vec<BatchedCall>> {
        let of = self.member();
        let known: Vec<Option<Outcome>> = calls
            .iter()
            .map(|BatchedCall { ticket, .. }| {
                let (call, acked) = ticket.call()?;
                self.life.seen.answer(call, acked, of)
            })
            .collect();
        if known.iter().all(Option::is_none) {
            return Some(calls);
        }
        for (BatchedCall { ticket, .. }, known) in calls.into_iter().zip(known) {
            let outcome = known.unwrap_or_else(|| {
                let said = "this was not done, because only other calls of the batch were done before";
                Err(Error::new(Code::Conflict, said))
            });
            self.answer(ticket, outcome);
        }
        None
    }

    /// Ends the turn that all of them are.
    fn flush_all(&mut self, count: usize) -> Option<Failed> {
        let (error, is_broken) = match self.flush() {
            Ok(()) => return None,
            Err(Broken::Flush(why)) => {
                tracing::error!(%why, "the state cannot be sent; undoing the batch");
                (refused(&why), false)
            }
            Err(Broken::Panic) => {
                (Error::new(Code::ActionFailed, "this failed on the server; nothing was changed"), true)
            }
        };
        // Which of them it was only the author could say.
        Some(Failed { at: count.saturating_sub(1), error, is_broken })
    }

    /// Puts the component back to what it was before, and tells everybody.
    async fn undo_all(&mut self, tickets: Vec<Ticket>, failed: Failed) -> std::result::Result<(), Lost> {
        let Failed { at, error, is_broken } = failed;
        self.forget_guesses();
        drop(self.cx.take_effects());
        log(&error);
        if let Err(lost) = self.put_back(is_broken).await {
            tickets.into_iter().for_each(instance_lost);
            return Err(lost);
        }
        let mut error = Some(error);
        for (place, ticket) in tickets.into_iter().enumerate() {
            let error = if place == at { error.take() } else { None };
            self.settle(ticket, Err(error.unwrap_or_else(rolled_back)));
        }
        Ok(())
    }

    async fn put_back(&mut self, is_broken: bool) -> std::result::Result<(), Lost> {
        if is_broken {
            return self.mend(&Broken::Panic).await;
        }
        // The author's `Deserialize` runs in here, and the `Drop` of what goes.
        let undo = AssertUnwindSafe(|| self.component.undo(&self.sent));
        match std::panic::catch_unwind(undo) {
            Ok(Ok(())) => {
                self.restore_kept();
                self.find_files();
                Ok(())
            }
            // It was moved to where only dropping the component brings it back from.
            Ok(Err(why)) => self.mend(&Broken::Flush(why)).await,
            Err(_) => {
                tracing::error!("undoing a batch panicked; giving the instance up");
                Err(Lost)
            }
        }
    }

    /// Remembers what the call came to, and answers.
    fn settle(&mut self, ticket: Ticket, outcome: Outcome) {
        self.cx.set_call(name_of(&ticket));
        let ticket = self.with_guess(ticket);
        self.done(ticket, outcome);
    }
}

fn name_of(ticket: &Ticket) -> Option<fluxstack_live_protocol::CallId> {
    ticket.call().map(|(call, _)| call.clone())
}

#[cold]
fn rolled_back() -> Error {
    Error::new(Code::RolledBack, "another call of the batch failed, so this one was undone")
}

#[cold]
fn instance_lost(ticket: Ticket) {
    ticket.answer(Err(Error::new(Code::InstanceLost, "the instance failed and could not be put back")));
}
