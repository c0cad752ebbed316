//! Which sessions there are, connected or away, and what those that are away left behind.
//!
//! A session that comes back is found here by its id, which only its token knows. There is no way from an
//! instance's id to an instance: what a returning session may name is what it left, and nothing else. A seat is a
//! user's, and nobody else sits down in it.
//!
//! ```text
//!   here ──socket gone──► away ──claimed──► here (another connection)
//!     ▲ taken over │        └──its last instance went to rest──► forgotten
//!     └────────────┘
//! ```

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use fluxstack_live_protocol::{CloseCode, Code, InstanceId, SessionId};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::bell::Bell;
use crate::error::Error;
use crate::mailbox::Mailbox;

/// How long a connection that may be dead has to give a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);
/// How long a connection that was told to leave may take.
const LEAVING: Duration = Duration::from_secs(5);

mod instances;

pub(crate) use instances::Instances;

/// See the module.
#[derive(Default)]
pub(crate) struct Roster {
    seats: Mutex<HashMap<SessionId, Seat>>,
    /// Instances in the seats of those that are away.
    waiting: AtomicUsize,
}

struct Seat {
    /// Whose it is; empty for nobody in particular.
    subject: Arc<str>,
    taken: Taken,
}

enum Taken {
    Here(Arc<Occupant>),
    Away(Instances),
}

impl Seat {
    fn is_taken_by(&self, occupant: &Arc<Occupant>) -> bool {
        matches!(&self.taken, Taken::Here(there) if Arc::ptr_eq(there, occupant))
    }
}

/// The connection a session has at present.
pub(crate) struct Occupant {
    /// The load of the page that connected, if it said.
    page: Option<Arc<str>>,
    /// The how many-th of this program it is.
    number: u64,
    /// Its task listens here.
    bell: Arc<Bell>,
    /// It shall close, for this reason.
    why: OnceLock<CloseCode>,
    /// It has left, and what it mounted is in its seat.
    has_left: AtomicBool,
    /// Somebody wants to know whether there is still anybody.
    is_asked: AtomicBool,
    /// It has answered, or left.
    sign: Notify,
}

impl Occupant {
    pub(crate) fn new(page: Option<Arc<str>>, bell: Arc<Bell>) -> Arc<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self {
            page,
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            bell,
            why: OnceLock::new(),
            has_left: AtomicBool::new(false),
            is_asked: AtomicBool::new(false),
            sign: Notify::new(),
        })
    }

    /// Tells it to close; the first reason counts.
    pub(crate) fn dismiss(&self, why: CloseCode) {
        let _ = self.why.set(why);
        self.bell.ring();
    }

    /// Whether somebody has asked for a sign of life since this was last called.
    pub(crate) fn take_asked(&self) -> bool {
        // Nearly always nobody has, and to look is cheaper than to take.
        self.is_asked.load(Ordering::Acquire) && self.is_asked.swap(false, Ordering::AcqRel)
    }

    /// Why it was told to close, if it was.
    pub(crate) fn why(&self) -> Option<CloseCode> {
        self.why.get().copied()
    }

    /// The peer has answered a ping. Nothing else is a sign of life: what it sent before it died may still be on
    /// its way.
    pub(crate) fn answered(&self) {
        self.sign.notify_waiters();
    }

    fn leave(&self) {
        self.has_left.store(true, Ordering::Release);
        self.sign.notify_waiters();
    }

    fn has_left(&self) -> bool {
        self.has_left.load(Ordering::Acquire)
    }

    /// Waits until it has left.
    async fn left(&self) {
        loop {
            let sign = self.sign.notified();
            tokio::pin!(sign);
            // Listens before it looks.
            sign.as_mut().enable();
            if self.has_left() {
                return;
            }
            sign.await;
        }
    }

    async fn is_alive(&self) -> bool {
        let sign = self.sign.notified();
        tokio::pin!(sign);
        // Listens before it asks, and hears nothing that was said before; several may ask at once.
        sign.as_mut().enable();
        if self.has_left() {
            return false;
        }
        self.is_asked.store(true, Ordering::Release);
        self.bell.ring();
        timeout(SIGN_OF_LIFE, sign).await.is_ok() && !self.has_left()
    }
}

/// A seat that was taken up again.
pub(crate) struct Claimed {
    /// What was left in it.
    pub(crate) instances: Instances,
    /// Whether this server knew the session.
    pub(crate) known: bool,
}

impl Roster {
    /// A new session is here.
    pub(crate) fn enter(&self, session: SessionId, subject: Arc<str>, occupant: Arc<Occupant>) {
        self.seats().insert(session, Seat { subject, taken: Taken::Here(occupant) });
    }

    /// Somebody signed in where there was nobody: the seat is theirs from now on.
    pub(crate) fn bind(&self, session: SessionId, occupant: &Arc<Occupant>, subject: &Arc<str>) {
        if let Some(seat) = self.seats().get_mut(&session)
            && seat.is_taken_by(occupant)
        {
            seat.subject = Arc::clone(subject);
        }
    }

    /// Sends everybody away who is this user, and answers with what those left who were away already, in its order, and
    /// which sessions that were.
    pub(crate) fn dismiss(&self, subject: &str) -> (Vec<(SessionId, Mailbox)>, HashSet<SessionId>) {
        let mut seats = self.seats();
        let (mut left, mut sessions) = (Vec::new(), HashSet::new());
        seats.retain(|session, seat| {
            if &*seat.subject != subject {
                return true;
            }
            sessions.insert(*session);
            match &mut seat.taken {
                Taken::Here(occupant) => {
                    occupant.dismiss(CloseCode::SignedOut);
                    // Until it has gone.
                    true
                }
                Taken::Away(instances) => {
                    self.waiting.fetch_sub(instances.len(), Ordering::Relaxed);
                    left.extend(instances.take().into_mailboxes().map(|mailbox| (*session, mailbox)));
                    false
                }
            }
        });
        drop(seats);
        left.sort_by_key(|(_, mailbox)| mailbox.number());
        (left, sessions)
    }

    /// The session goes on with `occupant`. A connection it still has is told to leave if it is of the same
    /// page, or gives no sign of life.
    ///
    /// # Errors
    /// [`Code::SessionInUse`] if another page is connected with it, [`Code::SessionRefused`] if it is somebody
    /// else's by now.
    pub(crate) async fn claim(
        &self,
        session: SessionId,
        subject: &Arc<str>,
        occupant: &Arc<Occupant>,
    ) -> Result<Claimed, Error> {
        loop {
            let there = {
                let mut seats = self.seats();
                if seats.get(&session).is_some_and(|seat| seat.subject != *subject) {
                    let said = "the session is not known here: begin another";
                    return Err(Error::new(Code::SessionRefused, said));
                }
                match seats.get(&session).map(|seat| &seat.taken) {
                    Some(Taken::Here(there)) if !there.has_left() => Arc::clone(there),
                    _ => {
                        let taken = Taken::Here(Arc::clone(occupant));
                        let gone = seats.insert(session, Seat { subject: Arc::clone(subject), taken });
                        let known = gone.is_some();
                        let instances = match gone.map(|seat| seat.taken) {
                            Some(Taken::Away(instances)) => {
                                self.waiting.fetch_sub(instances.len(), Ordering::Relaxed);
                                instances
                            }
                            Some(Taken::Here(_)) | None => Instances::new(),
                        };
                        return Ok(Claimed { instances, known });
                    }
                }
            };
            let is_same_page = occupant.page.is_some() && occupant.page == there.page;
            if !is_same_page && there.is_alive().await {
                return Err(Error::new(Code::SessionInUse, "another page is connected with this session"));
            }
            there.dismiss(CloseCode::TakenOver);
            if timeout(LEAVING, there.left()).await.is_err() {
                return Err(Error::new(
                    Code::Busy,
                    "the session's older connection does not leave: try again",
                ));
            }
        }
    }

    /// Whether this server has the session.
    pub(crate) fn knows(&self, session: SessionId) -> bool {
        self.seats().contains_key(&session)
    }

    /// The connection is gone; what it mounted waits here.
    pub(crate) fn leave(&self, session: SessionId, occupant: &Arc<Occupant>, mut instances: Instances) {
        let mut seats = self.seats();
        // Under the lock: one that closes after this is taken out by `ended`, which waits for the lock.
        instances.forget_closed();
        // Somebody may have taken the seat already; then there is nothing to leave.
        if let Some(seat) = seats.get_mut(&session).filter(|seat| seat.is_taken_by(occupant)) {
            if instances.is_empty() {
                seats.remove(&session);
            } else {
                self.waiting.fetch_add(instances.len(), Ordering::Relaxed);
                seat.taken = Taken::Away(instances);
            }
        }
        occupant.leave();
    }

    /// The connection has another session now, and left nothing in this one.
    pub(crate) fn forget(&self, session: SessionId, occupant: &Arc<Occupant>) {
        let mut seats = self.seats();
        if seats.get(&session).is_some_and(|seat| seat.is_taken_by(occupant)) {
            seats.remove(&session);
        }
    }

    /// An instance ended. A session that is away and has nothing left is forgotten.
    pub(crate) fn ended(&self, session: SessionId, instance: InstanceId) {
        let mut seats = self.seats();
        if let Some(Seat { taken: Taken::Away(instances), .. }) = seats.get_mut(&session) {
            // A new one may have come into its place already.
            if instances.get(instance).is_some_and(Mailbox::is_closed) {
                instances.remove(instance);
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            if instances.is_empty() {
                seats.remove(&session);
            }
        }
        if seats.len() * 4 < seats.capacity() && seats.capacity() > 1_024 {
            seats.shrink_to_fit();
        }
    }

    /// Has every connection look at what it may have been told, in the order in which they came.
    pub(crate) fn ring(&self) {
        let there = |seat: &Seat| match &seat.taken {
            Taken::Here(occupant) => Some(Arc::clone(occupant)),
            Taken::Away(_) => None,
        };
        let mut all: Vec<_> = self.seats().values().filter_map(there).collect();
        all.sort_unstable_by_key(|occupant| occupant.number);
        // Outside the lock, which they will want who are woken.
        all.iter().for_each(|occupant| occupant.bell.ring());
    }

    /// Everything that waits for somebody to come back.
    pub(crate) fn waiting(&self) -> Vec<Mailbox> {
        let seats = self.seats();
        let away = seats.values().filter_map(|seat| match &seat.taken {
            Taken::Away(instances) => Some(instances.mailboxes()),
            Taken::Here(_) => None,
        });
        let open = away.flatten().filter(|mailbox| !mailbox.is_closed());
        Mailbox::in_order(open).into_iter().cloned().collect()
    }

    /// How many instances wait for somebody.
    pub(crate) fn waiting_for(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Sessions at this moment.
    pub(crate) fn len(&self) -> usize {
        self.seats().len()
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<SessionId, Seat>> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
