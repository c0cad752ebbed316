//! A thousand clients of one shared instance: nothing lost, doubled or out of order, and what it costs.
//!
//! `bench` measures, prints and judges. Here is where it is built, may open enough files, and gets its
//! cores: one for the clients and one for whichever server they talk to, so that neither takes the other's time.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::cores;
use crate::files;
use crate::run::status;

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
            None => cores::bench()?,
        };
        // Two servers are there at once where one is measured beside another.
        return files::again("crowd", &binary, options.clients * 2, "--clients", &words);
    }
    let binary = options.binary.as_deref().context("--raised comes with --binary")?;
    let ended = status(cores::pinned("crowd", binary, &["crowd"]).args(words))?;
    ensure!(ended.success(), "the crowd was not told what it should have been ({ended})");
    Ok(())
}
