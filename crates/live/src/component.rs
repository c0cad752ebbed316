//! What an author writes: a component's lifecycle, and the context every method is given ([`Cx`]).
//!
//! The methods run inside the instance's own task, one at a time, each a turn. A turn ends with a flush:
//! whatever `pub` fields changed is sent, then the events emitted, then the reply. That is why there is
//! no lock around state and no "save" to call.

use std::future::Future;
use std::time::Duration;

use fluxstack_live_protocol::InstanceId;

use crate::action::Actions;
use crate::error::{Error, Result};
use crate::state::State;
use crate::vault::Durability;
use crate::wire::Wire;

mod cx;
mod effect;
mod presence;
mod watching;

pub(crate) use cx::Nameplate;
pub use cx::{Cx, RoomCx};
pub use effect::Address;
pub(crate) use effect::{Effect, Post, RoomAct};

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

    /// How long a shared instance stays when its last member has left.
    const KEEP_ALIVE: Duration = Duration::ZERO;

    /// Whether clients may send it events; denied unless set. What they send comes to [`Component::on_event`].
    const TAKES_EVENTS: bool = false;

    /// Whether its instances hear, in [`Component::on_event`], what is emitted in the rooms they are in. Their
    /// clients always do.
    const HEARS_ROOMS: bool = false;

    /// Whether [`Cx::emit_all`] reaches its clients.
    const HEARS_ALL: bool = false;

    /// Events that each of its rooms keeps, for late joiners and for those who come back.
    const ROOM_HISTORY: usize = 0;

    /// Who shares an instance: nobody, unless the component says otherwise. All who mount it with the same key
    /// share one instance with one state; the empty key makes it the only one there is.
    ///
    /// Of the props of a shared instance only the first count; whoever comes later brings but the key.
    ///
    /// ```
    /// # use fluxstack_live::prelude::*;
    /// # #[derive(State)] pub struct Chat { pub lines: u32 }
    /// #[wire]
    /// pub struct ChatProps {
    ///     pub room: String,
    /// }
    ///
    /// impl Component for Chat {
    ///     type Props = ChatProps;
    ///     type Event = ();
    ///
    ///     fn scope(props: &ChatProps) -> Scope {
    ///         Scope::Shared(props.room.clone())
    ///     }
    ///
    ///     async fn mount(_props: ChatProps, _cx: &mut Cx<Self>) -> Result<Self> {
    ///         Ok(Chat { lines: 0 })
    ///     }
    /// }
    /// # #[actions] impl Chat {}
    /// ```
    fn scope(props: &Self::Props) -> Scope {
        let _ = props;
        Scope::Private
    }

    /// Makes the instance. An error is what the client's mount is answered with. A shared instance is made for
    /// all who will ever join it, so nobody is the caller here.
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

    /// A file of the [`Upload`](crate::Upload) field with this Rust name is done: all of it is here, and it is what its
    /// sender says. The sender is the caller, and waits; nobody is, if the file was found when the instance was rebuilt.
    ///
    /// ```
    /// # use fluxstack_live::prelude::*;
    /// # #[derive(State)] pub struct Avatar { pub url: Option<String>, pub file: Upload }
    /// # #[actions] impl Avatar {}
    /// impl Component for Avatar {
    ///     type Props = ();
    ///     type Event = ();
    ///
    ///     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
    ///         Ok(Avatar { url: None, file: Upload::accept(["image/*"]) })
    ///     }
    ///
    ///     async fn on_upload(&mut self, _field: &'static str, _cx: &mut Cx<Self>) -> Result<()> {
    ///         let avatar = self.file.take()?;
    ///         if avatar.size() == 0 {
    ///             return Err(Error::invalid("file", "there is nothing in it"));
    ///         }
    ///         Ok(avatar.move_to("/srv/avatars/newest").await?)
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// An error is what the sender is answered with; the file then failed, and is shown so.
    fn on_upload(
        &mut self,
        field: &'static str,
        cx: &mut Cx<Self>,
    ) -> impl Future<Output = Result<()>> + Send {
        let _ = (field, cx);
        async { Ok(()) }
    }

    /// Somebody joined a shared instance: once for each session, with its first mount. The joiner is the caller,
    /// and is told what this changed together with everything else.
    ///
    /// # Errors
    /// An error refuses the joiner, and is what their mount is answered with.
    fn on_join(&mut self, cx: &mut Cx<Self>) -> impl Future<Output = Result<()>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// A member of a shared instance left: unmounted it, closed the page, or did not come back within the grace
    /// period. Once for every [`Component::on_join`] that went well; who left is the caller.
    fn on_leave(&mut self, cx: &mut Cx<Self>) -> impl Future<Output = ()> + Send {
        let _ = cx;
        async {}
    }

    /// An event came: from a client, if [`Component::TAKES_EVENTS`]; from another component that has this one's
    /// [`Address`]; or from a room, if [`Component::HEARS_ROOMS`]. Refused unless the component says otherwise.
    ///
    /// # Errors
    /// Whatever the author decides; a client is told.
    fn on_event(&mut self, event: Self::Event, from: &Source, cx: &mut Cx<Self>) -> Result<()> {
        let _ = (event, from, cx);
        Err(Error::forbidden())
    }

    /// Whether the caller may take this instance into a room by itself. Refused unless the component says
    /// otherwise; what the component joins with [`RoomCx::join`] is not asked about.
    ///
    /// # Errors
    /// An error refuses it, and is what the request is answered with.
    fn may_join(&self, room: &str, cx: &Cx<Self>) -> Result<()> {
        let _ = (room, cx);
        Err(Error::forbidden())
    }

    /// Whether the caller may emit this event in a room it is in. Refused unless the component says otherwise.
    ///
    /// # Errors
    /// An error refuses it, and is what the request is answered with.
    fn may_emit(&self, room: &str, event: &Self::Event, cx: &Cx<Self>) -> Result<()> {
        let _ = (room, event, cx);
        Err(Error::forbidden())
    }

    /// The caller has signed in, or is signed in anew with other rights.
    fn on_identity(&mut self, cx: &mut Cx<Self>) {
        let _ = cx;
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

/// Who shares an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Nobody: each mount has its own.
    Private,
    /// All who mount the component with this key, of at most 256 bytes. The empty key makes it the only one.
    Shared(String),
}

/// Where an event comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A client of this instance, who is the caller.
    Client,
    /// Another component, which has this one's [`Address`].
    Component(InstanceId),
    /// A room this instance is in.
    Room(Box<str>),
}
