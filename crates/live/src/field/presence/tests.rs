//! Whatever happens to the sessions: who is there is who has one, on both sides.

use std::collections::BTreeMap;

use fluxstack_live_protocol::delta::Writer;
use fluxstack_live_protocol::{Delta, SessionId, digest};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::field::{name_digests, object_digest};

#[derive(Clone, Debug)]
enum Op {
    Enter(u8, u8, i32),
    Update(u8, i32),
    Leave(u8),
    Depart(u8),
    Empty,
    ToDrawer,
}

/// How a turn ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Flush,
    Panic,
    /// It is taken back.
    Undo,
    /// Its change is held back, and goes with a later one.
    Later,
}

/// Who is there: by session, and what each entry is. `None` for since when: they are new.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    keys: BTreeMap<SessionId, String>,
    entries: BTreeMap<String, (Option<u64>, i32)>,
}

impl Model {
    fn take(&mut self, session: SessionId) {
        self.keys.remove(&session);
        self.forget_empty();
    }

    fn forget_empty(&mut self) {
        let Self { keys, entries } = self;
        entries.retain(|key, _| keys.values().any(|found| found == key));
    }
}

struct World {
    field: Presence<i32>,
    drawer: Presence<i32>,
    sent: Sent<i32>,
    model: Model,
    committed: Model,
    version: u64,
    client: serde_json::Map<String, Value>,
}

fn session(number: u8) -> SessionId {
    SessionId::from_u128(number.into())
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            field: Presence::new(),
            drawer: Presence::new(),
            sent: Sent::default(),
            model: Model::default(),
            committed: Model::default(),
            version: 0,
            client: serde_json::Map::new(),
        };
        world.flush();
        world
    }

    fn play(&mut self, op: Op) {
        let Self { field, model, .. } = self;
        match op {
            Op::Enter(number, key, with) => {
                let (session, key) = (session(number), format!("user {key}"));
                field.put(session, key.clone(), with);
                model.keys.insert(session, key.clone());
                model.entries.entry(key).or_insert((None, with)).1 = with;
                model.forget_empty();
            }
            Op::Update(number, with) => {
                let changed = field.change(session(number), |old| std::mem::replace(old, with));
                let key = model.keys.get(&session(number));
                let entry = key.and_then(|key| model.entries.get_mut(key));
                assert_eq!(changed, entry.map(|entry| std::mem::replace(&mut entry.1, with)));
            }
            Op::Leave(number) => {
                assert_eq!(field.take(session(number)), model.keys.contains_key(&session(number)));
                model.take(session(number));
            }
            Op::Depart(number) => {
                field.departed(session(number));
                model.take(session(number));
            }
            Op::Empty => {
                *field = Presence::new();
                *model = Model::default();
            }
            Op::ToDrawer => {
                self.drawer = std::mem::take(field);
                *model = Model::default();
            }
        }
        self.check();
    }

    fn end(&mut self, end: End) {
        match end {
            End::Flush => self.flush(),
            End::Later if self.field.can_wait(&self.sent) => {
                assert_eq!(self.committed.keys, self.model.keys, "who comes and goes does not wait");
                self.check_sent();
            }
            End::Later => self.flush(),
            End::Undo => self.undo(),
            End::Panic => {
                let mut fresh = Presence::new();
                fresh.salvage(&mut self.field, &self.sent);
                let broken = std::mem::replace(&mut self.field, fresh);
                drop((broken, std::mem::take(&mut self.drawer)));
                self.field.recover(&self.sent).unwrap();
                self.model = self.committed.clone();
                self.check();
                self.check_sent();
            }
        }
    }

    fn undo(&mut self) {
        self.field.evict(&self.sent);
        // Where nothing has what was sent but the drawer, an instance would be mended.
        drop(std::mem::take(&mut self.drawer));
        self.field.recover(&self.sent).unwrap();
        self.model = self.committed.clone();
        self.check();
        self.check_sent();
        let mut scratch = Vec::new();
        assert!(self.field.stage(&self.sent, &mut scratch).unwrap().range.is_none(), "nothing is to be sent");
    }

    fn flush(&mut self) {
        let (mut scratch, mut out) = (Vec::new(), Writer::default());
        let staged = self.field.stage(&self.sent, &mut scratch).unwrap();
        self.field.commit("online", &mut self.sent, &staged, &scratch, &mut out);
        for (key, (since, _)) in &mut self.model.entries {
            since.get_or_insert(self.field.get(key).unwrap().since);
        }
        self.committed = self.model.clone();
        let mut payload = Vec::new();
        let digest = object_digest(&name_digests(["online"]), [self.field.digest(&self.sent)]);
        out.finish(self.version, self.version + 1, digest, &mut payload);
        Delta::parse(&payload).unwrap().apply(&mut self.client, self.version).unwrap();
        self.version += 1;
        self.check();
        self.check_sent();
    }

    /// What the field says is so.
    fn check(&self) {
        let Self { field, model, .. } = self;
        let found: Vec<_> = field.iter().map(|(key, present)| (key, present.with)).collect();
        let expected: Vec<_> = model.entries.iter().map(|(key, (_, with))| (key.as_str(), *with)).collect();
        assert_eq!(found, expected);
        assert_eq!((field.len(), field.is_empty()), (expected.len(), expected.is_empty()));
        for number in 0..SESSIONS {
            let key = model.keys.get(&session(number)).map(String::as_str);
            assert_eq!(field.key_of(session(number)), key);
            assert!(key.is_none_or(|key| field.contains(key)), "every session has an entry");
        }
    }

    /// What was sent is what was so then.
    fn check_sent(&self) {
        let entries = self.committed.entries.iter();
        let expected: serde_json::Map<_, _> = entries
            .map(|(key, (since, with))| (key.clone(), json!({ "since": since, "with": with })))
            .collect();
        let mut snapshot = Vec::new();
        self.field.snapshot(&self.sent, &mut snapshot);
        assert_eq!(serde_json::from_slice::<Value>(&snapshot).unwrap(), Value::Object(expected.clone()));
        assert_eq!(self.client["online"], Value::Object(expected));
        assert_eq!(digest::of_json(&snapshot), Some(self.field.digest(&self.sent)));
    }
}

const SESSIONS: u8 = 6;

fn ops() -> impl Strategy<Value = Op> {
    let session = || 0..SESSIONS;
    prop_oneof![
        8 => (session(), 0..4u8, any::<i32>()).prop_map(|(session, key, with)| Op::Enter(session, key, with)),
        3 => (session(), any::<i32>()).prop_map(|(session, with)| Op::Update(session, with)),
        3 => session().prop_map(Op::Leave),
        3 => session().prop_map(Op::Depart),
        1 => Just(Op::Empty),
        1 => Just(Op::ToDrawer),
    ]
}

proptest! {
    #[test]
    fn who_is_there_is_who_has_a_session_and_the_client_knows(
        turns in vec((vec(ops(), 0..6), prop_oneof![4 => Just(End::Flush), 1 => Just(End::Panic), 1 => Just(End::Undo), 1 => Just(End::Later)]), 1..16),
    ) {
        let mut world = World::new();
        for (ops, end) in turns {
            ops.into_iter().for_each(|op| world.play(op));
            world.end(end);
        }
        for number in 0..SESSIONS {
            world.play(Op::Depart(number));
        }
        world.flush();
        prop_assert!(world.field.is_empty(), "nobody stays who has no session");
        prop_assert!(world.field.sessions.counts.is_empty() && world.sent.keys.is_empty());
    }
}

#[test]
fn somebody_with_two_tabs_is_there_once_and_since_the_first() {
    let mut online = Presence::new();
    online.put(session(1), "ada".into(), "reading");
    let since = online.get("ada").unwrap().since;
    assert!(since > 0);
    online.put(session(2), "ada".into(), "writing");
    assert_eq!(online.iter().collect::<Vec<_>>(), [("ada", &Present { since, with: "writing" })]);
    assert!(online.take(session(1)));
    assert_eq!(online.get("ada").map(|ada| ada.with), Some("writing"));
    assert!(online.take(session(2)));
    assert!(online.is_empty());
    assert!(!online.take(session(2)));
}

#[test]
fn a_session_that_enters_under_another_key_has_left_the_first() {
    let mut online = Presence::new();
    online.put(session(1), "~nobody".into(), 1);
    online.put(session(1), "ada".into(), 2);
    assert_eq!(online.iter().map(|(key, _)| key).collect::<Vec<_>>(), ["ada"]);
}

#[test]
fn nobody_is_there_after_a_restart() {
    let mut online: Presence<i32> = Presence::new();
    online.restore(br#"{"ada":{"since":1,"with":2}}"#).unwrap();
    assert!(online.is_empty());
}
