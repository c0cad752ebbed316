//! The time that is written into frames and snapshots.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    #[cfg(feature = "testing")]
    let since = since + ahead();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// How far a test has moved tokio's clock, so that what expires does so in a test's time as well.
#[cfg(feature = "testing")]
fn ahead() -> std::time::Duration {
    tokio::time::Instant::now().into_std().saturating_duration_since(std::time::Instant::now())
}
