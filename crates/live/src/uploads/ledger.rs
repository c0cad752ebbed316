//! Who has begun to send how much, and how much of all of it is on the disk.
//!
//! It follows tokio's clock, so tests can stop it. It begins anew with the program, but for what is on the disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Code, Error};
use crate::limits::Limits;

/// Owners that are remembered, about 300 bytes each. Beyond, the one is forgotten that has begun least.
const OWNERS: usize = 16_384;
/// Bytes that a file counts for at least: a disk and this server have work with an empty one, too.
const LEAST: u64 = 64 << 10;
/// Files on the disk at once that nobody has taken yet, about 500 bytes of memory each.
const FILES: usize = 65_536;
/// Files of one owner among them.
const FILES_OF_ONE: usize = 1_024;

/// A quota is of the last 24 hours, counted in whole ones.
const HOURS: usize = 25;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// See the module.
pub(super) struct Ledger {
    start: Instant,
    /// Bytes one owner may begin.
    quota: u64,
    /// Bytes on the disk.
    disk: u64,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    owners: HashMap<Arc<str>, Row>,
    bytes: u64,
    files: usize,
}

#[derive(Default)]
struct Row {
    /// Bytes begun in each of the last hours; an hour is where its number says.
    begun: [u64; HOURS],
    /// The number of the last hour.
    hour: u64,
    files: usize,
}

impl Ledger {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let Limits { upload_quota: quota, upload_disk: disk, .. } = *limits;
        Arc::new(Self { start: Instant::now(), quota, disk, books: Mutex::default() })
    }

    /// Somebody begins a file, `there` bytes of which are on the disk already.
    pub(super) fn begin(self: &Arc<Self>, owner: &Arc<str>, size: u64, there: u64) -> Result<Charge, Error> {
        let hour = self.hour();
        let bytes = size.max(LEAST);
        let mut books = self.books();
        if books.files >= FILES {
            return Err(no_room(&books));
        }
        self.fits(&books, size.saturating_sub(there))?;
        books.make_room_for(owner, hour);
        let row = books.owners.entry(Arc::clone(owner)).or_default();
        row.turn(hour);
        let begun = row.begun.iter().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
        if begun.saturating_add(bytes) > self.quota || row.files >= FILES_OF_ONE {
            return Err(Error::new(
                Code::UploadQuota,
                "you have sent as much as you may for today: try again tomorrow",
            ));
        }
        row.begun[place(hour)] += bytes;
        row.files += 1;
        Ok(Charge { ledger: Arc::clone(self), owner: Arc::clone(owner), bytes, hour, is_kept: false })
    }

    /// Whether so many more bytes may come.
    fn fits(&self, books: &Books, bytes: u64) -> Result<(), Error> {
        if books.bytes.saturating_add(bytes) > self.disk { Err(no_room(books)) } else { Ok(()) }
    }

    /// So many bytes go to the disk, if they may.
    pub(super) fn take(&self, bytes: u64) -> Result<(), Error> {
        let mut books = self.books();
        self.fits(&books, bytes)?;
        books.bytes += bytes;
        Ok(())
    }

    /// So many bytes are off the disk again.
    pub(super) fn give(&self, bytes: u64) {
        let mut books = self.books();
        books.bytes = books.bytes.saturating_sub(bytes);
    }

    /// One file more is on the disk, with so many bytes that nobody was asked for.
    pub(super) fn add_file(&self, bytes: u64) {
        let mut books = self.books();
        books.files += 1;
        books.bytes = books.bytes.saturating_add(bytes);
    }

    pub(super) fn remove_file(&self) {
        let mut books = self.books();
        books.files = books.files.saturating_sub(1);
    }

    /// Bytes and files on the disk.
    #[cfg(test)]
    pub(super) fn held(&self) -> (u64, usize) {
        let books = self.books();
        (books.bytes, books.files)
    }

    fn hour(&self) -> u64 {
        (Instant::now() - self.start).as_secs() / HOUR.as_secs()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cold]
fn no_room(books: &Books) -> Error {
    tracing::warn!(held = books.bytes, files = books.files, "there is no room for an upload");
    Error::new(Code::UploadNoSpace, "the server has no room for this file at present: try again later")
}

impl Books {
    /// Forgets somebody if there are too many to remember one more.
    fn make_room_for(&mut self, owner: &str, hour: u64) {
        if self.owners.len() < OWNERS || self.owners.contains_key(owner) {
            return;
        }
        // Looks at all of them, in less time than it takes to make a file.
        self.owners.retain(|_, row| {
            row.turn(hour);
            row.files > 0 || row.begun != [0; HOURS]
        });
        if self.owners.len() >= OWNERS {
            let least = self.owners.iter().min_by_key(|(_, row)| row.begun.iter().sum::<u64>());
            let least = least.map(|(owner, _)| Arc::clone(owner));
            least.and_then(|owner| self.owners.remove(&owner));
        }
    }
}

impl Row {
    /// Forgets what was begun more than a day before this hour.
    fn turn(&mut self, hour: u64) {
        let passed = hour.saturating_sub(self.hour).min(HOURS as u64);
        for back in 0..passed {
            self.begun[place(hour - back)] = 0;
        }
        self.hour = self.hour.max(hour);
    }
}

fn place(hour: u64) -> usize {
    usize::try_from(hour % HOURS as u64).expect("a remainder of 25 is small")
}

/// What a file counts for with its owner. Dropped with the file; what was never done is then given back.
pub(super) struct Charge {
    ledger: Arc<Ledger>,
    owner: Arc<str>,
    bytes: u64,
    hour: u64,
    is_kept: bool,
}

impl Charge {
    /// The file is done, so it counts for the day, whatever becomes of it.
    pub(super) fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let hour = self.ledger.hour();
        let mut books = self.ledger.books();
        let Some(row) = books.owners.get_mut(&self.owner) else { return };
        row.files = row.files.saturating_sub(1);
        row.turn(hour);
        if !self.is_kept && hour - self.hour < HOURS as u64 {
            let begun = &mut row.begun[place(self.hour)];
            *begun = begun.saturating_sub(self.bytes);
        }
        if row.files == 0 && row.begun == [0; HOURS] {
            books.owners.remove(&self.owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(change: impl FnOnce(&mut Limits)) -> Arc<Ledger> {
        let mut limits = Limits::default();
        change(&mut limits);
        Ledger::new(&limits)
    }

    fn code(result: Result<Charge, Error>) -> Code {
        result.err().expect("it is refused").code()
    }

    #[tokio::test(start_paused = true)]
    async fn one_may_begin_so_much_in_a_day_and_others_as_much() {
        let ledger = ledger(|limits| limits.upload_quota = 10 << 20);
        let (ada, bob) = (Arc::from("ada"), Arc::from("bob"));
        let mut first = ledger.begin(&ada, 6 << 20, 0).unwrap();
        assert_eq!(code(ledger.begin(&ada, 5 << 20, 0)), Code::UploadQuota);
        ledger.begin(&bob, 10 << 20, 0).unwrap();
        tokio::time::advance(12 * HOUR).await;
        let mut second = ledger.begin(&ada, 4 << 20, 0).unwrap();
        first.keep();
        second.keep();
        drop((first, second));
        assert_eq!(code(ledger.begin(&ada, 1, 0)), Code::UploadQuota);
        tokio::time::advance(12 * HOUR).await;
        assert_eq!(code(ledger.begin(&ada, 1, 0)), Code::UploadQuota);
        // The first is a day old.
        tokio::time::advance(HOUR).await;
        ledger.begin(&ada, 6 << 20, 0).unwrap().keep();
        assert_eq!(code(ledger.begin(&ada, 1, 0)), Code::UploadQuota);
        tokio::time::advance(24 * HOUR).await;
        ledger.begin(&ada, 1, 0).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_done_is_given_back() {
        let ledger = ledger(|limits| limits.upload_quota = 1 << 20);
        let ada = Arc::from("ada");
        for _ in 0..100 {
            drop(ledger.begin(&ada, 1 << 20, 0).unwrap());
            tokio::time::advance(HOUR / 2).await;
        }
        assert!(ledger.books().owners.is_empty());
        // Also a day later, when it would not count any more.
        let old = ledger.begin(&ada, 1 << 20, 0).unwrap();
        tokio::time::advance(30 * HOUR).await;
        let young = ledger.begin(&ada, 1 << 20, 0).unwrap();
        drop(old);
        assert_eq!(code(ledger.begin(&ada, 1, 0)), Code::UploadQuota);
        drop(young);
        ledger.begin(&ada, 1, 0).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_smallest_file_counts_for_something_and_there_are_only_so_many() {
        let ledger = ledger(|limits| limits.upload_quota = 2 * LEAST);
        let ada = Arc::from("ada");
        let files = [ledger.begin(&ada, 0, 0).unwrap(), ledger.begin(&ada, 0, 0).unwrap()];
        assert_eq!(code(ledger.begin(&ada, 0, 0)), Code::UploadQuota);
        drop(files);
        let ledger = self::ledger(|limits| limits.upload_quota = u64::MAX);
        let files: Vec<Charge> = (0..FILES_OF_ONE).map(|_| ledger.begin(&ada, 0, 0).unwrap()).collect();
        assert_eq!(code(ledger.begin(&ada, 0, 0)), Code::UploadQuota);
        drop(files);
        ledger.begin(&ada, 0, 0).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_disk_has_an_end() {
        let ledger = ledger(|limits| limits.upload_disk = 1_000);
        let ada = Arc::from("ada");
        ledger.add_file(400);
        assert_eq!(code(ledger.begin(&ada, 601, 0)), Code::UploadNoSpace);
        ledger.begin(&ada, 700, 100).unwrap();
        ledger.take(600).unwrap();
        assert_eq!(ledger.take(1).unwrap_err().code(), Code::UploadNoSpace);
        ledger.give(1);
        ledger.take(1).unwrap();
        (1..FILES).for_each(|_| ledger.add_file(0));
        assert_eq!(code(ledger.begin(&ada, 0, 0)), Code::UploadNoSpace);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_begun_least_is_forgotten_first() {
        let ledger = ledger(|_| {});
        let ada = Arc::from("ada");
        ledger.begin(&ada, 1 << 30, 0).unwrap().keep();
        for number in 0..OWNERS + 100 {
            ledger.begin(&Arc::from(format!("owner {number}")), 1, 0).unwrap().keep();
        }
        let books = ledger.books();
        assert!(books.owners.len() <= OWNERS && books.owners.contains_key(&ada));
    }
}
