//! From the last byte of a file to a file that is done.
//!
//! Its size, its SHA-256, its first bytes, the application's inspector, the disk: in this order, and one that says no is
//! the last that is asked.

use std::fs::File;
use std::sync::{Arc, PoisonError};

use super::content::{self, Judged};
use super::folder::{Piece, is_full};
use super::inspect::{self, Inspected};
use super::note::{About, Note, Verdict};
use super::part::{Part, failed, gap, with_received};
use super::room::Room;
use super::sending::{Answer, Sending};
use super::slot::{Body, Checking, Done, Slot, gone};
use super::{Accept, Desk, UploadedFile};
use crate::error::{Code, Error};

/// How many may wait to hear of one file.
const WAITING: usize = 16;

/// What its content says of a file.
enum Seen {
    /// It was done before.
    Done(Arc<About>),
    /// It is being looked at already.
    Waits,
    /// It is to be looked at.
    Begins(Check),
}

/// A file that is being looked at, on its way from thread to thread.
struct Check {
    desk: Arc<Desk>,
    slot: Arc<Slot>,
    /// Which beginning of the file it is of.
    serial: u64,
    about: Arc<About>,
    note: Note,
    /// Where its bytes are for now.
    part: std::path::PathBuf,
    file: File,
}

/// On a thread that may block.
pub(super) fn complete(
    sending: &Arc<Sending>,
    hash: Option<[u8; 32]>,
    answer: Answer<UploadedFile>,
    buffer: &mut Vec<u8>,
) {
    let Sending { desk, slot, turn, .. } = &**sending;
    let room = desk.room();
    loop {
        match slot.catch_up(room, *turn, buffer) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return answer(Err(error)),
        }
    }
    let mut body = slot.lock();
    let seen = if slot.is_turn(*turn) { see(desk, slot, &mut body, hash) } else { Err(gone()) };
    match seen {
        Ok(Seen::Done(about)) => {
            let file = UploadedFile::new(Arc::clone(desk), Arc::clone(slot), about);
            drop(body);
            answer(Ok(file));
        }
        Ok(Seen::Waits) => {
            if let Body::Checking(checking) = &mut *body {
                checking.answers.push(answer);
            }
        }
        Ok(Seen::Begins(check)) => {
            if let Body::Checking(checking) = &mut *body {
                checking.answers.push(answer);
            }
            drop(body);
            ask(check);
        }
        Err(error) => {
            drop(body);
            answer(Err(error));
        }
    }
}

/// Whether what is there is the file that somebody wants to go on with. It may be of another field, so what was found out
/// of it by the rules of that one is found out again by those of this.
pub(super) fn is_same(
    room: &Room,
    slot: &Slot,
    body: &Body,
    note: &Note,
    accept: &[Accept],
) -> Result<bool, Error> {
    match body {
        Body::Part(part) => Ok(part.note.is_same(note)),
        Body::Checking(checking) if !checking.part.note.is_same(note) => Ok(false),
        Body::Checking(checking) if *checking.part.accept != *accept => {
            Err(Error::new(Code::Busy, "the file is being looked at for another field: wait"))
        }
        Body::Checking(_) => Ok(true),
        Body::Done(Done { about, .. }) if *about.name != *note.name || about.size != note.size => Ok(false),
        Body::Done(Done { about, .. }) => {
            let head = room.folder.head(slot.id, Piece::Done).map_err(|error| failed(error, about.size))?;
            let judged = content::judge(&head, &note.name, &note.kind, accept)?;
            let Verdict { content_type, extension, .. } = &about.verdict;
            Ok((&judged.content_type, &judged.extension) == (content_type, extension))
        }
        Body::Unseen | Body::Nothing => Ok(false),
    }
}

fn see(desk: &Arc<Desk>, slot: &Arc<Slot>, body: &mut Body, hash: Option<[u8; 32]>) -> Result<Seen, Error> {
    let room = desk.room();
    match body {
        Body::Done(done) => {
            if hash.is_some_and(|hash| hex(&hash) != done.about.verdict.sha256) {
                return Err(corrupt(done.about.size));
            }
            // Whoever has it knows what was answered, and answers the same to who begins again.
            if slot.is_held() { Err(gone()) } else { Ok(Seen::Done(Arc::clone(&done.about))) }
        }
        Body::Checking(checking) => {
            if hash.is_some_and(|hash| hash != checking.digest) {
                return Err(corrupt(checking.about.size));
            }
            let has_room = checking.answers.len() < WAITING;
            if has_room {
                Ok(Seen::Waits)
            } else {
                Err(Error::new(Code::Busy, "the file is being looked at: wait"))
            }
        }
        Body::Part(part) => {
            let received = part.received();
            if received < part.note.size {
                return Err(gap(received));
            }
            let Some(digest) = part.digest() else {
                return Err(failed(
                    std::io::Error::other("what was hashed is not what was written"),
                    received,
                ));
            };
            if hash.is_some_and(|hash| hash != digest) {
                return Err(match part.restart(slot.id, &room.folder, &room.ledger) {
                    Ok(()) => corrupt(0),
                    Err(error) => failed(error, received),
                });
            }
            let mut head = Vec::new();
            let file =
                part.head(slot.id, &room.folder, &mut head).and_then(|()| part.handle(slot.id, &room.folder));
            let file = file.map_err(|error| failed(error, received))?;
            match content::judge(&head, &part.note.name, &part.note.kind, &part.accept) {
                Ok(judged) => Ok(begin(desk, slot, body, digest, judged, file)),
                Err(error) => {
                    // It will never be anything else.
                    slot.renounce();
                    let _ = slot.erase(room, body);
                    Err(error)
                }
            }
        }
        Body::Unseen | Body::Nothing => Err(gone()),
    }
}

fn begin(
    desk: &Arc<Desk>,
    slot: &Arc<Slot>,
    body: &mut Body,
    digest: [u8; 32],
    judged: Judged,
    file: File,
) -> Seen {
    let Body::Part(part) = std::mem::replace(body, Body::Nothing) else { return Seen::Waits };
    let Judged { content_type, extension } = judged;
    let folder = &desk.room().folder;
    let about = Arc::new(About {
        path: folder.path(slot.id, Piece::Done).into(),
        name: part.note.name.as_str().into(),
        size: part.note.size,
        verdict: Verdict { content_type, extension, sha256: hex(&digest) },
    });
    let check = Check {
        desk: Arc::clone(desk),
        slot: Arc::clone(slot),
        serial: part.serial,
        about: Arc::clone(&about),
        note: Note { done: Some(about.verdict.clone()), ..part.note.clone() },
        part: folder.path(slot.id, Piece::Part),
        file,
    };
    *body = Body::Checking(Box::new(Checking { part: *part, about, digest, answers: Vec::new() }));
    Seen::Begins(check)
}

/// Asks the application, if it wants to be asked.
fn ask(check: Check) {
    let Some(inspector) = check.desk.room().inspector.clone() else { return settle(&check, Ok(())) };
    tokio::runtime::Handle::current().spawn(async move {
        let Verdict { content_type, sha256, .. } = &check.about.verdict;
        let (name, size) = (&*check.about.name, check.about.size);
        let file = Inspected { path: &check.part, name, content_type, size, sha256 };
        let verdict = inspect::ask(&*inspector, &file).await;
        // It syncs and renames.
        let _ = tokio::task::spawn_blocking(move || settle(&check, verdict)).await;
    });
}

/// Calls a file done, or not.
fn settle(check: &Check, verdict: Result<(), Error>) {
    let Check { desk, slot, serial, about, note, file, .. } = check;
    let room = desk.room();
    // There may be another for what was begun anew; nothing panics while it is held.
    let settling = slot.settling.lock().unwrap_or_else(PoisonError::into_inner);
    // What takes long is done while others may say that they do not want it any more.
    let synced = verdict.is_ok().then(|| room.folder.faults.sync(file));
    let noted = synced.as_ref().is_some_and(Result::is_ok).then(|| room.folder.write_verdict(slot.id, note));
    let mut body = slot.lock();
    if !matches!(&*body, Body::Checking(checking) if checking.part.serial == *serial) {
        // It was given up, or begun anew, and whoever waited was told so.
        return room.folder.forget_verdict(slot.id);
    }
    let Body::Checking(checking) = std::mem::replace(&mut *body, Body::Nothing) else { return };
    let Checking { part, answers, .. } = *checking;
    let (next, result) = match (verdict, synced, noted) {
        (Ok(()), Some(Ok(())), Some(noted)) => done(desk, slot, part, about, noted),
        (Err(error), ..) if error.code() == Code::UploadUnsafe => (None, Err(error)),
        (Err(error), ..) => (Some(Body::Part(Box::new(part))), Err(error)),
        (Ok(()), synced, _) => {
            // What the system has in memory and what the disk has may differ now: it is sent again.
            let error = synced.and_then(Result::err).unwrap_or_else(|| std::io::Error::other("not synced"));
            again(slot, part, desk, error)
        }
    };
    match next {
        Some(next) => *body = next,
        None => {
            // So that it is erased with its bytes.
            *body = Body::Unseen;
            slot.renounce();
            let _ = slot.erase(room, &mut body);
        }
    }
    // Before anybody else can erase it.
    let file = || UploadedFile::new(Arc::clone(desk), Arc::clone(slot), Arc::clone(about));
    let mut result = result.map(|()| file());
    drop(body);
    // While somebody has it, nobody removes it.
    if result.is_ok()
        && let Err(error) = room.folder.sync()
    {
        // It goes with the handle that is dropped here.
        slot.renounce();
        result = Err(failed(error, 0));
    }
    drop(settling);
    // There is one file, and the last who asked is the one who is there to get it.
    for answer in answers.into_iter().rev() {
        let others = result.as_ref().map_or_else(copy, |_| gone());
        answer(std::mem::replace(&mut result, Err(others)));
    }
}

type Next = (Option<Body>, Result<(), Error>);

fn done(
    desk: &Arc<Desk>,
    slot: &Slot,
    mut part: Part,
    about: &Arc<About>,
    noted: std::io::Result<()>,
) -> Next {
    let folder = &desk.room().folder;
    if let Err(error) = noted.and_then(|()| folder.take_verdict(slot.id)) {
        let error = failed(error, part.received());
        return (Some(Body::Part(Box::new(part))), Err(error));
    }
    // Closes the file, so that it can be renamed on every system.
    part.rest();
    if let Err(error) = folder.finish(slot.id) {
        return (None, Err(failed(error, 0)));
    }
    let mut charge = part.charge.take();
    if let Some(charge) = &mut charge {
        charge.keep();
    }
    (Some(Body::Done(Done { about: Arc::clone(about), _charge: charge })), Ok(()))
}

fn again(slot: &Slot, mut part: Part, desk: &Desk, error: std::io::Error) -> Next {
    let room = desk.room();
    let why = if is_full(&error) {
        failed(error, 0)
    } else {
        tracing::error!(id = %slot.id, %error, "an upload could not be synced");
        corrupt(0)
    };
    match part.restart(slot.id, &room.folder, &room.ledger) {
        Ok(()) => (Some(Body::Part(Box::new(part))), Err(why)),
        Err(error) => (None, Err(failed(error, 0))),
    }
}

#[cold]
pub(crate) fn corrupt(received: u64) -> Error {
    let why = "what arrived is not what was sent: send the file again from the beginning";
    with_received(Error::new(Code::UploadCorrupt, why), received)
}

/// The same error for somebody else, without its cause, which was logged.
fn copy(error: &Error) -> Error {
    let same = Error::new(error.code(), error.message().to_owned());
    error.fields().fold(same, |same, (field, text)| same.and(field.to_owned(), text.to_owned()))
}

pub(crate) fn hex(digest: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
