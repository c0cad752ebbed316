//! Over a real socket: what only the transport can get wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod app;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use fluxstack_live::auth::Credentials;
use fluxstack_live::{Code, Error as Refusal, Identity, Live};
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
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn connect(address: &str, origin: Option<&str>) -> Result<Socket, Error> {
    ask(address, "", &origin.map(|origin| ("origin", origin)).into_iter().collect::<Vec<_>>()).await
}

/// Connects with more in the query, and with these headers.
async fn ask(address: &str, query: &str, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let url = format!("ws://{address}/api/live/ws?v=3&caps=delta,batch{query}");
    let mut request = url.into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
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

/// A server that knows `ada` by a cookie, a header or a token, and counts how often it was asked.
fn with_users(asked: &Arc<AtomicUsize>) -> fluxstack_live::Builder {
    let asked = Arc::clone(asked);
    app::live().authenticator(move |credentials: Credentials| {
        asked.fetch_add(1, Ordering::SeqCst);
        async move {
            match credentials.cookie("session").or(credentials.token()) {
                Some("s3cr3t") => Ok(Some(Identity::new("ada"))),
                Some("broken") => Err(Refusal::internal("the database is gone")),
                Some("panic") => panic!("this is the test's own panic"),
                Some(_) => Err(Refusal::new(Code::Unauthenticated, "this session is over: sign in again")),
                None => Ok(None),
            }
        }
    })
}

/// Who the server says is there.
async fn hello(socket: Result<Socket, Error>) -> Value {
    next(&mut socket.unwrap()).await["userId"].clone()
}

/// The status, one header, and the sentence of a refusal.
fn refusal(refused: Result<Socket, Error>, header: &str) -> (u16, Option<String>, String) {
    let Error::Http(response) = refused.map(|_| ()).unwrap_err() else { panic!("not an HTTP answer") };
    let found = response.headers().get(header).map(|value| value.to_str().unwrap().to_owned());
    let said = String::from_utf8(response.body().clone().unwrap_or_default()).unwrap();
    (response.status().as_u16(), found, said)
}

#[tokio::test]
async fn the_first_frame_knows_who_has_a_cookie_a_header_or_a_token() {
    let address = serve(&with_users(&Arc::default()).build().unwrap()).await;
    assert_eq!(hello(ask(&address, "", &[]).await).await, Value::Null);
    assert_eq!(hello(ask(&address, "", &[("cookie", "theme=dark; session=s3cr3t")]).await).await, "ada");
    assert_eq!(hello(ask(&address, "", &[("authorization", "Bearer s3cr3t")]).await).await, "ada");
    assert_eq!(hello(ask(&address, "&token=s3%63r3t", &[]).await).await, "ada");
}

#[tokio::test]
async fn credentials_that_are_not_good_are_refused_with_a_reason() {
    let address = serve(&with_users(&Arc::default()).refuse_anonymous().build().unwrap()).await;
    let cookie = async |value: &str| ask(&address, "", &[("cookie", value)]).await;
    let (status, asks, said) = refusal(cookie("session=old").await, "www-authenticate");
    assert_eq!((status, asks.as_deref()), (401, Some("Bearer")));
    assert_eq!(said, "this session is over: sign in again");
    let (status, _, said) = refusal(ask(&address, "", &[]).await, "www-authenticate");
    assert_eq!((status, said.as_str()), (401, "sign in first: this server is for users it knows"));
    for failure in ["session=broken", "session=panic"] {
        let (status, _, said) = refusal(cookie(failure).await, "www-authenticate");
        assert_eq!((status, said.as_str()), (500, "something went wrong on the server"), "{failure}");
    }
    assert_eq!(hello(cookie("session=s3cr3t").await).await, "ada");
}

#[tokio::test]
async fn who_guesses_too_often_is_told_when_to_come_again() {
    let asked = Arc::default();
    let address = serve(&with_users(&asked).limits(|limits| limits.auth_failures = 2).build().unwrap()).await;
    let guess = async || refusal(ask(&address, "&token=guess", &[]).await, "retry-after");
    assert_eq!((guess().await.0, guess().await.0), (401, 401));
    let (status, seconds, _) = guess().await;
    assert_eq!(
        (status, seconds.unwrap().parse::<u32>().is_ok_and(|seconds| (1..=30).contains(&seconds))),
        (429, true)
    );
    assert_eq!(asked.load(Ordering::SeqCst), 2, "nobody looked at the third");
    assert!(ask(&address, "", &[]).await.is_ok(), "who shows nothing guesses nothing");
}

#[tokio::test]
async fn no_page_of_another_site_connects_with_the_cookies_of_its_visitor() {
    let asked = Arc::default();
    let address = serve(&with_users(&asked).build().unwrap()).await;
    let port: u16 = address.rsplit(':').next().unwrap().parse().unwrap();
    let cookie = ("cookie", "session=s3cr3t");
    for origin in [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        String::new(),
        format!("http://127.0.0.1:{}", port.wrapping_add(1)),
        "http://127.0.0.1".to_owned(),
        format!("http://evil.127.0.0.1:{port}"),
        format!("http://{address}.evil.example"),
        format!("http://{address}@evil.example"),
        format!("http://{address}/"),
        format!("http://{address} https://evil.example"),
        address.clone(),
    ] {
        let refused = ask(&address, "&token=s3cr3t", &[("origin", origin.as_str()), cookie]).await;
        assert_eq!(status(refused.unwrap_err()), 403, "{origin:?}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "nobody looked at the cookie");
    // Our own pages may, however their address is spelled; and what is no browser has no visitor.
    for origin in [format!("http://{address}"), format!("HTTP://{address}"), format!("https://{address}")] {
        assert_eq!(
            hello(ask(&address, "", &[("origin", origin.as_str()), cookie]).await).await,
            "ada",
            "{origin}"
        );
    }
    assert_eq!(hello(ask(&address, "", &[cookie]).await).await, "ada");
}

#[tokio::test]
async fn a_user_and_an_address_have_so_many_connections() {
    let live = with_users(&Arc::default()).behind_proxies(1).limits(|limits| {
        limits.connections_per_user = 1;
        limits.connections_per_address = 2;
    });
    let live = live.build().unwrap();
    let address = serve(&live).await;
    let from = async |address: &str, query: &str, peer: &str| {
        ask(address, query, &[("x-forwarded-for", peer)]).await
    };
    let ada = from(&address, "&token=s3cr3t", "203.0.113.1").await.unwrap();
    let (status, _, said) = refusal(from(&address, "&token=s3cr3t", "203.0.113.2").await, "x");
    assert_eq!((status, said.as_str()), (429, "too many connections of this user: close some"));
    let _second = from(&address, "", "6.6.6.6, 203.0.113.1").await.unwrap();
    let (status, _, said) = refusal(from(&address, "", "203.0.113.1").await, "x");
    assert_eq!((status, said.as_str()), (429, "too many connections from this address"));
    assert!(from(&address, "", "203.0.113.2").await.is_ok());
    drop(ada);
    while live.connections() > 1 {
        tokio::task::yield_now().await;
    }
    assert!(from(&address, "&token=s3cr3t", "203.0.113.1").await.is_ok());
}

#[tokio::test]
async fn without_proxies_nobody_says_where_they_come_from() {
    let live = app::live().limits(|limits| limits.connections_per_address = 1).build().unwrap();
    let address = serve(&live).await;
    let _first = ask(&address, "", &[("x-forwarded-for", "203.0.113.1")]).await.unwrap();
    let refused = ask(&address, "", &[("x-forwarded-for", "203.0.113.2")]).await;
    assert_eq!(status(refused.unwrap_err()), 429);
}

/// The next frame of a socket that carries channels, as it came.
async fn text(socket: &mut Socket) -> String {
    socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}

#[tokio::test]
async fn one_socket_carries_several_connections() {
    let live = with_users(&Arc::default()).limits(|limits| limits.frame = 1_000).build().unwrap();
    let address = serve(&live).await;
    let own = format!("http://{address}");
    let mut socket =
        ask(&address, "&channels=1", &[("cookie", "session=s3cr3t"), ("origin", &own)]).await.unwrap();
    assert_eq!(text(&mut socket).await, r#"0 {"channels":32,"frame":1000}"#);
    let mut frames = Vec::new();
    for query in ["v=3&caps=delta,batch", "v=3&token=guess"] {
        socket.send(Message::text(format!("{}+{query}", frames.len() + 1))).await.unwrap();
        frames.push(text(&mut socket).await);
    }
    let hello: Value = serde_json::from_str(frames[0].strip_prefix("1 ").unwrap()).unwrap();
    assert_eq!((&hello["type"], &hello["userId"]), (&json!("CONNECTION_ESTABLISHED"), &json!("ada")));
    // The cookie is shown before the token, and each on its own is who it says.
    let hello: Value = serde_json::from_str(frames[1].strip_prefix("2 ").unwrap()).unwrap();
    assert_eq!((&hello["userId"], live.connections()), (&json!("ada"), 2));

    // As long as a frame may be, and one byte more.
    let ping =
        |padding| format!("{:padding$}", json!({ "type": "COMPONENT_PING", "requestId": "p" }).to_string());
    socket.send(Message::text(format!("1 {}", ping(1_000)))).await.unwrap();
    assert!(text(&mut socket).await.starts_with("1 {\"type\":\"COMPONENT_PONG\""));
    socket.send(Message::text(format!("1 {}", ping(1_001)))).await.unwrap();
    assert_eq!(text(&mut socket).await, "1-1009");
    socket.send(Message::text("2-")).await.unwrap();
    socket.send(Message::text(" ".repeat(2_000))).await.unwrap();
    match socket.next().await.unwrap() {
        Ok(Message::Close(Some(frame))) => assert_eq!(u16::from(frame.code), 1009),
        other => panic!("{other:?}"),
    }
    drop(socket);
    while live.tasks() > 0 || live.connections() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_without_channels_says_hello_as_to_anybody() {
    let live = app::live().limits(|limits| limits.channels = 0).build().unwrap();
    let address = serve(&live).await;
    let mut socket = ask(&address, "&channels=1", &[]).await.unwrap();
    assert_eq!(next(&mut socket).await["type"], "CONNECTION_ESTABLISHED");
    // What another site's page may not do, it may not do with channels.
    let foreign = ask(&address, "&channels=1", &[("origin", "https://evil.example")]).await;
    assert_eq!(status(foreign.unwrap_err()), 403);
}

#[tokio::test]
async fn a_socket_that_hangs_up_takes_every_channel_along() {
    let live = app::live().build().unwrap();
    let address = serve(&live).await;
    let mut socket = ask(&address, "&channels=1", &[]).await.unwrap();
    text(&mut socket).await;
    for id in 1..=5 {
        socket.send(Message::text(format!("{id}+v=3"))).await.unwrap();
        assert!(text(&mut socket).await.starts_with(&format!("{id} {{")));
    }
    assert_eq!((live.connections(), live.sessions()), (5, 5));
    drop(socket);
    while live.tasks() > 0 || live.connections() > 0 {
        tokio::task::yield_now().await;
    }
}
