//! Who joins a shared instance, who leaves it, and what the component is told of it.
//!
//! A session joins with its first mount and leaves once: when it has unmounted, or has not come back in time.
//! What must stay true: for every `on_join` that went well there is one `on_leave`, whatever becomes of sockets and
//! servers. A server that goes away writes down who was there; the one that rebuilds the instance lets them leave
//! before anybody joins.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use fluxstack_live_protocol::{CallId, ConnectionId, SessionId};
use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::{Broken, Goes, Instance, Lost, log};
use crate::auth::{Caller, Identity};
use crate::component::{Component, Resumed};
use crate::error::{Code, Error, Result};
use crate::mailbox::{Join, Mounts, Was};
use crate::outbox::Ticket;

/// How a member left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Left {
    /// It unmounted the instance.
    #[default]
    Gladly,
    /// It was not heard of again, and may find the instance in the store later.
    Silently,
}

impl<C: Component> Instance<C> {
    pub(super) fn is_shared(&self) -> bool {
        self.life.owner.shared.is_some()
    }

    /// A session mounts the instance, or takes it up again.
    pub(super) async fn join(&mut self, join: Join) -> std::result::Result<(), Lost> {
        let Join { caller, outbox, mut was, is_outdated, mounts, ticket } = join;
        self.release();
        if caller.is_gone() {
            // It left while this was waiting, and its farewell has been read already.
            return Ok(());
        }
        let session = caller.session_id();
        if let Err(error) = self.demand_of(&caller) {
            // It may have been a member until now.
            self.send_away(session, &error);
            self.leave(session, Left::Gladly, None).await?;
            ticket.answer(Err(error));
            return Ok(());
        }
        if was.as_ref().is_some_and(|was| !self.was(was)) {
            let said = "the instance you had has ended, and another has begun: mount it again";
            ticket.answer(Err(Error::new(Code::NothingKept, said)));
            return Ok(());
        }
        let back = was.as_mut().map(|was| (std::mem::take(&mut was.rooms), std::mem::take(&mut was.doubt)));
        let (heard, doubt) = back.unwrap_or_default();
        self.end_doubt(&doubt).await?;
        self.expect_in_rooms(session, heard);
        let is_new = !self.members.has(session);
        if is_new && let Err(error) = self.admit_member(&caller).await? {
            self.release();
            ticket.answer(Err(error));
            return Ok(());
        }
        let mounts = mounts.and_then(Mounts::keep);
        // What the joining changed is told to the others; the joiner is told all there is.
        self.tell();
        match was {
            Some(was) if was.instance == self.id => {
                let frames = self.attach(caller, outbox, was.have, was.heard);
                self.members.count(session, mounts);
                self.come_back(frames, is_outdated, &doubt, ticket).await?;
            }
            was => {
                let dialect = outbox.dialect();
                self.put(caller, outbox);
                self.members.count(session, mounts);
                let picture = self.picture_of_mount(dialect, was.is_some(), is_outdated, &doubt);
                ticket.showing(self.id).answer(Ok(Some(picture)));
            }
        }
        self.arrive_in_rooms(session, is_new);
        Ok(())
    }

    /// Whether this is the instance somebody had, or was rebuilt from it.
    fn was(&self, was: &Was) -> bool {
        was.instance == self.id || self.life.former.contains(&was.instance)
    }

    /// Asks the component whether the session may join.
    async fn admit_member(&mut self, caller: &Arc<Caller>) -> std::result::Result<Result<()>, Lost> {
        self.cx.set_caller(Some(Arc::clone(caller)));
        self.cx.set_call(None);
        // Counted among them already, so that the component sees how many there will be.
        self.cx.set_members(self.members.len() + 1);
        let turn = async { self.component.on_join(&mut self.cx).await };
        let ran = AssertUnwindSafe(turn).catch_unwind().await.map_err(|_| Broken::Panic);
        let refused = match ran.and_then(|admitted| self.flush().map(|()| admitted)) {
            Ok(Ok(())) => return Ok(Ok(())),
            Ok(Err(error)) => {
                log(&error);
                // Where the component had taken it in by then, it is not there after all.
                self.take_out(caller.session_id()).await?;
                error
            }
            Err(broken) => {
                self.cx.set_members(self.members.len());
                self.mend(&broken).await?;
                Error::new(Code::ActionFailed, "this failed on the server; nothing was mounted")
            }
        };
        self.cx.set_members(self.members.len());
        Ok(Err(refused))
    }

    /// Somebody has it mounted from this connection.
    pub(super) fn put(&mut self, caller: Arc<Caller>, outbox: Arc<crate::outbox::Outbox>) {
        if self.is_shared() && !self.members.has(caller.session_id()) {
            // A snapshot says who is there.
            self.touch();
        }
        self.members.put(caller, outbox);
        self.cx.set_members(self.members.len());
        self.life.until = None;
        self.life.tries = 0;
    }

    /// Tells somebody who is back how they stand, and the component that they are.
    pub(super) async fn come_back(
        &mut self,
        frames: usize,
        is_outdated: bool,
        doubt: &[CallId],
        ticket: Ticket,
    ) -> std::result::Result<(), Lost> {
        let resumed = if frames == 0 { Resumed::InStep } else { Resumed::Replayed(frames) };
        let turn = async { self.component.on_resume(resumed, &mut self.cx).await };
        let ran = AssertUnwindSafe(turn).catch_unwind().await;
        if let Err(lost) = self.end_quietly(ran.map_err(|_| Broken::Panic)).await {
            let said = "the instance failed and could not be put back";
            ticket.answer(Err(Error::new(Code::InstanceLost, said)));
            return Err(lost);
        }
        self.release();
        let result = self.resumed(resumed, is_outdated, doubt);
        // At once, like the state it speaks of. If it waited for the store, the state would go on meanwhile, and
        // what the answer says of it would be old.
        ticket.answer(Ok(Some(result)));
        Ok(())
    }

    /// A session does not have it mounted any more.
    pub(super) async fn leave(
        &mut self,
        session: SessionId,
        left: Left,
        ticket: Option<Ticket>,
    ) -> std::result::Result<Goes, Lost> {
        self.release();
        let Some(member) = self.members.remove(session) else {
            // A ticket that is dropped says what was asked for: that it is gone.
            return Ok(Goes::On);
        };
        self.cx.set_members(self.members.len());
        self.leave_rooms(session);
        if !self.is_shared() {
            // At once, so that no copy of it comes in before it is gone.
            self.remember(u64::MAX);
            return Ok(Goes::Away(ticket.map(Box::new)));
        }
        self.touch();
        self.say_goodbye(member.caller).await?;
        if self.members.is_empty() {
            self.disown_files();
        }
        // After the author's word, and whatever that was: nobody stays in a list who is not there.
        self.take_out(session).await?;
        self.release();
        if let Some(ticket) = ticket {
            ticket.answer(Ok(None));
        }
        if self.members.is_empty() {
            self.life.left = left;
            self.wait(C::KEEP_ALIVE);
        }
        Ok(Goes::On)
    }

    /// Takes a session out of every list of who is there. What of the author's runs in here may fail; what that
    /// puts back is taken out again.
    async fn take_out(&mut self, session: SessionId) -> std::result::Result<(), Lost> {
        for _ in 0..2 {
            let ran = std::panic::catch_unwind(AssertUnwindSafe(|| self.component.departed(session)));
            match ran.map_err(|_| Broken::Panic).and_then(|()| self.flush()) {
                Ok(()) => break,
                Err(broken) => self.mend(&broken).await?,
            }
        }
        Ok(())
    }

    /// Tells the component that a member has left.
    async fn say_goodbye(&mut self, caller: Arc<Caller>) -> std::result::Result<(), Lost> {
        self.cx.set_caller(Some(caller));
        self.cx.set_call(None);
        let turn = async { self.component.on_leave(&mut self.cx).await };
        let ran = AssertUnwindSafe(turn).catch_unwind().await;
        self.end_quietly(ran.map_err(|_| Broken::Panic)).await
    }

    /// Lets those leave who were members when the snapshot was taken that the instance was rebuilt from.
    pub(super) async fn say_old_goodbyes(
        &mut self,
        members: Vec<(SessionId, Box<str>)>,
    ) -> std::result::Result<(), Lost> {
        for (session, subject) in members {
            // Who it was is known, what they might do is not.
            let identity = (!subject.is_empty()).then(|| Arc::new(Identity::new(String::from(subject))));
            let caller = Caller::new(session, ConnectionId::random(), None, None, identity);
            self.say_goodbye(caller).await?;
        }
        Ok(())
    }

    /// Those who have been waited for long enough leave.
    pub(super) async fn give_up_on_members(&mut self, now: Instant) -> std::result::Result<(), Lost> {
        while let Some(session) = self.members.overdue(now) {
            self.leave(session, Left::Silently, None).await?;
        }
        Ok(())
    }
}
