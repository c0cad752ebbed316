//! Which sessions there are, connected or away, and what those that are away left behind.
//!
//! A session that comes back is found here by its id, which only its token knows. There is no way from an
//! instance's id to an instance: what a returning session may name is what it left, and nothing else.
//!
//! ```text
//!   here ──socket gone──► away ──claimed──► here (another connection)
//!     ▲ taken over │        └──its last instance went to rest──► forgotten
//!     └────────────┘
//! ```

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fluxstack_live_protocol::{Code, InstanceId, SessionId};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::mailbox::Mailbox;

/// How long a connection that may be dead has to give a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);
/// How long a connection that was told to leave may take.
const LEAVING: Duration = Duration::from_secs(5);

/// What a session mounted.
pub(crate) type Instances = HashMap<InstanceId, Mailbox>;

/// See the module.
#[derive(Default)]
pub(crate) struct Roster {
    seats: Mutex<HashMap<SessionId, Seat>>,
    /// Instances in the seats of those that are away.
    waiting: AtomicUsize,
}

enum Seat {
    Here(Arc<Occupant>),
    Away(Instances),
}

/// The connection a session has at present.
pub(crate) struct Occupant {
    /// The load of the page that connected, if it said.
    page: Option<Arc<str>>,
    /// It shall close: the session goes on elsewhere.
    pub(crate) leave: CancellationToken,
    /// It has left, and what it mounted is in its seat.
    left: CancellationToken,
    /// Somebody wants to know whether there is still anybody.
    pub(crate) ask: Notify,
    /// It has answered.
    alive: Notify,
}

impl Occupant {
    pub(crate) fn new(page: Option<Arc<str>>) -> Arc<Self> {
        Arc::new(Self {
            page,
            leave: CancellationToken::new(),
            left: CancellationToken::new(),
            ask: Notify::new(),
            alive: Notify::new(),
        })
    }

    /// The peer has answered a ping. Nothing else is a sign of life: what it sent before it died may still be on
    /// its way.
    pub(crate) fn answered(&self) {
        self.alive.notify_waiters();
    }

    async fn is_alive(&self) -> bool {
        let sign = self.alive.notified();
        tokio::pin!(sign);
        // Listens before it asks, and hears nothing that was said before; several may ask at once.
        sign.as_mut().enable();
        self.ask.notify_one();
        tokio::select! {
            biased;
            () = self.left.cancelled() => false,
            sign = timeout(SIGN_OF_LIFE, sign) => sign.is_ok(),
        }
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
    pub(crate) fn enter(&self, session: SessionId, occupant: Arc<Occupant>) {
        self.seats().insert(session, Seat::Here(occupant));
    }

    /// The session goes on with `occupant`. A connection it still has is told to leave if it is of the same
    /// page, or gives no sign of life.
    ///
    /// # Errors
    /// [`Code::SessionInUse`] if another page is connected with it.
    pub(crate) async fn claim(&self, session: SessionId, occupant: &Arc<Occupant>) -> Result<Claimed, Error> {
        loop {
            let there = {
                let mut seats = self.seats();
                let there = match seats.remove(&session) {
                    Some(Seat::Here(there)) if !there.left.is_cancelled() => there,
                    gone => {
                        seats.insert(session, Seat::Here(Arc::clone(occupant)));
                        let known = gone.is_some();
                        let instances = match gone {
                            Some(Seat::Away(instances)) => {
                                self.waiting.fetch_sub(instances.len(), Ordering::Relaxed);
                                instances
                            }
                            Some(Seat::Here(_)) | None => Instances::new(),
                        };
                        return Ok(Claimed { instances, known });
                    }
                };
                seats.insert(session, Seat::Here(Arc::clone(&there)));
                there
            };
            let is_same_page = occupant.page.is_some() && occupant.page == there.page;
            if !is_same_page && there.is_alive().await {
                return Err(Error::new(Code::SessionInUse, "another page is connected with this session"));
            }
            there.leave.cancel();
            if timeout(LEAVING, there.left.cancelled()).await.is_err() {
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
        instances.retain(|_, mailbox| !mailbox.is_closed());
        // Somebody may have taken the seat already; then there is nothing to leave.
        if matches!(seats.get(&session), Some(Seat::Here(there)) if Arc::ptr_eq(there, occupant)) {
            if instances.is_empty() {
                seats.remove(&session);
            } else {
                self.waiting.fetch_add(instances.len(), Ordering::Relaxed);
                seats.insert(session, Seat::Away(instances));
            }
        }
        occupant.left.cancel();
    }

    /// The connection has another session now, and left nothing in this one.
    pub(crate) fn forget(&self, session: SessionId, occupant: &Arc<Occupant>) {
        let mut seats = self.seats();
        if matches!(seats.get(&session), Some(Seat::Here(there)) if Arc::ptr_eq(there, occupant)) {
            seats.remove(&session);
        }
    }

    /// An instance ended. A session that is away and has nothing left is forgotten.
    pub(crate) fn ended(&self, session: SessionId, instance: InstanceId) {
        let mut seats = self.seats();
        if let Some(Seat::Away(instances)) = seats.get_mut(&session) {
            // A new one may have come into its place already.
            if instances.get(&instance).is_some_and(Mailbox::is_closed) {
                instances.remove(&instance);
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

    /// Everything that waits for somebody to come back.
    pub(crate) fn waiting(&self) -> Vec<Mailbox> {
        let seats = self.seats();
        let away = seats.values().filter_map(|seat| match seat {
            Seat::Away(instances) => Some(instances.values()),
            Seat::Here(_) => None,
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
