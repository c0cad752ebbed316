//! A file that goes past the server is checked like any other, and kept where it is.

#![expect(clippy::unwrap_used, reason = "a test may unwrap, also where it is not itself the test")]

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest as _, Sha256};

use super::super::{Opened, Opening, Uploads};
use super::*;
use crate::limits::Limits;
use crate::storage::object_store::memory::InMemory;
use crate::storage::{Boxed, Object, ObjectInfo, ObjectStorage};

/// A storage that says where to send files.
#[derive(Clone)]
struct Bucket(Arc<ObjectStorage>);

impl Storage for Bucket {
    fn put<'a>(&'a self, key: &'a Key, file: &'a Path) -> Boxed<'a, ()> {
        self.0.put(key, file)
    }

    fn get<'a>(&'a self, key: &'a Key, range: Option<Range<u64>>) -> Boxed<'a, Object> {
        self.0.get(key, range)
    }

    fn head<'a>(&'a self, key: &'a Key) -> Boxed<'a, ObjectInfo> {
        self.0.head(key)
    }

    fn delete<'a>(&'a self, key: &'a Key) -> Boxed<'a, ()> {
        self.0.delete(key)
    }

    fn rename<'a>(&'a self, from: &'a Key, to: &'a Key) -> Boxed<'a, ()> {
        self.0.rename(from, to)
    }

    fn signed_put<'a>(
        &'a self,
        key: &'a Key,
        content_type: &'a str,
        _: Duration,
    ) -> Boxed<'a, Option<crate::storage::Direct>> {
        let headers = [("content-type".to_owned(), content_type.to_owned())].into();
        Box::pin(async move {
            Ok(Some(crate::storage::Direct { url: format!("bucket:{key}"), method: "PUT", headers }))
        })
    }
}

struct Site {
    folder: PathBuf,
    desk: Arc<Desk>,
    bucket: Bucket,
    store: Arc<InMemory>,
}

impl Site {
    fn new() -> Self {
        Self::with(&Limits::default())
    }

    fn with(limits: &Limits) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("fluxstack-live-direct-{}-{count}", std::process::id()));
        let store = Arc::new(InMemory::new());
        let bucket = Bucket(Arc::new(ObjectStorage::new(Arc::clone(&store))));
        let uploads = Uploads::at(&folder).storage(bucket.clone());
        let desk = Desk::start(uploads, limits).unwrap();
        Self { folder, desk, bucket, store }
    }

    async fn open(&self, size: usize) -> Opened {
        self.try_to_open(size).await.unwrap()
    }

    async fn try_to_open(&self, size: usize) -> Result<Opened, Error> {
        let ask = Opening {
            id: FileId::new("session", "ada", "upload"),
            turn: 0,
            owner: "ada".into(),
            name: "notes.txt".into(),
            kind: "text/plain".into(),
            size: size as u64,
            is_resumed: false,
            is_direct: true,
            accept: Arc::default(),
            progress: Box::new(|_| {}),
        };
        self.desk.open(ask).await
    }

    /// What a client does with the address.
    async fn send(&self, direct: &Direct, bytes: &[u8]) {
        assert_eq!((&*direct.method, &*direct.headers), ("PUT", &[header()][..]));
        let key = Key::incoming(FileId::new("session", "ada", "upload").to_u128());
        assert_eq!(direct.url, format!("bucket:{key}"));
        let path = self.folder.join("sent");
        std::fs::write(&path, bytes).unwrap();
        self.bucket.put(&key, &path).await.unwrap();
    }

    /// How many files there are in the storage.
    async fn count(&self) -> usize {
        use crate::storage::object_store::ObjectStore as _;
        self.store.list(None).count().await
    }

    /// Waits until there are so many.
    async fn wait_for(&self, count: usize) {
        while self.count().await != count {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn header() -> (String, String) {
    ("content-type".to_owned(), "text/plain".to_owned())
}

async fn complete(sending: &Arc<Sending>, bytes: &[u8]) -> Result<UploadedFile, Error> {
    let (answer, answered) = oneshot::channel();
    sending.complete(Some(Sha256::digest(bytes).into()), Box::new(move |file| drop(answer.send(file))));
    answered.await.unwrap()
}

fn code(answer: Result<UploadedFile, Error>) -> Code {
    answer.unwrap_err().code()
}

#[tokio::test]
async fn a_file_that_came_straight_to_the_storage_is_checked_and_kept_there() {
    let site = Site::new();
    let bytes = "a line of text\n".repeat(100_000).into_bytes();
    let Opened { sending, received, direct } = site.open(bytes.len()).await;
    assert_eq!(received, 0);
    let direct = direct.unwrap();
    site.send(&direct, &bytes).await;
    let file = complete(&sending, &bytes).await.unwrap();
    assert!(std::fs::read(file.path()).unwrap() == bytes);
    // What its sender writes later does not count.
    site.send(&direct, b"something else").await;
    let kept = file.keep_public().await.unwrap();
    let object = site.bucket.get(&kept.key.parse().unwrap(), None).await.unwrap();
    let pieces: Vec<_> = object.pieces.collect().await;
    let there: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap()).collect();
    assert!(there == bytes);
    // That, and what was written later.
    assert_eq!(site.count().await, 2);
}

#[tokio::test]
async fn what_is_not_the_file_that_was_announced_is_refused_and_removed() {
    let site = Site::new();
    for (sent, expected) in [(&b"longer than it"[..], b"hello"), (b"hellx", b"hello"), (b"", b"hello")] {
        let Opened { sending, direct, .. } = site.open(5).await;
        site.send(&direct.unwrap(), sent).await;
        assert_eq!(code(complete(&sending, expected).await), Code::UploadCorrupt, "{sent:?}");
        site.wait_for(0).await;
    }
}

#[tokio::test]
async fn a_file_of_which_nothing_came_may_come_in_chunks() {
    let site = Site::new();
    let Opened { sending, direct, .. } = site.open(5).await;
    assert!(direct.is_some());
    assert_eq!(code(complete(&sending, b"hello").await), Code::UploadGap);
    let (answer, answered) = oneshot::channel();
    let written = Box::new(move |written| drop(answer.send(written)));
    sending.put(At::Offset(0), bytes::Bytes::from_static(b"hello"), written);
    assert_eq!(answered.await.unwrap().unwrap(), 5);
    assert_eq!(complete(&sending, b"hello").await.unwrap().size(), 5);
}

fn put(sending: &Arc<Sending>, bytes: &'static [u8]) -> oneshot::Receiver<Result<u64, Error>> {
    let (answer, answered) = oneshot::channel();
    let written = Box::new(move |written| drop(answer.send(written)));
    sending.put(At::Offset(0), bytes::Bytes::from_static(bytes), written);
    answered
}

async fn kept(site: &Site, file: UploadedFile) -> Vec<u8> {
    let kept = file.keep_public().await.unwrap();
    let object = site.bucket.get(&kept.key.parse().unwrap(), None).await.unwrap();
    let pieces: Vec<_> = object.pieces.collect().await;
    pieces.into_iter().flat_map(|piece| piece.unwrap()).collect()
}

#[tokio::test]
async fn what_is_in_the_storage_is_not_kept_for_a_file_that_came_in_chunks() {
    let site = Site::new();
    let Opened { sending, direct, .. } = site.open(5).await;
    site.send(&direct.unwrap(), b"enemy").await;
    assert_eq!(put(&sending, b"hello").await.unwrap().unwrap(), 5);
    let file = complete(&sending, b"hello").await.unwrap();
    assert_eq!(kept(&site, file).await, b"hello");
}

#[tokio::test]
async fn while_a_file_is_read_from_the_storage_no_chunk_of_it_comes_by_another_way() {
    let site = Site::new();
    let Opened { sending, direct, .. } = site.open(5).await;
    site.send(&direct.unwrap(), b"hello").await;
    let (answer, answered) = oneshot::channel();
    sending.complete(None, Box::new(move |file| drop(answer.send(file))));
    assert_eq!(put(&sending, b"enemy").await.unwrap().unwrap_err().code(), Code::Busy);
    assert_eq!(code(complete(&sending, b"hello").await), Code::Busy);
    let file = answered.await.unwrap().unwrap();
    assert_eq!(kept(&site, file).await, b"hello");
}

#[tokio::test]
async fn what_is_left_of_a_fetch_that_failed_is_not_mixed_with_the_next() {
    let site = Site::new();
    let Opened { sending, direct, .. } = site.open(5).await;
    // As far as it came.
    let (answer, answered) = oneshot::channel();
    let written = Box::new(move |written| drop(answer.send(written)));
    sending.put_fetched(At::Offset(0), bytes::Bytes::from_static(b"ene"), written);
    answered.await.unwrap().unwrap();
    site.send(&direct.unwrap(), b"hello").await;
    let file = complete(&sending, b"hello").await.unwrap();
    assert_eq!(kept(&site, file).await, b"hello");
}

#[tokio::test]
async fn what_nobody_keeps_is_swept_from_the_storage() {
    let site = Site::new();
    let Opened { sending, direct, .. } = site.open(5).await;
    site.send(&direct.unwrap(), b"hello").await;
    let file = complete(&sending, b"hello").await.unwrap();
    site.desk.sweep_stored().await;
    assert_eq!(site.count().await, 1);
    file.move_to(site.folder.join("elsewhere")).await.unwrap();
    drop(sending);
    site.desk.sweep_stored().await;
    assert_eq!(site.count().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_to_the_address_of_a_file_that_was_given_up_is_removed_whenever_it_comes() {
    let site = Site::new();
    let Opened { sending, direct, .. } = site.open(5).await;
    let direct = direct.unwrap();
    site.send(&direct, b"hello").await;
    sending.cancel();
    site.wait_for(0).await;
    // The address is good still.
    site.send(&direct, b"any number of bytes").await;
    site.desk.sweep_stored().await;
    assert_eq!(site.count().await, 1);
    tokio::time::advance(VALID).await;
    site.desk.sweep_stored().await;
    assert_eq!(site.count().await, 0);
    assert!(site.desk.room().addresses().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_comes_to_an_address_late_is_left_for_a_file_that_is_on_its_way() {
    let site = Site::new();
    let Opened { sending, direct, .. } = site.open(5).await;
    site.send(&direct.unwrap(), b"hello").await;
    tokio::time::advance(VALID).await;
    site.desk.sweep_stored().await;
    assert_eq!(complete(&sending, b"hello").await.unwrap().size(), 5);
}

#[tokio::test]
async fn an_address_counts_against_the_quota_also_if_the_file_is_given_up() {
    let site = Site::with(&Limits { upload_quota: 128 << 10, ..Limits::default() });
    for _ in 0..2 {
        let Opened { sending, direct, .. } = site.open(5).await;
        assert!(direct.is_some());
        sending.cancel();
        while site.desk.room().ledger.held().1 > 0 {
            tokio::task::yield_now().await;
        }
    }
    let refused = site.try_to_open(5).await.err().unwrap();
    assert_eq!(refused.code(), Code::UploadQuota);
}
