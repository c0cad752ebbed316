//! The way from what was seen to whoever wanted to know.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::WatchId;

/// Which watches of one instance have something to tell. Each is in it at most once, so it needs no other bound.
#[derive(Default)]
pub(crate) struct News(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    watches: VecDeque<WatchId>,
    waker: Option<Waker>,
}

impl News {
    /// The next one that has something to tell.
    pub(crate) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<WatchId> {
        let mut waiting = lock(&self.0);
        match waiting.watches.pop_front() {
            Some(watch) => Poll::Ready(watch),
            None => {
                waiting.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn push(&self, watch: WatchId) {
        let waker = {
            let mut waiting = lock(&self.0);
            waiting.watches.push_back(watch);
            waiting.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Where one watch leaves what it found; the latest takes the place of what was not read.
pub(crate) struct Slot<T> {
    watch: WatchId,
    content: Mutex<Content<T>>,
    news: Arc<News>,
}

/// What is in a slot.
pub(crate) enum Content<T> {
    Nothing,
    /// What was found, or that there is nothing to look at.
    Found(Option<T>),
    /// The watch is over.
    Over,
}

impl<T> Slot<T> {
    pub(super) fn new(watch: WatchId, news: Arc<News>) -> Self {
        Self { watch, content: Mutex::new(Content::Nothing), news }
    }

    pub(super) fn put(&self, found: Option<T>) {
        self.set(Content::Found(found));
    }

    pub(super) fn close(&self) {
        self.set(Content::Over);
    }

    /// Takes out what there is.
    pub(crate) fn take(&self) -> Content<T> {
        std::mem::replace(&mut *lock(&self.content), Content::Nothing)
    }

    fn set(&self, content: Content<T>) {
        let before = std::mem::replace(&mut *lock(&self.content), content);
        if matches!(before, Content::Nothing) {
            self.news.push(self.watch);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it is held, so a poisoned one is still whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
