//! A connection that goes on with what an earlier one left, and the leaving itself.

use std::sync::Arc;

use bytes::Bytes;
use fluxstack_live_protocol::message::Resume;
use fluxstack_live_protocol::{CloseCode, Code, InstanceId};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Session;
use crate::auth::Caller;
use crate::error::Error;
use crate::instance::Begin;
use crate::mailbox::{Heard, Mail, Mailbox, Undelivered, Was};
use crate::outbox::Ticket;
use crate::registry::Registration;
use crate::roster::{Claimed, Instances};
use crate::vault::Owner;

impl Session {
    /// What the client is to present when it comes back.
    pub(super) fn token(&self) -> String {
        self.host.vault.token(self.session, &self.subject)
    }

    /// The client says that this connection belongs to a session it had before.
    pub(super) async fn resume(&mut self, token: &str, ticket: Ticket) {
        let taken_up = self.take_up(token).await;
        ticket.answer(taken_up.map(|known| {
            // A token is base64url.
            Some(format!("{{\"token\":\"{}\",\"known\":{known}}}", self.token()).into_bytes())
        }));
    }

    async fn take_up(&mut self, token: &str) -> Result<bool, Error> {
        let said = "a session is taken up by a client that can, before it mounts anything";
        let not_now = || Error::new(Code::BadMessage, said);
        if !self.arrival.dialect.resume {
            return Err(not_now());
        }
        let is_known = |session| self.host.roster.knows(session);
        let session = self.host.vault.admit(token, &self.subject, is_known).await?;
        if session == self.session {
            // It only wants a newer token.
            return Ok(true);
        }
        if !self.instances.is_empty() || !self.joined.is_empty() {
            return Err(not_now());
        }
        let Claimed { instances, known } =
            self.host.roster.claim(session, &self.subject, &self.occupant).await?;
        self.host.roster.forget(self.session, &self.occupant);
        self.session = session;
        self.caller = Caller::new(
            session,
            self.id,
            self.arrival.client.clone(),
            self.arrival.peer,
            self.caller.identity(),
        );
        self.instances = instances;
        Ok(known)
    }

    /// The client takes up one instance: the very one if it waits, else one rebuilt from a snapshot.
    pub(super) fn resume_instance(&mut self, component_id: &str, resume: &Resume<'_>, mut ticket: Ticket) {
        let Some(registration) = self.host.registry.get(&resume.component).copied() else {
            return ticket.answer(Err(not_found(&resume.component)));
        };
        let is_outdated = match speaks(&registration, resume.schema) {
            Ok(is_outdated) => is_outdated,
            Err(error) => return ticket.answer(Err(error)),
        };
        let id: Option<InstanceId> = component_id.parse().ok();
        let props = resume.props.map(|raw| Bytes::copy_from_slice(raw.get().as_bytes()));
        let rooms: Heard = resume.rooms.iter().map(|(room, heard)| (room.as_ref().into(), *heard)).collect();
        let (have, heard, doubt) = (resume.have, resume.heard, resume.doubt.clone());
        let mut was = Was { instance: id.unwrap_or_else(InstanceId::random), have, heard, rooms, doubt };
        match (registration.scope)(props.as_deref()) {
            // Props that do not read are those of one that was never shared, or nothing it could join with.
            Ok(None) | Err(_) => {}
            Ok(Some(key)) => {
                if id.is_none() {
                    return ticket.answer(Err(nothing_kept()));
                }
                return self.join(&registration, &key, props, Some(was), is_outdated, ticket);
            }
        }
        let waiting = id.and_then(|id| self.instances.get(id)).filter(|mailbox| !mailbox.is_closed());
        if let Some(mailbox) = waiting {
            let mail = Mail::Resume {
                outbox: Arc::clone(&self.outbox),
                caller: Arc::clone(&self.caller),
                was: Box::new(was),
                is_outdated,
                ticket,
            };
            let Err(Undelivered::Closed(mail)) = mailbox.insist(mail) else { return };
            // It went to rest this very moment; so it is where it rests.
            let Mail::Resume { ticket: ticket_back, was: was_back, .. } = *mail else { return };
            (ticket, was) = (ticket_back, *was_back);
        }
        let (begin, id) = match &resume.snapshot {
            None => match id {
                Some(id) => (Begin::Stored, id),
                None => return ticket.answer(Err(nothing_kept())),
            },
            Some(text) => {
                let owner =
                    Owner { component: registration.name, session: self.session, subject: &self.subject };
                match self.host.vault.carried(text, owner, self.arrival.peer) {
                    Ok(snapshot) => {
                        // A copy in another session is an instance of its own.
                        let is_there =
                            |id: &InstanceId| self.instances.get(*id).is_some_and(|there| !there.is_closed());
                        let is_ours =
                            snapshot.claims.session == self.session && !is_there(&snapshot.claims.instance);
                        let id = if is_ours { snapshot.claims.instance } else { InstanceId::random() };
                        (Begin::Carried(Box::new(snapshot)), id)
                    }
                    Err(error) => return ticket.answer(Err(error)),
                }
            }
        };
        self.begin(&registration, id, &resume.name, begin, None, Some(was), is_outdated, ticket);
    }

    /// Lets what this connection mounted come to rest, because the server is going away.
    pub(super) async fn drain(&mut self) {
        if !self.arrival.dialect.resume {
            return;
        }
        let (done, mut all_done) = mpsc::channel(1);
        let shared = self.joined.values().map(|joined| &joined.mailbox);
        for mailbox in Mailbox::in_order(self.instances.mailboxes().chain(shared)) {
            drop(mailbox.insist(Mail::Rest { done: done.clone() }));
        }
        drop(done);
        if timeout(self.host.limits.drain, all_done.recv()).await.is_err() {
            tracing::warn!(connection = %self.id, "some instances did not come to rest in time");
        }
    }

    /// The connection is over; what it mounted waits for the next one, or ends with it. Does nothing the
    /// second time.
    pub(super) fn leave(&mut self) {
        // First, so that what it asked for and does not have yet comes to nothing: the farewell is read before it.
        self.caller.leave();
        self.stop_sending();
        let is_signed_out = self.occupant.why() == Some(CloseCode::SignedOut);
        let may_come_back = self.arrival.dialect.resume && !is_signed_out;
        let is_crowded = self.host.roster.waiting_for() + self.instances.len() > self.host.limits.waiting;
        for mailbox in Mailbox::in_order(self.instances.mailboxes()) {
            mailbox.hang_up(self.session, self.id, may_come_back);
            if may_come_back && is_crowded {
                // Too many wait already: it rests in the store instead, and comes back from there.
                let (done, _) = mpsc::channel(1);
                drop(mailbox.insist(Mail::Rest { done }));
            }
        }
        let joined = std::mem::take(&mut self.joined);
        for mailbox in Mailbox::in_order(joined.values().map(|joined| &joined.mailbox)) {
            mailbox.hang_up(self.session, self.id, may_come_back);
        }
        let mut instances = self.instances.take();
        if !may_come_back {
            instances = Instances::new();
        }
        self.host.roster.leave(self.session, &self.occupant, instances);
    }
}

#[cold]
fn nothing_kept() -> Error {
    Error::new(Code::NothingKept, "nothing is kept of this instance: mount it again")
}

/// Whether a page made for `schema` is older than the component; an error if the two cannot work together.
pub(super) fn speaks(registration: &Registration, schema: u32) -> Result<bool, Error> {
    let (version, serves) = (registration.version, registration.serves);
    if schema > version {
        return Err(Error::new(Code::ServerOutdated, "this page is newer than the server: try again soon"));
    }
    if schema < serves {
        return Err(Error::new(Code::ClientOutdated, "this page is too old for the server: load it again"));
    }
    Ok(schema < version)
}

#[cold]
pub(super) fn not_found(name: &str) -> Error {
    // Says nothing about what there is.
    Error::new(Code::ComponentNotFound, format!("Component '{name}' not found"))
}
