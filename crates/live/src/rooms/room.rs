//! One room: who is in it, and what was last said there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use fluxstack_live_protocol::{Code, ConnectionId, InstanceId, ServerMessage, SessionId};
use indexmap::{IndexMap, IndexSet};
use tokio::time::Instant;

use super::history::{Entry, History};
use super::legacy::{self, State};
use super::{Origin, Rooms};
use crate::clock;
use crate::error::{Error, Result};
use crate::mailbox::{Mail, Mailbox, Undelivered};
use crate::outbox::Outbox;

/// What a room is found by.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RoomKey {
    pub(crate) component: &'static str,
    pub(crate) name: Box<str>,
}

/// See the module.
pub(super) struct Room {
    pub(super) key: Arc<RoomKey>,
    inside: Mutex<Inside>,
}

/// What the lock of a room protects.
#[derive(Default)]
pub(super) struct Inside {
    /// It is in the table no more; whoever found it before looks again.
    pub(super) is_gone: bool,
    /// Since when nobody is in it.
    pub(super) idle_since: Option<Instant>,
    /// Whether it is in the list of those that are idle.
    pub(super) is_listed: bool,
    /// The number of the last event.
    seq: u64,
    history: History,
    /// In an order that depends on nothing but what happened, so that the same events make the same history.
    seats: IndexMap<SessionId, Seat>,
    hearers: IndexMap<InstanceId, Hearer>,
    /// Which of the sessions are older clients.
    pub(super) legacy: IndexSet<SessionId>,
    /// How often somebody is in it: once for each session and instance.
    pub(super) places: usize,
    /// What older clients keep in it.
    pub(super) state: Option<State>,
}

/// A session in a room. It hears each event once, through however many of its instances it is in.
pub(super) struct Seat {
    /// Its connection; none while it is away.
    pub(super) outbox: Option<Arc<Outbox>>,
    pub(super) through: Vec<InstanceId>,
    /// Whether it got all it had missed when it last came back, if it asked.
    recovered: Option<bool>,
}

/// An instance that hears on the server what is said here.
struct Hearer {
    mailbox: Mailbox,
    /// How many times it is in the room.
    times: usize,
}

/// Who is in a room, or wants to be: a session through an instance, or an instance by itself.
pub(super) struct Guest<'a> {
    pub(super) session: Option<SessionId>,
    pub(super) outbox: Option<&'a Arc<Outbox>>,
    pub(super) instance: InstanceId,
    /// The instance's mailbox, if it hears.
    pub(super) hears: Option<&'a Mailbox>,
}

/// Which of the last events somebody wants who joins.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// All after this one, or none.
    pub(crate) since: Option<u64>,
    /// At most so many, if `since` says nothing.
    pub(crate) history: usize,
}

/// What somebody learns who joined.
#[derive(Debug)]
pub(crate) struct Joined {
    /// The number of the last event; whoever joined hears those after it.
    pub(crate) seq: u64,
    /// Whether all that was missed is in `events`, if that was asked.
    pub(crate) recovered: Option<bool>,
    /// Events as JSON, with their numbers.
    pub(crate) events: Vec<(u64, Bytes)>,
}

impl Room {
    /// An empty room, whose events are numbered from the one after `floor`.
    pub(super) fn new(component: &'static str, name: &str, floor: u64) -> Arc<Self> {
        let key = Arc::new(RoomKey { component, name: name.into() });
        Arc::new(Self { key, inside: Mutex::new(Inside { seq: floor, ..Inside::default() }) })
    }

    pub(super) fn inside(&self) -> MutexGuard<'_, Inside> {
        // Nothing of an author's runs under this lock, and nothing below panics; a poisoned one is whole.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    /// The number of the last event.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether nobody is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.seats.is_empty() && self.hearers.is_empty()
    }

    /// Whether it would be as good as new without those who are in it.
    pub(super) fn keeps_nothing(&self) -> bool {
        self.history.is_empty() && self.state.is_none()
    }

    pub(super) fn seat(&self, session: SessionId) -> Option<&Seat> {
        self.seats.get(&session)
    }

    /// Takes somebody in who is not in it yet through this instance.
    pub(super) fn join(&mut self, room: &Room, guest: &Guest<'_>, most: usize) -> Result<()> {
        let Guest { session, outbox, instance, hears } = *guest;
        if let Some(session) = session {
            if !self.seats.contains_key(&session) && self.seats.len() >= most {
                return Err(Error::new(Code::TooManyRooms, "the room is full"));
            }
            let make = || Seat { outbox: None, through: Vec::new(), recovered: None };
            let seat = self.seats.entry(session).or_insert_with(make);
            // One that is open is the session's present connection, which another instance may know sooner.
            if seat.outbox.as_ref().is_none_or(|there| there.is_closed()) {
                seat.outbox = outbox.cloned();
            }
            seat.through.push(instance);
            self.places += 1;
            if outbox.is_some_and(|outbox| outbox.dialect().is_legacy()) {
                self.legacy.insert(session);
            }
            legacy::came(self, room, instance);
        }
        if let Some(mailbox) = hears {
            let make = || Hearer { mailbox: mailbox.clone(), times: 0 };
            self.hearers.entry(instance).or_insert_with(make).times += 1;
        }
        Ok(())
    }

    /// What somebody in the room learns who asks for its last events.
    pub(super) fn joined(&self, session: Option<SessionId>, wanted: Wanted) -> Joined {
        let event = |(seq, entry): (u64, &Entry)| (seq, entry.event.clone());
        let (recovered, events) = match wanted.since {
            Some(heard) => match self.history.since(heard, self.seq) {
                Some(missed) => {
                    let is_for = |entry: &Entry| session.is_none() || entry.not_for != session;
                    (Some(true), missed.filter(|(_, entry)| is_for(entry)).map(event).collect())
                }
                None => (Some(false), Vec::new()),
            },
            None => (None, self.history.last(wanted.history, self.seq).map(event).collect()),
        };
        Joined { seq: self.seq, recovered, events }
    }

    /// Lets somebody out who is in it through this instance.
    pub(super) fn leave(&mut self, room: &Room, guest: &Guest<'_>) {
        let Guest { session, instance, hears, .. } = *guest;
        if let Some(session) = session
            && let Some(seat) = self.seats.get_mut(&session)
            && let Some(at) = seat.through.iter().position(|through| *through == instance)
        {
            seat.through.remove(at);
            if seat.through.is_empty() {
                self.seats.swap_remove(&session);
                self.legacy.swap_remove(&session);
            }
            self.places -= 1;
            legacy::went(self, room, instance);
        }
        if hears.is_some()
            && let Some(hearer) = self.hearers.get_mut(&instance)
        {
            hearer.times -= 1;
            if hearer.times == 0 {
                self.hearers.swap_remove(&instance);
            }
        }
    }

    /// The connection is gone. The seat stays for the session.
    pub(super) fn away(&mut self, session: SessionId, connection: ConnectionId) {
        let Some(seat) = self.seats.get_mut(&session) else { return };
        if seat.outbox.as_ref().is_some_and(|there| there.connection() == connection) {
            seat.outbox = None;
            seat.recovered = None;
        }
    }

    /// The session has another connection, and heard events up to `heard`. Tells it that this instance is in
    /// the room, then what it missed if all of it is kept.
    pub(super) fn back(
        &mut self,
        room: &Room,
        session: SessionId,
        instance: InstanceId,
        outbox: &Arc<Outbox>,
        heard: Option<u64>,
    ) {
        let now = clock::now();
        let Some(seat) = self.seats.get_mut(&session) else { return };
        let is_back = seat.outbox.as_ref().is_some_and(|there| there.connection() == outbox.connection());
        if is_back {
            // Another of its instances was first: what was missed is on its way, and is not told twice.
            let recovered = heard.map(|heard| seat.recovered == Some(true) || heard == self.seq);
            return outbox.push(joined_frame(room, instance, self.seq, recovered));
        }
        let missed = heard.and_then(|heard| Some((heard, self.history.since(heard, self.seq)?)));
        seat.outbox = Some(Arc::clone(outbox));
        seat.recovered = heard.map(|_| missed.is_some());
        let seq = missed.as_ref().map_or(self.seq, |(heard, _)| *heard);
        outbox.push(joined_frame(room, instance, seq, seat.recovered));
        for (seq, entry) in missed.into_iter().flat_map(|(_, missed)| missed) {
            let frame = if entry.not_for == Some(session) {
                event_frame(&room.key, seq, None, now)
            } else {
                entry.frame.clone()
            };
            outbox.push_room(&room.key, frame);
        }
    }

    /// Gives an event its number, tells everybody, and answers the number.
    pub(super) fn emit(
        &mut self,
        room: &Room,
        history: usize,
        event: Bytes,
        origin: &Origin,
        rooms: &Rooms,
    ) -> u64 {
        self.seq += 1;
        let (seq, now, key) = (self.seq, clock::now(), &room.key);
        let encode = |event: Option<&[u8]>| {
            rooms.count_encoded();
            event_frame(key, seq, event, now)
        };
        let own = origin.session.filter(|_| !origin.also_self);
        let (mut frame, mut number) = (None, None);
        for (session, seat) in &self.seats {
            let Some(outbox) = &seat.outbox else { continue };
            let is_own = own == Some(*session);
            if outbox.dialect().is_legacy() {
                // Older clients tell their components apart, and only the one that emitted does not hear.
                let hears = seat.through.iter().filter(|it| !(is_own && **it == origin.instance));
                hears.for_each(|it| outbox.push_room(key, legacy::event_frame(key, *it, &event, now)));
            } else if is_own {
                outbox.push_room(key, number.get_or_insert_with(|| encode(None)).clone());
            } else {
                outbox.push_room(key, frame.get_or_insert_with(|| encode(Some(&event))).clone());
            }
        }
        for (instance, hearer) in &self.hearers {
            if *instance == origin.instance && !origin.is_client {
                continue;
            }
            let mail = Mail::Heard { room: Arc::clone(key), event: event.clone() };
            if let Err(Undelivered::Full(_)) = hearer.mailbox.send(mail) {
                rooms.count_unheard(key, *instance);
            }
        }
        if history > 0 {
            let frame = frame.unwrap_or_else(|| encode(Some(&event)));
            self.history.push(Entry { event, frame, not_for: own }, history, rooms.limits.room_history);
        }
        seq
    }

    /// Tells older clients something, each of their components by itself.
    pub(super) fn tell_legacy(
        &self,
        room: &Room,
        except: Option<InstanceId>,
        frame: impl Fn(InstanceId) -> Bytes,
    ) {
        for session in &self.legacy {
            let Some(seat) = self.seats.get(session) else { continue };
            let Some(outbox) = &seat.outbox else { continue };
            for instance in seat.through.iter().filter(|it| Some(**it) != except) {
                outbox.push_room(&room.key, frame(*instance));
            }
        }
    }
}

/// The number of an event, and the event itself unless it is not for whoever is told.
fn event_frame(key: &RoomKey, seq: u64, event: Option<&[u8]>, now: u64) -> Bytes {
    let mut frame = Vec::with_capacity(event.map_or(0, <[u8]>::len) + 160);
    ServerMessage::RoomEvent { component: key.component, room: &key.name, seq, event }.write(now, &mut frame);
    frame.into()
}

/// The server took an instance in, or says that it is in.
fn joined_frame(room: &Room, instance: InstanceId, seq: u64, recovered: Option<bool>) -> Vec<u8> {
    let mut frame = Vec::with_capacity(192);
    ServerMessage::RoomJoined { instance, room: &room.key.name, seq, recovered }
        .write(clock::now(), &mut frame);
    frame
}

/// The server took an instance out, or says that it is not in.
pub(super) fn left_frame(name: &str, instance: InstanceId) -> Vec<u8> {
    let mut frame = Vec::with_capacity(160);
    ServerMessage::RoomLeft { instance, room: name }.write(clock::now(), &mut frame);
    frame
}
