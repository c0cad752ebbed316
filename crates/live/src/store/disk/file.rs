//! The open file: a redb database with our tables in it, and what its errors mean to others.
//!
//! `disk.rs` reads from it, `writer.rs` writes to it; what is in its tables is `tables.rs`. Beside them there
//! is `meta`, with the format and the secret.
//!
//! What must stay true: whatever is found in the file, opening it ends with a sentence for the operator and
//! never with a panic; a transaction is on the disk before anybody is told that it is.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase, TableDefinition, TableError, WriteTransaction};

use super::backing::{Backing, Faults};
use super::claim::claim;
use super::tables::{Head, RECORDS, Slot, Tables};
use crate::store::{Record, StoreError, random};

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// What `meta` says under `format`; another one when a table changes.
const FORMAT: &str = "fluxstack-live store 1";
/// Bytes the database keeps in memory, 16 MiB. Its own default is a gigabyte; a snapshot is read once.
const CACHE: usize = 16 << 20;
/// Expired records a transaction sweeps away beside its own work.
const SWEEP: usize = 64;
/// Expired records a transaction sweeps away that has nothing else to do.
const SPRING_CLEANING: usize = 4_096;

/// The open file.
pub(super) struct File {
    database: Database,
    spoiled: Arc<AtomicBool>,
}

/// An open file, and what was found in it.
pub(super) struct Opened {
    pub(super) file: File,
    /// The secret that is kept beside the records.
    pub(super) secret: [u8; 32],
    /// Whether there may be more expired records to sweep.
    pub(super) more: bool,
}

/// What is to be kept of one instance: a record, or nothing.
pub(super) struct Change<'a> {
    pub(super) id: u128,
    pub(super) record: Option<&'a Record>,
    /// When that was wanted, in milliseconds since 1970.
    pub(super) now: u64,
}

/// What became of some changes.
pub(super) struct Written {
    /// For each of them: the newer version that is kept instead.
    pub(super) newer: Vec<Option<u64>>,
    /// Whether anything was written.
    pub(super) committed: bool,
    /// Whether there may be more expired records to sweep.
    pub(super) more: bool,
}

impl File {
    /// Opens the file at `path`, which is made if there is none, and sweeps it once.
    pub(super) fn open(path: &Path, now: u64, faults: &Faults) -> Result<Opened, StoreError> {
        let spoiled = Arc::new(AtomicBool::new(false));
        let backend = FileBackend::new(claim(path)?).map_err(|error| refused(path, error))?;
        let backing = Backing::new(backend, Arc::clone(&spoiled), faults.clone());
        // redb promises no more than that it need not panic over a file that was changed behind its back.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let mut builder = Database::builder();
            let database = builder.set_cache_size(CACHE).create_with_backend(backing);
            let file = Self { database: database.map_err(|error| refused(path, error))?, spoiled };
            file.ours(path)?;
            let secret = file.secret().map_err(|error| refused(path, error))?;
            let more = file.sweep(now).map_err(|error| refused(path, error))?;
            Ok(Opened { file, secret, more })
        }));
        opened.unwrap_or_else(|_| {
            let cause = "reading it made the database panic".into();
            Err(StoreError::Damaged { path: path.to_owned(), cause })
        })
    }

    /// Sees to it that this is our database; an empty one becomes it.
    fn ours(&self, path: &Path) -> Result<(), StoreError> {
        let read = self.database.begin_read().map_err(|error| refused(path, error))?;
        let foreign = |why: String| StoreError::Foreign { path: path.to_owned(), why };
        match read.open_table(META) {
            Ok(meta) => {
                let format = meta.get("format").map_err(|error| refused(path, error))?;
                let format = format.as_ref().map_or(&[][..], |format| format.value());
                if format == FORMAT.as_bytes() {
                    return Ok(());
                }
                let format = String::from_utf8_lossy(format);
                Err(foreign(format!("its format is `{format}`, and this version reads `{FORMAT}`")))
            }
            Err(TableError::TableDoesNotExist(_)) => {
                if read.list_tables().map_err(|error| refused(path, error))?.next().is_some() {
                    return Err(foreign("it is the database of another program".to_owned()));
                }
                drop(read);
                self.begin().map_err(|error| refused(path, error))
            }
            Err(TableError::Storage(error)) => Err(refused(path, error)),
            Err(_) => Err(foreign("it is the database of another program".to_owned())),
        }
    }

    /// Makes the tables.
    fn begin(&self) -> Result<(), redb::Error> {
        let write = self.database.begin_write()?;
        Tables::open(&write)?;
        {
            let mut meta = write.open_table(META)?;
            meta.insert("format", FORMAT.as_bytes())?;
            meta.insert("secret", &random()[..])?;
        }
        Ok(write.commit()?)
    }

    fn secret(&self) -> Result<[u8; 32], redb::Error> {
        let meta = self.database.begin_read()?.open_table(META)?;
        let secret = meta.get("secret")?;
        let secret = secret.and_then(|secret| secret.value().try_into().ok());
        secret.ok_or_else(|| redb::Error::Corrupted("there is no secret in it".to_owned()))
    }

    /// Whether a sync failed, after which nothing may be built on what is in the file.
    pub(super) fn is_spoiled(&self) -> bool {
        self.spoiled.load(Ordering::Acquire)
    }

    /// How many rows `records` and `due` have.
    #[cfg(test)]
    pub(super) fn rows(&self) -> (u64, u64) {
        use redb::ReadableTableMetadata;
        let read = self.database.begin_read().unwrap();
        let due = read.open_table(super::tables::DUE).unwrap();
        (read.open_table(RECORDS).unwrap().len().unwrap(), due.len().unwrap())
    }

    /// What is kept of an instance, unless it has expired.
    pub(super) fn read(&self, id: u128, now: u64) -> Result<Option<Record>, redb::Error> {
        let records = self.database.begin_read()?.open_table(RECORDS)?;
        let Some(value) = records.get(id)? else { return Ok(None) };
        let Some((Head { version, expires, .. }, bytes)) = Head::split(value.value()) else {
            return Ok(None);
        };
        Ok((expires > now).then(|| Record { version, expires, bytes: Bytes::copy_from_slice(bytes) }))
    }

    /// Makes the changes one after the other, in one transaction. When this returns, the disk has them.
    pub(super) fn write(&self, changes: &[Change<'_>]) -> Result<Written, redb::Error> {
        let write = self.database.begin_write()?;
        let mut tables = Tables::open(&write)?;
        // In the order of their ids, which is the order they have on the disk.
        let mut slots = BTreeMap::new();
        let mut newer = Vec::with_capacity(changes.len());
        for change in changes {
            let slot = match slots.entry(change.id) {
                Entry::Occupied(slot) => slot.into_mut(),
                Entry::Vacant(slot) => slot.insert(Slot::new(tables.head(change.id)?)),
            };
            newer.push(slot.apply(change));
        }
        let mut committed = false;
        for (id, slot) in slots {
            committed |= match slot.last {
                Some(Change { record: Some(record), .. }) => tables.keep(id, slot.kept, record)?,
                Some(Change { record: None, .. }) => tables.forget(id, slot.kept)?,
                None => false,
            };
        }
        let now = changes.iter().map(|change| change.now).max().unwrap_or(0);
        let swept = tables.sweep(now, SWEEP)?;
        committed |= swept > 0;
        drop(tables);
        end(write, committed)?;
        Ok(Written { newer, committed, more: swept == SWEEP })
    }

    /// Sweeps away records that have expired, [`SPRING_CLEANING`] of them; whether there may be more.
    pub(super) fn sweep(&self, now: u64) -> Result<bool, redb::Error> {
        let write = self.database.begin_write()?;
        let swept = Tables::open(&write)?.sweep(now, SPRING_CLEANING)?;
        end(write, swept > 0)?;
        Ok(swept == SPRING_CLEANING)
    }
}

/// Commits what is to be kept. redb's `Durability::Immediate` is the default and the only one we use: this
/// returns when the file is synced. One sync is enough, because checksums tell a torn commit from a whole one.
fn end(write: WriteTransaction, commit: bool) -> Result<(), redb::Error> {
    if commit { Ok(write.commit()?) } else { Ok(write.abort()?) }
}

/// What the database said while it worked.
pub(super) fn failed(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(error) if is_full(&error) => StoreError::Full,
        error => StoreError::Failed(Box::new(error)),
    }
}

/// What the system or the database said while the file was opened.
pub(super) fn refused(path: &Path, error: impl Into<redb::Error>) -> StoreError {
    let path = path.to_owned();
    match error.into() {
        redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => StoreError::InUse { path },
        redb::Error::UpgradeRequired(version) => {
            let why = format!("its file format is version {version} of the database, which is too old");
            StoreError::Foreign { path, why }
        }
        redb::Error::Io(error) if is_full(&error) => StoreError::Full,
        redb::Error::Io(error)
            if !matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData) =>
        {
            let text = format!("`{}` cannot be opened: {error}", path.display());
            StoreError::Failed(io::Error::new(error.kind(), text).into())
        }
        error => StoreError::Damaged { path, cause: error.into() },
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}
