//! Files that a client sends on this connection: from a frame to the desk, past the instance.
//!
//! A file begins with a word to the instance, which says whether it may come; from then on its chunks go straight to
//! the desk. The session finds them in its own table, by what the client calls them, so that no connection can put
//! anything into a file of another.
//!
//! What waits is bounded three times: by how many files a connection may send, by the bytes of each that are not
//! answered, and by the bytes of all requests that are held ([`Limits::backlog`](crate::Limits)), beyond which the
//! connection is not read. Where a connection may have so much a second, it is answered later, not read less: a client
//! sends no more than one chunk without an answer, and its calls wait for nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bytes::Bytes;
use fluxstack_live_protocol::upload::{At, MAX_HEADER, UploadStart, read_frame};
use fluxstack_live_protocol::{ClientBody, ClientMessage, Code, InstanceId, decode};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use super::Session;
use crate::action::Outcome;
use crate::error::Error;
use crate::limits::Limits;
use crate::mailbox::{Door, Leads, Mail, Mailbox, Passage, Start, Undelivered, UploadMail};
use crate::outbox::{Ticket, gone};
use crate::quota::Whose;
use crate::uploads::{self, FileId};

/// Chunks from this size do not count against the rate: what bounds them is what a line can carry.
const FREE: usize = 16 << 10;
/// Bytes of one file that may be unanswered, at least: our client has one chunk on its way, of at most half of that.
const UNANSWERED: usize = 2 << 20;
/// How long a file is left alone by its client before it makes way for another.
const ALONE: Duration = Duration::from_secs(1);
/// How much of a connection's bandwidth may be used at once before answers are put off.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Bytes of the largest binary frame: as much of a file as other frames carry, and a header.
pub(crate) fn longest_binary(limits: &Limits) -> usize {
    limits.frame.saturating_add(MAX_HEADER + size_of::<u32>())
}

/// Bytes of the largest text frame that carries a chunk, in four letters for three bytes.
pub(crate) fn longest_text(limits: &Limits) -> usize {
    (limits.frame / 3).saturating_mul(4).saturating_add(MAX_HEADER)
}

/// Whether a message is a chunk of a size that need not count against the rate.
fn is_large(body: &ClientBody<'_>) -> bool {
    matches!(body, ClientBody::UploadChunk(chunk) if chunk.bytes.len() >= FREE)
}

/// See the module.
#[derive(Default)]
pub(super) struct SendingFiles {
    by_name: HashMap<Box<str>, SendingFile>,
    /// Bytes of all files that were not answered yet.
    unanswered: Arc<AtomicUsize>,
    /// When all that was sent would have arrived at the rate that a connection may have.
    due: Option<Instant>,
}

struct SendingFile {
    id: FileId,
    instance: InstanceId,
    mailbox: Mailbox,
    passage: Arc<Passage>,
    /// When its client last sent anything of it.
    used: Instant,
}

/// What a client is told of a chunk.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_chunks: Option<u64>,
    bytes_uploaded: u64,
    total_bytes: u64,
    progress: f64,
}

impl Written {
    fn json(at: At, total: Option<u64>, received: u64, size: u64) -> Vec<u8> {
        let chunk_index = match at {
            At::Index(index) => Some(index),
            At::Offset(_) => None,
        };
        // To a tenth of a percent, which is all that anybody sees.
        let progress = match size {
            0 => 100.0,
            size => (received as f64 * 1_000.0 / size as f64).floor() / 10.0,
        };
        let (bytes_uploaded, total_bytes) = (received, size);
        let written = Self { chunk_index, total_chunks: total, bytes_uploaded, total_bytes, progress };
        serde_json::to_vec(&written).expect("numbers are always JSON")
    }
}

impl Session {
    /// Whether a message does not count against the rate: a large chunk of a file that is under way. What is of no such
    /// file costs its sender as much as any other message.
    pub(super) fn is_free(&self, body: &ClientBody<'_>) -> bool {
        let ClientBody::UploadChunk(chunk) = body else { return false };
        let file = || self.sending.as_ref()?.by_name.get(&*chunk.upload);
        is_large(body) && file().is_some_and(|file| matches!(file.passage.leads(), Leads::To(_)))
    }

    /// A text frame that is longer than others may be: only a chunk is. Whether it was one.
    pub(super) fn read_long(&mut self, frame: &Bytes) -> bool {
        if !self.host.desk.is_open() || frame.len() > longest_text(&self.host.limits) {
            return false;
        }
        let Ok(text) = std::str::from_utf8(frame) else { return false };
        match decode(text, self.arrival.dialect) {
            Ok(mut message) if is_large(&message.body) => {
                if self.is_free(&message.body) || self.count(1) {
                    self.take(frame, message);
                } else {
                    let ticket = self.ticket(frame, &mut message);
                    ticket.answer(Err(Error::new(Code::RateLimited, "Rate limit exceeded: slow down")));
                }
                true
            }
            _ => false,
        }
    }

    /// A binary frame; whether it is one of a size that may come.
    pub(super) fn read_binary(&mut self, frame: &Bytes) -> bool {
        if frame.len() > longest_binary(&self.host.limits) {
            return false;
        }
        match read_frame(frame) {
            Ok((mut message, begin)) => {
                let is_allowed = self.is_free(&message.body) || self.count(1);
                let ticket = self.ticket(frame, &mut message);
                if is_allowed {
                    self.take_chunk(message, frame.slice(begin..), ticket);
                } else {
                    ticket.answer(Err(Error::new(Code::RateLimited, "Rate limit exceeded: slow down")));
                }
            }
            Err(refusal) => {
                self.count(1);
                self.refuse(&refusal);
            }
        }
        true
    }

    fn take_chunk(&mut self, message: ClientMessage<'_>, bytes: Bytes, ticket: Ticket) {
        let ClientMessage { component_id, body, .. } = message;
        let ClientBody::UploadChunk(chunk) = body else { return };
        let id = component_id.as_deref().and_then(|id| id.parse().ok());
        self.send_chunk(id, &chunk.upload, chunk.at, chunk.total, bytes, ticket);
    }

    /// A file begins, or goes on.
    pub(super) fn start_upload(
        &mut self,
        instance: Option<InstanceId>,
        component_id: Option<&str>,
        start: UploadStart<'_>,
        ticket: Ticket,
    ) {
        if !self.host.desk.is_open() {
            let said = "this server takes no files: give it a folder with `.uploads(…)`";
            return ticket.answer(Err(Error::new(Code::UploadRefused, said)));
        }
        let found = instance.and_then(|id| Some((id, self.mailbox(id)?.clone())));
        let Some((instance, mailbox)) = found else {
            return ticket.answer(Err(gone(component_id.unwrap_or_default())));
        };
        let (id, former) = (self.file_id(&start.upload), self.former_id(&start.upload));
        let payer = self.payer();
        let most = self.host.limits.uploads;
        let sending = self.sending.get_or_insert_default();
        sending.by_name.retain(|_, file| !file.passage.is_shut() && !file.mailbox.is_closed());
        if sending.by_name.len() >= most {
            // They wait for a question that a client need not ask.
            sending.by_name.retain(|_, file| !file.passage.is_finished());
        }
        let is_known = sending.by_name.contains_key(&*start.upload);
        if !is_known && sending.by_name.len() >= most && !sending.make_way() {
            let said = format!("{most} files are on their way on this connection: wait for one of them");
            return ticket.answer(Err(Error::new(Code::Busy, said)));
        }
        let passage = Passage::new(start.size, &sending.unanswered);
        let (to, through) = (mailbox.clone(), Arc::clone(&passage));
        let file = SendingFile { id, instance, mailbox: to, passage: through, used: Instant::now() };
        if let Some(before) = sending.by_name.insert((&*start.upload).into(), file) {
            // Whoever opens it next takes it over.
            before.passage.shut();
        }
        let UploadStart { property, name, kind, size, is_resumed, .. } = start;
        let start = Start {
            id,
            former,
            property: property.as_deref().map(Into::into),
            name: (&*name).into(),
            kind: (&*kind).into(),
            size,
            is_resumed,
            payer,
            door: Door::of(&passage),
            tasks: self.host.tasks.clone(),
            caller: Arc::clone(&self.caller),
            ticket,
        };
        // What comes back from a mailbox that is closed says by itself that the instance is gone.
        if let Err(Undelivered::Full(mail)) = mailbox.send(Mail::Upload(Box::new(UploadMail::Start(start))))
            && let Mail::Upload(mail) = *mail
            && let UploadMail::Start(Start { ticket, .. }) = *mail
        {
            ticket.answer(Err(Error::new(Code::Busy, "the component has too much to do: try again")));
        }
    }

    /// Bytes of a file.
    pub(super) fn send_chunk(
        &mut self,
        instance: Option<InstanceId>,
        upload: &str,
        at: At,
        total: Option<u64>,
        bytes: Bytes,
        ticket: Ticket,
    ) {
        let share = self.host.limits.upload_share;
        let most = UNANSWERED.max(self.host.limits.frame.saturating_mul(2));
        let of_all = most.saturating_mul(self.host.limits.uploads);
        let Some(sending) = &mut self.sending else { return ticket.answer(Err(not_under_way())) };
        let found = sending.by_name.get_mut(upload).filter(|file| Some(file.instance) == instance);
        let Some(file) = found else { return ticket.answer(Err(not_under_way())) };
        file.used = Instant::now();
        let Leads::To(desk) = file.passage.leads() else { return ticket.answer(Err(not_under_way())) };
        let len = bytes.len();
        if !file.passage.enter(len, most, of_all) {
            let said = "too much of this file is on its way: wait for the answers";
            return ticket.answer(Err(Error::new(Code::Busy, said)));
        }
        let (id, mailbox, passage) = (file.id, file.mailbox.clone(), Arc::clone(&file.passage));
        let later = sending.put_off(len, share);
        let size = passage.size();
        let answer = move |written: Result<u64, Error>| {
            // They are written, or dropped.
            let ticket = ticket.without_bytes();
            let outcome = match written {
                Ok(received) => Ok(Some(Written::json(at, total, received, size))),
                Err(error) if is_final(error.code()) => {
                    passage.left(len);
                    passage.shut();
                    let failed = UploadMail::Failed { id, turn: None, error, is_unbegun: false, ticket };
                    return drop(mailbox.insist(Mail::Upload(Box::new(failed))));
                }
                Err(error) => {
                    if error.code() == Code::UploadGone {
                        passage.shut();
                    }
                    Err(error)
                }
            };
            answer_later(ticket, outcome, passage, len, later);
        };
        desk.put(at, bytes, Box::new(answer));
    }

    /// That was all of it.
    pub(super) fn complete_upload(
        &mut self,
        instance: Option<InstanceId>,
        upload: &str,
        hash: Option<[u8; 32]>,
        ticket: Ticket,
    ) {
        let Some(file) = self.sending_file(instance, upload) else {
            return ticket.answer(Err(not_under_way()));
        };
        let desk = match file.passage.leads() {
            Leads::To(desk) => desk,
            Leads::Back(known, answer) => {
                file.passage.shut();
                // It may be another file that is only called the same.
                let is_same = hash.is_none_or(|hash| uploads::hex(&hash) == *known);
                return ticket.answer(if is_same {
                    Ok(Some(answer.into()))
                } else {
                    Err(uploads::corrupt(0))
                });
            }
            Leads::Nowhere => return ticket.answer(Err(not_under_way())),
        };
        let (id, mailbox, passage) = (file.id, file.mailbox.clone(), Arc::clone(&file.passage));
        let caller = Arc::clone(&self.caller);
        // Until this is answered it is not left alone.
        passage.enter(1, usize::MAX, usize::MAX);
        let answer = move |done| {
            passage.left(1);
            let mail = match done {
                Ok(file) => {
                    passage.shut();
                    UploadMail::Done { id, file, asked: Some((caller, ticket)) }
                }
                Err(error) if is_final(Error::code(&error)) => {
                    passage.shut();
                    UploadMail::Failed { id, turn: None, error, is_unbegun: false, ticket }
                }
                Err(error) => return ticket.answer(Err(error)),
            };
            // If nobody reads it any more, the ticket says so as it is dropped, and the file waits at the desk.
            drop(mailbox.insist(Mail::Upload(Box::new(mail))));
        };
        desk.complete(hash, Box::new(answer));
    }

    /// The client gives a file up, whether it is under way or not.
    pub(super) fn cancel_upload(
        &mut self,
        instance: Option<InstanceId>,
        component_id: Option<&str>,
        upload: &str,
        ticket: Ticket,
    ) {
        let (mut id, former) = (self.file_id(upload), self.former_id(upload));
        if self.sending_file(instance, upload).is_some()
            && let Some(file) = self.sending.as_mut().and_then(|sending| sending.by_name.remove(upload))
        {
            // Somebody may have signed in since it began.
            id = file.id;
            if let Some(desk) = file.passage.shut() {
                desk.cancel();
            }
        }
        let Some(mailbox) = instance.and_then(|id| self.mailbox(id)) else {
            return ticket.answer(Err(gone(component_id.unwrap_or_default())));
        };
        let caller = Arc::clone(&self.caller);
        // It is asked for at most as often as there may be open requests.
        drop(mailbox.insist(Mail::Upload(Box::new(UploadMail::Cancel { id, former, caller, ticket }))));
    }

    /// The connection is gone, or somebody else's. What was under way stays where it is.
    pub(super) fn stop_sending(&mut self) {
        let Some(sending) = self.sending.take() else { return };
        for file in sending.by_name.values() {
            if let Some(desk) = file.passage.shut() {
                desk.detach();
            }
        }
    }

    fn sending_file(&self, instance: Option<InstanceId>, upload: &str) -> Option<&SendingFile> {
        let file = self.sending.as_ref()?.by_name.get(upload)?;
        (Some(file.instance) == instance).then_some(file)
    }

    /// What a file is known by that this session's client calls so.
    fn file_id(&self, upload: &str) -> FileId {
        FileId::new(&self.session.to_string(), &self.subject, upload)
    }

    /// What it was known by before somebody signed in, whose it is since then. What a user sent is never the next one's.
    fn former_id(&self, upload: &str) -> Option<FileId> {
        (!self.subject.is_empty()).then(|| FileId::new(&self.session.to_string(), "", upload))
    }

    /// Whose quota files count against.
    fn payer(&self) -> Arc<str> {
        payer(&self.subject, self.arrival.peer)
    }
}

impl SendingFiles {
    /// The file that its client has left alone for longest, because it is paused for one, makes way. Its part stays, and
    /// its client goes on as after a lost connection. Whether there was one.
    fn make_way(&mut self) -> bool {
        let alone = |file: &SendingFile| file.passage.is_quiet() && file.used.elapsed() >= ALONE;
        let alone = self.by_name.iter().filter(|(_, file)| alone(file));
        let Some(name) = alone.min_by_key(|(_, file)| file.used).map(|(name, _)| name.clone()) else {
            return false;
        };
        if let Some(desk) = self.by_name.remove(&name).and_then(|file| file.passage.shut()) {
            desk.detach();
        }
        true
    }

    /// Until when the answer to so many bytes is put off, so that no more than `share` come a second.
    fn put_off(&mut self, bytes: usize, share: u64) -> Option<Later> {
        if share == 0 {
            return None;
        }
        let now = Instant::now();
        let due = self.due.map_or(now, |due| due.max(now));
        let due = due + Duration::from_secs_f64(bytes as f64 / share as f64);
        self.due = Some(due);
        let due = due.checked_sub(AT_ONCE).filter(|due| *due > now)?;
        Some(Later { due, runtime: Handle::current() })
    }
}

/// A user, what one customer of a network has, or all of whom nothing is known: a session costs nothing to have.
fn payer(subject: &str, peer: Option<IpAddr>) -> Arc<str> {
    match peer.map(Whose::network) {
        _ if !subject.is_empty() => format!("user {subject}").into(),
        Some(Whose::Network(network)) => format!("network {network}").into(),
        _ => "somebody".into(),
    }
}

/// When an answer may be given. The desk answers on a thread of its own, so it has to know where to wait.
struct Later {
    due: Instant,
    runtime: Handle,
}

/// Answers a chunk, not before it is time.
fn answer_later(ticket: Ticket, outcome: Outcome, passage: Arc<Passage>, len: usize, later: Option<Later>) {
    let answer = move || {
        passage.left(len);
        ticket.answer(outcome);
    };
    match later {
        None => answer(),
        Some(Later { due, runtime }) => drop(runtime.spawn(async move {
            sleep_until(due).await;
            answer();
        })),
    }
}

/// Whether nothing more can come of a file: it is shown as failed.
fn is_final(code: Code) -> bool {
    !matches!(code, Code::UploadGap | Code::UploadGone | Code::BadChunk | Code::Busy)
}

#[cold]
fn not_under_way() -> Error {
    Error::new(Code::UploadGone, "no such upload is under way on this connection: start it, with `resume`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_many_addresses_or_sessions_has_one_quota() {
        let address = |text: &str| Some(text.parse().unwrap());
        let same = [("2001:db8::1", "2001:db8::ffff:1"), ("192.0.2.1", "::ffff:192.0.2.1")];
        for (one, other) in same {
            assert_eq!(payer("", address(one)), payer("", address(other)));
        }
        assert_ne!(payer("", address("2001:db8::1")), payer("", address("2001:db8:0:1::1")));
        assert_ne!(payer("", address("192.0.2.1")), payer("", address("192.0.2.2")));
        assert_eq!(payer("ada", address("192.0.2.1")), payer("ada", None));
        assert_ne!(payer("somebody", None), payer("", None));
    }
}
