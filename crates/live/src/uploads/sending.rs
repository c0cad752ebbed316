//! One connection's way to a file.
//!
//! What is to be done waits in a queue. While there is something in it, one thread for blocking work does one after
//! another: it writes a chunk, answers, and then hashes it, while the next is on its way. Small chunks that wait together
//! are answered together, because an answer wakes whoever writes to the socket, and that costs more than a small chunk.
//! When nothing waits it hashes what was there before, block by block, and then ends.
//!
//! What must stay true: one thread at most; every request is answered once; memory is what waits, and that has a bound.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
pub(crate) use fluxstack_live_protocol::upload::At;
use tokio::time::Instant;

use super::part::Written;
use super::slot::{Slot, gone};
use super::{Desk, UploadedFile, blocking, finish};
use crate::error::{Code, Error};

/// Called once, on any thread, and it must not block.
pub(crate) type Answer<T> = Box<dyn FnOnce(Result<T, Error>) + Send>;

/// Bytes that may wait to be written; the chunk that would be more is refused. Four of the largest chunks, where our client
/// has one on its way.
const WAITING: usize = 4 << 20;
/// Requests that may wait, however small.
const REQUESTS: usize = 256;
/// Bytes of chunks that are written before the first of them is answered. What is larger is answered by itself, so that its
/// client sends while we write.
const TOGETHER: usize = 64 << 10;
/// How often progress is told.
const PROGRESS: Duration = Duration::from_millis(100);

/// See the module. Dropping it is [`Sending::detach`].
pub(crate) struct Sending {
    pub(super) desk: Arc<Desk>,
    pub(super) slot: Arc<Slot>,
    pub(super) turn: u64,
    pub(super) size: u64,
    progress: Arc<dyn Fn(u64) + Send + Sync>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    route: Route,
    orders: VecDeque<Order>,
    /// Bytes of the chunks in it, and of the one that is being written.
    bytes: usize,
    is_running: bool,
    is_detached: bool,
    /// When progress was last told.
    told: Option<Instant>,
}

/// Which way the bytes come. Never two at once: what was checked would not be what is in the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Route {
    /// Over the connection.
    #[default]
    Here,
    /// Its sender has an address in the storage, and nothing has come here.
    Storage,
    /// It is being read from there.
    Fetching,
}

enum Order {
    Put(Put),
    Complete(Option<[u8; 32]>, Answer<UploadedFile>),
}

/// A chunk.
struct Put {
    at: At,
    bytes: Bytes,
    answer: Answer<u64>,
}

/// What is done without a look at what came meanwhile.
enum Task {
    Puts(Vec<Put>),
    Complete(Option<[u8; 32]>, Answer<UploadedFile>),
}

impl Sending {
    pub(super) fn new(
        desk: Arc<Desk>,
        slot: Arc<Slot>,
        turn: u64,
        size: u64,
        progress: Box<dyn Fn(u64) + Send + Sync>,
    ) -> Arc<Self> {
        let progress = Arc::from(progress);
        Arc::new(Self { desk, slot, turn, size, progress, queue: Mutex::default() })
    }

    /// A chunk. Answered with how many bytes are there when it is written.
    pub(crate) fn put(self: &Arc<Self>, at: At, bytes: Bytes, answer: Answer<u64>) {
        let mut queue = self.queue();
        if queue.route == Route::Fetching {
            drop(queue);
            return answer(Err(being_fetched()));
        }
        // Whoever sends it here does not want the address: what comes there does not count any more.
        queue.route = Route::Here;
        self.put_in(queue, at, bytes, answer);
    }

    /// The same for what is read from the storage.
    pub(super) fn put_fetched(self: &Arc<Self>, at: At, bytes: Bytes, answer: Answer<u64>) {
        self.put_in(self.queue(), at, bytes, answer);
    }

    fn put_in(self: &Arc<Self>, mut queue: MutexGuard<'_, Queue>, at: At, bytes: Bytes, answer: Answer<u64>) {
        if queue.is_detached || !self.slot.is_turn(self.turn) {
            drop(queue);
            return answer(Err(gone()));
        }
        let is_full = !queue.orders.is_empty() && queue.bytes.saturating_add(bytes.len()) > WAITING;
        if is_full || queue.orders.len() >= REQUESTS {
            drop(queue);
            return answer(Err(Error::new(
                Code::BadChunk,
                "too much is on its way: wait for answers before sending more",
            )));
        }
        queue.bytes += bytes.len();
        queue.orders.push_back(Order::Put(Put { at, bytes, answer }));
        self.run(queue);
    }

    /// That was all. Answered when the file is found to be whole, right and harmless, or not.
    pub(crate) fn complete(self: &Arc<Self>, hash: Option<[u8; 32]>, answer: Answer<UploadedFile>) {
        let mut queue = self.queue();
        match (queue.route, self.desk.room().storage.clone()) {
            (Route::Fetching, _) => {
                drop(queue);
                answer(Err(being_fetched()));
            }
            (Route::Storage, Some(storage)) => {
                queue.route = Route::Fetching;
                drop(queue);
                self.complete_stored(storage, hash, answer);
            }
            _ => {
                drop(queue);
                self.complete_here(hash, answer);
            }
        }
    }

    pub(super) fn take_route(&self, route: Route) {
        self.queue().route = route;
    }

    pub(super) fn complete_here(self: &Arc<Self>, hash: Option<[u8; 32]>, answer: Answer<UploadedFile>) {
        let mut queue = self.queue();
        if queue.is_detached || !self.slot.is_turn(self.turn) {
            drop(queue);
            return answer(Err(gone()));
        }
        if queue.orders.len() >= REQUESTS {
            drop(queue);
            return answer(Err(Error::new(Code::Busy, "too much is on its way: wait for answers")));
        }
        queue.orders.push_back(Order::Complete(hash, answer));
        self.run(queue);
    }

    /// The client gives it up: what is there is removed. What waits is answered, and not written.
    pub(crate) fn cancel(&self) {
        if self.slot.give_up(self.turn) {
            let (desk, slot) = (Arc::clone(&self.desk), Arc::clone(&self.slot));
            blocking(move || desk.room().erase_unwanted(&slot));
        }
    }

    /// The connection is gone; what is there stays. What waits is written.
    pub(crate) fn detach(&self) {
        let mut queue = self.queue();
        // A thread that runs does it when it ends.
        if !std::mem::replace(&mut queue.is_detached, true) && !queue.is_running {
            drop(queue);
            let (slot, turn, progress) = (Arc::clone(&self.slot), self.turn, Arc::clone(&self.progress));
            blocking(move || rest(&slot, turn, &*progress));
        }
    }

    /// Hashes what was there before this connection came.
    pub(super) fn catch_up(self: &Arc<Self>) {
        let queue = self.queue();
        self.run(queue);
    }

    fn run(self: &Arc<Self>, mut queue: MutexGuard<'_, Queue>) {
        if !std::mem::replace(&mut queue.is_running, true) {
            drop(queue);
            let sending = Arc::clone(self);
            blocking(move || sending.drain());
        }
    }

    /// Does what waits until nothing does. On a thread that may block.
    fn drain(self: Arc<Self>) {
        let mut buffer = Vec::new();
        loop {
            let next = self.queue().next();
            if let Some(task) = next {
                self.carry_out(task, &mut buffer);
                continue;
            }
            if !self.queue().is_detached
                && self.slot.catch_up(self.desk.room(), self.turn, &mut buffer).unwrap_or(false)
            {
                continue;
            }
            let mut queue = self.queue();
            if queue.orders.is_empty() {
                queue.is_running = false;
                let is_over = queue.is_detached;
                drop(queue);
                if is_over {
                    rest(&self.slot, self.turn, &*self.progress);
                }
                return;
            }
        }
    }

    fn carry_out(self: &Arc<Self>, task: Task, buffer: &mut Vec<u8>) {
        let length = match &task {
            Task::Puts(puts) => puts.iter().map(|put| put.bytes.len()).sum(),
            Task::Complete(..) => 0,
        };
        // Whoever waits behind one that panics is not to wait for ever. It drops what would answer, which answers.
        let done = catch_unwind(AssertUnwindSafe(|| match task {
            Task::Puts(puts) => self.write(puts),
            Task::Complete(hash, answer) => finish::complete(self, hash, answer, buffer),
        }));
        if done.is_err() {
            tracing::error!(id = %self.slot.id, "an upload panicked");
        }
        let mut queue = self.queue();
        queue.bytes = queue.bytes.saturating_sub(length);
    }

    fn write(&self, puts: Vec<Put>) {
        let write = |put: Put| (self.slot.put(self.desk.room(), self.turn, put.at, &put.bytes), put);
        let written: Vec<_> = puts.into_iter().map(write).collect();
        let mut fresh = Vec::with_capacity(written.len());
        for (written, Put { bytes, answer, .. }) in written {
            if let Ok(Written { received, known, from }) = written {
                self.tell(received);
                fresh.push((from, bytes.slice(known..)));
            }
            answer(written.map(|written| written.received));
        }
        for (from, bytes) in fresh {
            self.slot.hash(self.turn, from, &bytes);
        }
    }

    /// Tells progress, unless that was done a moment ago.
    fn tell(&self, received: u64) {
        let now = Instant::now();
        let mut queue = self.queue();
        let is_time = queue.told.is_none_or(|told| now.saturating_duration_since(told) >= PROGRESS);
        if is_time || received == self.size {
            queue.told = Some(now);
            drop(queue);
            (self.progress)(received);
        }
    }

    /// Whether anything waits that nobody has begun with.
    #[cfg(test)]
    pub(super) fn waits(&self) -> bool {
        !self.queue().orders.is_empty()
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// What is done next: the end, or chunks that may wait for each other.
    fn next(&mut self) -> Option<Task> {
        let (mut puts, mut length) = (Vec::new(), 0);
        while let Some(order) = self.orders.pop_front() {
            match order {
                Order::Put(put) if puts.is_empty() || length + put.bytes.len() <= TOGETHER => {
                    length += put.bytes.len();
                    puts.push(put);
                }
                Order::Complete(hash, answer) if puts.is_empty() => {
                    return Some(Task::Complete(hash, answer));
                }
                later => {
                    self.orders.push_front(later);
                    break;
                }
            }
        }
        (!puts.is_empty()).then_some(Task::Puts(puts))
    }
}

#[cold]
fn being_fetched() -> Error {
    Error::new(Code::Busy, "the file is being read from the storage: wait")
}

/// The connection is gone.
fn rest(slot: &Slot, turn: u64, progress: &(dyn Fn(u64) + Send + Sync)) {
    if let Some(received) = slot.rest(turn) {
        progress(received);
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.detach();
        self.desk.room().forget(&self.slot);
    }
}
