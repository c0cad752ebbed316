//! What each thing costs: our server, servers that send the same bytes and do nothing else, and other frameworks.
//!
//! `bench` fetches the peers, measures, judges, and writes `bench/RESULTS.md`. Here is where it is built, may open enough
//! files, and gets its cores.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::cores;
use crate::files;
use crate::run::status;

/// What and how much of it.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only these: actions, components, room, shared, mount, idle, churn, rate, storm, slow, big-state, uploads, scaling
    scenarios: Vec<String>,
    /// One short round of ours and of one floor; nothing is written
    #[arg(long)]
    quick: bool,
    /// Only these servers: live, axum, yawc, framed, socket.io, colyseus, ws
    #[arg(long)]
    servers: Option<String>,
    /// Say what would be measured, and how long it takes
    #[arg(long)]
    list: bool,
    /// Measure with this binary instead of building it
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Set in the second life of this program, which may open enough files
    #[arg(long, hide = true)]
    raised: bool,
}

/// Connections of the largest case.
const SOCKETS: usize = 10_000;

/// Measures and writes; fails if anything was lost, doubled or wrong.
pub(crate) fn bench(options: &Options) -> Result<()> {
    let words = words(options);
    if !options.raised {
        let binary = match &options.binary {
            Some(binary) => binary.clone(),
            None => cores::bench()?,
        };
        return files::again("bench", &binary, SOCKETS, "the name of a scenario that opens fewer", &words);
    }
    let binary = options.binary.as_deref().context("--raised comes with --binary")?;
    let command = ["cargo xtask bench".to_owned()].into_iter().chain(words.iter().cloned());
    let command = command.collect::<Vec<_>>().join(" ");
    let mut run = cores::pinned("bench", binary, &["run"]);
    run.args(["--folder", "bench", "--command", &command]).args(&words);
    ensure!(status(&mut run)?.success(), "something was lost, doubled or wrong, or could not be measured");
    Ok(())
}

/// What was asked for, as `bench run` and as we take it.
fn words(options: &Options) -> Vec<String> {
    let mut words = options.scenarios.clone();
    words.extend(options.quick.then(|| "--quick".to_owned()));
    words.extend(options.servers.iter().flat_map(|servers| ["--servers".to_owned(), servers.clone()]));
    words.extend(options.list.then(|| "--list".to_owned()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_asked_for_again() {
        let options = Options {
            scenarios: vec!["actions".to_owned()],
            quick: true,
            servers: Some("live,axum".to_owned()),
            list: false,
            binary: None,
            raised: false,
        };
        assert_eq!(words(&options), ["actions", "--quick", "--servers", "live,axum"]);
    }
}
