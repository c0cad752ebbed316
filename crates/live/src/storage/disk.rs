//! Files in a folder of this machine.
//!
//! What must stay true: nothing outside the folder is read, also when somebody put a link into it; a file that was
//! kept survives a loss of power.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use object_store::local::LocalFileSystem;

use super::objects::{ObjectStorage, blocking};
use super::{Boxed, Key, Object, ObjectInfo, Storage, StorageError};

/// Files in a folder. What comes from the same file system is moved and not copied.
///
/// ```no_run
/// use fluxstack_live::storage::Disk;
/// let storage = Disk::at("var/files").unwrap();
/// ```
#[derive(Debug)]
pub struct Disk {
    /// As the system calls it, without links in it.
    root: PathBuf,
    objects: ObjectStorage,
}

impl Disk {
    /// Files in this folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`StorageError::Unusable`], if that cannot be.
    pub fn at(folder: impl AsRef<Path>) -> Result<Self, StorageError> {
        let folder = folder.as_ref();
        let unusable = |cause| StorageError::Unusable { place: folder.display().to_string(), cause };
        let root = fs::create_dir_all(folder).and_then(|()| folder.canonicalize());
        let root = root.map_err(|error| unusable(error.into()))?;
        let store = LocalFileSystem::new_with_prefix(&root).map_err(|error| unusable(error.into()))?;
        Ok(Self { root, objects: ObjectStorage::plain(store.with_fsync(true)) })
    }

    fn path(&self, key: &Key) -> PathBuf {
        key.as_str().split('/').fold(self.root.clone(), |path, part| path.join(part))
    }

    /// Refuses what is not a plain file of this folder. There are no links on the way to one of ours.
    async fn is_plain(&self, key: &Key) -> Result<(), StorageError> {
        let path = self.path(key);
        blocking(move || {
            let is_plain = path.canonicalize()? == path && path.symlink_metadata()?.is_file();
            if is_plain { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
        })
        .await
    }
}

impl Storage for Disk {
    fn put<'a>(&'a self, key: &'a Key, file: &'a Path) -> Boxed<'a, ()> {
        Box::pin(async move {
            let (from, to) = (file.to_owned(), self.path(key));
            match blocking(move || Ok(move_file(&from, &to, sync_folder))).await? {
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                    self.objects.put(key, file).await
                }
                moved => moved.map_err(StorageError::of_io),
            }
        })
    }

    fn get<'a>(&'a self, key: &'a Key, range: Option<Range<u64>>) -> Boxed<'a, Object> {
        Box::pin(async move {
            self.is_plain(key).await?;
            self.objects.get(key, range).await
        })
    }

    fn head<'a>(&'a self, key: &'a Key) -> Boxed<'a, ObjectInfo> {
        Box::pin(async move {
            self.is_plain(key).await?;
            self.objects.head(key).await
        })
    }

    fn delete<'a>(&'a self, key: &'a Key) -> Boxed<'a, ()> {
        self.objects.delete(key)
    }

    fn rename<'a>(&'a self, from: &'a Key, to: &'a Key) -> Boxed<'a, ()> {
        self.objects.rename(from, to)
    }
}

/// Moves a file within one file system, for good. What is in it was synced by whoever wrote it.
fn move_file(from: &Path, to: &Path, sync: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let folder = to.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let is_new = !folder.is_dir();
    if is_new {
        fs::create_dir_all(folder)?;
    }
    fs::rename(from, to)?;
    let above = folder.parent().filter(|_| is_new);
    // It is there now, and not where it was: whoever is told that it failed would look for it in vain.
    if let Err(error) = std::iter::once(folder).chain(above).try_for_each(sync) {
        tracing::error!(folder = %folder.display(), %error, "a loss of power may cost a file that was kept");
    }
    Ok(())
}

/// The entries of a folder are kept like the bytes of a file; not every system has a way to say so.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_is_kept_also_if_its_folder_cannot_be_synced() {
        let folder = std::env::temp_dir().join(format!("fluxstack-live-moved-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (from, to) = (folder.join("from"), folder.join("private/to"));
        fs::write(&from, "bytes").unwrap();
        move_file(&from, &to, |_| Err(io::Error::other("the disk is tired"))).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"bytes");
        fs::remove_dir_all(&folder).unwrap();
    }
}
