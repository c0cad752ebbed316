//! What every storage must do, checked on each that needs no network. `tests/s3.rs` has the one that does.

#![expect(clippy::unwrap_used, reason = "a test may unwrap, also where it is not itself the test")]

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use object_store::memory::InMemory;
use proptest::prelude::*;

use super::*;

/// A folder of its own for each test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (program, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("fluxstack-live-storage-{program}-{count}"));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A file in it, to be put somewhere.
    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.join("file");
        fs::write(&path, bytes).unwrap();
        path
    }

    fn disk(&self) -> Disk {
        Disk::at(self.0.join("kept")).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

async fn read(storage: &dyn Storage, key: &Key, range: Option<Range<u64>>) -> Result<Vec<u8>, StorageError> {
    use futures_util::TryStreamExt as _;
    let pieces: Vec<Bytes> = storage.get(key, range).await?.pieces.try_collect().await?;
    Ok(pieces.concat())
}

/// Runs a check on every storage.
async fn on_each<C: AsyncFn(&dyn Storage, &Folder)>(check: C) {
    let folder = Folder::new();
    check(&folder.disk(), &folder).await;
    let folder = Folder::new();
    check(&ObjectStorage::new(InMemory::new()), &folder).await;
    let folder = Folder::new();
    // As the disk copies from another file system.
    let elsewhere = object_store::local::LocalFileSystem::new_with_prefix(&folder.0).unwrap();
    check(&ObjectStorage::plain(elsewhere), &folder).await;
}

fn is_missing<T>(answer: Result<T, StorageError>) -> bool {
    matches!(answer, Err(StorageError::NotFound))
}

#[tokio::test]
async fn a_file_moves_in_and_comes_out_as_it_was() {
    on_each(async |storage, folder| {
        let bytes: Vec<u8> = (0..200_000_u32).map(|at| at.to_le_bytes()[0]).collect();
        let key = Key::private("ada", "a.png", "image/png");
        let file = folder.file(&bytes);
        storage.put(&key, &file).await.unwrap();
        assert!(!file.exists());
        assert_eq!(read(storage, &key, None).await.unwrap(), bytes);
        assert_eq!(read(storage, &key, Some(1..70_000)).await.unwrap(), bytes[1..70_000]);
        assert_eq!(read(storage, &key, Some(199_999..200_000)).await.unwrap(), bytes[199_999..]);
        let info = storage.head(&key).await.unwrap();
        assert_eq!(info.size, 200_000);
        assert_eq!(info, storage.get(&key, Some(0..1)).await.unwrap().info);
        let other = Key::public("a.png", "image/png");
        storage.rename(&key, &other).await.unwrap();
        assert!(is_missing(read(storage, &key, None).await));
        assert_eq!(read(storage, &other, None).await.unwrap(), bytes);
        storage.delete(&other).await.unwrap();
        storage.delete(&other).await.unwrap();
        assert!(
            is_missing(storage.head(&other).await) && is_missing(read(storage, &other, Some(0..1)).await)
        );
        assert!(is_missing(storage.rename(&other, &key).await));
        assert_eq!(storage.signed_put(&key, "image/png", Duration::from_secs(9)).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_file_of_many_parts_and_one_of_none_are_kept_whole() {
    on_each(async |storage, folder| {
        for size in [0_usize, 1, (5 << 20) - 1, 5 << 20, (5 << 20) + 1, 11 << 20] {
            // No part of it is like another.
            let mut bytes: Vec<u8> = (0..=250).collect::<Vec<u8>>().repeat(size / 251 + 1);
            bytes.truncate(size);
            let key = Key::public("a", "");
            storage.put(&key, &folder.file(&bytes)).await.unwrap();
            assert!(read(storage, &key, None).await.unwrap() == bytes, "{size}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_put_stays_where_it_was() {
    on_each(async |storage, folder| {
        let key = Key::public("a", "");
        assert!(storage.put(&key, &folder.0.join("not there")).await.is_err());
        assert!(is_missing(storage.head(&key).await));
    })
    .await;
}

#[tokio::test]
async fn keeping_says_where_a_file_is_and_what_it_is() {
    on_each(async |storage, folder| {
        for owner in [None, Some("ada")] {
            let file = folder.file(b"hello");
            let keeping = Keeping {
                source: Source::File(&file),
                name: "Übersicht.TXT",
                content_type: "text/plain",
                size: 5,
                sha256: "2cf2",
            };
            let kept = keep(storage, owner, keeping).await.unwrap();
            assert_eq!(kept.url, format!("/uploads/{}", kept.key));
            assert_eq!((&*kept.name, &*kept.content_type, kept.size), ("Übersicht.TXT", "text/plain", 5));
            let key: Key = kept.key.parse().unwrap();
            assert_eq!((key.is_public(), key.is_of("ada")), (owner.is_none(), owner.is_some()));
            assert!(kept.key.ends_with(".txt"), "{}", kept.key);
            assert_eq!(read(storage, &key, None).await.unwrap(), b"hello");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_checked_is_what_is_kept_though_its_sender_goes_on_writing() {
    on_each(async |storage, folder| {
        assert!(is_missing(claim_incoming(storage, 7).await));
        storage.put(&Key::incoming(7), &folder.file(b"harmless")).await.unwrap();
        let claimed = claim_incoming(storage, 7).await.unwrap();
        storage.put(&Key::incoming(7), &folder.file(b"something else")).await.unwrap();
        let keeping = Keeping {
            source: Source::Stored(&claimed),
            name: "a",
            content_type: "image/png",
            size: 8,
            sha256: "",
        };
        let kept = keep(storage, None, keeping).await.unwrap();
        assert_eq!(read(storage, &kept.key.parse().unwrap(), None).await.unwrap(), b"harmless");
        assert!(is_missing(storage.head(&claimed).await));
    })
    .await;
}

#[cfg(unix)]
#[tokio::test]
async fn links_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    let disk = folder.disk();
    let secret = folder.file(b"secret");
    let (key, inner) = (Key::public("a.png", "image/png"), Key::private("ada", "a.png", "image/png"));
    let kept = folder.0.join("kept");
    symlink(&secret, kept.join(key.as_str())).unwrap();
    assert!(is_missing(read(&disk, &key, None).await) && is_missing(disk.head(&key).await));
    // A folder on the way.
    let outside = folder.0.join("outside");
    let (owner, name) = inner.as_str().rsplit_once('/').unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::create_dir_all(kept.join("private")).unwrap();
    fs::write(outside.join(name), b"secret").unwrap();
    symlink(&outside, kept.join(owner)).unwrap();
    assert!(is_missing(read(&disk, &inner, None).await) && is_missing(disk.head(&inner).await));
    // A folder in the place of a file.
    let key = Key::public("a.png", "image/png");
    fs::create_dir(kept.join(key.as_str())).unwrap();
    assert!(is_missing(read(&disk, &key, None).await) && is_missing(disk.head(&key).await));
    // The folder itself may be behind one: it is the application's.
    symlink(&kept, folder.0.join("link")).unwrap();
    let behind = Disk::at(folder.0.join("link")).unwrap();
    let key = Key::public("b.png", "image/png");
    behind.put(&key, &folder.file(b"b")).await.unwrap();
    assert_eq!(read(&disk, &key, None).await.unwrap(), b"b");
}

#[test]
fn a_folder_that_cannot_be_is_refused_with_its_name() {
    let folder = Folder::new();
    let file = folder.file(b"");
    let refusal = Disk::at(&file).unwrap_err();
    assert!(matches!(&refusal, StorageError::Unusable { place, .. } if *place == file.display().to_string()));
}

#[test]
fn a_full_disk_is_told_from_other_errors() {
    use std::io::{Error, ErrorKind};
    let of = |kind: ErrorKind| StorageError::of_io(Error::from(kind));
    assert!(matches!(of(ErrorKind::StorageFull), StorageError::Full));
    assert!(matches!(of(ErrorKind::QuotaExceeded), StorageError::Full));
    assert!(matches!(of(ErrorKind::NotFound), StorageError::NotFound));
    assert!(matches!(of(ErrorKind::PermissionDenied), StorageError::Failed(_)));
    let deep = object_store::Error::Generic {
        store: "test",
        source: Box::new(object_store::Error::Generic {
            store: "test",
            source: Box::new(Error::from(ErrorKind::StorageFull)),
        }),
    };
    assert!(matches!(objects::failed(deep), StorageError::Full));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Every part of a file is that part of it.
    #[test]
    fn a_part_is_that_part(size in 1_u64..200_000, from: u64, length: u64) {
        let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let start = from % size;
        let end = start + 1 + length % (size - start);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = Folder::new();
            let (disk, key) = (folder.disk(), Key::public("a", ""));
            disk.put(&key, &folder.file(&bytes)).await.unwrap();
            let part = read(&disk, &key, Some(start..end)).await.unwrap();
            use futures_util::TryStreamExt as _;
            let pieces = disk.get(&key, None).await.unwrap().pieces;
            let longest = pieces.try_fold(0, async |most, piece| Ok(piece.len().max(most))).await.unwrap();
            assert!(longest <= 64 << 10);
            assert!(part == bytes[start as usize..end as usize], "{start}..{end} of {size}");
        });
    }
}
