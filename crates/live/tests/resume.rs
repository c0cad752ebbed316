//! Coming back to an instance: what waits, for how long, and what whoever comes back is sent.

mod app;
mod back;

use std::time::Duration;

use back::{CAPS, came, code, harness, keys, lose, page, resume, resume_message, resume_session, token};
use fluxstack_live::testing::Harness;
use fluxstack_live::{Durability, MemoryStore};
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn an_instance_waits_for_its_client_and_nothing_is_sent_if_nothing_happened() {
    let harness = harness();
    let mut before = page(&harness, "p").await;
    let id = before.mount("Counter", json!({ "count": 5 })).await.unwrap();
    before.call(&id, "increment", json!({})).await.unwrap();
    let token = token(&before);
    lose(before).await;

    let mut after = page(&harness, "p").await;
    let answer = resume_session(&mut after, &token).await;
    assert_eq!(answer["result"]["known"], true, "{answer}");
    assert!(answer["result"]["token"].is_string());
    let answer = resume(&mut after, &id, "Counter", 1, 0).await;
    assert_eq!(answer["result"]["outcome"], "resumed");
    assert_eq!(answer["result"]["version"], 1);
    assert_eq!(came(&mut after), [""; 0]);
    assert_eq!(after.call(&id, "add", json!({ "by": 1 })).await.unwrap(), json!(7));
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_comes_before_the_answer_in_the_order_it_happened() {
    let harness = harness();
    let mut before = page(&harness, "p").await;
    let id = before.mount("Bell", json!({})).await.unwrap();
    for _ in 0..3 {
        before.call(&id, "ring", json!({})).await.unwrap();
    }
    let token = token(&before);
    lose(before).await;

    let mut after = page(&harness, "p").await;
    resume_session(&mut after, &token).await;
    let answer = resume(&mut after, &id, "Bell", 1, 1).await;
    let result = &answer["result"];
    assert_eq!((&result["outcome"], &result["frames"]), (&json!("replayed"), &json!(4)));
    assert_eq!((&result["version"], &result["seq"]), (&json!(3), &json!(3)));
    assert_eq!(came(&mut after), ["delta 2", "event 2", "delta 3", "event 3"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_missed_more_than_is_kept_gets_the_state_and_a_count() {
    let harness = Harness::new(app::live().limits(|limits| limits.replay = 300).build().unwrap());
    let mut before = page(&harness, "p").await;
    let id = before.mount("Bell", json!({})).await.unwrap();
    for _ in 0..9 {
        before.call(&id, "ring", json!({})).await.unwrap();
    }
    let token = token(&before);
    lose(before).await;

    let mut after = page(&harness, "p").await;
    resume_session(&mut after, &token).await;
    let answer = resume(&mut after, &id, "Bell", 1, 1).await;
    assert_eq!(answer["result"]["outcome"], "replayed");
    assert_eq!(came(&mut after), ["state 9", "missed 7", "event 9"]);
    // A page that was loaded anew shows nothing, and is told everything.
    let mut fresh = resume_message(&id, "Bell", 0, 9);
    fresh["payload"]["fresh"] = json!(true);
    let answer = after.request(fresh).await;
    assert_eq!(answer["result"]["frames"], 1);
    assert_eq!(came(&mut after), ["state 9"]);
}

#[tokio::test(start_paused = true)]
async fn time_goes_on_while_nobody_looks() {
    let harness = harness();
    let mut before = page(&harness, "p").await;
    let id = before.mount("Worker", json!({})).await.unwrap();
    before.call(&id, "every", json!({ "ms": 1000 })).await.unwrap();
    let token = token(&before);
    lose(before).await;
    tokio::time::sleep(Duration::from_millis(3500)).await;

    let mut after = page(&harness, "p").await;
    resume_session(&mut after, &token).await;
    let answer = resume(&mut after, &id, "Worker", 0, 0).await;
    assert_eq!(answer["result"]["outcome"], "replayed", "{answer}");
    assert_eq!(came(&mut after), ["delta 1", "delta 2", "delta 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_answer_was_lost_is_answered_again_and_not_done_again() {
    let harness = harness();
    let mut before = page(&harness, "p").await;
    let id = before.mount("Counter", json!({ "count": 0 })).await.unwrap();
    let call = |number: u32, by: i64| json!({ "type": "CALL_ACTION", "componentId": &id, "action": "add", "payload": { "by": by }, "callId": format!("o-{number}") });
    let first = before.request(call(1, 5)).await;
    assert_eq!(first["result"], 5);
    let failed = before.request(json!({ "type": "CALL_ACTION", "componentId": &id, "action": "fail", "payload": { "field": "by" }, "callId": "o-2" })).await;
    let token = token(&before);
    lose(before).await;

    let mut after = page(&harness, "p").await;
    resume_session(&mut after, &token).await;
    resume(&mut after, &id, "Counter", 1, 0).await;
    for _ in 0..2 {
        assert_eq!(after.request(call(1, 5)).await["result"], 5);
    }
    let again = after.request(json!({ "type": "CALL_ACTION", "componentId": &id, "action": "fail", "payload": { "field": "by" }, "callId": "o-2" })).await;
    assert_eq!((&again["code"], &again["fields"]), (&failed["code"], &failed["fields"]));
    assert_eq!(after.request(call(3, 1)).await["result"], 6);
    // What was acknowledged is not kept, and not done again either.
    let mut acked = call(4, 1);
    acked["acked"] = json!(3);
    assert_eq!(after.request(acked).await["result"], 7);
    assert_eq!(code(&after.request(call(1, 5)).await), "CALL_FORGOTTEN");
    assert_eq!(after.call(&id, "add", json!({ "by": 0 })).await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_running_when_the_socket_died_is_done_once() {
    let harness = harness();
    let mut before = page(&harness, "p").await;
    let id = before.mount("Worker", json!({})).await.unwrap();
    let call = json!({ "type": "CALL_ACTION", "componentId": &id, "action": "slow", "payload": { "ms": 500 }, "callId": "o-1", "requestId": "x" });
    before.send(call.clone()).await;
    let token = token(&before);
    lose(before).await;

    let mut after = page(&harness, "p").await;
    resume_session(&mut after, &token).await;
    after.send(resume_message(&id, "Worker", 0, 0)).await;
    let answer = after.request(call).await;
    assert_eq!(answer["success"], true, "{answer}");
    after.settle(&id).await;
    let seen = came(&mut after);
    assert_eq!(seen.iter().filter(|seen| seen.starts_with("delta")).count(), 1, "{seen:?}");
}

/// Found in a review: each of many large states was pushed as if the page had been too slow for it.
#[tokio::test(start_paused = true)]
async fn a_page_with_much_on_it_is_sent_all_of_it_when_it_comes_back() {
    let harness = harness();
    let mut before = page(&harness, "p").await;
    let mut ids = Vec::new();
    for _ in 0..8 {
        let id = before.mount("Worker", json!({})).await.unwrap();
        before.call(&id, "grow", json!({ "bytes": 900_000 })).await.unwrap();
        ids.push(id);
    }
    let token = token(&before);
    lose(before).await;
    let mut after = page(&harness, "p").await;
    resume_session(&mut after, &token).await;
    let mut batch = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        let mut message = resume_message(id, "Worker", 0, 0);
        message["payload"]["fresh"] = json!(true);
        message["requestId"] = json!(format!("r{index}"));
        batch.push(message);
    }
    after.send_batch(batch).await;
    let (mut states, mut answers) = (0, 0);
    while answers < ids.len() {
        let message = after.next().await.expect("the connection is not closed");
        states += usize::from(message["type"] == "STATE_UPDATE");
        answers += usize::from(message["originalType"] == "COMPONENT_RESUME");
    }
    assert_eq!(states, ids.len());
}

/// Found in a review: with a call in the mailbox when the socket died, nobody looked at the clock again.
#[tokio::test(start_paused = true)]
async fn without_a_grace_period_nothing_waits_whatever_was_queued() {
    for grace in [Duration::ZERO, Duration::from_nanos(1)] {
        let harness = Harness::new(app::live().limits(|limits| limits.grace = grace).build().unwrap());
        let mut client = page(&harness, "p").await;
        let id = client.mount("Worker", json!({})).await.unwrap();
        for number in 0..3 {
            client.send(json!({ "type": "CALL_ACTION", "componentId": id, "action": "slow", "payload": { "ms": 10 }, "requestId": number })).await;
        }
        drop(client);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!((harness.live().tasks(), harness.live().sessions()), (0, 0));
    }
    let forever = app::live().limits(|limits| limits.grace = Duration::MAX).build().unwrap();
    let harness = Harness::new(forever);
    let mut client = page(&harness, "p").await;
    client.mount("Counter", json!({ "count": 5 })).await.unwrap();
    drop(client);
    tokio::time::sleep(Duration::from_secs(365 * 86_400)).await;
    assert_eq!((harness.live().tasks(), harness.live().sessions()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn more_than_may_wait_goes_to_rest_at_once() {
    let harness = Harness::new(app::live().limits(|limits| limits.waiting = 2).build().unwrap());
    let mut first = page(&harness, "p").await;
    let mut second = page(&harness, "q").await;
    let mut ids = Vec::new();
    for client in [&mut first, &mut second] {
        for _ in 0..2 {
            ids.push(client.mount("Counter", json!({ "count": 5 })).await.unwrap());
        }
    }
    let token = token(&second);
    lose(first).await;
    lose(second).await;
    assert_eq!((harness.live().tasks(), harness.live().sessions()), (2, 1));
    let mut back = page(&harness, "q").await;
    assert_eq!(resume_session(&mut back, &token).await["result"]["known"], false);
    assert_eq!(resume(&mut back, &ids[3], "Counter", 0, 0).await["result"]["outcome"], "rehydrated");
}

#[tokio::test(start_paused = true)]
async fn nothing_outlives_its_grace_but_what_rests_in_the_store() {
    let store = MemoryStore::new();
    let harness = Harness::new(app::live().store(store.clone()).build().unwrap());
    let mut before = page(&harness, "p").await;
    let id = before.mount("Todos", json!({})).await.unwrap();
    before.request(json!({ "type": "CALL_ACTION", "componentId": &id, "action": "push", "payload": { "text": "a" }, "callId": "o-1" })).await;
    let token = token(&before);
    lose(before).await;
    assert_eq!((harness.live().sessions(), harness.live().tasks()), (1, 1));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!((harness.live().sessions(), harness.live().tasks()), (0, 0));

    let mut after = page(&harness, "p").await;
    assert_eq!(resume_session(&mut after, &token).await["result"]["known"], false);
    let answer = resume(&mut after, &id, "Todos", 1, 0).await;
    let result = &answer["result"];
    assert_eq!((&result["outcome"], &result["componentId"]), (&json!("rehydrated"), &json!(id)), "{answer}");
    assert_eq!(result["version"], 2);
    assert_eq!(result["initialState"]["items"][0]["text"], "a");
    // What it had done it has done.
    after.request(json!({ "type": "CALL_ACTION", "componentId": &id, "action": "push", "payload": { "text": "a" }, "callId": "o-1" })).await;
    after.request(json!({ "type": "CALL_ACTION", "componentId": &id, "action": "push", "payload": { "text": "b" }, "callId": "o-2" })).await;
    let deltas: Vec<Value> =
        after.arrived().into_iter().filter(|message| message["type"] == "STATE_DELTA").collect();
    assert_eq!(deltas.len(), 1);
    assert_eq!(deltas[0]["payload"]["base"], 2);
    assert_eq!(
        deltas[0]["payload"]["splice"]["items"],
        json!([[1, 0, { "id": 2, "text": "b", "done": false }]])
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_unmounted_does_not_come_back() {
    let harness = harness();
    let mut before = page(&harness, "p").await;
    let id = before.mount("Counter", json!({ "count": 5 })).await.unwrap();
    before.unmount(&id).await;
    let token = token(&before);
    lose(before).await;
    assert_eq!(harness.live().sessions(), 0);
    let mut after = page(&harness, "p").await;
    resume_session(&mut after, &token).await;
    assert_eq!(code(&resume(&mut after, &id, "Counter", 0, 0).await), "NOTHING_KEPT");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_cannot_come_back_is_not_waited_for() {
    let harness = harness();
    let mut client = harness.connect_with("v=3&caps=delta,batch").await.unwrap();
    assert_eq!(client.hello().get("session"), None);
    client.mount("Counter", json!({ "count": 5 })).await.unwrap();
    lose(client).await;
    assert_eq!((harness.live().sessions(), harness.live().tasks()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_draining_server_answers_what_it_was_asked_and_lets_everything_rest() {
    let store = MemoryStore::new();
    let build =
        || app::live().keys(keys()).store(store.clone()).durability(Durability::Resting).build().unwrap();
    let harness = Harness::new(build());
    let mut connected = page(&harness, "p").await;
    let id = connected.mount("Worker", json!({})).await.unwrap();
    let mut gone = page(&harness, "q").await;
    let waiting = gone.mount("Counter", json!({ "count": 5 })).await.unwrap();
    gone.call(&waiting, "increment", json!({})).await.unwrap();
    let (token, gone_token) = (token(&connected), token(&gone));
    lose(gone).await;
    connected.send(json!({ "type": "CALL_ACTION", "componentId": &id, "action": "slow", "payload": { "ms": 300 }, "requestId": "s", "callId": "o-1" })).await;
    tokio::time::sleep(Duration::from_millis(1)).await;

    let live = harness.live().clone();
    let down = tokio::spawn(async move { live.shutdown(Duration::from_secs(10)).await });
    let mut answered = false;
    let mut last = None;
    while let Some(message) = connected.next().await {
        answered |= message["requestId"] == "s" && message["success"] == true;
        if message["type"] == "STATE_SNAPSHOT" {
            last = message["payload"]["version"].as_u64();
        }
    }
    assert!(answered, "what was running is finished and answered");
    assert_eq!(last, Some(1), "the client stands where the server stood");
    assert_eq!(connected.close_code().unwrap().unwrap().number(), 1001);
    assert!(down.await.unwrap(), "nothing is left");
    assert_eq!((harness.live().tasks(), harness.live().sessions(), harness.live().connections()), (0, 0, 0));
    assert!(harness.connect_with(CAPS).await.is_none(), "nobody is let in");

    let next = Harness::new(build());
    let mut connected = page(&next, "p").await;
    resume_session(&mut connected, &token).await;
    assert_eq!(resume(&mut connected, &id, "Worker", 1, 0).await["result"]["outcome"], "rehydrated");
    let mut back = page(&next, "q").await;
    resume_session(&mut back, &gone_token).await;
    let answer = resume(&mut back, &waiting, "Counter", 1, 0).await;
    assert_eq!(answer["result"]["initialState"], json!({ "count": 6 }), "{answer}");
}
