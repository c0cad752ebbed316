//! Calls whose clients show already what they will do: told with the state that has them, whatever becomes of that state
//! on its way, and told to nobody else.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod pad;

use std::time::Duration;

use fluxstack_live::store::{Boxed, Record, StoreError};
use fluxstack_live::testing::{Client, Harness};
use fluxstack_live::{Durability, MemoryStore, Store};
use pad::*;
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn a_call_that_is_shown_already_is_told_with_its_state_and_then_answered() {
    let mut client = harness().connect().await;
    assert_eq!(client.hello()["caps"], json!(["optimistic", "quiet", "window", "channels"]));
    let id = pad(&mut client).await;
    client.send(guess(&id, "add", 1, "a-1")).await;
    assert_eq!(came(&mut client).await, ["done a-1", "delta 0-1", "answer a-1"]);
    client.send(call(&id, "add", 2, "a-2")).await;
    assert_eq!(came(&mut client).await, ["delta 1-2", "answer a-2"], "it was not shown");
    let mut nameless = guess(&id, "add", 3, "a-3");
    nameless.as_object_mut().unwrap().remove("callId");
    client.send(nameless).await;
    assert_eq!(came(&mut client).await, ["delta 2-3", "answer a-3"], "it has no name");
    let mut untold = guess(&id, "add", 4, "a-4");
    untold.as_object_mut().unwrap().remove("requestId");
    client.send(untold).await;
    assert_eq!(came(&mut client).await, ["done a-4", "delta 3-4"], "it wants no answer");
}

#[tokio::test(start_paused = true)]
async fn a_write_is_told_like_a_call() {
    let mut client = harness().connect().await;
    let id = pad(&mut client).await;
    let write = |text: &str, name: &str| json!({ "type": "PROPERTY_UPDATE", "componentId": id, "property": "text", "payload": { "value": text }, "callId": name, "requestId": name, "optimistic": true });
    client.send(write("tea", "a-1")).await;
    client.send(write("tea", "a-2")).await;
    assert_eq!(came(&mut client).await, ["done a-1", "delta 0-1", "answer a-1", "answer a-2"]);
}

#[tokio::test(start_paused = true)]
async fn what_changed_nothing_is_answered_and_that_is_all() {
    let mut client = harness().connect().await;
    let id = pad(&mut client).await;
    client.send(guess(&id, "nothing", 1, "a-1")).await;
    client.send(guess(&id, "no such action", 1, "a-2")).await;
    client.send(guess(&id, "explode", 1, "a-3")).await;
    let came = came(&mut client).await;
    assert_eq!(came, ["answer a-1", "refusal a-2", "refusal a-3"]);
}

#[tokio::test(start_paused = true)]
async fn what_failed_and_changed_something_is_told_like_what_went_well() {
    let mut client = harness().connect().await;
    let id = pad(&mut client).await;
    client.send(guess(&id, "fail", 1, "a-1")).await;
    assert_eq!(came(&mut client).await, ["done a-1", "delta 0-1", "refusal a-1"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_done_before_is_answered_and_not_told_again() {
    let mut client = harness().connect().await;
    let id = pad(&mut client).await;
    for _ in 0..2 {
        client.send(guess(&id, "add", 1, "a-1")).await;
    }
    assert_eq!(came(&mut client).await, ["done a-1", "delta 0-1", "answer a-1", "answer a-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_no_deltas_is_told_with_the_whole_state() {
    let harness = harness();
    let mut client = harness.connect_with("v=3&caps=batch").await.unwrap();
    let id = pad(&mut client).await;
    client.send(guess(&id, "add", 1, "a-1")).await;
    assert_eq!(came(&mut client).await, ["done a-1", "state 1", "answer a-1"]);
}

#[tokio::test(start_paused = true)]
async fn an_older_client_is_told_nothing_of_it() {
    let harness = harness();
    let mut client = harness.connect_with("").await.unwrap();
    assert_eq!(client.hello().get("caps"), None);
    let id = pad(&mut client).await;
    let mut call = guess(&id, "add", 1, "a-1");
    call["expectResponse"] = json!(true);
    client.send(call).await;
    assert_eq!(came(&mut client).await, ["state 1", "answer a-1"]);
    client.send(quiet(true)).await;
    client.send(call_legacy(&id)).await;
    assert_eq!(
        came(&mut client).await,
        ["ERROR", "state 2"],
        "it is not quiet, because it knows no such word"
    );
}

fn call_legacy(id: &str) -> Value {
    json!({ "type": "CALL_ACTION", "componentId": id, "action": "add", "payload": { "n": 2 } })
}

/// Somebody who does not read, so that what comes now has to wait, and somebody else at the same instance.
async fn clogged(harness: &Harness) -> (Client, Client, String) {
    let mut slow = harness.connect().await;
    let id = shared(&mut slow).await;
    let mut other = harness.connect().await;
    shared(&mut other).await;
    add_much(&mut other, &id, 18).await;
    (slow, other, id)
}

async fn add_much(client: &mut Client, id: &str, times: u32) {
    for n in 0..times {
        client.call(id, "add", json!({ "n": 1_000 + n })).await.unwrap();
    }
}

/// What came from the first word of calls that are done on.
async fn from_done(client: &mut Client) -> Vec<String> {
    let mut all = all(client).await;
    let at = all.iter().position(|said| said.starts_with("done")).unwrap_or_else(|| panic!("{all:?}"));
    all.split_off(at)
}

#[tokio::test(start_paused = true)]
async fn what_is_merged_for_a_slow_client_is_told_before_the_first_of_it() {
    let harness = limited(|limits| limits.outbox_soft = 2_000);
    let (mut slow, mut other, id) = clogged(&harness).await;
    slow.send(guess(&id, "add", 1, "a-1")).await;
    still().await;
    other.send(guess(&id, "add", 2, "b-1")).await;
    add_much(&mut other, &id, 10).await;
    slow.send(guess(&id, "add", 3, "a-2")).await;
    add_much(&mut other, &id, 10).await;
    let came = from_done(&mut slow).await;
    assert_eq!(came[0], "done a-1 a-2", "and not what the other did: {came:?}");
    assert!(came[1].starts_with("delta"), "{came:?}");
    assert_eq!(came[2..4], ["answer a-1", "answer a-2"]);
    assert_eq!(slow.resyncs(), 0);
    assert_eq!(slow.view(&id), other.view(&id));
}

#[tokio::test(start_paused = true)]
async fn what_a_promised_snapshot_brings_is_told_before_it() {
    let harness = limited(|limits| limits.outbox_soft = 1_500);
    let (mut slow, mut other, id) = clogged(&harness).await;
    slow.send(guess(&id, "add", 1, "a-1")).await;
    still().await;
    // Merged with what was there it is more than is worth merging, and what comes then is not kept.
    slow.send(guess(&id, "grow", 3_000, "a-2")).await;
    still().await;
    slow.send(guess(&id, "add", 3, "a-3")).await;
    add_much(&mut other, &id, 1).await;
    let came = from_done(&mut slow).await;
    assert_eq!(came[0], "done a-1 a-2 a-3");
    assert!(came[1].starts_with("state"), "{came:?}");
    assert_eq!(came[2..], ["answer a-1", "answer a-2", "answer a-3"]);
    assert_eq!((slow.resyncs(), slow.view(&id)), (0, other.view(&id)));
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_the_state_while_it_is_promised_is_not_shown_an_older_one_after_it() {
    let harness = limited(|limits| limits.outbox_soft = 1_500);
    let (mut slow, mut other, id) = clogged(&harness).await;
    slow.send(guess(&id, "grow", 3_000, "a-1")).await;
    still().await;
    slow.send(guess(&id, "add", 1, "a-2")).await;
    slow.send(json!({ "type": "STATE_RESYNC", "componentId": id, "requestId": "r" })).await;
    still().await;
    slow.send(guess(&id, "add", 2, "a-3")).await;
    add_much(&mut other, &id, 1).await;
    let came = from_done(&mut slow).await;
    let versions = came.iter().filter(|said| said.starts_with("state") || said.starts_with("delta"));
    let versions: Vec<u64> =
        versions.map(|said| said.rsplit([' ', '-']).next().unwrap().parse().unwrap()).collect();
    assert!(versions.is_sorted(), "{came:?}");
    assert_eq!((slow.resyncs(), slow.view(&id)), (0, other.view(&id)));
}

#[tokio::test(start_paused = true)]
async fn of_many_members_only_the_caller_is_told() {
    let harness = harness();
    let (mut ada, mut bob, mut eve) =
        (harness.connect().await, harness.connect().await, harness.connect().await);
    let id = shared(&mut ada).await;
    shared(&mut bob).await;
    shared(&mut eve).await;
    ada.send(guess(&id, "add", 1, "a-1")).await;
    assert_eq!(came(&mut ada).await, ["done a-1", "delta 0-1", "answer a-1"]);
    assert_eq!(came(&mut bob).await, ["delta 0-1"]);
    // Turns that wait for a slow one are told together, and each caller of their own.
    ada.send(call(&id, "later", 2, "a-2")).await;
    still().await;
    ada.send(guess(&id, "add", 3, "a-3")).await;
    still().await;
    bob.send_batch(vec![
        guess(&id, "add", 4, "b-1"),
        guess(&id, "nothing", 5, "b-2"),
        guess(&id, "add", 6, "b-3"),
    ])
    .await;
    pass(20).await;
    drop(came(&mut eve).await);
    let delta = "delta 1-5";
    assert_eq!(came(&mut ada).await, ["done a-3", delta, "answer a-2", "answer a-3"]);
    assert_eq!(came(&mut bob).await, ["done b-1 b-3", delta, "answer b-1", "answer b-2", "answer b-3"]);
    assert_eq!(eve.view(&id).unwrap()["lines"], json!([1, 2, 3, 4, 6]));
}

#[tokio::test(start_paused = true)]
async fn a_panic_between_turns_that_are_told_together_takes_none_of_them_back() {
    let harness = harness();
    let mut client = harness.connect().await;
    let id = shared(&mut client).await;
    let calls = ["add", "explode", "add"].into_iter().zip(1..);
    client.send_batch(calls.map(|(action, n)| guess(&id, action, n, &format!("a-{n}"))).collect()).await;
    let came = came(&mut client).await;
    assert_eq!(
        came,
        ["done a-1", "delta 0-1", "answer a-1", "done a-3", "delta 1-2", "refusal a-2", "answer a-3"]
    );
}

fn batch(calls: &[Value], is_atomic: bool) -> Value {
    json!({ "type": "CALL_BATCH", "payload": { "calls": calls, "atomic": is_atomic }, "requestId": "batch" })
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_message_are_told_like_any_others() {
    let mut client = harness().connect().await;
    let id = pad(&mut client).await;
    client
        .send(batch(
            &[guess(&id, "add", 1, "a-1"), guess(&id, "nothing", 2, "a-2"), guess(&id, "add", 3, "a-3")],
            false,
        ))
        .await;
    assert_eq!(came(&mut client).await, ["done a-1", "delta 0-1", "done a-3", "delta 1-2", "answer batch"]);
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_done_together_or_not_at_all_are_told_together_or_not_at_all() {
    let mut client = harness().connect().await;
    let id = pad(&mut client).await;
    client
        .send(batch(
            &[guess(&id, "add", 1, "a-1"), call(&id, "add", 2, "a-2"), guess(&id, "add", 3, "a-3")],
            true,
        ))
        .await;
    assert_eq!(came(&mut client).await, ["done a-1 a-3", "delta 0-1", "answer batch"]);
    for last in ["fail", "explode"] {
        client.send(batch(&[guess(&id, "add", 4, "a-4"), guess(&id, last, 5, "a-5")], true)).await;
        assert_eq!(came(&mut client).await, ["answer batch"]);
    }
    client.send(call(&id, "add", 6, "a-6")).await;
    assert_eq!(came(&mut client).await, ["delta 1-2", "answer a-6"], "what was undone is not told later");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_is_answered_as_held_and_told_with_the_state_that_brings_it() {
    let mut client = harness().connect().await;
    let id = pad(&mut client).await;
    client.send(guess(&id, "drift", 1, "a-1")).await;
    assert_eq!(came(&mut client).await, ["done a-1", "delta 0-1", "answer a-1"], "the first goes at once");
    client.send(guess(&id, "drift", 2, "a-2")).await;
    client.send(call(&id, "drift", 3, "a-3")).await;
    client.send(guess(&id, "add", 4, "a-4")).await;
    let now = came(&mut client).await;
    let expected = ["answer a-2 held", "answer a-3", "done a-4", "delta 1-2", "answer a-4"];
    assert_eq!(now, expected, "who shows nothing is not told, and who changed nothing of it does not wait");
    pass(100).await;
    assert_eq!(came(&mut client).await, ["done a-2", "delta 2-3"]);
    assert_eq!(client.view(&id).unwrap()["slow"], json!([1, 2, 3]));
}

#[tokio::test(start_paused = true)]
async fn what_is_shown_as_a_whole_is_not_told_in_parts() {
    let mut client = harness().connect().await;
    let id = pad(&mut client).await;
    client.send(call(&id, "glide", 1, "x-1")).await;
    client.send(guess(&id, "drift", 2, "a-1")).await;
    client.send(call(&id, "both", 3, "x-2")).await;
    let expected = ["delta 0-1", "answer x-1", "answer a-1 held", "delta 1-2", "answer x-2"];
    assert_eq!(came(&mut client).await, expected);
    // One part goes at once, so the other one does, too.
    client.send(guess(&id, "both", 4, "a-2")).await;
    assert_eq!(came(&mut client).await, ["done a-1 a-2", "delta 2-3", "answer a-2"]);
    // One part is due earlier than the other one.
    client.send(guess(&id, "glide", 5, "a-3")).await;
    assert_eq!(came(&mut client).await, ["answer a-3 held"]);
    pass(100).await;
    assert_eq!(came(&mut client).await, ["done a-3", "delta 3-4"]);
    assert_eq!(
        (&client.view(&id).unwrap()["slow"], &client.view(&id).unwrap()["slower"]),
        (&json!([1, 2, 3, 4, 5]), &json!(5))
    );
}

#[tokio::test(start_paused = true)]
async fn each_field_that_is_held_back_is_waited_for() {
    let mut client = harness().connect().await;
    let id = pad(&mut client).await;
    for action in ["drift", "creep"] {
        client.send(call(&id, action, 1, if action == "drift" { "x-1" } else { "x-2" })).await;
    }
    still().await;
    client.send_batch(vec![guess(&id, "creep", 2, "a-1"), guess(&id, "drift", 2, "a-2")]).await;
    drop(came(&mut client).await);
    pass(100).await;
    assert_eq!(came(&mut client).await, ["done a-2", "delta 2-3"]);
    pass(200).await;
    assert_eq!(came(&mut client).await, ["done a-1", "delta 3-4"]);
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_batch_say_for_themselves_whether_they_are_held() {
    let mut client = harness().connect().await;
    let id = pad(&mut client).await;
    client.send(call(&id, "drift", 1, "x-1")).await;
    client.send(batch(&[guess(&id, "drift", 2, "a-1"), guess(&id, "add", 3, "a-2")], false)).await;
    still().await;
    let answer = client.arrived().into_iter().find(|message| message["requestId"] == "batch").unwrap();
    assert_eq!(
        answer["result"]["results"],
        json!([{ "success": true, "held": true }, { "success": true, "result": 1 }])
    );
    pass(100).await;
    assert_eq!(came(&mut client).await, ["done a-1", "delta 2-3"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_held_back_and_is_taken_back_or_lost_is_told_with_the_state_without_it() {
    let mut client = harness().connect().await;
    let id = pad(&mut client).await;
    for (round, undo) in ["undrift", "explode"].into_iter().enumerate() {
        client.send(call(&id, "drift", 1, &format!("x-{}", round + 1))).await;
        client.send(guess(&id, "drift", 2, &format!("a-{}", round + 1))).await;
        drop(came(&mut client).await);
        client.send(call(&id, undo, 3, &format!("y-{}", round + 1))).await;
        let came = came(&mut client).await;
        let done = format!("done a-{}", round + 1);
        let at = came.iter().position(|said| *said == done).unwrap_or_else(|| panic!("{came:?}"));
        assert!(came[at + 1].starts_with("state"), "{came:?}");
        assert_eq!(client.view(&id).unwrap()["slow"].as_array().unwrap().len(), round + 1);
        pass(400).await;
        assert!(!client.arrived().iter().any(|message| message["type"] == "CALL_DONE"), "once is enough");
    }
}

#[tokio::test(start_paused = true)]
async fn so_much_may_be_held_back_and_no_more() {
    let harness = limited(|limits| limits.calls = 10_000);
    let mut client = harness.connect().await;
    let id = pad(&mut client).await;
    client.send(call(&id, "drift", 0, "x-1")).await;
    still().await;
    for n in 1..=300 {
        client.send(guess(&id, "drift", n, &format!("a-{n}"))).await;
    }
    let came = all(&mut client).await;
    let held = came.iter().filter(|said| said.ends_with("held")).count();
    assert!((256..300).contains(&held), "{held} were held back");
    let first = came.iter().find(|said| said.starts_with("done")).unwrap();
    assert_eq!(first.split(' ').count(), 1 + 257, "what was held back went with the one that was too much");
}

/// A store that says it is durable, and takes its time.
#[derive(Clone)]
struct Slow(MemoryStore);

impl Store for Slow {
    fn put(
        &self,
        id: fluxstack_live::protocol::InstanceId,
        record: Record,
    ) -> Boxed<'_, Result<(), StoreError>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.0.put(id, record).await
        })
    }

    fn get(&self, id: fluxstack_live::protocol::InstanceId) -> Boxed<'_, Result<Option<Record>, StoreError>> {
        self.0.get(id)
    }

    fn remove(&self, id: fluxstack_live::protocol::InstanceId) -> Boxed<'_, Result<(), StoreError>> {
        self.0.remove(id)
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn secret(&self) -> Option<[u8; 32]> {
        Some([3; 32])
    }

    fn close(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
}

fn stored(store: &Slow) -> Harness {
    Harness::new(builder().store(store.clone()).durability(Durability::Acknowledged).build().unwrap())
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_waits_for_the_store_leaves_its_state_what_it_brings() {
    let harness = stored(&Slow(MemoryStore::new()));
    let mut client = page(&harness, "a").await;
    let id = pad(&mut client).await;
    pass(1_100).await;
    drop(client.arrived());
    client.send(guess(&id, "add", 1, "a-1")).await;
    assert_eq!(came(&mut client).await, ["done a-1", "delta 0-1"]);
    pass(2_500).await;
    assert_eq!(came(&mut client).await, ["answer a-1"]);
}

/// The connection dies, and another one takes up the session.
async fn cut(harness: &Harness, client: Client) -> Client {
    let token = client.token();
    drop(client);
    still().await;
    let mut client = page(harness, "a").await;
    client.resume_session(&token).await.unwrap();
    client
}

async fn done_of(client: &mut Client, message: Value) -> Value {
    client.send(message).await;
    still().await;
    let answers = client.arrived();
    answers.into_iter().find(|message| message["requestId"] == "back").unwrap_or_else(|| panic!("no answer"))
        ["result"]
        .clone()
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_in_doubt_is_told_what_was_done() {
    let harness = harness();
    let mut client = page(&harness, "a").await;
    let id = pad(&mut client).await;
    client
        .send_batch(vec![
            guess(&id, "add", 1, "a-1"),
            guess(&id, "fail", 2, "a-2"),
            guess(&id, "nothing", 3, "a-3"),
        ])
        .await;
    still().await;
    let mut client = cut(&harness, client).await;
    let result = done_of(&mut client, back_in_doubt(&id, 0, &["a-1", "a-2", "a-3", "a-4", "b-1"])).await;
    assert_eq!((&result["outcome"], &result["done"]), (&json!("replayed"), &json!(["a-1", "a-2", "a-3"])));
    let mut client = cut(&harness, client).await;
    let result = done_of(&mut client, back_in_doubt(&id, 2, &["a-4"])).await;
    assert_eq!((&result["outcome"], &result["done"]), (&json!("resumed"), &json!([])));
    let mut client = cut(&harness, client).await;
    let result = done_of(&mut client, back_in_doubt(&id, 2, &[])).await;
    assert_eq!(result.get("done"), None, "nobody asked");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_is_there_when_its_caller_is_back_in_doubt() {
    let harness = harness();
    let mut client = page(&harness, "a").await;
    let id = pad(&mut client).await;
    client.send_batch(vec![guess(&id, "drift", 1, "a-1"), guess(&id, "drift", 2, "a-2")]).await;
    assert_eq!(came(&mut client).await, ["done a-1", "delta 0-1", "answer a-1", "answer a-2 held"]);
    let mut client = cut(&harness, client).await;
    client.send(back_in_doubt(&id, 1, &["a-2"])).await;
    still().await;
    let arrived = client.arrived();
    assert_eq!(arrived.iter().map(said).collect::<Vec<_>>(), ["delta 1-2", "answer back"]);
    assert_eq!(arrived[1]["result"]["done"], json!(["a-2"]));
}

#[tokio::test(start_paused = true)]
async fn a_state_that_was_rebuilt_knows_what_was_done() {
    let store = Slow(MemoryStore::new());
    let harness = stored(&store);
    let mut client = page(&harness, "a").await;
    let id = pad(&mut client).await;
    client.send(guess(&id, "add", 1, "a-1")).await;
    let mut everybodys = page(&harness, "b").await;
    let shared_id = shared(&mut everybodys).await;
    everybodys.send(guess(&shared_id, "add", 2, "a-1")).await;
    pass(5_000).await;
    let (token, shared_token) = (client.token(), everybodys.token());
    assert!(harness.live().shutdown(Duration::from_secs(10)).await);

    let harness = stored(&store);
    let mut client = page(&harness, "a").await;
    client.resume_session(&token).await.unwrap();
    let result = done_of(&mut client, back_in_doubt(&id, 1, &["a-1", "a-2"])).await;
    assert_eq!((&result["outcome"], &result["done"]), (&json!("rehydrated"), &json!(["a-1"])));
    assert_eq!(result["initialState"]["lines"], json!([1]));
    let mut everybodys = page(&harness, "b").await;
    everybodys.resume_session(&shared_token).await.unwrap();
    let result = done_of(&mut everybodys, rejoin_in_doubt(&shared_id, 1, &["a-1", "a-2"])).await;
    assert_eq!((&result["outcome"], &result["done"]), (&json!("rehydrated"), &json!(["a-1"])));
}

#[tokio::test(start_paused = true)]
async fn members_are_told_of_their_own_doubts() {
    let harness = harness();
    let mut ada = page(&harness, "a").await;
    let id = shared(&mut ada).await;
    let mut bob = page(&harness, "b").await;
    shared(&mut bob).await;
    bob.send(guess(&id, "add", 1, "a-1")).await;
    ada.send(guess(&id, "add", 2, "a-2")).await;
    still().await;
    let mut ada = cut(&harness, ada).await;
    let result = done_of(&mut ada, rejoin_in_doubt(&id, 0, &["a-1", "a-2"])).await;
    assert_eq!((&result["outcome"], &result["done"]), (&json!("replayed"), &json!(["a-2"])));
}

#[tokio::test(start_paused = true)]
async fn whoever_was_cut_off_is_not_told_on_another_connection() {
    let harness = harness();
    let mut client = page(&harness, "a").await;
    let id = pad(&mut client).await;
    client.send(guess(&id, "later", 1, "a-1")).await;
    still().await;
    let mut client = cut(&harness, client).await;
    client.send(back_in_doubt(&id, 0, &["a-1"])).await;
    pass(20).await;
    let arrived = client.arrived();
    let said: Vec<_> = arrived.iter().map(said).collect();
    assert_eq!(said, ["delta 0-1", "answer back"]);
    assert_eq!(arrived[1]["result"]["done"], json!(["a-1"]));
}
