//! What becomes of files that are sent, and what it costs, measured from outside.
//!
//! `cargo xtask uploads` builds and starts it. A file that is not byte by byte what was sent fails it, and so does
//! more than a chunk that had to be sent again, a server that panics, and anything outside its folder. Times and
//! memory are said beside what they should be.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

mod actions;
mod content;
mod endurance;
mod hostile;
pub(crate) mod intake;
mod line;
mod memory;
mod page;
mod sender;
pub(crate) mod sink;
mod throughput;
mod window;

pub(crate) use actions::actions;
pub(crate) use content::hex;
pub(crate) use endurance::endurance;
pub(crate) use hostile::hostile;
pub(crate) use throughput::throughput;

/// Bytes of a mebibyte.
const MIB: f64 = 1_048_576.0;

/// How much of it, and where.
pub(crate) struct Scale {
    is_quick: bool,
    seed: u64,
    core: Option<usize>,
    /// Ours alone.
    folder: PathBuf,
    /// Bytes of the file that is cut and killed.
    size: u64,
    /// How often it is cut.
    cuts: usize,
}

impl Scale {
    pub(crate) fn new(
        is_quick: bool,
        seed: Option<u64>,
        core: Option<usize>,
        folder: Option<PathBuf>,
    ) -> Result<Self> {
        let folder = folder.unwrap_or_else(std::env::temp_dir);
        let folder = folder.join(format!("uploads-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // As it will be shown in a path from anywhere.
        let folder = folder.canonicalize()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = seed.unwrap_or(now.as_nanos() as u64 % 1_000_000_007);
        println!("uploads: seed {seed}");
        let (size, cuts) = if is_quick { (16 << 20, 5) } else { (500 << 20, 20) };
        Ok(Self { is_quick, seed, core, folder, size, cuts })
    }

    /// A folder of a case, with nothing in it.
    fn fresh(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Removes what was written.
    pub(crate) fn clean(&self) -> Result<()> {
        remove(&self.folder)
    }
}

/// The middle one.
fn median(values: &mut [f64]) -> Result<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().context("nothing was measured")
}

fn remove(folder: &Path) -> Result<()> {
    std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))
}
