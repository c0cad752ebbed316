//! A great many simulated schedules of calls, cuts, crashes and deployments.
//!
//! The benchmark of that name runs them on every core and says what was wrong with the first that failed, and
//! which seed brings it back. Here is only how many: what CI runs takes seconds, a night's worth is a million.

use anyhow::{Result, ensure};

use crate::run::{cargo, transcript};

/// How many schedules, and which.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many schedules
    #[arg(long, default_value_t = 10_000)]
    schedules: u64,
    /// The seed of the first; each next one has the next
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run each seed twice, and compare what happened
    #[arg(long)]
    twice: bool,
}

/// Runs them.
pub(crate) fn sim(options: &Options) -> Result<()> {
    let Options { schedules, seed, twice } = options;
    let mut bench = cargo();
    bench.args(["bench", "-p", "fluxstack-live", "--bench", "sim", "--"]);
    bench.args(["--schedules", &schedules.to_string(), "--seed", &seed.to_string()]);
    bench.args(twice.then_some("--twice"));
    let (status, lines) = transcript(&mut bench)?;
    ensure!(status.success(), "a schedule failed; above is which, and why");
    ensure!(done(&lines) == Some(*schedules), "the benchmark did not run what it was asked to");
    Ok(())
}

/// What CI runs.
pub(crate) fn few() -> Result<()> {
    sim(&Options { schedules: 10_000, seed: 1, twice: false })
}

/// How many schedules came to their end.
fn done(lines: &[String]) -> Option<u64> {
    lines.iter().find_map(|line| line.strip_prefix("schedules")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_in_the_report() {
        let report = ["running", "schedules     10000", "calls         3: acknowledged 3"];
        assert_eq!(done(&report.map(str::to_owned)), Some(10_000));
        assert_eq!(done(&["schedules".to_owned()]), None);
    }
}
