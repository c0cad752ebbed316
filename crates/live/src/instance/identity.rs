//! Who an instance is for: what its component demands of them, and what happens when they sign in or out.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use fluxstack_live_protocol::{ServerMessage, SessionId};
use tokio::sync::mpsc;

use super::sharing::Left;
use super::{Broken, Goes, Instance, Lost};
use crate::auth::Caller;
use crate::clock;
use crate::component::{Component, Cx};
use crate::error::{Error, Result};

/// Whether the caller may have an instance of `C`.
pub(super) fn demanded<C: Component>(cx: &Cx<C>) -> Result<()> {
    // What is demanded may be the author's own function.
    std::panic::catch_unwind(AssertUnwindSafe(|| C::demand(cx))).unwrap_or_else(|_| {
        tracing::error!("what the component requires panicked; nobody may have it");
        Err(Error::forbidden())
    })
}

impl<C: Component> Instance<C> {
    /// Makes somebody the caller, and says whether they may have this instance.
    pub(super) fn demand_of(&mut self, caller: &Arc<Caller>) -> Result<()> {
        if !self.cx.caller_arc().is_some_and(|there| Arc::ptr_eq(there, caller)) {
            self.cx.set_caller(Some(Arc::clone(caller)));
        }
        demanded(&self.cx)
    }

    /// A member signed in, was refreshed, or is nobody any more. What a private instance keeps is from now on kept for
    /// who that is.
    pub(super) async fn identified(
        &mut self,
        caller: Arc<Caller>,
        subject: Arc<str>,
    ) -> std::result::Result<Goes, Lost> {
        let session = caller.session_id();
        if !self.members.has(session) {
            return Ok(Goes::On);
        }
        if !self.is_shared() && subject != self.life.owner.subject {
            self.life.owner.subject = subject;
            // What was kept before was sealed for somebody else.
            self.touch();
        }
        if let Err(error) = self.demand_of(&caller) {
            self.release();
            self.send_away(session, &error);
            return self.leave(session, Left::Gladly, None).await;
        }
        self.cx.set_call(None);
        let told = std::panic::catch_unwind(AssertUnwindSafe(|| self.component.on_identity(&mut self.cx)));
        self.end_quietly(told.map_err(|_| Broken::Panic)).await?;
        Ok(Goes::On)
    }

    /// A user was signed out everywhere: their sessions leave, those that are away included.
    pub(super) async fn signed_out(
        &mut self,
        subject: &str,
        ended: &mpsc::Sender<SessionId>,
    ) -> std::result::Result<(), Lost> {
        let members = self.members.iter().filter(|(_, member)| member.caller.is_of(subject));
        let sessions: Vec<SessionId> = members.map(|(session, _)| *session).collect();
        for session in sessions {
            // Nobody may be counting any more.
            let _ = ended.send(session).await;
            self.leave(session, Left::Gladly, None).await?;
        }
        Ok(())
    }

    /// Tells a member that the instance is not for them any more.
    pub(super) fn send_away(&self, session: SessionId, error: &Error) {
        let Some(member) = self.members.get(session) else { return };
        member.forget_mounts();
        let Some(outbox) = &member.outbox else { return };
        let id = self.id.to_string();
        let mut frame = Vec::new();
        ServerMessage::Error {
            component_id: Some(&id),
            request_id: None,
            code: error.code(),
            error: error.message(),
            action: None,
        }
        .write(clock::now(), &mut frame);
        outbox.push(frame);
    }
}
