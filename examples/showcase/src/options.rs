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
use crate::storeroom::Storeroom;
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
    /// The folder for files that are sent. Not given, one beside the store's file; or, with a store that forgets
    /// whose they are, one for temporary files, which goes when this program is asked to stop.
    #[arg(long, value_name = "PATH")]
    uploads: Option<PathBuf>,
    /// Serve the files of this folder at /api/static/.
    #[arg(long, value_name = "PATH")]
    pub(crate) files: Option<PathBuf>,
}

/// The server, and what goes with it.
pub(crate) struct Served {
    pub(crate) live: Live,
    /// Its store, if that was to be counted.
    pub(crate) counted: Option<Arc<Counted>>,
    /// The folder of its files, if it is to go with the program.
    pub(crate) scratch: Option<Scratch>,
}

/// A folder that goes when this does.
pub(crate) struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is among temporary files, where somebody else tidies up if this cannot.
        drop(std::fs::remove_dir_all(&self.0));
    }
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
    /// The server that was asked for.
    pub(crate) fn live(&self) -> anyhow::Result<Served> {
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
        let (folder, scratch) = self.folder();
        live = live.provide(Storeroom::of(&folder)).uploads(Uploads::at(folder));
        Ok(Served { live: live.build()?, counted, scratch })
    }

    /// Where files go that are sent, and whether that is to go with this program.
    fn folder(&self) -> (PathBuf, Option<Scratch>) {
        match (&self.uploads, &self.store) {
            (Some(folder), _) => (folder.clone(), None),
            (None, Place::File(path)) => (path.with_extension("files"), None),
            (None, Place::Memory | Place::Nowhere) => {
                let folder = std::env::temp_dir().join(format!("showcase-{}", std::process::id()));
                (folder.clone(), Some(Scratch(folder)))
            }
        }
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
    fn files_lie_beside_the_store_unless_that_forgets_whose_they_are() {
        let folder = |flags: &[&str]| Options::parse_from([&["showcase"], flags].concat()).folder();
        let (beside, scratch) = folder(&["--store", "var/live.redb"]);
        assert_eq!((beside, scratch.is_some()), ("var/live.files".into(), false));
        let (given, scratch) = folder(&["--uploads", "var/sent"]);
        assert_eq!((given, scratch.is_some()), ("var/sent".into(), false));
        let (temporary, scratch) = folder(&["--store", "none"]);
        std::fs::create_dir_all(temporary.join("parts")).unwrap();
        drop(scratch.unwrap());
        assert!(!temporary.exists());
    }

    #[test]
    fn a_server_comes_of_every_flag() {
        let long = "0123456789abcdef".repeat(4);
        let flags =
            ["--store", "none", "--durability", "trailing", "--grace", "5", "--count-store", "--key", &long];
        let options = Options::parse_from(["showcase"].into_iter().chain(flags));
        let served = options.live().unwrap();
        assert_eq!(served.live.limits().grace, Duration::from_secs(5));
        assert!(served.counted.is_some());
        let short = Options::parse_from(["showcase", "--key", "short"]);
        assert!(short.live().is_err());
    }
}
