//! What an instance promises its author: turns, timers, work beside it, and what is left after a panic.

mod app;

use std::time::Duration;

use app::{Bell, Counter, CounterProps, Profile, Todos, Worker, WorkerProps};
use fluxstack_live::testing::{Harness, Mounted, mount};
use serde_json::{Value, json};

async fn worker() -> Mounted<Worker> {
    mount::<Worker>(WorkerProps::default()).await.expect("a worker mounts")
}

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[tokio::test]
async fn only_the_changed_field_travels() {
    let mut counter = mount::<Counter>(CounterProps { count: 40 }).await.unwrap();
    assert_eq!(counter.call("add", json!({ "by": 2 })).await, Ok(json!(42)));
    assert_eq!(counter.delta(), json!({ "count": 42 }));
    assert_eq!(counter.call("add", json!({ "by": 0 })).await, Ok(json!(42)));
    assert_eq!(counter.delta(), json!({}));
}

#[tokio::test]
async fn a_panic_changes_nothing_and_ends_nothing() {
    let mut counter = mount::<Counter>(CounterProps { count: 5 }).await.unwrap();
    assert_eq!(counter.call("explode", json!({})).await.unwrap_err().code, "ACTION_FAILED");
    assert_eq!(counter.delta(), json!({}));
    assert_eq!(counter.call("add", json!({ "by": 1 })).await, Ok(json!(6)));

    let mut todos = mount::<Todos>(()).await.unwrap();
    todos.call("push", json!({ "text": "kept" })).await.unwrap();
    assert_eq!(
        todos.call("pushThenPanic", json!({ "text": "lost" })).await.unwrap_err().code,
        "ACTION_FAILED"
    );
    todos.call("push", json!({ "text": "after" })).await.unwrap();
    let texts: Vec<Value> =
        todos.state()["items"].as_array().unwrap().iter().map(|row| row["text"].clone()).collect();
    assert_eq!(texts, [json!("kept"), json!("after")]);
}

#[tokio::test]
async fn an_instance_that_only_ever_fails_is_given_up() {
    let mut counter = mount::<Counter>(CounterProps { count: 5 }).await.unwrap();
    let mut codes = Vec::new();
    for _ in 0..18 {
        codes.push(counter.call("explode", json!({})).await.unwrap_err().code);
    }
    assert_eq!(codes[..16], vec!["ACTION_FAILED".to_owned(); 16]);
    assert_eq!(codes[16..], ["INSTANCE_LOST".to_owned(), "REHYDRATION_REQUIRED".to_owned()]);
}

#[tokio::test]
async fn a_failed_action_keeps_what_it_had_changed() {
    let mut worker = worker().await;
    let refused = worker.call("setNumber", json!({ "text": "many" })).await.unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.error.as_str()),
        ("INTERNAL", "something went wrong on the server")
    );
    assert_eq!(worker.delta(), json!({ "label": "changed" }));
}

#[tokio::test]
async fn a_number_javascript_would_round_is_refused_whole() {
    let mut worker = worker().await;
    let refused = worker.call("setNumber", json!({ "text": "9007199254740993" })).await.unwrap_err();
    assert_eq!(refused.code, "INTERNAL");
    assert_eq!(worker.delta(), json!({}), "nothing of that turn was kept");
    worker.call("setNumber", json!({ "text": "9007199254740991" })).await.unwrap();
    assert_eq!(worker.delta(), json!({ "label": "changed", "number": 9_007_199_254_740_991_u64 }));
}

#[tokio::test]
async fn a_state_that_outgrows_its_limit_is_refused_whole() {
    let builder = fluxstack_live::Live::builder().limits(|limits| limits.state = 1_000);
    let mut worker = Mounted::<Worker>::on(builder, WorkerProps::default()).await.unwrap();
    worker.call("grow", json!({ "bytes": 500 })).await.unwrap();
    drop(worker.delta());
    assert_eq!(worker.call("grow", json!({ "bytes": 2_000 })).await.unwrap_err().code, "TOO_LARGE");
    assert_eq!(worker.delta(), json!({}));
    worker.call("grow", json!({ "bytes": 10 })).await.unwrap();
    assert_eq!(worker.delta(), json!({ "big": "xxxxxxxxxx" }));
}

#[tokio::test]
async fn a_mount_that_fails_says_why_and_leaves_nothing() {
    let broken = |how: &str| WorkerProps { label: String::new(), broken: Some(how.to_owned()) };
    assert_eq!(mount::<Worker>(broken("yes")).await.err().unwrap().code, "FORBIDDEN");
    assert_eq!(mount::<Worker>(broken("panic")).await.err().unwrap().code, "ACTION_FAILED");
}

#[tokio::test]
async fn what_was_not_provided_is_named_in_the_log_only() {
    let refused = worker().await.call("missingService", json!({})).await.unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.error.as_str()),
        ("INTERNAL", "something went wrong on the server")
    );
}

#[tokio::test(start_paused = true)]
async fn timers_come_when_they_are_due() {
    let mut worker = worker().await;
    worker.call("later", json!({ "ms": 100, "text": "once" })).await.unwrap();
    worker.call("every", json!({ "ms": 40 })).await.unwrap();
    worker.advance(millis(90)).await;
    assert_eq!(worker.delta(), json!({ "log": ["tick", "tick"] }));
    worker.advance(millis(20)).await;
    assert_eq!(worker.delta(), json!({ "log": ["tick", "tick", "once"] }));
}

#[tokio::test(start_paused = true)]
async fn work_beside_the_instance_comes_back_as_a_turn() {
    let mut worker = worker().await;
    worker.call("beside", json!({ "ms": 200 })).await.unwrap();
    worker.call("besideAndPanic", json!({})).await.unwrap();
    worker.call("beside", json!({ "ms": 100 })).await.unwrap();
    assert_eq!(worker.delta(), json!({}));
    worker.advance(millis(300)).await;
    assert_eq!(worker.delta(), json!({ "log": ["done after 100", "done after 200"] }));
}

#[tokio::test(start_paused = true)]
async fn debounce_takes_the_last_and_throttle_the_first_and_the_last() {
    let mut worker = worker().await;
    for text in ["a", "b", "c"] {
        worker.call("debounced", json!({ "text": text })).await.unwrap();
        worker.advance(millis(50)).await;
    }
    assert_eq!(worker.delta(), json!({}));
    worker.advance(millis(60)).await;
    assert_eq!(worker.delta(), json!({ "log": ["c"] }));

    for text in ["d", "e", "f"] {
        worker.call("throttled", json!({ "text": text })).await.unwrap();
        worker.advance(millis(20)).await;
    }
    assert_eq!(worker.delta(), json!({ "log": ["c", "d"] }));
    worker.advance(millis(60)).await;
    assert_eq!(worker.delta(), json!({ "log": ["c", "d", "f"] }));
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_panics_is_survived_but_its_turn_is_not_kept() {
    let mut worker = worker().await;
    worker.call("panicLater", json!({ "ms": 10 })).await.unwrap();
    worker.advance(millis(20)).await;
    assert_eq!(worker.delta(), json!({}));
    worker.call("grow", json!({ "bytes": 1 })).await.unwrap();
    assert_eq!(worker.delta(), json!({ "big": "x" }));
}

#[tokio::test(start_paused = true)]
async fn timers_and_work_end_with_the_instance() {
    let held = app::held();
    let mut worker = worker().await;
    worker.call("hold", json!({})).await.unwrap();
    assert_eq!(std::sync::Arc::strong_count(&held), 5, "a timer, a future and what follows it hold one each");
    worker.unmount().await;
    tokio::time::sleep(millis(1)).await;
    assert_eq!(std::sync::Arc::strong_count(&held), 2, "the test and the place it is kept");
}

#[tokio::test]
async fn props_of_a_turn_that_was_not_kept_are_not_kept_either() {
    let harness = Harness::new(app::live().limits(|limits| limits.state = 1_000).build().unwrap());
    let mut client = harness.connect().await;
    let id = client.mount("Worker", json!({ "label": "first" })).await.unwrap();
    let props = json!({ "props": { "label": "x".repeat(2_000) } });
    let answer = client.request(json!({ "type": "PROPS_UPDATE", "componentId": id, "payload": props })).await;
    assert_eq!(answer["code"], json!("TOO_LARGE"));
    client.call(&id, "panicLater", json!({ "ms": 0 })).await.unwrap();
    client.settle(&id).await;
    assert_eq!(client.view(&id).unwrap()["label"], json!("first"));
}

#[tokio::test(start_paused = true)]
async fn actions_of_one_instance_take_turns() {
    let harness = Harness::new(app::live().build().unwrap());
    let mut client = harness.connect().await;
    let id = client.mount("Worker", json!({})).await.unwrap();
    let slow = |n: u32, ms: u64| json!({ "type": "CALL_ACTION", "componentId": id, "action": "slow", "payload": { "ms": ms }, "requestId": n });
    client.send_batch(vec![slow(1, 50), slow(2, 10)]).await;
    // A ping is answered while an action runs.
    client.send(json!({ "type": "COMPONENT_PING", "componentId": id })).await;
    let mut order = Vec::new();
    while order.len() < 3 {
        let message = client.next().await.unwrap();
        match message["type"].as_str().unwrap() {
            "ACTION_RESPONSE" => order.push(message["requestId"].clone()),
            "COMPONENT_PONG" => order.push(json!("pong")),
            _ => {}
        }
    }
    assert_eq!(order, [json!("pong"), json!(1), json!(2)]);
    client.settle(&id).await;
    assert_eq!(client.view(&id).unwrap()["log"], json!(["began", "ended", "began", "ended"]));
}

#[tokio::test]
async fn a_write_is_checked_and_a_refused_one_is_put_back() {
    let mut profile = mount::<Profile>(()).await.unwrap();
    profile.write("name", json!("Ada")).await.unwrap();
    assert_eq!(profile.delta(), json!({ "name": "Ada" }));
    assert_eq!(profile.write("name", json!("refuse me")).await.unwrap_err().code, "CONFLICT");
    assert_eq!(profile.delta(), json!({}));
    assert_eq!(profile.write("name", json!(5)).await.unwrap_err().code, "BAD_PAYLOAD");
    assert_eq!(profile.write("name", Value::Null).await.unwrap_err().code, "BAD_PAYLOAD");
    assert_eq!(profile.write("saved", json!(5)).await.unwrap_err().code, "NOT_WRITABLE");
    assert_eq!(profile.state(), json!({ "name": "Ada", "saved": 0 }));
}

#[tokio::test]
async fn events_arrive_in_the_order_they_were_emitted() {
    let mut bell = mount::<Bell>(()).await.unwrap();
    bell.call("flood", json!({ "times": 3 })).await.unwrap();
    let expected: Vec<Value> = (1..=3).map(|times| json!({ "type": "rang", "times": times })).collect();
    assert_eq!(bell.events(), expected);
    assert_eq!(bell.events(), Vec::<Value>::new());
}

#[tokio::test]
async fn an_instance_knows_who_it_is() {
    let harness = Harness::new(app::live().build().unwrap());
    let mut client = harness.connect_with("v=3&caps=delta,batch&client=tab-7").await.unwrap();
    let id = client.mount("Worker", json!({})).await.unwrap();
    assert_eq!(client.call(&id, "who", json!({})).await, Ok(json!(["test", "tab-7", id])));
}

#[tokio::test]
async fn new_props_and_events_reach_only_who_takes_them() {
    let harness = Harness::new(app::live().build().unwrap());
    let mut client = harness.connect().await;
    let worker = client.mount("Worker", json!({ "label": "a" })).await.unwrap();
    let counter = client.mount("Counter", json!({ "count": 1 })).await.unwrap();
    let props = |id: &str, props: Value| json!({ "type": "PROPS_UPDATE", "componentId": id, "payload": { "props": props } });
    let answer = client.request(props(&worker, json!({ "label": "b" }))).await;
    assert_eq!(answer["result"], json!({ "remount": false }));
    assert_eq!(client.view(&worker).unwrap()["label"], json!("b"));
    let answer = client.request(props(&counter, json!({ "count": 9 }))).await;
    assert_eq!(answer["result"], json!({ "remount": true }));
    assert_eq!(client.request(props(&counter, json!({ "count": "x" }))).await["code"], "BAD_PAYLOAD");

    let event = json!({ "type": "said", "text": "hi" });
    let emit = |id: &str, event: Value| json!({ "type": "COMPONENT_EVENT", "componentId": id, "payload": { "event": event } });
    assert_eq!(client.request(emit(&worker, event.clone())).await["success"], json!(true));
    assert_eq!(client.view(&worker).unwrap()["log"], json!(["hi"]));
    assert_eq!(client.request(emit(&worker, json!(5))).await["code"], "BAD_PAYLOAD");
    let answer = client.request(emit(&counter, Value::Array(Vec::new()))).await;
    assert_eq!(answer["success"], json!(false));
}
