//! The file before there is a database in it: whose it is, and whether anybody has it.
//!
//! What must stay true: a file that is not ours is not touched.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::Path;

use super::file::refused;
use crate::store::StoreError;

/// The first bytes of every redb file.
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";
/// Bytes of a file that may be one whose making was interrupted: redb begins with one and a half MiB.
const UNFINISHED: u64 = 4 << 20;
/// Where the pages of a redb file begin.
const PAGES: usize = 4_096;

/// Opens or makes the file, and sees to it that a database may be opened in it.
pub(super) fn claim(path: &Path) -> Result<fs::File, StoreError> {
    let refused = |error: io::Error| refused(path, error);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(refused)?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(refused)?;
    // The database locks it as well, but not before it has read from it. Where files cannot be locked, the
    // database says so.
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        return Err(StoreError::InUse { path: path.to_owned() });
    }
    if !is_ours(&mut file).map_err(refused)? {
        let why = "it does not begin like one".to_owned();
        return Err(StoreError::Foreign { path: path.to_owned(), why });
    }
    // The database locks through the same file, which not every system takes for the same owner.
    file.unlock().map_err(refused)?;
    sync_folders(path);
    Ok(file)
}

/// Whether a database is in the file, or nothing. What a server left that was killed while it made its file
/// is nothing, and is emptied: the first bytes are written last, and nothing was kept before they were.
fn is_ours(file: &mut fs::File) -> io::Result<bool> {
    let mut start = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start)?;
    if start == MAGIC {
        return Ok(true);
    }
    if file.metadata()?.len() > UNFINISHED || start.iter().any(|byte| *byte != 0) {
        return Ok(false);
    }
    let mut rest = Vec::new();
    file.read_to_end(&mut rest)?;
    if rest.iter().skip(PAGES - MAGIC.len()).any(|byte| *byte != 0) {
        return Ok(false);
    }
    file.set_len(0)?;
    Ok(true)
}

/// After a power cut a file is there only if its folder was synced since it was made, and a folder only if its
/// own was; whoever made them may not have come so far. Not every system can sync a folder, and one that
/// cannot has nothing better to offer.
fn sync_folders(path: &Path) {
    for folder in path.ancestors().skip(1) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
    }
}
