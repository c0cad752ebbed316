//! What users and addresses have of the server, over all their connections: how many those are, and how often
//! they speak.
//!
//! A row is there while there is a connection, and after that until it would allow everything again: who is at the
//! end of what they may say does not get more of it by connecting anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Rate, Whose};

/// Rows from which on those that say nothing any more are looked for.
const SWEEP: usize = 4_096;
/// Rows without a connection that are kept at most, about 100 bytes each; beyond, all of them are forgotten.
const IDLE: usize = 65_536;
/// How many seconds' worth may come at once.
const BURST: u32 = 5;

/// See the module.
#[derive(Default)]
pub(crate) struct Shares(Mutex<Rows>);

#[derive(Default)]
struct Rows {
    of: HashMap<Whose, Row>,
    /// How many rows there may be before they are swept.
    sweep: usize,
}

struct Row {
    connections: usize,
    rate: Arc<Mutex<Rate>>,
}

/// One connection's part in what a user or an address has; given back when dropped. The default one is of a whole
/// without limits.
#[derive(Default)]
pub(crate) struct Share(Option<Part>);

struct Part {
    shares: Arc<Shares>,
    whose: Whose,
    rate: Arc<Mutex<Rate>>,
}

impl Shares {
    /// A share for one more connection, unless there are `most` already.
    pub(crate) fn take(self: &Arc<Self>, whose: Whose, most: usize) -> Option<Share> {
        let mut rows = self.rows();
        if rows.of.len() >= rows.sweep.max(SWEEP) && !rows.of.contains_key(&whose) {
            rows.sweep();
        }
        let row = rows
            .of
            .entry(whose.clone())
            .or_insert_with(|| Row { connections: 0, rate: Arc::new(Mutex::new(Rate::new())) });
        if row.connections >= most {
            return None;
        }
        row.connections += 1;
        Some(Share(Some(Part { shares: Arc::clone(self), whose, rate: Arc::clone(&row.rate) })))
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn sweep(&mut self) {
        self.of.retain(|_, row| row.connections > 0 || !is_idle(&row.rate));
        if self.of.values().filter(|row| row.connections == 0).count() > IDLE {
            self.of.retain(|_, row| row.connections > 0);
        }
        self.sweep = self.of.len() * 2;
    }
}

impl Share {
    /// Whether so many more messages may come now, at `rate` a second and 5 seconds' worth of it at once.
    pub(crate) fn allows(&self, messages: u32, rate: u32) -> bool {
        let Some(part) = self.0.as_ref().filter(|_| rate > 0) else { return true };
        lock(&part.rate).allows(messages, rate, rate.saturating_mul(BURST))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut rows = self.shares.rows();
        let Some(row) = rows.of.get_mut(&self.whose) else { return };
        row.connections = row.connections.saturating_sub(1);
        if row.connections == 0 && is_idle(&row.rate) {
            rows.of.remove(&self.whose);
        }
    }
}

fn lock(rate: &Mutex<Rate>) -> MutexGuard<'_, Rate> {
    rate.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_idle(rate: &Mutex<Rate>) -> bool {
    lock(rate).is_idle()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn user(name: &str) -> Whose {
        Whose::User(name.into())
    }

    #[tokio::test(start_paused = true)]
    async fn one_more_than_there_may_be_is_refused_until_one_goes() {
        let shares = Arc::new(Shares::default());
        let first = shares.take(user("ada"), 2);
        let _second = shares.take(user("ada"), 2).unwrap();
        assert!(first.is_some() && shares.take(user("ada"), 2).is_none());
        assert!(shares.take(user("bob"), 2).is_some(), "others are not affected");
        drop(first);
        assert!(shares.take(user("ada"), 2).is_some());
        assert_eq!(shares.rows().of.len(), 1, "who is gone leaves nothing behind");
    }

    #[tokio::test(start_paused = true)]
    async fn all_connections_speak_from_one_share_and_connecting_anew_gives_no_other() {
        let shares = Arc::new(Shares::default());
        let take = || shares.take(user("ada"), 10).unwrap();
        let (one, other) = (take(), take());
        let said =
            (0..100).filter(|turn| if turn % 2 == 0 { one.allows(1, 2) } else { other.allows(1, 2) }).count();
        assert_eq!(said, 10);
        drop((one, other));
        assert!(!take().allows(1, 2));
        tokio::time::advance(Duration::from_secs(5)).await;
        drop(take());
        assert_eq!(shares.rows().of.len(), 0);
        assert!(take().allows(1, 0), "no limit is no limit");
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_is_swept_before_it_grows() {
        let shares = Arc::new(Shares::default());
        let kept = shares.take(user("kept"), 1).unwrap();
        for number in 0..SWEEP * 3 {
            shares.take(user(&number.to_string()), 1).unwrap().allows(1, 1);
            if number == SWEEP {
                tokio::time::advance(Duration::from_secs(60)).await;
            }
        }
        assert!(shares.rows().of.len() <= SWEEP * 2, "{}", shares.rows().of.len());
        assert!(shares.take(user("kept"), 1).is_none());
        drop(kept);
    }
}
