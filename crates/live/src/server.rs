//! A live server: which components, which services, which limits. Built once, then cloned freely.
//!
//! It owns no socket and no runtime. A transport hands it connections (`axum.rs` is one, the test harness
//! another), and each becomes a session. Nothing here is global: two servers live in one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{Sink, Stream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::component::Component;
use crate::limits::Limits;
use crate::registry::{Registration, Registry};
use crate::services::Services;
use crate::session::{self, Arrival, Host, Incoming, Outgoing};

/// A live server. Cheap to clone; every clone is the same server.
#[derive(Clone)]
pub struct Live {
    host: Arc<Host>,
    pub(crate) origins: Arc<[String]>,
}

/// Why a server could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two components want the same name.
    #[error("`{0}` and `{1}` are both called `{2}`: rename one with `#[state(name = \"…\")]`")]
    SameName(&'static str, &'static str, &'static str),
    /// A limit that cannot work.
    #[error("the limit `{0}` {1}")]
    Limit(&'static str, &'static str),
}

/// Collects what a server is made of.
#[derive(Default)]
pub struct Builder {
    components: Vec<Registration>,
    services: Services,
    limits: Limits,
    origins: Vec<String>,
}

impl Builder {
    /// Lets clients mount `C`.
    #[must_use]
    pub fn component<C: Component>(mut self) -> Self {
        self.components.push(Registration::of::<C>());
        self
    }

    /// Lets clients mount every component linked into this binary.
    #[must_use]
    pub fn discover(mut self) -> Self {
        self.components.extend(Registration::discovered());
        self
    }

    /// Gives components a service, to be had with [`Cx::app`](crate::Cx::app). One for each type; the last
    /// one counts.
    #[must_use]
    pub fn provide<T: Send + Sync + 'static>(mut self, service: T) -> Self {
        self.services.insert(service);
        self
    }

    /// Changes the limits.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Lets pages of another origin connect, such as `https://app.example.com`. Pages of the server's own
    /// origin always may; programs that are no browser send no origin and may as well.
    #[must_use]
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into().to_ascii_lowercase());
        self
    }

    /// The server.
    ///
    /// # Errors
    /// [`BuildError`], if two components have the same name or a limit cannot work.
    pub fn build(self) -> Result<Live, BuildError> {
        let Limits { frame, batch, depth, calls, outbox_soft, outbox_hard, mailbox, .. } = self.limits;
        let at_least_one = [
            ("frame", frame),
            ("batch", batch),
            ("calls", calls),
            ("outbox_soft", outbox_soft),
            ("mailbox", mailbox),
        ];
        if let Some((name, _)) = at_least_one.into_iter().find(|(_, limit)| *limit == 0) {
            return Err(BuildError::Limit(name, "must not be 0"));
        }
        if depth > 110 {
            return Err(BuildError::Limit("depth", "is at most 110, because the JSON reader stops at 128"));
        }
        if outbox_hard < outbox_soft {
            return Err(BuildError::Limit("outbox_hard", "must not be below `outbox_soft`"));
        }
        let mut registry = Registry::default();
        for registration in self.components {
            let name = registration.name;
            registry.add(registration).map_err(|[there, new]| BuildError::SameName(there, new, name))?;
        }
        let host = Host {
            registry,
            services: Arc::new(self.services),
            limits: Arc::new(self.limits),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            connections: AtomicUsize::new(0),
        };
        Ok(Live { host: Arc::new(host), origins: self.origins.into() })
    }
}

/// One of the connections a server may have; gives its place back when dropped.
pub(crate) struct Place(Arc<Host>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Live {
    /// Begins a server.
    ///
    /// ```
    /// use fluxstack_live::Live;
    /// let live = Live::builder().build().unwrap();
    /// ```
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.host.limits
    }

    /// Connections at this moment.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.host.connections.load(Ordering::Relaxed)
    }

    /// Tasks at this moment: one for each connection, one for each mounted instance.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.host.tasks.len()
    }

    /// Closes every connection with 1001, lets every instance unmount, and waits until nothing is left, at
    /// most for `patience`. Answers whether nothing was left.
    pub async fn shutdown(&self, patience: Duration) -> bool {
        self.host.closing.cancel();
        self.host.tasks.close();
        tokio::time::timeout(patience, self.host.tasks.wait()).await.is_ok()
    }

    /// A place for one more connection, if there is one.
    pub(crate) fn place(&self) -> Option<Place> {
        let host = &self.host;
        let taken = host.connections.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(host));
        (taken < host.limits.connections && !host.closing.is_cancelled()).then_some(place)
    }

    /// Serves one connection in this very future.
    pub(crate) async fn serve(
        &self,
        place: Place,
        arrival: Arrival,
        incoming: impl Stream<Item = Incoming> + Unpin,
        outgoing: impl Sink<Outgoing> + Unpin,
    ) {
        let host = Arc::clone(&self.host);
        self.host.tasks.track_future(session::run(host, arrival, incoming, outgoing)).await;
        drop(place);
    }
}
