//! Rounds into figures: the median, and how far the rounds were apart.

use super::{Kind, Line, Percentiles};

/// What is read off a line. An operation is what the scenario says it is: an action, a delivery, a mount, a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Microseconds the server computed for an operation, the kernel on its behalf included.
    Cpu,
    /// Operations a second.
    PerSecond,
    /// The half of all operations took at most this, in microseconds.
    P50,
    /// 99 of 100 operations took at most this, from when they were due, in microseconds.
    P99,
    /// 999 of 1,000.
    P999,
    /// Bytes of memory each of what there is many of takes.
    Each,
    /// Bytes of memory that an operation leaves behind.
    Left,
    /// The share of a core that the generator used.
    Busy,
}

impl Measure {
    /// What one line says of it.
    pub(crate) fn of(self, line: &Line) -> Option<f64> {
        // What was asked for late counts from when it was due.
        let latency = || line.latency_corrected_us.or(line.latency_us);
        match self {
            Self::Cpu => line.server_cpu_us,
            Self::PerSecond => (line.per_second > 0.0).then_some(line.per_second),
            Self::P50 => latency().map(|latency| latency.p50),
            Self::P99 => latency().map(|latency| latency.p99),
            Self::P999 => latency().map(|latency| latency.p999),
            // Which of the two it is, is the scenario's to say.
            Self::Each | Self::Left => line.rss_each,
            Self::Busy => line.generator_busy,
        }
    }
}

/// A figure of several rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) rounds: usize,
}

/// All rounds of one server in one case.
pub(crate) struct Measured<'a> {
    pub(crate) server: &'a str,
    pub(crate) kind: Kind,
    pub(crate) lines: Vec<&'a Line>,
}

impl Measured<'_> {
    /// The figure, if any round has it.
    pub(crate) fn figure(&self, measure: Measure) -> Option<Figure> {
        let mut values: Vec<f64> = self.lines.iter().filter_map(|line| measure.of(line)).collect();
        values.sort_unstable_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        Some(Figure { median: middle(&values)?, least, most, rounds: values.len() })
    }

    pub(crate) fn median(&self, measure: Measure) -> Option<f64> {
        self.figure(measure).map(|figure| figure.median)
    }

    /// The percentiles of the round in the middle by its p99.
    pub(crate) fn percentiles(&self) -> Option<Percentiles> {
        let rounds = self.lines.iter().filter_map(|line| line.latency_corrected_us.or(line.latency_us));
        let mut rounds: Vec<Percentiles> = rounds.collect();
        rounds.sort_unstable_by(|one, other| one.p99.total_cmp(&other.p99));
        rounds.get(rounds.len() / 2).copied()
    }

    pub(crate) fn x(&self) -> Option<f64> {
        self.lines.first()?.x
    }
}

/// Lines by scenario, case and server; cases in the order in which they were first seen.
pub(crate) struct Summary<'a> {
    cases: Vec<Entry<'a>>,
}

/// Everybody who was measured in a case.
struct Entry<'a> {
    scenario: &'a str,
    case: &'a str,
    servers: Vec<Measured<'a>>,
}

impl<'a> Summary<'a> {
    pub(crate) fn new(lines: &'a [Line]) -> Self {
        let mut cases: Vec<Entry<'a>> = Vec::new();
        for line in lines {
            let found = cases.iter().position(|one| one.scenario == line.scenario && one.case == line.case);
            let place = found.unwrap_or_else(|| {
                cases.push(Entry { scenario: &line.scenario, case: &line.case, servers: Vec::new() });
                cases.len() - 1
            });
            let servers = &mut cases[place].servers;
            match servers.iter_mut().find(|one| one.server == line.server) {
                Some(known) => known.lines.push(line),
                None => servers.push(Measured { server: &line.server, kind: line.kind, lines: vec![line] }),
            }
        }
        for entry in &mut cases {
            // Ours, then what it is held to, then the others; rounds begin with another one each time.
            entry.servers.sort_by_key(|one| (one.kind as u8, one.server));
        }
        Self { cases }
    }

    /// The cases of a scenario.
    pub(crate) fn cases(&self, scenario: &str) -> Vec<&'a str> {
        self.cases.iter().filter(|one| one.scenario == scenario).map(|one| one.case).collect()
    }

    /// Who was measured in a case.
    pub(crate) fn servers(&self, scenario: &str, case: &str) -> &[Measured<'a>] {
        let found = self.cases.iter().find(|one| one.scenario == scenario && one.case == case);
        found.map_or(&[], |entry| &entry.servers)
    }

    pub(crate) fn server(&self, scenario: &str, case: &str, server: &str) -> Option<&Measured<'a>> {
        self.servers(scenario, case).iter().find(|one| one.server == server)
    }

    pub(crate) fn median(&self, scenario: &str, case: &str, server: &str, measure: Measure) -> Option<f64> {
        self.server(scenario, case, server)?.median(measure)
    }
}

/// The middle of what is sorted; between the two that are there when they are even.
fn middle(values: &[f64]) -> Option<f64> {
    let (half, last) = (values.len() / 2, values.len().checked_sub(1)? / 2);
    Some((values[half] + values[last]) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(server: &str, kind: Kind, cpu: f64) -> Line {
        let (scenario, case, server) = ("actions".to_owned(), "64x1".to_owned(), server.to_owned());
        Line { scenario, case, server, kind, server_cpu_us: Some(cpu), ..Line::default() }
    }

    #[test]
    fn a_figure_is_the_median_of_its_rounds_and_says_how_far_they_were_apart() {
        let lines = [3.0, 1.0, 9.0].map(|cpu| line("live", Kind::Ours, cpu));
        let summary = Summary::new(&lines);
        let figure = summary.server("actions", "64x1", "live").unwrap().figure(Measure::Cpu).unwrap();
        assert_eq!(figure, Figure { median: 3.0, least: 1.0, most: 9.0, rounds: 3 });
        assert_eq!(middle(&[1.0, 2.0]), Some(1.5));
        assert_eq!(middle(&[]), None);
    }

    #[test]
    fn ours_comes_first_whoever_began_the_round() {
        let lines =
            [line("ws", Kind::Peer, 1.0), line("axum", Kind::Floor, 1.0), line("live", Kind::Ours, 1.0)];
        let summary = Summary::new(&lines);
        let names: Vec<&str> = summary.servers("actions", "64x1").iter().map(|one| one.server).collect();
        assert_eq!(names, ["live", "axum", "ws"]);
    }

    #[test]
    fn what_was_asked_for_late_counts_from_when_it_was_due() {
        let (early, late) = (Percentiles::default(), Percentiles { p99: 7.0, ..Percentiles::default() });
        let line = Line { latency_us: Some(early), latency_corrected_us: Some(late), ..Line::default() };
        assert_eq!(Measure::P99.of(&line), Some(7.0));
    }
}
