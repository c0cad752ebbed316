//! What this server wants to reach on a machine with two cores, and whether it does. Said, and never insisted on: a run
//! fails for what was lost, not for what was slow.

use super::numbers::{bytes, short, time, times};
use super::summary::{Measure, Summary};

/// Ours, and the floor that ratios are to: a server on the same socket library.
pub(crate) const OURS: &str = "live";
pub(crate) const FLOOR: &str = "axum";

/// Something to reach.
pub(crate) struct Aim {
    /// What is measured.
    what: &'static str,
    scenario: &'static str,
    case: &'static str,
    bound: Bound,
}

/// When it is reached.
enum Bound {
    /// At most so many times what the floor has in the same run.
    OfFloor(Measure, f64),
    /// At most.
    Most(Measure, f64),
    /// At least.
    Least(Measure, f64),
    /// What the case takes more than another case, for each of so many that it has more.
    Further { fewer: &'static str, more: f64, most: f64 },
    /// Less than so many times what another case has in a second.
    Below { other: &'static str, most: f64 },
}

/// An aim beside what was measured.
#[derive(Debug, PartialEq)]
pub(crate) struct Judged {
    pub(crate) what: &'static str,
    pub(crate) aim: String,
    /// What was measured; none if it was not.
    pub(crate) ours: Option<String>,
    /// What the floor has, where that is what is compared with.
    pub(crate) floor: Option<String>,
    pub(crate) is_reached: Option<bool>,
}

/// The aims of the project, as they were set before anything was measured.
pub(crate) const AIMS: [Aim; 12] = [
    Aim {
        what: "server CPU per action, 64 connections × 1 in flight",
        scenario: "actions",
        case: "64x1",
        bound: Bound::OfFloor(Measure::Cpu, 1.3),
    },
    Aim {
        what: "server CPU per action, 64 × 16 in flight",
        scenario: "actions",
        case: "64x16",
        bound: Bound::OfFloor(Measure::Cpu, 1.5),
    },
    Aim {
        what: "server CPU per delivery, one sender to 1,000 members, 16 in flight",
        scenario: "room",
        case: "1000x16",
        bound: Bound::OfFloor(Measure::Cpu, 1.1),
    },
    Aim {
        what: "signed mounts a second",
        scenario: "mount",
        case: "64x4",
        bound: Bound::Least(Measure::PerSecond, 60_000.0),
    },
    Aim {
        what: "memory of an idle connection with a component",
        scenario: "idle",
        case: "10000x1",
        bound: Bound::Most(Measure::Each, 8_000.0),
    },
    Aim {
        what: "memory of each further component",
        scenario: "idle",
        case: "10000x10",
        bound: Bound::Further { fewer: "10000x1", more: 9.0, most: 2_500.0 },
    },
    Aim {
        what: "memory of a connection with 100 components",
        scenario: "idle",
        case: "100x100",
        bound: Bound::Most(Measure::Each, 300_000.0),
    },
    Aim {
        what: "connect, mount, disconnect cycles a second",
        scenario: "churn",
        case: "64",
        bound: Bound::Least(Measure::PerSecond, 9_000.0),
    },
    Aim {
        what: "memory that each such cycle leaves behind",
        scenario: "churn",
        case: "64",
        bound: Bound::Most(Measure::Left, 10.0),
    },
    Aim {
        what: "p99 at a fixed 20,000 actions a second over 500 connections",
        scenario: "rate",
        case: "20000",
        bound: Bound::OfFloor(Measure::P99, 2.0),
    },
    Aim {
        what: "actions a second of one shared instance, 1,000 clients acting",
        scenario: "shared",
        case: "1000",
        bound: Bound::Least(Measure::PerSecond, 5_000.0),
    },
    Aim {
        what: "the same clients each with an instance of their own, over sharing one",
        scenario: "shared",
        case: "1000",
        bound: Bound::Below { other: "isolated", most: 5.0 },
    },
];

/// What the best of the floors showed to be within reach of a framework on such a machine; nobody promised it.
pub(crate) const REACHABLE: [Aim; 6] = [
    Aim {
        what: "actions a second, 64 × 16 in flight",
        scenario: "actions",
        case: "64x16",
        bound: Bound::Least(Measure::PerSecond, 900_000.0),
    },
    Aim {
        what: "deliveries a second, 1,000 members, 16 in flight",
        scenario: "room",
        case: "1000x16",
        bound: Bound::Least(Measure::PerSecond, 1_500_000.0),
    },
    Aim {
        what: "signed mounts a second",
        scenario: "mount",
        case: "64x4",
        bound: Bound::Least(Measure::PerSecond, 250_000.0),
    },
    Aim {
        what: "memory of an idle connection with a component",
        scenario: "idle",
        case: "10000x1",
        bound: Bound::Most(Measure::Each, 1_800.0),
    },
    Aim {
        what: "memory of each further component",
        scenario: "idle",
        case: "10000x10",
        bound: Bound::Further { fewer: "10000x1", more: 9.0, most: 350.0 },
    },
    Aim {
        what: "p99 at a fixed 50,000 actions a second",
        scenario: "rate",
        case: "50000",
        bound: Bound::Most(Measure::P99, 1_000.0),
    },
];

impl Aim {
    /// What has to be measured to judge it: scenarios and cases.
    #[cfg(test)]
    pub(crate) fn cases(&self) -> Vec<(&'static str, &'static str)> {
        let other = match self.bound {
            Bound::Further { fewer: other, .. } | Bound::Below { other, .. } => Some(other),
            Bound::OfFloor(..) | Bound::Most(..) | Bound::Least(..) => None,
        };
        std::iter::once(self.case).chain(other).map(|case| (self.scenario, case)).collect()
    }

    /// Holds what was measured against it.
    pub(crate) fn judge(&self, summary: &Summary<'_>) -> Judged {
        let (scenario, case) = (self.scenario, self.case);
        let of = |server, measure| summary.median(scenario, case, server, measure);
        let mut judged =
            Judged { what: self.what, aim: String::new(), ours: None, floor: None, is_reached: None };
        match self.bound {
            Bound::OfFloor(measure, most) => {
                let (ours, floor) = (of(OURS, measure), of(FLOOR, measure));
                judged.aim = format!("at most {most} × axum's");
                judged.floor = floor.map(|floor| said(measure, floor));
                let ratio = ours.zip(floor).map(|(ours, floor)| (ours, ours / floor));
                judged.ours =
                    ratio.map(|(ours, ratio)| format!("{} ({})", said(measure, ours), times(ratio)));
                judged.is_reached = ratio.map(|(_, ratio)| ratio <= most);
            }
            Bound::Most(measure, most) => {
                judged.aim = format!("at most {}", said(measure, most));
                judged.ours = of(OURS, measure).map(|ours| said(measure, ours));
                judged.floor = of(FLOOR, measure).map(|floor| said(measure, floor));
                judged.is_reached = of(OURS, measure).map(|ours| ours <= most);
            }
            Bound::Least(measure, least) => {
                judged.aim = format!("at least {}", said(measure, least));
                judged.ours = of(OURS, measure).map(|ours| said(measure, ours));
                judged.floor = of(FLOOR, measure).map(|floor| said(measure, floor));
                judged.is_reached = of(OURS, measure).map(|ours| ours >= least);
            }
            Bound::Further { fewer, more, most } => {
                let further = |server| {
                    let before = summary.median(scenario, fewer, server, Measure::Each)?;
                    Some((of(server, Measure::Each)? - before) / more)
                };
                judged.aim = format!("at most {}", bytes(most));
                judged.ours = further(OURS).map(bytes);
                judged.floor = further(FLOOR).map(bytes);
                judged.is_reached = further(OURS).map(|ours| ours <= most);
            }
            Bound::Below { other, most } => {
                let beside = summary.median(scenario, other, OURS, Measure::PerSecond);
                let ratio = beside.zip(of(OURS, Measure::PerSecond)).map(|(beside, ours)| beside / ours);
                judged.aim = format!("below {most}×");
                judged.ours = ratio.map(times);
                judged.is_reached = ratio.map(|ratio| ratio < most);
            }
        }
        judged
    }
}

/// A figure with its unit.
pub(crate) fn said(measure: Measure, value: f64) -> String {
    match measure {
        Measure::Cpu => format!("{} µs", short(value)),
        Measure::P50 | Measure::P99 | Measure::P999 => time(value),
        Measure::Each | Measure::Left => bytes(value),
        Measure::PerSecond => short(value),
        Measure::Busy => format!("{:.0} %", value * 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Line};
    use super::*;

    fn line(scenario: &str, case: &str, server: &str, value: f64) -> Line {
        Line {
            scenario: scenario.to_owned(),
            case: case.to_owned(),
            server: server.to_owned(),
            kind: if server == OURS { Kind::Ours } else { Kind::Floor },
            per_second: value,
            server_cpu_us: Some(value),
            rss_each: Some(value),
            ..Line::default()
        }
    }

    fn check(lines: &[Line], what: &str, is_reached: Option<bool>) {
        let summary = Summary::new(lines);
        let aim = AIMS.iter().find(|aim| aim.what.starts_with(what)).unwrap();
        let judged = aim.judge(&summary);
        assert_eq!(judged.is_reached, is_reached, "{judged:?}");
    }

    #[test]
    fn an_aim_that_is_a_ratio_is_held_to_the_floor_of_the_same_run() {
        let floor = line("actions", "64x1", FLOOR, 10.0);
        let what = "server CPU per action, 64 connections";
        check(&[floor.clone(), line("actions", "64x1", OURS, 13.0)], what, Some(true));
        check(&[floor.clone(), line("actions", "64x1", OURS, 13.1)], what, Some(false));
        check(&[line("actions", "64x1", OURS, 1.0)], what, None);
    }

    #[test]
    fn an_aim_that_is_a_number_needs_no_floor() {
        check(&[line("mount", "64x4", OURS, 60_000.0)], "signed mounts", Some(true));
        check(&[line("mount", "64x4", OURS, 59_999.0)], "signed mounts", Some(false));
        check(&[line("idle", "10000x1", OURS, 8_001.0)], "memory of an idle", Some(false));
    }

    #[test]
    fn a_further_component_is_what_ten_take_more_than_one() {
        let one = line("idle", "10000x1", OURS, 7_000.0);
        check(&[one.clone(), line("idle", "10000x10", OURS, 29_500.0)], "memory of each further", Some(true));
        check(&[one, line("idle", "10000x10", OURS, 29_600.0)], "memory of each further", Some(false));
    }

    #[test]
    fn sharing_is_compared_with_being_alone() {
        let (shared, isolated) =
            (line("shared", "1000", OURS, 100.0), line("shared", "isolated", OURS, 499.0));
        check(&[shared.clone(), isolated], "the same clients", Some(true));
        check(&[shared, line("shared", "isolated", OURS, 500.0)], "the same clients", Some(false));
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let summary = Summary::new(&[]);
        for aim in AIMS.iter().chain(&REACHABLE) {
            let judged = aim.judge(&summary);
            assert_eq!((judged.ours, judged.is_reached), (None, None), "{}", judged.what);
        }
    }
}
