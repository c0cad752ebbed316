//! Several calls in one message: done in order, answered together, and all or none where the client asks for it.

mod app;
mod back;
mod purse;

use std::time::Duration;

use back::{lose, page};
use fluxstack_live::protocol::InstanceId;
use fluxstack_live::store::{Boxed, Record, StoreError};
use fluxstack_live::testing::Harness;
use fluxstack_live::{Durability, MemoryStore, Store};
use purse::*;
use serde_json::{Value, json};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn calls_are_done_in_order_and_answered_together_each_in_its_place() {
    let harness = harness();
    let mut client = harness.connect().await;
    let (one, two) = (purse(&mut client).await, purse(&mut client).await);
    let nobody = InstanceId::random().to_string();
    let calls = [
        earn(&one, 5),
        earn(&two, 1),
        call(&one, "nothing", json!({})),
        spend(&one, 7),
        earn(&nobody, 1),
        earn("not an id", 1),
        spend(&two, 99),
        call(&one, "slow", json!({})),
    ];
    let answer = client.request(batch(&calls)).await;
    let expected =
        json!([15, 11, "NOT_CALLABLE", 8, "REHYDRATION_REQUIRED", "REHYDRATION_REQUIRED", "INVALID", null]);
    assert_eq!(outcomes(&answer), expected);
    let results = &answer["result"]["results"];
    assert_eq!(results[6]["fields"], json!({ "coins": "there are not as many" }));
    assert_eq!(results[5]["error"], json!("COMPONENT_REHYDRATION_REQUIRED:not an id"));
    assert!(answer.get("componentId").is_none());
    // All of it was shown before the answer.
    assert_eq!((coins(&client, &one), coins(&client, &two)), (8, -88));
    assert_eq!(lines(&client, &one), json!(["earned 5", "spent 7", "was slow"]));
    assert_eq!(results[7], json!({ "success": true }));
}

#[tokio::test(start_paused = true)]
async fn an_empty_batch_has_no_results() {
    let mut client = harness().connect().await;
    for message in [batch(&[]), atomic(&[])] {
        assert_eq!(client.request(message).await["result"], json!({ "results": [] }));
    }
}

#[tokio::test(start_paused = true)]
async fn each_component_does_all_of_its_calls_or_none() {
    let harness = harness();
    let mut client = harness.connect().await;
    let (one, two) = (purse(&mut client).await, purse(&mut client).await);
    client.request(earn_now(&one, 2)).await;
    drop(client.arrived());
    let calls = [earn(&one, 5), earn(&two, 1), spend(&one, 99), spend(&two, 3), earn(&one, 100)];
    let found = results(&mut client, atomic(&calls)).await;
    assert_eq!(found, json!(["ROLLED_BACK", 11, "INVALID", 8, "ROLLED_BACK"]));
    assert_eq!((coins(&client, &one), coins(&client, &two)), (12, 8));
    let events = client.arrived().into_iter().filter(|message| message["type"] == "COMPONENT_EVENT");
    let from: Vec<Value> = events.map(|mut event| event["componentId"].take()).collect();
    assert_eq!(from, [json!(two)], "what was undone was not emitted");
    // Nothing of it comes later.
    assert_eq!(client.call(&one, "spend", json!({ "coins": 1 })).await.unwrap(), 11);
    assert_eq!(lines(&client, &one), json!(["earned 2", "spent 1"]));
    assert_eq!(
        private(&mut client, &one).await,
        json!([1, 4]),
        "what is kept was put back, and nothing else"
    );
}

fn earn_now(id: &str, coins: i64) -> Value {
    let mut message = earn(id, coins);
    message["type"] = json!("CALL_ACTION");
    message
}

#[tokio::test(start_paused = true)]
async fn all_that_went_well_is_one_change() {
    let mut client = harness().connect().await;
    let id = purse(&mut client).await;
    let calls = [earn(&id, 5), spend(&id, 3), call(&id, "slow", json!({}))];
    assert_eq!(results(&mut client, atomic(&calls)).await, json!([15, 12, null]));
    let came = client.arrived();
    let types: Vec<_> = came.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["STATE_DELTA", "COMPONENT_EVENT"]);
    assert_eq!(came[0]["payload"]["version"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_undoes_what_the_calls_before_it_did() {
    let mut client = harness().connect().await;
    let id = purse(&mut client).await;
    client.call(&id, "spend", json!({ "coins": 1 })).await.unwrap();
    let calls = [spend(&id, 5), call(&id, "explode", json!({})), earn(&id, 1)];
    let found = results(&mut client, atomic(&calls)).await;
    assert_eq!(found, json!(["ROLLED_BACK", "ACTION_FAILED", "ROLLED_BACK"]));
    assert_eq!(lines(&client, &id), json!(["spent 1"]));
    assert_eq!(private(&mut client, &id).await, json!([1, 0]), "the component was mounted anew");
    let found = results(&mut client, batch(&calls)).await;
    assert_eq!(found, json!([4, "ACTION_FAILED", 5]), "without it, each call stands by itself");
}

#[tokio::test(start_paused = true)]
async fn a_state_that_cannot_be_sent_undoes_all_and_the_last_call_is_told_why() {
    let mut client = limited(|limits| limits.state = 1_000).connect().await;
    let id = purse(&mut client).await;
    let calls = [call(&id, "grow", json!({ "bytes": 2_000 })), earn(&id, 5)];
    assert_eq!(results(&mut client, atomic(&calls)).await, json!(["ROLLED_BACK", "TOO_LARGE"]));
    assert_eq!(client.call(&id, "earn", json!({ "coins": 1 })).await.unwrap(), 11);
    assert_eq!(lines(&client, &id), json!(["earned 1"]));
    assert_eq!(private(&mut client, &id).await, json!([0, 3]));
}

#[tokio::test(start_paused = true)]
async fn what_was_moved_out_of_sight_comes_back_too() {
    let mut client = harness().connect().await;
    let id = purse(&mut client).await;
    client.call(&id, "earn", json!({ "coins": 1 })).await.unwrap();
    let calls = [call(&id, "putAway", json!({})), earn(&id, 5), spend(&id, 99)];
    assert_eq!(results(&mut client, atomic(&calls)).await, json!(["ROLLED_BACK", "ROLLED_BACK", "INVALID"]));
    assert_eq!(client.call(&id, "earn", json!({ "coins": 2 })).await.unwrap(), 13);
    assert_eq!(lines(&client, &id), json!(["earned 1", "earned 2"]));
    assert_eq!(client.resyncs(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_turn_left_to_be_sent_is_not_undone() {
    let mut client = harness().connect().await;
    let id = purse(&mut client).await;
    for coins in [1, 2] {
        client.call(&id, "earn", json!({ "coins": coins })).await.unwrap();
    }
    assert_eq!(client.view(&id).unwrap()["last"], "earned 1", "the second is held back");
    assert_eq!(results(&mut client, atomic(&[spend(&id, 99)])).await, json!(["INVALID"]));
    assert_eq!(client.view(&id).unwrap()["last"], "earned 2");
    tokio::time::sleep(Duration::from_secs(2)).await;
    client.settle(&id).await;
    assert_eq!(client.view(&id).unwrap()["last"], "earned 2");
}

#[tokio::test(start_paused = true)]
async fn a_batch_sent_again_after_a_lost_connection_is_done_once() {
    for message in [batch, atomic] {
        let harness = harness();
        let mut client = page(&harness, "before").await;
        let (one, two) = (purse(&mut client).await, purse(&mut client).await);
        let calls = [
            named("o-1", earn(&one, 5)),
            named("o-2", spend(&two, 99)),
            named("o-3", spend(&one, 1)),
            named("o-4", spend(&two, 1)),
        ];
        let first = results(&mut client, message(&calls)).await;
        let (rich, poor) = (coins(&client, &one), coins(&client, &two));
        // By now the second would go well.
        client.call(&two, "earn", json!({ "coins": 1_000 })).await.unwrap();
        let token = client.token();
        lose(client).await;

        let mut client = page(&harness, "after").await;
        client.resume_session(&token).await.unwrap();
        for id in [&one, &two] {
            client.resume("Purse", id).await.unwrap();
        }
        for _ in 0..2 {
            assert_eq!(results(&mut client, message(&calls)).await, first);
        }
        assert_eq!((coins(&client, &one), coins(&client, &two)), (rich, poor + 1_000));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_answer_was_lost_is_done_once() {
    for message in [batch, atomic] {
        let harness = harness();
        let mut client = page(&harness, "before").await;
        let id = purse(&mut client).await;
        let calls = [named("o-1", call(&id, "slow", json!({}))), named("o-2", earn(&id, 5))];
        let mut asked = message(&calls);
        asked["requestId"] = json!("lost");
        client.send(asked).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let token = client.token();
        lose(client).await;

        let mut client = page(&harness, "after").await;
        client.resume_session(&token).await.unwrap();
        client.resume("Purse", &id).await.unwrap();
        assert_eq!(results(&mut client, message(&calls)).await, json!([null, 15]));
        assert_eq!(lines(&client, &id), json!(["was slow", "earned 5"]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_done_once_whatever_batch_it_comes_in() {
    let mut client = harness().connect().await;
    let id = purse(&mut client).await;
    let again = [named("o-1", earn(&id, 5)), named("o-1", earn(&id, 5))];
    assert_eq!(refused(&mut client, atomic(&again)).await, "BAD_PAYLOAD");
    assert_eq!(results(&mut client, batch(&again)).await, json!([15, 15]));
    let mixed = [named("o-1", earn(&id, 5)), named("o-2", earn(&id, 1)), earn(&id, 1)];
    assert_eq!(results(&mut client, atomic(&mixed)).await, json!([15, "CONFLICT", "CONFLICT"]));
    assert_eq!(coins(&client, &id), 15);
}

#[tokio::test(start_paused = true)]
async fn a_batch_counts_as_many_messages_as_it_has_calls() {
    let harness = limited(|limits| {
        limits.batch = 8;
        limits.rate = 10;
        limits.burst = 10;
    });
    let mut client = harness.connect().await;
    let id = purse(&mut client).await;
    let calls = |count: usize| vec![earn(&id, 1); count];
    assert_eq!(results(&mut client, batch(&calls(8))).await, json!([11, 12, 13, 14, 15, 16, 17, 18]));
    assert_eq!(refused(&mut client, batch(&calls(2))).await, "RATE_LIMITED");
    assert_eq!(results(&mut client, batch(&calls(1))).await, json!([19]));
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(refused(&mut client, atomic(&calls(9))).await, "TOO_LARGE");
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(results(&mut client, atomic(&calls(8))).await.as_array().unwrap().len(), 8);
    assert_eq!(coins(&client, &id), 27);
}

#[tokio::test(start_paused = true)]
async fn a_batch_counts_as_many_open_requests_as_it_has_calls() {
    let harness = limited(|limits| limits.calls = 8);
    let mut client = harness.connect().await;
    let id = purse(&mut client).await;
    for _ in 0..3 {
        let mut slow = batch(&[call(&id, "slow", json!({})), earn(&id, 1), earn(&id, 1), earn(&id, 1)]);
        slow["requestId"] = json!("slow");
        client.send(slow).await;
        assert_eq!(refused(&mut client, batch(&vec![earn(&id, 1); 5])).await, "TOO_MANY_CALLS");
        assert_eq!(results(&mut client, batch(&vec![earn(&id, 0); 4])).await.as_array().unwrap().len(), 4);
    }
    assert_eq!(refused(&mut client, batch(&vec![earn(&id, 1); 9])).await, "TOO_MANY_CALLS");
    // One that nobody wants answered leaves no trace either.
    for _ in 0..5 {
        client.send(batch(&vec![earn(&id, 1); 4])).await;
        client.settle(&id).await;
    }
    assert_eq!(coins(&client, &id), 10 + 3 * 3 + 5 * 4);
}

#[tokio::test(start_paused = true)]
async fn an_older_client_has_no_batches() {
    let mut client = harness().connect_with("").await.unwrap();
    let id = purse(&mut client).await;
    assert_eq!(client.request(batch(&[earn(&id, 1)])).await["success"], false);
    assert_eq!(client.call(&id, "earn", json!({ "coins": 1 })).await.unwrap(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_refuses_what_does_not_fit() {
    let harness = limited(|limits| limits.mailbox = 10);
    let mut client = harness.connect().await;
    let id = purse(&mut client).await;
    client.send(json!({ "type": "CALL_ACTION", "componentId": id, "action": "slow" })).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    let found = results(&mut client, batch(&vec![earn(&id, 1); 64])).await;
    let done: Vec<Value> = (11..21).map(|coins| json!(coins)).collect();
    assert_eq!(found.as_array().unwrap()[..10], done);
    assert!(found.as_array().unwrap()[10..].iter().all(|code| code == "BUSY"), "{found}");

    client.send(json!({ "type": "CALL_ACTION", "componentId": id, "action": "slow" })).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    for _ in 0..10 {
        client.send(earn_now(&id, 1)).await;
    }
    let found = results(&mut client, atomic(&vec![earn(&id, 1); 64])).await;
    assert!(found.as_array().unwrap().iter().all(|code| code == "BUSY"), "{found}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    client.settle(&id).await;
    assert_eq!(coins(&client, &id), 30);
}

#[tokio::test(start_paused = true)]
async fn an_instance_has_one_spelling() {
    let mut client = harness().connect().await;
    let id = purse(&mut client).await;
    let spellings = [id.to_uppercase(), id.replace('-', ""), format!(" {id}"), format!("{{{id}}}")];
    let mut calls: Vec<Value> = spellings.iter().map(|id| earn(id, 1)).collect();
    calls.push(earn(&id, 1));
    calls.push(spend(&id, 99));
    let gone = "REHYDRATION_REQUIRED";
    let found = results(&mut client, atomic(&calls)).await;
    assert_eq!(found, json!([gone, gone, gone, gone, "ROLLED_BACK", "INVALID"]));
    let escaped = id.replace("live", r"\u006cive");
    let text = atomic(&[earn(&id, 1), spend(&id, 99)]).to_string().replacen(&id, &escaped, 1);
    assert!(client.send_text(&text.replacen('{', r#"{"requestId":"r","#, 1)));
    let answer = client.next().await.unwrap();
    assert_eq!(outcomes(&answer), json!(["ROLLED_BACK", "INVALID"]), "they are one instance's");
}

#[tokio::test(start_paused = true)]
async fn results_beyond_what_is_held_for_a_client_are_refused() {
    let mut client =
        limited(|limits| (limits.outbox_soft, limits.outbox_hard) = (10_000, 10_000)).connect().await;
    let id = purse(&mut client).await;
    let echo = |bytes: usize| call(&id, "echo", json!({ "bytes": bytes }));
    let found = results(&mut client, batch(&[echo(9_000), echo(2_000), echo(100)])).await;
    assert_eq!(found[1], "TOO_LARGE");
    assert_eq!(found[2].as_str().map(str::len), Some(100));
}

#[tokio::test(start_paused = true)]
async fn another_member_sees_all_of_it_at_once_or_nothing() {
    let harness = harness();
    let (mut ada, mut bob) = (page(&harness, "ada").await, page(&harness, "bob").await);
    let hall = ada.mount("Hall", json!(null)).await.unwrap();
    bob.mount("Hall", json!(null)).await.unwrap();
    let calls =
        [say(&hall, "a"), call(&hall, "later", json!({})), say(&hall, "b"), call(&hall, "refuse", json!({}))];
    let found = results(&mut ada, atomic(&calls)).await;
    assert_eq!(found, json!(["ROLLED_BACK", "ROLLED_BACK", "ROLLED_BACK", "FORBIDDEN"]));
    assert_eq!(results(&mut ada, atomic(&calls[..3])).await, json!([1, null, 2]));
    bob.settle(&hall).await;
    let deltas: Vec<Value> =
        bob.arrived().into_iter().filter(|message| message["type"] == "STATE_DELTA").collect();
    assert_eq!(deltas.len(), 1, "{deltas:?}");
    assert_eq!(lines(&bob, &hall), json!(["a", "b"]));
    let mut eve = harness.connect().await;
    let found = results(&mut eve, atomic(&[say(&hall, "c")])).await;
    assert_eq!(found, json!(["REHYDRATION_REQUIRED"]), "who is no member does nothing");
    ada.unmount(&hall).await;
    assert_eq!(results(&mut ada, atomic(&[say(&hall, "c")])).await, json!(["REHYDRATION_REQUIRED"]));
}

#[tokio::test(start_paused = true)]
async fn an_async_action_does_not_keep_the_answers_before_it_waiting() {
    let harness = harness();
    let (mut ada, mut bob) = (page(&harness, "ada").await, page(&harness, "bob").await);
    let hall = ada.mount("Hall", json!(null)).await.unwrap();
    bob.mount("Hall", json!(null)).await.unwrap();
    let began = Instant::now();
    let message = |mut call: Value, id: &str| {
        call["type"] = json!("CALL_ACTION");
        call["requestId"] = json!(id);
        call
    };
    let later = message(call(&hall, "later", json!({})), "later");
    ada.send_batch(vec![message(say(&hall, "a"), "say"), later]).await;
    for (kind, id, waited) in [
        ("STATE_DELTA", None, 0),
        ("ACTION_RESPONSE", Some("say"), 0),
        ("ACTION_RESPONSE", Some("later"), 10),
    ] {
        let next = ada.next().await.unwrap();
        assert_eq!((&next["type"], next["requestId"].as_str()), (&json!(kind), id));
        assert_eq!(began.elapsed().as_millis(), waited, "{next}");
    }
}

/// A store that takes its time.
struct Slow(MemoryStore);

impl Store for Slow {
    fn put(&self, id: InstanceId, record: Record) -> Boxed<'_, Result<(), StoreError>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            self.0.put(id, record).await
        })
    }

    fn get(&self, id: InstanceId) -> Boxed<'_, Result<Option<Record>, StoreError>> {
        self.0.get(id)
    }

    fn remove(&self, id: InstanceId) -> Boxed<'_, Result<(), StoreError>> {
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

#[tokio::test(start_paused = true)]
async fn the_answer_waits_for_the_store_where_that_was_promised() {
    for message in [batch, atomic] {
        let live = builder().store(Slow(MemoryStore::new())).durability(Durability::Acknowledged);
        let harness = Harness::new(live.build().unwrap());
        let mut client = page(&harness, "page").await;
        let id = purse(&mut client).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let began = Instant::now();
        let calls = [named("o-1", earn(&id, 5)), named("o-2", spend(&id, 99))];
        let found = results(&mut client, message(&calls)).await;
        assert_eq!(found[1], "INVALID");
        assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_gone_changes_nothing_for_others() {
    let harness = harness();
    for message in [batch, atomic] {
        let (mut ada, mut bob) = (page(&harness, "ada").await, harness.connect().await);
        let hall = ada.mount("Hall", json!(null)).await.unwrap();
        bob.mount("Hall", json!(null)).await.unwrap();
        let own = purse(&mut bob).await;
        let calls = [say(&hall, "a"), call(&hall, "later", json!({})), earn(&own, 1), say(&hall, "b")];
        bob.send(message(&calls)).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        lose(bob).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        ada.settle(&hall).await;
        let lines = lines(&ada, &hall);
        let said = lines.as_array().unwrap().len();
        assert_eq!(ada.call(&hall, "say", json!({ "text": "c" })).await.unwrap(), said + 1);
        ada.unmount(&hall).await;
    }
}
