//! What the tests of calls that are shown before they are done share: a component in which every call can be counted, and
//! a reader who writes down what came.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test file takes what it needs")]

use std::time::Duration;

use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Client, Harness};
use serde_json::{Value, json};

pub const CAPS: &str = "v=3&caps=delta,batch,resume";

/// Each call leaves its number.
#[derive(State)]
pub struct Pad {
    pub lines: List<u32>,
    /// Sent at most ten times a second.
    #[state(every_ms = 100)]
    pub slow: List<u32>,
    #[state(every_ms = 300)]
    pub slower: u32,
    pub text: Bound<String>,
    pub big: String,
}

#[wire]
pub struct PadProps {
    pub shared: bool,
}

#[wire]
pub enum PadEvent {
    Rang,
}

impl Component for Pad {
    type Props = PadProps;
    type Event = PadEvent;

    fn scope(props: &PadProps) -> Scope {
        if props.shared { Scope::Shared("pad".to_owned()) } else { Scope::Private }
    }

    async fn mount(_props: PadProps, _cx: &mut Cx<Self>) -> Result<Self> {
        let (lines, slow, slower, big) = Default::default();
        Ok(Pad { lines, slow, slower, text: Bound::new(String::new()), big })
    }
}

#[actions]
impl Pad {
    pub fn add(&mut self, n: u32) -> usize {
        self.lines.push(n);
        self.lines.len()
    }

    pub fn drift(&mut self, n: u32) {
        self.slow.push(n);
    }

    pub fn creep(&mut self, n: u32) {
        self.slower = n;
    }

    /// What it changes is sent seldom, and one part of it more so.
    pub fn glide(&mut self, n: u32) {
        self.slow.push(n);
        self.slower = n;
    }

    /// One part of what it changes is sent seldom.
    pub fn both(&mut self, n: u32) {
        self.lines.push(n);
        self.slow.push(n);
    }

    /// Takes back what is held back.
    pub fn undrift(&mut self) {
        self.slow.pop();
    }

    /// Fails, and has changed something.
    pub fn fail(&mut self, n: u32) -> Result<()> {
        self.lines.push(n);
        Err(Error::invalid("n", "not this one"))
    }

    pub fn explode(&mut self, n: u32) {
        self.lines.push(n);
        panic!("this is the test's own panic");
    }

    pub fn nothing(&mut self, n: u32) {
        let _ = n;
    }

    pub async fn later(&mut self, n: u32) {
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.lines.push(n);
    }

    pub fn grow(&mut self, n: usize) {
        self.big = "x".repeat(n);
    }

    pub fn ring(&mut self, cx: &mut Cx<Self>) {
        cx.emit(PadEvent::Rang);
    }
}

pub fn builder() -> fluxstack_live::Builder {
    // Nobody reads here while time passes, so nobody would answer.
    Live::builder().component::<Pad>().limits(|limits| {
        limits.rate = 0;
        limits.ping = Duration::from_secs(3_600);
    })
}

pub fn harness() -> Harness {
    Harness::new(builder().build().expect("a server"))
}

pub fn limited(change: impl FnOnce(&mut Limits)) -> Harness {
    Harness::new(builder().limits(change).build().expect("a server"))
}

pub async fn page(harness: &Harness, page: &str) -> Client {
    harness.connect_with(&format!("{CAPS}&client={page}")).await.expect("a place")
}

pub async fn pad(client: &mut Client) -> String {
    client.mount("Pad", json!({ "shared": false })).await.expect("it mounts")
}

pub async fn shared(client: &mut Client) -> String {
    client.mount("Pad", json!({ "shared": true })).await.expect("it mounts")
}

/// A call that is shown already, named and asked as `name`.
pub fn guess(id: &str, action: &str, n: u32, name: &str) -> Value {
    let mut call = call(id, action, n, name);
    call["optimistic"] = json!(true);
    call
}

/// The same, and nobody shows it before it is done.
pub fn call(id: &str, action: &str, n: u32, name: &str) -> Value {
    json!({ "type": "CALL_ACTION", "componentId": id, "action": action, "payload": { "n": n }, "callId": name, "requestId": name })
}

pub fn quiet(on: bool) -> Value {
    json!({ "type": "QUIET", "payload": { "on": on } })
}

/// Everything that can happen without time passing has happened.
pub async fn still() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

pub async fn pass(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// What has come since the last time, a word or two for each message.
pub async fn came(client: &mut Client) -> Vec<String> {
    still().await;
    client.arrived().iter().map(said).collect()
}

/// The same, until nothing comes any more.
pub async fn all(client: &mut Client) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let more = came(client).await;
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}

pub fn said(message: &Value) -> String {
    let payload = &message["payload"];
    let held = if message["held"] == true { " held" } else { "" };
    let well = if message["success"] == true { "answer" } else { "refusal" };
    match message["type"].as_str().unwrap_or_default() {
        "CALL_DONE" => {
            let calls = payload["callIds"].as_array().expect("a list");
            let names: Vec<_> = calls.iter().map(|call| call.as_str().expect("a name")).collect();
            format!("done {}", names.join(" "))
        }
        "STATE_DELTA" => format!("delta {}-{}", payload["base"], payload["version"]),
        "STATE_UPDATE" => format!("state {}", payload["version"]),
        "COMPONENT_EVENT" if payload["missed"].is_u64() => format!("missed {}", payload["missed"]),
        "COMPONENT_EVENT" => format!("event {}", payload["seq"]),
        "ACTION_RESPONSE" | "MESSAGE_RESPONSE" => {
            format!("{well} {}{held}", message["requestId"].as_str().unwrap_or_default())
        }
        other => other.to_owned(),
    }
}

/// The way back of somebody who shows version `have` and these calls already.
pub fn back_in_doubt(id: &str, have: u64, doubt: &[&str]) -> Value {
    let payload = json!({ "component": "Pad", "name": "test", "have": have, "heard": 0, "doubt": doubt });
    json!({ "type": "COMPONENT_RESUME", "componentId": id, "payload": payload, "requestId": "back" })
}

/// The same of a member of the shared one.
pub fn rejoin_in_doubt(id: &str, have: u64, doubt: &[&str]) -> Value {
    let mut message = back_in_doubt(id, have, doubt);
    message["payload"]["props"] = json!({ "shared": true });
    message
}
