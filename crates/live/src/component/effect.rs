//! What a turn does to others, written down until it is known that the turn is kept.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use fluxstack_live_protocol::InstanceId;

use super::Component;

/// One thing to do at the end of a turn. Events are JSON by now, because who hears them may be of another type.
pub(crate) enum Effect {
    /// Tell the instance's own clients.
    Emit(Vec<u8>),
    /// Tell another instance.
    Send { to: Arc<dyn Post>, event: Vec<u8> },
    /// Tell every client of a component.
    All { component: &'static str, history: usize, event: Vec<u8> },
    /// Do something in a room of this component.
    Room { room: Box<str>, act: RoomAct },
}

/// What is done in a room.
pub(crate) enum RoomAct {
    Join,
    Leave,
    Emit { event: Vec<u8>, also_self: bool },
}

/// Where an instance can be told something. Mailboxes implement it; they are above this module.
pub(crate) trait Post: Send + Sync {
    /// Delivers an event of another component; answers whether it was taken.
    fn post(&self, event: Vec<u8>, from: InstanceId) -> bool;

    /// Asks it to show itself to those who watch it; answers whether it will.
    fn look(&self) -> bool;
}

/// Where an instance of `C` can be reached by other components: [`Cx::address`](super::Cx::address) makes one,
/// [`Cx::shared`](super::Cx::shared) finds one, and whoever was given it may [`Cx::emit_to`](super::Cx::emit_to) there. It keeps nothing alive.
pub struct Address<C: Component> {
    post: Arc<dyn Post>,
    component: PhantomData<fn(C)>,
}

impl<C: Component> Address<C> {
    pub(super) fn new(post: Arc<dyn Post>) -> Self {
        Self { post, component: PhantomData }
    }

    pub(super) fn post(&self) -> Arc<dyn Post> {
        Arc::clone(&self.post)
    }
}

impl<C: Component> Clone for Address<C> {
    fn clone(&self) -> Self {
        Self::new(self.post())
    }
}

impl<C: Component> fmt::Debug for Address<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("component", &C::NAME).finish_non_exhaustive()
    }
}
