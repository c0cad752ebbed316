//! Random bytes for the protocol's reader.

use anyhow::{Context, Result, bail};

use crate::run::{answer, cargo, root, status, succeed};

/// Runs each target of `fuzz/` for its share of the time.
pub(crate) fn fuzz(seconds: u64) -> Result<()> {
    if !root().join("fuzz").join("Cargo.toml").is_file() {
        bail!("there is no `fuzz/` folder, so there is nothing to run");
    }
    // libFuzzer's flags are unstable; this makes the pinned stable compiler take them.
    let fuzz = || {
        let mut command = cargo();
        command.env("RUSTC_BOOTSTRAP", "1").arg("fuzz");
        command
    };
    if answer(fuzz().arg("--version")).is_none() {
        bail!("cargo-fuzz is not installed: `cargo install cargo-fuzz`, then run this again");
    }
    let listed = answer(fuzz().arg("list")).context("`cargo fuzz list` failed")?;
    let targets: Vec<&str> = listed.lines().collect();
    let share = seconds / targets.len().max(1) as u64;
    let mut failed = Vec::new();
    for target in targets {
        succeed(fuzz().args(["build", target]))?;
        eprintln!("fuzz: {target} for {share} s");
        let run = status(fuzz().args(["run", target, "--", &format!("-max_total_time={share}")]))?;
        if !run.success() {
            failed.push(target);
        }
    }
    if !failed.is_empty() {
        bail!("found something in {}; the input lies in fuzz/artifacts", failed.join(", "));
    }
    Ok(())
}
