//! What an action costs, compared with what we said it costs.
//!
//! Three parts, each counted by somebody else, all in things that repeat and are the same on every machine, so that
//! they can be committed and compared; times are not. The benchmark counts its own allocations and bytes, callgrind
//! its instructions ([`instructions`]), strace its system calls ([`calls`]). One program serves all three: to link
//! it as a release is takes longer than all the counting. It is built as `Cargo.toml` says, whatever the environment
//! says, because other settings make another number of instructions.
//!
//! A part whose tool is not there is not run, and says so. It is never passed.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use self::figures::Costs;
use crate::counts::Counts;
use crate::run::{cargo, root, transcript};
use crate::setup;

mod calls;
mod figures;
mod instructions;

const COMMITTED: &str = "crates/live/benches/costs.snap";

/// What to do with what was counted.
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Write the new numbers down instead of comparing
    #[arg(long)]
    update: bool,
    /// Count instructions and system calls so many times and say how far the numbers move by themselves: what a
    /// tolerance has to allow
    #[arg(long, value_name = "TIMES", conflicts_with = "update")]
    spread: Option<usize>,
}

/// One way to count.
struct Part {
    name: &'static str,
    /// Whose figure this is.
    owns: fn(&str) -> bool,
    /// The program it takes, if it is not ours.
    tool: Option<&'static str>,
    measure: fn(&std::path::Path) -> Result<Costs>,
}

const PARTS: [Part; 3] = [
    Part {
        name: "allocations",
        owns: |figure| !is_counted_from_outside(figure),
        tool: None,
        measure: allocations,
    },
    Part {
        name: "instructions",
        owns: |figure| figure == instructions::FIGURE,
        tool: Some("valgrind"),
        measure: instructions::measure,
    },
    Part {
        name: "system calls",
        owns: |figure| calls::FIGURES.contains(&figure),
        tool: Some("strace"),
        measure: calls::measure,
    },
];

fn is_counted_from_outside(figure: &str) -> bool {
    figure == instructions::FIGURE || calls::FIGURES.contains(&figure)
}

/// Counts and compares, or writes the new numbers down. Answers how many parts are as committed, are not, and
/// could not be run.
pub(crate) fn costs(options: &Options) -> Result<Counts> {
    let bench = build()?;
    if let Some(times) = options.spread {
        spread(&bench, times)?;
        return Ok(Counts::default());
    }
    let file = root().join(COMMITTED);
    let committed = match fs::read_to_string(&file) {
        Ok(text) => Costs::read(text.lines()),
        Err(_) if options.update => Costs::default(),
        Err(why) => bail!("{COMMITTED} cannot be read ({why}); `cargo xtask costs --update` writes it"),
    };
    let (mut counts, mut written, mut said) = (Counts::default(), Costs::default(), Vec::new());
    for Part { name, owns, tool, measure } in &PARTS {
        let before = committed.only(owns);
        if let Some(why) = tool.and_then(|tool| setup::tracer(tool).err()) {
            counts.skipped += 1;
            written.add(&before);
            said.push(format!("costs: {name} NOT RUN: {why:#}"));
            continue;
        }
        let mut now = measure(&bench).with_context(|| format!("{name} could not be counted"))?.only(owns);
        ensure!(!now.is_empty(), "{name}: nothing was counted");
        let differences = before.differences(&now);
        now.keep_tolerances(&before);
        written.add(&now);
        if differences.is_empty() || options.update {
            counts.passed += 1;
            said.push(format!(
                "costs: {name}: {} cases {}",
                now.len(),
                if options.update { "written" } else { "as committed" }
            ));
        } else {
            counts.failed += 1;
            said.push(format!("costs: {name} changed:\n  {}", differences.join("\n  ")));
        }
    }
    println!("\n{}", said.join("\n"));
    if options.update {
        fs::write(&file, written.write()).with_context(|| format!("{COMMITTED} cannot be written"))?;
    } else if counts.failed > 0 {
        println!("If that is meant, run `cargo xtask costs --update`, commit {COMMITTED} and say why");
    }
    Ok(counts)
}

/// Builds the benchmark; where it is.
fn build() -> Result<PathBuf> {
    let mut build = cargo();
    for (name, _) in std::env::vars_os() {
        let is_setting = name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PROFILE_") || name.ends_with("RUSTFLAGS"));
        if is_setting {
            build.env_remove(name);
        }
    }
    build.args(["bench", "-p", "fluxstack-live", "--bench", "costs", "--no-run"]);
    build.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let output = build.output().context("cargo cannot be started")?;
    ensure!(output.status.success(), "the benchmark cannot be built ({})", output.status);
    let said = String::from_utf8_lossy(&output.stdout);
    executable(&said).context("cargo did not say where it put the benchmark")
}

/// The program cargo says it made.
fn executable(said: &str) -> Option<PathBuf> {
    said.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == "costs").then(|| message["executable"].as_str().map(PathBuf::from))?
    })
}

/// What the benchmark counts by itself.
fn allocations(bench: &std::path::Path) -> Result<Costs> {
    let (status, lines) = transcript(&mut Command::new(bench))?;
    ensure!(status.success(), "the benchmark failed ({status})");
    Ok(Costs::read(lines.iter().map(String::as_str)))
}

/// Says the least and the most of each number in so many runs.
fn spread(bench: &std::path::Path, times: usize) -> Result<()> {
    let mut runs = Vec::new();
    for Part { tool, measure, .. } in PARTS.iter().filter(|part| part.tool.is_some()) {
        if let Some(tool) = tool {
            setup::tracer(tool)?;
        }
        for _ in 0..times {
            runs.push(measure(bench)?);
        }
    }
    println!();
    for (case, figure, least, most) in Costs::spread(&runs) {
        let percent = (most - least) / least.max(0.01) * 100.0;
        println!("{case}: {figure} {least} to {most} ({percent:.2} %)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_belongs_to_one_part() {
        for figure in
            ["allocations", "bytes", "live_bytes", "instructions", "reads", "writes", "waits", "others"]
        {
            let owners = PARTS.iter().filter(|part| (part.owns)(figure)).count();
            assert_eq!(owners, 1, "{figure}");
        }
    }

    #[test]
    fn the_program_is_where_cargo_says_it_is() {
        let said = r#"{"reason":"compiler-artifact","target":{"name":"bytes"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"costs"},"executable":"/target/release/deps/costs-1"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(said), Some(PathBuf::from("/target/release/deps/costs-1")));
        assert_eq!(executable("warning: nothing"), None);
    }
}
