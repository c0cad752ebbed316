//! How often one connection may speak.
//!
//! The generic cell rate algorithm (ITU-T I.371): one instant, the earliest at which an ideally spaced
//! message could come, says everything a bucket of tokens would. It follows tokio's clock, so tests can
//! stop it, and costs 16 bytes a connection.

use std::time::Duration;

use tokio::time::Instant;

pub(crate) struct Rate {
    /// When the next message would be due if all came evenly; `None` until the first.
    due: Option<Instant>,
}

impl Rate {
    pub(crate) const fn new() -> Self {
        Self { due: None }
    }

    /// Whether so many more messages may come now, at `rate` a second and `burst` at once. More than a burst may
    /// come where none did for a while.
    pub(crate) fn allows(&mut self, messages: u32, rate: u32, burst: u32) -> bool {
        if rate == 0 {
            return true;
        }
        let now = Instant::now();
        let spacing = Duration::from_secs(1) / rate;
        let due = self.due.map_or(now, |due| due.max(now));
        if due.duration_since(now) > spacing * burst.saturating_sub(messages) {
            return false;
        }
        self.due = Some(due + spacing * messages);
        true
    }

    /// Whether it would allow all that a new one does.
    pub(crate) fn is_idle(&self) -> bool {
        self.due.is_none_or(|due| due <= Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_then_the_rate_counts() {
        let mut rate = Rate::new();
        assert_eq!((0..20).filter(|_| rate.allows(1, 10, 5)).count(), 5);
        tokio::time::advance(Duration::from_millis(200)).await;
        assert_eq!((0..20).filter(|_| rate.allows(1, 10, 5)).count(), 2);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!((0..20).filter(|_| rate.allows(1, 10, 5)).count(), 5);
        assert!((0..1_000).all(|_| rate.allows(1, 0, 0)));
    }

    #[tokio::test(start_paused = true)]
    async fn several_at_once_are_all_allowed_or_none() {
        let mut rate = Rate::new();
        assert!(rate.allows(3, 10, 5));
        assert!(!rate.allows(3, 10, 5), "only two more are");
        assert!(rate.allows(2, 10, 5));
        assert!(!rate.allows(1, 10, 5));
        assert!(!rate.allows(7, 10, 5));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(rate.allows(7, 10, 5), "more than a burst, where nothing came for a while");
        tokio::time::advance(Duration::from_millis(300)).await;
        assert_eq!((0..20).filter(|_| rate.allows(1, 10, 5)).count(), 1);
    }
}
