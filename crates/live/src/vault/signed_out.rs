//! Who was signed out everywhere, and when: what was given to them before that is good for nothing.
//!
//! The list is in memory, and each entry in the store as well, so that it outlives the server where the store does.
//! It is kept for as long as what it speaks of could come back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fluxstack_live_protocol::{Code, InstanceId};
use sha2::{Digest as _, Sha256};

use super::Vault;
use crate::clock;
use crate::error::{Error, Result};
use crate::store::Record;

/// Users on the list, about 100 bytes each. Beyond, the one who was signed out first is only in the store.
const MOST: usize = 100_000;

/// Users and the moments they were signed out, in milliseconds since 1970.
#[derive(Default)]
pub(super) struct SignedOut(Mutex<HashMap<Arc<str>, u64>>);

impl SignedOut {
    fn note(&self, subject: &str, at: u64, max_age: Duration) {
        let mut moments = self.moments();
        if moments.len() >= MOST && !moments.contains_key(subject) {
            let max_age = u64::try_from(max_age.as_millis()).unwrap_or(u64::MAX);
            moments.retain(|_, moment| moment.saturating_add(max_age) > at);
        }
        if moments.len() >= MOST && !moments.contains_key(subject) {
            tracing::warn!("more than {MOST} users were signed out; the first is forgotten here");
            let first =
                moments.iter().min_by_key(|(_, moment)| **moment).map(|(subject, _)| Arc::clone(subject));
            first.and_then(|subject| moments.remove(&subject));
        }
        let moment = moments.entry(subject.into()).or_default();
        *moment = at.max(*moment);
    }

    fn at(&self, subject: &str) -> Option<u64> {
        self.moments().get(subject).copied()
    }

    fn moments(&self) -> MutexGuard<'_, HashMap<Arc<str>, u64>> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vault {
    /// From now on nothing is accepted that this user was given until now.
    pub(crate) fn void(&self, subject: &str) -> u64 {
        let now = clock::now();
        self.signed_out.note(subject, now, self.max_age);
        now
    }

    /// Writes down that the user was signed out then, for after a restart.
    pub(crate) async fn write_void(&self, subject: &str, at: u64) {
        let record = Record { bytes: Bytes::new(), ..self.record(at, Vec::new()) };
        if let Err(why) = self.store.put(place(subject), record).await {
            tracing::error!(%why, "that a user was signed out could not be stored, and is forgotten with a restart");
        }
    }

    /// Whether this user was signed out then or later, as far as this server remembers.
    pub(crate) fn is_void(&self, subject: &str, issued: u64) -> bool {
        !subject.is_empty() && self.signed_out.at(subject).is_some_and(|moment| issued <= moment)
    }

    /// Refuses what was issued to this user before they were signed out, also by a server before this one.
    ///
    /// # Errors
    /// The code, if that is so; [`Code::Busy`] if the store cannot be read.
    pub(super) async fn not_void(&self, subject: &str, issued: u64, code: Code) -> Result<()> {
        if subject.is_empty() {
            return Ok(());
        }
        if self.signed_out.at(subject).is_none()
            && let Some(record) = self.read(place(subject)).await?
        {
            self.signed_out.note(subject, record.version, self.max_age);
        }
        if self.is_void(subject, issued) {
            return Err(Error::new(code, "the user was signed out since this was given away"));
        }
        Ok(())
    }
}

/// Where in the store it stands that a user was signed out. No instance is there: theirs are random, and a record
/// without bytes is none.
fn place(subject: &str) -> InstanceId {
    let digest: [u8; 32] =
        Sha256::new().chain_update(b"signed out\0").chain_update(subject).finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    InstanceId::from_u128(u128::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_moment_counts_and_the_list_has_an_end() {
        let (list, age) = (SignedOut::default(), Duration::from_millis(1_000));
        list.note("ada", 20, age);
        list.note("ada", 10, age);
        assert_eq!(list.at("ada"), Some(20));
        for number in 0..MOST {
            list.note(&number.to_string(), 500, age);
        }
        assert_eq!((list.at("ada"), list.moments().len()), (None, MOST));
        list.note("bob", 1_600, age);
        assert_eq!(list.moments().len(), 1, "what has expired goes first");
    }
}
