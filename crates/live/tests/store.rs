//! A server that is killed loses nothing it has answered.
//!
//! The test starts this program again as a child that puts numbered records and says each number once it was
//! answered, kills it at a moment nobody chose, and looks for every number in the file.

#![cfg(feature = "disk")]

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fluxstack_live::protocol::InstanceId;
use fluxstack_live::store::{Record, StoreError};
use fluxstack_live::{DiskStore, Store};

/// The name of the test below, by which the child finds it.
const NAME: &str = "what_was_answered_is_there_after_a_kill";
/// Tells the child that it is one, and which file is its.
const FILE: &str = "FLUXSTACK_STORE_TEST_FILE";
/// Tells it from which number on.
const FROM: &str = "FLUXSTACK_STORE_TEST_FROM";
const ROUNDS: u64 = 10;
/// Answers that are waited for at most before the child is killed.
const MOST: u64 = 2_000;
/// Numbers after which a child that nobody kills ends by itself.
const LAST: u64 = 200_000;
/// Puts at once.
const WRITERS: u64 = 32;
/// Instances the numbers are spread over; the number is the version.
const INSTANCES: u64 = 97;

fn id(number: u64) -> InstanceId {
    InstanceId::from_u128((number % INSTANCES).into())
}

/// A record that is different for each number, and large enough for several pages now and then.
fn record(number: u64) -> Record {
    let size = if number.is_multiple_of(50) { 20_000 } else { 40 + number as usize % 400 };
    let bytes = number.to_le_bytes().repeat(size / 8 + 1);
    Record { version: number, expires: u64::MAX, bytes: bytes.into() }
}

/// What the child does: it puts one number after the other, many at once, and says which ones were answered.
fn child(path: &Path, from: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let store = Arc::new(DiskStore::open(path).expect("nobody has the file"));
    let next = Arc::new(AtomicU64::new(from));
    let writers = (0..WRITERS).map(|_| {
        let (store, next) = (Arc::clone(&store), Arc::clone(&next));
        runtime.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number > from + LAST {
                    return;
                }
                match store.put(id(number), record(number)).await {
                    // A later number of the same instance was faster.
                    Ok(()) | Err(StoreError::Newer { .. }) => {}
                    Err(error) => panic!("{number}: {error}"),
                }
                // To standard error: what tests write to standard output is mixed with what their runner says.
                // In one piece, so that a line is whole or not there.
                let line = format!("{number}\n");
                std::io::stderr().write_all(line.as_bytes()).expect("somebody reads it");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        runtime.block_on(writer).expect("no writer panics");
    }
}

/// The file of this run, and what goes with it.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn what_was_answered_is_there_after_a_kill() {
    if let (Some(path), Ok(from)) = (env::var_os(FILE), env::var(FROM)) {
        return child(Path::new(&path), from.parse().unwrap());
    }
    let name = format!("store-{}.redb", std::process::id());
    let scratch = Scratch(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // The moments are the same in every run as far as we can say, which is the number of answers.
    let mut seed: u64 = 0x5EED;
    let mut newest = vec![0; INSTANCES as usize];
    let mut secret = None;
    let mut from = 1;
    for round in 0..ROUNDS {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let wanted = 1 + seed % MOST;
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture", "--test-threads=1"])
            .env(FILE, &scratch.0)
            .env(FROM, from.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut answered = 0;
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 0 {
            if line.ends_with('\n') {
                let number: u64 = line.trim().parse().unwrap_or_else(|_| panic!("the child says: {line}"));
                let newest = &mut newest[(number % INSTANCES) as usize];
                *newest = number.max(*newest);
                from = from.max(number + 1);
                answered += 1;
            }
            line.clear();
            if answered == wanted {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(answered >= wanted, "round {round}: the child ended by itself after {answered} answers");

        let store = DiskStore::open(&scratch.0).unwrap();
        assert_eq!(*secret.get_or_insert(store.secret()), store.secret(), "round {round}");
        for (instance, newest) in newest.iter().enumerate() {
            let kept = runtime.block_on(store.get(id(instance as u64))).unwrap();
            let version = kept.as_ref().map_or(0, |kept| kept.version);
            assert!(version >= *newest, "round {round}: {newest} was answered, and {version} is kept");
            assert!(
                kept.is_none_or(|kept| kept == record(version)),
                "round {round}: {version} is not itself"
            );
        }
        runtime.block_on(store.close());
        // Past everything the child may have put without saying so.
        from += LAST + WRITERS;
    }
}
