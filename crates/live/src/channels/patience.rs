//! For how long a socket is not read because one of its channels has no room.
//!
//! While it waits, nobody on it is heard, and clients take silence for a dead socket after 1.3 s. So what counts is
//! not one wait but all of them: they are added up, and given back slowly. A channel that frees room just in time,
//! again and again, is as bad as one that never does.

use std::time::Duration;

use tokio::time::Instant;

/// Of the time that passes, one part in so many is given back.
const GIVEN_BACK: u32 = 10;

/// What is left of the time that somebody may be waited for.
pub(super) struct Patience {
    most: Duration,
    /// When all of it would be there again.
    whole: Instant,
}

impl Patience {
    /// So much at once, and a tenth of the time that passes.
    pub(super) fn new(most: Duration) -> Self {
        Self { most, whole: Instant::now() }
    }

    /// How long a wait may be that begins now.
    pub(super) fn left(&self) -> Duration {
        self.most.saturating_sub(self.whole.saturating_duration_since(Instant::now()) / GIVEN_BACK)
    }

    /// A wait of this length is over.
    pub(super) fn spend(&mut self, waited: Duration) {
        self.whole = self.whole.max(Instant::now()) + waited * GIVEN_BACK;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_waited_is_added_up_and_a_tenth_of_the_time_given_back() {
        let mut patience = Patience::new(Duration::from_millis(500));
        patience.spend(Duration::from_millis(400));
        assert_eq!(patience.left(), Duration::from_millis(100));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(patience.left(), Duration::from_millis(200));
        patience.spend(Duration::from_millis(200));
        assert_eq!(patience.left(), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(patience.left(), Duration::from_millis(500), "and never more than at first");
    }
}
