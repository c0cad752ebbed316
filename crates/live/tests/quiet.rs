//! A client nobody looks at: state and events wait until it is answered, or until somebody looks again.

mod pad;

use fluxstack_live::protocol::CloseCode;
use fluxstack_live::testing::{Client, Harness};
use pad::*;
use serde_json::{Value, json};

/// Somebody who looks away, and somebody who goes on, at one instance.
async fn two(harness: &Harness) -> (Client, Client, String) {
    let mut away = harness.connect().await;
    let id = shared(&mut away).await;
    let mut busy = harness.connect().await;
    shared(&mut busy).await;
    away.send(quiet(true)).await;
    still().await;
    (away, busy, id)
}

async fn go_on(busy: &mut Client, id: &str, times: u32) {
    for n in 0..times {
        busy.send(
            json!({ "type": "CALL_ACTION", "componentId": id, "action": "add", "payload": { "n": n } }),
        )
        .await;
        still().await;
        drop(busy.arrived());
    }
}

#[tokio::test(start_paused = true)]
async fn what_waited_goes_at_once_as_one_when_somebody_looks_again() {
    let harness = harness();
    let (mut away, mut busy, id) = two(&harness).await;
    go_on(&mut busy, &id, 30).await;
    busy.call(&id, "ring", json!({})).await.unwrap();
    pass(5_000).await;
    assert_eq!(came(&mut away).await, [""; 0]);
    away.send(quiet(false)).await;
    assert_eq!(came(&mut away).await, ["delta 0-30", "event 1"]);
    assert_eq!(away.view(&id), busy.view(&id));
    go_on(&mut busy, &id, 1).await;
    assert_eq!(came(&mut away).await, ["delta 30-31"], "and then everything as it happens");
}

#[tokio::test(start_paused = true)]
async fn to_be_quiet_is_answered_if_an_answer_is_wanted() {
    let mut client = harness().connect().await;
    for on in [true, true, false, false] {
        let answer = client.request(quiet(on)).await;
        assert_eq!((&answer["originalType"], &answer["success"]), (&json!("QUIET"), &json!(true)));
    }
    let answer = client.request(json!({ "type": "QUIET", "payload": { "on": 1 } })).await;
    assert_eq!(answer["code"], json!("BAD_PAYLOAD"));
    client.send(quiet(true)).await;
    assert_eq!(came(&mut client).await, [""; 0], "nobody asked");
}

#[tokio::test(start_paused = true)]
async fn an_answer_takes_along_what_is_before_it() {
    let harness = harness();
    let (mut away, mut busy, id) = two(&harness).await;
    go_on(&mut busy, &id, 3).await;
    away.send(guess(&id, "add", 9, "a-1")).await;
    assert_eq!(came(&mut away).await, ["done a-1", "delta 0-4", "answer a-1"]);
    go_on(&mut busy, &id, 3).await;
    assert_eq!(came(&mut away).await, [""; 0], "it is quiet still");
    away.send(json!({ "type": "STATE_RESYNC", "componentId": id, "requestId": "r" })).await;
    assert_eq!(came(&mut away).await, ["state 7", "answer r"]);
    assert_eq!(away.resyncs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_sign_of_life_takes_nothing_along() {
    let harness = harness();
    let (mut away, mut busy, id) = two(&harness).await;
    go_on(&mut busy, &id, 3).await;
    away.send(json!({ "type": "COMPONENT_PING", "requestId": "p" })).await;
    assert_eq!(came(&mut away).await, ["COMPONENT_PONG"]);
    away.send(quiet(false)).await;
    assert_eq!(came(&mut away).await, ["delta 0-3"]);
}

#[tokio::test(start_paused = true)]
async fn the_servers_pings_go_on() {
    let harness = limited(|limits| limits.ping = std::time::Duration::from_secs(30));
    let (mut away, mut busy, id) = two(&harness).await;
    busy.send(quiet(true)).await;
    for _ in 0..10 {
        // To read is to answer the ping.
        pass(20_000).await;
        assert_eq!(came(&mut away).await, [""; 0]);
        drop(busy.arrived());
    }
    go_on(&mut busy, &id, 1).await;
    away.send(quiet(false)).await;
    assert_eq!(came(&mut away).await, ["delta 0-1"]);
    // Whoever does not answer is not there.
    away.send(quiet(true)).await;
    pass(120_000).await;
    while away.next().await.is_some() {}
    assert_eq!(away.close_code(), Some(Some(CloseCode::PeerSilent)));
}

#[tokio::test(start_paused = true)]
async fn what_grows_too_large_while_nobody_looks_is_one_snapshot() {
    let harness = limited(|limits| limits.outbox_soft = 60_000);
    let (mut away, mut busy, id) = two(&harness).await;
    for n in 0..15 {
        busy.call(&id, "grow", json!({ "n": 10_000 + n })).await.unwrap();
        busy.call(&id, "add", json!({ "n": n })).await.unwrap();
    }
    assert_eq!(came(&mut away).await, [""; 0], "merged it is not too much");
    busy.call(&id, "grow", json!({ "n": 70_000 })).await.unwrap();
    let before = came(&mut away).await;
    away.send(quiet(false)).await;
    let after = came(&mut away).await;
    let all: Vec<_> = before.into_iter().chain(after).collect();
    assert_eq!(all, ["state 31"], "the state itself, made when it went");
    assert_eq!(away.view(&id), busy.view(&id));
}

#[tokio::test(start_paused = true)]
async fn beyond_what_a_slow_client_may_hold_everything_goes() {
    let harness = limited(|limits| limits.outbox_soft = 5_000);
    let mut away = harness.connect().await;
    let ids = [pad(&mut away).await, pad(&mut away).await, pad(&mut away).await];
    away.send(quiet(true)).await;
    still().await;
    for id in &ids {
        // Without a wish for an answer, so that nothing but the state goes.
        away.send(
            json!({ "type": "CALL_ACTION", "componentId": id, "action": "grow", "payload": { "n": 2_000 } }),
        )
        .await;
    }
    let came = came(&mut away).await;
    assert_eq!(came, ["delta 0-1"; 3], "it is read from again, and could say that somebody looks");
    away.send(
        json!({ "type": "CALL_ACTION", "componentId": ids[0], "action": "add", "payload": { "n": 1 } }),
    )
    .await;
    assert_eq!(pad::came(&mut away).await, [""; 0], "it is quiet still");
    away.send(quiet(false)).await;
    assert_eq!(pad::came(&mut away).await, ["delta 1-2"]);
}

#[tokio::test(start_paused = true)]
async fn events_that_wait_too_long_are_counted() {
    let harness = limited(|limits| limits.events = 4);
    let (mut away, mut busy, id) = two(&harness).await;
    for _ in 0..10 {
        busy.call(&id, "ring", json!({})).await.unwrap();
    }
    away.send(quiet(false)).await;
    assert_eq!(came(&mut away).await, ["missed 6", "event 7", "event 8", "event 9", "event 10"]);
}

#[tokio::test(start_paused = true)]
async fn what_waited_is_written_before_the_end() {
    let harness = harness();
    let (mut away, mut busy, id) = two(&harness).await;
    go_on(&mut busy, &id, 2).await;
    busy.call(&id, "ring", json!({})).await.unwrap();
    harness.live().shutdown(std::time::Duration::from_secs(1)).await;
    let mut said = Vec::new();
    while let Some(message) = away.next().await {
        said.push(pad::said(&message));
    }
    assert_eq!(said, ["delta 0-1", "delta 1-2", "event 1"]);
}

#[tokio::test(start_paused = true)]
async fn another_connection_of_the_same_session_is_not_quiet() {
    let harness = harness();
    let mut away = page(&harness, "a").await;
    let id = shared(&mut away).await;
    let mut busy = harness.connect().await;
    shared(&mut busy).await;
    away.send(quiet(true)).await;
    still().await;
    let token = away.token();
    drop(away);
    go_on(&mut busy, &id, 2).await;
    let mut back = page(&harness, "a").await;
    back.resume_session(&token).await.unwrap();
    back.resume("Pad", &id).await.unwrap_err();
    back.rejoin("Pad", &id, json!({ "shared": true })).await.unwrap();
    drop(back.arrived());
    go_on(&mut busy, &id, 1).await;
    assert_eq!(came(&mut back).await, ["delta 2-3"]);
}

#[tokio::test(start_paused = true)]
async fn mounting_and_leaving_are_answered_while_nobody_looks() {
    let mut client = harness().connect().await;
    client.send(quiet(true)).await;
    let id = pad(&mut client).await;
    client.call(&id, "add", json!({ "n": 1 })).await.unwrap();
    assert_eq!(client.view(&id).unwrap()["lines"], json!([1]));
    client.unmount(&id).await;
    assert_eq!(client.call(&id, "add", Value::Null).await.unwrap_err().code, "REHYDRATION_REQUIRED");
}
