//! Components whose state says what was done to them, call by call, for simulations and their benchmark.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "every program takes what it needs")]

use std::time::Duration;

use fluxstack_live::prelude::*;
use fluxstack_live::testing::sim::{Actor, Asked, Handle, Outcome, Report, Schedule, Sim, Tab};
use fluxstack_live::{Keys, MemoryStore};
use serde_json::{Value, json};

/// Effects in a list, in the order they came; each is announced as well.
#[derive(State)]
pub struct Ledger {
    pub entries: List<String>,
    pub total: u64,
    pub note: Bound<String>,
}

#[wire]
#[derive(Clone)]
pub struct Entered {
    pub entry: String,
}

impl Component for Ledger {
    type Props = ();
    type Event = Entered;

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Ledger { entries: List::default(), total: 0, note: Bound::new(String::new()) })
    }
}

#[actions]
impl Ledger {
    pub fn enter(&mut self, entry: String, cx: &mut Cx<Self>) -> u64 {
        self.total += 1;
        self.entries.push(entry.clone());
        cx.emit(Entered { entry });
        self.total
    }

    /// Takes so many milliseconds, in which the instance does nothing else.
    pub async fn enter_slowly(&mut self, entry: String, ms: u64, cx: &mut Cx<Self>) -> u64 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        self.enter(entry, cx)
    }

    /// Fails, and keeps what it had done until then.
    pub fn enter_and_fail(&mut self, entry: String) -> Result<()> {
        self.entries.push(entry);
        Err(Error::new(Code::Conflict, "this is the test's own failure"))
    }

    /// Panics, so that nothing of it is kept.
    pub fn enter_and_panic(&mut self, entry: String) {
        self.entries.push(entry);
        panic!("this is the test's own panic");
    }
}

/// Effects in a map, with a clock of its own, so that the state also changes without a call.
#[derive(State)]
pub struct Board {
    pub marks: Map<String, u64>,
    pub ticks: u64,
    #[state(keep)]
    number: u64,
}

impl Component for Board {
    type Props = ();
    type Event = ();

    async fn mount((): (), cx: &mut Cx<Self>) -> Result<Self> {
        cx.every(Duration::from_millis(900), |board: &mut Self, _cx| board.ticks += 1)?;
        Ok(Board { marks: Map::default(), ticks: 0, number: 0 })
    }
}

#[actions]
impl Board {
    pub fn enter(&mut self, entry: String) {
        self.number += 1;
        self.marks.insert(entry, self.marks.len() as u64);
    }
}

/// The next version of the same application.
pub mod next {
    use super::{Bound, Component, Cx, Entered, List, Result, State, actions};

    /// The ledger with one field more, and otherwise as it was, so that either reads what the other wrote.
    #[derive(State)]
    #[state(name = "Ledger")]
    pub struct Ledger {
        pub entries: List<String>,
        pub total: u64,
        pub note: Bound<String>,
        pub colour: String,
    }

    impl Component for Ledger {
        type Props = ();
        type Event = Entered;

        async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
            let (note, colour) = (Bound::new(String::new()), "black".to_owned());
            Ok(Ledger { entries: List::default(), total: 0, note, colour })
        }
    }

    #[actions]
    impl Ledger {
        pub fn enter(&mut self, entry: String, cx: &mut Cx<Self>) -> u64 {
            self.total += 1;
            self.entries.push(entry.clone());
            cx.emit(Entered { entry });
            self.total
        }
    }
}

/// How long an instance waits for its tab.
pub const GRACE: Duration = Duration::from_secs(2);

/// What outlives a server, and servers that share it.
#[derive(Clone, Default)]
pub struct Disk {
    store: MemoryStore,
    /// Without any, the store's own secret signs, and tabs are given nothing to keep.
    keys: Option<Keys>,
    /// Little may wait for a slow tab, and little is kept for one that comes back.
    is_tight: bool,
}

impl Disk {
    /// With keys, so that tabs keep snapshots as well.
    pub fn with_keys() -> Self {
        Self { keys: Some(keys("2026")), ..Self::default() }
    }

    /// One of the disks there are.
    pub fn of(seed: u64) -> Self {
        let disk = if seed.is_multiple_of(2) { Self::default() } else { Self::with_keys() };
        Self { is_tight: seed.is_multiple_of(3), ..disk }
    }

    /// The same disk under other keys.
    pub fn rekeyed(&self, keys: Keys) -> Self {
        Self { keys: Some(keys), ..self.clone() }
    }

    /// What every server has in common.
    pub fn server(&self) -> fluxstack_live::Builder {
        let mut server = Live::builder().store(self.store.clone()).durability(Durability::Acknowledged);
        if let Some(keys) = &self.keys {
            server = server.keys(keys.clone());
        }
        server.limits(|limits| {
            limits.grace = GRACE;
            if self.is_tight {
                (limits.outbox_soft, limits.replay, limits.events) = (700, 300, 4);
            }
        })
    }

    pub fn live(&self) -> fluxstack_live::Builder {
        self.server().component::<Ledger>().component::<Board>()
    }

    /// The next version of the application.
    pub fn next(&self) -> fluxstack_live::Builder {
        self.server().component::<next::Ledger>().component::<Board>()
    }
}

/// Keys of a certain year.
pub fn keys(year: &str) -> Keys {
    Keys::new(year, format!("the secret of the year {year:>20}")).expect("it is long enough")
}

/// A simulation of both components, whose effects are counted.
pub fn sim(seed: u64, disk: &Disk) -> Sim {
    let (present, next) = (disk.clone(), disk.clone());
    let sim = watch(Sim::new(seed, move || present.live()));
    sim.also(move || next.next());
    sim
}

/// Lets effects be counted.
pub fn watch(sim: Sim) -> Sim {
    let entry = |args: &Value| args["entry"].as_str().map(str::to_owned);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    sim.effects("Ledger", entry, move |state| {
        state["entries"].as_array().into_iter().flatten().map(text).collect()
    });
    sim.effects("Board", entry, |state| {
        let marks = state["marks"].as_object().into_iter().flatten();
        let mut marks: Vec<_> = marks.map(|(mark, number)| (number.as_u64(), mark.clone())).collect();
        marks.sort_unstable();
        marks.into_iter().map(|(_, mark)| mark).collect()
    });
    sim
}

/// Both components, and how a schedule calls them.
pub fn actors() -> [Actor; 2] {
    let ledger = Actor::new("Ledger", json!({}), |draw, entry| match draw.below(20) {
        0 => ("enterSlowly", json!({ "entry": entry, "ms": draw.between(1, 80) })),
        1 => ("enterAndFail", json!({ "entry": entry })),
        _ => ("enter", json!({ "entry": entry })),
    });
    [ledger, Actor::new("Board", json!({}), |_, entry| ("enter", json!({ "entry": entry })))]
}

/// One random schedule, to its end.
pub async fn schedule(seed: u64) -> (Sim, Vec<String>) {
    let sim = sim(seed, &Disk::of(seed));
    sim.play(&Schedule::random(seed), &actors()).await;
    sim.settle().await;
    let wrong = sim.check().await;
    (sim, wrong)
}

/// The same, for a test.
pub async fn flawless(seed: u64) -> Report {
    let (sim, wrong) = schedule(seed).await;
    if !wrong.is_empty() {
        sim.assert_converged().await;
    }
    sim.report()
}

// For tests that go step by step.

/// A tab that shows a ledger, with nothing in it yet.
pub async fn opened(seed: u64, disk: &Disk) -> (Sim, Tab, Handle) {
    let sim = sim(seed, disk);
    let tab = sim.tab();
    let ledger = tab.mount("Ledger", "ledger", json!({}));
    sim.settle().await;
    (sim, tab, ledger)
}

pub fn enter(tab: &Tab, ledger: Handle, entry: &str) -> Asked {
    tab.call(ledger, "enter", json!({ "entry": entry }))
}

pub fn entries(tab: &Tab, ledger: Handle) -> Vec<String> {
    let shown = tab.shows(ledger).expect("something is shown");
    shown["entries"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| entry.as_str().unwrap_or("?").into())
        .collect()
}

pub fn last(tab: &Tab, ledger: Handle) -> Outcome {
    tab.outcomes(ledger).pop().expect("it was mounted")
}

pub fn reset(reason: &str) -> Outcome {
    Outcome::Reset(reason.to_owned())
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Settles, and is as it should be.
pub async fn settled(sim: &Sim) {
    sim.settle().await;
    sim.assert_converged().await;
}
