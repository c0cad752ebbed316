//! Components whose state says what was done to them, call by call, for simulations and their benchmark.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "every program takes what it needs")]

use std::time::Duration;

use fluxstack_live::prelude::*;
use fluxstack_live::testing::sim::{Actor, Report, Schedule, Sim};
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

/// What outlives a server, and servers that share it.
#[derive(Clone)]
pub struct Disk {
    pub store: MemoryStore,
    pub keys: Keys,
}

impl Disk {
    pub fn new() -> Self {
        Self { store: MemoryStore::new(), keys: Keys::new("test", [7; 32]).expect("32 bytes are enough") }
    }

    /// What every server has in common.
    pub fn server(&self) -> fluxstack_live::Builder {
        let server = Live::builder().keys(self.keys.clone()).store(self.store.clone());
        server.durability(Durability::Acknowledged).limits(|limits| limits.grace = Duration::from_secs(2))
    }

    pub fn live(&self) -> fluxstack_live::Builder {
        self.server().component::<Ledger>().component::<Board>()
    }
}

/// A simulation of both components, whose effects are counted.
pub fn sim(seed: u64) -> Sim {
    let disk = Disk::new();
    watch(Sim::new(seed, move || disk.live()))
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
    let sim = sim(seed);
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
