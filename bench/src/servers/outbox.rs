//! Who is in the room of a floor, and what waits for a connection that is written by a library.
//!
//! What must stay true: an idle connection has nothing here but an empty list and a waker; an event is made once and
//! every member has a reference to it; nobody's list grows without bound.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use bytes::Bytes;
use futures_util::task::AtomicWaker;

/// Bytes that may wait for one connection, as in the live server. Whoever has more waiting is sent away.
pub(super) const MOST: usize = 4 << 20;

/// Everybody in the room, by the number of the connection.
pub(super) struct Members<L>(Mutex<HashMap<u32, Arc<L>>>);

impl<L> Default for Members<L> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<L> Members<L> {
    /// Takes a connection in, or out.
    pub(super) fn enter(&self, number: u32, line: &Arc<L>, is_in: bool) {
        let mut all = lock(&self.0);
        if is_in {
            all.insert(number, Arc::clone(line));
        } else {
            all.remove(&number);
        }
    }

    /// Does something with all but this one.
    pub(super) fn others(&self, number: u32, mut each: impl FnMut(&L)) {
        for (who, line) in &*lock(&self.0) {
            if *who != number {
                each(line);
            }
        }
    }
}

/// What waits for one connection.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    waker: AtomicWaker,
}

/// Texts for one connection, in their order.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) texts: Vec<Bytes>,
    bytes: usize,
    /// More came than may wait.
    pub(super) is_full: bool,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty() && !self.is_full
    }
}

impl Outbox {
    pub(super) fn push(&self, text: &Bytes) {
        let mut waiting = lock(&self.waiting);
        waiting.bytes += text.len();
        waiting.is_full |= waiting.bytes > MOST;
        if !waiting.is_full {
            waiting.texts.push(text.clone());
        }
        if waiting.texts.len() == 1 || waiting.is_full {
            self.waker.wake();
        }
    }

    /// What waits. Whoever was told that nothing does is woken when something comes.
    pub(super) fn take(&self, cx: Option<&Context<'_>>) -> Waiting {
        if let Some(cx) = cx {
            self.waker.register(cx.waker());
        }
        mem::take(&mut *lock(&self.waiting))
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
