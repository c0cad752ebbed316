//! The ways that files take: a real socket, a channel of one, and beside calls that want to be answered.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod album;

use std::net::SocketAddr;

use album::{album, page, place, place_with, shown, text};
use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fluxstack_live::prelude::*;
use fluxstack_live::protocol::CloseCode;
use fluxstack_live::protocol::upload::{At, Header, write_frame};
use fluxstack_live::testing::{Client, Request, TestFile};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Two fields with rules of their own.
#[derive(State)]
pub struct Post {
    /// Texts.
    pub letters: Upload,
    /// And what is to be looked at.
    pub pictures: Upload,
}

impl Component for Post {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Post { letters: Upload::accept(["text/plain"]), pictures: Upload::accept(["image/png"]) })
    }
}

#[actions]
impl Post {}

#[tokio::test]
async fn what_one_field_let_in_is_not_called_done_in_another() {
    let place = place_with(|builder| builder.component::<Post>());
    let mut client = page(&place.harness).await;
    let id = client.mount("Post", json!(null)).await.unwrap();
    let file = text("a.txt", 10);
    client.start_upload(&id, "letters", &file, false).await.unwrap();
    let as_picture = TestFile { kind: "image/png".to_owned(), name: "a.png".to_owned(), ..file.clone() };
    let refused = client.start_upload(&id, "pictures", &as_picture, true).await.unwrap_err();
    assert_eq!(refused.code, "UPLOAD_REFUSED");
    client.upload(&id, "letters", &file).await.unwrap();
    let refused = client.start_upload(&id, "pictures", &as_picture, true).await.unwrap_err();
    assert_eq!(refused.code, "UPLOAD_REFUSED");
    let view = client.view(&id).unwrap();
    assert_eq!(
        (view["pictures"]["files"].as_array().unwrap().len(), &view["letters"]["files"][0]["status"]),
        (0, &json!("done"))
    );
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(live: &Live) -> Socket {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app: Router = Router::new().nest("/api/live", live.router());
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    connect_async(format!("ws://{address}/api/live/ws?v=3&caps=delta")).await.unwrap().0
}

/// The next answer to a request, or the next message that has no state in it.
async fn answer(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["type"] != "STATE_DELTA" {
                    return message;
                }
            }
            other => panic!("not text: {other:?}"),
        }
    }
}

async fn ask(socket: &mut Socket, mut message: Value) -> Value {
    message["requestId"] = json!(1);
    socket.send(Message::text(message.to_string())).await.unwrap();
    answer(socket).await
}

async fn mount(socket: &mut Socket) -> String {
    assert_eq!(answer(socket).await["type"], "CONNECTION_ESTABLISHED");
    let payload = json!({ "component": "Album", "props": { "next": "keep" } });
    let mounted =
        ask(socket, json!({ "type": "COMPONENT_MOUNT", "componentId": "a", "payload": payload })).await;
    mounted["result"]["componentId"].as_str().unwrap().to_owned()
}

fn start(id: &str, file: &TestFile) -> Value {
    json!({ "type": "FILE_UPLOAD_START", "componentId": id, "uploadId": file.upload, "property": "files",
        "filename": file.name, "fileType": file.kind, "fileSize": file.bytes.len() })
}

fn chunk(id: &str, file: &TestFile, from: usize, bytes: &[u8]) -> Vec<u8> {
    let header = Header {
        component_id: id,
        upload: &file.upload,
        at: At::Offset(from as u64),
        total: None,
        request_id: Some("1"),
    };
    let mut frame = Vec::new();
    write_frame(&header, bytes, &mut frame);
    frame
}

fn complete(id: &str, file: &TestFile) -> Value {
    json!({ "type": "FILE_UPLOAD_COMPLETE", "componentId": id, "uploadId": file.upload, "hash": file.hash() })
}

#[tokio::test]
async fn over_a_real_socket_a_file_arrives_as_it_was_sent() {
    let place = place();
    let mut socket = connect(place.harness.live()).await;
    let id = mount(&mut socket).await;
    let file = text("a.txt", 3_000_000);
    let started = ask(&mut socket, start(&id, &file)).await;
    assert_eq!(started["bytesUploaded"], 0, "{started}");
    let mut sent = 0;
    // The largest frame there may be, once.
    for size in [1 << 20, 1 << 18, 70_000, 1 << 20, 1 << 20] {
        let to = (sent + size).min(file.bytes.len());
        socket.send(Message::binary(chunk(&id, &file, sent, &file.bytes[sent..to]))).await.unwrap();
        let answer = answer(&mut socket).await;
        assert_eq!((&answer["type"], &answer["bytesUploaded"]), (&json!("FILE_UPLOAD_PROGRESS"), &json!(to)));
        sent = to;
    }
    let done = ask(&mut socket, complete(&id, &file)).await;
    assert_eq!((&done["type"], &done["success"]), (&json!("FILE_UPLOAD_COMPLETE"), &json!(true)), "{done}");
    assert_eq!(std::fs::read(place.shelf.path().join(file.hash())).unwrap(), file.bytes);
}

#[tokio::test]
async fn over_a_real_socket_only_a_chunk_may_be_longer_than_a_frame() {
    let place = place_with(|builder| builder.limits(|limits| limits.frame = 60_000));
    let mut socket = connect(place.harness.live()).await;
    let id = mount(&mut socket).await;
    let file = text("a.txt", 60_000);
    ask(&mut socket, start(&id, &file)).await;
    let long = json!({ "type": "FILE_UPLOAD_CHUNK", "componentId": id, "uploadId": file.upload,
        "chunkIndex": 0, "data": BASE64.encode(&file.bytes) });
    assert!(long.to_string().len() > 80_000);
    assert_eq!(ask(&mut socket, long).await["bytesUploaded"], 60_000);
    let call = json!({ "type": "CALL_ACTION", "componentId": id, "action": "count",
        "payload": { "long": "x".repeat(60_000) }, "requestId": 1 });
    socket.send(Message::text(call.to_string())).await.unwrap();
    let closed = loop {
        if let Message::Close(frame) = socket.next().await.unwrap().unwrap() {
            break frame.unwrap();
        }
    };
    assert_eq!(u16::from(closed.code), CloseCode::FrameTooLarge.number());
}

#[tokio::test]
async fn over_a_channel_binary_frames_find_their_channel() {
    let place = place();
    let mut socket = place.harness.socket(Request::default()).unwrap();
    let mut clients =
        [socket.open("v=3&caps=delta").await.unwrap(), socket.open("v=3&caps=delta").await.unwrap()];
    let mut ids = Vec::new();
    for client in &mut clients {
        ids.push(client.mount("Album", json!({ "next": "keep" })).await.unwrap());
    }
    let files = [text("a.txt", 2_000_000), text("a.txt", 1_000_000)];
    for ((client, id), file) in clients.iter_mut().zip(&ids).zip(&files) {
        assert_eq!(client.start_upload(id, "files", file, false).await, Ok(0));
    }
    for from in (0..2_000_000).step_by(500_000) {
        for ((client, id), file) in clients.iter_mut().zip(&ids).zip(&files) {
            if from < file.bytes.len() {
                client.send_chunk(id, file, from, 500_000).await.unwrap();
            }
        }
    }
    for ((client, id), file) in clients.iter_mut().zip(&ids).zip(&files) {
        client.complete_upload(id, file).await.unwrap();
        assert_eq!(std::fs::read(place.shelf.path().join(file.hash())).unwrap(), file.bytes);
    }
    // For a channel that is gone: it may have been on its way.
    let [first, second] = clients;
    drop(first);
    socket.send_binary([9u8, 0, 0, 0].to_vec()).await;
    drop(second);
}

#[tokio::test]
async fn binary_frames_that_are_none_are_refused_and_the_connection_goes_on() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 10);
    client.start_upload(&id, "files", &file, false).await.unwrap();
    let good = chunk(&id, &file, 0, &file.bytes);
    let beyond = [u32::MAX.to_le_bytes().as_slice(), &good[4..]].concat();
    let not_a_chunk = {
        let header = br#"{"type":"CALL_ACTION","requestId":1}"#;
        [&(header.len() as u32).to_le_bytes()[..], header].concat()
    };
    for frame in [Vec::new(), vec![1, 2, 3], good[..20].to_vec(), beyond, not_a_chunk] {
        client.send_binary(frame).await;
        let refused = loop {
            let message = client.next().await.unwrap();
            if message["success"] == false || message["type"] == "ERROR" {
                break message;
            }
        };
        assert_eq!(refused["code"], "BAD_CHUNK", "{refused}");
    }
    assert_eq!(client.send_chunk(&id, &file, 0, 10).await, Ok(10));
    client.complete_upload(&id, &file).await.unwrap();
    let large = vec![0; (1 << 20) + (64 << 10) + 5];
    client.send_binary(large).await;
    while client.next().await.is_some() {}
    assert_eq!(client.close_code(), Some(Some(CloseCode::FrameTooLarge)));
}

/// Sends chunks without waiting, until the server does not read, and answers how many it read.
async fn flood(client: &mut Client, id: &str, file: &TestFile, chunks: usize) -> usize {
    let request = client.next_request();
    let mut frame = Vec::new();
    let text = request.to_string();
    let header = Header {
        component_id: id,
        upload: &file.upload,
        at: At::Offset(0),
        total: None,
        request_id: Some(&text),
    };
    write_frame(&header, &file.bytes[..32 << 10], &mut frame);
    for _ in 0..chunks {
        client.send_binary(frame.clone()).await;
    }
    let mut answers = 0;
    while answers < chunks {
        let message = client.next().await.unwrap();
        answers += usize::from(message["requestId"] == request);
    }
    answers
}

#[tokio::test]
async fn who_sends_chunks_without_waiting_gets_an_answer_to_each_and_no_memory() {
    let place = place_with(|builder| builder.limits(|limits| limits.backlog = 256 << 10));
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 8 << 20);
    client.start_upload(&id, "files", &file, false).await.unwrap();
    assert_eq!(flood(&mut client, &id, &file, 200).await, 200);
    // They all were the same first bytes.
    assert_eq!(client.start_upload(&id, "files", &file, true).await, Ok(32 << 10));
}

#[tokio::test]
async fn calls_are_answered_between_the_chunks_of_a_large_file() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 8 << 20);
    client.start_upload(&id, "files", &file, false).await.unwrap();
    let (mut from, mut order) = (0, Vec::new());
    while from < file.bytes.len() {
        // A call that comes after a chunk has no need to wait for it.
        let (of_chunk, of_call) = (client.next_request(), client.next_request());
        let to = (from + (256 << 10)).min(file.bytes.len());
        client.send_chunk_frame(&id, &file, from, &file.bytes[from..to], &of_chunk).await;
        let call =
            json!({ "type": "CALL_ACTION", "componentId": id, "action": "count", "requestId": of_call });
        client.send(call).await;
        let called = client.answer_to(&of_call).await;
        assert_eq!(called["result"], 1);
        order.push(to);
        let written = client.answer_to(&of_chunk).await;
        assert_eq!(written["bytesUploaded"], to);
        from = to;
    }
    assert_eq!(order.len(), 32);
    client.complete_upload(&id, &file).await.unwrap();
    assert_eq!(shown(&mut client, &id).remove(0)["status"], "done");
}

#[tokio::test(start_paused = true)]
async fn who_has_a_share_is_answered_later_and_read_all_the_same() {
    let share = 1 << 20;
    let place = place_with(|builder| builder.limits(|limits| limits.upload_share = share));
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 4 << 20);
    client.start_upload(&id, "files", &file, false).await.unwrap();
    let begun = tokio::time::Instant::now();
    let mut from = 0;
    while from < file.bytes.len() {
        let of_chunk = client.next_request();
        client.send_chunk_frame(&id, &file, from, &file.bytes[from..from + (512 << 10)], &of_chunk).await;
        let called_at = tokio::time::Instant::now();
        assert_eq!(client.call(&id, "count", json!({})).await, Ok(json!(1)));
        assert_eq!(called_at.elapsed().as_millis(), 0, "a call waits for nothing");
        assert_eq!(client.answer_to(&of_chunk).await["success"], true);
        from += 512 << 10;
    }
    let seconds = begun.elapsed().as_secs_f64();
    assert!((3.5..4.5).contains(&seconds), "4 MiB at 1 MiB a second took {seconds} s");
}

#[tokio::test]
async fn large_chunks_of_no_file_count_against_the_rate() {
    let place = place_with(|builder| {
        builder.limits(|limits| {
            limits.rate = 1;
            limits.burst = 20;
        })
    });
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 64 << 10);
    let mut refused = Vec::new();
    for _ in 0..40 {
        refused.push(client.send_chunk(&id, &file, 0, 64 << 10).await.unwrap_err().code);
    }
    assert_eq!((&*refused[0], &*refused[39]), ("UPLOAD_GONE", "RATE_LIMITED"));
}

#[tokio::test]
async fn who_begins_again_has_no_more_on_its_way_than_before() {
    let place = place_with(|builder| {
        builder.limits(|limits| {
            // So little that no answer is due while this runs.
            limits.upload_share = 1;
            limits.uploads = 1;
        })
    });
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 8 << 20);
    let chunk = 512 << 10;
    client.start_upload(&id, "files", &file, false).await.unwrap();
    for from in (0..2 << 20).step_by(chunk) {
        let request = client.next_request();
        client.send_chunk_frame(&id, &file, from, &file.bytes[from..from + chunk], &request).await;
    }
    let from = client.start_upload(&id, "files", &file, true).await.unwrap();
    assert_eq!(client.send_chunk(&id, &file, from, chunk).await.unwrap_err().code, "BUSY");
}

#[tokio::test]
async fn chunks_do_not_count_against_the_rate_and_crumbs_do() {
    let place = place_with(|builder| {
        builder.limits(|limits| {
            limits.rate = 1;
            limits.burst = 20;
        })
    });
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 2 << 20);
    client.start_upload(&id, "files", &file, false).await.unwrap();
    for from in (0..1 << 20).step_by(16 << 10) {
        client.send_chunk(&id, &file, from, 16 << 10).await.unwrap();
    }
    let crumbs = (0..64).map(|crumb| (1 << 20) + crumb);
    let mut refused = None;
    for from in crumbs {
        if let Err(error) = client.send_chunk(&id, &file, from, 1).await {
            refused = Some(error.code);
            break;
        }
    }
    assert_eq!(refused.as_deref(), Some("RATE_LIMITED"));
}
