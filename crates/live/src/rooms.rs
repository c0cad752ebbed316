//! Rooms: named sets of sessions that hear the same events. All rooms of one server are here.
//!
//! A room belongs to a component, whose events it carries, and is found by both names. It is there while
//! somebody is in it; one that has something to remember stays a few minutes longer.
//!
//! ```text
//!   Stays (an instance's) ──join, leave, back──► Room ──frame──► each session's outbox
//!   Rooms::emit ────────────────────────────────► │ └───mail───► each instance that hears
//!                                              one lock: numbers and order
//! ```
//!
//! A room has one lock. Under it an event gets its number, is encoded once, and goes into the outboxes, so
//! that everybody hears the same events in the same order. Whoever holds it may take the lock of the table
//! below, of an outbox or of a mailbox, and none of them is held while a room is waited for.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use fluxstack_live_protocol::{Code, InstanceId, SessionId};
use indexmap::IndexMap;
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::limits::Limits;

mod history;
mod legacy;
#[cfg(test)]
mod model;
mod room;
mod stays;
#[cfg(test)]
mod tests;

use room::{Inside, Room};
pub(crate) use room::{Joined, RoomKey, Wanted};
pub(crate) use stays::{Stays, not_a_member};

/// How long a room nobody is in is remembered, if there is something to remember.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);

/// See the module.
pub(crate) struct Rooms {
    by_name: RwLock<ByName>,
    count: AtomicUsize,
    /// Rooms that nobody was in, each once, by when they are to be looked at again.
    idle: Mutex<VecDeque<(Instant, Arc<Room>)>>,
    limits: Arc<Limits>,
    /// Frames of events that were written so far.
    encoded: AtomicU64,
    past: Mutex<Past>,
    /// Events an instance did not hear because it had too much to do.
    unheard: AtomicU64,
}

/// What the first rooms of a server count from: its beginning, in milliseconds since 1970, so that no server before
/// it has given those numbers, unless it had more than an event a millisecond in one room for as long as it lived.
#[cfg(not(feature = "testing"))]
fn first() -> u64 {
    crate::clock::now()
}

/// Tests name the numbers they expect.
#[cfg(feature = "testing")]
fn first() -> u64 {
    0
}

/// Where rooms that are gone left off. No number is given twice in a room of one name: whoever heard it would take the
/// other event for it, and be told that nothing is missing.
struct Past {
    /// The last numbers of the last ones that are gone.
    last: IndexMap<(&'static str, Box<str>), u64>,
    /// No room that is not among these has left off above this.
    floor: u64,
}

/// Rooms whose last number is remembered by name, about 100 bytes each.
const MOST_PAST: usize = 10_000;

impl Past {
    fn remember(&mut self, key: &RoomKey, seq: u64) {
        if seq <= self.floor {
            return;
        }
        if self.last.len() >= MOST_PAST
            && let Some((_, oldest)) = self.last.shift_remove_index(0)
        {
            self.floor = self.floor.max(oldest);
        }
        self.last.insert((key.component, key.name.clone()), seq);
    }

    fn leave_off(&mut self, component: &'static str, name: &str) -> u64 {
        self.last.swap_remove(&(component, name.into())).unwrap_or(self.floor).max(self.floor)
    }
}

/// Rooms by component and name.
type ByName = HashMap<&'static str, HashMap<Box<str>, Arc<Room>>>;

/// Whose event it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// On whose behalf; nobody's, if a timer emits.
    pub(crate) session: Option<SessionId>,
    /// Whether that session hears it as well.
    pub(crate) also_self: bool,
    /// Through which instance.
    pub(crate) instance: InstanceId,
    /// Whether a client sent it. What an instance emits by itself, it does not hear.
    pub(crate) is_client: bool,
}

impl Rooms {
    pub(crate) fn new(limits: Arc<Limits>) -> Arc<Self> {
        Arc::new(Self {
            by_name: RwLock::default(),
            count: AtomicUsize::new(0),
            idle: Mutex::default(),
            limits,
            encoded: AtomicU64::new(0),
            past: Mutex::new(Past { last: IndexMap::new(), floor: first() }),
            unheard: AtomicU64::new(0),
        })
    }

    /// Tells everybody in a room, and answers the event's number. One that nobody is in, and that keeps
    /// nothing, has no numbers.
    pub(crate) fn emit(
        &self,
        component: &'static str,
        name: &str,
        history: usize,
        event: Bytes,
        origin: &Origin,
    ) -> Option<u64> {
        let emit = |room: &Arc<Room>, inside: &mut Inside| inside.emit(room, history, event, origin, self);
        if history == 0 {
            return self.there(component, name, emit);
        }
        match self.there_or_new(component, name, emit) {
            Ok(seq) => Some(seq),
            Err(error) => {
                tracing::warn!(component, room = name, "an event was dropped: {error}");
                None
            }
        }
    }

    /// Rooms at this moment, those included that are only remembered.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Frames of events that were written so far: one for each event, however many hear it, and one more for
    /// a sender that does not.
    #[cfg(feature = "testing")]
    pub(crate) fn encoded(&self) -> u64 {
        self.encoded.load(Ordering::Relaxed)
    }

    /// Does something in a room, if there is one.
    fn there<T>(
        &self,
        component: &str,
        name: &str,
        act: impl FnOnce(&Arc<Room>, &mut Inside) -> T,
    ) -> Option<T> {
        loop {
            let room = self.find(component, name)?;
            let mut inside = room.inside();
            // Whoever ended it has taken it out of the table as well.
            if !inside.is_gone {
                let done = act(&room, &mut inside);
                self.look_after(&room, inside);
                return Some(done);
            }
        }
    }

    /// Does something in a room, which is made if there is none.
    fn there_or_new<T>(
        &self,
        component: &'static str,
        name: &str,
        act: impl FnOnce(&Arc<Room>, &mut Inside) -> T,
    ) -> Result<T> {
        self.sweep();
        loop {
            let room = match self.find(component, name) {
                Some(room) => room,
                None => self.create(component, name)?,
            };
            let mut inside = room.inside();
            if !inside.is_gone {
                let done = act(&room, &mut inside);
                self.look_after(&room, inside);
                return Ok(done);
            }
        }
    }

    fn find(&self, component: &str, name: &str) -> Option<Arc<Room>> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        by_name.get(component)?.get(name).cloned()
    }

    fn create(&self, component: &'static str, name: &str) -> Result<Arc<Room>> {
        while self.len() >= self.limits.rooms_total {
            if !self.end_one_idle() {
                return Err(Error::new(Code::TooManyRooms, "the server has too many rooms: try again later"));
            }
        }
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        let room = by_name.entry(component).or_default().entry(name.into()).or_insert_with(|| {
            self.count.fetch_add(1, Ordering::Relaxed);
            Room::new(component, name, self.past().leave_off(component, name))
        });
        Ok(Arc::clone(room))
    }

    /// What becomes of a room once something was done in it.
    fn look_after(&self, room: &Arc<Room>, mut inside: MutexGuard<'_, Inside>) {
        if !inside.is_empty() {
            inside.idle_since = None;
        } else if inside.keeps_nothing() {
            self.end(room, &mut inside);
        } else {
            let now = Instant::now();
            inside.idle_since = Some(now);
            if !inside.is_listed {
                inside.is_listed = true;
                self.idle().push_back((now + REMEMBERED, Arc::clone(room)));
            }
        }
    }

    /// Forgets rooms that nobody was in for long enough. What is idle is looked at when somebody wants a
    /// room, and no timer runs for it.
    fn sweep(&self) {
        let now = Instant::now();
        loop {
            let room = {
                let mut idle = self.idle();
                match idle.front() {
                    Some((due, _)) if *due <= now => idle.pop_front(),
                    _ => return,
                }
            };
            let Some((_, room)) = room else { return };
            let mut inside = room.inside();
            inside.is_listed = false;
            let Some(since) = inside.idle_since else { continue };
            let due = since + REMEMBERED;
            if due <= now {
                self.end(&room, &mut inside);
            } else {
                inside.is_listed = true;
                self.idle().push_back((due, Arc::clone(&room)));
            }
        }
    }

    /// Forgets the room that has been idle longest, before its time. Answers whether there was one.
    fn end_one_idle(&self) -> bool {
        loop {
            let Some((_, room)) = self.idle().pop_front() else { return false };
            let mut inside = room.inside();
            inside.is_listed = false;
            if inside.idle_since.is_some() && !inside.is_gone {
                self.end(&room, &mut inside);
                return true;
            }
        }
    }

    fn end(&self, room: &Arc<Room>, inside: &mut Inside) {
        if std::mem::replace(&mut inside.is_gone, true) {
            return;
        }
        self.past().remember(&room.key, inside.seq());
        let RoomKey { component, name } = &*room.key;
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        let Some(rooms) = by_name.get_mut(component) else { return };
        if rooms.remove(name).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        if rooms.is_empty() {
            by_name.remove(component);
        } else if rooms.len() * 4 < rooms.capacity() && rooms.capacity() > 1_024 {
            rooms.shrink_to_fit();
        }
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<(Instant, Arc<Room>)>> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_encoded(&self) {
        self.encoded.fetch_add(1, Ordering::Relaxed);
    }

    fn count_unheard(&self, key: &RoomKey, instance: InstanceId) {
        let unheard = self.unheard.fetch_add(1, Ordering::Relaxed) + 1;
        let RoomKey { component, name } = key;
        tracing::warn!(component, room = %name, %instance, unheard, "an instance has too much to do and did not hear an event");
    }
}
