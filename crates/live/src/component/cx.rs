//! What a component can reach beyond its own fields.
//!
//! One for each instance, given to every method. What it is asked to do to others (events, rooms) is written
//! down as an [`Effect`] and done at the end of the turn, so that a turn that fails does nothing to anybody.

use std::any::type_name;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use fluxstack_live_protocol::room::is_name;
use fluxstack_live_protocol::{CallId, InstanceId};

use super::Component;
use super::effect::{Address, Effect, Post, RoomAct};
use crate::auth::{Caller, Identity, demand};
use crate::error::{Error, Result};
use crate::files::Files;
use crate::services::Services;
use crate::watch::{Name, Watches};
use crate::wire::{Wire, to_json};
use crate::work::{TimerId, Work};

/// Who an instance is.
#[derive(Debug, Clone)]
pub(crate) struct Nameplate {
    pub(crate) instance: InstanceId,
    pub(crate) component: &'static str,
    /// The client's own name for it; empty for one that is shared.
    pub(crate) component_id: Box<str>,
    /// What its component calls it, if it is shared.
    pub(crate) key: Option<Arc<str>>,
    /// The shared instances of this server, as far as others can see them.
    pub(crate) watches: Arc<Watches>,
}

impl Nameplate {
    /// What others know it by, if it is shared.
    pub(crate) fn name(&self) -> Option<Name> {
        self.key.as_ref().map(|key| (self.component, Arc::clone(key)))
    }
}

/// What a component can reach beyond its own fields. Given to every method; belongs to one instance.
pub struct Cx<C: Component> {
    nameplate: Box<Nameplate>,
    post: Arc<dyn Post>,
    /// Of a private instance its owner, also in timers; of a shared one whoever asked for this turn.
    caller: Option<Arc<Caller>>,
    members: usize,
    services: Arc<Services>,
    work: Option<Box<Work<C>>>,
    effects: Vec<Effect>,
    call: Option<CallId>,
}

impl<C: Component> Cx<C> {
    pub(crate) fn new(nameplate: Nameplate, post: Arc<dyn Post>, services: Arc<Services>) -> Self {
        Self {
            nameplate: Box::new(nameplate),
            post,
            caller: None,
            members: 0,
            services,
            work: None,
            effects: Vec::new(),
            call: None,
        }
    }

    /// The instance's id, made at random when it began.
    #[must_use]
    pub fn instance_id(&self) -> InstanceId {
        self.nameplate.instance
    }

    /// The client's own name for it: the author's `componentId`, or one the client made. Empty for a shared
    /// instance, for which every client has its own.
    #[must_use]
    pub fn component_id(&self) -> &str {
        &self.nameplate.component_id
    }

    /// Who asks for this turn. In a private instance always the one who mounted it. In a shared instance whoever
    /// calls, joins, leaves or comes back; nobody in `mount`, timers and spawned work.
    #[must_use]
    pub fn caller(&self) -> Option<&Caller> {
        self.caller.as_deref()
    }

    /// Who is signed in where this turn was asked for, at this very moment.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] if nobody is, or if nobody asked.
    pub fn user(&self) -> Result<Arc<Identity>> {
        demand::signed_in(self.caller())
    }

    /// How many sessions have this instance mounted, those included that are waited for.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members
    }

    /// Where this instance can be reached by other components.
    #[must_use]
    pub fn address(&self) -> Address<C> {
        Address::new(Arc::clone(&self.post))
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

    /// The files that are kept.
    ///
    /// # Errors
    /// An internal error, if this server keeps none: give it [`Uploads`](crate::Uploads).
    pub fn files(&self) -> Result<Files> {
        Files::of(&self.services)
    }

    /// Tells the instance's clients that something happened. Sent at the end of the turn, after the state.
    pub fn emit(&mut self, event: C::Event) {
        if let Some(event) = self.written(&event) {
            self.effects.push(Effect::Emit(event));
        }
    }

    /// Sends an event to one other component, at the end of the turn; it comes to its
    /// [`Component::on_event`]. One that is gone, or has too much to do, does not get it, and the log says so.
    pub fn emit_to<D: Component>(&mut self, to: &Address<D>, event: D::Event) {
        if let Some(event) = self.written(&event) {
            self.effects.push(Effect::Send { to: to.post(), event });
        }
    }

    /// Tells every client that has `D` mounted, at the end of the turn. Reaches nobody unless
    /// [`Component::HEARS_ALL`] says so.
    pub fn emit_all<D: Component>(&mut self, event: D::Event) {
        if let Some(event) = self.written(&event) {
            self.effects.push(Effect::All { component: D::NAME, history: D::ROOM_HISTORY, event });
        }
    }

    /// A room of this component's events, by its name: 1 to 64 of `A–Z a–z 0–9 _ . : -`.
    ///
    /// # Errors
    /// [`Code::Invalid`] if the name is not one.
    pub fn room(&mut self, name: &str) -> Result<RoomCx<'_, C>> {
        if !is_name(name) {
            return Err(Error::invalid(
                "room",
                "a room's name is 1 to 64 letters, digits, or one of _ . : -",
            ));
        }
        Ok(RoomCx { name: name.into(), effects: &mut self.effects, component: PhantomData })
    }

    /// The event as JSON; one that cannot be written is not sent.
    fn written<E: Wire>(&self, event: &E) -> Option<Vec<u8>> {
        let written = to_json(event);
        if let Err(why) = &written {
            let Nameplate { component, instance, .. } = &*self.nameplate;
            tracing::error!(component, %instance, %why, "an event was not sent");
        }
        written.ok()
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

    pub(super) fn work(&mut self) -> &mut Work<C> {
        self.work.get_or_insert_with(|| Box::new(Work::new()))
    }

    pub(crate) fn work_mut(&mut self) -> Option<&mut Work<C>> {
        self.work.as_deref_mut()
    }

    /// Stops every timer, all spawned work and every watch.
    pub(crate) fn stop_work(&mut self) {
        self.work = None;
    }

    pub(crate) fn take_call(&mut self) -> Option<CallId> {
        self.call.take()
    }

    pub(crate) fn set_call(&mut self, call: Option<CallId>) {
        self.call = call;
    }

    pub(crate) fn set_caller(&mut self, caller: Option<Arc<Caller>>) {
        self.caller = caller;
    }

    pub(crate) fn caller_arc(&self) -> Option<&Arc<Caller>> {
        self.caller.as_ref()
    }

    pub(crate) fn set_members(&mut self, members: usize) {
        self.members = members;
    }

    pub(crate) fn nameplate(&self) -> &Nameplate {
        &self.nameplate
    }

    /// What is to be done before everything else.
    pub(crate) fn put_effects(&mut self, effects: Vec<Effect>) {
        self.effects.splice(..0, effects);
    }

    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}

/// A room, as a component speaks of it. Everything happens at the end of the turn, in the order it was asked for.
pub struct RoomCx<'a, C: Component> {
    name: Box<str>,
    effects: &'a mut Vec<Effect>,
    component: PhantomData<fn(C)>,
}

impl<C: Component> RoomCx<'_, C> {
    /// Takes the caller's session into the room, on behalf of this instance; for as long as it has it mounted. In
    /// a turn nobody asked for, the instance itself, if [`Component::HEARS_ROOMS`]; for as long as it lives.
    pub fn join(&mut self) {
        self.act(RoomAct::Join);
    }

    /// Takes it out.
    pub fn leave(&mut self) {
        self.act(RoomAct::Leave);
    }

    /// Tells everybody in the room. One need not be in it.
    pub fn emit(&mut self, event: C::Event) {
        self.emitted(&event, true);
    }

    /// Tells everybody in the room but the caller.
    pub fn emit_to_others(&mut self, event: C::Event) {
        self.emitted(&event, false);
    }

    fn emitted(&mut self, event: &C::Event, also_self: bool) {
        match to_json(event) {
            Ok(event) => self.act(RoomAct::Emit { event, also_self }),
            Err(why) => {
                tracing::error!(component = C::NAME, room = %self.name, %why, "an event was not sent")
            }
        }
    }

    fn act(&mut self, act: RoomAct) {
        self.effects.push(Effect::Room { room: self.name.clone(), act });
    }
}
