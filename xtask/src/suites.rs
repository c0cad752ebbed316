//! Every suite there is, in the order in which a mistake is found soonest.
//!
//! `test` runs them all and counts; `ci` stops at the first that fails. A suite that is one check
//! counts as one test. Output of what they run goes straight through.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::counts::{self, Counts};
use crate::run::{cargo, npm, program, scratch, status, transcript};
use crate::{costs, demo, kill, page, setup, sim, tidy, types, uploads};

/// Something that passes or fails.
struct Suite {
    name: &'static str,
    /// Part of `ci --fast`.
    fast: bool,
    /// Whether a filter that names no suite selects tests in it.
    filters: bool,
    run: fn(Option<&str>) -> Result<Outcome>,
}

enum Outcome {
    Ran(Counts),
    NotRun(&'static str),
}

const SUITES: [Suite; 15] = [
    Suite { name: "fmt", fast: true, filters: false, run: fmt },
    Suite { name: "lint", fast: true, filters: false, run: lint },
    Suite { name: "tidy", fast: true, filters: false, run: rules },
    Suite { name: "build", fast: false, filters: false, run: build },
    Suite { name: "types", fast: true, filters: false, run: types },
    Suite { name: "clippy", fast: true, filters: false, run: clippy },
    Suite { name: "rust", fast: false, filters: true, run: rust },
    Suite { name: "packages", fast: false, filters: true, run: packages },
    Suite { name: "e2e", fast: false, filters: true, run: browser },
    Suite { name: "sim", fast: false, filters: false, run: simulated },
    Suite { name: "kill", fast: false, filters: false, run: killed },
    Suite { name: "uploads", fast: false, filters: false, run: sent },
    Suite { name: "costs", fast: false, filters: false, run: cost },
    Suite { name: "size", fast: false, filters: false, run: size },
    Suite { name: "deny", fast: false, filters: false, run: deny },
];

/// Runs all suites, or those a filter selects, and counts.
///
/// The last line is `N passed, N failed`, for people and for scripts.
pub(crate) fn test(filter: Option<&str>) -> Result<ExitCode> {
    let named = filter.is_some_and(|filter| SUITES.iter().any(|suite| suite.name == filter));
    let chosen: Vec<&Suite> = SUITES
        .iter()
        .filter(|suite| match filter {
            None => true,
            Some(filter) if named => suite.name == filter,
            Some(_) => suite.filters,
        })
        .collect();
    let rows = run(&chosen, filter.filter(|_| !named), false);
    table(&rows);
    let mut sum = Counts::default();
    for Row { name, outcome, .. } in rows {
        if let Outcome::Ran(counts) = outcome {
            // Thousands of lines away from what they said, and whoever is sent the end wants to know which.
            counts.names.iter().for_each(|test| println!("failed: {name}: {test}"));
            sum += counts;
        }
    }
    println!("{} passed, {} failed", sum.passed, sum.failed);
    Ok(if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the suites and stops at the first that fails.
pub(crate) fn ci(fast: bool) -> Result<ExitCode> {
    let chosen: Vec<&Suite> = SUITES.iter().filter(|suite| suite.fast || !fast).collect();
    let rows = run(&chosen, None, true);
    table(&rows);
    let failed = rows.iter().find(|row| row.failed());
    if let Some(row) = failed {
        bail!("{} failed", row.name);
    }
    Ok(ExitCode::SUCCESS)
}

struct Row {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

impl Row {
    fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Ran(Counts { failed: 1.., .. }))
    }
}

fn run(suites: &[&Suite], filter: Option<&str>, stop: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for suite in suites {
        println!("\n=== {}", suite.name);
        let begun = Instant::now();
        // A suite that cannot even start has failed; the others still have something to say.
        let outcome = (suite.run)(filter).unwrap_or_else(|error| {
            println!("{}: {error:#}", suite.name);
            Outcome::Ran(Counts::check(false))
        });
        rows.push(Row { name: suite.name, outcome, took: begun.elapsed() });
        if stop && rows.last().is_some_and(Row::failed) {
            break;
        }
    }
    rows
}

fn table(rows: &[Row]) {
    println!("\n{:<10} {:>7} {:>7} {:>8} {:>8}", "suite", "passed", "failed", "skipped", "seconds");
    for Row { name, outcome, took } in rows {
        match outcome {
            Outcome::Ran(Counts { passed, failed, skipped, .. }) => {
                println!("{name:<10} {passed:>7} {failed:>7} {skipped:>8} {:>8.1}", took.as_secs_f64());
            }
            Outcome::NotRun(why) => println!("{name:<10} not run: {why}"),
        }
    }
}

/// One command that is one check.
fn check(command: &mut Command) -> Result<Outcome> {
    Ok(Outcome::Ran(Counts::check(status(command)?.success())))
}

fn fmt(_: Option<&str>) -> Result<Outcome> {
    check(cargo().args(["fmt", "--all", "--check"]))
}

fn lint(_: Option<&str>) -> Result<Outcome> {
    setup::packages()?;
    check(npm().args(["run", "lint"]))
}

fn rules(_: Option<&str>) -> Result<Outcome> {
    tidy::tidy()?;
    Ok(Outcome::Ran(Counts::check(true)))
}

fn build(_: Option<&str>) -> Result<Outcome> {
    setup::packages()?;
    page::build()?;
    // The examples and the browser tests are type-checked against what was just built.
    check(npm().args(["run", "typecheck", "--workspaces", "--if-present"]))
}

fn types(_: Option<&str>) -> Result<Outcome> {
    types::types(true)?;
    Ok(Outcome::Ran(Counts::check(true)))
}

fn clippy(_: Option<&str>) -> Result<Outcome> {
    check(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn rust(filter: Option<&str>) -> Result<Outcome> {
    let mut tests = cargo();
    tests.env_remove("LIVE_TYPES").args(["test", "--workspace", "--no-fail-fast"]).args(filter);
    let (status, lines) = transcript(&mut tests)?;
    Ok(Outcome::Ran(counts::cargo_test(&lines).with_exit(status.success())))
}

fn packages(filter: Option<&str>) -> Result<Outcome> {
    setup::packages()?;
    vitest("packages", npm().arg("test"), filter)
}

fn browser(filter: Option<&str>) -> Result<Outcome> {
    setup::packages()?;
    let chromium = setup::chromium()?;
    page::fresh()?;
    let showcase = demo::showcase()?;
    let mut tests = npm();
    tests.env("SHOWCASE_BIN", showcase).env("CHROMIUM", chromium).args(["test", "-w", "e2e"]);
    vitest("e2e", &mut tests, filter)
}

/// Runs vitest, with its usual output for people and a report for us.
fn vitest(name: &str, tests: &mut Command, filter: Option<&str>) -> Result<Outcome> {
    let report: PathBuf = scratch()?.join(format!("{name}.json"));
    // A report from last time must not be taken for one of a run that crashed.
    let _ = fs::remove_file(&report);
    tests.args(["--", "--reporter=default", "--reporter=json"]);
    tests.arg(format!("--outputFile.json={}", report.display()));
    if let Some(filter) = filter {
        tests.args(["-t", filter]);
    }
    let success = status(tests)?.success();
    let counts = match fs::read_to_string(&report) {
        Ok(report) => counts::vitest(&report)?,
        Err(_) => Counts::check(success),
    };
    Ok(Outcome::Ran(counts.with_exit(success)))
}

fn simulated(_: Option<&str>) -> Result<Outcome> {
    sim::few()?;
    Ok(Outcome::Ran(Counts::check(true)))
}

fn killed(_: Option<&str>) -> Result<Outcome> {
    kill::few()?;
    Ok(Outcome::Ran(Counts::check(true)))
}

fn sent(_: Option<&str>) -> Result<Outcome> {
    uploads::few()?;
    Ok(Outcome::Ran(Counts::check(true)))
}

fn cost(_: Option<&str>) -> Result<Outcome> {
    // Three checks; one whose tool is missing is among the skipped, and has said why.
    Ok(Outcome::Ran(costs::costs(&costs::Options::default())?))
}

fn size(_: Option<&str>) -> Result<Outcome> {
    setup::packages()?;
    check(npm().args(["run", "size"]))
}

fn deny(_: Option<&str>) -> Result<Outcome> {
    setup::deny();
    let Some(deny) = setup::find_deny() else {
        return Ok(Outcome::NotRun("cargo-deny is not installed"));
    };
    let cargo = std::env::var_os("CARGO").context("run this through cargo")?;
    // Advisories are a download of their own and change without us; `cargo deny check` has them too.
    check(program(deny).env("CARGO", cargo).args([
        "--all-features",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]))
}
