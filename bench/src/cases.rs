//! What is measured. Each case has servers of its own, so that none inherits what another left behind.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::child::Child;
use crate::crowd::{Coming, Crowd};
use crate::report::Report;
use crate::serve::Role;

mod fan_out;
mod ratio;
mod room;
mod stalled;

pub(crate) use fan_out::fan_out;
pub(crate) use ratio::ratio;
pub(crate) use room::room;
pub(crate) use stalled::stalled;

/// How much of it, and where.
#[derive(Clone)]
pub(crate) struct Scale {
    pub(crate) clients: usize,
    /// How long the room of the first case is kept busy.
    pub(crate) room: Duration,
    /// How long a round of one of two things that are compared takes.
    pub(crate) round: Duration,
    /// How often they take turns.
    pub(crate) rounds: usize,
    pub(crate) core: Option<usize>,
}

impl Scale {
    fn start(&self, role: Role) -> Result<Child> {
        Child::start(role, self.core, None)
    }

    fn coming(&self, text: &str) -> Coming {
        Coming { clients: self.clients, receive_buffer: None, text: text.to_owned(), is_private: false }
    }
}

/// Says what was lost, doubled or out of order.
fn judge(case: &str, crowd: &Crowd, report: &mut Report) {
    let record = crowd.record.borrow();
    if record.faults > 0 {
        let shown = record.shown.join("\n  ");
        report.wrong.push(format!(
            "{case}: {} times something was lost, doubled or out of order:\n  {shown}",
            record.faults
        ));
    }
}

/// The middle one.
fn median(mut values: Vec<f64>) -> Result<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().context("nothing was measured")
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
