//! How an instance comes to be: from its props, or from a snapshot.
//!
//! From a snapshot it is mounted with the props of then, its fields are put back, and its author is told.
//! What it had done and emitted goes on where it was, so that a call it has done is not done again. Its id
//! stays, and its version goes on rising, so that no client takes it for an older one.

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use fluxstack_live_protocol::delta::Writer;
use futures_util::FutureExt as _;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::keep::Keeping;
use super::log::Log;
use super::mend::mount_component;
use super::seen::Seen;
use super::{Begin, Instance, Life, Mount, Ownership, log, refused};
use crate::component::{Component, Cx, Rehydrated};
use crate::error::{Code, Error, Result};
use crate::mailbox::Inbox;
use crate::state::{FlushError, RestoreError};
use crate::vault::{Owner, Snapshot};

/// What a snapshot holds. Its place in time and its owner are in what seals it.
#[derive(Deserialize)]
struct Body<'a> {
    /// The version of the state; in the first snapshots there ever were it stood in what seals them.
    version: Option<u64>,
    #[serde(borrow)]
    props: Option<&'a RawValue>,
    #[serde(borrow)]
    state: &'a RawValue,
    #[serde(borrow)]
    kept: Option<&'a RawValue>,
    #[serde(borrow)]
    seen: &'a RawValue,
    events: u64,
}

/// What is there before the first flush.
struct Beginning<C: Component> {
    component: C,
    props: Option<Bytes>,
    version: u64,
    stamp: u64,
    seen: Seen,
    events: u64,
    is_rehydrated: bool,
}

/// Begins, and answers; `None` if nothing came of it.
pub(super) async fn begin<C: Component>(mount: Mount) -> Option<(Instance<C>, Inbox)> {
    let Mount {
        nameplate,
        caller,
        begin,
        owner,
        is_outdated,
        props,
        services,
        limits,
        subscriber,
        mailbox,
        inbox,
        ticket,
    } = mount;
    let id = nameplate.instance;
    let mut cx = Cx::new(nameplate, mailbox.post(), services);
    cx.set_caller(Some(caller));
    let beginning = match begin {
        Begin::Mount => mount_component::<C>(props.as_ref(), &mut cx).await.map(|component| Beginning {
            component,
            props,
            version: 0,
            stamp: 0,
            seen: Seen::default(),
            events: 0,
            is_rehydrated: false,
        }),
        Begin::Stored => match owner.vault.fetch(id, owner_of::<C>(&owner)).await {
            Ok(snapshot) => rehydrate(&snapshot, &mut cx).await,
            Err(error) => Err(error),
        },
        Begin::Carried(snapshot) => match owner.vault.is_newest(&snapshot).await {
            Ok(()) => rehydrate(&snapshot, &mut cx).await,
            Err(error) => Err(error),
        },
    };
    let beginning = match beginning {
        Ok(beginning) => beginning,
        Err(error) => {
            // First, so that whoever is told so and tries again does not find this one.
            drop(inbox);
            ticket.answer(Err(error));
            return None;
        }
    };
    let Beginning { component, props, version, stamp, seen, events, is_rehydrated } = beginning;
    let keeping = Keeping::new(C::DURABILITY.unwrap_or(owner.vault.durability));
    let life = Box::new(Life {
        owner,
        seen,
        log: Log::default(),
        events,
        stamp,
        kept: Vec::new(),
        until: None,
        tries: 0,
        draining: Vec::new(),
        keeping,
    });
    let mut instance = Instance {
        id,
        component,
        cx,
        sent: C::Sent::default(),
        version,
        props,
        new_props: None,
        subscribers: vec![subscriber],
        limits,
        mailbox,
        failures: 0,
        life,
    };
    let picture =
        std::panic::catch_unwind(AssertUnwindSafe(|| instance.first_picture(is_rehydrated, is_outdated)));
    let error = match picture {
        Ok(Ok(result)) => {
            instance.keep_kept();
            instance.life.owner.vault.remember(id, stamp);
            instance.touch();
            ticket.answer(Ok(Some(result)));
            return Some((instance, inbox));
        }
        Ok(Err(why)) => {
            tracing::error!(%why, "the state cannot be sent; nothing was mounted");
            refused(&why)
        }
        Err(_) => Error::new(Code::ActionFailed, "this failed on the server; nothing was mounted"),
    };
    drop(inbox);
    instance.unmount().await;
    ticket.answer(Err(error));
    None
}

/// Whose an instance of `C` is.
fn owner_of<C: Component>(owner: &Ownership) -> Owner<'_> {
    Owner { component: C::NAME, session: owner.session, subject: &owner.subject }
}

async fn rehydrate<C: Component>(snapshot: &Snapshot, cx: &mut Cx<C>) -> Result<Beginning<C>> {
    let claims = &snapshot.claims;
    let body: Body<'_> = serde_json::from_slice(&snapshot.body).map_err(|why| unreadable(&why))?;
    let seen = Seen::from_json(body.seen.get()).map_err(|why| unreadable(&why))?;
    let props = body.props.map(|props| Bytes::copy_from_slice(props.get().as_bytes()));
    let mut component = mount_component::<C>(props.as_ref(), cx).await.map_err(passing)?;
    // What this mount emits was emitted by the first.
    drop(cx.take_effects());
    // The author's `Deserialize` and migrations run in here.
    let restored = std::panic::catch_unwind(AssertUnwindSafe(|| {
        // In this order, so that a migration sees what was kept and has the last word.
        if let Some(kept) = body.kept {
            component.restore_kept(claims.schema, kept.get().as_bytes())?;
        }
        component.restore(claims.schema, body.state.get().as_bytes())
    }));
    match restored {
        Ok(Ok(())) => {}
        Ok(Err(why)) => return Err(not_restored(&why)),
        Err(_) => return Err(unreadable(&"reading it panicked")),
    }
    let version = body.version.unwrap_or(claims.version);
    let rehydrated = Rehydrated { version, schema: claims.schema, taken: claims.issued };
    let hook = AssertUnwindSafe(async { component.on_rehydrate(rehydrated, cx).await }).catch_unwind().await;
    match hook {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            log(&error);
            return Err(passing(error));
        }
        Err(_) => return Err(unreadable(&"`on_rehydrate` panicked")),
    }
    // Above everything a client may have been shown.
    let (version, stamp) = (version + 1, claims.version + 1);
    Ok(Beginning { component, props, version, stamp, seen, events: body.events, is_rehydrated: true })
}

/// What failed inside may go better in a moment, and what is kept is still there: the client is to try again
/// before it begins anew.
#[cold]
fn passing(error: Error) -> Error {
    match error.code() {
        Code::Internal => Error::new(Code::Busy, "this cannot be taken up at the moment: try again"),
        _ => error,
    }
}

#[cold]
fn unreadable(why: &dyn std::fmt::Display) -> Error {
    tracing::error!(%why, "a genuine snapshot could not be used");
    Error::new(Code::SnapshotUnreadable, "the snapshot does not fit this version of the component")
}

#[cold]
fn not_restored(why: &RestoreError) -> Error {
    match why {
        RestoreError::TooNew { .. } => {
            tracing::warn!(%why, "a snapshot comes from a newer version");
            Error::new(Code::SnapshotTooNew, "the snapshot was written by a newer version of the component")
        }
        why => unreadable(why),
    }
}

impl<C: Component> Instance<C> {
    /// The first flush: fills `sent`, and is the result of the mount.
    fn first_picture(&mut self, is_rehydrated: bool, is_outdated: bool) -> Result<Vec<u8>, FlushError> {
        let mut nobody = Writer::default();
        self.component.flush(&mut self.sent, self.limits.state, &mut nobody)?;
        let digest = self.component.digest(&self.sent);
        let outcome = if is_rehydrated { "\"outcome\":\"rehydrated\"," } else { "" };
        let mut result = format!("{{{outcome}\"componentId\":\"{}\",\"initialState\":", self.id).into_bytes();
        self.component.snapshot(&self.sent, &mut result);
        result.extend_from_slice(format!(",\"version\":{},\"digest\":{digest}", self.version).as_bytes());
        if is_rehydrated {
            result.extend_from_slice(format!(",\"seq\":{}", self.life.events).as_bytes());
        }
        if is_outdated {
            result.extend_from_slice(b",\"outdated\":true");
        }
        result.push(b'}');
        Ok(result)
    }
}
