//! What proves who somebody is stays out of every log. Alone in its program, because what a log is asked to write down
//! is decided once for all threads: another test could decide it first.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use fluxstack_live::auth::Credentials;
use fluxstack_live::testing::Harness;
use fluxstack_live::{Code, Error, Live};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Everything that is written to any log, at any level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut self.clone());
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

impl tracing::field::Visit for Log {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{field} {value:?}").unwrap();
    }
}

#[tokio::test]
async fn nothing_that_proves_who_somebody_is_is_in_a_log() {
    let log = Log::default();
    let guard = tracing::subscriber::set_default(log.clone());
    let live = Live::builder().authenticator(|credentials: Credentials| async move {
        match credentials.cookie("session").or(credentials.token()) {
            Some("s3cr3t") => Ok(None),
            Some("panic") => panic!("this is the test's own panic"),
            _ => Err(Error::new(Code::Forbidden, "this is not good")),
        }
    });
    let live = live.build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app: Router = Router::new().nest("/api/live", live.router());
    tokio::spawn(async move { axum::serve(listener, app).await });
    for (query, header) in [
        ("&token=s3cr3t-and-wrong", "Cookie: a=b"),
        ("&token=panic", "Cookie: a=s3cr3t"),
        ("", "Cookie: session=s3cr3t"),
        ("", "Authorization: Bearer s3cr3t-and-wrong"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let hello = format!(
            "GET /api/live/ws?v=3{query} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             {header}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(hello.as_bytes()).await.unwrap();
        assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
    }
    let mut client = Harness::new(live).connect().await;
    let auth = json!({ "type": "AUTH", "payload": { "token": "s3cr3t-and-wrong" } });
    assert_eq!(client.request(auth).await["code"], "AUTH_FAILED");
    drop(guard);
    let log = log.0.lock().unwrap();
    assert!(log.contains("the authenticator panicked"), "the log is listened to: {log}");
    assert!(!log.contains("s3cr3t"), "{log}");
}
