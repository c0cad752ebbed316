//! What every store must do, as a list of cases, and what only the one in memory does.

use std::time::Duration;

use super::*;

/// Milliseconds a record is wanted for in these cases, unless it says otherwise.
const WANTED: u64 = 60_000;

fn id(number: u128) -> InstanceId {
    InstanceId::from_u128(number)
}

/// A record that can be told from others by its version.
pub(super) fn record(version: u64, expires: u64) -> Record {
    Record { version, expires, bytes: format!("sealed at version {version}").into() }
}

enum Step {
    /// Keeps a version of an instance, for so many milliseconds from now.
    Put(u128, u64, u64),
    /// Does not, because of that version.
    Newer(u128, u64, u64),
    Remove(u128),
    /// That version is kept.
    Kept(u128, u64),
    /// Nothing is kept.
    Nothing(u128),
    /// Time passes, in milliseconds.
    Wait(u64),
}

use Step::*;

const CASES: &[(&str, &[Step])] = &[
    ("what was never put is not there", &[Nothing(1), Remove(1), Nothing(1)]),
    ("instances are kept apart", &[Put(1, 1, WANTED), Put(2, 5, WANTED), Kept(1, 1), Kept(2, 5)]),
    ("a newer version takes the place of an older", &[Put(1, 1, WANTED), Put(1, 2, WANTED), Kept(1, 2)]),
    ("an older version is refused", &[Put(1, 7, WANTED), Newer(1, 6, 7), Kept(1, 7), Put(1, 8, WANTED)]),
    ("the same version is put again", &[Put(1, 3, WANTED), Put(1, 3, 2 * WANTED), Wait(WANTED), Kept(1, 3)]),
    ("versions may be as large as they get", &[Put(1, u64::MAX, WANTED), Newer(1, 0, u64::MAX)]),
    ("what was removed is not there", &[Put(1, 3, WANTED), Remove(1), Nothing(1), Remove(1)]),
    ("what was removed begins again", &[Put(1, 3, WANTED), Remove(1), Put(1, 1, WANTED), Kept(1, 1)]),
    ("what has expired is not there", &[Put(1, 3, 1_000), Wait(900), Kept(1, 3), Wait(200), Nothing(1)]),
    ("what has expired stands in nobody's way", &[Put(1, 3, 10), Wait(20), Put(1, 1, WANTED), Kept(1, 1)]),
    ("what expires at once is never there", &[Put(1, 3, 0), Nothing(1), Put(1, 1, WANTED), Kept(1, 1)]),
    (
        "an older version is refused even if it would last longer",
        &[Put(1, 3, 1_000), Newer(1, 2, 3), Kept(1, 3), Wait(2_000), Put(1, 2, WANTED)],
    ),
    (
        "a put says anew how long it lasts",
        &[Put(1, 1, 1_000), Put(1, 2, WANTED), Wait(2_000), Kept(1, 2), Put(1, 3, 10), Wait(20), Nothing(1)],
    ),
    (
        "one that expired does not take another along",
        &[Put(1, 1, 10), Put(2, 1, WANTED), Wait(20), Put(3, 1, WANTED), Nothing(1), Kept(2, 1), Kept(3, 1)],
    ),
];

/// Holds a store to what [`Store`] promises. Needs a paused clock; `durable` is what it should say.
pub(super) async fn check(open: impl Fn() -> Arc<dyn Store>, durable: bool) {
    for (case, steps) in CASES {
        let store = open();
        for step in *steps {
            match *step {
                Put(number, version, wanted) => {
                    let put = store.put(id(number), record(version, now() + wanted)).await;
                    assert!(put.is_ok(), "{case}: {put:?}");
                }
                Newer(number, version, wanted) => {
                    let put = store.put(id(number), record(version, now() + 100 * WANTED)).await;
                    assert!(
                        matches!(put, Err(StoreError::Newer { kept }) if kept == wanted),
                        "{case}: {put:?}"
                    );
                }
                Remove(number) => store.remove(id(number)).await.expect(case),
                Kept(number, version) => {
                    let kept = store.get(id(number)).await.expect(case).expect(case);
                    assert_eq!(kept, record(version, kept.expires), "{case}");
                }
                Nothing(number) => assert_eq!(store.get(id(number)).await.expect(case), None, "{case}"),
                Wait(time) => tokio::time::advance(Duration::from_millis(time)).await,
            }
        }
        store.close().await;
    }
    let store = open();
    assert_eq!(store.is_durable(), durable);
    assert!(store.secret().is_some_and(|secret| secret != [0; 32]));
    assert_eq!(store.secret(), store.secret());
    many_at_once(&store).await;
    sizes(&store).await;
    closed(store).await;
}

/// Puts that come all at once to one instance and to many: what counts is which is newest.
async fn many_at_once(store: &Arc<dyn Store>) {
    let mut puts = tokio::task::JoinSet::new();
    for number in 0..600_u64 {
        // A third of them to one instance, and in no order: 601 is prime.
        let (instance, version) = if number % 3 == 0 { (0, number * 77 % 601) } else { (number, 1) };
        let store = Arc::clone(store);
        puts.spawn(async move {
            let put = store.put(id(instance.into()), record(version, u64::MAX)).await;
            (instance, version, put)
        });
    }
    let newest = (0..600).filter(|number| number % 3 == 0).map(|number| number * 77 % 601).max();
    let newest = newest.expect("there are some");
    while let Some(put) = puts.join_next().await {
        match put.expect("no put panics") {
            (_, _, Ok(())) => {}
            (0, version, Err(StoreError::Newer { kept })) => assert!(version < kept && kept <= newest),
            (instance, version, put) => panic!("{instance} version {version}: {put:?}"),
        }
    }
    for number in 0..600_u64 {
        let version = if number == 0 { newest } else { 1 };
        let kept = store.get(id(number.into())).await.expect("it is open");
        let wanted = (number == 0 || number % 3 != 0).then(|| record(version, u64::MAX));
        assert_eq!(kept, wanted, "instance {number}");
    }
}

/// Any size up to the limit comes back as it was.
async fn sizes(store: &Arc<dyn Store>) {
    for size in [0, 1, 4_095, 4_096, 35_000, 1 << 20, LARGEST_RECORD] {
        let bytes: Bytes = (0..size).map(|place| (place % 251) as u8).collect();
        let record = Record { version: 1, expires: u64::MAX, bytes };
        store.put(id(9), record.clone()).await.expect("it is not too large");
        assert!(store.get(id(9)).await.expect("it is open") == Some(record), "{size} bytes");
    }
    let bytes = vec![0; LARGEST_RECORD + 1].into();
    let put = store.put(id(9), Record { version: 1, expires: u64::MAX, bytes }).await;
    assert!(matches!(put, Err(StoreError::TooLarge { limit: LARGEST_RECORD, .. })), "{put:?}");
}

/// A closed store does nothing more, and can be closed again.
async fn closed(store: Arc<dyn Store>) {
    let (put, closed) = tokio::join!(store.put(id(7), record(1, u64::MAX)), store.close());
    assert!(put.is_ok(), "what was put before is done: {put:?}");
    let () = closed;
    store.close().await;
    let outcomes = [
        store.put(id(1), record(1, u64::MAX)).await,
        store.get(id(1)).await.map(drop),
        store.remove(id(1)).await,
    ];
    for outcome in outcomes {
        assert!(matches!(outcome, Err(StoreError::Closed)), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_in_memory_keeps_the_contract() {
    check(|| Arc::new(MemoryStore::new()), false).await;
    // And so does one behind another pointer.
    check(|| Arc::new(Arc::new(MemoryStore::new()) as Arc<dyn Store>), false).await;
}

#[tokio::test]
async fn a_clone_goes_on_where_a_closed_handle_ended() {
    let kept = MemoryStore::new();
    let before = kept.clone();
    before.put(id(1), record(1, u64::MAX)).await.unwrap();
    before.close().await;
    assert!(matches!(before.get(id(1)).await, Err(StoreError::Closed)));
    for after in [kept, before.clone()] {
        assert_eq!(after.get(id(1)).await.unwrap(), Some(record(1, u64::MAX)));
        assert_eq!(after.secret(), before.secret());
    }
}

#[tokio::test]
async fn a_full_memory_forgets_what_expires_soonest() {
    let size = |size: usize| Bytes::from(vec![0; size]);
    // Room for three of 872 bytes and what each costs beside them.
    let store = MemoryStore::with_limit(3_000);
    let now = now();
    for (number, wanted) in [(1, 3_000_000), (2, 1_000_000), (3, 2_000_000)] {
        store.put(id(number), Record { version: 1, expires: now + wanted, bytes: size(872) }).await.unwrap();
    }
    let check = async |wanted: &[u128]| {
        let mut kept = Vec::new();
        for number in 1..=4 {
            if store.get(id(number)).await.unwrap().is_some() {
                kept.push(number);
            }
        }
        assert_eq!(kept, wanted);
    };
    check(&[1, 2, 3]).await;
    // It expires before all the others and is kept nevertheless: it was just answered.
    store.put(id(4), Record { version: 1, expires: now + 500_000, bytes: size(872) }).await.unwrap();
    check(&[1, 3, 4]).await;
    // One that takes the place of its own needs no other room.
    store.put(id(4), Record { version: 2, expires: now + 9_000_000, bytes: size(872) }).await.unwrap();
    check(&[1, 3, 4]).await;
    // What nobody wants any more pushes nobody out.
    store.put(id(2), Record { version: 1, expires: now, bytes: size(2_872) }).await.unwrap();
    check(&[1, 3, 4]).await;
    store.put(id(2), Record { version: 1, expires: u64::MAX, bytes: size(2_872) }).await.unwrap();
    check(&[2]).await;
    let put = store.put(id(3), Record { version: 1, expires: u64::MAX, bytes: size(2_873) }).await;
    assert!(matches!(put, Err(StoreError::TooLarge { bytes: 2_873, limit: 2_872 })), "{put:?}");
    check(&[2]).await;
}

#[tokio::test]
async fn a_store_without_room_for_anything_says_so() {
    let put = MemoryStore::with_limit(0).put(id(1), record(1, u64::MAX)).await;
    assert!(matches!(put, Err(StoreError::TooLarge { limit: 0, .. })), "{put:?}");
}

#[test]
fn secrets_are_random_in_every_byte() {
    let secrets: Vec<[u8; 32]> = (0..64).map(|_| random()).collect();
    for place in 0..32 {
        // 64 bytes of which fewer than 32 differ come about once in 10¹⁹ times.
        let different: std::collections::HashSet<u8> = secrets.iter().map(|secret| secret[place]).collect();
        assert!(different.len() >= 32, "byte {place} is one of {different:?}");
    }
}
