//! Instructions of one thing the server does, counted by valgrind's callgrind.
//!
//! The benchmark does it N times and 2 N times; the difference is N of it, and what the program takes to begin and
//! to end is in neither. Both runs go at once where there are two cores: instructions do not care who else runs.
//! Nothing of callgrind's own output is kept, only the sum it prints.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::figures::{Costs, Number};
use crate::run::answer;

/// What such a figure is called.
pub(super) const FIGURE: &str = "instructions";

/// Percent a number may move where nobody has written another tolerance beside it. By itself none moves by more than
/// 0.3 % (`--spread`); the rest is for what a change elsewhere does to what the compiler inlines.
const TOLERANCE: u64 = 2;

/// Counts every case the benchmark has.
pub(super) fn measure(bench: &Path) -> Result<Costs> {
    let cases = answer(Command::new(bench).arg("--cases")).context("the benchmark names no cases")?;
    let mut costs = Costs::default();
    for line in cases.lines() {
        let case = Case::read(line).with_context(|| format!("{line:?} is no case"))?;
        let (once, twice) = (count(bench, &case, 1)?, count(bench, &case, 2)?);
        let (once, twice) = (collected(once)?, collected(twice)?);
        ensure!(twice > once, "{}: twice the rounds took {twice} instructions, and once {once}", case.name);
        let each = (twice - once) as f64 / (case.rounds * case.each) as f64;
        // A part of an instruction is none; below ten it would be a digit that shows what moved.
        costs.set(&case.name, FIGURE, Number::new(each.round()).within(TOLERANCE));
        println!("{} {FIGURE}={}", case.name, each.round());
    }
    Ok(costs)
}

/// What the benchmark says it can do.
struct Case {
    name: String,
    /// How often a round does it.
    each: u64,
    rounds: u64,
}

impl Case {
    /// Reads `action each=1 rounds=1000`.
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let name = words.next()?.to_owned();
        let mut number = |name| words.next()?.strip_prefix(name)?.strip_prefix('=')?.parse().ok();
        let (each, rounds) = (number("each")?, number("rounds")?);
        (each > 0 && rounds > 0).then_some(Self { name, each, rounds })
    }
}

fn count(bench: &Path, case: &Case, times: u64) -> Result<Child> {
    Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(bench)
        .args(["--instructions", &case.name, "--rounds", &(case.rounds * times).to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start valgrind")
}

fn collected(run: Child) -> Result<u64> {
    let output = run.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed ({}):\n{said}", output.status);
    sum(&said).with_context(|| format!("valgrind did not say what it collected:\n{said}"))
}

/// The number in `==123== Collected : 126635`.
fn sum(said: &str) -> Option<u64> {
    let (_, rest) = said.rsplit_once("Collected :")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_found_in_what_callgrind_says() {
        let said = "==8== Callgrind, a call-graph profiler\n==8== \n==8== Events    : Ir\n==8== Collected : 126635\n\
                    ==8== \n==8== I   refs:      126,635\n";
        assert_eq!(sum(said), Some(126_635));
        assert_eq!(sum("==8== Collected : \n"), None);
        assert_eq!(sum("valgrind: no such tool"), None);
    }

    #[test]
    fn a_case_says_how_often_it_does_what() {
        let case = Case::read("action_of_16_in_a_frame each=16 rounds=100").unwrap();
        assert_eq!((case.name.as_str(), case.each, case.rounds), ("action_of_16_in_a_frame", 16, 100));
        for line in ["", "action", "action each=1", "action each=0 rounds=1", "action rounds=1 each=1"] {
            assert!(Case::read(line).is_none(), "{line:?} was read");
        }
    }
}
