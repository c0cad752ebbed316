//! What came of a run: one flat line of JSON, which the bench reads again, and people read as a table.
//!
//! What a figure means is said here and in `docs/load.md`, and does not change.

use serde::{Deserialize, Serialize};

use super::crew::Window;

/// The result of one scenario on one server. What was not measured is `null`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// What was done.
    pub scenario: String,
    /// How much of it, such as `64x16`.
    pub case: String,
    /// To which server.
    pub server: String,
    /// `ours`, `floor` or `peer`.
    pub kind: String,
    /// The server's version.
    pub version: String,
    /// Its settings that are not its defaults.
    pub settings: String,
    /// Which repetition, from 1.
    pub round: u32,
    /// Open at once.
    pub connections: usize,
    /// Unanswered at once, of each connection.
    pub in_flight: usize,
    /// Mounted on each connection.
    pub components: usize,
    /// Done within the measured window.
    pub operations: u64,
    /// How long the window was.
    pub seconds: f64,
    /// Operations a second.
    pub per_second: f64,
    /// Processor time of the server for each operation, that of the kernel on its behalf included; microseconds.
    pub server_cpu_us: Option<f64>,
    /// Share of a core that the generator used. Above 0.95 it was the limit, and not the server. Where a schedule is
    /// kept by watching the clock, the time in which nothing was due does not count.
    pub generator_busy: Option<f64>,
    /// From when it was sent until its answer was read.
    pub latency_us: Option<Latency>,
    /// From when it should have been sent: what a user would have waited. Only where there is a schedule.
    pub latency_corrected_us: Option<Latency>,
    /// Bytes of the server in memory before.
    pub rss_before: Option<u64>,
    /// And after.
    pub rss_after: Option<u64>,
    /// Their difference for each of what the scenario opens.
    pub rss_each: Option<f64>,
    /// Bytes of the server in memory after all that the scenario opened was closed again, where that is looked at.
    pub rss_left: Option<u64>,
    /// Bytes read from the server's sockets in the window.
    pub bytes_in: u64,
    /// Bytes written to them.
    pub bytes_out: u64,
    /// Never answered, or never told.
    pub lost: u64,
    /// Answered, or told, more than once.
    pub doubled: u64,
    /// Out of order, counted wrongly, or against a promise of the protocol.
    pub wrong: u64,
    /// The abscissa, where this is a point of a curve.
    pub x: Option<f64>,
    /// What else should be known to read the figures, in sentences: the generator was the limit, memory grew.
    pub notes: Vec<String>,
}

/// The note about whoever had no time to spare: it says something of the machine, and nothing of the server.
pub const BUSY: &str = "the generator was busy all the time: this is how fast it is, not the server";

impl Outcome {
    /// Whether nothing was lost, doubled or wrong.
    pub fn is_right(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.wrong == 0
    }

    /// Fills in what was measured around the window, for this many operations in it.
    pub fn cost(&mut self, operations: u64, window: &Window) {
        let seconds = window.length.as_secs_f64();
        self.operations = operations;
        self.per_second = operations as f64 / seconds.max(f64::MIN_POSITIVE);
        self.server_cpu_us = window
            .worked
            .filter(|_| operations > 0)
            .map(|worked| worked.as_secs_f64() * 1e6 / operations as f64);
        self.generator_busy = window.own.map(|own| own.as_secs_f64() / seconds.max(f64::MIN_POSITIVE));
        (self.rss_before, self.rss_after) = window.rss.unzip();
    }

    /// As one line.
    ///
    /// # Errors
    ///
    /// A figure is one that JSON has no words for, which none of ours is.
    pub fn line(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// What so many of them stayed under, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of them.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// All but one of a hundred.
    pub p99: f64,
    /// All but one of a thousand.
    pub p999: f64,
    /// All.
    pub max: f64,
}
