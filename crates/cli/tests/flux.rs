//! `flux` against a real server on a free port of this machine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

use std::process::Output;
use std::time::Duration;

use fluxstack_live::prelude::*;
use tokio::net::TcpListener;
use tokio::process::Command;

/// Counts by itself.
#[derive(State)]
pub struct Counter {
    /// The count.
    pub count: i64,
}

/// Where it starts.
#[wire]
pub struct CounterProps {
    count: i64,
}

impl Component for Counter {
    type Props = CounterProps;
    type Event = ();

    async fn mount(props: CounterProps, cx: &mut Cx<Self>) -> Result<Self> {
        cx.every(Duration::from_millis(20), |counter: &mut Self, _cx| counter.count += 1)?;
        Ok(Counter { count: props.count })
    }
}

#[actions]
impl Counter {
    /// Adds.
    pub fn add(&mut self, by: i64) -> Result<i64> {
        if by == 0 {
            return Err(Error::invalid("by", "must not be zero"));
        }
        self.count += by;
        Ok(self.count)
    }
}

async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/api/live/ws", listener.local_addr().unwrap());
    let live = Live::builder().component::<Counter>().build().unwrap();
    let app: axum::Router = axum::Router::new().nest("/api/live", live.router());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

async fn flux(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flux")).args(arguments).output().await.unwrap()
}

#[track_caller]
fn said(bytes: &[u8], expected: &str) {
    let text = String::from_utf8_lossy(bytes);
    assert!(text.contains(expected), "expected {expected:?} in {text:?}");
}

#[tokio::test]
async fn it_prints_what_the_server_says() {
    let url = serve().await;
    let hello = flux(&["hello", &url]).await;
    assert!(hello.status.success());
    said(&hello.stdout, "CONNECTION_ESTABLISHED");

    let call =
        flux(&["call", &url, "Counter", "add", r#"{"by":1000}"#, "--props", r#"{"count":1000}"#]).await;
    assert!(call.status.success(), "{call:?}");
    said(&call.stdout, "result 20");
    said(&call.stdout, "state  {\"count\":20");

    let watch = flux(&["watch", &url, "Counter", "--props", r#"{"count":5}"#, "--changes", "2"]).await;
    assert_eq!(String::from_utf8_lossy(&watch.stdout).lines().collect::<Vec<_>>().len(), 3);
}

#[tokio::test]
async fn what_goes_wrong_is_one_line_that_says_what() {
    let url = serve().await;
    let cases: [(&[&str], &str); 4] = [
        (&["call", &url, "Nope", "add"], "flux: COMPONENT_NOT_FOUND"),
        (&["call", &url, "Counter", "nope", "--props", r#"{"count":1}"#], "flux: NOT_CALLABLE"),
        (&["call", &url, "Counter", "add", r#"{"by":0}"#, "--props", r#"{"count":1}"#], "must not be zero"),
        (&["hello", "ws://127.0.0.1:1/live"], "is the server up"),
    ];
    for (arguments, expected) in cases {
        let output = flux(arguments).await;
        assert!(!output.status.success(), "{arguments:?}");
        said(&output.stderr, expected);
        assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1, "{arguments:?}");
    }
}
