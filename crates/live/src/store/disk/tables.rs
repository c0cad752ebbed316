//! What is in the tables: the records by id, and the order in which they are due.
//!
//! `records` holds three numbers for each instance (the version, when it expires, and where its entry in `due`
//! stands) and then the sealed bytes. `due` has exactly one entry for each record, so that what has expired is
//! found without reading what has not. A put over a record leaves the entry where it is, unless that is after
//! the record's own time; sweeping moves it on.
//!
//! What must stay true: an entry of `due` never stands later than its record expires, and none is left behind.

use bytes::Bytes;
use redb::{ReadableTable, StorageError, Table, TableDefinition, WriteTransaction};

use super::file::Change;
use crate::store::Record;

pub(super) const RECORDS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("records");
/// When it is time to look at a record, in milliseconds since 1970, and which one.
pub(super) const DUE: TableDefinition<'_, (u64, u128), ()> = TableDefinition::new("due");

/// One instance while changes are made to it, one after the other.
pub(super) struct Slot<'a> {
    /// As the file has it.
    pub(super) kept: Option<Head>,
    /// The version that is kept now, and when it expires.
    now: Option<(u64, u64)>,
    /// The change the file does not have yet.
    pub(super) last: Option<&'a Change<'a>>,
}

impl<'a> Slot<'a> {
    /// An instance as the file has it.
    pub(super) fn new(kept: Option<Head>) -> Self {
        Self { kept, now: kept.map(|head| (head.version, head.expires)), last: None }
    }

    /// Makes the change, or says which newer version is in its way.
    pub(super) fn apply(&mut self, change: &'a Change<'a>) -> Option<u64> {
        if let (Some(record), Some((version, expires))) = (change.record, self.now)
            && version > record.version
            && expires > change.now
        {
            return Some(version);
        }
        self.now = change.record.map(|record| (record.version, record.expires));
        self.last = Some(change);
        None
    }
}

/// What stands before the sealed bytes.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) version: u64,
    pub(super) expires: u64,
    /// Where the record stands in `due`.
    due: u64,
}

impl Head {
    const LENGTH: usize = 24;

    /// A value, taken apart; `None` if it is none of ours.
    pub(super) fn split(value: &[u8]) -> Option<(Self, &[u8])> {
        let (head, bytes) = value.split_first_chunk::<{ Self::LENGTH }>()?;
        let number = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
        Some((Self { version: number(0)?, expires: number(8)?, due: number(16)? }, bytes))
    }

    fn bytes(self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        for (to, number) in bytes.chunks_exact_mut(8).zip([self.version, self.expires, self.due]) {
            to.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }
}

/// The two tables of a transaction that belong together.
pub(super) struct Tables<'a> {
    records: Table<'a, u128, &'static [u8]>,
    due: Table<'a, (u64, u128), ()>,
}

impl<'a> Tables<'a> {
    pub(super) fn open(write: &'a WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self { records: write.open_table(RECORDS)?, due: write.open_table(DUE)? })
    }

    pub(super) fn head(&self, id: u128) -> Result<Option<Head>, redb::Error> {
        let value = self.records.get(id)?;
        Ok(value.and_then(|value| Some(Head::split(value.value())?.0)))
    }

    /// Writes a record in the place of `kept`. True: something was written.
    pub(super) fn keep(
        &mut self,
        id: u128,
        kept: Option<Head>,
        record: &Record,
    ) -> Result<bool, redb::Error> {
        let Record { version, expires, bytes } = record;
        let due = kept.map(|kept| kept.due).filter(|due| due <= expires);
        if due.is_none() {
            if let Some(kept) = kept {
                self.due.remove((kept.due, id))?;
            }
            self.due.insert((*expires, id), ())?;
        }
        let head = Head { version: *version, expires: *expires, due: due.unwrap_or(*expires) };
        let mut value = self.records.insert_reserve(id, Head::LENGTH + bytes.len())?;
        let (start, rest) = value.as_mut().split_at_mut(Head::LENGTH);
        start.copy_from_slice(&head.bytes());
        rest.copy_from_slice(bytes);
        Ok(true)
    }

    /// Takes `kept` away. False: there was nothing.
    pub(super) fn forget(&mut self, id: u128, kept: Option<Head>) -> Result<bool, redb::Error> {
        if let Some(kept) = kept {
            self.due.remove((kept.due, id))?;
        }
        Ok(self.records.remove(id)?.is_some())
    }

    /// Looks at the first `most` entries that are due; how many there were.
    pub(super) fn sweep(&mut self, now: u64, most: usize) -> Result<usize, redb::Error> {
        let due = self.due.range(..=(now, u128::MAX))?.take(most);
        let due: Vec<(u64, u128)> =
            due.map(|entry| Ok(entry?.0.value())).collect::<Result<_, StorageError>>()?;
        for (at, id) in &due {
            let mut moved = None;
            if let Some(value) = self.records.get(id)?
                && let Some((head, bytes)) = Head::split(value.value())
                && head.expires > now
            {
                let bytes = Bytes::copy_from_slice(bytes);
                moved = Some(Record { version: head.version, expires: head.expires, bytes });
            }
            self.due.remove((*at, *id))?;
            match moved {
                // It was put again since, with a later time.
                Some(record) => self.keep(*id, None, &record)?,
                None => self.records.remove(id)?.is_some(),
            };
        }
        Ok(due.len())
    }
}
