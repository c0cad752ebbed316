//! A socket over a pipe, and at the other end of it whoever writes bytes. Nobody here knows of HTTP or of sessions.

use std::future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use fluxstack_live_protocol::CloseCode;
use fluxstack_live_protocol::websocket::unmask;
use futures_util::{FutureExt as _, Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::session::{Incoming, Outgoing};

/// Bytes of the largest message.
const MOST: usize = 300_000;

/// Says what it hears, twice where it is short.
struct Echo;

fn answer(incoming: Incoming) -> Outgoing {
    match incoming {
        Incoming::Text(text) if text.len() < 100 => Outgoing::Texts(vec![text.clone(), text]),
        Incoming::Text(text) => Outgoing::Texts(vec![text]),
        Incoming::Binary(bytes) => Outgoing::Text(Bytes::from(format!("{} bytes", bytes.len()))),
        Incoming::Pong => Outgoing::Text(Bytes::from_static(b"pong")),
        Incoming::TooLarge => Outgoing::Close(Some(CloseCode::FrameTooLarge)),
    }
}

impl Serve for Echo {
    async fn serve(
        self,
        mut incoming: impl Stream<Item = Incoming> + Unpin + Send,
        mut outgoing: impl Sink<Outgoing, Error: Send> + Unpin + Send,
    ) {
        while let Some(heard) = incoming.next().await {
            if outgoing.send(answer(heard)).await.is_err() {
                return;
            }
        }
        // As a session ends that does not know why.
        let _ = outgoing.send(Outgoing::Close(None)).await;
        let _ = outgoing.close().await;
    }
}

/// The same, but every future is dropped when it is not done at once.
struct Nervous;

/// Asks again and again, each time from the beginning, and lets others run in between.
async fn impatiently<T>(mut ask: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    loop {
        if let Poll::Ready(done) = future::poll_fn(|cx| Poll::Ready(ask(cx))).await {
            return done;
        }
        tokio::task::yield_now().await;
    }
}

impl Serve for Nervous {
    async fn serve(
        self,
        mut incoming: impl Stream<Item = Incoming> + Unpin + Send,
        mut outgoing: impl Sink<Outgoing, Error: Send> + Unpin + Send,
    ) {
        loop {
            let heard = impatiently(|cx| incoming.next().poll_unpin(cx)).await;
            let is_over = heard.is_none();
            if outgoing.feed(heard.map_or(Outgoing::Close(None), answer)).await.is_err() {
                return;
            }
            let flushed = impatiently(|cx| outgoing.flush().poll_unpin(cx)).await;
            if is_over || flushed.is_err() {
                return;
            }
        }
    }
}

/// A socket that is served, with so much room in the pipe.
fn open(room: usize, serve: impl Serve) -> (DuplexStream, JoinHandle<()>) {
    let (ours, theirs) = duplex(room);
    let (read, write) = tokio::io::split(theirs);
    (ours, tokio::spawn(super::serve(read, write, Bytes::new(), MOST, TaskTracker::new(), serve)))
}

/// A frame as a client sends it.
fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let (payload, mask) = (payload.as_ref(), [1, 2, 3, 4]);
    let mut frame = vec![first, 0x80 | 127];
    frame.extend((payload.len() as u64).to_be_bytes());
    if payload.len() <= 125 {
        frame.truncate(1);
        frame.push(0x80 | u8::try_from(payload.len()).expect("it is short"));
    }
    frame.extend(mask);
    let begin = frame.len();
    frame.extend(payload);
    unmask(&mut frame[begin..], mask);
    frame
}

/// What a server has sent: opcodes and payloads.
fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let &[first, short, ref rest @ ..] = bytes {
        let (len, rest) = match short {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => (usize::from_be_bytes(*rest.first_chunk().expect("a length")), &rest[8..]),
            short => (usize::from(short), rest),
        };
        frames.push((first, rest[..len].to_vec()));
        bytes = &rest[len..];
    }
    assert!(bytes.is_empty(), "whole frames");
    frames
}

const TEXT: u8 = 0x81;
const PONG: u8 = 0x8a;
const CLOSE: u8 = 0x88;

fn close(code: u16) -> Vec<u8> {
    code.to_be_bytes().to_vec()
}

/// What is said to these bytes, but for the sentence after a code.
async fn said(sent: &[u8], room: usize, serve: impl Serve) -> Vec<(u8, Vec<u8>)> {
    let (client, served) = open(room, serve);
    let (mut read, mut write) = tokio::io::split(client);
    let write = async {
        // The server may have had enough before all of it was written.
        let _ = write.write_all(sent).await;
        let _ = write.shutdown().await;
    };
    let mut heard = Vec::new();
    let (_, read, served) = tokio::join!(write, read.read_to_end(&mut heard), served);
    read.expect("a pipe can be read");
    served.expect("serving does not panic");
    let mut frames = frames(&heard);
    for (first, payload) in &mut frames {
        if *first == CLOSE {
            payload.truncate(2);
        }
    }
    frames
}

async fn check(sent: &[&[u8]], expected: &[(u8, &[u8])]) {
    let sent = sent.concat();
    let expected: Vec<_> = expected.iter().map(|(first, payload)| (*first, payload.to_vec())).collect();
    for room in [1, 7, 100, 5_000, 1 << 20] {
        let is_same =
            said(&sent, room, Echo).await == expected && said(&sent, room, Nervous).await == expected;
        assert!(is_same, "{} bytes through {room}, from {:x?}", sent.len(), &sent[..sent.len().min(40)]);
    }
}

#[tokio::test]
async fn what_is_said_is_heard_however_little_the_pipe_takes() {
    check(&[&frame(0x81, "hello")], &[(TEXT, b"[hello,hello]"), (CLOSE, b"")]).await;
    check(
        &[&frame(0x81, "a"), &frame(0x82, [0; 70]), &frame(0x8a, ""), &frame(0x81, "")],
        &[(TEXT, b"[a,a]"), (TEXT, b"70 bytes"), (TEXT, b"pong"), (TEXT, b"[,]"), (CLOSE, b"")],
    )
    .await;
    check(&[&frame(0x89, "now")], &[(PONG, b"now"), (CLOSE, b"")]).await;
    // What answers a ping may come after what answers a message.
    let sent = [frame(0x01, "he"), frame(0x89, "now"), frame(0x80, "llo")].concat();
    let mut heard = said(&sent, 1_000, Echo).await;
    heard.sort();
    assert_eq!(heard, [(TEXT, b"[hello,hello]".to_vec()), (CLOSE, vec![]), (PONG, b"now".to_vec())]);
}

#[tokio::test]
async fn what_is_large_goes_both_ways() {
    for len in [3_000, 5_000, 16_384, 66_000, MOST] {
        let long: Vec<u8> = (b'a'..=b'z').cycle().take(len).collect();
        let expected = [b"[".as_slice(), &long, b"]"].concat();
        let sent = [frame(0x81, "a"), frame(0x81, &long), frame(0x81, "b")].concat();
        let expected: [(u8, &[u8]); 4] =
            [(TEXT, b"[a,a]"), (TEXT, &expected), (TEXT, b"[b,b]"), (CLOSE, b"")];
        for room in [100, 70_000] {
            let heard = said(&sent, room, Echo).await;
            assert!(
                heard.iter().map(|(first, bytes)| (*first, &**bytes)).eq(expected),
                "{len} through {room}"
            );
        }
    }
}

#[tokio::test]
async fn a_close_is_answered_in_kind_and_nothing_after_it() {
    check(&[&frame(0x88, close(4321)), &frame(0x81, "late")], &[(CLOSE, &close(4321))]).await;
    check(&[&frame(0x88, "")], &[(CLOSE, b"")]).await;
    check(&[&frame(0x88, close(1005))], &[(CLOSE, &close(1002))]).await;
    check(&[&frame(0x81, "a"), &frame(0x88, close(1000))], &[(TEXT, b"[a,a]"), (CLOSE, &close(1000))]).await;
}

#[tokio::test]
async fn what_is_no_websocket_is_told_why_it_is_closed() {
    check(&[&frame(0x81, "a"), &[0x81, 0x01, b'a']], &[(TEXT, b"[a,a]"), (CLOSE, &close(1002))]).await;
    check(&[&frame(0x83, "")], &[(CLOSE, &close(1002))]).await;
    check(&[&frame(0x80, "")], &[(CLOSE, &close(1002))]).await;
    check(&[&frame(0x81, [0xff])], &[(CLOSE, &close(1007))]).await;
    check(&[&frame(0x82, vec![0; MOST + 1])[..14]], &[(CLOSE, &close(1009))]).await;
    // The end in the middle of a frame is an end.
    for cut in [1, 3, 7, 9] {
        check(&[&frame(0x81, "hello")[..cut]], &[(CLOSE, b"")]).await;
    }
}

#[tokio::test]
async fn who_goes_on_after_too_much_is_told_so_and_not_torn_off() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("somebody comes");
        let (read, write) = stream.split();
        super::serve(read, write, Bytes::new(), MOST, TaskTracker::new(), Echo).await;
    });
    let mut client = TcpStream::connect(address).await.expect("it listens");
    for piece in frame(0x82, vec![0; 2 << 20]).chunks(10_000) {
        client.write_all(piece).await.expect("the connection is still there");
        tokio::task::yield_now().await;
    }
    client.shutdown().await.expect("the connection is still there");
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.expect("the connection was closed in order");
    let frames = frames(&heard);
    assert!(matches!(&*frames, [(CLOSE, payload)] if payload.starts_with(&close(1009))), "{frames:?}");
    served.await.expect("serving does not panic");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_stop_or_does_not_close_is_not_waited_for() {
    let too_large = || frame(0x82, vec![0; MOST + 1]);
    let (mut client, served) = open(1_000_000, Echo);
    let begin = tokio::time::Instant::now();
    client.write_all(&too_large()).await.expect("there is room");
    served.await.expect("serving does not panic");
    assert_eq!(begin.elapsed(), GOODBYE);
    let (mut client, served) = open(1_000_000, Echo);
    let write = async { while client.write_all(&too_large()).await.is_ok() {} };
    let (served, ()) = tokio::join!(served, write);
    served.expect("serving does not panic");
    assert_eq!(begin.elapsed(), GOODBYE, "it is enough before the time is over");
}

/// Serves as [`Echo`], as one of these tasks.
struct Tracked(TaskTracker);

impl Serve for Tracked {
    async fn serve(
        self,
        incoming: impl Stream<Item = Incoming> + Unpin + Send,
        outgoing: impl Sink<Outgoing, Error: Send> + Unpin + Send,
    ) {
        self.0.track_future(Echo.serve(incoming, outgoing)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_waits_until_its_last_words_are_read() {
    for closes in [true, false] {
        let (mut client, theirs) = duplex(1_000_000);
        let (read, write) = tokio::io::split(theirs);
        let tasks = TaskTracker::new();
        let serve = Tracked(tasks.clone());
        tokio::spawn(super::serve(read, write, Bytes::new(), MOST, tasks.clone(), serve));
        client.write_all(&frame(0x81, "a")).await.expect("there is room");
        client.read_exact(&mut [0; 7]).await.expect("it is served");
        tasks.close();
        client.write_all(&frame(0x82, vec![0; MOST + 1])).await.expect("there is room");
        let begin = tokio::time::Instant::now();
        let mut gone = pin!(tasks.wait());
        let mut heard = Vec::new();
        tokio::select! {
            biased;
            () = &mut gone => panic!("nobody has read that it is over"),
            read = client.read_to_end(&mut heard) => read.expect("a pipe can be read"),
        };
        assert!(matches!(&*frames(&heard), [(CLOSE, _)]));
        assert!((&mut gone).now_or_never().is_none(), "the peer has not closed its side");
        if closes {
            drop(client);
        }
        gone.await;
        assert_eq!(begin.elapsed(), if closes { Duration::ZERO } else { GOODBYE });
    }
}

#[tokio::test]
async fn what_was_read_with_the_request_is_not_lost() {
    let (mut client, theirs) = duplex(1_000);
    let (read, write) = tokio::io::split(theirs);
    let sent = [frame(0x81, "a"), frame(0x81, "b")].concat();
    let (come, rest) = sent.split_at(9);
    client.write_all(rest).await.expect("there is room");
    client.shutdown().await.expect("a pipe has an end");
    super::serve(read, write, Bytes::copy_from_slice(come), MOST, TaskTracker::new(), Echo).await;
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.expect("a pipe can be read");
    let expected = [(TEXT, b"[a,a]".to_vec()), (TEXT, b"[b,b]".to_vec()), (CLOSE, vec![])];
    assert_eq!(frames(&heard), expected);
}

#[tokio::test]
async fn however_much_was_read_with_the_request_little_is_kept_together() {
    let (_client, theirs) = duplex(1_000);
    let (read, write) = tokio::io::split(theirs);
    let waiting = Mutex::new(Waiting::new(write, TaskTracker::new()));
    let come = frame(0x81, "0123456789").repeat(20_000);
    let mut reading = Reading::new(read, &waiting, come.into(), MOST);
    for _ in 0..20_000 {
        assert!(matches!(reading.next().await, Some(Incoming::Text(text)) if text == "0123456789"));
        assert!(reading.kept() <= 40_000, "{} bytes", reading.kept());
    }
    assert!(reading.next().now_or_never().is_none());
}

#[tokio::test]
async fn of_many_pings_that_wait_the_newest_is_answered() {
    let pings: Vec<u8> = (0..2_000_u32).flat_map(|number| frame(0x89, number.to_be_bytes())).collect();
    // All of them fit into the pipe, and none of the answers into what is left of it.
    let (mut client, served) = open(100_000, Echo);
    client.write_all(&pings).await.expect("there is room");
    client.shutdown().await.expect("a pipe has an end");
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.expect("a pipe can be read");
    served.await.expect("serving does not panic");
    let mut frames = frames(&heard);
    assert_eq!(frames.pop(), Some((CLOSE, vec![])));
    assert_eq!(frames.pop(), Some((PONG, 1_999_u32.to_be_bytes().to_vec())));
    assert!(frames.len() < 10, "one for each time it was read, and not {}", frames.len());
}

/// Counts frames and answers none.
struct Count(Arc<AtomicUsize>);

impl Serve for Count {
    async fn serve(
        self,
        mut incoming: impl Stream<Item = Incoming> + Unpin + Send,
        _outgoing: impl Sink<Outgoing, Error: Send> + Unpin + Send,
    ) {
        while incoming.next().await.is_some() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn who_says_much_does_not_keep_others_waiting() {
    let count = Arc::default();
    let (mut client, _served) = open(1 << 20, Count(Arc::clone(&count)));
    client.write_all(&frame(0x81, "").repeat(10_000)).await.expect("there is room");
    let mut before = 0;
    while before < 10_000 {
        tokio::task::yield_now().await;
        let now = count.load(Ordering::Relaxed);
        assert!(now - before <= 128, "{} frames in one turn", now - before);
        before = now;
    }
}

#[tokio::test]
async fn a_connection_on_which_nothing_happens_has_no_buffer() {
    let (client, theirs) = duplex(1 << 20);
    let (mut their_read, mut their_write) = tokio::io::split(client);
    let (read, write) = tokio::io::split(theirs);
    let waiting = Mutex::new(Waiting::new(write, TaskTracker::new()));
    let mut reading = Reading::new(read, &waiting, Bytes::new(), MOST);
    let mut writing = Writing::new(&waiting);
    for payload in [b"a".repeat(10), b"b".repeat(5_000), b"c".repeat(100_000)] {
        their_write.write_all(&frame(0x81, &payload)).await.expect("there is room");
        let Some(Incoming::Text(text)) = reading.next().await else { panic!("a text") };
        writing.send(Outgoing::Texts(vec![text.clone(), text])).await.expect("there is room");
        let mut heard = vec![0; 2 * payload.len()];
        their_read.read_exact(&mut heard).await.expect("it was written");
        assert!(reading.next().now_or_never().is_none());
        assert_eq!((reading.kept(), lock(&waiting).kept()), (0, 0));
    }
}

#[tokio::test]
async fn what_is_large_does_not_take_the_buffer_away() {
    let (_client, theirs) = duplex(1 << 20);
    let (_read, write) = tokio::io::split(theirs);
    let waiting = Mutex::new(Waiting::new(write, TaskTracker::new()));
    let mut writing = Writing::new(&waiting);
    let text = |len| Outgoing::Text(Bytes::from(vec![b'x'; len]));
    for _ in 0..10 {
        writing.feed(text(3_000)).await.expect("there is room");
    }
    writing.flush().await.expect("there is room");
    writing.send(text(50_000)).await.expect("there is room");
    // It is lent again, and large enough for what was in it at first.
    writing.feed(text(1)).await.expect("there is room");
    assert!(lock(&waiting).kept() >= 30_000, "it is {}", lock(&waiting).kept());
}

#[tokio::test]
async fn a_length_that_is_announced_takes_no_room() {
    for announced in [20_000, MOST] {
        let (mut client, theirs) = duplex(1 << 20);
        let (read, write) = tokio::io::split(theirs);
        let waiting = Mutex::new(Waiting::new(write, TaskTracker::new()));
        let mut reading = Reading::new(read, &waiting, Bytes::new(), MOST);
        let frame = frame(0x82, vec![0; announced]);
        let mut come = 0;
        for now in [14, 100, 3_000, announced - 5_000] {
            client.write_all(&frame[come..now]).await.expect("there is room");
            come = now;
            assert!(reading.next().now_or_never().is_none());
            assert!(reading.kept() <= 4 * come, "{} bytes for {come} of {announced}", reading.kept());
        }
        client.write_all(&frame[come..]).await.expect("there is room");
        assert!(matches!(reading.next().await, Some(Incoming::Binary(bytes)) if bytes.len() == announced));
    }
}

#[tokio::test]
async fn what_a_slow_client_has_not_read_is_all_that_is_kept_for_it() {
    let (_client, theirs) = duplex(1_000);
    let (_read, write) = tokio::io::split(theirs);
    let waiting = Mutex::new(Waiting::new(write, TaskTracker::new()));
    let mut writing = Writing::new(&waiting);
    for _ in 0..20 {
        writing.feed(Outgoing::Text(Bytes::from(vec![b'x'; 100]))).await.expect("there is room");
    }
    assert!(writing.flush().now_or_never().is_none(), "it does not read");
    let left = 20 * 102 - 1_000;
    assert_eq!(lock(&waiting).kept(), left);
    assert!(writing.flush().now_or_never().is_none() && lock(&waiting).kept() == left);
}
