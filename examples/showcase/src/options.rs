//! What the showcase can be told on its command line, and the server that comes of it.
//!
//! Most of it is for load and crash tests (`cargo xtask storm`, `memory`, `kill`), which look at a server from
//! outside and need one with a short grace period or a certain store. Told nothing, it is what a first
//! application would be: everything in memory, the server's own limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};
use fluxstack_live::prelude::*;
use fluxstack_live::{DiskStore, Keys, MemoryStore, Store};

use crate::shelves::{Counted, Forgetful};
use crate::visitor;

/// Serves the showcase.
#[derive(Parser)]
pub(crate) struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:3000")]
    pub(crate) listen: SocketAddr,
    /// Lift the limits on rate and connections, for load tests.
    #[arg(long)]
    unlimited: bool,
    /// Where instances rest while nobody is connected to them: a file, which is made if there is none and
    /// survives this program; `memory`, which does not; or `none`, which keeps nothing, for measurements.
    #[arg(long, value_name = "PATH|memory|none", default_value = "memory")]
    store: Place,
    /// When a change is safe from a crash. Not given, it depends on the store: `acknowledged` with a file,
    /// else `resting`.
    #[arg(long)]
    durability: Option<Promise>,
    /// Seconds that what was mounted waits for a client that is gone. Not given, 60.
    #[arg(long, value_name = "SECONDS")]
    grace: Option<u64>,
    /// Sign sessions and snapshots with this secret, at least 32 bytes in hexadecimal or as text, and give
    /// clients signed snapshots to keep. For trying it out: other users of this machine can read it.
    #[arg(long, value_name = "SECRET")]
    key: Option<String>,
    /// Count what the store is asked for, and print it to standard error at the end.
    #[arg(long)]
    count_store: bool,
}

/// Where instances rest.
#[derive(Clone)]
enum Place {
    File(PathBuf),
    Memory,
    Nowhere,
}

impl FromStr for Place {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "memory" => Self::Memory,
            "none" => Self::Nowhere,
            path => Self::File(path.into()),
        })
    }
}

/// The levels of [`Durability`], as words.
#[derive(Clone, Copy, ValueEnum)]
enum Promise {
    /// Written when it comes to rest.
    Resting,
    /// Written within a second of a change.
    Trailing,
    /// Written before the answer.
    Acknowledged,
}

impl From<Promise> for Durability {
    fn from(promise: Promise) -> Self {
        match promise {
            Promise::Resting => Self::Resting,
            Promise::Trailing => Self::Trailing,
            Promise::Acknowledged => Self::Acknowledged,
        }
    }
}

/// Bytes that a state may have.
const LEDGER: usize = 48 << 20;

impl Options {
    /// The server, and its counted store if it was asked for.
    pub(crate) fn live(&self) -> anyhow::Result<(Live, Option<Arc<Counted>>)> {
        let mut live = Live::builder().discover().authenticator(visitor::believe);
        // The ledger is some megabytes long, and nothing else here comes near it.
        live = live.limits(|limits| limits.state = LEDGER);
        if self.unlimited {
            live = live.limits(Limits::unlimited);
        }
        if let Some(seconds) = self.grace {
            live = live.limits(|limits| limits.grace = Duration::from_secs(seconds));
        }
        if let Some(durability) = self.durability {
            live = live.durability(durability.into());
        }
        if let Some(key) = &self.key {
            live = live.keys(Keys::new("demo", secret(key)?)?);
        }
        let store: Arc<dyn Store> = match &self.store {
            Place::File(path) => Arc::new(DiskStore::open(path).context("the store does not open")?),
            Place::Memory => Arc::new(MemoryStore::new()),
            Place::Nowhere => Arc::new(Forgetful),
        };
        let counted = self.count_store.then(|| Arc::new(Counted::new(Arc::clone(&store))));
        live = match &counted {
            Some(counted) => live.store(Arc::clone(counted)),
            None => live.store(store),
        };
        Ok((live.build()?, counted))
    }
}

/// What is nothing but hexadecimal digits is that; everything else is text.
fn secret(text: &str) -> anyhow::Result<Vec<u8>> {
    if text.is_empty() || !text.bytes().all(|sign| sign.is_ascii_hexdigit()) {
        return Ok(text.as_bytes().to_vec());
    }
    if !text.len().is_multiple_of(2) {
        bail!("--key has an odd number of hexadecimal digits");
    }
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or_default());
    Ok(digits.map(|pair| u8::from_str_radix(pair, 16)).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        Options::command().debug_assert();
    }

    #[test]
    fn a_secret_is_hexadecimal_if_it_can_be() {
        assert_eq!(secret("00ff7F").unwrap(), [0, 255, 127]);
        assert_eq!(secret("not hexadecimal").unwrap(), b"not hexadecimal");
        assert!(secret("abc").is_err());
    }

    #[test]
    fn a_server_comes_of_every_flag() {
        let long = "0123456789abcdef".repeat(4);
        let flags =
            ["--store", "none", "--durability", "trailing", "--grace", "5", "--count-store", "--key", &long];
        let options = Options::parse_from(["showcase"].into_iter().chain(flags));
        let (live, counted) = options.live().unwrap();
        assert_eq!(live.limits().grace, Duration::from_secs(5));
        assert!(counted.is_some());
        let short = Options::parse_from(["showcase", "--key", "short"]);
        assert!(short.live().is_err());
    }
}
