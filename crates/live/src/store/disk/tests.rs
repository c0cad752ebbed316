//! What only a store on disk does: outliving itself, refusing files, grouping, and failing well.

use std::fs;
use std::path::PathBuf;
use std::process::id as program;
use std::sync::atomic::AtomicU64;

use super::backing::Shut;
use super::*;
use crate::store::tests::{check, record};

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("live-store-{}-{}", program(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // There may be none.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn id(number: u128) -> InstanceId {
    InstanceId::from_u128(number)
}

/// Puts records of these instances, all at once.
async fn put_all(store: &Arc<DiskStore>, instances: std::ops::Range<u128>) -> Vec<Result<(), StoreError>> {
    let puts = instances.map(|number| {
        let store = Arc::clone(store);
        tokio::spawn(async move { store.put(id(number), record(1, u64::MAX)).await })
    });
    let mut answers = Vec::new();
    for put in puts.collect::<Vec<_>>() {
        answers.push(put.await.expect("no put panics"));
    }
    answers
}

/// Keeps the thread of a store in the middle of a put, until the gate is dropped.
async fn busy<'a>(store: &'a DiskStore, faults: &'a Faults) -> (Shut<'a>, Boxed<'a, Result<(), StoreError>>) {
    let gate = faults.switches.shut();
    let syncs = faults.switches.syncs.load(Ordering::Acquire);
    let mut put = store.put(id(u128::MAX), record(1, u64::MAX));
    assert!(futures_util::poll!(&mut put).is_pending());
    while faults.switches.syncs.load(Ordering::Acquire) == syncs {
        tokio::task::yield_now().await;
    }
    (gate, put)
}

#[tokio::test(start_paused = true)]
async fn a_store_on_disk_keeps_the_contract() {
    let scratch = Scratch::new();
    let next = AtomicU64::new(0);
    let open = || -> Arc<dyn Store> {
        let name = format!("{}.redb", next.fetch_add(1, Ordering::Relaxed));
        Arc::new(DiskStore::open(scratch.file(&name)).unwrap())
    };
    check(open, true).await;
}

#[tokio::test]
async fn a_file_that_is_opened_again_has_everything() {
    let scratch = Scratch::new();
    let path = scratch.file("some/folders/live.redb");
    let store = Arc::new(DiskStore::open(&path).unwrap());
    let secret = store.secret();
    assert!(put_all(&store, 0..50).await.iter().all(Result::is_ok));
    store.remove(id(3)).await.unwrap();
    store.put(id(4), record(2, u64::MAX)).await.unwrap();
    store.close().await;

    let store = DiskStore::open(&path).unwrap();
    assert_eq!(store.secret(), secret);
    for number in 0..50 {
        let wanted = match number {
            3 => None,
            4 => Some(record(2, u64::MAX)),
            _ => Some(record(1, u64::MAX)),
        };
        assert_eq!(store.get(id(number)).await.unwrap(), wanted);
    }
    assert!(matches!(store.put(id(4), record(1, u64::MAX)).await, Err(StoreError::Newer { kept: 2 })));
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_for_the_account_of_the_server_alone() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let path = scratch.file("live.redb");
    let _store = DiskStore::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_file_is_opened_once() {
    let scratch = Scratch::new();
    let path = scratch.file("live.redb");
    let store = DiskStore::open(&path).unwrap();
    let second = DiskStore::open(&path);
    assert!(matches!(second, Err(StoreError::InUse { .. })), "{second:?}");
    store.put(id(1), record(1, u64::MAX)).await.unwrap();
    store.close().await;
    DiskStore::open(&path).unwrap();
}

#[test]
fn a_file_of_somebody_else_is_refused_and_left_alone() {
    let other = {
        let scratch = Scratch::new();
        fs::create_dir_all(&scratch.0).unwrap();
        let database = redb::Database::create(scratch.file("other.redb")).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(redb::TableDefinition::<u64, u64>::new("accounts")).unwrap().insert(1, 2).unwrap();
        write.commit().unwrap();
        drop(database);
        fs::read(scratch.file("other.redb")).unwrap()
    };
    let check = |name: &str, content: &[u8]| {
        let scratch = Scratch::new();
        fs::create_dir_all(&scratch.0).unwrap();
        fs::write(scratch.file("live.redb"), content).unwrap();
        let opened = DiskStore::open(scratch.file("live.redb"));
        let Err(error @ StoreError::Foreign { .. }) = opened else { panic!("{name}: {opened:?}") };
        assert!(error.to_string().contains("live.redb"), "{name}: {error}");
        // A database is opened before anybody knows whose it is, which changes nothing that is in it.
        if !content.starts_with(b"redb") {
            assert!(fs::read(scratch.file("live.redb")).unwrap() == content, "{name}");
        }
    };
    check("a text", b"Dear diary");
    check("a database without an end to its name", b"redb\x1a\x0a\xa9");
    check("a picture", &[&b"\x89PNG\r\n\x1a\n"[..], &[7; 9_000]].concat());
    check("zeros with something in them", &[&[0; 9_000][..], b"treasure"].concat());
    check("more zeros than anybody reads through", &vec![0; 5 << 20]);
    check("the database of another program", &other);
}

#[tokio::test]
async fn a_file_whose_making_was_interrupted_is_made_again() {
    let scratch = Scratch::new();
    drop_and_wait(DiskStore::open(scratch.file("whole.redb")).unwrap()).await;
    let start = fs::read(scratch.file("whole.redb")).unwrap()[9..320].to_vec();
    let without_magic = [&[0; 9][..], &start, &[0; 1 << 20]].concat();
    let redb_only = {
        drop(redb::Database::create(scratch.file("bare.redb")).unwrap());
        fs::read(scratch.file("bare.redb")).unwrap()
    };
    for (name, content) in
        [("empty", vec![]), ("zeros", vec![0; 1 << 20]), ("magic", without_magic), ("tables", redb_only)]
    {
        let path = scratch.file(name);
        fs::write(&path, content).unwrap();
        let store = DiskStore::open(&path).expect(name);
        store.put(id(1), record(1, u64::MAX)).await.expect(name);
    }
}

async fn drop_and_wait(store: DiskStore) {
    store.close().await;
}

/// A number from a seed; the same ones in every run.
fn scramble(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

#[tokio::test]
async fn a_damaged_file_is_refused_or_used_but_never_ends_the_program() {
    let scratch = Scratch::new();
    let path = scratch.file("live.redb");
    let store = Arc::new(DiskStore::open(&path).unwrap());
    assert!(put_all(&store, 0..200).await.iter().all(Result::is_ok));
    // Both what a server leaves that was killed, and what one leaves that was closed.
    let running = fs::read(&path).unwrap();
    store.close().await;
    let closed = fs::read(&path).unwrap();

    let mut seed = 0x5EED_u64;
    let mut refused = 0;
    for round in 0..60 {
        let mut content = if round % 2 == 0 { running.clone() } else { closed.clone() };
        let length = content.len() as u64;
        let place = |seed: &mut u64| (scramble(seed) % length) as usize;
        match round % 3 {
            0 => {
                let end = place(&mut seed).max(9);
                content.truncate(end);
            }
            1 => {
                for _ in 0..200 {
                    let place = place(&mut seed);
                    content[place] ^= scramble(&mut seed) as u8;
                }
            }
            _ => {
                // The beginning says where everything is; its first bytes stay, or it were no database.
                let place = 9 + place(&mut seed) % 311;
                content[place] = !content[place];
            }
        }
        fs::write(&path, content).unwrap();
        match DiskStore::open(&path) {
            Ok(store) => {
                // Whatever it says, it says something.
                for number in 0..200 {
                    drop(store.get(id(number)).await);
                }
                drop(store.put(id(1), record(9, u64::MAX)).await);
                drop(store.remove(id(2)).await);
                store.close().await;
            }
            Err(error @ StoreError::Damaged { .. }) => {
                refused += 1;
                assert!(error.to_string().contains("move it away"), "{error}");
            }
            Err(error @ StoreError::Foreign { .. }) => drop(error),
            Err(error) => panic!("round {round}: {error:?}"),
        }
    }
    assert!(refused > 10, "only {refused} of 60 were refused: the damage is too small to prove anything");
}

#[tokio::test]
async fn a_thousand_puts_at_once_take_few_commits() {
    let scratch = Scratch::new();
    let store = Arc::new(DiskStore::open(scratch.file("live.redb")).unwrap());
    assert!(put_all(&store, 0..1_000).await.iter().all(Result::is_ok));
    assert!(store.commits() <= 50, "{} commits", store.commits());
    for number in 0..1_000 {
        assert!(store.get(id(number)).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn what_waits_together_is_one_commit_and_the_newest_of_an_instance_counts() {
    let scratch = Scratch::new();
    let faults = Faults::default();
    let store = DiskStore::start(&scratch.file("live.redb"), ROOM, faults.clone()).unwrap();
    let (gate, first) = busy(&store, &faults).await;
    // All these wait for the first, in this order.
    let at = u64::MAX;
    let puts = [(1, 1), (2, 5), (3, 1), (2, 7), (2, 6), (2, 7), (3, 2)];
    let mut answers: Vec<_> = puts.iter().map(|put| store.put(id(put.0), record(put.1, at))).collect();
    answers.push(store.remove(id(1)));
    let mut answers = futures_util::future::join_all(answers);
    assert!(futures_util::poll!(&mut answers).is_pending());
    drop(gate);
    first.await.unwrap();
    let answers = answers.await;
    let newer: Vec<Option<u64>> = answers
        .into_iter()
        .map(|answer| match answer {
            Ok(()) => None,
            Err(StoreError::Newer { kept }) => Some(kept),
            Err(error) => panic!("{error:?}"),
        })
        .collect();
    assert_eq!(newer, [None, None, None, None, Some(7), None, None, None]);
    assert_eq!(store.commits(), 2);
    assert_eq!(store.get(id(1)).await.unwrap(), None);
    assert_eq!(store.get(id(2)).await.unwrap(), Some(record(7, at)));
    assert_eq!(store.get(id(3)).await.unwrap(), Some(record(2, at)));
}

#[tokio::test]
async fn a_put_that_changes_nothing_costs_no_commit() {
    let scratch = Scratch::new();
    let store = DiskStore::open(scratch.file("live.redb")).unwrap();
    store.put(id(1), record(2, u64::MAX)).await.unwrap();
    assert!(store.put(id(1), record(1, u64::MAX)).await.is_err());
    store.remove(id(2)).await.unwrap();
    assert_eq!(store.commits(), 1);
}

#[tokio::test]
async fn what_does_not_fit_the_queue_waits_and_is_done() {
    let scratch = Scratch::new();
    let faults = Faults::default();
    let store = Arc::new(DiskStore::start(&scratch.file("live.redb"), 100_000, faults.clone()).unwrap());
    let (gate, first) = busy(&store, &faults).await;
    let large = |version| Record { version, expires: u64::MAX, bytes: vec![0; 60_000].into() };
    // There is room for one of these beside the one that keeps the thread busy, and for no other.
    let mut puts = tokio::task::JoinSet::new();
    for number in 0..4 {
        let store = Arc::clone(&store);
        puts.spawn(async move { store.put(id(number), large(1)).await });
    }
    // Every one of them has had its turn when this has had some.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(puts.try_join_next().is_none());
    assert_eq!(store.queue.max_capacity() - store.queue.capacity(), 1, "the others are not in the queue");
    drop(gate);
    first.await.unwrap();
    while let Some(put) = puts.join_next().await {
        put.unwrap().unwrap();
    }
}

#[tokio::test]
async fn closing_writes_what_was_put_before() {
    let scratch = Scratch::new();
    let faults = Faults::default();
    let path = scratch.file("live.redb");
    let store = Arc::new(DiskStore::start(&path, ROOM, faults.clone()).unwrap());
    let (gate, first) = busy(&store, &faults).await;
    let puts = tokio::spawn({
        let store = Arc::clone(&store);
        async move { put_all(&store, 0..100).await }
    });
    while store.queue.max_capacity() - store.queue.capacity() < 100 {
        tokio::task::yield_now().await;
    }
    let (one, other) = (Arc::clone(&store), Arc::clone(&store));
    let closing =
        [tokio::spawn(async move { one.close().await }), tokio::spawn(async move { other.close().await })];
    tokio::task::yield_now().await;
    drop(gate);
    for closing in closing {
        closing.await.unwrap();
    }
    first.await.unwrap();
    assert!(puts.await.unwrap().iter().all(Result::is_ok));
    let store = DiskStore::open(&path).unwrap();
    for number in 0..100 {
        assert!(store.get(id(number)).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn dropping_a_store_writes_what_was_put_before() {
    let scratch = Scratch::new();
    let path = scratch.file("live.redb");
    let store = DiskStore::open(&path).unwrap();
    let mut life = store.life.clone();
    {
        let mut put = store.put(id(1), record(1, u64::MAX));
        // Once, so that it is in the queue; nobody waits for the answer.
        assert!(futures_util::poll!(&mut put).is_pending());
    }
    drop(store);
    while life.changed().await.is_ok() {}
    assert!(DiskStore::open(&path).unwrap().get(id(1)).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_told_to_everybody_and_the_store_goes_on_when_there_is_room() {
    let scratch = Scratch::new();
    let faults = Faults::default();
    let store = Arc::new(DiskStore::start(&scratch.file("live.redb"), ROOM, faults.clone()).unwrap());
    store.put(id(0), record(1, u64::MAX)).await.unwrap();
    faults.switches.full.store(true, Ordering::Release);
    for answer in put_all(&store, 1..50).await {
        assert!(matches!(answer, Err(StoreError::Full)), "{answer:?}");
    }
    assert!(matches!(store.remove(id(0)).await, Err(StoreError::Full)));
    // What the next one is told after a while is why the file cannot be opened.
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    assert!(matches!(store.put(id(1), record(1, u64::MAX)).await, Err(StoreError::Full)));

    faults.switches.full.store(false, Ordering::Release);
    assert!(matches!(store.put(id(1), record(1, u64::MAX)).await, Err(StoreError::Full)), "it pauses");
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    store.put(id(1), record(2, u64::MAX)).await.unwrap();
    assert_eq!(store.get(id(0)).await.unwrap(), Some(record(1, u64::MAX)));
    assert_eq!(store.get(id(1)).await.unwrap(), Some(record(2, u64::MAX)));
}

#[tokio::test(start_paused = true)]
async fn a_failed_sync_ends_the_writing() {
    let scratch = Scratch::new();
    let faults = Faults::default();
    let path = scratch.file("live.redb");
    let store = Arc::new(DiskStore::start(&path, ROOM, faults.clone()).unwrap());
    store.put(id(0), record(1, u64::MAX)).await.unwrap();
    faults.switches.unsynced.store(true, Ordering::Release);
    for answer in put_all(&store, 1..50).await {
        assert!(matches!(answer, Err(StoreError::Failed(_))), "{answer:?}");
    }
    faults.switches.unsynced.store(false, Ordering::Release);
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    let put = store.put(id(1), record(1, u64::MAX)).await;
    assert!(put.is_err_and(|error| error.to_string().contains("until a restart")));
    store.close().await;
    let store = DiskStore::open(&path).unwrap();
    assert_eq!(store.get(id(0)).await.unwrap(), Some(record(1, u64::MAX)));
}

#[tokio::test]
async fn a_panic_below_answers_everybody_and_the_file_opens_again() {
    let scratch = Scratch::new();
    let faults = Faults::default();
    let path = scratch.file("live.redb");
    let store = Arc::new(DiskStore::start(&path, ROOM, faults.clone()).unwrap());
    store.put(id(0), record(1, u64::MAX)).await.unwrap();
    faults.switches.panics.store(true, Ordering::Release);
    let at_once = put_all(&store, 1..50).await;
    let later = put_all(&store, 1..2).await;
    for answer in at_once.into_iter().chain(later) {
        assert!(answer.is_err_and(|error| error.to_string().contains("panic")));
    }
    store.close().await;
    faults.switches.panics.store(false, Ordering::Release);
    let store = DiskStore::open(&path).unwrap();
    assert_eq!(store.get(id(0)).await.unwrap(), Some(record(1, u64::MAX)));
    store.put(id(1), record(1, u64::MAX)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_is_swept_away_and_nothing_else() {
    let scratch = Scratch::new();
    let path = scratch.file("live.redb");
    let store = DiskStore::open(&path).unwrap();
    let now = now();
    let put = async |store: &DiskStore, numbers: std::ops::Range<u128>, version, wanted: u64| {
        let puts = numbers.map(|number| store.put(id(number), record(version, now + wanted)));
        for put in futures_util::future::join_all(puts).await {
            put.unwrap();
        }
    };
    let rows = |store: &DiskStore| {
        let (records, due) = store.desk.file().as_ref().unwrap().rows();
        assert_eq!(records, due, "each record is due once");
        records
    };
    put(&store, 0..300, 1, 10_000).await;
    put(&store, 300..310, 1, 900_000).await;
    // A later time for some, an earlier one for others, and some that are not there any more.
    put(&store, 0..100, 2, 900_000).await;
    put(&store, 300..305, 2, 20_000).await;
    for number in 290..300 {
        store.remove(id(number)).await.unwrap();
    }
    assert_eq!(rows(&store), 300);
    let advance = |seconds| tokio::time::advance(std::time::Duration::from_secs(seconds));
    advance(15).await;
    // One more put is enough for the thread to see that there is much to do, and to do it when it has time.
    put(&store, 400..401, 1, 900_000).await;
    while rows(&store) > 111 {
        tokio::task::yield_now().await;
    }
    advance(10).await;
    store.close().await;

    // What expires while nobody has the file open is swept when somebody has.
    let mut file = File::open(&path, now + 30_000, &Faults::default()).unwrap().file;
    assert_eq!(file.rows(), (106, 106));
    drop(file);
    file = File::open(&path, now + 1_000_000, &Faults::default()).unwrap().file;
    assert_eq!(file.rows(), (0, 0));
}
