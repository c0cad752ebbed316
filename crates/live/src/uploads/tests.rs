//! What becomes of a file, from outside: a desk, a folder, and what was answered.

use std::fs;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::id as program;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;

use super::*;
use crate::error::Code;
use crate::limits::Limits;

mod folder;
mod inspecting;
mod model;

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("live-uploads-{}-{}", program(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    fn desk(&self) -> Arc<Desk> {
        self.desk_with(|_| {}, |uploads| uploads)
    }

    fn desk_with(
        &self,
        limits: impl FnOnce(&mut Limits),
        uploads: impl FnOnce(Uploads) -> Uploads,
    ) -> Arc<Desk> {
        let mut all = Limits::default();
        limits(&mut all);
        Desk::start(uploads(Uploads::at(&self.0)), &all).expect("a desk starts")
    }

    /// The names of what is in the folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.join("parts")).expect("there is a folder");
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn piece(&self, id: FileId, ending: &str) -> PathBuf {
        self.0.join("parts").join(format!("{id}.{ending}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // There may be none.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn id(upload: &str) -> FileId {
    FileId::new("session", "ada", upload)
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A file that ada begins.
fn asks(upload: &str, size: usize) -> Opening {
    Opening {
        id: id(upload),
        turn: 0,
        owner: Arc::from("ada"),
        name: "notes.txt".into(),
        kind: "text/plain".into(),
        size: size as u64,
        is_resumed: false,
        is_direct: false,
        accept: Arc::default(),
        progress: Box::new(|_| {}),
    }
}

fn resumes(upload: &str, size: usize) -> Opening {
    Opening { is_resumed: true, ..asks(upload, size) }
}

#[tokio::test]
async fn a_beginning_that_comes_after_a_later_one_takes_nothing_from_it() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let later = desk.open(Opening { turn: 2, ..asks("a", 4) }).await.unwrap();
    put(&later.sending, At::Offset(0), b"01").await.unwrap();
    let earlier = desk.open(Opening { turn: 1, ..asks("a", 4) }).await;
    assert_eq!(earlier.map(|_| ()).unwrap_err().code(), Code::UploadGone);
    assert_eq!(put(&later.sending, At::Offset(2), b"23").await.unwrap(), 4);
    desk.open(Opening { turn: 3, ..resumes("a", 4) }).await.unwrap();
}

type Later<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// What is waited for, from what will answer.
fn later<T: Send + 'static>(ask: impl FnOnce(Answer<T>)) -> Later<T> {
    let (answer, answered) = oneshot::channel();
    ask(Box::new(move |result| drop(answer.send(result))));
    Box::pin(async { answered.await.expect("every request is answered") })
}

fn put(sending: &Arc<Sending>, at: At, bytes: &[u8]) -> Later<u64> {
    later(|answer| sending.put(at, Bytes::copy_from_slice(bytes), answer))
}

fn complete(sending: &Arc<Sending>, hash: Option<[u8; 32]>) -> Later<UploadedFile> {
    later(|answer| sending.complete(hash, answer))
}

/// Waits until nothing is under way: nobody has the desk but the test.
async fn quiet(desk: &Arc<Desk>) {
    while Arc::strong_count(desk) > 1 {
        tokio::task::yield_now().await;
    }
}

/// Waits until nothing is remembered. Who lets go last may be slower than what forgets; then the sweep does.
async fn forgotten(desk: &Arc<Desk>) {
    while !desk.room().slots.lock().unwrap().is_empty() {
        desk.sweep().unwrap();
        tokio::task::yield_now().await;
    }
}

/// Sends all of a file at once, and answers it done.
async fn send(desk: &Arc<Desk>, upload: &str, bytes: &[u8]) -> UploadedFile {
    let opened = desk.open(asks(upload, bytes.len())).await.expect("it is begun");
    put(&opened.sending, At::Offset(0), bytes).await.expect("it is written");
    complete(&opened.sending, Some(digest(bytes))).await.expect("it is done")
}

fn code<T>(result: Result<T, Error>) -> Code {
    result.err().expect("it is refused").code()
}

#[tokio::test]
async fn a_file_comes_in_pieces_and_is_the_file_that_was_sent() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let bytes: Vec<u8> = (0..700_000_u32).map(|number| b' ' + (number % 91) as u8).collect();
    let opened = desk.open(asks("a", bytes.len())).await.unwrap();
    assert_eq!(opened.received, 0);
    for (number, chunk) in bytes.chunks(65_536).enumerate() {
        let end = put(&opened.sending, At::Offset(number as u64 * 65_536), chunk).await.unwrap();
        assert_eq!(end, (number * 65_536 + chunk.len()) as u64);
    }
    let file = complete(&opened.sending, Some(digest(&bytes))).await.unwrap();
    assert_eq!(fs::read(file.path()).unwrap(), bytes);
    assert_eq!(
        (file.name(), file.content_type(), file.size()),
        ("notes.txt", "text/plain", bytes.len() as u64)
    );
    assert_eq!(file.extension(), Some("txt"));
    assert_eq!(file.sha256().len(), 64);
    assert_eq!(scratch.names(), [format!("{}.done", id("a")), format!("{}.json", id("a"))]);
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let opened = desk.open(asks("a", 0)).await.unwrap();
    let file = complete(&opened.sending, Some(digest(b""))).await.unwrap();
    assert_eq!(file.size(), 0);
    assert_eq!(fs::read(file.path()).unwrap(), b"");
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart_and_the_rest_makes_it_whole() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let opened = desk.open(asks("a", 10)).await.unwrap();
    put(&opened.sending, At::Offset(0), b"01234").await.unwrap();
    drop(opened);
    quiet(&desk).await;
    drop(desk);
    let desk = scratch.desk();
    assert!(matches!(desk.claim(id("a")), Some(Claim::Part { received: 5 })));
    let opened = desk.open(resumes("a", 10)).await.unwrap();
    assert_eq!(opened.received, 5);
    assert_eq!(put(&opened.sending, At::Offset(3), b"3456789").await.unwrap(), 10);
    let file = complete(&opened.sending, Some(digest(b"0123456789"))).await.unwrap();
    drop((file, opened));
    quiet(&desk).await;
    drop(desk);
    let desk = scratch.desk();
    let Some(Claim::Done(file)) = desk.claim(id("a")) else { panic!("it is there") };
    assert_eq!(fs::read(file.path()).unwrap(), b"0123456789");
    assert_eq!(
        file.sha256(),
        Sha256::digest(b"0123456789").iter().map(|it| format!("{it:02x}")).collect::<String>()
    );
    assert!(desk.claim(id("b")).is_none());
}

#[tokio::test]
async fn who_comes_later_has_the_upload_and_who_had_it_sends_in_vain() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let older = desk.open(asks("a", 4)).await.unwrap().sending;
    put(&older, At::Offset(0), b"01").await.unwrap();
    let newer = desk.open(resumes("a", 4)).await.unwrap();
    assert_eq!(newer.received, 2);
    assert_eq!(code(put(&older, At::Offset(2), b"xx").await), Code::UploadGone);
    assert_eq!(code(complete(&older, None).await), Code::UploadGone);
    older.cancel();
    older.detach();
    put(&newer.sending, At::Offset(2), b"23").await.unwrap();
    let file = complete(&newer.sending, Some(digest(b"0123"))).await.unwrap();
    assert_eq!(fs::read(file.path()).unwrap(), b"0123");
}

#[tokio::test]
async fn what_waits_when_the_turn_ends_is_not_written() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let older = desk.open(asks("a", 4)).await.unwrap().sending;
    let slot = desk.room().slot(id("a"));
    let (chunk, end) = {
        let _shut = slot.lock();
        let waiting = (put(&older, At::Offset(0), b"xx"), complete(&older, None));
        slot.take_turn();
        waiting
    };
    assert_eq!(code(chunk.await), Code::UploadGone);
    assert_eq!(code(end.await), Code::UploadGone);
    assert_eq!(fs::read(scratch.piece(id("a"), "part")).unwrap(), b"");
}

#[tokio::test]
async fn something_else_under_the_same_id_begins_anew() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let first = desk.open(asks("a", 4)).await.unwrap();
    put(&first.sending, At::Offset(0), b"012").await.unwrap();
    let cases = [
        ("not resumed", asks("a", 4)),
        ("of another size", resumes("a", 5)),
        ("of another name", Opening { name: "other.txt".into(), ..resumes("a", 5) }),
        ("of another type", Opening { kind: "text/csv".into(), name: "other".into(), ..resumes("a", 5) }),
    ];
    for (case, ask) in cases {
        let opened = desk.open(ask).await.unwrap();
        assert_eq!(opened.received, 0, "{case}");
        put(&opened.sending, At::Offset(0), b"012").await.unwrap();
    }
}

#[tokio::test]
async fn a_lie_about_the_bytes_is_found_out_and_the_file_can_be_sent_again() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let opened = desk.open(asks("a", 4)).await.unwrap();
    assert_eq!(code(complete(&opened.sending, None).await), Code::UploadGap);
    put(&opened.sending, At::Offset(0), b"0x23").await.unwrap();
    let refused = complete(&opened.sending, Some(digest(b"0123"))).await.unwrap_err();
    assert_eq!((refused.code(), refused.field("bytesUploaded")), (Code::UploadCorrupt, Some("0")));
    put(&opened.sending, At::Offset(0), b"0123").await.unwrap();
    complete(&opened.sending, Some(digest(b"0123"))).await.unwrap();
    // Asked again, because the answer was lost, it says the same.
    complete(&opened.sending, Some(digest(b"0123"))).await.unwrap();
    assert_eq!(code(complete(&opened.sending, Some(digest(b"0x23"))).await), Code::UploadCorrupt);
}

#[tokio::test]
async fn more_bytes_than_were_announced_end_an_upload() {
    for at in [At::Offset(2), At::Index(1)] {
        let scratch = Scratch::new();
        let desk = scratch.desk();
        let opened = desk.open(asks("a", 4)).await.unwrap();
        let first = if matches!(at, At::Offset(_)) { At::Offset(0) } else { At::Index(0) };
        put(&opened.sending, first, b"01").await.unwrap();
        assert_eq!(code(put(&opened.sending, at, b"234").await), Code::UploadTooLarge);
        assert_eq!(code(put(&opened.sending, at, b"2").await), Code::UploadGone);
        assert_eq!(scratch.names(), [""; 0]);
        assert_eq!(desk.room().ledger.held(), (0, 0));
    }
}

#[tokio::test]
async fn a_full_disk_costs_nothing_that_was_answered() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let opened = desk.open(asks("a", 8)).await.unwrap();
    put(&opened.sending, At::Offset(0), b"0123").await.unwrap();
    desk.room().folder.faults.leave(2);
    let refused = put(&opened.sending, At::Offset(4), b"4567").await.unwrap_err();
    assert_eq!((refused.code(), refused.field("bytesUploaded")), (Code::UploadNoSpace, Some("4")));
    assert_eq!(fs::read(scratch.piece(id("a"), "part")).unwrap(), b"0123");
    assert_eq!(desk.room().ledger.held(), (4, 1));
    desk.room().folder.faults.leave(u64::MAX);
    put(&opened.sending, At::Offset(4), b"4567").await.unwrap();
    desk.room().folder.faults.leave(0);
    assert_eq!(code(complete(&opened.sending, None).await), Code::UploadNoSpace);
    desk.room().folder.faults.leave(u64::MAX);
    complete(&opened.sending, Some(digest(b"01234567"))).await.unwrap();
}

#[tokio::test]
async fn what_could_not_be_synced_is_sent_again() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let opened = desk.open(asks("a", 4)).await.unwrap();
    put(&opened.sending, At::Offset(0), b"0123").await.unwrap();
    desk.room().folder.faults.fail_to_sync(true);
    assert_eq!(code(complete(&opened.sending, None).await), Code::UploadCorrupt);
    desk.room().folder.faults.fail_to_sync(false);
    assert_eq!(code(put(&opened.sending, At::Offset(4), b"").await), Code::UploadGap);
    put(&opened.sending, At::Offset(0), b"0123").await.unwrap();
    complete(&opened.sending, None).await.unwrap();
}

#[tokio::test]
async fn a_server_has_so_much_room_and_a_user_so_much_of_it() {
    let scratch = Scratch::new();
    let limits = |limits: &mut Limits| (limits.upload_disk, limits.upload_quota) = (1 << 20, 3 << 19);
    let desk = scratch.desk_with(limits, |uploads| uploads);
    assert_eq!(code(desk.open(asks("a", (1 << 20) + 1)).await), Code::UploadNoSpace);
    let first = desk.open(asks("a", 1 << 20)).await.unwrap().sending;
    assert_eq!(code(desk.open(asks("b", 1 << 20)).await), Code::UploadQuota);
    // What was begun is given back when it is given up.
    first.cancel();
    drop(first);
    quiet(&desk).await;
    let first = desk.open(asks("a", 1 << 20)).await.unwrap().sending;
    let other = Opening { owner: Arc::from("bob"), ..asks("b", 1 << 19) };
    let second = desk.open(other).await.unwrap().sending;
    let half = vec![b'x'; 1 << 19];
    put(&second, At::Offset(0), &half).await.unwrap();
    put(&first, At::Offset(0), &half).await.unwrap();
    // Both were promised the room that only one can have.
    assert_eq!(code(put(&first, At::Offset(1 << 19), &half).await), Code::UploadNoSpace);
    desk.remove(id("b"));
    drop(second);
    while desk.room().ledger.held().1 > 1 {
        tokio::task::yield_now().await;
    }
    put(&first, At::Offset(1 << 19), &half).await.unwrap();
}

#[tokio::test]
async fn a_queue_that_is_full_says_so() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let opened = desk.open(asks("a", 64 << 20)).await.unwrap();
    // Until this is let go, nothing is written.
    let slot = desk.room().slot(id("a"));
    let block = vec![b'x'; 1 << 20];
    let mut answers = Vec::new();
    {
        let _shut = slot.lock();
        for number in 0..8 {
            answers.push(put(&opened.sending, At::Offset(number << 20), &block));
        }
    }
    let answers = futures_util::future::join_all(answers).await;
    let refused =
        answers.iter().filter(|it| it.as_ref().is_err_and(|error| error.code() == Code::BadChunk)).count();
    assert_eq!(refused, 4);
    assert_eq!(put(&opened.sending, At::Offset(4 << 20), &block).await.unwrap(), 5 << 20);
}

#[tokio::test]
async fn small_chunks_that_wait_together_are_answered_when_all_of_them_are_there() {
    for (size, expected) in [(10, [10, 30, 30]), (40 << 10, [40 << 10, 80 << 10, 120 << 10])] {
        let scratch = Scratch::new();
        let desk = scratch.desk();
        let sending = desk.open(asks("a", 3 * size)).await.unwrap().sending;
        // How much there is when one is answered, what is answered, and for how many bytes.
        let seen: Arc<Mutex<Vec<(u64, u64)>>> = Arc::default();
        let ask = |number: usize| {
            let (seen, path) = (Arc::clone(&seen), scratch.piece(id("a"), "part"));
            let (sent, answered) = oneshot::channel();
            let answer = move |written: Result<u64, Error>| {
                let there = fs::metadata(path).unwrap().len();
                seen.lock().unwrap().push((written.unwrap(), there));
                let _ = sent.send(());
            };
            let bytes = Bytes::from(vec![b'x'; size]);
            sending.put(At::Offset((number * size) as u64), bytes, Box::new(answer));
            answered
        };
        let slot = desk.room().slot(id("a"));
        let answers = {
            let _shut = slot.lock();
            let first = ask(0);
            while sending.waits() {
                std::thread::yield_now();
            }
            [first, ask(1), ask(2)]
        };
        for answer in answers {
            answer.await.unwrap();
        }
        let answered = [size, 2 * size, 3 * size].map(|bytes| bytes as u64);
        let expected: Vec<(u64, u64)> =
            answered.into_iter().zip(expected.map(|bytes| bytes as u64)).collect();
        assert_eq!(*seen.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn what_is_given_up_or_removed_is_gone() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let opened = desk.open(asks("a", 4)).await.unwrap();
    put(&opened.sending, At::Offset(0), b"01").await.unwrap();
    opened.sending.cancel();
    assert_eq!(code(put(&opened.sending, At::Offset(2), b"23").await), Code::UploadGone);
    opened.sending.cancel();
    drop(opened);
    quiet(&desk).await;
    assert_eq!(scratch.names(), [""; 0]);

    let file = send(&desk, "b", b"0123").await;
    desk.remove(id("b"));
    assert!(desk.claim(id("b")).is_none());
    assert_eq!(fs::read(file.path()).unwrap(), b"0123", "somebody still has it");
    drop(file);
    quiet(&desk).await;
    assert_eq!(scratch.names(), [""; 0]);
    assert_eq!(desk.room().ledger.held(), (0, 0));
    forgotten(&desk).await;
}

#[tokio::test]
async fn a_file_that_is_moved_is_there_and_nowhere_else() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let file = send(&desk, "a", b"0123").await;
    let there = scratch.0.join("there.txt");
    file.move_to(&there).await.unwrap();
    assert_eq!(fs::read(&there).unwrap(), b"0123");
    assert_eq!(scratch.names(), [""; 0]);
    assert!(desk.claim(id("a")).is_none());
    assert_eq!(desk.room().ledger.held(), (0, 0));

    let file = send(&desk, "a", b"4567").await;
    assert!(file.move_to(scratch.0.join("no/such/folder")).await.is_err());
    let Some(Claim::Done(file)) = desk.claim(id("a")) else { panic!("it stays where it was") };
    file.move_to(&there).await.unwrap();
    assert_eq!(fs::read(&there).unwrap(), b"4567");
}

#[tokio::test]
async fn a_file_is_in_one_pair_of_hands_however_often_its_end_is_asked_for() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let opened = desk.open(asks("a", 4)).await.unwrap();
    put(&opened.sending, At::Offset(0), b"0123").await.unwrap();
    let file = complete(&opened.sending, None).await.unwrap();
    assert_eq!(code(complete(&opened.sending, None).await), Code::UploadGone);
    assert!(matches!(desk.claim(id("a")), Some(Claim::Part { received: 4 })));
    assert!(desk.let_go_of(id("a")).is_none());
    drop(file);
    let file = complete(&opened.sending, None).await.unwrap();
    assert_eq!(desk.room().slot(id("a")).holders.load(Ordering::SeqCst), 1);
    drop(file);
    assert!(desk.let_go_of(id("a")).is_some());
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_at_times_and_at_the_end_and_when_the_connection_goes() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let told: Arc<Mutex<Vec<u64>>> = Arc::default();
    let tells = || {
        let told = Arc::clone(&told);
        Box::new(move |received| told.lock().unwrap().push(received))
    };
    let opened = desk.open(Opening { progress: tells(), ..asks("a", 100) }).await.unwrap();
    for offset in 0..10 {
        put(&opened.sending, At::Offset(offset), b"x").await.unwrap();
    }
    tokio::time::advance(Duration::from_millis(100)).await;
    for offset in 10..20 {
        put(&opened.sending, At::Offset(offset), b"x").await.unwrap();
    }
    drop(opened);
    while told.lock().unwrap().last() != Some(&20) {
        tokio::task::yield_now().await;
    }
    assert_eq!(*told.lock().unwrap(), [1, 11, 20]);
    let opened = desk.open(Opening { progress: tells(), ..resumes("a", 100) }).await.unwrap();
    put(&opened.sending, At::Offset(20), &[b'x'; 40]).await.unwrap();
    put(&opened.sending, At::Offset(60), &[b'x'; 40]).await.unwrap();
    complete(&opened.sending, None).await.unwrap();
    drop(opened);
    quiet(&desk).await;
    assert_eq!(*told.lock().unwrap(), [1, 11, 20, 60, 100]);
}

#[tokio::test]
async fn a_server_that_takes_no_files_says_so() {
    let desk = Desk::closed();
    assert!(!desk.is_open());
    assert_eq!(code(desk.open(asks("a", 4)).await), Code::UploadRefused);
    assert!(desk.claim(id("a")).is_none());
    desk.remove(id("a"));
    desk.sweep().unwrap();
}
