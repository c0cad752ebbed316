//! [`Bell`]: what wakes the task of one connection, whoever rings.
//!
//! A connection turns to what waits in its outbox, to whoever asks whether its peer is still there, to being told to
//! leave, and to the end of the server. Each of these is written down where it belongs, and the bell says only that
//! there is something to look at. tokio's `Notify` would do, one for each: but who waits at one takes its lock at every
//! turn, and that of the server would be everybody's.
//!
//! What must stay true: one task listens. Whoever has news writes it down first and rings then, and whoever looks
//! listens first and looks then; so no news is missed, and some rings are about what was seen already.

use std::future::poll_fn;
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

/// See the module.
#[derive(Default)]
pub(crate) struct Bell(AtomicWaker);

impl Bell {
    /// There is something to look at.
    pub(crate) fn ring(&self) {
        self.0.wake();
    }

    /// Whoever polls is woken by the next ring. Before they look.
    pub(crate) fn listen(&self, cx: &Context<'_>) {
        self.0.register(cx.waker());
    }

    /// Nobody listens any more. A waker keeps the room of the whole task, and who may ring may keep the bell for long.
    pub(crate) fn hush(&self) {
        drop(self.0.take());
    }

    /// Looks at once, and each time it rings, until there is what was looked for.
    pub(crate) async fn until<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        poll_fn(|cx| {
            self.listen(cx);
            look().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::task::Wake;

    use super::*;

    /// Woken by nobody that counts.
    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_bell_that_is_kept_keeps_no_task_that_has_ended() {
        let (bell, task) = (Bell::default(), Arc::new(Task));
        bell.listen(&Context::from_waker(&Arc::clone(&task).into()));
        assert_eq!(Arc::strong_count(&task), 2);
        bell.hush();
        assert_eq!(Arc::strong_count(&task), 1);
        // For somebody who is not told of the end.
        bell.ring();
    }

    #[tokio::test]
    async fn what_is_there_is_seen_without_a_ring() {
        assert_eq!(Bell::default().until(|| Some(7)).await, 7);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_news_is_missed_however_close_it_comes() {
        const LAST: u64 = 20_000;
        let (bell, news) = (Arc::new(Bell::default()), Arc::new(AtomicU64::new(0)));
        let seen = Arc::new(AtomicU64::new(0));
        let ringing = {
            let (bell, news, seen) = (Arc::clone(&bell), Arc::clone(&news), Arc::clone(&seen));
            tokio::spawn(async move {
                for number in 1..=LAST {
                    news.store(number, Ordering::Release);
                    bell.ring();
                    // Rings again once that was seen: at the moment in which the other goes back to listen.
                    while seen.load(Ordering::Acquire) < number {
                        tokio::task::yield_now().await;
                    }
                }
            })
        };
        for number in 1..=LAST {
            let there =
                bell.until(|| Some(news.load(Ordering::Acquire)).filter(|there| *there >= number)).await;
            seen.store(there, Ordering::Release);
        }
        ringing.await.unwrap();
    }

    #[tokio::test]
    async fn two_that_look_for_different_things_in_one_task_are_both_woken() {
        let (bell, news) = (Arc::new(Bell::default()), Arc::new(AtomicU64::new(0)));
        let waiting = {
            let (bell, news) = (Arc::clone(&bell), Arc::clone(&news));
            tokio::spawn(async move {
                let is_set = |bit: u64| (news.load(Ordering::Acquire) & bit > 0).then_some(bit);
                tokio::join!(bell.until(|| is_set(1)), bell.until(|| is_set(2)))
            })
        };
        for bit in [2, 1] {
            tokio::task::yield_now().await;
            news.fetch_or(bit, Ordering::AcqRel);
            bell.ring();
        }
        assert_eq!(waiting.await.unwrap(), (1, 2));
    }
}
