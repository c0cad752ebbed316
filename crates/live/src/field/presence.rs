//! [`Presence`]: who is there.
//!
//! What clients see of it is a [`Map`], and it travels as one. What they do not see is which sessions stand
//! behind an entry: somebody with two tabs is there once, until the second of them is gone. What an author
//! calls takes the caller from a `Cx`, and is therefore further up, in `component/presence.rs`.
//!
//! What must stay true: every entry has a session, and every session has an entry.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use fluxstack_live_protocol::SessionId;
use fluxstack_live_protocol::delta::Writer;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{Field, Map, Staged, Unsendable, map_sent};
use crate::clock;
use crate::typescript::Types;
use crate::wire::Wire;

/// Who is in an instance, and with what: a cursor, a mood, what they are typing.
///
/// Somebody [enters](Presence::enter) and is there until their last session has left. Nobody needs to be taken
/// out: whoever unmounts, closes the page or does not come back within the grace period has left.
///
/// ```
/// use fluxstack_live::prelude::*;
///
/// #[wire]
/// pub struct Cursor {
///     pub x: f64,
///     pub y: f64,
/// }
///
/// #[derive(State)]
/// pub struct Canvas {
///     pub online: Presence<Cursor>,
/// }
///
/// impl Component for Canvas {
///     type Props = ();
///     type Event = ();
///
///     fn scope((): &()) -> Scope {
///         Scope::Shared(String::new())
///     }
///
///     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
///         Ok(Canvas { online: Presence::new() })
///     }
///
///     async fn on_join(&mut self, cx: &mut Cx<Self>) -> Result<()> {
///         self.online.enter(cx, Cursor { x: 0.0, y: 0.0 });
///         Ok(())
///     }
/// }
///
/// #[actions]
/// impl Canvas {
///     pub fn point(&mut self, x: f64, y: f64, cx: &mut Cx<Self>) {
///         self.online.update(cx, |cursor| *cursor = Cursor { x, y });
///     }
/// }
/// ```
///
/// An entry's key is the user's id where somebody is signed in. Anybody else's begins with `~`; it is the same
/// as long as their session and this instance last, and tells nothing of either.
///
/// After a restart nobody is there until they come back: see [`Field::restore`]. Only as a `pub` field does it
/// learn who has left.
pub struct Presence<T> {
    there: Map<String, Present<T>>,
    sessions: Sessions,
}

/// Somebody who is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Present<T> {
    /// Milliseconds since 1970 when they entered; with several sessions, when the first of them did.
    pub since: u64,
    /// What they entered with, or changed it to.
    pub with: T,
}

impl<T: Wire> Wire for Present<T> {}

/// Which entry each session is in.
#[derive(Default)]
struct Sessions {
    keys: Keys,
    counts: BTreeMap<Arc<str>, usize>,
    /// Those that came, went or moved since the last commit.
    touched: BTreeSet<SessionId>,
}

type Keys = BTreeMap<SessionId, Arc<str>>;

impl Sessions {
    const fn new() -> Self {
        Self { keys: BTreeMap::new(), counts: BTreeMap::new(), touched: BTreeSet::new() }
    }

    fn of(keys: &Keys) -> Self {
        let mut sessions = Self { keys: keys.clone(), ..Self::new() };
        for key in keys.values() {
            *sessions.counts.entry(Arc::clone(key)).or_default() += 1;
        }
        sessions
    }

    /// The session is in no entry yet.
    fn put(&mut self, session: SessionId, key: &str) {
        let key: Arc<str> = match self.counts.get_key_value(key) {
            Some((known, _)) => Arc::clone(known),
            None => key.into(),
        };
        *self.counts.entry(Arc::clone(&key)).or_default() += 1;
        self.keys.insert(session, key);
    }

    /// The entry the session was in, if it was the last one in it.
    fn take(&mut self, session: SessionId) -> Option<Arc<str>> {
        let key = self.keys.remove(&session)?;
        let count = self.counts.get_mut(&key)?;
        *count -= 1;
        if *count > 0 {
            return None;
        }
        self.counts.remove(&key);
        Some(key)
    }
}

impl<T> Presence<T> {
    /// Nobody.
    #[must_use]
    pub const fn new() -> Self {
        Self { there: Map::new(), sessions: Sessions::new() }
    }

    /// Who is there with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Present<T>> {
        self.there.get(key)
    }

    /// Whether somebody is there with this key.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.there.contains_key(key)
    }

    /// Everybody, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Present<T>)> {
        self.there.iter().map(|(key, present)| (key.as_str(), present))
    }

    /// How many are there; somebody with several sessions counts once.
    #[must_use]
    pub fn len(&self) -> usize {
        self.there.len()
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.there.is_empty()
    }

    /// The key of the entry this session is in.
    pub(crate) fn key_of(&self, session: SessionId) -> Option<&str> {
        self.sessions.keys.get(&session).map(|key| &**key)
    }

    /// Takes a session into the entry with this key, out of the one it is in.
    pub(crate) fn put(&mut self, session: SessionId, key: String, with: T) {
        if self.key_of(session) != Some(&key) {
            self.take(session);
            self.touch(session);
            self.sessions.put(session, &key);
        }
        if self.there.contains_key(&key) {
            self.there.update(&key, |present| present.with = with);
        } else {
            self.there.insert(key, Present { since: clock::now(), with });
        }
    }

    /// Changes the entry this session is in.
    pub(crate) fn change<R>(&mut self, session: SessionId, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let key = self.sessions.keys.get(&session)?;
        self.there.update(&**key, |present| change(&mut present.with))
    }

    /// Takes a session out, and its entry if it was the last in it. Answers whether it was there.
    pub(crate) fn take(&mut self, session: SessionId) -> bool {
        if self.key_of(session).is_none() {
            return false;
        }
        self.touch(session);
        if let Some(key) = self.sessions.take(session) {
            self.there.remove(&*key);
        }
        true
    }

    fn touch(&mut self, session: SessionId) {
        // Of one that was never committed, all sessions are new anyway.
        if self.there.live.is_some() {
            self.sessions.touched.insert(session);
        }
    }
}

impl<T> Default for Presence<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for Presence<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Which sessions they are is not for logs.
        self.there.fmt(f)
    }
}

/// What was last sent, and the sessions behind it.
pub struct Sent<T> {
    there: map_sent::Sent<String, Present<T>>,
    keys: Keys,
}

impl<T> Default for Sent<T> {
    fn default() -> Self {
        Self { there: map_sent::Sent::default(), keys: Keys::new() }
    }
}

impl<T: Wire> Field for Presence<T> {
    type Sent = Sent<T>;

    fn stage(&self, sent: &Self::Sent, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable> {
        self.there.stage(&sent.there, scratch)
    }

    fn commit(
        &mut self,
        name: &str,
        sent: &mut Self::Sent,
        staged: &Staged,
        scratch: &[u8],
        out: &mut Writer,
    ) {
        let belongs_here = self.there.is_of(&sent.there);
        self.there.commit(name, &mut sent.there, staged, scratch, out);
        let touched = std::mem::take(&mut self.sessions.touched);
        if !belongs_here {
            return sent.keys.clone_from(&self.sessions.keys);
        }
        for session in touched {
            match self.sessions.keys.get(&session) {
                Some(key) => drop(sent.keys.insert(session, Arc::clone(key))),
                None => drop(sent.keys.remove(&session)),
            }
        }
    }

    fn digest(&self, sent: &Self::Sent) -> u32 {
        self.there.digest(&sent.there)
    }

    fn can_wait(&self, sent: &Self::Sent) -> bool {
        // Who comes and goes is told at once: held back, a panic would bring back whoever left meanwhile.
        self.there.is_of(&sent.there) && self.sessions.touched.is_empty()
    }

    fn snapshot(&self, sent: &Self::Sent, out: &mut Vec<u8>) {
        self.there.snapshot(&sent.there, out);
    }

    fn salvage(&mut self, broken: &mut Self, sent: &Self::Sent) {
        self.there.salvage(&mut broken.there, &sent.there);
    }

    fn evict(&mut self, sent: &Self::Sent) {
        self.there.evict(&sent.there);
    }

    fn recover(&mut self, sent: &Self::Sent) -> Result<(), Unsendable> {
        self.there.recover(&sent.there)?;
        if self.there.is_of(&sent.there) {
            self.sessions = Sessions::of(&sent.keys);
        }
        Ok(())
    }

    // Whoever was there then is not there now: they enter when they come back.
    fn restore(&mut self, _: &[u8]) -> Result<(), Unsendable> {
        Ok(())
    }

    fn departed(&mut self, session: SessionId) {
        self.take(session);
    }

    fn typescript(types: &mut Types) -> String {
        format!("Readonly<Record<string, {}>>", types.shows::<Present<T>>())
    }
}

#[cfg(test)]
mod tests;
