//! What the tests of coming back share: pages that go and return.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test file takes what it needs")]

use std::time::Duration;

use fluxstack_live::Keys;
use fluxstack_live::testing::{Client, Harness};
use serde_json::{Value, json};

use crate::app;

pub const CAPS: &str = "v=3&caps=delta,batch,resume";

pub fn harness() -> Harness {
    Harness::new(app::live().build().expect("a server"))
}

/// A page that can come back.
pub async fn page(harness: &Harness, page: &str) -> Client {
    harness.connect_with(&format!("{CAPS}&client={page}")).await.expect("there is more")
}

pub fn token(client: &Client) -> String {
    client.hello()["session"]["token"].as_str().expect("a text").to_owned()
}

pub async fn resume_session(client: &mut Client, token: &str) -> Value {
    client.request(json!({ "type": "SESSION_RESUME", "payload": { "token": token } })).await
}

pub fn resume_message(id: &str, component: &str, have: u64, heard: u64) -> Value {
    let payload = json!({ "component": component, "name": "test", "have": have, "heard": heard });
    json!({ "type": "COMPONENT_RESUME", "componentId": id, "payload": payload })
}

pub async fn resume(client: &mut Client, id: &str, component: &str, have: u64, heard: u64) -> Value {
    client.request(resume_message(id, component, have, heard)).await
}

/// The client is gone, and the server has seen it.
pub async fn lose(client: Client) {
    drop(client);
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Messages that came before the last answer, by type and what tells them apart.
pub fn came(client: &mut Client) -> Vec<String> {
    let name = |message: &Value| {
        let payload = &message["payload"];
        match message["type"].as_str().expect("a text") {
            "STATE_DELTA" => format!("delta {}", payload["version"]),
            "STATE_UPDATE" => format!("state {}", payload["version"]),
            "COMPONENT_EVENT" if payload["missed"].is_u64() => format!("missed {}", payload["missed"]),
            "COMPONENT_EVENT" => format!("event {}", payload["seq"]),
            other => other.to_owned(),
        }
    };
    client.arrived().iter().map(name).collect()
}

pub fn code(answer: &Value) -> &str {
    answer["code"].as_str().unwrap_or_else(|| panic!("not refused: {answer}"))
}

pub fn keys() -> Keys {
    Keys::new("k", [7; 32]).expect("a key")
}

pub async fn snapshot(client: &mut Client) -> Value {
    loop {
        let message = client.next().await.expect("there is more");
        if message["type"] == "STATE_SNAPSHOT" {
            return message;
        }
    }
}

pub async fn bring(client: &mut Client, id: &str, component: &str, snapshot: &Value) -> Value {
    let mut message = resume_message(id, component, 0, 0);
    message["payload"]["snapshot"] = snapshot["payload"]["snapshot"].clone();
    client.request(message).await
}
