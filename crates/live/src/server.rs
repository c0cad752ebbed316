//! A live server: which components, which services, which limits. Built once, then cloned freely.
//!
//! It owns no socket and no runtime. A transport hands it connections (`axum.rs` is one, the test harness
//! another), and each becomes a session. Nothing here is global: two servers live in one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{Sink, Stream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{Authenticator, Erased};
use crate::component::Component;
use crate::error::Result;
use crate::files::Files;
use crate::limits::Limits;
use crate::mailbox::Mail;
use crate::quota::{Shares, Strikes};
use crate::registry::{Registration, Registry};
use crate::rooms::Rooms;
use crate::roster::Roster;
use crate::seal::Keys;
use crate::services::Services;
use crate::session::{self, Arrival, Host, Incoming, Outgoing};
use crate::shared::SharedInstances;
use crate::store::{MemoryStore, Store};
use crate::uploads::{Desk, Uploads};
use crate::vault::{Durability, Vault};
use crate::watch::Watches;

mod door;

#[cfg(feature = "axum")]
pub(crate) use door::forwarded;
pub(crate) use door::{NoPlace, Place};

/// A live server. Cheap to clone; every clone is the same server.
#[derive(Clone)]
pub struct Live {
    host: Arc<Host>,
    pub(crate) origins: Arc<[String]>,
    /// How many proxies there are in front.
    pub(crate) proxies: usize,
}

/// Why a server could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two components want the same name.
    #[error("`{0}` and `{1}` are both called `{2}`: rename one with `#[state(name = \"…\")]`")]
    SameName(&'static str, &'static str, &'static str),
    /// Nobody could connect.
    #[error("`refuse_anonymous` without an `.authenticator(…)` refuses everybody: give the server one")]
    NobodyKnown,
    /// A limit that cannot work.
    #[error("the limit `{0}` {1}")]
    Limit(&'static str, &'static str),
    /// The folder for files cannot be used.
    #[error("the folder for uploads cannot be used: {0}")]
    Uploads(String),
}

/// Collects what a server is made of.
#[derive(Default)]
pub struct Builder {
    pub(crate) components: Vec<Registration>,
    services: Services,
    limits: Limits,
    origins: Vec<String>,
    proxies: usize,
    authenticator: Option<Box<dyn Erased>>,
    refuses_anonymous: bool,
    keys: Option<Keys>,
    pub(crate) store: Option<Arc<dyn Store>>,
    durability: Option<Durability>,
    uploads: Option<Uploads>,
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

    /// Signs sessions and snapshots with keys of yours, so that a client may come back to another server, or to
    /// this one without its store. Clients are then given signed snapshots to keep. Without keys, a store on
    /// disk keeps one of its own, and otherwise one is made at random for as long as the server lives.
    ///
    /// ```
    /// use fluxstack_live::{Keys, Live};
    /// let secret = [7; 32]; // from your configuration, the same for all servers
    /// let live = Live::builder().keys(Keys::new("2026-11", secret).unwrap()).build().unwrap();
    /// ```
    #[must_use]
    pub fn keys(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Where instances rest while nobody is connected to them, and what they are rebuilt from. Default: a
    /// [`MemoryStore`] of 64 MiB, which a restart empties. In production use a
    /// [`DiskStore`](crate::DiskStore), or a [`Store`] of your own.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// When a change is safe, for components that do not say so themselves. Default:
    /// [`Durability::Acknowledged`] with a store that outlives the server, else [`Durability::Resting`].
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    /// Takes files from clients, for [`Upload`](crate::Upload) fields. Without it there are none.
    ///
    /// ```
    /// use fluxstack_live::{Live, Uploads};
    /// # let folder = std::env::temp_dir().join("fluxstack-live-builder-uploads");
    /// let live = Live::builder().uploads(Uploads::at(folder)).build().unwrap();
    /// ```
    #[must_use]
    pub fn uploads(mut self, uploads: Uploads) -> Self {
        self.uploads = Some(uploads);
        self
    }

    /// Whether it was given a folder for files.
    #[cfg(feature = "testing")]
    pub(crate) fn takes_files(&self) -> bool {
        self.uploads.is_some()
    }

    /// Lets pages of another origin connect, such as `https://app.example.com`. Pages of the server's own
    /// origin always may; programs that are no browser send no origin and may as well.
    #[must_use]
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into().to_ascii_lowercase());
        self
    }

    /// Who knows the users. Asked before a connection is accepted, and with every `AUTH` message of a client; see
    /// [`Authenticator`]. Without one, everybody is nobody in particular.
    #[must_use]
    pub fn authenticator(mut self, authenticator: impl Authenticator) -> Self {
        self.authenticator = Some(Box::new(authenticator));
        self
    }

    /// Refuses whoever connects and is nobody, with HTTP 401. Clients that send their credentials in a message
    /// cannot connect then, because they are nobody until they have.
    #[must_use]
    pub fn refuse_anonymous(mut self) -> Self {
        self.refuses_anonymous = true;
        self
    }

    /// Says that so many proxies of yours are in front of the server, each of which adds the address it sees to
    /// `X-Forwarded-For`. Limits by address then count the one that the outermost proxy saw. Without proxies leave it
    /// at 0: the header is then whatever a client likes.
    #[must_use]
    pub fn behind_proxies(mut self, proxies: usize) -> Self {
        self.proxies = proxies;
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
        if self.limits.snapshot_every.is_zero() {
            return Err(BuildError::Limit("snapshot_every", "must not be 0"));
        }
        if outbox_hard < outbox_soft {
            return Err(BuildError::Limit("outbox_hard", "must not be below `outbox_soft`"));
        }
        if self.refuses_anonymous && self.authenticator.is_none() {
            return Err(BuildError::NobodyKnown);
        }
        let mut registry = Registry::default();
        for registration in self.components {
            let name = registration.name;
            registry.add(registration).map_err(|[there, new]| BuildError::SameName(there, new, name))?;
        }
        let store = self.store.unwrap_or_else(|| Arc::new(MemoryStore::new()));
        let carries = self.keys.is_some();
        let keys = self.keys.unwrap_or_else(|| match store.secret() {
            Some(secret) => Keys::new("store", secret).expect("a store's secret is long enough for a key"),
            None => Keys::random(),
        });
        let durability = self.durability.unwrap_or(if store.is_durable() {
            Durability::Acknowledged
        } else {
            Durability::Resting
        });
        // Beside the state there are props and what calls were answered.
        let most =
            self.limits.state.saturating_mul(2).saturating_add(self.limits.props).saturating_add(1 << 21);
        let vault = Vault::new(keys.clone(), carries, store, durability, self.limits.snapshot_age, most);
        let mut services = self.services;
        let desk = match self.uploads {
            Some(mut uploads) => {
                let files = uploads.files(keys).map_err(|why| BuildError::Uploads(why.to_string()))?;
                if let Some(files) = files {
                    services.insert(files);
                }
                let started = Desk::start(uploads, &self.limits);
                started.map_err(|why| BuildError::Uploads(why.to_string()))?
            }
            None => Desk::closed(),
        };
        let limits = Arc::new(self.limits);
        let shared = Arc::new(SharedInstances::default());
        let host = Host {
            registry,
            services: Arc::new(services),
            authenticator: self.authenticator,
            refuses_anonymous: self.refuses_anonymous,
            failures: Strikes::new(limits.auth_failures),
            shares: Arc::new(Shares::default()),
            rooms: Rooms::new(Arc::clone(&limits)),
            limits,
            roster: Roster::default(),
            watches: Arc::new(Watches::new(Arc::<SharedInstances>::clone(&shared))),
            shared,
            vault: Arc::new(vault),
            desk,
            tasks: TaskTracker::new(),
            farewells: TaskTracker::new(),
            is_closing: AtomicBool::new(false),
            closing: CancellationToken::new(),
            connections: AtomicUsize::new(0),
            mounts: AtomicU64::new(0),
            #[cfg(feature = "testing")]
            killed: CancellationToken::new(),
        };
        Ok(Live { host: Arc::new(host), origins: self.origins.into(), proxies: self.proxies })
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

    /// The files that are kept.
    ///
    /// # Errors
    /// An internal error, if this server keeps none: give it [`Uploads`](crate::Uploads).
    pub fn files(&self) -> Result<Files> {
        Files::of(&self.host.services)
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

    /// Tasks at this moment: one for each connection, one for each mounted instance, and one for each socket that
    /// carries several connections, or was closed and is read to its end.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.host.tasks.len() + self.host.farewells.len()
    }

    /// Sessions at this moment: those connected, and those that are waited for.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.host.roster.len()
    }

    /// Rooms at this moment: those somebody is in, and those that are remembered for a while.
    #[must_use]
    pub fn rooms(&self) -> usize {
        self.host.rooms.len()
    }

    /// Watches at this moment: what [`Cx::watch`](crate::Cx::watch) began and nothing has ended.
    #[must_use]
    pub fn watches(&self) -> usize {
        self.host.watches.len()
    }

    /// Whether the server is going away, so that a load balancer should look for another.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.host.is_closing()
    }

    /// Drains the server and waits until nothing is left of it, at most for `patience`. Answers whether
    /// nothing was left.
    ///
    /// New connections are refused with HTTP 503, and what clients send is read no more. Every instance does
    /// what it was asked before, goes to rest in the store, and gives its client a last snapshot where there
    /// are keys; instances that take longer than [`Limits::drain`] are not waited for. Then every connection
    /// is closed with 1001, and clients come back wherever they are let in; one that does not close its side is waited
    /// for a second, because the end of the program would take away what it has not read yet. What was under way and
    /// not answered they send again.
    pub async fn shutdown(&self, patience: Duration) -> bool {
        self.host.close();
        self.host.tasks.close();
        self.host.farewells.close();
        let drained = async {
            // Again until there is none: a connection may have been lost while this was going on.
            loop {
                let mut waiting = self.host.roster.waiting();
                waiting.extend(self.host.shared.all());
                if waiting.is_empty() {
                    break;
                }
                let (done, mut all_done) = mpsc::channel(1);
                for mailbox in waiting {
                    drop(mailbox.insist(Mail::Rest { done: done.clone() }));
                }
                drop(done);
                let _ = all_done.recv().await;
                tokio::task::yield_now().await;
            }
            self.host.tasks.wait().await;
            // The store is closed however long somebody takes to read that all is over.
            tokio::join!(self.host.vault.store.close(), self.host.farewells.wait());
        };
        tokio::time::timeout(patience, drained).await.is_ok()
    }

    /// Signs a user out everywhere, at once. Each of their connections is closed with 4401; what they had mounted ends,
    /// also where they are away, and they leave what they shared. The tokens and snapshots they were given until now
    /// are refused from now on. They may sign in again if the [`Authenticator`] lets them: end their log-in there first.
    ///
    /// Answers how many sessions that ended, when all of it is done and written down in the store; an instance that is
    /// busy for longer than [`Limits::drain`] is not waited for. What is not kept there (with a [`MemoryStore`], or a
    /// store that failed) a restart forgets: what they were given before is good again then, where the keys are the
    /// same, for up to [`Limits::snapshot_age`].
    pub async fn sign_out(&self, user: &str) -> usize {
        if user.is_empty() {
            return 0;
        }
        let host = &self.host;
        // First, so that who comes in meanwhile finds it.
        let at = host.vault.void(user);
        let (left, mut sessions) = host.roster.dismiss(user);
        for (session, mailbox) in left {
            drop(mailbox.insist(Mail::Leave { session, ticket: None }));
        }
        // Those that end wait here until they are counted.
        let (ended, mut all_ended) = mpsc::channel(64);
        let subject: Arc<str> = user.into();
        for mailbox in host.shared.all() {
            let (subject, ended) = (Arc::clone(&subject), ended.clone());
            drop(mailbox.insist(Mail::SignedOut { subject, ended }));
        }
        drop(ended);
        let all = async {
            while let Some(session) = all_ended.recv().await {
                sessions.insert(session);
            }
        };
        if tokio::time::timeout(host.limits.drain, all).await.is_err() {
            tracing::warn!("a user was signed out, and some instances have not noticed yet");
        }
        host.vault.write_void(user, at).await;
        sessions.len()
    }

    /// Bytes of the longest frame that a client may send.
    #[cfg(feature = "axum")]
    pub(crate) fn longest_frame(&self) -> usize {
        let limits = self.limits();
        if self.host.desk.is_open() {
            return session::longest_binary(limits).max(session::longest_text(limits));
        }
        limits.frame
    }

    /// Serves one connection in this very future.
    pub(crate) fn serve<I, O>(
        &self,
        mut place: Place,
        arrival: Arrival,
        incoming: I,
        outgoing: O,
    ) -> impl Future<Output = ()> + use<I, O>
    where
        I: Stream<Item = Incoming> + Unpin,
        O: Sink<Outgoing> + Unpin,
    {
        let (host, standing) = (&self.host, place.take_standing());
        let session = session::run(Arc::clone(host), arrival, standing, incoming, outgoing, place);
        host.tasks.track_future(host.unless_killed(session))
    }

    /// Does `task` as one of the server's, which it waits for when it goes away.
    #[cfg(any(feature = "axum", feature = "testing"))]
    pub(crate) async fn track(&self, task: impl Future<Output = ()>) {
        self.host.tasks.track_future(self.host.unless_killed(task)).await;
    }

    /// Where sockets are counted that have said their last word.
    #[cfg(feature = "axum")]
    pub(crate) fn farewells(&self) -> TaskTracker {
        self.host.farewells.clone()
    }

    /// Waits until the server is going away.
    #[cfg(any(feature = "axum", feature = "testing"))]
    pub(crate) async fn draining(&self) {
        self.host.closing().await;
    }

    /// Frames of events in rooms that were written so far.
    #[cfg(feature = "testing")]
    pub(crate) fn room_frames(&self) -> u64 {
        self.host.rooms.encoded()
    }

    /// Stops everything where it is, as `kill -9` would: nothing is said, kept or cleaned up. What the store
    /// has been given by then is all that is left.
    #[cfg(feature = "testing")]
    pub(crate) fn kill(&self) {
        // In this order, so that nobody begins to drain.
        self.host.killed.cancel();
        self.host.close();
    }
}
