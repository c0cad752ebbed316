//! The table of what is measured. Whoever wants another case adds a row; the page and the pictures follow.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::drive;
use super::servers::Server;
use super::shape::Shape;
use crate::peers::Peer;
use crate::results::Line;
use crate::results::curves::{CURVES, SCALING};

/// One thing that is measured.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) scenario: &'static str,
    pub(crate) name: String,
    pub(crate) shape: Shape,
    /// Who can do it.
    able: &'static [Server],
    /// How long is measured, after as much as is needed to warm up.
    pub(crate) seconds: f64,
    pub(crate) rounds: u32,
    /// Where it lies, if it is a point of a curve.
    pub(crate) x: Option<f64>,
}

const ALL: &[Server] = &Server::ALL;
const OURS: &[Server] = &[Server::Live];
/// Ours, and the floor that does the same.
const BESIDE_FLOOR: &[Server] = &[Server::Live, Server::Axum];
/// Those that are fast enough for it.
const FAST: &[Server] = &[Server::Live, Server::Axum, Server::Yawc, Server::Framed, Server::Ws];

const ROUNDS: u32 = 3;
/// Rounds of what is decided by the few calls that came while the machine was doing something else: two seconds have five
/// such moments or none, and the middle of three is chance. Peers take part in the first ones only.
const MANY: u32 = 9;
/// What a `--quick` case measures.
const QUICK: f64 = 0.7;

fn case(
    scenario: &'static str,
    name: impl Into<String>,
    shape: Shape,
    able: &'static [Server],
    seconds: f64,
) -> Case {
    Case { scenario, name: name.into(), shape, able, seconds, rounds: ROUNDS, x: None }
}

/// Everything.
fn table() -> Vec<Case> {
    let actions = |connections, in_flight, components| Shape::Actions { connections, in_flight, components };
    let mut cases = vec![
        case("actions", "64x1", actions(64, 1, 1), ALL, 1.2),
        case("actions", "64x16", actions(64, 16, 1), ALL, 1.2),
        case("actions", "1000x1", actions(1_000, 1, 1), ALL, 1.2),
        case("components", "1x100", actions(1, 16, 100), ALL, 1.0),
        case("room", "1000x1", Shape::Room { members: 1_000, in_flight: 1 }, ALL, 1.2),
        case("room", "1000x16", Shape::Room { members: 1_000, in_flight: 16 }, ALL, 1.2),
        case("shared", "1000", Shape::Shared { clients: 1_000, is_isolated: false }, OURS, 2.0),
        case("shared", "isolated", Shape::Shared { clients: 1_000, is_isolated: true }, OURS, 1.2),
        case("mount", "64x4", Shape::Mount { connections: 64, in_flight: 4 }, ALL, 1.2),
        // Memory does not move with the neighbours.
        Case {
            rounds: 1,
            ..case("idle", "10000x1", Shape::Idle { connections: 10_000, components: 1 }, ALL, 1.0)
        },
        Case {
            rounds: 1,
            ..case("idle", "10000x10", Shape::Idle { connections: 10_000, components: 10 }, ALL, 1.0)
        },
        Case {
            rounds: 1,
            ..case("idle", "100x100", Shape::Idle { connections: 100, components: 100 }, ALL, 0.5)
        },
        case("churn", "64", Shape::Churn { connections: 64 }, ALL, 1.2),
        Case {
            rounds: MANY,
            ..case("rate", "20000", Shape::Rate { connections: 500, per_second: 20_000 }, ALL, 2.0)
        },
        case("rate", "50000", Shape::Rate { connections: 500, per_second: 50_000 }, FAST, 2.0),
        case("storm", "1000", Shape::Storm { connections: 1_000 }, OURS, 2.0),
        case("slow", "0 of 100", Shape::Slow { clients: 100, slow: 0, per_second: 500 }, OURS, 1.2),
        case("slow", "20 of 100", Shape::Slow { clients: 100, slow: 20, per_second: 500 }, OURS, 1.2),
        case("big-state", "10000-bytes", Shape::State { connections: 16, bytes: 10_000 }, OURS, 1.0),
        case("big-state", "10000-rows", Shape::List { connections: 16, rows: 10_000 }, OURS, 1.0),
        case("uploads", "64-KiB", Shape::Uploads { connections: 4, chunk: 64 << 10 }, BESIDE_FLOOR, 0.8),
        case("uploads", "1-MiB", Shape::Uploads { connections: 4, chunk: 1 << 20 }, BESIDE_FLOOR, 0.8),
    ];
    for curve in &CURVES {
        for x in curve.points {
            let many = *x as usize;
            let shape = match curve.name {
                "components" => actions(4, 16, many),
                "connections" => actions(many, 4, 1),
                "state" => Shape::State { connections: 4, bytes: many },
                "list" => Shape::List { connections: 4, rows: many },
                _ => Shape::Room { members: many, in_flight: 16 },
            };
            let able = if curve.is_beside_floor { BESIDE_FLOOR } else { OURS };
            let point = case(SCALING, curve.case(*x), shape, able, 0.7);
            cases.push(Case { x: Some(f64::from(*x)), ..point });
        }
    }
    cases
}

/// What was asked for, by the names of scenarios; all, if nothing was.
pub(crate) fn chosen(scenarios: &[String], is_quick: bool) -> Result<Vec<Case>> {
    let mut cases = table();
    for scenario in scenarios {
        let mut known: Vec<&str> = cases.iter().map(|case| case.scenario).collect();
        known.dedup();
        ensure!(known.contains(&&**scenario), "there is no `{scenario}`; there are {}", known.join(", "));
    }
    cases.retain(|case| scenarios.is_empty() || scenarios.iter().any(|one| one == case.scenario));
    if is_quick {
        // A curve through one short round of each point says nothing, so it has to be asked for.
        cases.retain(|case| case.scenario != SCALING || !scenarios.is_empty());
        for case in &mut cases {
            (case.seconds, case.rounds) = (case.seconds.min(QUICK), 1);
        }
    }
    Ok(cases)
}

/// All cases in a round, then all in the next, so that an hour's drift is in every median; in each case another server begins.
pub(crate) fn order<'a>(cases: &'a [Case], servers: &[Server]) -> Vec<(&'a Case, Server, u32)> {
    let rounds = cases.iter().map(|case| case.rounds).max().unwrap_or_default();
    let mut order = Vec::new();
    for round in 1..=rounds {
        for case in cases.iter().filter(|case| case.rounds >= round) {
            let takes_part = |server: &Server| round <= ROUNDS || server.peer().is_none();
            let mut able: Vec<Server> = case.servers(servers).copied().filter(takes_part).collect();
            let turns = (round as usize - 1) % able.len().max(1);
            able.rotate_left(turns);
            order.extend(able.into_iter().map(|server| (case, server, round)));
        }
    }
    order
}

/// About how long it takes: what is measured, a warm-up, a server that starts, connections that are opened.
pub(crate) fn estimate(cases: &[Case], servers: &[Server]) -> Duration {
    let order = order(cases, servers);
    let each = order.iter().map(|(case, server, _)| {
        let start = if server.peer().is_some() { 0.6 } else { 0.1 };
        let opened = case.shape.connections() * (2 + case.shape.components());
        case.seconds * 1.25 + start + opened as f64 * 25e-6
    });
    Duration::from_secs_f64(each.sum())
}

impl Case {
    /// Who of them can do it.
    pub(crate) fn servers<'a>(&self, among: &'a [Server]) -> impl Iterator<Item = &'a Server> {
        let scenario = drive::scenario(self.shape);
        let can = move |peer: Peer| peer.can(scenario, self.shape.components());
        among.iter().filter(move |server| self.able.contains(server) && server.peer().is_none_or(can))
    }

    pub(crate) fn is_of(&self, line: &Line) -> bool {
        line.scenario == self.scenario && line.case == self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::aims::{AIMS, FLOOR, REACHABLE};
    use crate::results::sections::SECTIONS;

    #[test]
    fn everything_is_measured_in_twelve_minutes() {
        let estimate = estimate(&chosen(&[], false).unwrap(), &Server::ALL);
        assert!(estimate < Duration::from_secs(12 * 60), "{estimate:?}");
    }

    #[test]
    fn what_is_measured_is_on_the_page_and_what_is_aimed_at_is_measured() {
        let cases = table();
        for case in &cases {
            let is_known =
                case.scenario == SCALING || SECTIONS.iter().any(|one| one.scenario == case.scenario);
            assert!(is_known, "{} has no section", case.scenario);
        }
        for (scenario, name) in AIMS.iter().chain(&REACHABLE).flat_map(|aim| aim.cases()) {
            let is_measured = cases.iter().any(|case| (case.scenario, &*case.name) == (scenario, name));
            assert!(is_measured, "{scenario} {name} is aimed at and not measured");
        }
        for case in &cases {
            let same =
                cases.iter().filter(|other| (other.scenario, &other.name) == (case.scenario, &case.name));
            assert_eq!(same.count(), 1, "{} {}", case.scenario, case.name);
        }
    }

    #[test]
    fn what_is_held_to_the_floor_is_measured_beside_it() {
        for curve in &CURVES {
            let names: Vec<String> = curve.points.iter().map(|x| curve.case(*x)).collect();
            for case in table().iter().filter(|case| case.scenario == SCALING && names.contains(&case.name)) {
                let is_measured = case.servers(&Server::ALL).any(|server| server.name() == FLOOR);
                assert_eq!(is_measured, curve.is_beside_floor, "{}", case.name);
            }
        }
    }

    #[test]
    fn another_server_begins_each_round() {
        let cases = chosen(&["actions".to_owned()], false).unwrap();
        let order = order(&cases, &[Server::Live, Server::Axum, Server::Ws]);
        let begins: Vec<Server> = order
            .iter()
            .filter(|(case, ..)| case.name == "64x1")
            .step_by(3)
            .map(|(_, server, _)| *server)
            .collect();
        assert_eq!(begins, [Server::Live, Server::Axum, Server::Ws]);
        assert_eq!(order.len(), 27);
    }

    #[test]
    fn what_takes_many_rounds_takes_them_of_us_and_the_floors() {
        let cases = chosen(&["rate".to_owned()], false).unwrap();
        let order = order(&cases, &[Server::Live, Server::Axum, Server::Ws]);
        let count =
            |of| order.iter().filter(|(case, server, _)| case.name == "20000" && *server == of).count();
        assert_eq!([Server::Live, Server::Axum, Server::Ws].map(count), [9, 9, 3]);
    }

    #[test]
    fn what_does_not_exist_is_not_measured_silently() {
        assert!(
            chosen(&["action".to_owned()], false).unwrap_err().to_string().contains("actions, components")
        );
    }
}
