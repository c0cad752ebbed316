//! Many simulations, each from its own seed, until one fails.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::report::Report;

/// Runs `simulate` for so many seeds from `first_seed` on, each on a runtime of its own with its clock paused, and
/// adds up what they report. A panic is passed on after a line that says which seed it was.
///
/// ```
/// use fluxstack_live::Live;
/// use fluxstack_live::testing::sim::{Schedule, Sim, explore};
///
/// let report = explore(10, 1, async |seed| {
///     let sim = Sim::new(seed, Live::builder);
///     sim.play(&Schedule::random(seed), &[]).await;
///     sim.settle().await;
///     sim.assert_converged().await;
///     sim.report()
/// });
/// assert_eq!(report.schedules, 10);
/// ```
///
/// # Panics
/// If a simulation does.
pub fn explore(schedules: u64, first_seed: u64, simulate: impl AsyncFn(u64) -> Report) -> Report {
    let mut all = Report::default();
    for seed in first_seed..first_seed.saturating_add(schedules) {
        let simulated = catch_unwind(AssertUnwindSafe(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.expect("a runtime without sockets needs only memory").block_on(simulate(seed))
        }));
        match simulated {
            Ok(report) => all.add(&report),
            Err(panic) => {
                tracing::error!(seed, "a simulation failed");
                #[expect(clippy::print_stderr, reason = "whoever reads a failed test looks here")]
                {
                    eprintln!("seed {seed} failed; to see it again: explore(1, {seed}, …)");
                }
                resume_unwind(panic)
            }
        }
    }
    all
}
