//! One server, one case, one round: started anew, loaded by the engine, and what came of it as a line.
//!
//! The engine is that of `flux load`, in this program: what it uses is the generator's core, and its share of it is in
//! the line.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use fluxstack_live_cli::load::live::{Content, Live, Sending, Words};
use fluxstack_live_cli::load::{self, Outcome, Plan, Scenario};
use tokio::runtime::Runtime;

use super::plan::Case;
use super::servers::Server;
use super::shape::Shape;
use crate::child::Child;
use crate::peers::{self, Peers};
use crate::results::Line;

mod scratch;

use scratch::Scratch;

/// Where the live server has its socket, every floor, and the `ws` server.
const PATH: &str = "/api/live/ws";
/// Calls that a connection of a schedule may have unanswered: who has more waiting does not keep up.
const BEHIND: usize = 256;
/// Of the time that is measured, so much passes before.
const WARM: f64 = 0.25;
/// Bytes of a file: so many that most of the time goes into its bytes, and so few that many are whole in the end.
const FILE: usize = 8 << 20;
/// What is said in a room.
const TEXT: &str = "what is said in a room, in about as many words as people use";

/// Where things are.
pub(crate) struct Place {
    /// The core of the server.
    pub(crate) core: Option<usize>,
    pub(crate) peers: Option<Peers>,
}

/// Measures.
pub(crate) fn drive(
    runtime: &Runtime,
    case: &Case,
    server: Server,
    round: u32,
    place: &Place,
) -> Result<Line> {
    let is_signed = matches!(case.shape, Shape::Mount { .. });
    let files = matches!(case.shape, Shape::Uploads { .. }).then(Scratch::new).transpose()?;
    let child = match (server.role(is_signed), server.peer(), &place.peers) {
        _ if let Some(folder) = &files => {
            let role = server.role_for_files().context("it takes no files")?;
            Child::in_folder(role, place.core, folder.path())?
        }
        (Some(role), ..) => Child::start(role, place.core, None)?,
        (None, Some(peer), Some(peers)) => peers.start(peer, place.core)?,
        _ => bail!("it is not installed"),
    };
    let plan = plan(case, &child);
    let outcome = runtime.block_on(load(case.shape, server, &plan, is_signed))?;
    let mut line = line(&outcome, server)?;
    if files.is_some() {
        line = by_megabyte(line);
    }
    // Before its folder goes.
    drop(child);
    Ok(Line {
        scenario: case.scenario.to_owned(),
        case: case.name.clone(),
        version: server.version(place.peers.as_ref())?,
        round,
        x: case.x.or(line.x),
        ..line
    })
}

/// What the engine measured, and of whom, which it does not know.
fn line(outcome: &Outcome, server: Server) -> Result<Line> {
    let mut said = serde_json::to_value(outcome)?;
    said["kind"] = serde_json::to_value(server.kind())?;
    let line: Line = serde_json::from_value(said).context("what the engine says is no line of ours")?;
    Ok(Line { server: server.name().to_owned(), settings: server.settings().to_owned(), ..line })
}

/// The engine counts the steps of files, and says as `x` how many bytes there were in a second. What is compared is
/// megabytes, whatever the size of a step.
fn by_megabyte(mut line: Line) -> Line {
    let megabytes = line.x.take().unwrap_or_default() / 1e6;
    let steps = line.operations as f64 / (megabytes * line.seconds).max(f64::MIN_POSITIVE);
    line.per_second = megabytes;
    line.server_cpu_us = line.server_cpu_us.map(|each| each * steps);
    line
}

/// Which of the engine's it is.
pub(crate) fn scenario(shape: Shape) -> Scenario {
    match shape {
        // All of one's own are actions like any others.
        Shape::Actions { .. } | Shape::Shared { is_isolated: true, .. } => Scenario::Actions,
        Shape::State { .. } | Shape::List { .. } => Scenario::BigState,
        Shape::Rate { .. } => Scenario::Rate,
        Shape::Mount { .. } => Scenario::Mount,
        Shape::Idle { .. } => Scenario::Idle,
        Shape::Churn { .. } => Scenario::Churn,
        Shape::Shared { .. } => Scenario::Shared,
        Shape::Room { .. } => Scenario::Room,
        Shape::Storm { .. } => Scenario::Storm,
        Shape::Slow { .. } => Scenario::Slow,
        Shape::Uploads { .. } => Scenario::Uploads,
    }
}

fn plan(case: &Case, child: &Child) -> Plan {
    let mut plan = Plan::new(scenario(case.shape), child.address);
    plan.connections = case.shape.connections();
    plan.components = case.shape.components();
    plan.in_flight = case.shape.in_flight().unwrap_or(BEHIND);
    plan.length = Duration::from_secs_f64(case.seconds);
    plan.warm_up = Duration::from_secs_f64(case.seconds * WARM);
    plan.server = Some(child.id());
    plan.is_counted = !matches!(case.shape, Shape::Uploads { .. });
    if let Shape::Rate { per_second, .. } | Shape::Slow { per_second, .. } = case.shape {
        plan.rate = f64::from(per_second);
    }
    if let Shape::Slow { slow, .. } = case.shape {
        plan.slow = slow;
    }
    plan
}

/// Runs the engine with whoever speaks the server's language.
async fn load(shape: Shape, server: Server, plan: &Plan, is_signed: bool) -> Result<Outcome> {
    let place = match shape {
        Shape::Room { .. } => peers::Place::Room,
        _ => peers::Place::Counter,
    };
    if let Some(peer) = server.peer() {
        return peer.load(plan, place, TEXT).await;
    }
    let words = Rc::new(words(shape, is_signed && server == Server::Live));
    let slots = match plan.scenario {
        Scenario::Mount => plan.in_flight,
        _ => plan.components,
    };
    if let Shape::Uploads { chunk, .. } = shape {
        let content = Rc::new(Content::new(FILE, chunk)?);
        return load::run(plan, |who| Sending::new(words.clone(), content.clone(), who, slots)).await;
    }
    load::run(plan, |who| Live::new(words.clone(), who, slots)).await
}

/// What is said to whoever speaks our protocol.
fn words(shape: Shape, is_signed: bool) -> Words {
    let mut words = match shape {
        Shape::State { bytes, .. } => {
            let mut words = Words::new(PATH, "Blob", "increment", Some("count"));
            words.props = format!("{{\"bytes\":{bytes}}}");
            words
        }
        Shape::List { rows, .. } => {
            let mut words = Words::new(PATH, "Rows", "touch", Some("count"));
            words.props = format!("{{\"rows\":{rows}}}");
            words
        }
        Shape::Shared { is_isolated, .. } => shared(is_isolated),
        Shape::Slow { .. } => shared(false),
        Shape::Room { .. } => peers::words(peers::Place::Room, TEXT),
        Shape::Uploads { .. } => Words::new(PATH, "Files", "", None),
        Shape::Storm { .. } => {
            let mut words = Words::new(PATH, "Counter", "increment", Some("count"));
            words.returns = true;
            words
        }
        _ => Words::new(PATH, "Counter", "increment", Some("count")),
    };
    words.is_signed = is_signed;
    words
}

/// An instance of everybody, or the same component for each alone.
fn shared(is_isolated: bool) -> Words {
    let mut words = Words::new(PATH, "Shared", "increment", Some("count"));
    if !is_isolated {
        words.props = "{\"key\":\"everybody\"}".to_owned();
    }
    words
}

#[cfg(test)]
mod tests {
    use fluxstack_live_cli::load::Latency;

    use super::*;
    use crate::results::Kind;

    #[test]
    fn of_files_it_is_megabytes_that_are_compared() {
        let line = Line {
            operations: 100,
            seconds: 2.0,
            server_cpu_us: Some(30.0),
            x: Some(5e6),
            ..Line::default()
        };
        let line = by_megabyte(line);
        // 100 steps in ten megabytes.
        assert_eq!((line.per_second, line.server_cpu_us, line.x), (5.0, Some(300.0), None));
    }

    #[test]
    fn what_the_engine_says_is_a_line_of_whoever_was_measured() {
        let latency = Some(Latency { p99: 7.0, ..Latency::default() });
        let outcome =
            Outcome { operations: 3, latency_us: latency, rss_before: Some(9), ..Outcome::default() };
        let line = line(&outcome, Server::SocketIo).unwrap();
        assert_eq!((&*line.server, line.kind, line.operations), ("socket.io", Kind::Peer, 3));
        assert_eq!((line.latency_us.unwrap().p99, line.rss_before), (7.0, Some(9.0)));
        assert!(!line.settings.is_empty());
    }
}
