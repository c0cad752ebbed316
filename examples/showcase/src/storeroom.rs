//! What lies in the storage's folder, and what of it may stay: a demonstration that is open to everybody must not be
//! filled by anybody.
//!
//! It looks at the folder instead of keeping a list, so that what a killed server has left there is seen as well. An
//! application that knows its users would have a table instead.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fluxstack_live::Files;
use fluxstack_live::prelude::*;

/// How long a parcel is kept for whoever sent it.
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Bytes of all parcels together.
const PARCELS: u64 = 8 << 30;
/// Where files lie that are kept for one user only.
const PRIVATE: &str = "private";
/// Files that are younger may belong to a picture that is not on the wall yet.
const YOUNG: Duration = Duration::from_secs(60 * 60);

/// See the module.
pub(crate) struct Storeroom {
    folder: PathBuf,
    room: u64,
}

/// A file that lies there.
#[derive(Debug)]
struct Lying {
    key: String,
    size: u64,
    since: SystemTime,
}

impl Storeroom {
    /// The one in that folder, which need not be there yet.
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self { folder, room: PARCELS }
    }

    /// Removes parcels that nobody can ask for any more, and then the oldest until another of that size has room.
    pub(crate) async fn make_room(&self, files: &Files, size: u64) -> Result<()> {
        let mut parcels = self.lying(PRIVATE).await?;
        parcels.sort_by_key(|parcel| parcel.since);
        let mut bytes: u64 = parcels.iter().map(|parcel| parcel.size).sum();
        for Lying { key, size: freed, since } in parcels {
            if age(since) <= KEPT_FOR && bytes + size <= self.room {
                break;
            }
            files.delete(&key).await?;
            bytes -= freed;
        }
        Ok(())
    }

    /// Removes the pictures that hang nowhere.
    pub(crate) async fn tidy(&self, files: &Files, hung: &[String]) {
        let lying = match self.lying("").await {
            Ok(lying) => lying,
            Err(why) => return tracing::warn!(?why, "the storeroom was not tidied"),
        };
        for Lying { key, since, .. } in lying {
            if age(since) > YOUNG
                && !hung.contains(&key)
                && let Err(why) = files.delete(&key).await
            {
                tracing::warn!(?why, key, "a file that nobody wants was not deleted");
            }
        }
    }

    /// What lies under there: in the folder itself for the public ones, deeper for the private.
    async fn lying(&self, below: &'static str) -> Result<Vec<Lying>> {
        let folder = self.folder.clone();
        let depth = if below.is_empty() { 0 } else { 1 };
        let found = tokio::task::spawn_blocking(move || {
            let mut found = Vec::new();
            look(&folder, Path::new(below), depth, &mut found).map(|()| found)
        });
        Ok(found.await??)
    }
}

/// Finds the files so many folders deep, and nothing above them or below.
fn look(root: &Path, below: &Path, depth: u8, found: &mut Vec<Lying>) -> io::Result<()> {
    let entries = match std::fs::read_dir(root.join(below)) {
        Ok(entries) => entries,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(why) => return Err(why),
    };
    for entry in entries {
        let entry = entry?;
        let about = entry.metadata()?;
        let path = below.join(entry.file_name());
        if depth > 0 && about.is_dir() {
            look(root, &path, depth - 1, found)?;
        } else if depth == 0 && about.is_file() {
            let key = path.to_string_lossy().replace('\\', "/");
            found.push(Lying { key, size: about.len(), since: about.modified()? });
        }
    }
    Ok(())
}

fn age(since: SystemTime) -> Duration {
    since.elapsed().unwrap_or_default()
}
