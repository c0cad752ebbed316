//! Coming back: what waits, for whom, for how long, and what whoever comes back is sent.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod app;

use std::time::Duration;

use fluxstack_live::testing::{Client, Harness};
use fluxstack_live::{Durability, Keys, MemoryStore};
use serde_json::{Value, json};

const CAPS: &str = "v=3&caps=delta,batch,resume";

fn harness() -> Harness {
    Harness::new(app::live().build().unwrap())
}

/// A page that can come back.
async fn page(harness: &Harness, page: &str) -> Client {
    harness.connect_with(&format!("{CAPS}&client={page}")).await.unwrap()
}

fn token(client: &Client) -> String {
    client.hello()["session"]["token"].as_str().unwrap().to_owned()
}

async fn resume_session(client: &mut Client, token: &str) -> Value {
    client.request(json!({ "type": "SESSION_RESUME", "payload": { "token": token } })).await
}

fn resume_message(id: &str, component: &str, have: u64, heard: u64) -> Value {
    let payload = json!({ "component": component, "name": "test", "have": have, "heard": heard });
    json!({ "type": "COMPONENT_RESUME", "componentId": id, "payload": payload })
}

async fn resume(client: &mut Client, id: &str, component: &str, have: u64, heard: u64) -> Value {
    client.request(resume_message(id, component, have, heard)).await
}

/// The client is gone, and the server has seen it.
async fn lose(client: Client) {
    drop(client);
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Messages that came before the last answer, by type and what tells them apart.
fn came(client: &mut Client) -> Vec<String> {
    let name = |message: &Value| {
        let payload = &message["payload"];
        match message["type"].as_str().unwrap() {
            "STATE_DELTA" => format!("delta {}", payload["version"]),
            "STATE_UPDATE" => format!("state {}", payload["version"]),
            "COMPONENT_EVENT" if payload["missed"].is_u64() => format!("missed {}", payload["missed"]),
            "COMPONENT_EVENT" => format!("event {}", payload["seq"]),
            other => other.to_owned(),
        }
    };
    client.arrived().iter().map(name).collect()
}

fn code(answer: &Value) -> &str {
    answer["code"].as_str().unwrap_or_else(|| panic!("not refused: {answer}"))
}

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

#[tokio::test(start_paused = true)]
async fn a_new_socket_of_the_same_page_takes_over_before_the_old_one_is_seen_closing() {
    let harness = harness();
    let mut old = page(&harness, "p").await;
    let id = old.mount("Counter", json!({ "count": 5 })).await.unwrap();
    let mut new = page(&harness, "p").await;
    let begun = tokio::time::Instant::now();
    assert_eq!(resume_session(&mut new, &token(&old)).await["result"]["known"], true);
    assert!(begun.elapsed() < Duration::from_millis(10));
    assert_eq!(resume(&mut new, &id, "Counter", 0, 0).await["result"]["outcome"], "resumed");
    while old.next().await.is_some() {}
    assert_eq!(old.close_code().unwrap().unwrap().number(), 4409);
    assert_eq!(new.call(&id, "add", json!({ "by": 1 })).await.unwrap(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_copied_tab_does_not_steal() {
    let harness = harness();
    let mut original = page(&harness, "p").await;
    let id = original.mount("Counter", json!({ "count": 5 })).await.unwrap();
    let token = token(&original);
    let mut copy = page(&harness, "q").await;
    let (answer, call) =
        tokio::join!(resume_session(&mut copy, &token), original.call(&id, "increment", json!({})));
    assert_eq!(code(&answer), "SESSION_IN_USE");
    call.unwrap();
    // It was pinged meanwhile, and is as it was.
    assert_eq!(code(&resume(&mut copy, &id, "Counter", 0, 0).await), "NOTHING_KEPT");
    assert_eq!(original.call(&id, "add", json!({ "by": 1 })).await.unwrap(), 7);
    assert!(copy.mount("Counter", json!({ "count": 1 })).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_page_loaded_anew_takes_over_from_a_socket_that_is_dead() {
    let harness = harness();
    let mut dead = page(&harness, "p").await;
    let id = dead.mount("Counter", json!({ "count": 5 })).await.unwrap();
    let token = token(&dead);
    // It is still open, but nobody reads and nobody answers.
    let mut new = page(&harness, "q").await;
    assert_eq!(resume_session(&mut new, &token).await["result"]["known"], true);
    assert_eq!(resume(&mut new, &id, "Counter", 0, 0).await["result"]["outcome"], "resumed");
    drop(dead);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_good_for_its_user_and_for_a_day() {
    let harness = harness();
    let ada = harness.connect_as(CAPS, "ada").await.unwrap();
    let token = token(&ada);
    let mut eve = harness.connect_as(CAPS, "eve").await.unwrap();
    assert_eq!(code(&resume_session(&mut eve, &token).await), "SESSION_REFUSED");
    let mut forged = token.clone().into_bytes();
    *forged.last_mut().unwrap() ^= 1;
    let forged = String::from_utf8(forged).unwrap();
    assert_eq!(code(&resume_session(&mut eve, &forged).await), "SESSION_REFUSED");
    // One refused is as before: it can mount, and come back by its own token.
    assert!(eve.mount("Counter", json!({ "count": 1 })).await.is_ok());
    drop(ada);
    tokio::time::sleep(Duration::from_secs(25 * 60 * 60)).await;
    let mut ada = harness.connect_as(CAPS, "ada").await.unwrap();
    assert_eq!(code(&resume_session(&mut ada, &token).await), "SESSION_EXPIRED");
}

#[tokio::test(start_paused = true)]
async fn whoever_guesses_signatures_is_not_listened_to_for_a_while() {
    let harness = Harness::new(app::live().keys(keys()).build().unwrap());
    let mut ada = harness.connect_as(CAPS, "ada").await.unwrap();
    let id = ada.mount("Counter", json!({ "count": 5 })).await.unwrap();
    let taken = snapshot(&mut ada).await;
    let token = token(&ada);
    let mut eve = harness.connect_as(CAPS, "eve").await.unwrap();
    let mut codes = Vec::new();
    for guess in 0..12u8 {
        let mut forged = taken.clone();
        let mut text = taken["payload"]["snapshot"].as_str().unwrap().to_owned().into_bytes();
        let at = text.len() - 4;
        text[at] = b'A' + guess;
        forged["payload"]["snapshot"] = json!(String::from_utf8(text).unwrap());
        codes.push(code(&bring(&mut eve, &id, "Counter", &forged).await).to_owned());
    }
    assert_eq!(codes.first().unwrap(), "SNAPSHOT_CORRUPT");
    assert_eq!(codes.last().unwrap(), "SNAPSHOT_THROTTLED");
    // From another connection of the same address as well; from another address not.
    let mut again = harness.connect_as(CAPS, "eve").await.unwrap();
    assert_eq!(code(&bring(&mut again, &id, "Counter", &taken).await), "SNAPSHOT_THROTTLED");
    lose(ada).await;
    let mut ada = harness.connect_as(CAPS, "ada").await.unwrap();
    assert_eq!(resume_session(&mut ada, &token).await["success"], true);
    assert_eq!(resume(&mut ada, &id, "Counter", 0, 0).await["success"], true);
}

/// Found in a review: the token of a tab that was connected all day had expired, and everything waited for it.
#[tokio::test(start_paused = true)]
async fn a_tab_that_was_connected_for_days_comes_back_like_any_other() {
    let no_pings = |limits: &mut fluxstack_live::Limits| limits.ping = Duration::from_secs(1 << 30);
    let harness = Harness::new(app::live().limits(no_pings).build().unwrap());
    let mut before = page(&harness, "p").await;
    let id = before.mount("Counter", json!({ "count": 5 })).await.unwrap();
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_secs(60 * 60)).await;
        before.call(&id, "increment", json!({})).await.unwrap();
    }
    let old = token(&before);
    // On the same connection it may ask for a newer one at any time.
    let newer = resume_session(&mut before, &old).await["result"]["token"].as_str().unwrap().to_owned();
    assert_ne!(old, newer);
    lose(before).await;
    let mut after = page(&harness, "p").await;
    assert_eq!(resume_session(&mut after, &old).await["result"]["known"], true);
    assert_eq!(resume(&mut after, &id, "Counter", 50, 0).await["result"]["outcome"], "resumed");
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

/// Found in a review: one sign of life answered only one of those who asked for it.
#[tokio::test(start_paused = true)]
async fn several_copies_of_a_tab_that_ask_at_once_do_not_steal_either() {
    let harness = harness();
    let mut original = page(&harness, "p").await;
    let id = original.mount("Counter", json!({ "count": 5 })).await.unwrap();
    let token = token(&original);
    let mut copies = [page(&harness, "q").await, page(&harness, "r").await, page(&harness, "s").await];
    let [first, second, third] = &mut copies;
    let (one, two, three, call) = tokio::join!(
        resume_session(first, &token),
        resume_session(second, &token),
        resume_session(third, &token),
        original.call(&id, "increment", json!({})),
    );
    call.unwrap();
    for answer in [one, two, three] {
        assert_eq!(code(&answer), "SESSION_IN_USE");
    }
    assert_eq!(original.call(&id, "add", json!({ "by": 1 })).await.unwrap(), 7);
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
async fn an_id_alone_brings_nothing_back() {
    let store = MemoryStore::new();
    let harness = Harness::new(app::live().store(store).build().unwrap());
    let mut ada = page(&harness, "p").await;
    let id = ada.mount("Counter", json!({ "count": 5 })).await.unwrap();
    let mut eve = page(&harness, "e").await;
    // While it is mounted, while it waits, and while it rests.
    assert_eq!(code(&resume(&mut eve, &id, "Counter", 0, 0).await), "NOTHING_KEPT");
    lose(ada).await;
    assert_eq!(code(&resume(&mut eve, &id, "Counter", 0, 0).await), "NOTHING_KEPT");
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(code(&resume(&mut eve, &id, "Counter", 0, 0).await), "NOTHING_KEPT");
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
async fn a_session_is_taken_up_before_anything_is_mounted() {
    let harness = harness();
    let token = token(&page(&harness, "p").await);
    let mut client = page(&harness, "p").await;
    client.mount("Counter", json!({ "count": 5 })).await.unwrap();
    assert_eq!(code(&resume_session(&mut client, &token).await), "BAD_MESSAGE");
    let mut plain = harness.connect_with("v=3&caps=delta").await.unwrap();
    assert_eq!(code(&resume_session(&mut plain, &token).await), "BAD_MESSAGE");
}

fn keys() -> Keys {
    Keys::new("k", [7; 32]).unwrap()
}

async fn snapshot(client: &mut Client) -> Value {
    loop {
        let message = client.next().await.unwrap();
        if message["type"] == "STATE_SNAPSHOT" {
            return message;
        }
    }
}

async fn bring(client: &mut Client, id: &str, component: &str, snapshot: &Value) -> Value {
    let mut message = resume_message(id, component, 0, 0);
    message["payload"]["snapshot"] = snapshot["payload"]["snapshot"].clone();
    client.request(message).await
}

#[tokio::test(start_paused = true)]
async fn a_client_is_given_a_snapshot_after_the_mount_and_once_a_second_while_it_changes() {
    let harness = Harness::new(app::live().keys(keys()).build().unwrap());
    let mut client = page(&harness, "p").await;
    let id = client.mount("Counter", json!({ "count": 0 })).await.unwrap();
    assert_eq!(snapshot(&mut client).await["payload"]["version"], 0);
    let begun = tokio::time::Instant::now();
    for _ in 0..50 {
        client.call(&id, "increment", json!({})).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let versions: Vec<u64> = client
        .arrived()
        .iter()
        .filter(|message| message["type"] == "STATE_SNAPSHOT")
        .map(|message| message["payload"]["version"].as_u64().unwrap())
        .collect();
    assert_eq!(versions.last(), Some(&50), "the last change is in the last snapshot");
    assert!(versions.len() as u64 <= begun.elapsed().as_secs() + 1, "{versions:?}");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(came(&mut client), [""; 0], "nothing changes, so nothing is taken");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_goes_to_another_server_with_the_same_keys() {
    let [here, there] = [(), ()].map(|()| Harness::new(app::live().keys(keys()).build().unwrap()));
    let mut before = page(&here, "p").await;
    let id = before.mount("Counter", json!({ "count": 5 })).await.unwrap();
    let taken = snapshot(&mut before).await;
    let token = token(&before);

    // A copy of the tab makes an instance of its own of it, and leaves the other where it is.
    let mut copy = page(&there, "q").await;
    let answer = bring(&mut copy, &id, "Counter", &taken).await;
    assert_eq!(answer["result"]["outcome"], "rehydrated", "{answer}");
    assert_ne!(answer["result"]["componentId"], json!(id));

    let mut after = page(&there, "p").await;
    assert_eq!(resume_session(&mut after, &token).await["result"]["known"], false);
    assert_eq!(code(&resume(&mut after, &id, "Counter", 0, 0).await), "NOTHING_KEPT");
    let answer = bring(&mut after, &id, "Counter", &taken).await;
    assert_eq!(answer["result"]["outcome"], "rehydrated", "{answer}");
    assert_eq!(answer["result"]["componentId"], json!(id));
    assert_eq!(answer["result"]["initialState"], json!({ "count": 5 }));
    // What the copy was made of is older now than what the server has seen.
    assert_eq!(code(&bring(&mut copy, &id, "Counter", &taken).await), "SNAPSHOT_STALE");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_is_not_in_order_is_refused_with_the_reason() {
    let harness = Harness::new(app::live().keys(keys()).build().unwrap());
    let mut ada = harness.connect_as(&format!("{CAPS}&client=p"), "ada").await.unwrap();
    let id = ada.mount("Counter", json!({ "count": 5 })).await.unwrap();
    let older = snapshot(&mut ada).await;
    ada.call(&id, "increment", json!({})).await.unwrap();
    let newer = snapshot(&mut ada).await;
    let token = token(&ada);
    let mut forged = newer.clone();
    let mut text = newer["payload"]["snapshot"].as_str().unwrap().to_owned().into_bytes();
    let middle = text.len() / 2;
    text[middle] = if text[middle] == b'A' { b'B' } else { b'A' };
    forged["payload"]["snapshot"] = json!(String::from_utf8(text).unwrap());

    let mut eve = harness.connect_as(CAPS, "eve").await.unwrap();
    assert_eq!(code(&bring(&mut eve, &id, "Counter", &newer).await), "SNAPSHOT_FOREIGN");
    assert_eq!(code(&bring(&mut eve, &id, "Counter", &forged).await), "SNAPSHOT_CORRUPT");
    lose(ada).await;
    tokio::time::sleep(Duration::from_secs(61)).await;
    let mut ada = harness.connect_as(CAPS, "ada").await.unwrap();
    resume_session(&mut ada, &token).await;
    assert_eq!(code(&bring(&mut ada, &id, "Todos", &newer).await), "SNAPSHOT_FOREIGN");
    assert_eq!(code(&bring(&mut ada, &id, "Counter", &older).await), "SNAPSHOT_STALE");
    assert_eq!(bring(&mut ada, &id, "Counter", &newer).await["result"]["outcome"], "rehydrated");
    tokio::time::sleep(Duration::from_secs(25 * 60 * 60)).await;
    let mut late = harness.connect_as(CAPS, "ada").await.unwrap();
    assert_eq!(code(&bring(&mut late, &id, "Counter", &newer).await), "SNAPSHOT_EXPIRED");
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
