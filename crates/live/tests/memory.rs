//! What is kept of who is there, and of who was there: counted allocation by allocation, so that it is the same on
//! every machine. What the operating system says of it is `cargo xtask memory`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]
#![expect(missing_docs, reason = "a component of a test needs none")]

use bytes::Bytes;
use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Client, Harness};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// What is mounted.
#[derive(State)]
pub struct Counter {
    pub count: i64,
    pub changes: u32,
}

impl Component for Counter {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Counter { count: 0, changes: 0 })
    }
}

#[actions]
impl Counter {
    pub fn increment(&mut self) {
        self.count += 1;
        self.changes += 1;
    }
}

/// Capabilities of a client whose instances end with it, and of one that may come back.
const CLIENTS: [&str; 2] = ["v=3&caps=delta,batch", "v=3&caps=delta,batch,resume"];

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn harness() -> Harness {
    Harness::new(Live::builder().component::<Counter>().limits(Limits::unlimited).build().unwrap())
}

/// The answer to a request. The client keeps nothing of it.
async fn ask(client: &mut Client, request: &Value) -> Value {
    client.send_bytes(Bytes::from(request.to_string())).await;
    loop {
        let frame: Value = serde_json::from_slice(&client.next_bytes().await.unwrap()).unwrap();
        let messages = frame.as_array().cloned().unwrap_or_else(|| vec![frame]);
        if let Some(answer) =
            messages.into_iter().find(|message| message["requestId"] == request["requestId"])
        {
            assert_eq!(answer["success"], true, "{answer}");
            return answer;
        }
    }
}

/// A counter that was used once.
async fn mount(client: &mut Client) -> Value {
    let payload = json!({ "component": "Counter", "props": {} });
    let request = json!({ "type": "COMPONENT_MOUNT", "componentId": "Counter:1", "requestId": "m", "payload": payload });
    let id = ask(client, &request).await["result"]["componentId"].clone();
    let request =
        json!({ "type": "CALL_ACTION", "componentId": id, "requestId": "c", "action": "increment" });
    ask(client, &request).await;
    id
}

async fn cycle(client: &mut Client) {
    let id = mount(client).await;
    ask(client, &json!({ "type": "COMPONENT_UNMOUNT", "componentId": id, "requestId": "u" })).await;
}

/// Bytes that are allocated after `work` and were not before.
fn kept(work: impl FnOnce()) -> i64 {
    allocation_counter::measure(work).bytes_current
}

#[test]
fn a_further_component_keeps_little() {
    const MANY: i64 = 100;
    // One that may come back is kept the last frames for.
    for (caps, most) in CLIENTS.into_iter().zip([2_048, 2_560]) {
        let runtime = runtime();
        let harness = harness();
        let mut client = runtime.block_on(harness.connect_with(caps)).unwrap();
        runtime.block_on(cycle(&mut client));
        let bytes = kept(|| {
            runtime.block_on(async {
                for _ in 0..MANY {
                    mount(&mut client).await;
                }
            });
        });
        let each = bytes / MANY;
        println!("{caps}: {each} bytes for each further component");
        assert!((1..=most).contains(&each), "{caps}: {each} bytes for each, at most {most} are meant to be");
    }
}

#[test]
fn what_was_mounted_and_unmounted_leaves_nothing_behind() {
    for caps in CLIENTS {
        let runtime = runtime();
        let harness = harness();
        let mut client = runtime.block_on(harness.connect_with(caps)).unwrap();
        let mut cycles = |times: usize| {
            runtime.block_on(async {
                for _ in 0..times {
                    cycle(&mut client).await;
                }
            });
        };
        cycles(100);
        let bytes = kept(|| cycles(1_000));
        // Nothing for each; what is left is a table that has grown once.
        assert!(bytes < 1_000, "{caps}: {bytes} bytes are left of 1,000 mounts");
    }
}
