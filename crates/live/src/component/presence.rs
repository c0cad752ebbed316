//! [`Presence`], as a component speaks of it: it is always the caller who enters and leaves.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fluxstack_live_protocol::{InstanceId, SessionId};
use sha2::{Digest as _, Sha256};

use super::{Component, Cx};
use crate::auth::Caller;
use crate::field::Presence;

impl<T> Presence<T> {
    /// The caller is here, with this. Whoever was here already is now here with this, and still since then.
    ///
    /// Answers whether there was a caller who could enter: in a timer of a shared instance, for one, there is none.
    pub fn enter<C: Component>(&mut self, cx: &Cx<C>, with: T) -> bool {
        let Some(caller) = cx.caller() else { return false };
        self.put(caller.session_id(), key(cx.instance_id(), caller), with);
        true
    }

    /// The caller is here under a key of your own making; otherwise as [`Presence::enter`]. A session is here
    /// once: one that enters under another key has left the entry it was in.
    ///
    /// ```
    /// # use fluxstack_live::prelude::*;
    /// # #[derive(State)]
    /// # pub struct Table { pub seats: Presence<String> }
    /// # impl Component for Table {
    /// #     type Props = ();
    /// #     type Event = ();
    /// #     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> { Ok(Table { seats: Presence::new() }) }
    /// # }
    /// #[actions]
    /// impl Table {
    ///     pub fn sit(&mut self, seat: u8, name: String, cx: &mut Cx<Self>) -> Result<()> {
    ///         let seat = format!("seat {seat}");
    ///         if self.seats.contains(&seat) && self.seats.key(cx) != Some(&seat) {
    ///             return Err(Error::invalid("seat", "somebody sits there"));
    ///         }
    ///         self.seats.enter_as(cx, seat, name);
    ///         Ok(())
    ///     }
    /// }
    /// ```
    pub fn enter_as<C: Component>(&mut self, cx: &Cx<C>, key: impl Into<String>, with: T) -> bool {
        let Some(caller) = cx.caller() else { return false };
        self.put(caller.session_id(), key.into(), with);
        true
    }

    /// Changes what the caller is here with; `None` if they are not here.
    pub fn update<C: Component, R>(&mut self, cx: &Cx<C>, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.change(cx.caller()?.session_id(), change)
    }

    /// The caller's session is no longer here; the entry stays for as long as another session is in it. Answers
    /// whether it was here. Whoever leaves the instance is taken out without being told to.
    pub fn leave<C: Component>(&mut self, cx: &Cx<C>) -> bool {
        cx.caller().is_some_and(|caller| self.take(caller.session_id()))
    }

    /// Whether the caller is here.
    #[must_use]
    pub fn is_present<C: Component>(&self, cx: &Cx<C>) -> bool {
        self.key(cx).is_some()
    }

    /// The key of the entry the caller is in.
    #[must_use]
    pub fn key<C: Component>(&self, cx: &Cx<C>) -> Option<&str> {
        self.key_of(cx.caller()?.session_id())
    }
}

/// By which key a caller enters.
fn key(instance: InstanceId, caller: &Caller) -> String {
    match caller.identity() {
        Some(identity) => identity.id().to_owned(),
        None => nameless(instance, caller.session_id()),
    }
}

/// The key of somebody who is not signed in. Everybody sees it, and a session's id is a secret of 122 random
/// bits, so it is hashed; and with the instance, so that nobody is recognised from one to another.
fn nameless(instance: InstanceId, session: SessionId) -> String {
    /// As many as it takes that no two sessions of an instance are ever the same.
    const BYTES: usize = 9;
    let mut hash = Sha256::new_with_prefix(b"fluxstack-live presence");
    hash.update(instance.to_u128().to_be_bytes());
    hash.update(session.to_u128().to_be_bytes());
    let key = URL_SAFE_NO_PAD.encode(&hash.finalize()[..BYTES]);
    format!("~{key}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Identity;

    fn caller(session: u128, user: Option<&str>) -> std::sync::Arc<Caller> {
        let identity = user.map(|user| std::sync::Arc::new(Identity::new(user)));
        let connection = fluxstack_live_protocol::ConnectionId::random();
        Caller::new(SessionId::from_u128(session), connection, None, None, identity)
    }

    #[test]
    fn a_user_enters_by_their_id_and_anybody_else_by_a_key_that_tells_nothing() {
        let (here, there) = (InstanceId::from_u128(1), InstanceId::from_u128(2));
        assert_eq!(key(here, &caller(1, Some("ada"))), "ada");
        let nameless = key(here, &caller(1, None));
        assert_eq!(nameless.len(), 13);
        assert!(nameless.starts_with('~'));
        assert_eq!(nameless, key(here, &caller(1, None)), "it stays the same");
        assert_ne!(nameless, key(here, &caller(2, None)));
        assert_ne!(nameless, key(there, &caller(1, None)), "and is another one elsewhere");
    }
}
