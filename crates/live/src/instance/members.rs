//! Who has an instance mounted.
//!
//! A member is a session, not a connection: it stays one while its socket is gone, for as long as somebody may
//! come back. A private instance has one member. Their order depends on nothing but what happened, so that the
//! same events make the same history.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use fluxstack_live_protocol::{ConnectionId, SessionId};
use indexmap::IndexMap;
use tokio::time::Instant;

use crate::auth::Caller;
use crate::outbox::Outbox;

/// One session that has the instance mounted.
pub(super) struct Member {
    pub(super) caller: Arc<Caller>,
    /// The way to its client; `None` while its connection is gone.
    pub(super) outbox: Option<Arc<Outbox>>,
    /// Until when it is waited for.
    until: Option<Instant>,
    /// How often the session has it mounted, if it is shared.
    mounts: Option<Arc<AtomicU32>>,
}

impl Member {
    /// The session has it mounted no more, and may mount it again.
    pub(super) fn forget_mounts(&self) {
        if let Some(mounts) = &self.mounts {
            mounts.store(0, Ordering::Relaxed);
        }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Members {
    by_session: BySession,
    /// Who went away, in that order, and until when they are waited for. Whoever is back is still in it.
    away: VecDeque<(Instant, SessionId)>,
}

/// Members, found by their session. Most instances have one, which needs no table.
enum BySession {
    One(Option<(SessionId, Member)>),
    Many(Box<IndexMap<SessionId, Member>>),
}

impl Default for BySession {
    fn default() -> Self {
        Self::One(None)
    }
}

impl BySession {
    fn len(&self) -> usize {
        match self {
            Self::One(one) => usize::from(one.is_some()),
            Self::Many(many) => many.len(),
        }
    }

    fn get(&self, session: SessionId) -> Option<&Member> {
        match self {
            Self::One(one) => one.as_ref().filter(|(there, _)| *there == session).map(|(_, member)| member),
            Self::Many(many) => many.get(&session),
        }
    }

    fn get_mut(&mut self, session: SessionId) -> Option<&mut Member> {
        match self {
            Self::One(one) => one.as_mut().filter(|(there, _)| *there == session).map(|(_, member)| member),
            Self::Many(many) => many.get_mut(&session),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (&SessionId, &Member)> {
        let (one, many) = match self {
            Self::One(one) => (one.as_ref(), None),
            Self::Many(many) => (None, Some(many.iter())),
        };
        one.map(|(session, member)| (session, member)).into_iter().chain(many.into_iter().flatten())
    }

    fn insert(&mut self, session: SessionId, member: Member) {
        match self {
            Self::One(one) if one.as_ref().is_none_or(|(there, _)| *there == session) => {
                *one = Some((session, member));
            }
            Self::One(one) => {
                let many = one.take().into_iter().chain([(session, member)]).collect();
                *self = Self::Many(Box::new(many));
            }
            Self::Many(many) => {
                many.insert(session, member);
            }
        }
    }

    fn remove(&mut self, session: SessionId) -> Option<Member> {
        match self {
            Self::One(one) => one.take_if(|(there, _)| *there == session).map(|(_, member)| member),
            // The last one takes its place, so that a thousand leaving cost a thousand steps.
            Self::Many(many) => many.swap_remove(&session),
        }
    }
}

impl Members {
    pub(super) fn len(&self) -> usize {
        self.by_session.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_session.len() == 0
    }

    pub(super) fn has(&self, session: SessionId) -> bool {
        self.by_session.get(session).is_some()
    }

    pub(super) fn get(&self, session: SessionId) -> Option<&Member> {
        self.by_session.get(session)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&SessionId, &Member)> {
        self.by_session.iter()
    }

    /// The ways to those that are connected.
    pub(super) fn outboxes(&self) -> impl Iterator<Item = &Arc<Outbox>> {
        self.by_session.iter().filter_map(|(_, member)| member.outbox.as_ref())
    }

    /// The member that has this connection.
    pub(super) fn connected(&self, connection: ConnectionId) -> Option<&Arc<Outbox>> {
        self.outboxes().find(|outbox| outbox.connection() == connection)
    }

    /// A session has the instance mounted, from this connection; it may have had it before, from another.
    pub(super) fn put(&mut self, caller: Arc<Caller>, outbox: Arc<Outbox>) {
        let session = caller.session_id();
        self.by_session.insert(session, Member { caller, outbox: Some(outbox), until: None, mounts: None });
    }

    /// Remembers how often the session has it mounted.
    pub(super) fn count(&mut self, session: SessionId, mounts: Option<Arc<AtomicU32>>) {
        if let Some(member) = self.by_session.get_mut(session) {
            member.mounts = mounts;
        }
    }

    /// The connection of a session is gone, unless it has another by now. Answers whether it is away.
    pub(super) fn away(&mut self, session: SessionId, connection: ConnectionId, until: Instant) -> bool {
        let Some(member) = self.by_session.get_mut(session) else { return false };
        if member.outbox.as_ref().is_none_or(|outbox| outbox.connection() != connection) {
            return false;
        }
        member.outbox = None;
        member.until = Some(until);
        self.away.push_back((until, session));
        true
    }

    /// The session is no member any more.
    pub(super) fn remove(&mut self, session: SessionId) -> Option<Member> {
        self.by_session.remove(session)
    }

    /// When the next one is given up, if anybody is away.
    pub(super) fn next_deadline(&mut self) -> Option<Instant> {
        loop {
            let (until, session) = *self.away.front()?;
            let waits = self.by_session.get(session).is_some_and(|member| member.until == Some(until));
            if waits {
                return Some(until);
            }
            // It is back, or gone for good.
            self.away.pop_front();
        }
    }

    /// A session that was waited for long enough.
    pub(super) fn overdue(&mut self, now: Instant) -> Option<SessionId> {
        let until = self.next_deadline()?;
        if until > now {
            return None;
        }
        self.away.pop_front().map(|(_, session)| session)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::limits::Limits;

    fn caller(session: u128) -> Arc<Caller> {
        Caller::new(SessionId::from_u128(session), ConnectionId::from_u128(session), None, None, None)
    }

    fn outbox(connection: u128) -> Arc<Outbox> {
        let dialect = fluxstack_live_protocol::Dialect::from_query("v=3");
        Outbox::new(ConnectionId::from_u128(connection), dialect, &Limits::default())
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_away_is_given_up_in_turn_unless_they_are_back() {
        let (second, now) = (Duration::from_secs(1), Instant::now());
        let mut members = Members::default();
        for session in 1..=3 {
            members.put(caller(session), outbox(session));
        }
        let id = SessionId::from_u128;
        assert!(members.away(id(1), ConnectionId::from_u128(1), now + second));
        assert!(!members.away(id(1), ConnectionId::from_u128(1), now + second), "it is away already");
        assert!(
            !members.away(id(2), ConnectionId::from_u128(9), now + second),
            "that was an older connection"
        );
        assert!(members.away(id(2), ConnectionId::from_u128(2), now + 2 * second));
        assert!(members.away(id(3), ConnectionId::from_u128(3), now + 3 * second));
        members.put(caller(2), outbox(20));
        assert_eq!(members.overdue(now), None);
        assert_eq!(members.next_deadline(), Some(now + second));
        assert_eq!(members.overdue(now + 9 * second), Some(id(1)));
        members.remove(id(1));
        assert_eq!(members.overdue(now + 9 * second), Some(id(3)), "the second is back");
        assert_eq!(members.overdue(now + 9 * second), None);
        assert_eq!((members.len(), members.outboxes().count()), (2, 1));
    }
}
