//! Who is there.
//!
//! An [`Identity`] is who somebody is, as the application's own authentication says. A [`Caller`] is one
//! connection that asks for something, with the identity that is signed in on it at this moment. Instances
//! hold callers, never identities: what a call may do is decided by who is signed in when it is done.
//!
//! [`Credentials`] are what somebody shows, and the application's [`Authenticator`] says whose they are.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fluxstack_live_protocol::{ConnectionId, SessionId};

use crate::clock;

mod authenticator;
mod credentials;
pub(crate) mod demand;

pub use authenticator::Authenticator;
pub(crate) use authenticator::{Erased, ask};
pub use credentials::{Credentials, Via};

/// Who somebody is.
///
/// ```
/// use fluxstack_live::auth::Identity;
/// let ada = Identity::new("ada").role("admin").permission("posts.delete");
/// assert!(ada.has_role("admin") && !ada.has_permission("posts.write"));
/// ```
#[derive(Clone)]
pub struct Identity {
    id: Arc<str>,
    roles: BTreeSet<Box<str>>,
    permissions: BTreeSet<Box<str>>,
    expires: Option<SystemTime>,
    details: Option<Arc<dyn Any + Send + Sync>>,
}

impl Identity {
    /// The user with this id, which is theirs for good: sessions and snapshots are bound to it. An empty one is
    /// nobody's, and not accepted from an authenticator.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self {
            id: id.into(),
            roles: BTreeSet::new(),
            permissions: BTreeSet::new(),
            expires: None,
            details: None,
        }
    }

    /// The same with one more role.
    #[must_use]
    pub fn role(mut self, role: impl Into<Box<str>>) -> Self {
        self.roles.insert(role.into());
        self
    }

    /// The same with one more permission.
    #[must_use]
    pub fn permission(mut self, permission: impl Into<Box<str>>) -> Self {
        self.permissions.insert(permission.into());
        self
    }

    /// The same until this moment; afterwards nobody is signed in.
    #[must_use]
    pub fn until(mut self, expires: SystemTime) -> Self {
        self.expires = Some(expires);
        self
    }

    /// The same with whatever the application knows of the user, to be had with [`Identity::details`].
    #[must_use]
    pub fn with(mut self, details: impl Any + Send + Sync) -> Self {
        self.details = Some(Arc::new(details));
        self
    }

    /// The user's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the user has this role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }

    /// Whether the user has this permission.
    #[must_use]
    pub fn has_permission(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }

    /// When the identity ends by itself.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires
    }

    /// What the application knows of the user, if it said something of this type.
    #[must_use]
    pub fn details<T: Any>(&self) -> Option<&T> {
        self.details.as_deref()?.downcast_ref()
    }

    pub(crate) fn subject(&self) -> Arc<str> {
        Arc::clone(&self.id)
    }

    /// Whether it has ended by itself.
    #[cfg(feature = "axum")]
    pub(crate) fn is_over(&self) -> bool {
        self.remaining().is_some_and(|remaining| remaining.is_zero())
    }

    /// How much longer it lasts, if not for ever; nothing if it is over.
    fn remaining(&self) -> Option<Duration> {
        let now = UNIX_EPOCH + Duration::from_millis(clock::now());
        Some(self.expires?.duration_since(now).unwrap_or_default())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What the application knows of the user is not for logs.
        f.debug_struct("Identity").field("id", &self.id).field("roles", &self.roles).finish_non_exhaustive()
    }
}

/// Who asks: one connection, and who is signed in on it now.
pub struct Caller {
    session: SessionId,
    connection: ConnectionId,
    client: Option<Arc<str>>,
    peer: Option<IpAddr>,
    identity: RwLock<Option<Arc<Identity>>>,
    /// Whether there is one: who is nobody in particular is asked with each call, and needs no lock to say so.
    is_somebody: AtomicBool,
    /// The session has let go of this connection, or the other way round: what it asked for before and was not
    /// given yet is given to nobody.
    is_gone: AtomicBool,
}

impl Caller {
    pub(crate) fn new(
        session: SessionId,
        connection: ConnectionId,
        client: Option<Arc<str>>,
        peer: Option<IpAddr>,
        identity: Option<Arc<Identity>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            session,
            connection,
            client,
            peer,
            is_somebody: AtomicBool::new(identity.is_some()),
            identity: RwLock::new(identity),
            is_gone: AtomicBool::new(false),
        })
    }

    /// The session: the same over reconnects, and nobody's secret to share. Two tabs are two sessions.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.session
    }

    /// The connection.
    #[must_use]
    pub fn connection_id(&self) -> ConnectionId {
        self.connection
    }

    /// The tab, as it calls itself; proves nothing about who sits before it.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// Where it comes from, if the transport knows.
    #[must_use]
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// The connection is over, or has another session now.
    pub(crate) fn leave(&self) {
        self.is_gone.store(true, Ordering::Release);
    }

    /// Whether it has left, so that nothing may be mounted for it any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }

    /// Who is signed in at this moment.
    #[must_use]
    pub fn identity(&self) -> Option<Arc<Identity>> {
        if !self.is_somebody.load(Ordering::Acquire) {
            return None;
        }
        let identity = self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        let is_over = identity.remaining().is_some_and(|remaining| remaining.is_zero());
        (!is_over).then_some(identity)
    }

    /// Whether it is this user's, or was when that expired.
    pub(crate) fn is_of(&self, subject: &str) -> bool {
        let identity = self.identity.read().unwrap_or_else(PoisonError::into_inner);
        identity.as_ref().is_some_and(|identity| identity.id() == subject)
    }

    /// How much longer somebody is signed in, if not for ever; nothing if it is over.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        if !self.is_somebody.load(Ordering::Acquire) {
            return None;
        }
        self.identity.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.remaining()
    }

    /// Somebody signed in, or out.
    pub(crate) fn sign_in(&self, identity: Option<Arc<Identity>>) {
        let mut there = self.identity.write().unwrap_or_else(PoisonError::into_inner);
        self.is_somebody.store(identity.is_some(), Ordering::Release);
        *there = identity;
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("connection", &self.connection).finish_non_exhaustive()
    }
}
