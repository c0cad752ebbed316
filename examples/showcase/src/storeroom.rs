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
}

/// A file that lies there.
#[derive(Debug)]
struct Lying {
    key: String,
    size: u64,
    since: SystemTime,
}

impl Storeroom {
    /// That of a server whose uploads are in this folder.
    pub(crate) fn of(uploads: &Path) -> Self {
        Self { folder: uploads.join("kept") }
    }

    /// Removes parcels that nobody can ask for any more, and then the oldest until another of that size has room.
    pub(crate) async fn make_room(&self, files: &Files, size: u64) -> Result<()> {
        let parcels = self.lying(PRIVATE).await?;
        for key in spent(parcels, size, SystemTime::now()) {
            files.delete(&key).await?;
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

/// Which parcels go, so that another of that size has room: those that are too old, and then the oldest.
fn spent(mut parcels: Vec<Lying>, size: u64, now: SystemTime) -> Vec<String> {
    parcels.sort_by_key(|parcel| parcel.since);
    let mut bytes: u64 = parcels.iter().map(|parcel| parcel.size).sum();
    let mut goes = |parcel: &Lying| {
        let is_old = now.duration_since(parcel.since).is_ok_and(|age| age > KEPT_FOR);
        let goes = is_old || bytes + size > PARCELS;
        bytes -= parcel.size;
        goes
    };
    parcels.into_iter().map_while(|parcel| goes(&parcel).then_some(parcel.key)).collect()
}

fn age(since: SystemTime) -> Duration {
    SystemTime::now().duration_since(since).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::Folder;

    use super::*;

    #[test]
    fn parcels_go_by_their_age_until_the_next_has_room() {
        let now = SystemTime::now();
        let hour = Duration::from_secs(60 * 60);
        let parcel = |name: &str, hours: u32, gigabytes: u64| Lying {
            key: name.to_owned(),
            size: gigabytes << 30,
            since: now - hours * hour,
        };
        let lying =
            || vec![parcel("new", 1, 1), parcel("old", 25, 1), parcel("middle", 20, 3), parcel("late", 2, 3)];
        for (gigabytes, gone) in
            [(1, vec!["old"]), (2, vec!["old", "middle"]), (5, vec!["old", "middle", "late"])]
        {
            assert_eq!(spent(lying(), gigabytes << 30, now), gone, "{gigabytes}");
        }
    }

    #[tokio::test]
    async fn what_is_public_lies_in_the_folder_and_what_is_private_below_it() {
        let folder = Folder::new();
        let storeroom = Storeroom::of(folder.path());
        assert!(storeroom.lying("").await.unwrap().is_empty());
        std::fs::create_dir_all(storeroom.folder.join("private/ab")).unwrap();
        for name in ["a.png", "private/ab/b.bin", "private/c"] {
            std::fs::write(storeroom.folder.join(name), name).unwrap();
        }
        for (below, key) in [("", "a.png"), (PRIVATE, "private/ab/b.bin")] {
            let lying: Vec<_> = storeroom.lying(below).await.unwrap().into_iter().map(|it| it.key).collect();
            assert_eq!(lying, [key]);
        }
    }
}
