//! Who is signed in on a connection, and what becomes of what it mounted when that changes.
//!
//! The session and its snapshots are bound to a user. The same user again is a refresh; somebody where there was
//! nobody takes over what is mounted; for anybody else the connection begins a new session, in which there is nothing.

use std::sync::Arc;
use std::time::Duration;

use fluxstack_live_protocol::{CloseCode, Code, Raw, SessionId};
use serde_json::Value;

use super::{Host, Session};
use crate::action::Outcome;
use crate::auth::{Caller, Credentials, Identity, Via, ask};
use crate::clock;
use crate::error::{Error, Result};
use crate::mailbox::Mailbox;
use crate::outbox::Ticket;
use crate::quota::{Share, Whose};

/// Characters of an account's name that count, so that long names do not fill the table of failures.
const LONGEST_ACCOUNT: usize = 256;

/// What a connection has a share of.
#[derive(Default)]
pub(crate) struct Standing {
    pub(crate) address: Share,
    pub(crate) user: Share,
}

/// Why it is not known who somebody is.
pub(crate) struct Unknown {
    /// [`Code::AuthFailed`], [`Code::AuthThrottled`], [`Code::Busy`] or [`Code::Internal`].
    pub(crate) error: Error,
    /// For how long nobody looks, if they showed too many that were wrong.
    pub(crate) wait: Option<Duration>,
}

impl From<Error> for Unknown {
    fn from(error: Error) -> Self {
        Self { error, wait: None }
    }
}

impl Host {
    /// Who shows these credentials. Wrong ones are counted, and after too many nobody looks for a while.
    ///
    /// # Errors
    /// Why that is not known.
    pub(crate) async fn judge(
        &self,
        credentials: &Credentials,
    ) -> std::result::Result<Option<Identity>, Unknown> {
        let Some(authenticator) = &self.authenticator else {
            return match credentials.via() {
                Via::Connecting => Ok(None),
                Via::Message => {
                    let said = "nobody can sign in here: this server was given no `.authenticator(…)`";
                    Err(Error::new(Code::AuthFailed, said).into())
                }
            };
        };
        let is_guess = credentials.may_be_a_guess();
        let mut whose: Vec<Whose> = credentials.peer().map(Whose::network).into_iter().collect();
        if let Some(account) = authenticator.account(credentials) {
            whose.push(Whose::User(account.chars().take(LONGEST_ACCOUNT).collect::<String>().into()));
        }
        let wait = whose.iter().filter_map(|whose| self.failures.out_for(whose)).max();
        if let Some(wait) = wait.filter(|_| is_guess) {
            let said = "too many wrong credentials: wait a while";
            return Err(Unknown { error: Error::new(Code::AuthThrottled, said), wait: Some(wait) });
        }
        let answer = match ask(&**authenticator, credentials, self.limits.auth_time).await {
            Ok(None) if credentials.via() == Via::Message => {
                Err(Error::new(Code::AuthFailed, "these credentials are not good"))
            }
            answer => answer,
        };
        match &answer {
            Ok(Some(_)) => whose.iter().for_each(|whose| self.failures.forgive(whose)),
            Err(error) if is_guess && error.code() == Code::AuthFailed => {
                whose.into_iter().for_each(|whose| self.failures.strike(whose));
            }
            Ok(None) | Err(_) => {}
        }
        Ok(answer?)
    }
}

impl Session {
    /// The client shows credentials, or none. What comes after this on the connection waits for it.
    pub(super) async fn authenticate(&mut self, payload: Option<Raw<'_>>, ticket: Ticket) {
        let outcome = self.sign_in(payload).await;
        ticket.of_user(self.user()).answer(outcome);
        if self.subject.is_empty() && self.host.refuses_anonymous {
            self.occupant.dismiss(CloseCode::SignedOut);
        }
    }

    /// The id of who is signed in.
    pub(super) fn user(&self) -> Option<Arc<str>> {
        self.caller.identity().map(|identity| identity.subject())
    }

    async fn sign_in(&mut self, payload: Option<Raw<'_>>) -> Outcome {
        let payload = payload.map_or("null", Raw::get);
        // What does not read is no reason to sign anybody out.
        let payload: Value = serde_json::from_str(payload)
            .map_err(|_| Error::new(Code::BadPayload, "the credentials do not read"))?;
        if !payload.is_object() && !payload.is_null() {
            return Err(Error::new(Code::BadPayload, "credentials are an object"));
        }
        let credentials = Credentials::message(payload, self.arrival.peer);
        let began = clock::now();
        let identity = if credentials.is_empty() {
            None
        } else {
            let judged = self.host.judge(&credentials).await;
            judged.map_err(|unknown| unknown.error)?.map(Arc::new)
        };
        let subject = identity.as_ref().map_or_else(|| Arc::from(""), |identity| identity.subject());
        self.is_over = false;
        if subject == self.subject {
            self.caller.sign_in(identity);
            if !subject.is_empty() {
                self.tell_all();
            }
            return Ok(Some(self.signed_in(false, false)));
        }
        let share = if subject.is_empty() {
            Share::default()
        } else {
            let too_many =
                || Error::new(Code::AuthThrottled, "this user has too many connections: close some");
            self.host.share_of_user(&subject).ok_or_else(too_many)?
        };
        let is_changed = !self.subject.is_empty();
        self.subject = subject;
        if is_changed {
            self.begin_anew(identity);
        } else {
            self.caller.sign_in(identity);
            self.host.roster.bind(self.session, &self.occupant, &self.subject);
            self.tell_all();
        }
        self.standing.user = share;
        self.unless_void(began)?;
        Ok(Some(self.signed_in(is_changed, true)))
    }

    /// The user may have been signed out everywhere while it was found out who it is.
    pub(super) fn unless_void(&self, began: u64) -> Result<()> {
        if self.host.vault.is_void(&self.subject, began) {
            self.caller.sign_in(None);
            self.occupant.dismiss(CloseCode::SignedOut);
            return Err(Error::new(Code::AuthFailed, "this user was signed out this very moment"));
        }
        Ok(())
    }

    /// Another session, in which nothing is mounted. What the one before had is gone.
    fn begin_anew(&mut self, identity: Option<Arc<Identity>>) {
        // Calls that are under way are judged by who is signed in when they are done.
        self.caller.sign_in(None);
        self.caller.leave();
        self.stop_sending();
        for mailbox in self.mailboxes() {
            mailbox.hang_up(self.session, self.id, false);
        }
        drop(self.instances.take());
        self.joined.clear();
        let before = std::mem::replace(&mut self.session, SessionId::random());
        let (client, peer) = (self.arrival.client.clone(), self.arrival.peer);
        self.caller = Caller::new(self.session, self.id, client, peer, identity);
        // In this order: whoever is in no seat for a moment may not hear what everybody is told in it.
        self.host.roster.enter(self.session, Arc::clone(&self.subject), Arc::clone(&self.occupant));
        self.host.roster.forget(before, &self.occupant);
    }

    /// Tells everything that is mounted who is signed in now, or that nobody is any more.
    pub(super) fn tell_all(&self) {
        for mailbox in self.mailboxes() {
            mailbox.identify(&self.caller, &self.subject);
        }
    }

    /// Everything that is mounted.
    fn mailboxes(&self) -> Vec<&Mailbox> {
        let shared = self.joined.values().map(|joined| &joined.mailbox);
        Mailbox::in_order(self.instances.mailboxes().chain(shared))
    }

    fn signed_in(&self, changed: bool, is_other: bool) -> Vec<u8> {
        let mut result = serde_json::Map::new();
        if !self.subject.is_empty() {
            result.insert("userId".to_owned(), (&*self.subject).into());
        }
        if is_other && self.arrival.dialect.resume {
            result.insert("token".to_owned(), self.token().into());
        }
        result.insert("changed".to_owned(), changed.into());
        Value::Object(result).to_string().into_bytes()
    }
}
