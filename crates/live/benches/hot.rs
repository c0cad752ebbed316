//! What a core is busy with per action, without a socket: rounds of one kind, to be looked at with a profiler.
//!
//! `hot actions 64 16 2000` has 64 clients with 16 calls in flight, 2,000 times; also `event` and `delta` (members,
//! tellings at once, rounds) and `mount` (clients, mounts at once, rounds). Prints the time for each operation.

#![allow(missing_docs, unreachable_pub, reason = "a program, not a library")]

use std::time::Instant;

use bytes::Bytes;
use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Client, Harness};
use serde_json::{Value, json};

/// Three fields, one of which changes.
#[derive(State)]
pub struct Counter {
    pub count: i64,
    pub step: i64,
    pub label: String,
}

impl Component for Counter {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Counter { count: 0, step: 1, label: "clicks".to_owned() })
    }
}

#[actions]
impl Counter {
    pub fn increment(&mut self) {
        self.count += self.step;
    }
}

/// Everybody has the same one.
#[derive(State)]
pub struct Together {
    pub count: i64,
}

/// What is said in it.
#[wire]
pub enum Said {
    Message { from: u32, number: u64 },
}

impl Component for Together {
    type Props = ();
    type Event = Said;

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Together { count: 0 })
    }
}

#[actions]
impl Together {
    pub fn increment(&mut self) {
        self.count += 1;
    }

    pub fn say(&mut self, number: u64, cx: &mut Cx<Self>) {
        cx.emit(Said::Message { from: 1, number });
    }
}

fn call(id: &str, action: &str, args: &Value) -> Bytes {
    let text = format!(
        "{{\"type\":\"CALL_ACTION\",\"componentId\":\"{id}\",\"action\":\"{action}\",\"payload\":{args},\"requestId\":\"12345\"}}"
    );
    text.into()
}

/// Reads until this letter has come so often. It stands once in each of the frames that are waited for, and in no
/// others: to look for words would take longer than the server does.
async fn hear(client: &mut Client, letter: u8, mut wanted: usize) {
    while wanted > 0 {
        let frame = client.next_bytes().await.expect("the server answers");
        wanted = wanted.saturating_sub(frame.iter().filter(|byte| **byte == letter).count());
    }
}

fn harness() -> Harness {
    let live = Live::builder().component::<Counter>().component::<Together>();
    Harness::new(live.limits(Limits::unlimited).build().expect("components"))
}

async fn actions(clients: usize, in_flight: usize, rounds: usize) -> usize {
    let harness = harness();
    let mut all = Vec::new();
    for _ in 0..clients {
        let mut client = harness.connect().await;
        let id = client.mount(Counter::NAME, json!({})).await.expect("mounts");
        all.push((client, call(&id, "increment", &json!({}))));
    }
    for _ in 0..rounds {
        for (client, ask) in &mut all {
            for _ in 0..in_flight {
                client.send_bytes(ask.clone()).await;
            }
        }
        for (client, _) in &mut all {
            hear(client, b'R', in_flight).await;
        }
    }
    clients * in_flight * rounds
}

async fn tell(members: usize, in_flight: usize, rounds: usize, action: &str, letter: u8) -> usize {
    let harness = harness();
    let mut all = Vec::new();
    let mut id = String::new();
    for _ in 0..members {
        let mut client = harness.connect().await;
        id = client.mount(Together::NAME, json!({})).await.expect("mounts");
        all.push(client);
    }
    let ask = call(&id, action, &json!({ "number": 7 }));
    for _ in 0..rounds {
        for _ in 0..in_flight {
            all[0].send_bytes(ask.clone()).await;
        }
        hear(&mut all[0], b'R', in_flight).await;
        // Changes are told together.
        let expected = if letter == b'D' { 1 } else { in_flight };
        for client in &mut all[1..] {
            hear(client, letter, expected).await;
        }
    }
    members * in_flight * rounds
}

async fn mounts(clients: usize, in_flight: usize, rounds: usize) -> usize {
    let harness = harness();
    let mut all = Vec::new();
    for _ in 0..clients {
        all.push(harness.connect().await);
    }
    let ask = Bytes::from_static(
        b"{\"type\":\"COMPONENT_MOUNT\",\"componentId\":\"c-1\",\"payload\":{\"component\":\"Counter\",\"props\":{}},\"requestId\":\"1\"}",
    );
    for _ in 0..rounds {
        for client in &mut all {
            for _ in 0..in_flight {
                client.send_bytes(ask.clone()).await;
            }
        }
        for client in &mut all {
            let mut ids = Vec::new();
            while ids.len() < in_flight {
                let frame = client.next_bytes().await.expect("the server answers");
                let text = std::str::from_utf8(&frame).expect("text");
                ids.extend(
                    text.match_indices("{\"componentId\":\"")
                        .map(|(at, key)| text[at + key.len()..at + key.len() + 41].to_owned()),
                );
            }
            for id in ids {
                let text = format!(
                    "{{\"type\":\"COMPONENT_UNMOUNT\",\"componentId\":\"{id}\",\"requestId\":\"2\"}}"
                );
                client.send_bytes(text.into()).await;
            }
            // It stands there twice.
            hear(client, b'U', 2 * in_flight).await;
        }
    }
    clients * in_flight * rounds
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |at: usize, or: usize| arguments.get(at).map_or(or, |text| text.parse().expect("a number"));
    let (many, in_flight, rounds) = (number(1, 64), number(2, 16), number(3, 200));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let begun = Instant::now();
    let done = runtime.block_on(async {
        match arguments.first().map_or("actions", String::as_str) {
            "event" => tell(many, in_flight, rounds, "say", b'V').await,
            "delta" => tell(many, in_flight, rounds, "increment", b'D').await,
            "mount" => mounts(many, in_flight, rounds).await,
            _ => actions(many, in_flight, rounds).await,
        }
    });
    println!("{done} operations, {:.3} us each", begun.elapsed().as_secs_f64() * 1e6 / done as f64);
}
