//! A thousand clients of one shared instance: nothing lost, doubled or out of order, and what it costs.
//!
//! `bench` measures, prints and judges. Here is where it is built, may open enough files, and gets its
//! cores: one for the clients and one for whichever server they talk to, so that neither takes the other's time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::files;
use crate::run::{cargo, program, status, succeed, target, which};

/// How heavy it is.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Clients
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// A second or three of each case
    #[arg(long)]
    quick: bool,
    /// Only these cases: room, ratio, fan-out, stalled
    #[arg(long)]
    only: Option<String>,
    /// Measure with this binary instead of building it
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Set in the second life of this program, which may open enough files
    #[arg(long, hide = true)]
    raised: bool,
}

/// Measures and prints; fails if anything was lost, doubled or out of order.
pub(crate) fn crowd(options: &Options) -> Result<()> {
    let mut words = vec!["--clients".to_owned(), options.clients.to_string()];
    words.extend(options.quick.then(|| "--quick".to_owned()));
    words.extend(options.only.iter().flat_map(|only| ["--only".to_owned(), only.clone()]));
    if !options.raised {
        let binary = match &options.binary {
            Some(binary) => binary.clone(),
            None => build()?,
        };
        // Two servers are there at once where one is measured beside another.
        return files::again("crowd", &binary, options.clients * 2, "--clients", &words);
    }
    let binary = options.binary.as_deref().context("--raised comes with --binary")?;
    let ended = status(pinned(binary).args(words))?;
    ensure!(ended.success(), "the crowd was not told what it should have been ({ended})");
    Ok(())
}

fn build() -> Result<PathBuf> {
    succeed(cargo().args(["build", "--release", "-p", "bench"]))?;
    Ok(target().join("release").join(format!("bench{}", std::env::consts::EXE_SUFFIX)))
}

/// The program on a core of its own, told of another one for its servers.
fn pinned(binary: &Path) -> Command {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let Some(((ours, theirs), taskset)) = cores(&status).zip(which("taskset")) else {
        println!("crowd: without two cores and `taskset`, clients and servers share what there is");
        return program(binary);
    };
    println!("crowd: clients on core {ours}, servers on core {theirs}");
    let mut command = program(taskset);
    command.args(["-c", &ours]).arg(binary).args(["--server-core", &theirs]);
    command
}

/// The first and the last core this program may use, if there are two.
fn cores(status: &str) -> Option<(String, String)> {
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?.trim();
    let (first, last) = (line.split(['-', ',']).next()?, line.rsplit(['-', ',']).next()?);
    (first != last).then(|| (first.to_owned(), last.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_core_are_taken() {
        let cores = |list: &str| cores(&format!("Name:\tx\nCpus_allowed_list:\t{list}\nThreads:\t1\n"));
        assert_eq!(cores("0-1"), Some(("0".to_owned(), "1".to_owned())));
        assert_eq!(cores("2,5-7"), Some(("2".to_owned(), "7".to_owned())));
        assert_eq!(cores("3"), None);
    }
}
