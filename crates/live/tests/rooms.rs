//! Rooms, as clients and components see them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod hall;

use std::time::Duration;

use fluxstack_live::testing::{Client, Harness, Refused};
use hall::{CAPS, ask, heard, server};
use serde_json::{Value, json};

async fn chat(harness: &Harness) -> (Client, String) {
    let mut client = harness.connect_with(CAPS).await.unwrap();
    let id = client.mount("Chat", json!({})).await.unwrap();
    (client, id)
}

async fn join(client: &mut Client, id: &str, room: &str) -> Result<Value, Refused> {
    ask(client, "ROOM_JOIN", id, room, json!({})).await
}

async fn emit(client: &mut Client, id: &str, room: &str, text: &str) -> Result<Value, Refused> {
    ask(client, "ROOM_EMIT", id, room, json!({ "event": { "type": "said", "text": text } })).await
}

async fn call(client: &mut Client, id: &str, action: &str, room: &str, text: &str) {
    client.call(id, action, json!({ "room": room, "text": text })).await.unwrap();
}

/// Everything that was on its way to this client, in few words.
async fn told(client: &mut Client, id: &str) -> String {
    client.settle(id).await;
    heard(&client.arrived())
}

fn code<T>(outcome: Result<T, Refused>) -> String {
    outcome.err().map_or_else(|| "done".to_owned(), |refused| refused.code)
}

#[tokio::test(start_paused = true)]
async fn nobody_may_join_or_emit_unless_the_component_says_so() {
    let harness = server(|_| {});
    let mut client = harness.connect_with(CAPS).await.unwrap();
    let game = client.mount("Game", json!({})).await.unwrap();
    assert_eq!(code(join(&mut client, &game, "lobby").await), "FORBIDDEN");
    client.call(&game, "enter", json!({ "room": "lobby" })).await.unwrap();
    assert_eq!(told(&mut client, &game).await, "in lobby at 0");
    assert_eq!(code(emit(&mut client, &game, "lobby", "hi").await), "FORBIDDEN");
    let chat = client.mount("Chat", json!({})).await.unwrap();
    assert_eq!(code(join(&mut client, &chat, "secret").await), "FORBIDDEN");
    assert_eq!(code(join(&mut client, &chat, "broken").await), "ACTION_FAILED");
    assert_eq!(join(&mut client, &chat, "lobby").await.unwrap(), json!({ "seq": 0 }));
    assert_eq!(code(emit(&mut client, &chat, "lobby", "rude").await), "FORBIDDEN");
    assert_eq!(emit(&mut client, &chat, "lobby", "hi").await.unwrap(), json!({ "seq": 1 }));
    // Somebody else's instance is none at all.
    let mut eve = harness.connect_with(CAPS).await.unwrap();
    assert_eq!(code(join(&mut eve, &chat, "lobby").await), "REHYDRATION_REQUIRED");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_not_in_a_room_can_do_nothing_there() {
    let harness = server(|_| {});
    let (mut ada, id) = chat(&harness).await;
    assert_eq!(code(emit(&mut ada, &id, "lobby", "hi").await), "NOT_A_MEMBER");
    assert_eq!(code(ask(&mut ada, "ROOM_LEAVE", &id, "lobby", json!({})).await), "NOT_A_MEMBER");
    join(&mut ada, &id, "lobby").await.unwrap();
    assert_eq!(ask(&mut ada, "ROOM_LEAVE", &id, "lobby", json!({})).await.unwrap(), Value::Null);
    assert_eq!(code(emit(&mut ada, &id, "lobby", "hi").await), "NOT_A_MEMBER");
    for wrong in ["*", "", "two words", "ä", &"x".repeat(65)] {
        let refused = join(&mut ada, &id, wrong).await.unwrap_err();
        assert_eq!(refused.code, "BAD_PAYLOAD", "{wrong:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_learns_the_number_and_the_others_hear_what_the_component_understood() {
    let harness = server(|_| {});
    let ((mut ada, a), (mut bob, b)) = (chat(&harness).await, chat(&harness).await);
    join(&mut ada, &a, "lobby").await.unwrap();
    join(&mut bob, &b, "lobby").await.unwrap();
    let smuggled = json!({ "event": { "type": "said", "text": "hi", "admin": true } });
    assert_eq!(ask(&mut ada, "ROOM_EMIT", &a, "lobby", smuggled).await.unwrap(), json!({ "seq": 1 }));
    bob.settle(&b).await;
    let frames = bob.arrived();
    let payload = json!({ "event": { "type": "said", "text": "hi" }, "seq": 1 });
    assert_eq!(frames[0]["payload"], payload);
    assert_eq!((&frames[0]["component"], &frames[0]["roomId"]), (&json!("Chat"), &json!("lobby")));
    assert_eq!(frames[0].get("componentId"), None);
    let aloud = json!({ "event": { "type": "said", "text": "ho" }, "self": true });
    ask(&mut ada, "ROOM_EMIT", &a, "lobby", aloud).await.unwrap();
    assert_eq!(told(&mut ada, &a).await, "lobby 1, lobby 2 ho");
    assert_eq!(told(&mut bob, &b).await, "lobby 2 ho");
    assert_eq!(code(ask(&mut ada, "ROOM_EMIT", &a, "lobby", json!({ "event": 5 })).await), "BAD_PAYLOAD");
}

#[tokio::test(start_paused = true)]
async fn what_an_action_does_in_a_room_comes_after_its_state_and_before_its_answer() {
    let harness = server(|_| {});
    let ((mut ada, a), (mut bob, b)) = (chat(&harness).await, chat(&harness).await);
    call(&mut ada, &a, "enter", "lobby", "").await;
    call(&mut bob, &b, "enter", "lobby", "").await;
    call(&mut ada, &a, "say", "lobby", "hi").await;
    call(&mut ada, &a, "sayToOthers", "lobby", "ho").await;
    assert_eq!(told(&mut ada, &a).await, "in lobby at 0, state, lobby 1 hi, state, lobby 2");
    assert_eq!(told(&mut bob, &b).await, "in lobby at 0, lobby 1 hi, lobby 2 ho");
    // A turn that panics says nothing.
    let failed = bob.call(&b, "sayAndPanic", json!({ "room": "lobby", "text": "oh" })).await;
    assert_eq!(code(failed), "ACTION_FAILED");
    call(&mut bob, &b, "exit", "lobby", "").await;
    call(&mut ada, &a, "say", "lobby", "gone").await;
    assert_eq!(told(&mut ada, &a).await, "state, lobby 3 gone");
    assert_eq!(told(&mut bob, &b).await, "out of lobby");
}

#[tokio::test(start_paused = true)]
async fn two_components_rooms_of_one_name_are_two() {
    let harness = server(|_| {});
    let (mut ada, chat) = chat(&harness).await;
    let game = ada.mount("Game", json!({})).await.unwrap();
    join(&mut ada, &chat, "lobby").await.unwrap();
    ada.call(&game, "enter", json!({ "room": "lobby" })).await.unwrap();
    call(&mut ada, &chat, "say", "lobby", "hi").await;
    let frames = ada.arrived();
    let events: Vec<_> = frames.iter().filter(|frame| frame["type"] == "ROOM_EVENT").collect();
    assert_eq!((events.len(), &events[0]["component"]), (1, &json!("Chat")));
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_told_once_however_many_of_its_instances_are_in_the_room() {
    let harness = server(|_| {});
    let ((mut ada, first), (mut bob, b)) = (chat(&harness).await, chat(&harness).await);
    let second = ada.mount("Chat", json!({})).await.unwrap();
    for id in [&first, &second] {
        join(&mut ada, id, "lobby").await.unwrap();
    }
    join(&mut bob, &b, "lobby").await.unwrap();
    emit(&mut bob, &b, "lobby", "hi").await.unwrap();
    assert_eq!(told(&mut ada, &first).await, "lobby 1 hi");
    ada.unmount(&second).await;
    emit(&mut bob, &b, "lobby", "ho").await.unwrap();
    assert_eq!(told(&mut ada, &first).await, "lobby 2 ho");
    ada.unmount(&first).await;
    emit(&mut bob, &b, "lobby", "bye").await.unwrap();
    let other = ada.mount("Game", json!({})).await.unwrap();
    assert_eq!(told(&mut ada, &other).await, "");
}

#[tokio::test(start_paused = true)]
async fn late_joiners_may_have_the_last_events_and_older_numbers_are_said_to_be_gone() {
    let harness = server(|_| {});
    let ((mut ada, a), (mut bob, b)) = (chat(&harness).await, chat(&harness).await);
    join(&mut ada, &a, "lobby").await.unwrap();
    for text in ["1", "2", "3", "4", "5"] {
        emit(&mut ada, &a, "lobby", text).await.unwrap();
    }
    let said = |seq: u64| json!([seq, { "type": "said", "text": seq.to_string() }]);
    for (payload, expected) in [
        (json!({}), json!({ "seq": 5 })),
        (json!({ "history": 2 }), json!({ "seq": 5, "events": [said(4), said(5)] })),
        (json!({ "history": 99 }), json!({ "seq": 5, "events": [said(3), said(4), said(5)] })),
        (json!({ "since": 3 }), json!({ "seq": 5, "recovered": true, "events": [said(4), said(5)] })),
        (json!({ "since": 1 }), json!({ "seq": 5, "recovered": false })),
        (json!({ "since": 5 }), json!({ "seq": 5, "recovered": true, "events": [] })),
        (json!({ "since": 6 }), json!({ "seq": 5, "recovered": false })),
    ] {
        assert_eq!(
            ask(&mut bob, "ROOM_JOIN", &b, "lobby", payload.clone()).await.unwrap(),
            expected,
            "{payload}"
        );
    }
}

async fn lose(client: Client) -> String {
    let token = client.token();
    drop(client);
    tokio::time::sleep(Duration::from_millis(10)).await;
    token
}

async fn back(harness: &Harness, token: &str, id: &str, rooms: Value) -> (Client, String) {
    let mut client = harness.connect_with(CAPS).await.unwrap();
    client.resume_session(token).await.unwrap();
    let payload = json!({ "component": "Chat", "name": "test", "fresh": true, "heard": 0, "rooms": rooms });
    let resumed =
        client.ask(json!({ "type": "COMPONENT_RESUME", "componentId": id, "payload": payload })).await;
    let outcome = resumed.unwrap()["outcome"].as_str().unwrap().to_owned();
    (client, outcome)
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_gets_all_they_missed_in_a_room_or_is_told_that_it_is_gone() {
    let harness = server(|_| {});
    let ((mut ada, a), (mut bob, b)) = (chat(&harness).await, chat(&harness).await);
    join(&mut ada, &a, "lobby").await.unwrap();
    join(&mut bob, &b, "lobby").await.unwrap();
    let token = lose(bob).await;
    emit(&mut ada, &a, "lobby", "1").await.unwrap();
    emit(&mut ada, &a, "lobby", "2").await.unwrap();
    let (mut bob, outcome) = back(&harness, &token, &b, json!({ "lobby": 0, "attic": 3 })).await;
    emit(&mut ada, &a, "lobby", "3").await.unwrap();
    assert_eq!(outcome, "replayed");
    let all = "state, in lobby at 0 true, lobby 1 1, lobby 2 2, out of attic, lobby 3 3";
    assert_eq!(told(&mut bob, &b).await, all);
    let token = lose(bob).await;
    for text in ["4", "5", "6", "7"] {
        emit(&mut ada, &a, "lobby", text).await.unwrap();
    }
    let (mut bob, _) = back(&harness, &token, &b, json!({ "lobby": 3 })).await;
    assert_eq!(told(&mut bob, &b).await, "state, in lobby at 7 false");
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_come_back_in_time_is_in_the_rooms_again_that_it_may_join_by_itself() {
    let harness = server(|_| {});
    let ((mut ada, a), (mut bob, b)) = (chat(&harness).await, chat(&harness).await);
    join(&mut ada, &a, "lobby").await.unwrap();
    join(&mut bob, &b, "lobby").await.unwrap();
    call(&mut bob, &b, "enter", "secret", "").await;
    let token = lose(bob).await;
    emit(&mut ada, &a, "lobby", "1").await.unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(harness.live().rooms(), 1);
    let (mut bob, outcome) = back(&harness, &token, &b, json!({ "secret": 0, "lobby": 0 })).await;
    emit(&mut ada, &a, "lobby", "2").await.unwrap();
    assert_eq!(outcome, "rehydrated");
    assert_eq!(told(&mut bob, &b).await, "in lobby at 0 true, lobby 1 1, out of secret, lobby 2 2");
}

#[tokio::test(start_paused = true)]
async fn whoever_was_taken_out_of_a_room_while_away_is_told_so() {
    let harness = server(|_| {});
    let (mut bob, b) = chat(&harness).await;
    join(&mut bob, &b, "lobby").await.unwrap();
    bob.call(&b, "exitLater", json!({ "room": "lobby" })).await.unwrap();
    let token = lose(bob).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (mut bob, _) = back(&harness, &token, &b, json!({ "lobby": 0 })).await;
    assert_eq!(told(&mut bob, &b).await, "state, out of lobby");
}

#[tokio::test(start_paused = true)]
async fn an_event_for_everybody_reaches_all_who_mounted_a_component_that_hears_it() {
    let harness = server(|_| {});
    let (mut ada, a) = chat(&harness).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = harness.connect_with(CAPS).await.unwrap();
        let id = client.mount("Crier", json!({})).await.unwrap();
        clients.push((client, id));
    }
    ada.call(&a, "cry", json!({ "text": "oyez" })).await.unwrap();
    for (client, id) in &mut clients {
        assert_eq!(told(client, id).await, "in * at 0, * 1 oyez");
    }
    assert_eq!(told(&mut ada, &a).await, "");
}

#[tokio::test(start_paused = true)]
async fn an_instance_hears_on_the_server_what_is_said_where_its_members_are() {
    let harness = server(|_| {});
    let (mut ada, mut bob) =
        (harness.connect_with(CAPS).await.unwrap(), harness.connect_with(CAPS).await.unwrap());
    let id = ada.mount("Listener", json!({})).await.unwrap();
    assert_eq!(bob.mount("Listener", json!({})).await.unwrap(), id);
    for client in [&mut ada, &mut bob] {
        join(client, &id, "lobby").await.unwrap();
    }
    emit(&mut ada, &id, "lobby", "hi").await.unwrap();
    call(&mut bob, &id, "say", "lobby", "ho").await;
    ada.settle(&id).await;
    // Once, though two members are in the room; and not what it said itself.
    assert_eq!(ada.view(&id).unwrap()["heard"], json!(["lobby hi"]));
    bob.unmount(&id).await;
    ask(&mut ada, "ROOM_LEAVE", &id, "lobby", json!({})).await.unwrap();
    // Nobody took it into this one but itself.
    ada.call(&id, "listenLater", json!({ "room": "attic" })).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    join(&mut ada, &id, "attic").await.unwrap();
    emit(&mut ada, &id, "attic", "up here").await.unwrap();
    ask(&mut ada, "ROOM_LEAVE", &id, "attic", json!({})).await.unwrap();
    ada.settle(&id).await;
    assert_eq!(ada.view(&id).unwrap()["heard"], json!(["lobby hi", "attic up here"]));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_joins_is_taken_into_rooms_after_it_knows_what_it_joined() {
    let harness = server(|_| {});
    let mut ada = harness.connect_with(CAPS).await.unwrap();
    let id = ada.mount("Salon", json!({})).await.unwrap();
    assert_eq!(told(&mut ada, &id).await, "in salon at 0, salon 1 welcome");
    let mut bob = harness.connect_with(CAPS).await.unwrap();
    assert_eq!(bob.mount("Salon", json!({})).await.unwrap(), id);
    assert_eq!(told(&mut bob, &id).await, "in salon at 1, salon 2 welcome");
    assert_eq!(told(&mut ada, &id).await, "salon 2 welcome");
    bob.unmount(&id).await;
    assert_eq!(told(&mut ada, &id).await, "salon 3 goodbye");
}

#[tokio::test(start_paused = true)]
async fn one_event_is_written_once_for_a_thousand_members() {
    let harness = server(|limits| limits.connections = 2_000);
    let mut clients = Vec::new();
    for _ in 0..1_000 {
        let (mut client, id) = chat(&harness).await;
        join(&mut client, &id, "lobby").await.unwrap();
        clients.push((client, id));
    }
    let before = harness.room_frames();
    let (ada, a) = &mut clients[0];
    call(ada, a, "say", "lobby", "hi").await;
    assert_eq!(harness.room_frames() - before, 1);
    for (client, id) in &mut clients {
        assert!(told(client, id).await.ends_with("lobby 1 hi"));
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_holds_little_and_the_others_lose_nothing() {
    let harness = server(|limits| limits.rate = 0);
    let ((mut ada, a), (mut slow, s), (mut bob, b)) =
        (chat(&harness).await, chat(&harness).await, chat(&harness).await);
    for (client, id) in [(&mut ada, &a), (&mut slow, &s), (&mut bob, &b)] {
        join(client, id, "lobby").await.unwrap();
    }
    let (text, mut numbers) = ("x".repeat(2_000), Vec::new());
    for _ in 0..2_000 {
        emit(&mut ada, &a, "lobby", &text).await.unwrap();
        let seqs = bob.arrived().into_iter().filter_map(|frame| frame["payload"]["seq"].as_u64());
        numbers.extend(seqs);
    }
    bob.settle(&b).await;
    numbers.extend(bob.arrived().iter().filter_map(|frame| frame["payload"]["seq"].as_u64()));
    assert!(numbers.iter().copied().eq(1..=2_000), "the others hear everything, in order");
    let (mut bytes, mut next, mut missed) = (0, 1, 0);
    slow.settle(&s).await;
    for frame in slow.arrived() {
        bytes += frame.to_string().len();
        let payload = &frame["payload"];
        if let Some(count) = payload["missed"].as_u64() {
            (next, missed) = (next + count, missed + count);
        } else if let Some(seq) = payload["seq"].as_u64() {
            assert_eq!(seq, next);
            next += 1;
        }
    }
    assert_eq!(next, 2_001, "every event came or was counted");
    assert!(missed > 1_800 && bytes < 256 << 10, "{missed} were dropped and {bytes} bytes waited");
}

#[tokio::test(start_paused = true)]
async fn an_older_client_joins_keeps_a_state_and_hears_by_instance() {
    let harness = server(|_| {});
    let mut ada = harness.connect_with("").await.unwrap();
    let mut bob = harness.connect_with("").await.unwrap();
    let (a, b) = (ada.mount("Chat", json!({})).await.unwrap(), bob.mount("Chat", json!({})).await.unwrap());
    let ask = |kind: &str, id: &str| json!({ "type": kind, "componentId": id, "roomId": "lobby" });
    let mut enter = ask("ROOM_JOIN", &a);
    enter["data"] = json!({ "initialState": { "topic": "hi" } });
    let joined = ada.request(enter).await;
    assert_eq!((&joined["type"], &joined["success"]), (&json!("ROOM_JOINED"), &json!(true)));
    assert_eq!((&joined["roomId"], &joined["state"]), (&json!("lobby"), &json!({ "topic": "hi" })));
    bob.request(ask("ROOM_JOIN", &b)).await;
    let mut set = ask("ROOM_STATE_SET", &b);
    set["data"] = json!({ "topic": "new" });
    bob.request(set).await;
    let mut say = ask("ROOM_EMIT", &b);
    (say["event"], say["data"]) = (json!("said"), json!({ "text": "hello" }));
    bob.request(say).await;
    assert_eq!(ada.request(ask("ROOM_STATE_GET", &a)).await["data"], json!({ "topic": "new" }));
    assert_eq!(bob.request(ask("ROOM_LEAVE", &b)).await["type"], "ROOM_LEFT");
    assert_eq!(bob.request(ask("ROOM_LEAVE", &b)).await["code"], "NOT_A_MEMBER");
    let pushed: Vec<_> = ada.arrived().into_iter().filter(|frame| frame["componentId"] == json!(a)).collect();
    let events: Vec<_> = pushed.iter().filter_map(|frame| frame["event"].as_str()).collect();
    assert_eq!(events, ["$sub:join", "$state:update", "said", "$sub:leave"]);
    assert_eq!(
        pushed.iter().find(|frame| frame["event"] == "said").unwrap()["data"],
        json!({ "text": "hello" })
    );
}
