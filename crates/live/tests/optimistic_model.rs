//! Screens that show calls before they are done, against whatever can happen: a screen that lets go of a guess when it is
//! told that the call is done, or when it is answered, shows every call once. Never twice, and never not at all.
//!
//! Each call leaves its own number, so that it can be counted. What is checked is everything a screen ever shows, message
//! by message, and not only what it shows in the end.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod pad;

use std::collections::BTreeMap;

use fluxstack_live::protocol::Delta;
use fluxstack_live::testing::{Client, Harness};
use pad::{limited, pad, page, pass, quiet, rejoin_in_doubt, shared, still};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// What a call does with its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Add,
    /// In a field that is sent seldom.
    Drift,
    /// Changes something, and fails.
    Fail,
    /// Panics, so that nothing is left of it.
    Explode,
    Nothing,
    /// Waits, so that others have to.
    Later,
}

impl Kind {
    fn action(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Drift => "drift",
            Self::Fail => "fail",
            Self::Explode => "explode",
            Self::Nothing => "nothing",
            Self::Later => "later",
        }
    }

    fn field(self) -> &'static str {
        if self == Self::Drift { "slow" } else { "lines" }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Call(usize, Kind, bool),
    /// All or none.
    Batch(usize, Vec<Kind>),
    Grow(usize, u32),
    Resync(usize),
    Quiet(usize, bool),
    /// Everything that has come by now.
    Read(usize),
    Cut(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let kind = || {
        prop_oneof![
            6 => Just(Kind::Add),
            4 => Just(Kind::Drift),
            1 => Just(Kind::Fail),
            1 => Just(Kind::Explode),
            1 => Just(Kind::Nothing),
            1 => Just(Kind::Later),
        ]
    };
    prop_oneof![
        12 => (0..2usize, kind(), prop::bool::weighted(0.8)).prop_map(|(who, kind, shows)| Step::Call(who, kind, shows)),
        2 => (0..2usize, vec(kind(), 1..4)).prop_map(|(who, kinds)| Step::Batch(who, kinds)),
        2 => (0..2usize, 1..1_500u32).prop_map(|(who, bytes)| Step::Grow(who, bytes)),
        1 => (0..2usize).prop_map(Step::Resync),
        2 => (0..2usize, any::<bool>()).prop_map(|(who, on)| Step::Quiet(who, on)),
        5 => (0..2usize).prop_map(Step::Read),
        1 => (0..2usize).prop_map(Step::Cut),
        3 => (1..120u64).prop_map(Step::Pass),
    ]
}

/// A call, as far as its screen knows.
struct Call {
    n: u32,
    kind: Kind,
    shows: bool,
    /// Whether it is shown before it is done, still.
    is_guessed: bool,
    /// Whether it went well, if it was answered.
    answered: Option<bool>,
    /// Whether it is one of a batch, and that was undone.
    is_batched: bool,
    is_undone: bool,
    /// Whether this screen was told that it is done as it came back, and does not know how that went.
    is_over: bool,
}

/// What one page shows, and how it came to.
struct Screen {
    client: Client,
    page: &'static str,
    is_shared: bool,
    id: String,
    state: Map<String, Value>,
    version: u64,
    calls: BTreeMap<String, Call>,
    /// Requests that were not answered, each with its id.
    open: Vec<(String, Value)>,
    last: u32,
    /// A guess was let go of, and the state that has the call comes next.
    is_between: bool,
    /// Coming back: what comes now is shown with the answer.
    is_coming_back: bool,
}

impl Screen {
    async fn new(harness: &Harness, page_name: &'static str, is_shared: bool) -> Self {
        let mut client = page(harness, page_name).await;
        let id = if is_shared { shared(&mut client).await } else { pad(&mut client).await };
        let state = client.view(&id).unwrap().as_object().unwrap().clone();
        // Others may have come before, and nobody has done anything yet.
        Self {
            client,
            page: page_name,
            is_shared,
            id,
            state,
            version: 0,
            calls: BTreeMap::new(),
            open: Vec::new(),
            last: 0,
            is_between: false,
            is_coming_back: false,
        }
    }

    /// A message for the server, which may not read before this screen does.
    async fn send(&mut self, message: &Value, has_exploded: bool) {
        let text = message.to_string();
        while !self.client.send_text(&text) {
            self.read(has_exploded).await;
        }
    }

    fn call(&mut self, kind: Kind, shows: bool) -> Value {
        self.last += 1;
        let (n, name) = (
            self.last + if self.page == "a" { 10_000 } else { 20_000 },
            format!("{}-{}", self.page, self.last),
        );
        let mut message = pad::call(&self.id, kind.action(), n, &name);
        if shows {
            message["optimistic"] = json!(true);
        }
        self.calls.insert(
            name,
            Call {
                n,
                kind,
                shows,
                is_guessed: shows,
                answered: None,
                is_batched: false,
                is_undone: false,
                is_over: false,
            },
        );
        message
    }

    async fn read(&mut self, has_exploded: bool) {
        still().await;
        for message in self.client.arrived() {
            self.take(&message);
            if !self.is_between && !self.is_coming_back {
                self.check(has_exploded, &message);
            }
        }
    }

    fn take(&mut self, message: &Value) {
        let (kind, payload) = (message["type"].as_str().unwrap(), &message["payload"]);
        assert!(!self.is_between || kind.starts_with("STATE_"), "no state came after it: {message}");
        match kind {
            "CALL_DONE" => {
                for name in payload["callIds"].as_array().unwrap() {
                    let call = self.calls.get_mut(name.as_str().unwrap()).expect("nobody else's");
                    assert!(std::mem::take(&mut call.is_guessed), "{name} was not shown any more");
                }
                self.is_between = true;
            }
            "STATE_UPDATE" => {
                let version = payload["version"].as_u64().unwrap();
                assert!(version >= self.version, "the screen went back from {} to {version}", self.version);
                (self.version, self.state) = (version, payload["state"].as_object().unwrap().clone());
                self.is_between = false;
            }
            "STATE_DELTA" => {
                let delta = Delta::parse(payload.to_string().as_bytes()).unwrap();
                if delta.version > self.version {
                    delta.apply(&mut self.state, self.version).unwrap();
                    self.version = delta.version;
                }
                self.is_between = false;
            }
            "ACTION_RESPONSE" | "MESSAGE_RESPONSE" => self.answered(message),
            other => assert_eq!(other, "STATE_SNAPSHOT", "{message}"),
        }
    }

    fn answered(&mut self, message: &Value) {
        let id = message["requestId"].as_str().unwrap_or_default();
        self.open.retain(|(open, _)| open != id);
        if id == "back" {
            assert_eq!(message["success"], json!(true), "{message}");
            for name in message["result"]["done"].as_array().into_iter().flatten() {
                let call = self.calls.get_mut(name.as_str().unwrap()).unwrap();
                (call.is_guessed, call.is_over) = (false, true);
            }
            self.is_coming_back = false;
        } else if let Some(count) = id.strip_prefix("batch-") {
            let first: u32 = count.parse().unwrap();
            let results = message["result"]["results"].as_array().unwrap();
            let is_undone = results.iter().any(|result| result["success"] == false);
            for (result, number) in results.iter().zip(first..) {
                let call = self.calls.get_mut(&format!("{}-{number}", self.page)).unwrap();
                call.is_guessed &= result["held"] == true;
                (call.answered, call.is_undone) = (Some(result["success"] == true), is_undone);
            }
        } else if let Some(call) = self.calls.get_mut(id) {
            call.is_guessed &= message["held"] == true;
            call.answered = Some(message["success"] == true);
        }
    }

    /// Every call is there once, for as long as it should be.
    fn check(&self, has_exploded: bool, message: &Value) {
        for (name, call) in &self.calls {
            let field = self.state[call.kind.field()].as_array().unwrap();
            let there = field.iter().filter(|n| **n == json!(call.n)).count();
            let count = there + usize::from(call.is_guessed);
            let is_left = !call.is_undone && !matches!(call.kind, Kind::Explode | Kind::Nothing);
            let may_be: &[usize] = match call.answered {
                // It is told as its batch is: which call of that changed something nobody knows.
                _ if call.kind == Kind::Nothing => &[0, 1],
                // What is held back is lost when a later turn panics.
                _ if call.kind == Kind::Drift && has_exploded => &[0, 1],
                // It is done in its own time.
                _ if !call.shows && call.answered.is_none() => &[0, 1],
                None if call.is_over && (call.kind == Kind::Explode || call.is_batched) => &[0, 1],
                None => &[1],
                // Nobody shows what is held back of a call that was not guessed.
                Some(_) if call.kind == Kind::Drift && !call.shows => &[0, 1],
                Some(_) if is_left => &[1],
                Some(_) => &[0],
            };
            assert!(
                may_be.contains(&count),
                "{name} ({:?}, answered {:?}) is shown {count} times, {there} of them by the state, after {message}",
                call.kind,
                call.answered
            );
        }
    }

    /// The connection dies, and another one takes up the session.
    async fn cut(&mut self, harness: &Harness, has_exploded: bool) {
        let token = self.client.token();
        // Whatever was on its way is gone.
        self.client = page(harness, "nobody").await;
        still().await;
        self.client = page(harness, self.page).await;
        self.client.resume_session(&token).await.unwrap();
        self.is_between = false;
        self.is_coming_back = true;
        let doubt: Vec<&str> =
            self.calls.iter().filter(|(_, call)| call.is_guessed).map(|(name, _)| &**name).collect();
        let mut message = rejoin_in_doubt(&self.id, self.version, &doubt);
        if !self.is_shared {
            message["payload"].as_object_mut().unwrap().remove("props");
        }
        self.send(&message, has_exploded).await;
        for _ in 0..1_000 {
            if !self.is_coming_back {
                break;
            }
            // Somebody may be doing something that takes its time.
            pass(10).await;
            self.read(has_exploded).await;
        }
        assert!(!self.is_coming_back, "it is not back");
        for (_, message) in self.open.clone() {
            self.send(&message, has_exploded).await;
        }
    }
}

async fn play(steps: &[Step], soft: usize, is_shared: bool) {
    let harness = limited(|limits| limits.outbox_soft = soft);
    let mut screens = vec![Screen::new(&harness, "a", is_shared).await];
    if is_shared {
        screens.push(Screen::new(&harness, "b", is_shared).await);
    }
    let mut has_exploded = false;
    for step in steps {
        let of = |who: usize| if is_shared { who } else { 0 };
        match step {
            Step::Call(who, kind, shows) => {
                has_exploded |= *kind == Kind::Explode;
                let screen = &mut screens[of(*who)];
                let message = screen.call(*kind, *shows);
                screen.open.push((message["requestId"].as_str().unwrap().to_owned(), message.clone()));
                screen.send(&message, has_exploded).await;
            }
            Step::Batch(who, kinds) => {
                has_exploded |= kinds.contains(&Kind::Explode);
                let screen = &mut screens[of(*who)];
                let id = format!("batch-{}", screen.last + 1);
                let calls: Vec<Value> = kinds.iter().map(|kind| screen.call(*kind, true)).collect();
                for call in &calls {
                    screen.calls.get_mut(call["callId"].as_str().unwrap()).unwrap().is_batched = true;
                }
                let payload = json!({ "calls": calls, "atomic": true });
                let message = json!({ "type": "CALL_BATCH", "payload": payload, "requestId": id });
                screen.open.push((id, message.clone()));
                screen.send(&message, has_exploded).await;
            }
            Step::Grow(who, bytes) => {
                let screen = &mut screens[of(*who)];
                let message = json!({ "type": "CALL_ACTION", "componentId": screen.id, "action": "grow", "payload": { "n": bytes } });
                screen.send(&message, has_exploded).await;
            }
            Step::Resync(who) => {
                let screen = &mut screens[of(*who)];
                let message = json!({ "type": "STATE_RESYNC", "componentId": screen.id });
                screen.send(&message, has_exploded).await;
            }
            Step::Quiet(who, on) => screens[of(*who)].send(&quiet(*on), has_exploded).await,
            Step::Read(who) => screens[of(*who)].read(has_exploded).await,
            Step::Cut(who) => screens[of(*who)].cut(&harness, has_exploded).await,
            Step::Pass(ms) => pass(*ms).await,
        }
    }
    for _ in 0..100 {
        for screen in &mut screens {
            screen.send(&quiet(false), has_exploded).await;
            screen.read(has_exploded).await;
        }
        pass(50).await;
    }
    for screen in &screens {
        assert!(screen.open.is_empty(), "not answered: {:?}", screen.open);
        let guessed: Vec<_> =
            screen.calls.iter().filter(|(_, call)| call.is_guessed).map(|(name, _)| name).collect();
        assert!(guessed.is_empty(), "shown for ever: {guessed:?}");
        assert_eq!(screen.state, screens[0].state);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_screen_shows_every_call_once(
        steps in vec(step(), 1..60),
        soft in prop_oneof![Just(400usize), Just(1_500), Just(64 << 10)],
        is_shared in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(&steps, soft, is_shared));
    }
}
