//! A client that reads slowly, or not at all: it gets newer state, not a longer queue.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod app;

use std::time::Duration;

use fluxstack_live::protocol::CloseCode;
use fluxstack_live::testing::{Client, Harness};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

fn small(soft: usize, hard: usize) -> Harness {
    let live = app::live().limits(|limits| {
        limits.outbox_soft = soft;
        limits.outbox_hard = hard;
        limits.rate = 0;
        limits.events = 8;
    });
    Harness::new(live.build().unwrap())
}

/// Lets the server do all it can without this client reading.
async fn stall() {
    tokio::time::sleep(Duration::from_millis(500)).await;
}

async fn push(client: &mut Client, id: &str, times: usize) {
    for _ in 0..times {
        client.send(json!({ "type": "CALL_ACTION", "componentId": id, "action": "push", "payload": { "text": "milk" } })).await;
    }
}

#[tokio::test(start_paused = true)]
async fn deltas_that_wait_are_merged_and_lead_to_the_same_state() {
    let harness = small(2_000, 1 << 20);
    let mut client = harness.connect().await;
    let id = client.mount("Worker", json!({})).await.unwrap();
    client.call(&id, "every", json!({ "ms": 1 })).await.unwrap();
    // Nobody reads for half a second of ticks.
    stall().await;
    let frames = client.arrived().len();
    client.settle(&id).await;
    assert_eq!(client.resyncs(), 0);
    let ticks = client.view(&id).unwrap()["log"].as_array().unwrap().len();
    assert!(ticks >= 400, "{ticks} ticks");
    assert!(frames < ticks / 4, "{frames} frames for {ticks} ticks were held for one slow reader");
}

#[tokio::test(start_paused = true)]
async fn a_merged_delta_that_grows_too_large_becomes_one_snapshot() {
    let harness = small(1_000, 1 << 20);
    let mut client = harness.connect().await;
    let id = client.mount("Worker", json!({})).await.unwrap();
    client.call(&id, "every", json!({ "ms": 1 })).await.unwrap();
    stall().await;
    stall().await;
    let mut whole = 0;
    let deadline = tokio::time::Instant::now() + Duration::from_millis(100);
    while tokio::time::Instant::now() < deadline {
        let message = client.next().await.unwrap();
        whole += usize::from(message["type"] == "STATE_UPDATE");
    }
    assert!(whole >= 1, "a snapshot was sent");
    client.settle(&id).await;
    assert_eq!(client.resyncs(), 0, "it came without being asked for");
    assert!(client.view(&id).unwrap()["log"].as_array().unwrap().len() >= 1_000);
}

/// What comes until the answer to request 1, and how long the shown text was when it came.
async fn until_answered(client: &mut Client, id: &str) -> (Vec<String>, usize) {
    let mut kinds = Vec::new();
    loop {
        let message = client.next().await.unwrap();
        kinds.push(message["type"].as_str().unwrap().to_owned());
        if message["requestId"] == json!(1) {
            return (kinds, client.view(id).unwrap()["big"].as_str().unwrap().len());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_delta_larger_than_the_soft_limit_still_comes_before_its_reply_and_alone() {
    let harness = small(1_000, 1 << 20);
    let mut client = harness.connect().await;
    let id = client.mount("Worker", json!({})).await.unwrap();
    client.send(json!({ "type": "CALL_ACTION", "componentId": id, "action": "grow", "payload": { "bytes": 70_000 }, "requestId": 1 })).await;
    let (kinds, shown) = until_answered(&mut client, &id).await;
    assert_eq!((kinds.join(" ").as_str(), shown), ("STATE_DELTA ACTION_RESPONSE", 70_000));
}

#[tokio::test(start_paused = true)]
async fn a_reply_waits_for_the_snapshot_that_holds_its_state_and_other_instances_do_not() {
    let harness = small(1_000, 1 << 20);
    let mut client = harness.connect().await;
    let slow = client.mount("Worker", json!({})).await.unwrap();
    let other = client.mount("Counter", json!({ "count": 1 })).await.unwrap();
    client.call(&slow, "every", json!({ "ms": 1 })).await.unwrap();
    stall().await;
    stall().await;
    // By now its deltas have become a promise. This one's state is in the snapshot only.
    let grow = |bytes: usize, request: u32| json!({ "type": "CALL_ACTION", "componentId": slow, "action": "grow", "payload": { "bytes": bytes }, "requestId": request });
    let add = json!({ "type": "CALL_ACTION", "componentId": other, "action": "add", "payload": { "by": 1 }, "requestId": 2 });
    client.send_batch(vec![grow(5, 1), add]).await;
    // Both are answered before anything is read, so that the reply stands behind the promise.
    stall().await;
    let (_, shown) = until_answered(&mut client, &slow).await;
    assert_eq!(shown, 5);
    assert_eq!(client.call(&other, "add", json!({ "by": 1 })).await, Ok(json!(3)));
    assert_eq!(client.resyncs(), 0);
}

#[tokio::test(start_paused = true)]
async fn events_keep_their_order_and_a_gap_is_counted() {
    let harness = small(500, 1 << 20);
    let mut client = harness.connect().await;
    let id = client.mount("Bell", json!({})).await.unwrap();
    let flood = json!({ "type": "CALL_ACTION", "componentId": id, "action": "flood", "payload": { "times": 2_000 }, "requestId": 1 });
    client.send(flood).await;
    stall().await;
    let (mut next, mut missed) = (1, 0);
    loop {
        let message = client.next().await.unwrap();
        if message["requestId"] == json!(1) {
            break;
        }
        let payload = &message["payload"];
        match payload["missed"].as_u64() {
            Some(count) => {
                missed += count;
                next += count;
            }
            None => {
                assert_eq!(payload["event"]["times"], json!(next));
                next += 1;
            }
        }
    }
    assert_eq!(next, 2_001, "every event came or was counted");
    assert!(missed > 1_000, "{missed} were dropped");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_not_read_from_and_in_the_end_closed() {
    let harness = small(4_000, 1 << 20);
    let mut client = harness.connect().await;
    let id = client.mount("Todos", json!({})).await.unwrap();
    let pushing = tokio::time::timeout(Duration::from_secs(3_600), push(&mut client, &id, 100_000)).await;
    assert!(pushing.is_ok(), "the server ended it instead of reading for ever");
    while harness.live().tasks() > 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_mounts_much_at_once_is_not_slow() {
    let harness = small(1_000, 10_000);
    let mut client = harness.connect().await;
    let payload = json!({ "component": "Worker", "props": { "label": "x".repeat(2_000) } });
    let mount = |n: u32| json!({ "type": "COMPONENT_MOUNT", "payload": payload, "requestId": n });
    client.send_batch((0..40).map(mount).collect()).await;
    let mut mounted = 0;
    while mounted < 40 {
        let message = client.next().await.expect("it is not closed");
        mounted += usize::from(message["success"] == json!(true));
    }
}

#[tokio::test(start_paused = true)]
async fn past_the_hard_limit_the_connection_is_closed_with_its_reason() {
    let harness = small(100, 100);
    let mut client = harness.connect().await;
    let id = client.mount("Worker", json!({})).await.unwrap();
    let who = json!({ "type": "CALL_ACTION", "componentId": id, "action": "who", "requestId": 1 });
    // Replies are never dropped, so they are what fills an outbox to the brim.
    client.send_batch(vec![who; 60]).await;
    while client.next().await.is_some() {}
    assert_eq!(client.close_code(), Some(Some(CloseCode::TooSlow)));
}

#[derive(Debug, Clone)]
enum Step {
    Push,
    Toggle(u32),
    Remove(u32),
    Clear,
    Panic,
    Lose(usize),
    Stall,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Push),
        2 => (1..20u32).prop_map(Step::Toggle),
        2 => (1..20u32).prop_map(Step::Remove),
        1 => Just(Step::Clear),
        1 => Just(Step::Panic),
        1 => (1..3usize).prop_map(Step::Lose),
        1 => Just(Step::Stall),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Lost frames, panics and a small outbox: at rest the screen is what the server holds.
    #[test]
    fn a_screen_ends_where_the_server_is(steps in vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let harness = small(600, 1 << 20);
            let mut client = harness.connect().await;
            let id = client.mount("Todos", json!({})).await.unwrap();
            for step in &steps {
                let (action, args) = match step {
                    Step::Push => ("push", json!({ "text": "milk" })),
                    Step::Toggle(id) => ("toggle", json!({ "id": id })),
                    Step::Remove(id) => ("remove", json!({ "id": id })),
                    Step::Clear => ("clear", json!({})),
                    Step::Panic => ("pushThenPanic", json!({ "text": "lost" })),
                    Step::Lose(count) => {
                        client.lose(*count);
                        continue;
                    }
                    Step::Stall => {
                        stall().await;
                        continue;
                    }
                };
                client.send(json!({ "type": "CALL_ACTION", "componentId": id, "action": action, "payload": args })).await;
            }
            client.settle(&id).await;
            let shown = client.view(&id);
            // The truth, from a whole state that cannot be lost, and not from one that waits to be read.
            drop(client.arrived());
            client.send(json!({ "type": "STATE_RESYNC", "componentId": id })).await;
            let truth = loop {
                let message = client.next().await.unwrap();
                if message["type"] == "STATE_UPDATE" {
                    break message["payload"]["state"].clone();
                }
            };
            assert_eq!(shown.unwrap(), truth);
            assert_ne!(truth, Value::Null);
        });
    }
}
