//! How a state outlives its instance: what seals it, where it rests, and who may have it back.
//!
//! One for a server. Sessions ask it for tokens and have them admitted; instances have their snapshots
//! sealed, stored and fetched. What must stay true: nothing sealed is looked into before its signature
//! holds; a snapshot goes back only to whom it was taken from; and none that is older than what this server
//! has seen of the same instance is accepted from a client.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluxstack_live_protocol::{Code, InstanceId, SessionId};

use crate::clock;
use crate::error::Error;
use crate::quota::{Strikes, Whose};
use crate::seal::{Claims, Keys, Kind, Unsealed};
use crate::store::{Boxed, Record, Store, StoreError};

mod signed_out;

use signed_out::SignedOut;

/// When a change is safe from a crash, which is also when its caller is told.
///
/// | level | written | a crash loses |
/// |---|---|---|
/// | `Resting` | when the instance goes to rest: after its grace period, or when the server drains | everything since |
/// | `Trailing` | within [`Limits::snapshot_every`](crate::Limits) of a change | up to that, answered or not |
/// | `Acknowledged` | before the answer | nothing that was answered |
///
/// What the levels cost is measured by `cargo xtask durability`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// When it comes to rest. The default where the store lives in memory and would die with the server.
    Resting,
    /// Soon after.
    Trailing,
    /// Before the answer. The default where the store outlives the server.
    Acknowledged,
}

/// Wrong signatures in a row until a peer is out. Tabs that come back with tokens of a wrong server make a few.
const ENOUGH: u32 = 8;

/// Instances whose last version is remembered against replays.
const KNOWN: usize = 100_000;

/// See the module.
pub(crate) struct Vault {
    pub(crate) keys: Keys,
    /// Whether clients are given snapshots to keep.
    pub(crate) carries: bool,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) durability: Durability,
    pub(crate) max_age: Duration,
    /// Bytes a snapshot may have, unpacked.
    pub(crate) most: usize,
    strikes: Strikes,
    known: Mutex<Known>,
    signed_out: SignedOut,
}

#[derive(Default)]
struct Known {
    versions: HashMap<InstanceId, u64>,
    order: VecDeque<InstanceId>,
}

/// A snapshot that was opened: genuine, fresh enough, and of the right component.
pub(crate) struct Snapshot {
    pub(crate) claims: Claims,
    pub(crate) body: Vec<u8>,
}

/// Whose snapshot it is, and of what.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) component: &'a str,
    pub(crate) session: SessionId,
    pub(crate) subject: &'a str,
}

impl Vault {
    pub(crate) fn new(
        keys: Keys,
        carries: bool,
        store: Arc<dyn Store>,
        durability: Durability,
        max_age: Duration,
        most: usize,
    ) -> Self {
        let (strikes, known) = (Strikes::new(ENOUGH), Mutex::default());
        let signed_out = SignedOut::default();
        Self { keys, carries, store, durability, max_age, most, strikes, known, signed_out }
    }

    /// What a session presents when it comes back.
    pub(crate) fn token(&self, session: SessionId, subject: &str) -> String {
        let claims = Claims {
            kind: Kind::Session,
            component: "".into(),
            instance: InstanceId::from_u128(0),
            session,
            subject: subject.into(),
            version: 0,
            schema: 0,
            issued: clock::now(),
        };
        self.keys.seal_text(&claims, &[])
    }

    /// Whose session a token stands for.
    ///
    /// # Errors
    /// Why it does not stand for any of this user's.
    pub(crate) async fn admit(
        &self,
        token: &str,
        subject: &str,
        is_known: impl FnOnce(SessionId) -> bool,
    ) -> Result<SessionId, Error> {
        // A token is short and costs one hash, so nobody has to be kept out for bringing wrong ones; and who
        // shares an address with somebody who does must be let in.
        let opened = self.keys.open_text(token, Kind::Session, clock::now(), Duration::MAX, 0);
        let refused = || Error::new(Code::SessionRefused, "the session is not known here: begin another");
        let (claims, _) = opened.map_err(|_| refused())?;
        if *claims.subject != *subject {
            return Err(refused());
        }
        let age = Duration::from_millis(clock::now().saturating_sub(claims.issued));
        // A tab that was connected all day has an old token, and everything waits for it all the same.
        if age > self.max_age && !is_known(claims.session) {
            return Err(Error::new(Code::SessionExpired, "the session is too old: begin another"));
        }
        self.not_void(subject, claims.issued, Code::SessionRefused).await?;
        Ok(claims.session)
    }

    /// Opens a snapshot that a client kept.
    ///
    /// # Errors
    /// Why it may not be used.
    pub(crate) fn carried(
        &self,
        text: &str,
        owner: Owner<'_>,
        peer: Option<IpAddr>,
    ) -> Result<Snapshot, Error> {
        self.look(peer)?;
        // As text it is a third longer; what is longer than that cannot unpack to less.
        if text.len() / 4 * 3 > self.most + 1_024 {
            return Err(refusal(&Unsealed::TooLarge));
        }
        let opened = self.keys.open_text(text, Kind::Snapshot, clock::now(), self.max_age, self.most);
        self.judge(peer, &opened);
        let (claims, body) = opened.map_err(|why| refusal(&why))?;
        if *claims.component != *owner.component || *claims.subject != *owner.subject {
            return Err(foreign());
        }
        Ok(Snapshot { claims, body })
    }

    /// Whether nothing newer is known than what a client kept: neither that this server has seen, nor in the
    /// store.
    ///
    /// # Errors
    /// [`Code::SnapshotStale`] if there is.
    pub(crate) async fn is_newest(&self, snapshot: &Snapshot) -> Result<(), Error> {
        let Claims { instance, version, issued, ref subject, .. } = snapshot.claims;
        self.not_void(subject, issued, Code::SnapshotExpired).await?;
        let seen = self.known().versions.get(&instance).copied();
        // Both, because another server may have written there since.
        let stored = self.read(instance).await?.map(|record| record.version);
        let newest = seen.max(stored);
        if newest.is_some_and(|newest| version < newest) {
            let said = "the server has seen a newer state than this: an older one cannot come back";
            return Err(Error::new(Code::SnapshotStale, said));
        }
        Ok(())
    }

    async fn read(&self, instance: InstanceId) -> Result<Option<Record>, Error> {
        self.store.get(instance).await.map_err(|why| {
            tracing::error!(%instance, %why, "the store could not be read");
            // Nothing is lost by that: what is there can be read when the store is itself again.
            Error::new(Code::Busy, "what is kept cannot be read at the moment: try again")
        })
    }

    /// The snapshot of an instance that rests in the store.
    ///
    /// # Errors
    /// Why there is none for this owner.
    pub(crate) async fn fetch(&self, instance: InstanceId, owner: Owner<'_>) -> Result<Snapshot, Error> {
        let snapshot = self.fetch_any(instance, owner).await?;
        // Whether there is one of somebody else's is nobody's business.
        if snapshot.claims.instance == instance { Ok(snapshot) } else { Err(nothing_kept()) }
    }

    /// The snapshot that is kept in this place, of whichever instance: for those that are shared, where the
    /// place is the key's.
    ///
    /// # Errors
    /// Why there is none for this owner.
    pub(crate) async fn fetch_any(&self, instance: InstanceId, owner: Owner<'_>) -> Result<Snapshot, Error> {
        let found = self.read(instance).await?;
        // An empty one says that its owner ended it.
        let record = found.filter(|record| !record.bytes.is_empty()).ok_or_else(nothing_kept)?;
        // A store that was tampered with is no better than a client.
        let opened = self.keys.open(&record.bytes, Kind::Snapshot, clock::now(), self.max_age, self.most);
        let (claims, body) = opened.map_err(|why| {
            tracing::warn!(%instance, ?why, "what the store kept cannot be used");
            refusal(&why)
        })?;
        let is_it = *claims.component == *owner.component
            && *claims.subject == *owner.subject
            && claims.session == owner.session;
        if !is_it {
            return Err(nothing_kept());
        }
        self.not_void(&claims.subject, claims.issued, Code::NothingKept).await?;
        Ok(Snapshot { claims, body })
    }

    /// Puts a sealed snapshot into the store.
    pub(crate) fn put(
        &self,
        instance: InstanceId,
        version: u64,
        sealed: Vec<u8>,
    ) -> Boxed<'static, Result<(), StoreError>> {
        let store = Arc::clone(&self.store);
        let record = self.record(version, sealed);
        Box::pin(async move { store.put(instance, record).await })
    }

    fn record(&self, version: u64, sealed: Vec<u8>) -> Record {
        let age = u64::try_from(self.max_age.as_millis()).unwrap_or(u64::MAX);
        Record { version, expires: clock::now().saturating_add(age), bytes: sealed.into() }
    }

    /// The instance was ended by its owner; nothing of it shall come back. `has_copies`: its client may still
    /// have a copy.
    pub(crate) async fn remove(&self, instance: InstanceId, has_copies: bool) {
        // For as long as the copy is good the store says that it is not.
        let removed = if has_copies {
            self.store.put(instance, self.record(u64::MAX, Vec::new())).await
        } else {
            self.store.remove(instance).await
        };
        if let Err(why) = removed {
            tracing::error!(%instance, %why, "what the store keeps of an ended instance could not be removed");
        }
    }

    /// This version of the instance existed; older ones are not accepted any more.
    pub(crate) fn remember(&self, instance: InstanceId, version: u64) {
        let mut known = self.known();
        let known = &mut *known;
        if let Some(there) = known.versions.get_mut(&instance) {
            *there = version.max(*there);
            return;
        }
        known.versions.insert(instance, version);
        known.order.push_back(instance);
        if known.order.len() > KNOWN
            && let Some(oldest) = known.order.pop_front()
        {
            known.versions.remove(&oldest);
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, peer: Option<IpAddr>) -> Result<(), Error> {
        if peer.is_some_and(|peer| self.strikes.is_out(&Whose::network(peer))) {
            let said = "too many wrong signatures came from this address: wait a while";
            return Err(Error::new(Code::SnapshotThrottled, said));
        }
        Ok(())
    }

    fn judge<T>(&self, peer: Option<IpAddr>, opened: &Result<T, Unsealed>) {
        let Some(peer) = peer.map(Whose::network) else { return };
        match opened {
            Ok(_) => self.strikes.forgive(&peer),
            Err(Unsealed::Corrupt) => self.strikes.strike(peer),
            // A key we do not have costs no hash, and after a restart everybody comes with one.
            Err(Unsealed::UnknownKey | Unsealed::Expired | Unsealed::TooLarge) => {}
        }
    }
}

#[cold]
fn nothing_kept() -> Error {
    Error::new(Code::NothingKept, "nothing is kept of this instance: mount it again")
}

#[cold]
fn foreign() -> Error {
    Error::new(Code::SnapshotForeign, "this snapshot was taken of something else, or for somebody else")
}

#[cold]
fn refusal(why: &Unsealed) -> Error {
    match why {
        Unsealed::Corrupt | Unsealed::UnknownKey => {
            Error::new(Code::SnapshotCorrupt, "this snapshot is not one of this server's, or was changed")
        }
        Unsealed::Expired => Error::new(Code::SnapshotExpired, "this snapshot is too old"),
        Unsealed::TooLarge => Error::new(Code::SnapshotTooLarge, "this snapshot is too large"),
    }
}
