//! What clients cost that can come back: connected, gone and waited for, at rest, and gone for good.
//!
//! The allocator keeps what was given back to it for the next who asks, so memory says how much was needed at
//! once and not how much is needed now. That is why each figure has a server of its own in which nothing that
//! is larger happens before: of those that are waited for, only a few were ever connected at once.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::PER_CONNECTION;
use crate::plan::Plan;
use crate::server::{Server, pause};
use crate::tab::{Outcome, Tab};

/// Seconds an instance waits for its client, so many that all are there when the last has come.
const GRACE: u64 = 20;
/// How much longer it may take until all have gone to rest.
const RESTING: Duration = Duration::from_secs(2);
/// Bytes that crowds may leave behind, once nobody waits for them: what the allocator loses between others.
const LEFT: i64 = 1024 * 1024;
/// Crowds before and crowds after. What is in memory between two of them goes up and down by megabytes, whichever
/// blocks the allocator could give back, and a leak is what does not go down again: so the least of some is held against
/// the least of others, and what each of those after leaves counts so many times.
const CROWDS: usize = 3;
/// Clients connected at once where the figure is not about them.
const FEW: usize = 25;

/// Measures and prints; fails if memory does not come back.
pub(super) fn measure(binary: &Path, clients: usize) -> Result<()> {
    let connected = connected(binary, clients)?;
    let growth = waited_for(binary, clients)?;
    at_rest(binary, clients)?;
    ensure!(
        connected <= PER_CONNECTION,
        "a connection that can come back costs {connected} bytes, more than {PER_CONNECTION}"
    );
    ensure!(
        growth <= LEFT,
        "{CROWDS} times {clients} clients came and went and left {growth} bytes behind, more than {LEFT}"
    );
    Ok(())
}

/// Bytes of each that is there.
fn connected(binary: &Path, clients: usize) -> Result<i64> {
    let server = start(binary, "none", GRACE)?;
    let before = server.resident()?;
    let tabs = come(&server, 0..clients)?;
    let after = server.resident()?;
    drop(tabs);
    let each = each(after - before, clients);
    println!(
        "memory: {clients} connections that can come back, {} → {} KiB, {each} bytes each",
        before / 1024,
        after / 1024
    );
    Ok(each)
}

/// Bytes that crowds leave behind, once nobody waits for them any more.
fn waited_for(binary: &Path, clients: usize) -> Result<i64> {
    // A store that keeps nothing: what is left is left by mistake.
    let server = start(binary, "none", GRACE)?;
    let before = server.resident()?;
    let (mut waiting, mut gone) = (None, Vec::new());
    for _ in 0..2 * CROWDS {
        let crowd = leave_waiting(&server, clients)?;
        waiting.get_or_insert(crowd);
        pause(Duration::from_secs(GRACE) + RESTING);
        gone.push(server.resident()?);
    }
    let waiting = waiting.unwrap_or(before);
    let least = |of: &[i64]| of.iter().min().copied().unwrap_or(before);
    let (first, later) = gone.split_at(CROWDS);
    println!(
        "memory: {clients} waited for, {} → {} KiB, {} bytes each",
        before / 1024,
        waiting / 1024,
        each(waiting - before, clients)
    );
    let kib: Vec<String> = gone.iter().map(|bytes| (bytes / 1024).to_string()).collect();
    println!("memory: after the grace period of each of {} such crowds {} KiB", gone.len(), kib.join(", "));
    Ok(least(later) - least(first))
}

/// Bytes in memory while so many are waited for.
fn leave_waiting(server: &Server, clients: usize) -> Result<i64> {
    let begun = Instant::now();
    let mut first = None;
    for from in (0..clients).step_by(FEW) {
        for tab in come(server, from..clients.min(from + FEW))? {
            tab.cut();
            first.get_or_insert(tab);
        }
    }
    let waiting = server.resident()?;
    if let Some(mut tab) = first {
        drop(tab.reconnect()?);
        let (known, outcomes) = tab.resume()?;
        ensure!(
            known && outcomes == [Outcome::Resumed],
            "it took {:?} and the first is waited for no more ({outcomes:?}): ask for fewer with --connections",
            begun.elapsed()
        );
    }
    Ok(waiting)
}

/// Bytes of each that rests in memory.
fn at_rest(binary: &Path, clients: usize) -> Result<()> {
    let server = start(binary, "memory", 0)?;
    let before = server.resident()?;
    for from in (0..clients).step_by(FEW) {
        come(&server, from..clients.min(from + FEW))?.iter().for_each(Tab::cut);
    }
    let after = server.resident()?;
    println!(
        "memory: {clients} at rest in memory, {} → {} KiB, {} bytes each",
        before / 1024,
        after / 1024,
        each(after - before, clients)
    );
    Ok(())
}

/// A server that has done everything once.
fn start(binary: &Path, store: &str, grace: u64) -> Result<Server> {
    let server = Server::start_frugal(binary, "memory", &["--store", store, "--grace", &grace.to_string()])?;
    let mut first = Tab::open(server.address, "first")?;
    for _ in 0..100 {
        first.mount(Plan::Count, "first".to_owned())?;
        first.unmount()?;
    }
    Ok(server)
}

/// Clients with these numbers, each with a mounted counter.
fn come(server: &Server, numbers: std::ops::Range<usize>) -> Result<Vec<Tab>> {
    let come = |number: usize| {
        let mut tab = Tab::open(server.address, &format!("a{number}"))?;
        tab.mount(Plan::Count, format!("a{number}"))?;
        Ok(tab)
    };
    numbers.map(come).collect()
}

fn each(bytes: i64, clients: usize) -> i64 {
    bytes / i64::try_from(clients.max(1)).unwrap_or(i64::MAX)
}
