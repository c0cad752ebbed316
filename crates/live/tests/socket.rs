//! Over a real socket: what only the transport can get wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod app;

use axum::Router;
use fluxstack_live::Live;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Serves `live` on a free port of this machine.
async fn serve(live: &Live) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let app: Router = Router::new().nest("/api/live", live.router());
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn connect(address: &str, origin: Option<&str>) -> Result<Socket, Error> {
    let url = format!("ws://{address}/api/live/ws?v=3&caps=delta,batch");
    let mut request = url.into_client_request()?;
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    Ok(connect_async(request).await?.0)
}

/// The next message, out of its batch if it came in one.
async fn next(socket: &mut Socket) -> Value {
    match socket.next().await.unwrap().unwrap() {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("not text: {other:?}"),
    }
}

fn status(error: Error) -> u16 {
    match error {
        Error::Http(response) => response.status().as_u16(),
        other => panic!("not an HTTP answer: {other}"),
    }
}

#[tokio::test]
async fn an_action_over_a_real_socket_is_one_frame_with_state_and_answer() {
    let live = app::live().build().unwrap();
    let address = serve(&live).await;
    let mut socket = connect(&address, None).await.unwrap();
    assert_eq!(next(&mut socket).await["type"], "CONNECTION_ESTABLISHED");
    let payload = json!({ "component": "Counter", "props": { "count": 1 } });
    let mount =
        json!({ "type": "COMPONENT_MOUNT", "componentId": "c", "payload": payload, "requestId": "1" });
    socket.send(Message::text(mount.to_string())).await.unwrap();
    let id = next(&mut socket).await["result"]["componentId"].as_str().unwrap().to_owned();
    let call = json!({ "type": "CALL_ACTION", "componentId": id, "action": "increment", "requestId": "2" });
    socket.send(Message::text(call.to_string())).await.unwrap();
    let frame = next(&mut socket).await;
    assert_eq!((&frame[0]["type"], &frame[1]["type"]), (&json!("STATE_DELTA"), &json!("ACTION_RESPONSE")));

    // Hanging up without a word leaves nothing behind.
    drop(socket);
    while live.tasks() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_connect() {
    let address = serve(&app::live().allow_origin("https://app.example.com").build().unwrap()).await;
    let own = format!("http://{address}");
    for origin in [None, Some(own.as_str()), Some("https://app.example.com"), Some("https://APP.example.com")]
    {
        assert!(connect(&address, origin).await.is_ok(), "{origin:?}");
    }
    let prefix = format!("http://{address}.evil.example");
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1",
        prefix.as_str(),
        "https://app.example.com.evil.example",
    ] {
        assert_eq!(status(connect(&address, Some(origin)).await.unwrap_err()), 403, "{origin}");
    }
}

#[tokio::test]
async fn one_connection_too_many_is_refused_before_it_is_one() {
    let live = app::live().limits(|limits| limits.connections = 1).build().unwrap();
    let address = serve(&live).await;
    let first = connect(&address, None).await.unwrap();
    assert_eq!(status(connect(&address, None).await.unwrap_err()), 503);
    drop(first);
    while live.connections() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(connect(&address, None).await.is_ok());
}

#[tokio::test]
async fn a_frame_beyond_the_limit_closes_with_1009() {
    let address = serve(&app::live().limits(|limits| limits.frame = 1_000).build().unwrap()).await;
    for size in [1_001, 100_000] {
        let mut socket = connect(&address, None).await.unwrap();
        next(&mut socket).await;
        socket.send(Message::text(" ".repeat(size))).await.unwrap();
        match socket.next().await.unwrap() {
            Ok(Message::Close(Some(frame))) => assert_eq!(u16::from(frame.code), 1009, "{size}"),
            other => panic!("{size}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn bytes_that_are_no_websocket_end_only_their_own_connection() {
    let live = app::live().build().unwrap();
    let address = serve(&live).await;
    // Unmasked, reserved bits, invalid UTF-8, a frame that promises more than it brings.
    let garbage: [&[u8]; 5] = [
        &[0xff; 64],
        &[0x81, 0x02, b'{', b'}'],
        &[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe],
        &[0x81, 0xfe, 0xff],
        &[0xf1, 0x80, 0, 0, 0, 0],
    ];
    for bytes in garbage {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let hello = format!(
            "GET /api/live/ws?v=3 HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(hello.as_bytes()).await.unwrap();
        let mut answer = [0; 512];
        assert!(stream.read(&mut answer).await.unwrap() > 0);
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        while stream.read(&mut answer).await.unwrap_or(0) > 0 {}
    }
    while live.tasks() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(connect(&address, None).await.is_ok());
}

#[tokio::test]
async fn health_is_there_for_whoever_asks() {
    let address = serve(&app::live().build().unwrap()).await;
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let ask = format!("GET /api/live/health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("{\"status\":\"up\"}"), "{answer}");
}
