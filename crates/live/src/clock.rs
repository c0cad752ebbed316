//! The time that is written into frames and snapshots.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

thread_local! {
    static HELD: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    // Where the thread is ending nobody holds it.
    HELD.try_with(Cell::get).ok().flatten().unwrap_or_else(read)
}

fn read() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    #[cfg(feature = "testing")]
    let since = since + ahead();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Until this is dropped it is the same time on this thread. Not for longer than something that never waits.
#[must_use]
pub(crate) struct Hold(Option<u64>);

/// Stops the clock: to read it is a call, and what is said of one turn are two frames or more.
pub(crate) fn hold() -> Hold {
    let time = now();
    Hold(HELD.try_with(|held| held.replace(Some(time))).ok().flatten())
}

impl Drop for Hold {
    fn drop(&mut self) {
        let _ = HELD.try_with(|held| held.set(self.0));
    }
}

/// How far a test has moved tokio's clock, so that what expires does so in a test's time as well.
#[cfg(feature = "testing")]
fn ahead() -> std::time::Duration {
    tokio::time::Instant::now().into_std().saturating_duration_since(std::time::Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_while_it_is_held() {
        // What is held is what was read, and what was held before comes back.
        let before = HELD.replace(Some(7));
        let outer = hold();
        HELD.set(Some(9));
        let inner = hold();
        assert_eq!(now(), 9);
        drop(inner);
        drop(outer);
        assert_eq!(now(), 7);
        HELD.set(before);
        assert!(now() > 1_700_000_000_000);
    }
}
