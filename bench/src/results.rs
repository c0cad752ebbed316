//! What was measured, from the line of JSON each run of a case leaves to the page people read.
//!
//! `run` writes the lines, and everything here reads them: medians over rounds, ratios to a floor, aims, curves, the page.
//! Nothing here measures, and nothing on the page is typed by hand, so the page can be written again from the lines.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

pub(crate) mod aims;
pub(crate) mod curves;
pub(crate) mod fit;
pub(crate) mod numbers;
pub(crate) mod page;
pub(crate) mod sections;
pub(crate) mod summary;

/// What kind of server was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// What this repository makes.
    Ours,
    /// The same bytes, and nothing but them.
    Floor,
    /// Somebody else's framework.
    Peer,
}

/// How long things took, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

/// One server, one case, one round.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Line {
    /// Which run it belongs to, see [`Run`].
    pub(crate) run: String,
    pub(crate) scenario: String,
    pub(crate) case: String,
    pub(crate) server: String,
    pub(crate) kind: Kind,
    pub(crate) version: String,
    pub(crate) settings: String,
    pub(crate) round: u32,
    pub(crate) connections: u64,
    pub(crate) in_flight: u64,
    pub(crate) components: u64,
    pub(crate) operations: u64,
    pub(crate) seconds: f64,
    pub(crate) per_second: f64,
    pub(crate) server_cpu_us: Option<f64>,
    pub(crate) generator_busy: Option<f64>,
    pub(crate) latency_us: Option<Percentiles>,
    pub(crate) latency_corrected_us: Option<Percentiles>,
    pub(crate) rss_before: Option<f64>,
    pub(crate) rss_after: Option<f64>,
    pub(crate) rss_each: Option<f64>,
    pub(crate) rss_left: Option<f64>,
    pub(crate) bytes_in: Option<f64>,
    pub(crate) bytes_out: Option<f64>,
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) wrong: u64,
    pub(crate) x: Option<f64>,
    /// What else should be known to read the figures.
    pub(crate) notes: Vec<String>,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            run: String::new(),
            scenario: String::new(),
            case: String::new(),
            server: String::new(),
            kind: Kind::Ours,
            version: String::new(),
            settings: String::new(),
            round: 1,
            connections: 0,
            in_flight: 0,
            components: 0,
            operations: 0,
            seconds: 0.0,
            per_second: 0.0,
            server_cpu_us: None,
            generator_busy: None,
            latency_us: None,
            latency_corrected_us: None,
            rss_before: None,
            rss_after: None,
            rss_each: None,
            rss_left: None,
            bytes_in: None,
            bytes_out: None,
            lost: 0,
            doubled: 0,
            wrong: 0,
            x: None,
            notes: Vec::new(),
        }
    }
}

/// Where and when lines were made: the first line of each run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Run {
    /// Its beginning, which the lines name it by.
    pub(crate) begun: String,
    pub(crate) commit: String,
    pub(crate) command: String,
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    /// Bytes of memory.
    pub(crate) memory: u64,
    pub(crate) kernel: String,
    /// Where generator and server ran.
    pub(crate) pinned: String,
}

/// All that is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    pub(crate) runs: Vec<Run>,
    pub(crate) lines: Vec<Line>,
}

impl Results {
    /// Reads what was written; nothing, if nothing was.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text)
    }

    /// Reads lines: a line that begins a run says so.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut results = Self::default();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let read = if line.starts_with(r#"{"begun""#) {
                serde_json::from_str(line).map(|run| results.runs.push(run))
            } else {
                serde_json::from_str(line).map(|line| results.lines.push(line))
            };
            read.with_context(|| format!("line {} is none of ours", index + 1))?;
        }
        Ok(results)
    }

    /// Forgets what is about to be measured again, and the runs nothing is left of.
    pub(crate) fn forget(&mut self, is_measured_again: impl Fn(&Line) -> bool) {
        self.lines.retain(|line| !is_measured_again(line));
        self.runs.retain(|run| self.lines.iter().any(|line| line.run == run.begun));
    }

    /// Everything, as it is written: each run before its lines.
    pub(crate) fn text(&self) -> Result<String> {
        let mut text = String::new();
        for run in &self.runs {
            text.push_str(&serde_json::to_string(run)?);
            text.push('\n');
            for line in self.lines.iter().filter(|line| line.run == run.begun) {
                text.push_str(&serde_json::to_string(line)?);
                text.push('\n');
            }
        }
        Ok(text)
    }

    /// What must not be, whatever the machine.
    pub(crate) fn violations(&self) -> Vec<String> {
        let bad = self.lines.iter().filter(|line| line.lost + line.doubled + line.wrong > 0);
        let said = bad.map(|line| {
            let Line { scenario, case, server, round, lost, doubled, wrong, .. } = line;
            format!(
                "{scenario} {case}, {server}, round {round}: {lost} lost, {doubled} doubled, {wrong} wrong"
            )
        });
        said.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = concat!(
        r#"{"begun":"then","commit":"c","command":"x","cpu":"p","cores":2,"memory":1,"kernel":"k","pinned":""}"#,
        "\n",
        r#"{"run":"then","scenario":"actions","case":"64x1","server":"live","kind":"ours","lost":1}"#,
        "\n",
        r#"{"run":"then","scenario":"room","case":"16","server":"axum","kind":"floor","later":true}"#,
        "\n",
    );

    #[test]
    fn what_is_written_is_read_again() {
        let read = Results::parse(TEXT).unwrap();
        let again = Results::parse(&read.text().unwrap()).unwrap();
        assert_eq!((again.runs.len(), again.lines.len()), (1, 2));
        assert_eq!(again.runs, read.runs);
        assert_eq!(again.lines[1].kind, Kind::Floor);
        assert!(Results::parse("{\"scenario\":7}").is_err());
    }

    #[test]
    fn what_is_measured_again_takes_the_place_of_what_was() {
        let mut results = Results::parse(TEXT).unwrap();
        results.forget(|line| line.scenario == "actions");
        assert_eq!((results.runs.len(), results.lines.len()), (1, 1));
        results.forget(|line| line.scenario == "room");
        assert_eq!((results.runs.len(), results.lines.len()), (0, 0));
    }

    #[test]
    fn what_was_lost_is_named() {
        let violations = Results::parse(TEXT).unwrap().violations();
        assert_eq!(violations, ["actions 64x1, live, round 1: 1 lost, 0 doubled, 0 wrong"]);
    }
}
