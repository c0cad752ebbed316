//! Load on a real server, in small numbers: what is measured is there, what is refused says what to do, and
//! nothing is lost.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use fluxstack_live::Keys;
use fluxstack_live::prelude::*;
use fluxstack_live_cli::load::live::{Live as Speaker, Words};
use fluxstack_live_cli::load::{self, Outcome, Plan, Scenario};
use tokio::net::TcpListener;
use tokio::process::Command;

/// Counts.
#[derive(State)]
pub struct Counter {
    /// The count.
    pub count: i64,
}

impl Component for Counter {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Counter { count: 40 })
    }
}

#[actions]
impl Counter {
    /// One more.
    pub fn increment(&mut self) -> i64 {
        self.count += 1;
        self.count
    }

    /// Two more, which is one too many.
    pub fn leap(&mut self) {
        self.count += 2;
    }
}

async fn serve(limits: impl FnOnce(&mut Limits) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let keys = Keys::new("load", [7; 32]).unwrap();
    let live = Live::builder().component::<Counter>().limits(limits).keys(keys).build().unwrap();
    let app: axum::Router = axum::Router::new().nest("/api/live", live.router());
    // Elsewhere, as it would be: the generator watches the clock.
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

type Change = fn(&mut Plan, &mut Words);

async fn run(
    address: SocketAddr,
    scenario: Scenario,
    change: impl FnOnce(&mut Plan, &mut Words),
) -> anyhow::Result<Outcome> {
    let mut plan = Plan::new(scenario, address);
    plan.connections = 3;
    plan.in_flight = 4;
    plan.components = 2;
    plan.rate = 500.0;
    plan.warm_up = Duration::from_millis(50);
    plan.length = Duration::from_millis(200);
    // A test may be slow; what fails here fails at once.
    plan.patience = Duration::from_secs(20);
    plan.server = Some(std::process::id());
    let mut words = Words::new("/api/live/ws", "Counter", "increment", Some("count"));
    change(&mut plan, &mut words);
    let words = Rc::new(words);
    load::run(&plan, |who| Speaker::new(Rc::clone(&words), who, 8)).await
}

#[track_caller]
fn is_right(outcome: &Outcome) {
    assert!(outcome.is_right(), "{outcome:?}");
    assert!(outcome.operations > 0 && outcome.bytes_in > 0 && outcome.bytes_out > 0, "{outcome:?}");
    let latency = outcome.latency_us.unwrap();
    assert!(
        latency.p50 > 0.0 && latency.p50 <= latency.p99 && latency.p99 <= latency.max * 1.001,
        "{latency:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_closed_loop_counts_what_was_answered() {
    let address = serve(Limits::unlimited).await;
    let outcome = run(address, Scenario::Actions, |_, _| {}).await.unwrap();
    is_right(&outcome);
    assert_eq!((outcome.scenario.as_str(), outcome.case.as_str()), ("actions", "3x4"));
    assert_eq!(outcome.latency_corrected_us, None);
    let per_second = outcome.operations as f64 / outcome.seconds;
    assert!((per_second - outcome.per_second).abs() < 1.0);
    #[cfg(target_os = "linux")]
    assert!(outcome.server_cpu_us.unwrap() > 0.0 && outcome.rss_after.unwrap() > 0);
    let again: Outcome = serde_json::from_str(&outcome.line().unwrap()).unwrap();
    assert_eq!(again, outcome);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_schedule_is_kept_and_timed_from_when_calls_were_due() {
    let address = serve(Limits::unlimited).await;
    let outcome = run(address, Scenario::Rate, |_, _| {}).await.unwrap();
    is_right(&outcome);
    let (plain, corrected) = (outcome.latency_us.unwrap(), outcome.latency_corrected_us.unwrap());
    // To the digits that are kept.
    assert!(corrected.max >= plain.max * 0.998 && corrected.p50 >= plain.p50 * 0.998, "{outcome:?}");
    // All that was due, but for what was answered before and after.
    assert!(outcome.operations <= 110, "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn components_come_and_go_with_their_snapshots() {
    let address = serve(Limits::unlimited).await;
    is_right(&run(address, Scenario::Mount, |_, _| {}).await.unwrap());
    is_right(&run(address, Scenario::Mount, |_, words| words.is_signed = true).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn idle_connections_are_there_and_gone_again() {
    let address = serve(Limits::unlimited).await;
    let outcome = run(address, Scenario::Idle, |_, _| {}).await.unwrap();
    assert!(outcome.is_right(), "{outcome:?}");
    assert_eq!((outcome.operations, outcome.case.as_str()), (3, "3x2"));
    #[cfg(target_os = "linux")]
    assert!(outcome.rss_each.is_some() && outcome.rss_left.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn connections_come_and_go() {
    let address = serve(Limits::unlimited).await;
    let outcome = run(address, Scenario::Churn, |_, _| {}).await.unwrap();
    is_right(&outcome);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_state_that_counts_wrong_is_found() {
    let address = serve(Limits::unlimited).await;
    let outcome = run(address, Scenario::Actions, |_, words| words.action = "leap".to_owned()).await.unwrap();
    assert!(!outcome.is_right(), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_refused_says_what_to_do() {
    let address = serve(Limits::unlimited).await;
    let cases: [(Change, &str); 5] = [
        (|_, words| words.component = "Nope".to_owned(), "COMPONENT_NOT_FOUND"),
        (|_, words| words.action = "nope".to_owned(), "NOT_CALLABLE"),
        (|_, words| words.counts = Some("clicks".to_owned()), "clicks"),
        (|_, words| words.path = "/elsewhere".to_owned(), "is this the path"),
        (|plan, _| plan.address = SocketAddr::from(([127, 0, 0, 1], 1)), "is the server up"),
    ];
    for (change, expected) in cases {
        let error = format!("{:#}", run(address, Scenario::Actions, change).await.unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
    let slow = serve(|limits| (limits.rate, limits.burst) = (10, 20)).await;
    let error = format!("{:#}", run(slow, Scenario::Actions, |_, _| {}).await.unwrap_err());
    assert!(error.contains("RATE_LIMITED") && error.contains("Limits::unlimited"), "{error}");
}

async fn flux(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_flux")).arg("load").args(arguments).output().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_command_prints_a_table_or_a_line() {
    let url = format!("ws://{}/api/live/ws", serve(Limits::unlimited).await);
    let mut arguments = vec!["actions", "--url", &url, "--component", "Counter", "--action", "increment"];
    arguments.extend(["--counts", "count", "--connections", "2", "--seconds", "0.1", "--warm-up", "0.1"]);
    let table = flux(&arguments).await;
    let text = String::from_utf8_lossy(&table.stdout);
    assert!(table.status.success(), "{table:?}");
    for expected in ["throughput", "p99.9", "verified      answers and counts: 0 lost, 0 doubled, 0 wrong"] {
        assert!(text.contains(expected), "{expected:?} in {text}");
    }
    arguments.push("--json");
    let line = flux(&arguments).await;
    let outcome: Outcome = serde_json::from_slice(&line.stdout).unwrap();
    assert!(line.status.success() && outcome.operations > 0 && outcome.server == "live", "{outcome:?}");
}

#[tokio::test]
async fn the_command_refuses_what_it_must_not_do() {
    let cases: [(&[&str], &str); 5] = [
        (
            &["actions", "--url", "ws://192.0.2.1/", "--component", "C", "--action", "a"],
            "--i-own-this-server",
        ),
        (&["actions", "--url", "ws://127.0.0.1:1/", "--component", "C"], "which action"),
        (&["mount", "--url", "ws://127.0.0.1:1/", "--component", "C", "--connections", "50001"], "limit"),
        (&["mount", "--url", "ws://127.0.0.1:1/", "--component", "C", "--seconds", "601"], "limit"),
        (&["mount", "--url", "ws://127.0.0.1:1/", "--component", "C"], "is the server up"),
    ];
    for (arguments, expected) in cases {
        let output = flux(arguments).await;
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(expected), "{arguments:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}
