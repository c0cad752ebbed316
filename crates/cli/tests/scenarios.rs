//! Scenarios of several connections that have to do with each other, against a real server on a free port.
//!
//! Each is also run against a component that does not do what it should, because a scenario that finds nothing wrong
//! proves little.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use fluxstack_live::prelude::*;
use fluxstack_live::{Upload, Uploads};
use fluxstack_live_cli::load::live::{Content, Live as Speaker, Sending, Tell, Words};
use fluxstack_live_cli::load::{Outcome, Plan, Scenario, run};
use tokio::net::TcpListener;

/// A counter, its own or everybody's, in a room, with rows beside it.
#[derive(State)]
pub struct Counter {
    /// How often it was called.
    pub count: i64,
    /// What makes it large.
    pub rows: List<String>,
}

/// Whose it is, and how large.
#[wire]
pub struct CounterProps {
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    rows: usize,
}

/// What somebody said.
#[wire]
pub struct Said {
    from: u32,
    number: u64,
    text: String,
}

impl Component for Counter {
    type Props = CounterProps;
    type Event = Said;

    fn scope(props: &CounterProps) -> Scope {
        props.key.clone().map_or(Scope::Private, Scope::Shared)
    }

    async fn mount(props: CounterProps, cx: &mut Cx<Self>) -> Result<Self> {
        if props.key.is_none() {
            cx.room("all")?.join();
        }
        Ok(Counter { count: 0, rows: vec!["x".repeat(100); props.rows].into() })
    }
}

#[actions]
impl Counter {
    /// Counts.
    pub fn add(&mut self) -> i64 {
        self.count += 1;
        self.count
    }

    /// Counts twice now and then.
    pub fn add_badly(&mut self) -> i64 {
        self.count += if self.count % 7 == 6 { 2 } else { 1 };
        self.count
    }

    /// Changes a row.
    pub fn touch(&mut self) -> i64 {
        self.count += 1;
        let at = self.count as usize % self.rows.len();
        self.rows.set(at, format!("{}", self.count));
        self.count
    }

    /// Says it to all others.
    pub fn tell(&mut self, cx: &mut Cx<Self>, from: u32, number: u64, text: String) -> Result<()> {
        cx.room("all")?.emit_to_others(Said { from, number, text });
        Ok(())
    }

    /// Says it to everybody.
    pub fn tell_all(&mut self, cx: &mut Cx<Self>, from: u32, number: u64, text: String) -> Result<()> {
        cx.room("all")?.emit(Said { from, number, text });
        Ok(())
    }

    /// Says the fifth thing twice.
    pub fn tell_twice(&mut self, cx: &mut Cx<Self>, from: u32, number: u64, text: String) -> Result<()> {
        if number == 5 {
            cx.room("all")?.emit_to_others(Said { from, number, text: text.clone() });
        }
        self.tell(cx, from, number, text)
    }

    /// Forgets the fifth thing.
    pub fn tell_seldom(&mut self, cx: &mut Cx<Self>, from: u32, number: u64, text: String) -> Result<()> {
        if number == 5 { Ok(()) } else { self.tell(cx, from, number, text) }
    }
}

/// Takes files, and throws them away.
#[derive(State)]
pub struct Inbox {
    /// Where they come in.
    pub file: Upload,
}

impl Component for Inbox {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Inbox { file: Upload::any().max_bytes(1 << 20) })
    }

    async fn on_upload(&mut self, _field: &'static str, _cx: &mut Cx<Self>) -> Result<()> {
        let ids: Vec<String> = self.file.files().iter().map(|file| file.id.clone()).collect();
        for id in ids {
            self.file.remove(&id);
        }
        Ok(())
    }
}

#[actions]
impl Inbox {}

async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let folder = std::env::temp_dir().join(format!("flux-load-{}", address.port()));
    let live = Live::builder()
        .component::<Counter>()
        .component::<Inbox>()
        .uploads(Uploads::at(folder))
        .limits(Limits::unlimited)
        .build()
        .unwrap();
    let app: axum::Router = axum::Router::new().nest("/api/live", live.router());
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn words(action: &str, props: &str) -> Words {
    Words { props: props.to_owned(), ..Words::new("/api/live/ws", "Counter", action, Some("count")) }
}

async fn load(scenario: Scenario, words: Words, change: impl FnOnce(&mut Plan)) -> Outcome {
    let mut plan = Plan::new(scenario, serve().await);
    plan.connections = 8;
    plan.in_flight = 4;
    plan.warm_up = Duration::from_millis(20);
    plan.length = Duration::from_millis(200);
    plan.patience = Duration::from_secs(10);
    plan.server = Some(std::process::id());
    change(&mut plan);
    let (words, slots) = (Rc::new(words), plan.components);
    run(&plan, |who| Speaker::new(Rc::clone(&words), who, slots)).await.unwrap()
}

#[track_caller]
fn check(outcome: &Outcome) {
    assert!(outcome.is_right(), "{outcome:?}");
    assert!(outcome.operations > 0, "{outcome:?}");
    assert!(outcome.latency_us.is_some(), "{outcome:?}");
}

async fn room(action: &str) -> Outcome {
    let tell = Tell { action: action.to_owned(), text: "hello".to_owned() };
    let words = Words { tell: Some(tell), ..words("add", "{}") };
    load(Scenario::Room, words, |plan| plan.patience = Duration::from_millis(500)).await
}

#[tokio::test]
async fn everybody_in_a_room_hears_everything_once() {
    for action in ["tell", "tellAll"] {
        check(&room(action).await);
    }
    let twice = room("tellTwice").await;
    assert_eq!((twice.lost, twice.doubled), (0, 7), "{twice:?}");
    let seldom = room("tellSeldom").await;
    assert_eq!((seldom.lost, seldom.doubled), (7, 0), "{seldom:?}");
}

#[tokio::test]
async fn everybody_is_shown_what_all_do_to_a_shared_instance() {
    check(&load(Scenario::Shared, words("add", r#"{"key":"a"}"#), |_| {}).await);
    // Instances of their own show nobody what the others do.
    let apart = load(Scenario::Shared, words("add", "{}"), |plan| {
        plan.patience = Duration::from_millis(500);
    });
    assert!(apart.await.lost > 0);
    let badly = load(Scenario::Shared, words("addBadly", r#"{"key":"a"}"#), |_| {}).await;
    assert!(badly.wrong > 0, "{badly:?}");
}

#[tokio::test]
async fn who_did_not_read_is_shown_the_right_state_in_the_end() {
    for slow in [0, 3] {
        let outcome = load(Scenario::Slow, words("add", r#"{"key":"a"}"#), |plan| {
            plan.slow = slow;
            plan.in_flight = 64;
            plan.rate = 2_000.0;
        });
        let outcome = outcome.await;
        check(&outcome);
        assert!(outcome.latency_corrected_us.is_some());
        assert_eq!(outcome.rss_each.is_some(), slow > 0);
        if slow > 0 {
            assert!(outcome.notes.iter().any(|note| note.starts_with("3 slow connections")), "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn all_come_back_to_what_they_had() {
    let words = Words { returns: true, ..words("add", "{}") };
    let outcome = load(Scenario::Storm, words, |plan| (plan.connections, plan.components) = (20, 3)).await;
    check(&outcome);
    assert_eq!(outcome.operations, 60);
    assert!(outcome.seconds > 0.0);
}

#[tokio::test]
async fn a_change_of_a_large_state_costs_what_changed() {
    let outcome = |rows| load(Scenario::BigState, words("touch", rows), |plan| plan.connections = 2);
    let (small, large) = (outcome(r#"{"rows":2}"#).await, outcome(r#"{"rows":500}"#).await);
    check(&small);
    check(&large);
    assert!(small.x.unwrap() < 1_000.0 && large.x.unwrap() > 50_000.0, "{small:?} {large:?}");
    let each = |outcome: &Outcome| outcome.bytes_in as f64 / outcome.operations as f64;
    assert!(each(&large) < each(&small) * 1.5, "{small:?} {large:?}");
}

#[tokio::test]
async fn files_arrive_as_they_were_sent() {
    let mut plan = Plan::new(Scenario::Uploads, serve().await);
    plan.connections = 2;
    plan.in_flight = 1;
    plan.is_counted = false;
    plan.warm_up = Duration::ZERO;
    plan.length = Duration::from_millis(500);
    let words = Rc::new(Words::new("/api/live/ws", "Inbox", "none", None));
    let content = Rc::new(Content::new(100_000, 30_000).unwrap());
    let outcome = run(&plan, |who| Sending::new(Rc::clone(&words), Rc::clone(&content), who, 1)).await;
    let outcome = outcome.unwrap();
    check(&outcome);
    // More than a file of each.
    assert!(outcome.operations > 12, "{outcome:?}");
    assert!(outcome.x.unwrap() > 0.0);
}
