//! One turn: who asks, whether it was done before, what they are answered, and what is told of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;

use super::{Broken, Goes, Instance, Lost, Step, bad_event, log, refused, seen};
use crate::action::Outcome;
use crate::auth::Caller;
use crate::clock;
use crate::component::{Component, PropsChange, Scope, Source};
use crate::error::{Code, Error, Result};
use crate::outbox::Ticket;
use crate::wire;
use crate::work::Turn;

impl<C: Component> Instance<C> {
    /// Runs a turn of a timer, of spawned work or of a watch. Nobody waits for a reply.
    pub(super) fn take_turn(&mut self, turn: Turn<C>) -> Step<'_> {
        self.as_nobody();
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| match turn {
            Turn::Once(job) => job(&mut self.component, &mut self.cx),
            Turn::Tick { timer, due, period, mut tick } => {
                tick(&mut self.component, &mut self.cx);
                if let Some(work) = self.cx.work_mut() {
                    work.again(timer, due, period, tick);
                }
            }
            Turn::Told { watch, mut tell } => {
                tell(&mut self.component, &mut self.cx);
                if let Some(work) = self.cx.work_mut() {
                    work.watch_again(watch, tell);
                }
            }
        }));
        self.end_at_once(ran.map_err(|_| Broken::Panic))
    }

    /// The end of a turn that nobody waits for, which takes room only if it has to be put back.
    fn end_at_once(&mut self, ran: std::result::Result<(), Broken>) -> Step<'_> {
        match ran.and_then(|()| self.flush()) {
            Ok(()) => Step::Done(Ok(Goes::On)),
            Err(broken) => Step::later(async move { self.mend(&broken).await.map(|()| Goes::On) }),
        }
    }

    /// The end of a turn that nobody waits for.
    pub(super) async fn end_quietly(
        &mut self,
        ran: std::result::Result<(), Broken>,
    ) -> std::result::Result<(), Lost> {
        match ran.and_then(|()| self.flush()) {
            Ok(()) => Ok(()),
            Err(broken) => self.mend(&broken).await,
        }
    }

    /// Sends what is held back because its author wants it seldom, before somebody relies on the state being
    /// whole: a copy of it that is kept.
    pub(super) async fn catch_up(&mut self) -> std::result::Result<(), Lost> {
        if self.pace.next().is_some() {
            self.pace.everything();
            self.end_quietly(Ok(())).await?;
            self.release();
        }
        Ok(())
    }

    /// Lets the component hear an event.
    pub(super) fn hear(&mut self, event: &[u8], from: &Source) -> Result<()> {
        let event: C::Event = wire::from_json(event).map_err(|why| bad_event(&why))?;
        self.component.on_event(event, from, &mut self.cx)
    }

    /// The same in a turn of its own, for which nobody waits.
    pub(super) fn overhear(&mut self, event: &[u8], from: &Source) -> Step<'_> {
        self.as_nobody();
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| self.hear(event, from)));
        if let Ok(Err(error)) = &ran {
            log(error);
        }
        self.end_at_once(ran.map(drop).map_err(|_| Broken::Panic))
    }

    /// Whose calls are being done, where members' have to be told apart.
    pub(super) fn member(&self) -> seen::Member {
        self.is_shared().then(|| self.cx.caller().map(Caller::session_id)).flatten()
    }

    /// Begins a turn that nobody asked for. A private instance acts for its owner all the same.
    pub(super) fn as_nobody(&mut self) {
        if self.is_shared() {
            self.cx.set_caller(None);
        }
    }

    /// The ticket back if the caller may ask for a turn and it was not done before; then they are the caller.
    pub(super) fn admit(&mut self, caller: Arc<Caller>, ticket: Ticket) -> Option<Ticket> {
        // Dropped, a ticket says that the caller has no such instance.
        if !self.may_reach(&caller) {
            return None;
        }
        if let Err(error) = self.demand_of(&caller) {
            ticket.answer(Err(error));
            return None;
        }
        self.unless_done(ticket)
    }

    /// Whether the caller has this instance.
    pub(super) fn may_reach(&self, caller: &Caller) -> bool {
        !self.is_shared() || self.members.has(caller.session_id())
    }

    /// The ticket back, unless the call was done before: then it is answered as it was then. The component
    /// learns the call's name.
    fn unless_done(&mut self, ticket: Ticket) -> Option<Ticket> {
        let Some((call, acked)) = ticket.call() else {
            self.cx.set_call(None);
            return Some(ticket);
        };
        if let Some(outcome) = self.life.seen.answer(call, acked, self.member()) {
            self.answer(ticket, outcome);
            return None;
        }
        self.cx.set_call(Some(call.clone()));
        Some(ticket)
    }

    /// The request was done, well or not: remembers that, and answers.
    pub(super) fn done(&mut self, ticket: Ticket, outcome: Outcome) {
        if let Some(call) = self.cx.take_call() {
            let of = self.member();
            self.life.seen.record(&call, &outcome, of);
            self.touch();
        }
        self.answer(ticket, outcome);
    }

    /// State, then events, then the reply.
    pub(super) fn end_turn(
        &mut self,
        outcome: std::result::Result<Outcome, Broken>,
        ticket: Ticket,
    ) -> Step<'_> {
        // All that is said of one turn is said at one time.
        let _now = clock::hold();
        self.expect_guess(&ticket);
        let flushed = outcome.and_then(|outcome| self.flush().map(|()| outcome));
        let ticket = self.with_guess(ticket);
        match flushed {
            Ok(outcome) => {
                if let Some(props) = self.new_props.take() {
                    self.props = props;
                }
                if let Err(error) = &outcome {
                    log(error);
                }
                self.done(ticket, outcome);
                Step::Done(Ok(Goes::On))
            }
            Err(broken) => Step::later(self.mend_for(broken, ticket)),
        }
    }

    /// What was asked for came to nothing that could be kept.
    async fn mend_for(&mut self, broken: Broken, ticket: Ticket) -> std::result::Result<Goes, Lost> {
        self.forget_guesses();
        let mended = self.mend(&broken).await;
        match (&mended, &broken) {
            (Err(Lost), _) => {
                let said = "the instance failed and could not be put back";
                ticket.answer(Err(Error::new(Code::InstanceLost, said)));
            }
            (Ok(()), Broken::Panic) => {
                let said = "this failed on the server; nothing was changed";
                self.done(ticket, Err(Error::new(Code::ActionFailed, said)));
            }
            (Ok(()), Broken::Flush(why)) => self.done(ticket, Err(refused(why))),
        }
        mended.map(|()| Goes::On)
    }

    pub(super) fn write(&mut self, property: &[u8], value: &[u8]) -> Outcome {
        let property = std::str::from_utf8(property).unwrap_or_default();
        let written = self.component.write(property, value);
        let outcome = written.and_then(|field| self.component.written(field, &mut self.cx));
        if outcome.is_err() {
            // Not only what `write` refused: what the author will not have must not stay.
            self.component.revert(property);
        }
        outcome.map(|()| None)
    }

    pub(super) async fn change_props(&mut self, json: Option<Bytes>) -> Outcome {
        let props: C::Props = wire::props_from_json(json.as_deref())?;
        if let Some(shared) = &self.life.owner.shared {
            // It is not this member's alone: either they are in the right one, or in another.
            let is_here = matches!(C::scope(&props), Scope::Shared(key) if *key == *shared.key);
            return Ok(Some(if is_here {
                b"{\"remount\":false}".to_vec()
            } else {
                b"{\"remount\":true}".to_vec()
            }));
        }
        match self.component.props_changed(props, &mut self.cx).await? {
            PropsChange::Taken => {
                self.new_props = Some(json);
                Ok(Some(b"{\"remount\":false}".to_vec()))
            }
            PropsChange::Remount => Ok(Some(b"{\"remount\":true}".to_vec())),
        }
    }
}
