//! The thread that writes: it takes what waits, commits it at once and answers.
//!
//! `disk.rs` sends it orders and never waits for it with a thread. One transaction holds everything that was
//! waiting when it began, up to [`GROUP`]; what comes meanwhile is the next one. Orders for the same instance
//! are done in the order they came, and only the last of them is written.
//!
//! What must stay true: every order is answered, by us or by being dropped, and no sooner than its
//! transaction is on the disk; before one is dropped, `Life` says why.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::{error, fmt, thread};

use tokio::sync::mpsc::{Receiver, error::TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::backing::Faults;
use super::file::{self, Change, File, Opened};
use crate::store::{Record, StoreError};

/// Bytes in one transaction, 8 MiB: some 30 ms of an ordinary disk, which is how long the next one waits.
const GROUP: usize = 8 << 20;
/// Milliseconds a file that failed is left alone before it is opened again, so that a disk that stays full is
/// not read through for every put. By the store's clock, like everything the thread is told.
const PAUSE: u64 = 1_000;

/// What the thread and those who wait for it share.
pub(super) struct Desk {
    /// `None` if it could not be opened again after an error, and when all is over.
    file: RwLock<Option<File>>,
    pub(super) path: PathBuf,
    pub(super) secret: [u8; 32],
    /// One permit for each byte that may wait.
    pub(super) room: Arc<Semaphore>,
    /// Transactions so far.
    pub(super) commits: AtomicU64,
    faults: Faults,
}

impl Desk {
    pub(super) fn new(file: File, path: &Path, secret: [u8; 32], room: usize, faults: Faults) -> Self {
        let (file, room) = (RwLock::new(Some(file)), Arc::new(Semaphore::new(room)));
        Self { file, path: path.to_owned(), secret, room, commits: AtomicU64::new(0), faults }
    }

    pub(super) fn file(&self) -> RwLockReadGuard<'_, Option<File>> {
        // What a panic can leave behind is decided in `Writer`, not by a flag.
        self.file.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file, when nobody is reading from it any more.
    fn file_alone(&self) -> RwLockWriteGuard<'_, Option<File>> {
        self.file.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread is told.
pub(super) enum Mail {
    Order(Order),
    /// Nothing more will come; end when everything is written.
    Close,
}

/// One thing to do.
pub(super) struct Order {
    pub(super) id: u128,
    /// What to keep; `None` to keep nothing.
    pub(super) record: Option<Record>,
    /// When it was ordered, in milliseconds since 1970.
    pub(super) now: u64,
    pub(super) answer: oneshot::Sender<Result<(), StoreError>>,
    /// Bytes it counts for.
    pub(super) size: usize,
    /// The room it takes up until it is answered.
    pub(super) _room: OwnedSemaphorePermit,
}

/// Where the thread is in its life.
#[derive(Clone, Copy)]
pub(super) enum Life {
    Running,
    /// It was told to end.
    Closed,
    /// It panicked.
    Broken,
}

impl Life {
    /// What to tell those it has not answered.
    pub(super) fn error(self) -> StoreError {
        match self {
            Self::Closed => StoreError::Closed,
            Self::Running => {
                let why = "the file was closed after an error, and could not be opened again yet";
                StoreError::Failed(why.into())
            }
            Self::Broken => {
                let why = "writing made the database panic, so nothing more is written; a restart says \
                           whether the file is damaged";
                StoreError::Failed(why.into())
            }
        }
    }
}

/// Starts the thread. `more`: there is something left to sweep, as of `now`.
pub(super) fn start(
    desk: Arc<Desk>,
    orders: Receiver<Mail>,
    life: watch::Sender<Life>,
    more: bool,
    now: u64,
) -> Result<(), StoreError> {
    let mut writer = Writer { desk, orders, more, now, failed: None };
    let thread = thread::Builder::new().name("live-store".to_owned()).spawn(move || {
        // Out here, so that a panic below does not drop what it holds before it is known what to say.
        let mut group = Vec::new();
        let lived = catch_unwind(AssertUnwindSafe(|| writer.run(&mut group)));
        life.send_replace(if lived.is_ok() { Life::Closed } else { Life::Broken });
        writer.end();
        drop((group, writer));
        // Last of all `life` itself goes, which is what `close` waits for.
    });
    thread.map(drop).map_err(|error| StoreError::Failed(error.into()))
}

struct Writer {
    desk: Arc<Desk>,
    orders: Receiver<Mail>,
    /// There may be expired records that were not swept away yet.
    more: bool,
    /// The time, as the last order had it.
    now: u64,
    /// When the file failed last, and how, if nothing went well since.
    failed: Option<(u64, Arc<StoreError>)>,
}

impl Writer {
    fn run(&mut self, group: &mut Vec<Order>) {
        while self.next(group) {
            if group.is_empty() {
                self.sweep();
            } else {
                self.write(group);
            }
        }
    }

    /// Takes everything that waits, up to [`GROUP`], or nothing if there is time to sweep. False at the end.
    fn next(&mut self, group: &mut Vec<Order>) -> bool {
        let mut bytes = 0;
        while bytes < GROUP {
            let mail = match self.orders.try_recv() {
                Ok(mail) => Some(mail),
                Err(TryRecvError::Empty) if group.is_empty() && !self.more => self.orders.blocking_recv(),
                Err(TryRecvError::Disconnected) if group.is_empty() => None,
                Err(_) => return true,
            };
            match mail {
                Some(Mail::Order(order)) => {
                    bytes += order.size;
                    self.now = order.now;
                    group.push(order);
                }
                // What is in the queue is still done, but nothing comes in any more.
                Some(Mail::Close) => self.orders.close(),
                None => return false,
            }
        }
        true
    }

    /// Does what the orders say, and answers them.
    fn write(&mut self, group: &mut Vec<Order>) {
        let changes: Vec<Change<'_>> = group
            .iter()
            .map(|Order { id, record, now, .. }| Change { id: *id, record: record.as_ref(), now: *now })
            .collect();
        let outcome = self.commit(|file| {
            let written = file.write(&changes)?;
            Ok((written.committed, written))
        });
        // Whoever asked may be gone, which is fine.
        match outcome {
            Ok(written) => {
                self.more = written.more;
                for (order, newer) in group.drain(..).zip(written.newer) {
                    let answer = newer.map_or(Ok(()), |kept| Err(StoreError::Newer { kept }));
                    let _ = order.answer.send(answer);
                }
            }
            Err(error) => {
                for order in group.drain(..) {
                    let _ = order.answer.send(Err(same(&error)));
                }
            }
        }
    }

    /// Sweeps once. What fails here fails again for the next order, which has somebody to tell.
    fn sweep(&mut self) {
        let now = self.now;
        self.more = self.commit(|file| Ok((true, file.sweep(now)?))).unwrap_or(false);
    }

    /// Does something with the file, which must be open and well. `act` says whether it committed.
    fn commit<T>(
        &mut self,
        act: impl FnOnce(&File) -> Result<(bool, T), redb::Error>,
    ) -> Result<T, Arc<StoreError>> {
        if let Some((when, error)) = &self.failed
            && self.now.abs_diff(*when) < PAUSE
        {
            return Err(Arc::clone(error));
        }
        let closed = self.desk.file().is_none();
        let open = if closed { self.open_again() } else { Ok(()) };
        let outcome = open.and_then(|()| match &*self.desk.file() {
            Some(file) if file.is_spoiled() => Err(spoiled()),
            Some(file) => act(file).map_err(file::failed),
            None => Err(Life::Running.error()),
        });
        match outcome {
            Ok((committed, value)) => {
                self.failed = None;
                self.desk.commits.fetch_add(committed.into(), Ordering::Relaxed);
                Ok(value)
            }
            Err(error) => {
                // A database that met an error does nothing more, reading included, until it is opened again.
                let error = Arc::new(error);
                let since = self.open_again().err().map_or_else(|| Arc::clone(&error), Arc::new);
                self.failed = Some((self.now, since));
                Err(error)
            }
        }
    }

    /// Closes the file and opens it, which repairs it. Whoever wants to read waits meanwhile.
    fn open_again(&mut self) -> Result<(), StoreError> {
        let mut place = self.desk.file_alone();
        if place.as_ref().is_some_and(File::is_spoiled) {
            return Err(spoiled());
        }
        drop(place.take());
        let Opened { file, secret, more } = File::open(&self.desk.path, self.now, &self.desk.faults)?;
        if secret != self.desk.secret {
            return Err(StoreError::Failed("there is another file now where the store was".into()));
        }
        *place = Some(file);
        self.more = more;
        Ok(())
    }

    /// Closes everything.
    fn end(&mut self) {
        // A file that cannot be closed is repaired when it is opened, and everything was answered.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(self.desk.file_alone().take())));
        self.desk.room.close();
        self.orders.close();
    }
}

#[cold]
fn spoiled() -> StoreError {
    let why = "a sync failed, so what the disk holds is not known; nothing more is written until a restart";
    StoreError::Failed(why.into())
}

/// The same error for everybody who waited for the same transaction.
fn same(error: &Arc<StoreError>) -> StoreError {
    match **error {
        StoreError::Full => StoreError::Full,
        _ => StoreError::Failed(Box::new(Same(Arc::clone(error)))),
    }
}

#[derive(Debug)]
struct Same(Arc<StoreError>);

impl fmt::Display for Same {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // "the store failed: " was said by whoever holds this one.
        match &*self.0 {
            StoreError::Failed(cause) => cause.fmt(f),
            other => other.fmt(f),
        }
    }
}

impl error::Error for Same {}
