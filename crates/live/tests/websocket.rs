//! The WebSocket itself, byte by byte: the handshake, what comes out for what goes in, and the same through everything
//! that carries bytes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod app;

use std::time::Duration;

use axum::Router;
use fluxstack_live::Live;
use fluxstack_live_protocol::websocket::unmask;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The key of the standard's own example, and the answer to it.
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const UPGRADE: [&str; 4] = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY];

fn app() -> Router {
    let live: Live = app::live().build().unwrap();
    Router::new().nest("/api/live", live.router())
}

async fn tcp() -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app()).await });
    TcpStream::connect(address).await.unwrap()
}

/// What hyper does not hand out as a TCP stream.
#[cfg(unix)]
async fn unix() -> tokio::net::UnixStream {
    let folder = std::env::temp_dir().join(format!("live-{}-{}", std::process::id(), rand()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("socket");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move { axum::serve(listener, app()).await });
    let stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    stream
}

/// Different for each call.
#[cfg(unix)]
fn rand() -> u32 {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

fn request(method: &str, version: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("{method} /api/live/ws?v=3&caps=delta,batch {version}\r\nHost: here\r\n{headers}\r\n")
}

/// The head of an answer, in small letters but for values.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn answer(method: &str, version: &str, headers: &[&str]) -> String {
    let mut stream = tcp().await;
    stream.write_all(request(method, version, headers).as_bytes()).await.unwrap();
    head(&mut stream).await
}

#[tokio::test]
async fn the_handshake_is_what_the_standard_says() {
    let good = answer("GET", "HTTP/1.1", &UPGRADE).await;
    assert!(good.starts_with("HTTP/1.1 101 ") && good.contains(ACCEPT), "{good}");
    assert!(good.contains("upgrade: websocket\r\n") && good.contains("connection: upgrade\r\n"), "{good}");

    let [connection, upgrade, version, key] = UPGRADE;
    let but = async |headers: [&str; 4]| answer("GET", "HTTP/1.1", &headers).await[9..12].to_owned();
    assert_eq!(but(["connection: keep-alive, UPGRADE", "upgrade: WebSocket", version, key]).await, "101");
    assert_eq!(but(["Connection: keep-alive\r\nConnection: upgrade", upgrade, version, key]).await, "101");
    assert_eq!(but(["Connection: upgraded", upgrade, version, key]).await, "400");
    assert_eq!(but([connection, "Upgrade: h2c", version, key]).await, "400");
    for bad in ["a", "", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZQ==", "dGhlIHNhbXBsZSBub25jZSBub25jZQ=="] {
        assert_eq!(
            but([connection, upgrade, version, &format!("Sec-WebSocket-Key: {bad}")]).await,
            "400",
            "{bad}"
        );
    }
    assert_eq!(but([connection, upgrade, version, "X: y"]).await, "400");
    for other in ["POST", "HEAD"] {
        let refused = answer(other, "HTTP/1.1", &UPGRADE).await;
        assert!(refused.starts_with("HTTP/1.1 405 ") && refused.contains("allow: GET"), "{refused}");
    }
    assert_eq!(answer("GET", "HTTP/1.0", &UPGRADE).await[9..12], *"426");

    for other in ["Sec-WebSocket-Version: 8", "X: y"] {
        let refused = answer("GET", "HTTP/1.1", &[connection, upgrade, other, key]).await;
        assert!(refused.starts_with("HTTP/1.1 426 "), "{refused}");
        for told in ["sec-websocket-version: 13", "upgrade: websocket", "connection: upgrade"] {
            assert!(refused.contains(&format!("\r\n{told}\r\n")), "{refused}");
        }
    }
}

/// A frame as a client sends it.
fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let (payload, mask) = (payload.as_ref(), [7, 0, 9, 1]);
    let mut frame = vec![first, 0x80 | 126];
    match u8::try_from(payload.len()) {
        Ok(short @ ..=125) => frame[1] = 0x80 | short,
        _ => frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes()),
    }
    frame.extend(mask);
    let begin = frame.len();
    frame.extend(payload);
    unmask(&mut frame[begin..], mask);
    frame
}

/// What a server has said.
#[derive(Debug, PartialEq)]
enum Said {
    /// The types of messages.
    Types(Vec<String>),
    Ping,
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// Nothing more.
    End,
}

async fn hear(stream: &mut (impl AsyncRead + Unpin)) -> Said {
    let Ok(first) = stream.read_u8().await else { return Said::End };
    let len = match stream.read_u8().await.unwrap() {
        126 => usize::from(stream.read_u16().await.unwrap()),
        short => usize::from(short),
    };
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).await.unwrap();
    match first {
        0x81 => {
            let types = |message: &Value| message["type"].as_str().unwrap().to_owned();
            Said::Types(match serde_json::from_slice(&payload).unwrap() {
                Value::Array(messages) => messages.iter().map(types).collect(),
                message => vec![types(&message)],
            })
        }
        0x89 => Said::Ping,
        0x8a => Said::Pong(payload),
        0x88 => Said::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
        other => panic!("a server does not send {other:x}"),
    }
}

/// What is said to these bytes after the first frame of the server.
async fn said(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    sent: &[u8],
    is_with_request: bool,
) -> Vec<Said> {
    let request = request("GET", "HTTP/1.1", &UPGRADE);
    // Whoever does not wait for the answer to the handshake may say something at once.
    let (first, later) = if is_with_request { (sent, &[][..]) } else { (&[][..], sent) };
    stream.write_all(&[request.as_bytes(), first].concat()).await.unwrap();
    assert!(head(stream).await.starts_with("HTTP/1.1 101 "));
    let hello = || Said::Types(vec!["CONNECTION_ESTABLISHED".to_owned()]);
    if !is_with_request {
        assert_eq!(hear(stream).await, hello());
        // What it does not like it may have closed before all of it was written.
        let _ = stream.write_all(later).await;
    }
    // The end of what we say is no end of what we hear.
    let _ = stream.shutdown().await;
    let mut said = Vec::new();
    loop {
        match hear(stream).await {
            Said::End => return said,
            // What came with the request may be answered before the server says hello.
            first if is_with_request && first == hello() => {}
            one => said.push(one),
        }
    }
}

async fn check(sent: &[&[u8]], expected: &[Said]) {
    let sent = sent.concat();
    let shown = &sent[..sent.len().min(60)];
    for is_with_request in [false, true] {
        assert_eq!(said(&mut tcp().await, &sent, is_with_request).await, expected, "TCP: {shown:x?}");
        #[cfg(unix)]
        assert_eq!(said(&mut unix().await, &sent, is_with_request).await, expected, "Unix: {shown:x?}");
    }
}

fn mount() -> String {
    let payload = json!({ "component": "Counter", "props": { "count": 1 } });
    json!({ "type": "COMPONENT_MOUNT", "componentId": "c", "payload": payload, "requestId": "1" }).to_string()
}

#[tokio::test]
async fn a_client_that_breaks_the_rules_is_told_which() {
    let closed = |code| [Said::Close(Some(code))];
    check(&[&[0x81, 0x02, b'{', b'}']], &closed(1002)).await;
    check(&[&[0xf1, 0x80, 0, 0, 0, 0]], &closed(1002)).await;
    check(&[&frame(0x83, "")], &closed(1002)).await;
    check(&[&frame(0x09, "")], &closed(1002)).await;
    check(&[&frame(0x89, [0; 126])], &closed(1002)).await;
    check(&[&frame(0x80, "more")], &closed(1002)).await;
    check(&[&frame(0x01, "{"), &frame(0x81, "{")], &closed(1002)).await;
    check(&[&[0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0]], &closed(1002)).await;
    check(&[&frame(0x81, [0xff, 0xfe])], &closed(1007)).await;
    check(&[&frame(0x01, [0xc3]), &frame(0x80, "a")], &closed(1007)).await;
    check(&[&[0x82, 0xff, 0x00, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]], &closed(1009)).await;
    check(&[&[0x81, 0xff, 0x7f, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]], &closed(1009)).await;
}

#[tokio::test]
async fn a_goodbye_is_answered_in_kind() {
    check(&[&frame(0x88, 1000_u16.to_be_bytes())], &[Said::Close(Some(1000))]).await;
    check(&[&frame(0x88, 4000_u16.to_be_bytes())], &[Said::Close(Some(4000))]).await;
    check(&[&frame(0x88, "")], &[Said::Close(None)]).await;
    check(&[&frame(0x88, 1006_u16.to_be_bytes())], &[Said::Close(Some(1002))]).await;
    check(&[&frame(0x88, [3])], &[Said::Close(Some(1002))]).await;
    // Whoever just stops, in the middle of a frame or not, is told goodbye.
    check(&[], &[Said::Close(None)]).await;
    check(&[&[0x81, 0xfe, 0xff]], &[Said::Close(None)]).await;
}

#[tokio::test]
async fn a_ping_is_answered_with_what_it_says() {
    check(&[&frame(0x89, "are you there")], &[Said::Pong(b"are you there".to_vec()), Said::Close(None)])
        .await;
    check(&[&frame(0x8a, "nobody asked")], &[Said::Close(None)]).await;
}

#[tokio::test]
async fn what_comes_in_pieces_with_pings_between_is_understood() {
    let mount = mount();
    let (begin, rest) = mount.split_at(10);
    let (middle, end) = rest.split_at(30);
    let sent = [
        frame(0x01, begin),
        frame(0x89, "a"),
        frame(0x00, middle),
        frame(0x00, ""),
        frame(0x89, "b"),
        frame(0x80, end),
    ];
    let sent = sent.concat();
    // In one write, in many, and cut where no frame ends.
    for part in [1, 50, sent.len()] {
        let mut stream = tcp().await;
        stream.write_all(request("GET", "HTTP/1.1", &UPGRADE).as_bytes()).await.unwrap();
        head(&mut stream).await;
        for part in sent.chunks(part) {
            stream.write_all(part).await.unwrap();
        }
        let (mut is_mounted, mut is_answered) = (false, false);
        while !(is_mounted && is_answered) {
            match hear(&mut stream).await {
                Said::Pong(newest) => is_answered |= newest == b"b",
                Said::Types(types) => is_mounted |= types == ["MESSAGE_RESPONSE"],
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_goes_away_waits_for_whoever_has_not_closed_yet() {
    let live = app::live().build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let app: Router = Router::new().nest("/api/live", live.router());
    tokio::spawn(async move { axum::serve(listener, app).await });
    stream.write_all(request("GET", "HTTP/1.1", &UPGRADE).as_bytes()).await.unwrap();
    head(&mut stream).await;
    assert!(matches!(hear(&mut stream).await, Said::Types(_)));

    let going = live.clone();
    let gone = tokio::spawn(async move { going.shutdown(Duration::from_secs(60)).await });
    assert_eq!((hear(&mut stream).await, hear(&mut stream).await), (Said::Close(Some(1001)), Said::End));
    while live.connections() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((live.tasks(), gone.is_finished()), (1, false));
    drop(stream);
    assert!(gone.await.unwrap());
}
