//! Files that are sent while connections are cut and servers killed, frames nobody should send, and what all of it
//! costs beside a socket that throws its bytes away.
//!
//! `bench` sends, measures, prints and judges. Here is where it is built and gets its folder. What was lost,
//! torn or put where it should not be fails it; times and memory are said beside what they should be.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::run::{cargo, program, scratch, status, succeed, target};

/// How heavy it is.
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// 16 MiB, five cuts and forty stories, and no times, which a build that is not optimised does not have
    #[arg(long)]
    quick: bool,
    /// Only these cases: endurance, hostile, throughput, actions
    #[arg(long)]
    only: Option<String>,
    /// What to decide at random by, and what the files are made of. It is printed
    #[arg(long)]
    seed: Option<u64>,
    /// Measure with this binary instead of building it
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// What is right or wrong at any speed.
const JUDGED: &str = "endurance,hostile";

/// A little, for every run of all suites.
pub(crate) fn few() -> Result<()> {
    uploads(&Options { quick: true, ..Options::default() })
}

/// Sends and prints; fails if a file is not what was sent, or anything else is where it should not be.
pub(crate) fn uploads(options: &Options) -> Result<()> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => build(options.quick)?,
    };
    let mut command = program(binary);
    command.args(["uploads", "--folder"]).arg(scratch()?);
    if options.quick {
        command.arg("--quick");
    }
    let only = options.only.as_deref().or(options.quick.then_some(JUDGED));
    command.args(only.iter().flat_map(|only| ["--only", only]));
    command.args(options.seed.iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
    let ended = status(&mut command)?;
    ensure!(ended.success(), "files are not what they should be ({ended})");
    Ok(())
}

/// The program; for the quick one as the tests are built, which is not waited for as long.
fn build(is_quick: bool) -> Result<PathBuf> {
    let (words, folder): (&[&str], _) = if is_quick { (&[], "debug") } else { (&["--release"], "release") };
    succeed(cargo().args(["build", "-p", "bench"]).args(words))?;
    Ok(target().join(folder).join(format!("bench{}", std::env::consts::EXE_SUFFIX)))
}
