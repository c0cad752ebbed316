//! A hundred thousand random steps in rooms, beside a model of what every session must have been told.
//!
//! The same promises as in `tests/rooms_model.rs`, which has a server around it and therefore fewer steps. `ROOMS_SEED`
//! plays another history.

use std::collections::{BTreeMap, BTreeSet};

use fluxstack_live_protocol::{ConnectionId, Dialect};
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::*;
use crate::outbox::{Next, Outbox};

const SESSIONS: usize = 50;
const ROOMS: usize = 10;
/// Events each room keeps.
const KEPT: usize = 4;
const STEPS: usize = 100_000;

/// A session with two instances, as it sees itself.
struct Page {
    session: SessionId,
    instances: [Stays; 2],
    ids: [InstanceId; 2],
    outbox: Option<Arc<Outbox>>,
    /// The number of the last event heard in each room it is in.
    heard: BTreeMap<usize, u64>,
    /// The rooms in which it hears on this connection.
    hears: BTreeSet<usize>,
}

struct World {
    rooms: Arc<Rooms>,
    pages: Vec<Page>,
    /// Of each room, who did not hear what was said.
    said: Vec<Vec<Option<usize>>>,
    /// Of each room, by page and instance.
    members: Vec<BTreeSet<(usize, usize)>>,
    dice: u64,
    missed: u64,
}

fn name(room: usize) -> String {
    format!("room{room}")
}

#[test]
fn every_event_reaches_every_member_once_and_in_order_or_is_counted() {
    let seed = std::env::var("ROOMS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    // Shown only if it fails, with what to play it again with.
    println!("ROOMS_SEED={seed}");
    let mut world = World::new(seed);
    for _ in 0..STEPS {
        world.step();
    }
    world.end();
}

impl World {
    fn new(seed: u64) -> Self {
        let limits = Limits { events: 8, ..Limits::default() };
        let rooms = Rooms::new(Arc::new(limits));
        let page = |_| {
            let ids = [InstanceId::random(), InstanceId::random()];
            let instances = ids.map(|id| Stays::new(Arc::clone(&rooms), id, "Chat", KEPT, None));
            let (heard, hears) = (BTreeMap::new(), BTreeSet::new());
            Page { session: SessionId::random(), instances, ids, outbox: None, heard, hears }
        };
        let pages = (0..SESSIONS).map(page).collect();
        let (said, members) = (vec![Vec::new(); ROOMS], vec![BTreeSet::new(); ROOMS]);
        // Any odd number does; the generator must not start at 0.
        let dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { rooms, pages, said, members, dice, missed: 0 }
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from(self.dice % sides as u64).unwrap()
    }

    fn step(&mut self) {
        let (at, which, room) = (self.roll(SESSIONS), self.roll(2), self.roll(ROOMS));
        if self.pages[at].outbox.is_none() {
            match self.roll(8) {
                0 => self.come_back(at),
                1 => self.forget(at),
                _ => self.emit(at, which, room),
            }
            return;
        }
        match self.roll(40) {
            0 => self.lose(at),
            1..8 => self.join(at, which, room),
            8..12 => self.take_in(at, which, room),
            12..16 => self.leave(at, which, room),
            16..32 => self.emit(at, which, room),
            _ => self.read(at),
        }
    }

    fn join(&mut self, at: usize, which: usize, room: usize) {
        // What is on its way comes first, as it would to a client.
        self.read(at);
        let since = self.roll(self.said[room].len() + 2);
        let page = &mut self.pages[at];
        let wanted = Wanted { since: Some(since as u64), history: 0 };
        let mut joined = None;
        let outbox = page.outbox.as_ref();
        let answer = |answer, _| joined = Some(answer);
        page.instances[which].join(page.session, outbox, &name(room), wanted, None, answer).unwrap();
        let Joined { seq, recovered, events } = joined.unwrap();
        let said = &self.said[room];
        assert_eq!(seq, said.len() as u64);
        let is_kept = since <= said.len() && said.len() - since <= KEPT;
        assert_eq!(recovered, Some(is_kept), "after {since} of {seq}");
        let first = if is_kept { since } else { said.len() };
        let missed = (1u64..).zip(said).skip(first).filter(|(_, not_for)| **not_for != Some(at));
        assert!(events.iter().map(|(seq, _)| *seq).eq(missed.map(|(seq, _)| seq)));
        if page.hears.insert(room) {
            page.heard.insert(room, seq);
        }
        assert_eq!(page.heard[&room], seq);
        self.members[room].insert((at, which));
    }

    fn take_in(&mut self, at: usize, which: usize, room: usize) {
        let page = &mut self.pages[at];
        let (session, outbox) = (Some(page.session), page.outbox.as_ref());
        page.instances[which].take_in(session, outbox, &name(room), None).unwrap();
        self.members[room].insert((at, which));
    }

    fn leave(&mut self, at: usize, which: usize, room: usize) {
        self.read(at);
        let page = &mut self.pages[at];
        let was_in = page.instances[which].leave(Some(page.session), &name(room), false);
        assert_eq!(was_in, self.members[room].remove(&(at, which)));
        self.stop_hearing(at, room);
    }

    fn stop_hearing(&mut self, at: usize, room: usize) {
        if !self.members[room].iter().any(|(page, _)| *page == at) {
            self.pages[at].heard.remove(&room);
            self.pages[at].hears.remove(&room);
        }
    }

    fn emit(&mut self, at: usize, which: usize, room: usize) {
        let also_self = self.roll(2) == 0;
        self.said[room].push((!also_self).then_some(at));
        let page = &self.pages[at];
        let (session, instance) = (Some(page.session), page.ids[which]);
        let origin = Origin { session, also_self, instance, is_client: true };
        let event = json!([room, self.said[room].len()]).to_string();
        let seq = page.instances[which].emit(&name(room), event.into(), &origin);
        assert_eq!(seq, Some(self.said[room].len() as u64));
    }

    fn lose(&mut self, at: usize) {
        let page = &mut self.pages[at];
        let outbox = page.outbox.take().unwrap();
        page.hears.clear();
        for stays in &page.instances {
            stays.away(page.session, outbox.connection());
        }
        outbox.close(None);
    }

    fn come_back(&mut self, at: usize) {
        let page = &mut self.pages[at];
        let outbox = Outbox::new(ConnectionId::random(), Dialect::NATIVE, &self.rooms.limits);
        page.outbox = Some(Arc::clone(&outbox));
        for which in 0..2 {
            let rooms = (0..ROOMS).filter(|room| self.members[*room].contains(&(at, which)));
            let rooms: Vec<_> = rooms.collect();
            let page = &self.pages[at];
            let heard: Vec<_> =
                page.heard.iter().map(|(room, heard)| (Box::from(name(*room)), *heard)).collect();
            page.instances[which].back(page.session, &outbox, &heard);
            let mut told = 0;
            for frame in frames(&outbox) {
                told += usize::from(frame["type"] == "ROOM_JOINED");
                if let Some(recovered) = frame["payload"]["recovered"].as_bool() {
                    let room: usize = frame["roomId"].as_str().unwrap()[4..].parse().unwrap();
                    let (heard, seq) = (self.pages[at].heard[&room], self.said[room].len() as u64);
                    let is_kept = seq - heard <= KEPT as u64;
                    assert!(recovered == is_kept || self.pages[at].hears.contains(&room), "{frame}");
                }
                self.take(at, &frame);
            }
            assert_eq!(told, rooms.len(), "page {at} is told of every room it is in");
        }
    }

    /// The session is not waited for any more; the page may begin anew.
    fn forget(&mut self, at: usize) {
        let page = &mut self.pages[at];
        for stays in &mut page.instances {
            stays.leave_all(Some(page.session));
        }
        for room in 0..ROOMS {
            self.members[room].retain(|(page, _)| *page != at);
            self.stop_hearing(at, room);
        }
    }

    fn read(&mut self, at: usize) {
        let Some(outbox) = self.pages[at].outbox.clone() else { return };
        for frame in frames(&outbox) {
            self.take(at, &frame);
        }
    }

    /// A page is told something.
    fn take(&mut self, at: usize, frame: &Value) {
        let (page, payload) = (&mut self.pages[at], &frame["payload"]);
        let room: usize = frame["roomId"].as_str().unwrap()[4..].parse().unwrap();
        if frame["type"] == "ROOM_JOINED" {
            let seq = payload["seq"].as_u64().unwrap();
            if page.hears.insert(room) {
                if payload["recovered"] == true {
                    assert_eq!(page.heard[&room], seq, "page {at} was told {frame}");
                }
                page.heard.insert(room, seq);
            }
            assert_eq!(page.heard[&room], seq, "page {at} was told {frame}");
            return;
        }
        assert!(page.hears.contains(&room), "page {at} is not in that room, and was told {frame}");
        let heard = page.heard.get_mut(&room).unwrap();
        if let Some(missed) = payload["missed"].as_u64() {
            *heard += missed;
            self.missed += missed;
            return;
        }
        *heard += 1;
        assert_eq!(payload["seq"], *heard, "page {at} was told {frame}");
        let is_own = self.said[room][usize::try_from(*heard).unwrap() - 1] == Some(at);
        let event = (!is_own).then(|| json!([room, *heard]));
        assert_eq!(payload.get("event"), event.as_ref(), "page {at} was told {frame}");
    }

    fn end(mut self) {
        for at in 0..SESSIONS {
            self.read(at);
            if self.pages[at].outbox.is_none() {
                continue;
            }
            for room in 0..ROOMS {
                let is_in = self.members[room].iter().any(|(page, _)| *page == at);
                let expected = is_in.then_some(self.said[room].len() as u64);
                assert_eq!(self.pages[at].heard.get(&room).copied(), expected, "page {at} in {room}");
            }
        }
        assert!(self.missed > 1_000, "the history is worth playing");
        let rooms = Arc::clone(&self.rooms);
        drop(self);
        // What is left is remembered, and nobody is in it.
        while rooms.end_one_idle() {}
        assert_eq!(rooms.len(), 0);
    }
}

fn frames(outbox: &Arc<Outbox>) -> Vec<Value> {
    let mut read = Vec::new();
    while let Some(Next::Frames(frames)) = outbox.next(usize::MAX).now_or_never() {
        read.extend(frames.iter().map(|frame| serde_json::from_slice::<Value>(frame).unwrap()));
    }
    read
}
