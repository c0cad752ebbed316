//! How an instance comes to be: from its props, or from a snapshot.
//!
//! From a snapshot it is mounted with the props of then, its fields are put back, and its author is told.
//! What it had done and emitted goes on where it was, so that a call it has done is not done again. Its id
//! stays, and its version goes on rising, so that no client takes it for an older one.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use fluxstack_live_protocol::delta::Writer;
use fluxstack_live_protocol::{CallId, Dialect, InstanceId, SessionId};
use futures_util::FutureExt as _;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::guesses::Guesses;
use super::hold::Hold;
use super::identity::demanded;
use super::keep::Keeping;
use super::log::Log;
use super::members::Members;
use super::mend::mount_component;
use super::rooms::{InRooms, only_stays};
use super::seen::Seen;
use super::sharing::Left;
use super::uploads::Files;
use super::watching::Watched;
use super::{Begin, First, Instance, Life, Mount, Ownership, log, refused};
use crate::clock;
use crate::component::{Component, Cx, Rehydrated};
use crate::error::{Code, Error, Result};
use crate::mailbox::{Inbox, Mail};
use crate::state::{FlushError, Pace, RestoreError};
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
    /// Of a shared one: who had it mounted, each a session and a user.
    #[serde(default)]
    members: Vec<(String, Box<str>)>,
    /// Of a shared one: which instances it was before.
    #[serde(default)]
    former: Vec<String>,
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
    members: Vec<(SessionId, Box<str>)>,
    former: Vec<InstanceId>,
}

/// Instances before this one that are remembered, so that those who had them are told that it goes on.
const MOST_FORMER: usize = 8;

/// Begins, and answers; `None` if nothing came of it.
pub(super) async fn begin<C: Component>(mount: Mount) -> Option<(Instance<C>, Inbox)> {
    let Mount {
        nameplate,
        begin,
        owner,
        is_outdated,
        props,
        services,
        limits,
        mailbox,
        mut inbox,
        first,
        rooms,
        desk,
    } = mount;
    let id = nameplate.instance;
    let mut cx = Cx::new(nameplate, mailbox.post(), services);
    if let Some(first) = &first {
        cx.set_caller(Some(Arc::clone(&first.caller)));
        cx.set_members(1);
    }
    let admitted = match first {
        Some(_) => demanded(&cx),
        // Who mounts a shared one is in its mailbox. It is not begun for somebody who may not have it.
        None if !has_one_who_may(&mut inbox, &mut cx).await => return None,
        None => Ok(()),
    };
    let beginning = match (admitted, begin) {
        (Err(error), _) => Err(error),
        (Ok(()), Begin::Mount) => afresh(props, &mut cx).await,
        (Ok(()), Begin::Stored) => match owner.vault.fetch(id, owner_of::<C>(&owner)).await {
            Ok(snapshot) => rehydrate(&snapshot, &mut cx).await,
            Err(error) => Err(error),
        },
        (Ok(()), Begin::Carried(snapshot)) => match owner.vault.is_newest(&snapshot).await {
            Ok(()) => rehydrate(&snapshot, &mut cx).await,
            Err(error) => Err(error),
        },
        (Ok(()), Begin::Shared { only_stored }) => {
            let place = owner.place(id);
            match owner.vault.fetch_any(place, owner_of::<C>(&owner)).await {
                Ok(snapshot) => match rehydrate(&snapshot, &mut cx).await {
                    Err(error) if error.code() != Code::Busy && error.code() != Code::SnapshotTooNew => {
                        // Whatever is wrong with it will be wrong with it tomorrow. The key is everybody's, and one
                        // snapshot must not keep them all out.
                        tracing::error!(%error, "what was kept of a shared instance is given up");
                        drop(cx.take_effects());
                        cx.stop_work();
                        owner.vault.remove(place, false).await;
                        if only_stored {
                            let said = "what was kept of this instance cannot be used: mount it again";
                            Err(Error::new(Code::NothingKept, said))
                        } else {
                            afresh(props, &mut cx).await
                        }
                    }
                    rehydrated => rehydrated,
                },
                Err(error) if only_stored || !is_gone(&error) => Err(error),
                Err(_) => {
                    // It may have been there, and not be good any more. What is written next is of another
                    // instance, and is not to be taken for an older version of that.
                    owner.vault.remove(place, false).await;
                    afresh(props, &mut cx).await
                }
            }
        }
    };
    let beginning = match beginning {
        Ok(beginning) => beginning,
        Err(error) => {
            turn_away(inbox, first, error);
            return None;
        }
    };
    let Beginning { component, props, version, stamp, seen, events, is_rehydrated, members, former } =
        beginning;
    let keeping = Keeping::new(C::DURABILITY.unwrap_or(owner.vault.durability), is_rehydrated);
    let life = Box::new(Life {
        owner,
        seen,
        log: Log::default(),
        events,
        stamp,
        kept: Vec::new(),
        until: None,
        left: Left::Silently,
        former,
        tries: 0,
        draining: Vec::new(),
        keeping,
        rooms: InRooms::new(rooms, &cx, &mailbox),
        watched: Watched::default(),
        files: Files::new(desk),
    });
    let mut instance = Instance {
        id,
        component,
        cx,
        sent: C::Sent::default(),
        version,
        props,
        new_props: None,
        pace: Pace::default(),
        members: Members::default(),
        hold: Hold::default(),
        guesses: Guesses::default(),
        limits,
        mailbox,
        timer: None,
        failures: 0,
        life,
    };
    if is_rehydrated {
        instance.find_files_again();
        // What the snapshot knows nothing of may have been shown as well, so it is not enough to go on from there.
        C::begin_lists_at(&mut instance.sent, clock::now().saturating_mul(1_000));
    }
    let flushed = std::panic::catch_unwind(AssertUnwindSafe(|| instance.first_flush()));
    let error = match flushed {
        Ok(Ok(())) => {
            instance.keep_kept();
            instance.touch();
            let Some(First { caller, outbox, was, ticket }) = first else {
                // Whoever mounts it is in its mailbox. Should nobody be, it does not stay for ever.
                instance.wait(C::KEEP_ALIVE);
                instance.affect_all();
                if instance.say_old_goodbyes(members).await.is_err() {
                    drop(inbox);
                    instance.unmount().await;
                    return None;
                }
                return Some((instance, inbox));
            };
            let (session, dialect) = (caller.session_id(), outbox.dialect());
            instance.members.put(caller, outbox);
            instance.remember(stamp);
            let (heard, doubt) = was.map(|was| (was.rooms, was.doubt)).unwrap_or_default();
            let picture = instance.picture_of_mount(dialect, is_rehydrated, is_outdated, &doubt);
            ticket.answer(Ok(Some(picture)));
            instance.expect_in_rooms(session, heard);
            instance.arrive_in_rooms(session, true);
            return Some((instance, inbox));
        }
        Ok(Err(why)) => {
            tracing::error!(%why, "the state cannot be sent; nothing was mounted");
            refused(&why)
        }
        Err(_) => Error::new(Code::ActionFailed, "this failed on the server; nothing was mounted"),
    };
    let waiting = std::iter::from_fn(|| inbox.take()).collect::<Vec<_>>();
    drop(inbox);
    instance.unmount().await;
    turn_all_away(waiting, first, error);
    None
}

/// Waits for somebody who mounts the shared instance and may have it; those who may not are told so. `false` if they
/// were all there were, and then nobody else can come.
async fn has_one_who_may<C: Component>(inbox: &mut Inbox, cx: &mut Cx<C>) -> bool {
    let mut others = Vec::new();
    let found = loop {
        match inbox.next().await {
            Mail::Join(join) => {
                cx.set_caller(Some(Arc::clone(&join.caller)));
                match demanded(cx) {
                    Ok(()) => {
                        others.push(Mail::Join(join));
                        break true;
                    }
                    Err(error) => join.ticket.answer(Err(error)),
                }
            }
            other => others.push(other),
        }
        if inbox.close_if_empty() {
            break false;
        }
    };
    cx.set_caller(None);
    inbox.put_back(others);
    found
}

/// Begins with what the author's `mount` makes.
async fn afresh<C: Component>(props: Option<Bytes>, cx: &mut Cx<C>) -> Result<Beginning<C>> {
    let component = mount_component::<C>(props.as_ref(), cx).await?;
    Ok(Beginning {
        component,
        props,
        version: 0,
        stamp: 0,
        seen: Seen::default(),
        events: 0,
        is_rehydrated: false,
        members: Vec::new(),
        former: Vec::new(),
    })
}

/// Whether nothing that could be used is kept, so that it may begin afresh. What cannot be read at the moment, or
/// only by a newer server, is still there.
fn is_gone(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::NothingKept | Code::SnapshotCorrupt | Code::SnapshotExpired | Code::SnapshotTooLarge
    )
}

/// Nothing came of it: tells everybody who has mounted it by now.
fn turn_away(mut inbox: Inbox, first: Option<First>, error: Error) {
    let waiting = std::iter::from_fn(|| inbox.take()).collect();
    // First, so that whoever is told so and tries again does not find this one.
    drop(inbox);
    turn_all_away(waiting, first, error);
}

fn turn_all_away(waiting: Vec<Mail>, first: Option<First>, error: Error) {
    for mail in waiting {
        let Mail::Join(join) = mail else { continue };
        let is_nothing = error.code() == Code::NothingKept && join.was.is_none();
        let same = if is_nothing {
            // Somebody else wanted what there was. Whoever takes what comes may begin it.
            Error::new(Code::Busy, "this has not begun yet: try again")
        } else {
            let same = Error::new(error.code(), error.message().to_owned());
            error.fields().fold(same, |same, (field, why)| same.and(field.to_owned(), why.to_owned()))
        };
        join.ticket.answer(Err(same));
    }
    if let Some(first) = first {
        first.ticket.answer(Err(error));
    }
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
    // What this mount emits was emitted by the first; the rooms it joins nobody is in any more.
    let stays = only_stays(cx.take_effects());
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
    cx.put_effects(stays);
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
    let members = body.members.into_iter();
    let members = members.filter_map(|(session, subject)| Some((session.parse().ok()?, subject))).collect();
    let former = std::iter::once(claims.instance);
    let former =
        former.chain(body.former.iter().filter_map(|id| id.parse().ok())).take(MOST_FORMER).collect();
    let events = body.events;
    Ok(Beginning { component, props, version, stamp, seen, events, is_rehydrated: true, members, former })
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
    /// The first flush: nobody has been told anything yet.
    fn first_flush(&mut self) -> Result<(), FlushError> {
        let mut nobody = Writer::default();
        // With a pace of its own, because a picture is no change: the first of those goes at once.
        self.component.flush(&mut self.sent, &mut Pace::default(), self.limits.state, &mut nobody)
    }

    /// What whoever mounts the instance is answered.
    pub(super) fn picture_of_mount(
        &self,
        dialect: Dialect,
        is_rehydrated: bool,
        is_outdated: bool,
        doubt: &[CallId],
    ) -> Vec<u8> {
        let digest = self.component.digest(&self.sent);
        let outcome = if is_rehydrated { "\"outcome\":\"rehydrated\"," } else { "" };
        let mut result = format!("{{{outcome}\"componentId\":\"{}\",\"initialState\":", self.id).into_bytes();
        self.write_state(dialect, &mut result);
        result.extend_from_slice(format!(",\"version\":{},\"digest\":{digest}", self.version).as_bytes());
        if is_rehydrated || self.is_shared() {
            result.extend_from_slice(format!(",\"seq\":{}", self.life.events).as_bytes());
        }
        if self.is_shared() {
            result.extend_from_slice(b",\"shared\":true");
        }
        if is_outdated {
            result.extend_from_slice(b",\"outdated\":true");
        }
        self.write_done(doubt, &mut result);
        result.push(b'}');
        result
    }
}
