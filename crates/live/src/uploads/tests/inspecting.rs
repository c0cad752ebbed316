//! What the application's inspector says, and what happens meanwhile.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::uploads::inspect::{Inspect, Inspected, Unsafe};

/// Says of a file what the test says.
struct Scanner(Arc<Mutex<Vec<String>>>, &'static str);

impl Inspect for Scanner {
    async fn inspect(&self, file: &Inspected<'_>) -> Result<(), Unsafe> {
        let bytes = fs::read(file.path())?;
        let seen = format!("{} {} {} {}", file.name(), file.content_type(), file.size(), bytes.len());
        self.0.lock().unwrap().push(seen);
        match self.1 {
            "harm" => Err(Unsafe::new("it bites")),
            "broken" => Err("x".parse::<u8>().unwrap_err().into()),
            "panics" => panic!("as expected"),
            "sleeps" => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_is_done_only_when_the_inspector_has_found_it_harmless() {
    let cases = [
        ("fine", None),
        ("harm", Some(Code::UploadUnsafe)),
        ("broken", Some(Code::Busy)),
        ("panics", Some(Code::Busy)),
        ("sleeps", Some(Code::Busy)),
    ];
    for (case, refused) in cases {
        let scratch = Scratch::new();
        let seen = Arc::default();
        let scanner = Scanner(Arc::clone(&seen), case);
        let desk = scratch.desk_with(|_| {}, |uploads| uploads.inspect(scanner));
        let opened = desk.open(asks("a", 4)).await.unwrap();
        put(&opened.sending, At::Offset(0), b"0123").await.unwrap();
        let result = complete(&opened.sending, Some(digest(b"0123"))).await;
        assert_eq!(result.as_ref().err().map(Error::code), refused, "{case}");
        assert_eq!(*seen.lock().unwrap(), ["notes.txt text/plain 4 4"], "{case}");
        let left = if refused == Some(Code::UploadUnsafe) { 0 } else { 2 };
        assert_eq!(scratch.names().len(), left, "{case}");
        if refused == Some(Code::Busy) {
            // It stays, and may be asked about again.
            assert_eq!(code(complete(&opened.sending, None).await), Code::Busy);
            assert_eq!(desk.open(resumes("a", 4)).await.unwrap().received, 4);
        }
    }
}

/// Waits until it is told to go on, and says what the test says.
struct Waits {
    go: Arc<tokio::sync::Notify>,
    asked: Arc<AtomicBool>,
    is_broken: bool,
}

impl Inspect for Waits {
    async fn inspect(&self, _: &Inspected<'_>) -> Result<(), Unsafe> {
        self.asked.store(true, Ordering::SeqCst);
        self.go.notified().await;
        if self.is_broken { Err("x".parse::<u8>().unwrap_err().into()) } else { Ok(()) }
    }
}

/// A desk whose inspector waits, and a file of four bytes that it looks at, with who waits to hear of it.
async fn looked_at(
    scratch: &Scratch,
    is_broken: bool,
) -> (Arc<Desk>, Arc<tokio::sync::Notify>, Opened, Later<UploadedFile>) {
    let (go, asked) = (Arc::default(), Arc::new(AtomicBool::new(false)));
    let waits = Waits { go: Arc::clone(&go), asked: Arc::clone(&asked), is_broken };
    let limits = |limits: &mut Limits| limits.upload_age = Duration::ZERO;
    let desk = scratch.desk_with(limits, |uploads| uploads.inspect(waits));
    let opened = desk.open(asks("a", 4)).await.unwrap();
    put(&opened.sending, At::Offset(0), b"0123").await.unwrap();
    let answer = complete(&opened.sending, None);
    while !asked.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    (desk, go, opened, answer)
}

#[tokio::test]
async fn a_file_whose_sender_went_while_it_was_looked_at_is_swept_if_nothing_was_found_out() {
    let scratch = Scratch::new();
    let (desk, go, opened, answer) = looked_at(&scratch, true).await;
    while Arc::strong_count(&opened.sending) > 1 {
        tokio::task::yield_now().await;
    }
    let slot = desk.room().slot(id("a"));
    let known = Arc::strong_count(&slot);
    opened.sending.detach();
    while Arc::strong_count(&slot) > known {
        tokio::task::yield_now().await;
    }
    go.notify_one();
    assert_eq!(code(answer.await), Code::Busy);
    assert_eq!(scratch.names().len(), 2);
    desk.sweep().unwrap();
    assert_eq!(scratch.names(), [""; 0]);
}

#[tokio::test]
async fn a_file_that_is_given_up_while_it_is_looked_at_is_gone() {
    let scratch = Scratch::new();
    let (desk, go, opened, first) = looked_at(&scratch, false).await;
    // A connection that comes meanwhile has all of it, and waits with the other.
    let again = desk.open(resumes("a", 4)).await.unwrap();
    assert_eq!(again.received, 4);
    assert_eq!(put(&again.sending, At::Offset(2), b"23").await.unwrap(), 4);
    let second = complete(&again.sending, Some(digest(b"0123")));
    put(&again.sending, At::Offset(4), b"").await.unwrap();
    again.sending.cancel();
    assert_eq!(code(first.await), Code::UploadGone);
    assert_eq!(code(second.await), Code::UploadGone);
    go.notify_one();
    drop((opened, again));
    quiet(&desk).await;
    assert_eq!(scratch.names(), [""; 0]);
    assert_eq!(desk.room().ledger.held(), (0, 0));
}

#[tokio::test]
async fn of_those_who_wait_for_one_file_the_last_gets_it_and_the_others_begin_again() {
    let scratch = Scratch::new();
    let (desk, go, opened, first) = looked_at(&scratch, false).await;
    let again = desk.open(resumes("a", 4)).await.unwrap();
    let second = complete(&again.sending, None);
    while Arc::strong_count(&again.sending) > 1 {
        tokio::task::yield_now().await;
    }
    go.notify_one();
    let file = second.await.unwrap();
    assert_eq!(code(first.await), Code::UploadGone);
    assert_eq!(desk.room().slot(id("a")).holders.load(Ordering::SeqCst), 1);
    drop((file, opened));
}

#[tokio::test]
async fn who_waits_for_a_file_that_is_begun_anew_hears_it_also_if_there_is_no_room_for_that() {
    let scratch = Scratch::new();
    let (desk, _go, opened, answer) = looked_at(&scratch, false).await;
    desk.room().folder.faults.leave(0);
    assert_eq!(code(desk.open(asks("a", 4)).await), Code::UploadNoSpace);
    assert_eq!(code(answer.await), Code::UploadGone);
    drop(opened);
}

/// A file that says nothing of itself before it is there.
fn says_nothing(accept: &[&str]) -> Opening {
    let accept = accept.iter().map(|entry| Accept::parse(entry).unwrap()).collect();
    Opening { name: "notes".into(), kind: String::new(), accept, ..resumes("a", 4) }
}

#[tokio::test]
async fn a_file_that_is_done_is_judged_again_by_the_rules_of_who_goes_on_with_it() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let opened = desk.open(says_nothing(&[".pdf", "application/pdf"])).await.unwrap();
    put(&opened.sending, At::Offset(0), b"%PDF").await.unwrap();
    let file = complete(&opened.sending, None).await.unwrap();
    assert_eq!(code(desk.open(says_nothing(&["image/*"])).await), Code::UploadType);
    assert_eq!(fs::read(file.path()).unwrap(), b"%PDF");
    assert_eq!(desk.open(says_nothing(&["application/*"])).await.unwrap().received, 4);
}

#[tokio::test]
async fn a_file_that_is_looked_at_for_one_field_is_not_gone_on_with_for_another() {
    let scratch = Scratch::new();
    let (desk, go, opened, answer) = looked_at(&scratch, false).await;
    let other = Opening { accept: [Accept::parse(".txt").unwrap()].into(), ..resumes("a", 4) };
    assert_eq!(code(desk.open(other).await), Code::Busy);
    go.notify_one();
    // Nor is it taken from whoever sent it.
    assert_eq!(answer.await.unwrap().size(), 4);
    drop(opened);
}
