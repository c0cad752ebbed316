//! Files of an instance: which it takes, how far they are, what becomes of them.
//!
//! A file has an entry in an [`Upload`] field from the moment the instance has said that it may come. It is known by
//! its id and by nothing else, so that an instance that was put back, or rebuilt, finds its entries again.
//!
//! What must stay true: a file is done when its entry says so, and the client is told after that. A file without an
//! entry is wanted by nobody, and the desk is told so: after every turn that took an entry away, and when the instance
//! ends for good. One that goes to rest keeps them.

use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use futures_util::FutureExt as _;
use serde::Serialize;

use super::{Broken, Instance, Lost, log, refused};
use crate::auth::Caller;
use crate::component::Component;
use crate::error::{Code, Error};
use crate::field::{Begun, Upload};
use crate::mailbox::{Mail, Passage, Progress, Start, UploadMail};
use crate::outbox::Ticket;
use crate::uploads::{Claim, Desk, Direct, FileId, Opened, Opening, UploadedFile};

/// Files of which it is remembered how their end was answered, for clients that did not hear it.
const REMEMBERED: usize = 16;

/// A file, and the way that it comes.
type Line = (FileId, Weak<Passage>);

/// What an instance knows of files beside what it shows.
pub(super) struct Files {
    desk: Arc<Desk>,
    /// What was answered to the end of the last ones.
    #[expect(clippy::box_collection, reason = "most instances never see a file, and all have room for this")]
    finished: Option<Box<VecDeque<(FileId, Finished)>>>,
    /// Whether somebody sends what was begun: a passage for each, which is shut when nobody does any more.
    lines: Vec<Line>,
    /// Whether the instance has ended for good, for those that still open a file for it.
    is_over: Option<Arc<AtomicBool>>,
}

impl Files {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self { desk, finished: None, lines: Vec::new(), is_over: None }
    }

    /// Somebody begins to send it.
    fn connect(&mut self, id: FileId, line: Weak<Passage>) {
        self.lines.retain(|(other, line)| *other != id && is_up(line));
        self.lines.push((id, line));
    }

    fn is_sent(&self, id: FileId) -> bool {
        self.lines.iter().any(|(other, line)| *other == id && is_up(line))
    }

    fn answer_of(&self, id: FileId) -> Option<Finished> {
        let finished = self.finished.as_ref()?;
        finished.iter().find(|(other, _)| *other == id).map(|(_, answer)| answer.clone())
    }

    fn remember(&mut self, id: FileId, answer: Finished) {
        self.forget(id);
        let finished = self.finished.get_or_insert_default();
        if finished.len() >= REMEMBERED {
            finished.pop_front();
        }
        finished.push_back((id, answer));
    }

    fn forget(&mut self, id: FileId) {
        if let Some(finished) = &mut self.finished {
            finished.retain(|(other, _)| *other != id);
        }
    }
}

fn is_up(line: &Weak<Passage>) -> bool {
    line.upgrade().is_some_and(|passage| !passage.is_shut())
}

/// What a client is told that begins.
#[derive(Serialize)]
struct Started {
    file: String,
    #[serde(rename = "bytesUploaded")]
    received: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    direct: Option<ToStorage>,
}

/// A request that the client makes to the storage.
#[derive(Serialize)]
struct ToStorage {
    url: String,
    method: String,
    headers: BTreeMap<String, String>,
}

impl From<Direct> for ToStorage {
    fn from(Direct { url, method, headers }: Direct) -> Self {
        Self { url, method, headers: headers.into_iter().collect() }
    }
}

/// What a client is told whose file is done.
#[derive(Clone, Serialize)]
struct Finished {
    filename: Box<str>,
    #[serde(rename = "fileUrl", skip_serializing_if = "Option::is_none")]
    url: Option<Box<str>>,
    hash: Box<str>,
    #[serde(skip)]
    size: u64,
    /// The field that it was for.
    #[serde(skip)]
    field: &'static str,
}

impl Finished {
    fn of(file: &UploadedFile, field: &'static str) -> Self {
        let (filename, hash, size) = (file.name().into(), file.sha256().into(), file.size());
        Self { filename, url: None, hash, size, field }
    }
}

/// What a client is told that wants to go on with a file that is done.
#[derive(Serialize)]
struct Again {
    file: String,
    #[serde(rename = "bytesUploaded")]
    received: u64,
    #[serde(rename = "done")]
    is_done: bool,
    #[serde(flatten)]
    finished: Finished,
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings and numbers are always JSON")
}

impl<C: Component> Instance<C> {
    /// Somebody says something of a file.
    pub(super) async fn read_upload(&mut self, mail: UploadMail) -> std::result::Result<(), Lost> {
        match mail {
            UploadMail::Start(start) => self.start_upload(start).await,
            UploadMail::Progress(progress) => {
                let received = progress.read();
                let Some((_, upload)) = self.upload_of(progress.id) else { return Ok(()) };
                upload.receive(progress.id, received);
                self.as_nobody();
                self.end_quietly(Ok(())).await
            }
            UploadMail::Done { id, file, asked } => self.finish_upload(id, file, asked).await,
            UploadMail::Failed { id, turn, error, is_unbegun, ticket } => {
                log(&error);
                let begun_since =
                    |turn| self.upload_of(id).is_some_and(|(_, upload)| upload.is_later(id, turn));
                if turn.is_some_and(begun_since) {
                    // That one says how it goes.
                    ticket.answer(Err(error));
                    return Ok(());
                }
                self.as_nobody();
                self.fail_upload(id, &error, is_unbegun).await?;
                self.release();
                ticket.answer(Err(error));
                Ok(())
            }
            UploadMail::Cancel { id, former, caller, ticket } => {
                let Some(ticket) = self.admit(caller, ticket) else { return Ok(()) };
                self.forget_entry(id);
                former.into_iter().for_each(|former| self.forget_entry(former));
                self.life.files.forget(id);
                let ended = self.end_quietly(Ok(())).await;
                // Also where there is no entry: an id can only be that of a file of this very client.
                self.life.files.desk.remove(id);
                self.life.files.forget(id);
                self.answer(ticket, Ok(None));
                ended
            }
        }
    }

    /// A client wants to send a file, or to go on with it.
    async fn start_upload(&mut self, start: Start) -> std::result::Result<(), Lost> {
        let Start { id, former, property, name, kind, size, is_resumed, payer, door, tasks, caller, ticket } =
            start;
        let owner = caller.session_id();
        let Some(ticket) = self.admit(caller, ticket) else { return Ok(()) };
        let Some((field, _)) = self.component.upload_mut(property.as_deref()) else {
            let said = match C::UPLOADS {
                0 => "this takes no files",
                _ => "there is no field of this name that takes files",
            };
            ticket.answer(Err(Error::new(Code::UploadRefused, said)));
            return Ok(());
        };
        if self.upload_of(id).is_some_and(|(other, _)| other != field) {
            // What the rules of one field let in is not for another.
            let said = "this upload is one of another field: send it under another id";
            ticket.answer(Err(Error::new(Code::UploadRefused, said)));
            return Ok(());
        }
        // Another file of the same name begins anew.
        let is_same = |before: &Finished| is_resumed && before.size == size && before.field == field;
        let before = self.finished_before(id).or_else(|| self.finished_before(former?)).filter(is_same);
        if let Some(answer) = before {
            // Its client did not hear that. If it asks for the end again, it is answered as it was then.
            let answer = Again { file: id.to_string(), received: size, is_done: true, finished: answer };
            door.finish(&answer.finished.hash, json(&answer.finished).into());
            ticket.answer(Ok(Some(json(&answer))));
            return Ok(());
        }
        // What its client began before it signed in is begun anew, as its user's.
        former.into_iter().for_each(|former| self.forget_entry(former));
        let Some((_, upload)) = self.component.upload_mut(property.as_deref()) else { return Ok(()) };
        let turn = self.life.files.desk.next_turn();
        let begun = {
            let (name, is_sent) = (&*name, &|other| self.life.files.is_sent(other));
            upload.begin(&Begun { id, turn, owner, name, kind: &kind, size, is_resumed, is_sent })
        };
        let is_new = match begun {
            Ok(is_new) => is_new,
            Err(error) => {
                ticket.answer(Err(error));
                return Ok(());
            }
        };
        let (accept, is_direct) = (upload.accepted(), upload.is_direct());
        self.life.files.forget(id);
        self.life.files.connect(id, door.line());
        if let Err(broken) = self.flush() {
            let mended = self.mend(&broken).await;
            ticket.answer(Err(why(&broken)));
            return mended;
        }
        self.release();
        let (desk, mailbox) = (Arc::clone(&self.life.files.desk), self.mailbox.clone());
        let progress = Progress::new(id, mailbox.clone());
        let told = Arc::clone(&progress);
        let is_over = Arc::clone(self.life.files.is_over.get_or_insert_default());
        let opening = Opening {
            id,
            turn,
            owner: payer,
            name: name.into(),
            kind: kind.into(),
            size,
            is_resumed,
            is_direct,
            accept,
            progress: Box::new(move |received| told.tell(received)),
        };
        // Beside the instance, which has other things to do than to wait for a disk.
        tasks.spawn(async move {
            match desk.open(opening).await {
                // Whatever ended it knew nothing of what was opened only now.
                Ok(Opened { sending, .. }) if is_over.load(Ordering::Acquire) => sending.cancel(),
                Ok(Opened { sending, received, direct }) => {
                    door.open(sending, direct.is_some());
                    if received > 0 {
                        progress.tell(received);
                    }
                    let started = Started { file: id.to_string(), received, direct: direct.map(Into::into) };
                    ticket.answer(Ok(Some(json(&started))));
                }
                Err(error) => {
                    drop(door);
                    let failed =
                        UploadMail::Failed { id, turn: Some(turn), error, is_unbegun: is_new, ticket };
                    drop(mailbox.insist(Mail::Upload(Box::new(failed))));
                }
            }
        });
        Ok(())
    }

    /// All of a file is here, and it is good.
    async fn finish_upload(
        &mut self,
        id: FileId,
        file: UploadedFile,
        asked: Option<(Arc<Caller>, Ticket)>,
    ) -> std::result::Result<(), Lost> {
        let (caller, ticket) = asked.unzip();
        self.as_nobody();
        self.cx.set_call(None);
        let demanded = match &caller {
            Some(caller) => self.demand_of(caller),
            None => Ok(()),
        };
        let before = self.finished_before(id).filter(|before| *before.hash == *file.sha256());
        if let Some(before) = before {
            // Its client asked for the end again while the first answer was on its way to nobody.
            drop(file);
            if let Some(ticket) = ticket {
                ticket.answer(Ok(Some(json(&before))));
            }
            return Ok(());
        }
        let trace = file.trace();
        let Some((field, upload)) = self.upload_of(id) else {
            // It was removed while its last bytes were on their way.
            drop(file);
            self.life.files.desk.remove(id);
            if let Some(ticket) = ticket {
                ticket.answer(Err(Error::new(Code::UploadGone, "the file was removed meanwhile")));
            }
            return Ok(());
        };
        let mut finished = Finished::of(&file, field);
        upload.finish(id, file);
        // What the hook does may take a while.
        self.release();
        let turn = async {
            demanded?;
            self.component.on_upload(field, &mut self.cx).await
        };
        let ran = AssertUnwindSafe(turn).catch_unwind().await.map_err(|_| Broken::Panic);
        let error = match ran {
            Ok(Err(error)) => error,
            Ok(Ok(())) => match self.flush() {
                Ok(()) => {
                    finished.url = trace.url();
                    let answer = json(&finished);
                    self.life.files.remember(id, finished);
                    if let Some(ticket) = ticket {
                        self.answer(ticket, Ok(Some(answer)));
                    }
                    return Ok(());
                }
                Err(broken) => self.after_broken(&broken).await?,
            },
            Err(broken) => self.after_broken(&broken).await?,
        };
        log(&error);
        self.fail_upload(id, &error, false).await?;
        if let Some(ticket) = ticket {
            self.answer(ticket, Err(error));
        }
        Ok(())
    }

    async fn after_broken(&mut self, broken: &Broken) -> std::result::Result<Error, Lost> {
        self.mend(broken).await?;
        Ok(why(broken))
    }

    /// Shows that a file is not coming. One that never began leaves no trace.
    async fn fail_upload(
        &mut self,
        id: FileId,
        error: &Error,
        is_unbegun: bool,
    ) -> std::result::Result<(), Lost> {
        // What a hook took before it failed is here again, and failed with it: otherwise it would look as if it was done.
        self.take_files_back();
        if let Some((_, upload)) = self.upload_of(id) {
            if is_unbegun {
                upload.forget(id);
            } else {
                upload.fail(id, error);
            }
        }
        self.end_quietly(Ok(())).await
    }

    /// What was answered to the end of this file, if it had one.
    fn finished_before(&mut self, id: FileId) -> Option<Finished> {
        if let Some(answer) = self.life.files.answer_of(id) {
            return Some(answer);
        }
        let (field, upload) = self.upload_of(id)?;
        let file = upload.finished(id)?;
        Some(Finished::of(file, field))
    }

    /// What is left of it at the desk goes when the turn is kept.
    fn forget_entry(&mut self, id: FileId) {
        if let Some((_, upload)) = self.upload_of(id) {
            upload.forget(id);
        }
    }

    /// The field that has an entry for this file, and its name in Rust.
    fn upload_of(&mut self, id: FileId) -> Option<(&'static str, &mut Upload)> {
        let mut found = None;
        self.component.each_upload(&mut |field, _, upload| {
            if upload.has(id) {
                found = Some((field, upload));
            }
        });
        found
    }

    /// Before a turn is kept: what it took and dropped again is here again.
    pub(super) fn take_files_back(&mut self) {
        if C::UPLOADS > 0 {
            let desk = &self.life.files.desk;
            self.component.each_upload(&mut |_, _, upload| {
                upload.take_back(|id| desk.let_go_of(id));
            });
        }
    }

    /// After a turn that is kept: files whose entries it took away are wanted by nobody.
    pub(super) fn let_files_go(&mut self) {
        if C::UPLOADS > 0 {
            let desk = &self.life.files.desk;
            self.component.each_upload(&mut |_, _, upload| {
                upload.take_gone().into_iter().for_each(|id| desk.remove(id));
            });
        }
    }

    /// The instance ends for good, and all its files with it.
    pub(super) fn remove_files(&mut self) {
        if C::UPLOADS > 0 {
            // First: what is opened until now is removed with the others.
            if let Some(is_over) = &self.life.files.is_over {
                is_over.store(true, Ordering::Release);
            }
            let desk = &self.life.files.desk;
            self.component.each_upload(&mut |_, _, upload| {
                upload.take_everything().into_iter().for_each(|id| desk.remove(id));
            });
        }
    }

    /// The component was put back: the files it shows as finished are at the desk, unless the turn that failed had moved
    /// them already.
    pub(super) fn find_files(&mut self) {
        if C::UPLOADS == 0 {
            return;
        }
        let desk = &self.life.files.desk;
        self.component.each_upload(&mut |_, _, upload| {
            for id in upload.missing() {
                if upload.is_done(id) {
                    match desk.claim(id) {
                        Some(Claim::Done(file)) => drop(upload.finish(id, file)),
                        _ => drop(upload.fail(id, &lost())),
                    }
                }
            }
        });
    }

    /// The component was rebuilt from what was written down. Its files went on meanwhile, or are gone.
    pub(super) fn find_files_again(&mut self) {
        if C::UPLOADS == 0 {
            return;
        }
        let (desk, owner) = (&self.life.files.desk, &self.life.owner);
        let session = owner.shared.is_none().then_some(owner.session);
        let mut news = Vec::new();
        self.component.each_upload(&mut |_, _, upload| {
            if let Some(session) = session {
                upload.belongs_to(session);
            }
            for id in upload.missing() {
                match desk.claim(id) {
                    Some(Claim::Done(file)) if upload.is_done(id) => drop(upload.finish(id, file)),
                    Some(Claim::Done(file)) => news.push((id, file)),
                    Some(Claim::Part { received }) if !upload.is_done(id) => upload.receive(id, received),
                    _ if upload.is_done(id) => drop(upload.fail(id, &lost())),
                    // Whoever goes on with it begins anew.
                    _ => upload.forget(id),
                }
            }
        });
        for (id, file) in news {
            // In a turn of its own, because the author hears of it.
            let done = UploadMail::Done { id, file, asked: None };
            drop(self.mailbox.insist(Mail::Upload(Box::new(done))));
        }
    }

    /// The last member of a shared instance has left: nobody goes on with what was there before the instance was
    /// rebuilt.
    pub(super) fn disown_files(&mut self) {
        self.component.each_upload(&mut |_, _, upload| upload.disown());
    }
}

/// What a client may know of a turn that came to nothing.
fn why(broken: &Broken) -> Error {
    match broken {
        Broken::Panic => Error::new(Code::ActionFailed, "this failed on the server; the file was not taken"),
        Broken::Flush(why) => refused(why),
    }
}

#[cold]
fn lost() -> Error {
    Error::new(Code::UploadGone, "the file is not here any more: send it again")
}
