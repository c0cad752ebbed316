//! A great many simulated schedules, on every core there is: `cargo xtask sim`.
//!
//! `--schedules N` from `--seed S` on. Prints what was counted; if a promise was broken, also the seeds, what was
//! wrong with the first of them and what led to it, and exits with 1. `--twice` runs each seed again and compares
//! what happened, line by line and frame by frame.

#![allow(missing_docs, reason = "a program, not a library")]

#[path = "../tests/ledger/mod.rs"]
mod ledger;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use fluxstack_live::testing::sim::{Report, explore};

/// Seeds of failures that are printed.
const SHOWN: usize = 40;

struct Options {
    schedules: u64,
    seed: u64,
    twice: bool,
}

impl Options {
    fn read() -> Self {
        let mut options = Self { schedules: 10_000, seed: 1, twice: false };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || {
                let number = words.next().and_then(|text| text.parse().ok());
                number.unwrap_or_else(|| panic!("{word} wants a number"))
            };
            match word.as_str() {
                "--schedules" => options.schedules = number(),
                "--seed" => options.seed = number(),
                "--twice" => options.twice = true,
                // Cargo says this to every benchmark.
                "--bench" => {}
                _ => panic!("{word}? there are --schedules, --seed and --twice"),
            }
        }
        options
    }
}

/// Runs one seed; answers with what was counted, and with what was wrong, if anything was.
fn run(seed: u64, twice: bool) -> (Report, Option<String>) {
    let once = || {
        catch_unwind(AssertUnwindSafe(|| {
            let (trace, wrong) = (std::cell::RefCell::default(), std::cell::RefCell::default());
            let report = explore(1, seed, async |seed| {
                let (sim, found) = ledger::schedule(seed).await;
                if twice {
                    trace.replace(sim.trace());
                }
                wrong.replace(found.into_iter().next());
                sim.report()
            });
            (report, trace.into_inner(), wrong.into_inner())
        }))
    };
    // What did not come to its end has said why.
    let Ok((report, trace, wrong)) = once() else { return (Report::default(), Some("see above".to_owned())) };
    let trace: Vec<String> = trace;
    if twice && once().ok().is_none_or(|(_, again, _)| again != trace) {
        return (report, Some("did not happen twice in the same way".to_owned()));
    }
    (report, wrong)
}

fn main() -> ExitCode {
    let Options { schedules, seed: first, twice } = Options::read();
    let begun = Instant::now();
    let (next, all, failed) = (AtomicU64::new(first), Mutex::new(Report::default()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut mine = Report::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first.saturating_add(schedules) {
                        break;
                    }
                    let (report, wrong) = run(seed, twice);
                    mine.add(&report);
                    if let Some(wrong) = wrong {
                        failed.lock().expect("nobody panics with it").push((seed, wrong));
                    }
                }
                all.lock().expect("nobody panics with it").add(&mine);
            });
        }
    });
    let (report, mut failed) = (all.into_inner().expect("done"), failed.into_inner().expect("done"));
    println!("{report}");
    let seconds = begun.elapsed().as_secs_f64();
    println!("{:.0} schedules a second on {threads} cores, {seconds:.1} s", schedules as f64 / seconds);
    failed.sort_unstable();
    let Some((worst, _)) = failed.first() else { return ExitCode::SUCCESS };
    println!(
        "\n{} failed; to see the first again: cargo xtask sim --schedules 1 --seed {worst}",
        failed.len()
    );
    for (seed, wrong) in failed.iter().take(SHOWN) {
        println!("seed {seed}: {}", wrong.lines().next().unwrap_or_default());
    }
    // Says what led to it as it fails.
    let _ = catch_unwind(|| explore(1, *worst, ledger::flawless));
    ExitCode::FAILURE
}
