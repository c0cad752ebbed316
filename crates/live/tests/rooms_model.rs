//! Rooms under random histories, beside a model of what every page must have been told.
//!
//! Some fifty pages come, go, are cut off and come back, in ten rooms. What must hold: every event reaches every
//! page that is in its room once and in order, or is counted as missed; after an absence all of it follows or
//! the page is told that it does not; whoever is in no room hears nothing, and in the end nobody is left behind.
//!
//! `ROOMS_SEED` and `ROOMS_STEPS` play another history.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod hall;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fluxstack_live::testing::{Client, Harness};
use hall::{CAPS, server};
use serde_json::{Value, json};
use tokio::time::Instant;

const PAGES: usize = 50;
const ROOMS: usize = 5;
const GRACE: Duration = Duration::from_secs(60);
/// How long a room nobody is in is remembered.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);
/// The private component and the shared one, each with how many events its rooms keep.
const COMPONENTS: [(&str, u64); 2] = [("Chat", 3), ("Club", 8)];

/// Whose room, and which.
type Place = (&'static str, String);

/// A room, as it should be.
#[derive(Default)]
struct Room {
    /// What was said, and which page said it and did not hear it.
    said: Vec<(String, Option<usize>)>,
    members: BTreeMap<usize, BTreeSet<String>>,
    empty_since: Option<Instant>,
    /// How much of what was said is certainly forgotten.
    forgotten: u64,
}

/// A page, as it sees itself.
#[derive(Default)]
struct Page {
    client: Option<Client>,
    token: String,
    /// What it has mounted, in that order: ids are random, and a history is to be played again.
    mounted: Vec<(String, &'static str)>,
    /// The number of the last event it heard in each room it is in.
    heard: BTreeMap<Place, u64>,
    /// The rooms in which it hears on this connection.
    hears: BTreeSet<Place>,
    /// What it is to be told of rooms it is in: the number, and whether all it missed follows.
    expected: BTreeMap<(String, String), (u64, Option<bool>)>,
    last_request: u64,
}

impl Page {
    fn component(&self, id: &str) -> &'static str {
        self.mounted.iter().find(|(there, _)| there == id).unwrap().1
    }
}

struct World {
    harness: Harness,
    rooms: BTreeMap<Place, Room>,
    pages: Vec<Page>,
    dice: u64,
    /// Events that were told, that were counted as missed, and absences after which all of them followed or not.
    tally: [u64; 4],
}

#[tokio::test(start_paused = true)]
async fn every_event_reaches_every_member_once_and_in_order_or_is_counted() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seeds = number("ROOMS_SEED").map_or_else(|| vec![1, 2], |seed| vec![seed]);
    for seed in seeds {
        // Shown only if it fails, with what to play it again with.
        println!("ROOMS_SEED={seed}");
        let mut world = World::new(seed);
        for _ in 0..number("ROOMS_STEPS").unwrap_or(10_000) {
            world.step().await;
        }
        world.end().await;
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let harness = server(|limits| {
            limits.rate = 0;
            limits.events = 8;
            // Nobody is given up for reading slowly.
            limits.ping = Duration::from_secs(1 << 20);
            limits.write = Duration::from_secs(1 << 20);
            limits.grace = GRACE;
        });
        let pages = (0..PAGES).map(|_| Page::default()).collect();
        // Any odd number does; the generator must not start at 0.
        let dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { harness, rooms: BTreeMap::new(), pages, dice, tally: [0; 4] }
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from(self.dice % sides as u64).unwrap()
    }

    async fn step(&mut self) {
        if self.roll(2_000) == 0 {
            return self.wait_out_the_grace().await;
        }
        let at = self.roll(PAGES);
        if self.pages[at].client.is_none() {
            // Some are away for a while, and some for good.
            match self.roll(8) {
                0 if !self.pages[at].token.is_empty() => self.come_back(at).await,
                0 => self.connect(at).await,
                _ => {}
            }
            return;
        }
        let mounted = self.pages[at].mounted.clone();
        if mounted.is_empty() || (mounted.len() < 3 && self.roll(20) == 0) {
            return self.mount(at).await;
        }
        let (id, of) = mounted[self.roll(mounted.len())].clone();
        let place = (of, format!("room{}", self.roll(ROOMS)));
        match self.roll(100) {
            0 => self.lose(at).await,
            1 => self.unmount(at, &id).await,
            2..20 => self.join(at, &id, &place).await,
            20..25 => self.leave(at, &id, &place).await,
            25..35 => self.act(at, &id, &place, "enter").await,
            35..40 => self.act(at, &id, &place, "exit").await,
            40..65 => self.emit(at, &id, &place).await,
            65..80 => self.act(at, &id, &place, "say").await,
            80..90 => self.act(at, &id, &place, "sayToOthers").await,
            _ => self.read(at),
        }
    }

    fn room(&mut self, place: &Place) -> &mut Room {
        self.rooms.entry(place.clone()).or_default()
    }

    fn is_in(&mut self, at: usize, id: &str, place: &Place) -> bool {
        self.room(place).members.get(&at).is_some_and(|through| through.contains(id))
    }

    /// Whether it may have been forgotten by now what was said in the room. Its numbers go on in any case.
    fn is_forgettable(&mut self, place: &Place) -> bool {
        self.room(place).empty_since.is_some_and(|since| since.elapsed() >= REMEMBERED)
    }

    fn enter(&mut self, at: usize, id: &str, place: &Place) {
        let room = self.room(place);
        room.members.entry(at).or_default().insert(id.to_owned());
        room.empty_since = None;
    }

    fn part(&mut self, at: usize, id: &str, place: &Place) {
        let room = self.room(place);
        let Some(through) = room.members.get_mut(&at) else { return };
        if !through.remove(id) {
            return;
        }
        if through.is_empty() {
            room.members.remove(&at);
            if room.members.is_empty() {
                room.empty_since = Some(Instant::now());
            }
            self.pages[at].heard.remove(place);
            self.pages[at].hears.remove(place);
        }
    }

    fn part_from_all(&mut self, at: usize, id: &str) {
        let places: Vec<_> = self.rooms.keys().cloned().collect();
        places.iter().for_each(|place| self.part(at, id, place));
    }

    /// Sends a request, takes in what comes before its answer, and answers with that.
    async fn ask(&mut self, at: usize, mut message: Value) -> Value {
        let page = &mut self.pages[at];
        page.last_request += 1;
        let request = json!(page.last_request);
        message["requestId"] = request.clone();
        page.client.as_mut().unwrap().send(message).await;
        loop {
            let frame = self.pages[at].client.as_mut().unwrap().next().await.unwrap();
            if frame["requestId"] == request {
                return frame;
            }
            self.take(at, &frame);
        }
    }

    fn read(&mut self, at: usize) {
        let frames = self.pages[at].client.as_mut().unwrap().arrived();
        frames.iter().for_each(|frame| self.take(at, frame));
    }

    /// A page is told something.
    fn take(&mut self, at: usize, frame: &Value) {
        let kind = frame["type"].as_str().unwrap();
        if !kind.starts_with("ROOM_") {
            return;
        }
        let (room, payload) = (frame["roomId"].as_str().unwrap().to_owned(), &frame["payload"]);
        let page = &mut self.pages[at];
        let id = frame["componentId"].as_str().unwrap_or_default().to_owned();
        match kind {
            "ROOM_JOINED" => {
                let place = (page.component(&id), room.clone());
                let expected = page.expected.remove(&(id, room));
                let (seq, recovered) = expected.unwrap_or_else(|| panic!("page {at} was told {frame}"));
                assert_eq!(payload["seq"], seq, "page {at} was told {frame}");
                let is_second = page.hears.contains(&place);
                if is_second {
                    assert_eq!(page.heard[&place], seq, "page {at} was told {frame}");
                } else {
                    assert_eq!(payload["recovered"].as_bool(), recovered, "page {at} was told {frame}");
                    self.tally[2] += u64::from(recovered == Some(true));
                    self.tally[3] += u64::from(recovered == Some(false));
                    page.heard.insert(place.clone(), seq);
                    page.hears.insert(place);
                }
            }
            "ROOM_EVENT" => {
                let of = COMPONENTS.iter().find(|(name, _)| frame["component"] == *name).unwrap().0;
                let place = (of, room);
                let Some(heard) = page.heard.get_mut(&place).filter(|_| page.hears.contains(&place)) else {
                    panic!("page {at} is not in that room, and was told {frame}");
                };
                if let Some(missed) = payload["missed"].as_u64() {
                    *heard += missed;
                    self.tally[1] += missed;
                    return;
                }
                *heard += 1;
                assert_eq!(payload["seq"], *heard, "page {at} was told {frame}");
                let (text, not_for) = &self.rooms[&place].said[usize::try_from(*heard).unwrap() - 1];
                if *not_for == Some(at) {
                    assert_eq!(payload.get("event"), None, "page {at} said so itself");
                } else {
                    assert_eq!(payload["event"]["text"], *text, "page {at} was told {frame}");
                }
                self.tally[0] += 1;
            }
            "ROOM_LEFT" => {
                // It is told before it is answered.
                let place = (page.component(&id), room);
                assert!(self.is_in(at, &id, &place), "page {at} was told {frame}");
            }
            kind => panic!("page {at} was told {kind}"),
        }
    }

    async fn connect(&mut self, at: usize) {
        let client = self.harness.connect_with(CAPS).await.unwrap();
        self.pages[at] = Page { token: client.token(), client: Some(client), ..Page::default() };
    }

    async fn mount(&mut self, at: usize) {
        let has_club = self.pages[at].mounted.iter().any(|(_, of)| *of == "Club");
        let of = COMPONENTS[if has_club { 0 } else { self.roll(2) }].0;
        let payload = json!({ "component": of, "props": {} });
        let answer =
            self.ask(at, json!({ "type": "COMPONENT_MOUNT", "componentId": "x", "payload": payload })).await;
        let id = answer["result"]["componentId"].as_str().unwrap().to_owned();
        self.pages[at].mounted.push((id, of));
    }

    async fn unmount(&mut self, at: usize, id: &str) {
        let answer = self.ask(at, json!({ "type": "COMPONENT_UNMOUNT", "componentId": id })).await;
        assert_eq!(answer["success"], true);
        self.part_from_all(at, id);
        self.pages[at].mounted.retain(|(there, _)| there != id);
    }

    async fn in_room(&mut self, at: usize, kind: &str, id: &str, place: &Place, payload: Value) -> Value {
        self.ask(at, json!({ "type": kind, "componentId": id, "roomId": place.1, "payload": payload })).await
    }

    async fn join(&mut self, at: usize, id: &str, place: &Place) {
        let since = self.roll(ROOMS * 4) as u64;
        let answer = self.in_room(at, "ROOM_JOIN", id, place, json!({ "since": since })).await;
        let result = &answer["result"];
        let seq = result["seq"].as_u64().unwrap();
        let most = COMPONENTS.iter().find(|(of, _)| *of == place.0).unwrap().1;
        let is_forgettable = self.is_forgettable(place);
        let room = self.room(place);
        if is_forgettable && result["recovered"] == false && since < seq {
            room.forgotten = seq;
        }
        let kept = most.min(seq - room.forgotten);
        let said = &room.said;
        assert_eq!(seq, said.len() as u64, "page {at} joined {place:?}: {answer}");
        let is_kept = since <= seq && seq - since <= kept;
        assert_eq!(result["recovered"], is_kept, "page {at} joined {place:?} after {since}: {answer}");
        let events = result["events"].as_array().cloned().unwrap_or_default();
        let first = if is_kept { since } else { seq };
        let missed = said.iter().zip(1..).skip(usize::try_from(first).unwrap());
        let missed: Vec<_> = missed.filter(|((_, not_for), _)| *not_for != Some(at)).collect();
        assert_eq!(events.len(), missed.len(), "page {at} joined {place:?} after {since}: {answer}");
        for (event, ((text, _), seq)) in events.iter().zip(missed) {
            assert_eq!((&event[0], &event[1]["text"]), (&json!(seq), &json!(text)));
        }
        self.enter(at, id, place);
        let page = &mut self.pages[at];
        if page.hears.insert(place.clone()) {
            page.heard.insert(place.clone(), seq);
        }
        assert_eq!(page.heard[place], seq, "page {at} had been told all before {answer}");
    }

    async fn leave(&mut self, at: usize, id: &str, place: &Place) {
        let is_in = self.is_in(at, id, place);
        let answer = self.in_room(at, "ROOM_LEAVE", id, place, json!({})).await;
        assert_eq!(answer["success"], is_in, "page {at} left {place:?}: {answer}");
        self.part(at, id, place);
    }

    /// What is said next, and who does not hear it.
    fn say(&mut self, place: &Place, not_for: Option<usize>) -> String {
        let room = self.room(place);
        let text = format!("{} {}", place.1, room.said.len() + 1);
        room.said.push((text.clone(), not_for));
        text
    }

    async fn emit(&mut self, at: usize, id: &str, place: &Place) {
        let also_self = self.roll(2) == 0;
        if !self.is_in(at, id, place) {
            let payload = json!({ "event": { "type": "said", "text": "no" } });
            let answer = self.in_room(at, "ROOM_EMIT", id, place, payload).await;
            assert_eq!(answer["code"], "NOT_A_MEMBER");
            return;
        }
        let text = self.say(place, (!also_self).then_some(at));
        let payload = json!({ "event": { "type": "said", "text": text }, "self": also_self });
        let answer = self.in_room(at, "ROOM_EMIT", id, place, payload).await;
        assert_eq!(answer["result"]["seq"], self.room(place).said.len(), "page {at}: {answer}");
    }

    /// The component does something in a room.
    async fn act(&mut self, at: usize, id: &str, place: &Place, action: &str) {
        let mut args = json!({ "room": place.1 });
        match action {
            "enter" if self.is_in(at, id, place) => {}
            "enter" => {
                // Begins a room that was forgotten, which the page would not notice.
                if self.room(place).empty_since.is_some_and(|since| since.elapsed() >= REMEMBERED) {
                    return;
                }
                self.enter(at, id, place);
                let seq = self.room(place).said.len() as u64;
                self.pages[at].expected.insert((id.to_owned(), place.1.clone()), (seq, None));
            }
            "exit" => {}
            // What is said where nobody is, nobody can tell.
            _ if self.room(place).members.is_empty() => return,
            _ => args["text"] = json!(self.say(place, (action == "sayToOthers").then_some(at))),
        }
        let call = json!({ "type": "CALL_ACTION", "componentId": id, "action": action, "payload": args });
        let answer = self.ask(at, call).await;
        assert_eq!(answer["success"], true, "{answer}");
        if action == "exit" {
            self.part(at, id, place);
        }
    }

    /// The socket is gone, with everything that was on its way.
    async fn lose(&mut self, at: usize) {
        let page = &mut self.pages[at];
        page.client = None;
        page.hears.clear();
        page.expected.clear();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    async fn come_back(&mut self, at: usize) {
        let mut client = self.harness.connect_with(CAPS).await.unwrap();
        client.resume_session(&self.pages[at].token).await.unwrap();
        self.pages[at].client = Some(client);
        let mut mounted = self.pages[at].mounted.clone();
        if self.roll(2) == 0 {
            mounted.reverse();
        }
        for (id, of) in mounted {
            self.resume(at, &id, of).await;
        }
    }

    async fn resume(&mut self, at: usize, id: &str, of: &'static str) {
        let most = COMPONENTS.iter().find(|(name, _)| *name == of).unwrap().1;
        let mut rooms = serde_json::Map::new();
        for (place, room) in &self.rooms {
            if place.0 != of || !room.members.get(&at).is_some_and(|through| through.contains(id)) {
                continue;
            }
            let (page, seq) = (&mut self.pages[at], room.said.len() as u64);
            let heard = page.heard.get(place).copied();
            let kept = most.min(seq - room.forgotten);
            if let Some(heard) = heard {
                rooms.insert(place.1.clone(), json!(heard));
            }
            let recovered = heard.map(|heard| seq - heard <= kept);
            let from = if recovered == Some(true) { heard.unwrap() } else { seq };
            // Where another instance was first, nothing is told twice.
            let from = if page.hears.contains(place) { seq } else { from };
            page.expected.insert((id.to_owned(), place.1.clone()), (from, recovered));
        }
        let payload =
            json!({ "component": of, "name": "x", "have": 0, "heard": 0, "rooms": rooms, "props": {} });
        let answer =
            self.ask(at, json!({ "type": "COMPONENT_RESUME", "componentId": id, "payload": payload })).await;
        let expected = self.pages[at].expected.len();
        if answer["success"] == false {
            // It was waited for long enough, and it is in no room any more.
            assert_eq!(expected, 0, "page {at} was refused: {answer}");
            self.pages[at].mounted.retain(|(there, _)| there != id);
            return;
        }
        if let Some(other) = answer["result"]["componentId"].as_str().filter(|other| *other != id) {
            assert_eq!(expected, 0, "page {at} was given another: {answer}");
            self.pages[at].mounted.retain(|(there, _)| there != id);
            self.pages[at].mounted.push((other.to_owned(), of));
        }
        // Where it stands in each room follows the answer.
        let id = self.pages[at].mounted[0].0.clone();
        self.settle(at, &id).await;
        assert_eq!(self.pages[at].expected.len(), 0, "page {at} was not told where it is");
    }

    /// What was on its way to a page has arrived.
    async fn settle(&mut self, at: usize, id: &str) {
        self.ask(at, json!({ "type": "CALL_ACTION", "componentId": id, "action": "none", "payload": {} }))
            .await;
    }

    /// So long that nobody who is away is waited for any more.
    async fn wait_out_the_grace(&mut self) {
        tokio::time::sleep(GRACE + Duration::from_secs(1)).await;
        for at in 0..PAGES {
            if self.pages[at].client.is_none() {
                let mounted = self.pages[at].mounted.clone();
                mounted.iter().for_each(|(id, _)| self.part_from_all(at, id));
            }
        }
    }

    /// Everybody has been told everything, and when all are gone, nothing is left.
    async fn end(mut self) {
        for at in 0..PAGES {
            if self.pages[at].client.is_none() {
                continue;
            }
            if let Some((id, _)) = self.pages[at].mounted.first().cloned() {
                self.settle(at, &id).await;
                self.settle(at, &id).await;
            }
            for (place, room) in &self.rooms {
                let page = &self.pages[at];
                let expected = room.members.contains_key(&at).then_some(room.said.len() as u64);
                assert_eq!(page.heard.get(place).copied(), expected, "page {at} in {place:?}");
            }
        }
        let [told, missed, recovered, lost] = self.tally;
        println!("{told} told, {missed} missed; after an absence {recovered} recovered, {lost} not");
        assert!(self.tally.iter().all(|count| *count > 10), "the history is worth playing");
        for page in &mut self.pages {
            page.client = None;
        }
        tokio::time::sleep(GRACE + Duration::from_secs(1)).await;
        tokio::time::sleep(2 * REMEMBERED).await;
        // What is remembered is forgotten when somebody wants a room.
        self.connect(0).await;
        self.mount(0).await;
        let id = self.pages[0].mounted[0].0.clone();
        let answer = self.in_room(0, "ROOM_JOIN", &id, &("", "other".to_owned()), json!({})).await;
        assert_eq!(answer["success"], true);
        assert_eq!(self.harness.live().rooms(), 1, "nobody was left behind");
    }
}
