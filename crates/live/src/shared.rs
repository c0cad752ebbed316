//! Which shared instances run, by what their component calls them.
//!
//! A session gets here only with a key that the component made of the props it was given; an id leads nowhere.
//! Whoever comes first has the instance begun, and whoever comes at the same moment finds it. One that has ended
//! is not there: its mailbox says so before its place here is taken out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fluxstack_live_protocol::InstanceId;
use sha2::{Digest as _, Sha256};

use crate::component::Post;
use crate::mailbox::{Join, Mail, Mailbox, Mounts, Undelivered};
use crate::watch::{Name, Running};

/// See the module.
#[derive(Default)]
pub(crate) struct SharedInstances(Mutex<HashMap<Name, (InstanceId, Mailbox)>>);

impl SharedInstances {
    /// Lets somebody join the instance with that key; `begin` makes it if there is none. `count` counts the mount
    /// of whichever instance it comes to be. Answers what has to run for one that was begun: not in here, because a
    /// runtime that is shutting down ends it at once, and that comes back here.
    #[must_use = "nobody else lets it live"]
    pub(crate) fn join<F>(
        &self,
        component: &'static str,
        key: &Arc<str>,
        mut join: Box<Join>,
        mut count: impl FnMut(InstanceId, &Mailbox) -> Mounts,
        begin: impl FnOnce() -> (InstanceId, Mailbox, F),
    ) -> Option<F> {
        let mut running = self.running();
        let name = (component, Arc::clone(key));
        if let Some((id, mailbox)) = running.get(&name)
            && !mailbox.is_closed()
        {
            join.mounts = Some(count(*id, mailbox));
            match mailbox.insist(Mail::Join(join)) {
                Ok(()) => return None,
                Err(Undelivered::Closed(back) | Undelivered::Full(back)) => {
                    // It has ended this very moment.
                    let Mail::Join(back) = *back else { return None };
                    join = back;
                }
            }
        }
        let (id, mailbox, life) = begin();
        join.mounts = Some(count(id, &mailbox));
        // Should it have failed already, whoever joins is told by the ticket.
        drop(mailbox.insist(Mail::Join(join)));
        running.insert(name, (id, mailbox));
        Some(life)
    }

    /// An instance has ended. Another may have come into its place.
    pub(crate) fn ended(&self, component: &'static str, key: &Arc<str>, instance: InstanceId) {
        let mut running = self.running();
        let name = (component, Arc::clone(key));
        if running.get(&name).is_some_and(|(id, _)| *id == instance) {
            running.remove(&name);
        }
        if running.len() * 4 < running.capacity() && running.capacity() > 1_024 {
            running.shrink_to_fit();
        }
    }

    /// All that run.
    pub(crate) fn all(&self) -> Vec<Mailbox> {
        let running = self.running();
        let open = running.values().map(|(_, mailbox)| mailbox).filter(|mailbox| !mailbox.is_closed());
        Mailbox::in_order(open).into_iter().cloned().collect()
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Name, (InstanceId, Mailbox)>> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running for SharedInstances {
    fn find(&self, component: &'static str, key: &str) -> Option<Arc<dyn Post>> {
        let running = self.running();
        let (_, mailbox) = running.get(&(component, key.into()))?;
        (!mailbox.is_closed()).then(|| mailbox.post())
    }
}

/// Where the store keeps the shared instance with that key, whichever it is: the same on every server, so that
/// one that is started anew finds it.
pub(crate) fn place(component: &str, key: &str) -> InstanceId {
    let mut hash = Sha256::new();
    // The length, so that no name and key can be cut in two ways.
    hash.update(u64::try_from(component.len()).unwrap_or(u64::MAX).to_le_bytes());
    hash.update(component);
    hash.update(key);
    let hash = hash.finalize();
    let mut bits = [0; 16];
    bits.copy_from_slice(&hash[..16]);
    InstanceId::from_u128(u128::from_be_bytes(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_that_of_one_key_only() {
        assert_eq!(place("Chat", "lobby"), place("Chat", "lobby"));
        for (component, key) in [("Chat", "lobby2"), ("Cha", "tlobby"), ("Chatlobby", ""), ("Chat", "")] {
            assert_ne!(place(component, key), place("Chat", "lobby"), "{component} {key}");
        }
    }
}
