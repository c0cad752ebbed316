//! What an author writes: a component's lifecycle, and the context every method is given.
//!
//! The methods run inside the instance's own task, one at a time, each a turn. A turn ends with a flush:
//! whatever `pub` fields changed is sent, then the events emitted, then the reply. That is why there is
//! no lock around state and no "save" to call.

use std::any::type_name;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use fluxstack_live_protocol::{CallId, ConnectionId, InstanceId};

use crate::action::Actions;
use crate::error::{Error, Result};
use crate::services::Services;
use crate::state::State;
use crate::vault::Durability;
use crate::wire::Wire;
use crate::work::{TimerId, Work};

/// A live component: a struct whose `pub` fields the client sees, and the methods of its lifecycle.
///
/// ```
/// use fluxstack_live::prelude::*;
///
/// /// Counts clicks.
/// #[derive(State)]
/// pub struct Counter {
///     pub count: i64,
/// }
///
/// #[wire]
/// pub struct CounterProps {
///     #[serde(default)]
///     pub count: i64,
/// }
///
/// impl Component for Counter {
///     type Props = CounterProps;
///     type Event = ();
///
///     async fn mount(props: CounterProps, _cx: &mut Cx<Self>) -> Result<Self> {
///         Ok(Counter { count: props.count })
///     }
/// }
///
/// #[actions]
/// impl Counter {
///     pub fn increment(&mut self) {
///         self.count += 1;
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a live component",
    label = "`Component` is not implemented",
    note = "write `impl Component for {Self} {{ type Props = …; type Event = …; async fn mount(…) … }}`"
)]
pub trait Component: State + Actions {
    /// What it is mounted with; `()` for nothing.
    type Props: Wire;

    /// What it may emit; `()` for nothing.
    type Event: Wire;

    /// How long an instance waits for its client to come back; `None` for [`Limits::grace`](crate::Limits).
    const GRACE: Option<Duration> = None;

    /// When a change is safe; `None` for what the server has chosen with
    /// [`Builder::durability`](crate::Builder::durability).
    const DURABILITY: Option<Durability> = None;

    /// Makes the instance. An error is what the client's mount is answered with.
    ///
    /// Also called to rebuild the instance after a panic, with the props of the last mount or change: the
    /// `pub` fields are then overwritten with what was last sent, private fields are those of this new
    /// mount, and timers and spawned work are those it starts; what actions had started is stopped. There
    /// is no `unmount` in between.
    ///
    /// # Errors
    /// Whatever the author decides; nothing is mounted then.
    fn mount(props: Self::Props, cx: &mut Cx<Self>) -> impl Future<Output = Result<Self>> + Send;

    /// The client's props changed. Answer [`PropsChange::Taken`] after taking them in; the default asks
    /// the client to unmount and mount again, which is right for props that decide what is loaded.
    ///
    /// # Errors
    /// Whatever the author decides; the old props then stay in force.
    fn props_changed(
        &mut self,
        props: Self::Props,
        cx: &mut Cx<Self>,
    ) -> impl Future<Output = Result<PropsChange>> + Send {
        let _ = (props, cx);
        async { Ok(PropsChange::Remount) }
    }

    /// A client wrote the [`Bound`](crate::Bound) field with this Rust name; its own check has passed.
    ///
    /// # Errors
    /// An error puts the old value back and is what the write is answered with.
    fn written(&mut self, field: &'static str, cx: &mut Cx<Self>) -> Result<()> {
        let _ = (field, cx);
        Ok(())
    }

    /// A client sent an event. Refused unless the component takes events.
    ///
    /// # Errors
    /// Whatever the author decides.
    fn on_event(&mut self, event: Self::Event, cx: &mut Cx<Self>) -> Result<()> {
        let _ = (event, cx);
        Err(Error::forbidden())
    }

    /// The client came back before the instance went to rest: after a network blip, a sleep, or from the
    /// back/forward cache. It has been sent what it missed; what changes here is sent as well.
    fn on_resume(&mut self, resumed: Resumed, cx: &mut Cx<Self>) -> impl Future<Output = ()> + Send {
        let _ = (resumed, cx);
        async {}
    }

    /// The instance was rebuilt from a snapshot: the server was restarted, or the client was away for longer
    /// than the grace period. It was mounted with the props of then, and its `pub` fields are what they were;
    /// fetch here what was in private fields.
    ///
    /// # Errors
    /// Whatever the author decides; the client then mounts afresh.
    fn on_rehydrate(
        &mut self,
        rehydrated: Rehydrated,
        cx: &mut Cx<Self>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (rehydrated, cx);
        async { Ok(()) }
    }

    /// The last client is gone, or the instance failed and could not be put back. Timers and spawned work
    /// have been stopped; what changes now is not sent.
    fn unmount(&mut self, cx: &mut Cx<Self>) -> impl Future<Output = ()> + Send {
        let _ = cx;
        async {}
    }
}

/// What became of new props.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropsChange {
    /// The instance took them in.
    Taken,
    /// The client shall unmount and mount again.
    Remount,
}

/// What a client that came back had missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumed {
    /// Nothing.
    InStep,
    /// It was sent this many messages again.
    Replayed(usize),
}

/// What an instance was rebuilt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rehydrated {
    /// The version of the state in the snapshot.
    pub version: u64,
    /// The version of the component that wrote it.
    pub schema: u32,
    /// Milliseconds since 1970 when it was taken.
    pub taken: u64,
}

/// Who an instance is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) instance: InstanceId,
    pub(crate) component: &'static str,
    pub(crate) component_id: Box<str>,
    pub(crate) connection: ConnectionId,
    pub(crate) client: Option<Arc<str>>,
}

/// What a component can reach beyond its own fields. Given to every method; belongs to one instance.
pub struct Cx<C: Component> {
    identity: Box<Identity>,
    services: Arc<Services>,
    work: Option<Box<Work<C>>>,
    events: Vec<Vec<u8>>,
    call: Option<CallId>,
}

impl<C: Component> Cx<C> {
    pub(crate) fn new(identity: Identity, services: Arc<Services>) -> Self {
        Self { identity: Box::new(identity), services, work: None, events: Vec::new(), call: None }
    }

    /// The instance's id, made at random at every mount.
    #[must_use]
    pub fn instance_id(&self) -> InstanceId {
        self.identity.instance
    }

    /// The client's own name for it: the author's `componentId`, or one the client made.
    #[must_use]
    pub fn component_id(&self) -> &str {
        &self.identity.component_id
    }

    /// The connection that mounted it.
    #[must_use]
    pub fn connection_id(&self) -> ConnectionId {
        self.identity.connection
    }

    /// The tab that mounted it, as it calls itself; proves nothing about who sits before it.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.identity.client.as_deref()
    }

    /// The name of the call that is being done, the same if the client sends it again: after a lost
    /// connection, a reload, or to another server. `None` in a timer or a lifecycle method, and for clients that
    /// send nothing twice.
    ///
    /// What a call does to the component's own state happens once by itself. For an effect elsewhere, such as a
    /// payment, store this id in the same transaction and do nothing if it is there already: a server that is
    /// killed between the effect and its snapshot will be asked again.
    #[must_use]
    pub fn call_id(&self) -> Option<&CallId> {
        self.call.as_ref()
    }

    /// A service given to [`Builder::provide`](crate::Builder::provide).
    ///
    /// # Errors
    /// An internal error that names the type, if nothing of it was provided.
    pub fn app<T: Send + Sync + 'static>(&self) -> Result<Arc<T>> {
        self.services.get::<T>().ok_or_else(|| {
            let missing = type_name::<T>();
            Error::internal(format!("no `{missing}` was provided: add `.provide(…)` to `Live::builder()`"))
        })
    }

    /// Tells the instance's clients that something happened. Sent at the end of the turn, after the state.
    pub fn emit(&mut self, event: C::Event) {
        match crate::wire::to_json(&event) {
            Ok(json) => self.events.push(json),
            Err(why) => tracing::error!(
                component = self.identity.component,
                instance = %self.identity.instance,
                %why,
                "an event was not sent"
            ),
        }
    }

    /// Runs `future` beside the instance; when it is done, `then` is called with its output, in a turn of
    /// its own. Stopped when the instance ends. This is where long work belongs: an `async` action holds
    /// the instance until it returns, this does not.
    ///
    /// # Errors
    /// [`Code::Busy`](crate::Code::Busy) if the instance already runs 1,000 pieces of work.
    pub fn spawn<T, F>(
        &mut self,
        future: F,
        then: impl FnOnce(&mut C, T, &mut Self) + Send + 'static,
    ) -> Result<()>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.work().spawn(future, then)
    }

    /// Calls `then` once, after `delay`.
    ///
    /// # Errors
    /// [`Code::Busy`](crate::Code::Busy) if the instance already has 1,000 timers; likewise below.
    pub fn after(
        &mut self,
        delay: Duration,
        then: impl FnOnce(&mut C, &mut Self) + Send + 'static,
    ) -> Result<TimerId> {
        self.work().after(delay, then)
    }

    /// Calls `tick` every `period`, first after one `period`. A tick that comes late is not made up for.
    ///
    /// # Errors
    /// As [`Cx::after`].
    pub fn every(
        &mut self,
        period: Duration,
        tick: impl FnMut(&mut C, &mut Self) + Send + 'static,
    ) -> Result<TimerId> {
        self.work().every(period, tick)
    }

    /// Stops a timer; nothing happens if it is over.
    pub fn cancel(&mut self, timer: TimerId) {
        if let Some(work) = &mut self.work {
            work.cancel(timer);
        }
    }

    /// Calls `then` once `quiet` has passed without another `debounce` of the same `key`.
    ///
    /// # Errors
    /// As [`Cx::after`].
    pub fn debounce(
        &mut self,
        key: &'static str,
        quiet: Duration,
        then: impl FnOnce(&mut C, &mut Self) + Send + 'static,
    ) -> Result<()> {
        self.work().debounce(key, quiet, then)
    }

    /// Calls `then` at once, but the same `key` at most once in `period`; the last call of a period is
    /// made at its end.
    ///
    /// # Errors
    /// As [`Cx::after`].
    pub fn throttle(
        &mut self,
        key: &'static str,
        period: Duration,
        then: impl FnOnce(&mut C, &mut Self) + Send + 'static,
    ) -> Result<()> {
        self.work().throttle(key, period, then)
    }

    fn work(&mut self) -> &mut Work<C> {
        self.work.get_or_insert_with(|| Box::new(Work::new()))
    }

    pub(crate) fn work_mut(&mut self) -> Option<&mut Work<C>> {
        self.work.as_deref_mut()
    }

    /// Stops every timer and all spawned work.
    pub(crate) fn stop_work(&mut self) {
        self.work = None;
    }

    pub(crate) fn take_call(&mut self) -> Option<CallId> {
        self.call.take()
    }

    pub(crate) fn set_call(&mut self, call: Option<CallId>) {
        self.call = call;
    }

    pub(crate) fn set_connection(&mut self, connection: ConnectionId) {
        self.identity.connection = connection;
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn take_events(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.events)
    }
}
