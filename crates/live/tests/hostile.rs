//! What a client can do wrong, on purpose or not: a clear error or a bounded close, and nobody else notices.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod app;

use std::time::Duration;

use fluxstack_live::protocol::CloseCode;
use fluxstack_live::testing::{Client, Harness};
use serde_json::{Value, json};

fn harness() -> Harness {
    Harness::new(app::live().build().unwrap())
}

fn limited(change: impl FnOnce(&mut fluxstack_live::Limits)) -> Harness {
    Harness::new(app::live().limits(change).build().unwrap())
}

fn call(id: &str, action: &str, args: Value) -> Value {
    json!({ "type": "CALL_ACTION", "componentId": id, "action": action, "payload": args })
}

/// Sends a text and compares the code of the one answer.
#[track_caller]
fn check(client: &mut Client, text: &str) -> impl Future<Output = String> {
    assert!(client.send_text(text), "the server reads");
    async {
        let answer = client.next().await.expect("the server answers");
        assert_eq!(answer["success"], json!(false), "{answer}");
        assert!(answer["error"].is_string(), "{answer}");
        answer["code"].as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn what_is_no_message_is_answered_and_survived() {
    let harness = harness();
    let mut client = harness.connect().await;
    let id = client.mount("Counter", json!({ "count": 1 })).await.unwrap();
    let deep = format!(
        "{{\"type\":\"CALL_ACTION\",\"action\":\"add\",\"payload\":{}1{}}}",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    let cases = [
        ("", "BAD_JSON"),
        ("null", "BAD_MESSAGE"),
        ("17", "BAD_MESSAGE"),
        ("\"text\"", "BAD_MESSAGE"),
        ("{", "BAD_JSON"),
        ("{\"type\"", "BAD_JSON"),
        ("\u{0}\u{1}", "BAD_JSON"),
        ("[null]", "BAD_MESSAGE"),
        ("[[]]", "BAD_MESSAGE"),
        ("{}", "BAD_MESSAGE"),
        (r#"{"type":null}"#, "BAD_MESSAGE"),
        (r#"{"type":"NOPE"}"#, "UNKNOWN_TYPE"),
        (r#"{"type":"CALL_ACTION"}"#, "BAD_PAYLOAD"),
        (r#"{"type":"CALL_ACTION","action":"add"}"#, "REHYDRATION_REQUIRED"),
        (r#"{"type":"CALL_ACTION","action":"add","componentId":5}"#, "BAD_MESSAGE"),
        (r#"{"type":"CALL_ACTION","action":"add","componentId":"live-x"}"#, "REHYDRATION_REQUIRED"),
        (r#"{"type":"COMPONENT_MOUNT","payload":{"component":"Nope"}}"#, "COMPONENT_NOT_FOUND"),
        (
            r#"{"type":"COMPONENT_MOUNT","payload":{"component":"counter","props":{"count":1}}}"#,
            "COMPONENT_NOT_FOUND",
        ),
        (r#"{"type":"COMPONENT_MOUNT","payload":{"component":"Counter"}}"#, "BAD_PAYLOAD"),
        (r#"{"type":"COMPONENT_MOUNT","payload":{"component":"Counter","props":[1]}}"#, "BAD_PAYLOAD"),
        (
            r#"{"type":"COMPONENT_MOUNT","payload":{"component":"Counter","props":{"count":1e999}}}"#,
            "BAD_PAYLOAD",
        ),
        (r#"{"type":"COMPONENT_MOUNT","payload":{"component":"__proto__"}}"#, "COMPONENT_NOT_FOUND"),
        (deep.as_str(), "BAD_MESSAGE"),
    ];
    for (text, code) in cases {
        assert_eq!(check(&mut client, text).await, code, "{text:.80}");
    }
    client.send_binary(vec![1, 2, 3]).await;
    assert_eq!(client.next().await.unwrap()["code"], "BAD_CHUNK");
    assert_eq!(client.call(&id, "add", json!({ "by": 1 })).await, Ok(json!(2)));
}

#[tokio::test]
async fn one_bad_message_of_a_batch_is_refused_alone() {
    let harness = harness();
    let mut client = harness.connect().await;
    let id = client.mount("Counter", json!({ "count": 1 })).await.unwrap();
    let deep: Value = (0..80).fold(json!(1), |inner, _| json!([inner]));
    let mut deep = call(&id, "add", json!({ "by": 1, "deep": deep }));
    deep["requestId"] = json!("deep");
    let mut good = call(&id, "add", json!({ "by": 1 }));
    good["requestId"] = json!("good");
    client.send_batch(vec![deep, json!(null), good]).await;
    let answers: Vec<Value> =
        [client.next().await, client.next().await, client.next().await, client.next().await]
            .into_iter()
            .flatten()
            .collect();
    assert_eq!((&answers[0]["requestId"], &answers[0]["code"]), (&json!("deep"), &json!("BAD_MESSAGE")));
    assert_eq!((&answers[1]["requestId"], &answers[1]["code"]), (&Value::Null, &json!("BAD_MESSAGE")));
    assert_eq!(answers[2]["type"], json!("STATE_DELTA"));
    assert_eq!((&answers[3]["requestId"], &answers[3]["result"]), (&json!("good"), &json!(2)));
}

#[tokio::test]
async fn arguments_of_the_wrong_kind_are_named() {
    let harness = harness();
    let mut client = harness.connect().await;
    let id = client.mount("Counter", json!({ "count": 1 })).await.unwrap();
    for args in
        [json!({}), json!({ "by": "1" }), json!({ "by": null }), json!({ "by": [1] }), json!({ "by": 1.5 })]
    {
        let refused = client.call(&id, "add", args.clone()).await.unwrap_err();
        assert_eq!(refused.code, "BAD_PAYLOAD", "{args}");
        assert!(refused.fields["by"].is_string(), "{args}: {refused:?}");
    }
    for args in [json!(5), json!([1]), json!("by")] {
        assert_eq!(client.call(&id, "add", args.clone()).await.unwrap_err().code, "BAD_PAYLOAD", "{args}");
    }
    assert_eq!(client.call(&id, "add", json!({ "by": 1, "unknown": {} })).await, Ok(json!(2)));
}

#[tokio::test]
async fn only_declared_actions_can_be_called_and_all_others_look_alike() {
    let harness = harness();
    let mut client = harness.connect().await;
    let id = client.mount("Todos", json!({})).await.unwrap();
    let mut answers = Vec::new();
    for action in [
        "find",
        "mount",
        "unmount",
        "flush",
        "constructor",
        "__proto__",
        "push_then_panic",
        "Push",
        "",
        "nope",
    ] {
        answers.push(client.call(&id, action, json!({ "id": 1 })).await.unwrap_err());
    }
    assert!(
        answers.iter().all(|refused| refused.code == "NOT_CALLABLE" && refused == &answers[0]),
        "{answers:?}"
    );
}

#[tokio::test]
async fn somebody_elses_instance_is_as_unknown_as_one_that_never_was() {
    let harness = harness();
    let mut ada = harness.connect().await;
    let mut eve = harness.connect().await;
    let id = ada.mount("Counter", json!({ "count": 1 })).await.unwrap();
    let never = "live-00000000-0000-4000-8000-000000000000";
    for (kind, more) in [
        ("CALL_ACTION", json!({ "action": "increment" })),
        ("PROPERTY_UPDATE", json!({ "property": "count", "payload": { "value": 9 } })),
        ("PROPS_UPDATE", json!({ "payload": { "props": { "count": 9 } } })),
        ("COMPONENT_EVENT", json!({ "payload": { "event": null } })),
        ("STATE_RESYNC", json!({})),
        ("COMPONENT_UNMOUNT", json!({})),
        ("COMPONENT_PING", json!({})),
    ] {
        let mut answers = Vec::new();
        for about in [id.as_str(), never] {
            let mut message = more.clone();
            message["type"] = json!(kind);
            message["componentId"] = json!(about);
            let answer = eve.request(message).await.to_string();
            let answer: Value = serde_json::from_str(&answer.replace(about, "ID")).unwrap();
            answers.push((answer["success"].clone(), answer["error"].clone(), answer["code"].clone()));
        }
        assert_eq!(answers[0], answers[1], "{kind} tells them apart");
    }
    assert_eq!(ada.call(&id, "add", json!({ "by": 1 })).await, Ok(json!(2)));
    assert_eq!(eve.arrived(), Vec::<Value>::new());
}

#[tokio::test]
async fn ten_thousand_mounts_are_a_thousand_instances() {
    let harness = limited(|limits| limits.rate = 0);
    let mut client = harness.connect().await;
    let mut codes = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..10_000 {
        let code =
            client.mount("Counter", json!({ "count": 0 })).await.err().map_or("ok".to_owned(), |no| no.code);
        *codes.entry(code).or_default() += 1;
    }
    let expected = [("TOO_MANY_INSTANCES".to_owned(), 9_000), ("ok".to_owned(), 1_000)];
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(harness.live().tasks(), 1_001);
    drop(client);
    while harness.live().tasks() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(harness.live().connections(), 0);
}

#[tokio::test]
async fn mounts_that_fail_take_no_place() {
    let harness = limited(|limits| limits.instances = 2);
    let mut client = harness.connect().await;
    for _ in 0..10 {
        assert_eq!(client.mount("Worker", json!({ "broken": "yes" })).await.unwrap_err().code, "FORBIDDEN");
    }
    client.mount("Worker", json!({})).await.unwrap();
    let id = client.mount("Worker", json!({})).await.unwrap();
    assert_eq!(client.mount("Worker", json!({})).await.unwrap_err().code, "TOO_MANY_INSTANCES");
    client.unmount(&id).await;
    client.mount("Worker", json!({})).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn too_much_too_fast_is_refused_by_request_then_the_connection_is_closed() {
    let harness = limited(|limits| {
        limits.rate = 10;
        limits.burst = 5;
        limits.refusals = 20;
    });
    let mut client = harness.connect().await;
    let id = client.mount("Counter", json!({ "count": 0 })).await.unwrap();
    let answers = [
        client.call(&id, "increment", json!({})).await,
        client.call(&id, "increment", json!({})).await,
        client.call(&id, "increment", json!({})).await,
        client.call(&id, "increment", json!({})).await,
    ];
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let refused = client.request(call(&id, "increment", json!({}))).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("ERROR"), &json!("RATE_LIMITED")));
    assert!(refused["error"].as_str().unwrap().contains("Rate limit"));
    tokio::time::advance(Duration::from_secs(1)).await;
    client.call(&id, "increment", json!({})).await.unwrap();
    // Now and then one is allowed; that does not make the rest any fewer.
    for _ in 0..12 {
        tokio::time::advance(Duration::from_millis(100)).await;
        for _ in 0..5 {
            client.send(call(&id, "increment", json!({}))).await;
        }
    }
    while client.next().await.is_some() {}
    assert_eq!(client.close_code(), Some(Some(CloseCode::Flood)));
}

#[tokio::test(start_paused = true)]
async fn more_open_calls_than_allowed_are_refused_and_each_is_answered_once() {
    let harness = limited(|limits| limits.calls = 4);
    let mut client = harness.connect().await;
    let id = client.mount("Worker", json!({})).await.unwrap();
    let calls = (0..10).map(|n| {
        let mut message = call(&id, "slow", json!({ "ms": 10 }));
        message["requestId"] = json!(n);
        message
    });
    client.send_batch(calls.collect()).await;
    let mut answered = vec![0; 10];
    let mut refused = 0;
    while answered.iter().sum::<u32>() < 10 {
        let message = client.next().await.unwrap();
        if message["type"] == "ACTION_RESPONSE" {
            answered[message["requestId"].as_u64().unwrap() as usize] += 1;
            refused += usize::from(message["code"] == "TOO_MANY_CALLS");
        }
    }
    assert_eq!((answered, refused), (vec![1; 10], 6));
}

#[tokio::test]
async fn a_frame_too_large_closes_and_a_batch_too_long_is_refused() {
    let harness = limited(|limits| {
        limits.frame = 2_000;
        limits.batch = 3;
    });
    let mut client = harness.connect().await;
    // Each message of it is answered, and none is done.
    let ping = |n: u32| json!({ "type": "STATE_RESYNC", "componentId": "live-x", "requestId": n });
    client.send_batch((0..4).map(ping).collect()).await;
    for n in 0..4 {
        let answer = client.next().await.unwrap();
        assert_eq!((&answer["requestId"], &answer["code"]), (&json!(n), &json!("TOO_LARGE")));
    }
    assert!(client.send_text(&" ".repeat(2_001)));
    assert_eq!(client.next().await, None);
    assert_eq!(client.close_code(), Some(Some(CloseCode::FrameTooLarge)));
}

#[tokio::test]
async fn what_was_not_negotiated_is_not_spoken() {
    let harness = harness();
    let mut client = harness.connect_with("v=3").await.unwrap();
    assert_eq!(client.hello()["features"]["batch"], json!(false));
    assert_eq!(check(&mut client, "[]").await, "BAD_MESSAGE");
    let id = client.mount("Counter", json!({ "count": 1 })).await.unwrap();
    client.call(&id, "increment", json!({})).await.unwrap();
    // The test client would refuse a batch; and without `delta` the state comes whole.
    assert_eq!(client.arrived()[0]["payload"]["state"], json!({ "count": 2 }));
}

#[tokio::test(start_paused = true)]
async fn an_older_client_is_understood_and_gets_what_it_knows() {
    let harness = harness();
    let mut client = harness.connect_with("").await.unwrap();
    let mount = |name: &str, props: Value| {
        json!({ "type": "COMPONENT_MOUNT", "componentId": "t", "payload": { "componentName": name, "props": props },
                "expectResponse": true, "timestamp": 1, "userId": "ana" })
    };
    let answer = client.request(mount("counter", json!({ "count": 1, "invented": true }))).await;
    let id = answer["result"]["componentId"].as_str().unwrap().to_owned();
    assert_eq!(answer["result"]["initialState"], json!({ "count": 1 }));

    client.call(&id, "increment", json!({})).await.unwrap();
    let update = client.next().await.unwrap();
    assert_eq!(
        (&update["type"], &update["payload"]["state"]),
        (&json!("STATE_UPDATE"), &json!({ "count": 2 }))
    );

    // A failed action is also an ERROR frame, and says so before the reply.
    let mut failing = call(&id, "fail", json!({ "field": "x" }));
    failing["requestId"] = json!("r");
    client.send(failing).await;
    let error = client.next().await.unwrap();
    assert_eq!((&error["type"], &error["payload"]["action"]), (&json!("ERROR"), &json!("fail")));
    let reply = client.next().await.unwrap();
    assert_eq!((&reply["type"], &reply["success"]), (&json!("MESSAGE_RESPONSE"), &json!(false)));

    // `setValue` reaches writable fields and nothing else.
    let answer = client.request(mount("ProfileComponent", json!({}))).await;
    let id = answer["result"]["componentId"].as_str().unwrap().to_owned();
    client.call(&id, "setValue", json!({ "key": "name", "value": "Ana" })).await.unwrap();
    assert_eq!(client.next().await.unwrap()["payload"]["state"]["name"], json!("Ana"));
    assert_eq!(
        client.call(&id, "setValue", json!({ "key": "saved", "value": 1 })).await.unwrap_err().code,
        "NOT_WRITABLE"
    );
    assert_eq!(client.call(&id, "setValue", json!(5)).await.unwrap_err().code, "NOT_WRITABLE");

    let answer = client.request(mount("Bell", json!({}))).await;
    let id = answer["result"]["componentId"].as_str().unwrap().to_owned();
    client.call(&id, "ring", json!({})).await.unwrap();
    let frames = client.arrived();
    let broadcast = frames.iter().find(|frame| frame["type"] == "BROADCAST").unwrap();
    assert_eq!(broadcast["payload"], json!({ "type": "rang", "data": { "type": "rang", "times": 1 } }));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_no_ping_is_dropped() {
    let harness = harness();
    let mut quiet = harness.connect().await;
    quiet.mount("Counter", json!({ "count": 0 })).await.unwrap();
    assert_eq!(harness.live().tasks(), 2);
    // It answers no ping because it does not read.
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(harness.live().tasks(), 0, "session and instance are gone");
    while quiet.next().await.is_some() {}
    assert_eq!(quiet.close_code(), Some(Some(CloseCode::PeerSilent)));
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_pings_stays() {
    let harness = harness();
    let mut client = harness.connect().await;
    let waiting = tokio::time::timeout(Duration::from_secs(600), client.next()).await;
    assert!(waiting.is_err(), "nothing but pings came");
    assert_eq!(harness.live().connections(), 1);
}

#[tokio::test]
async fn a_server_with_no_place_takes_no_more() {
    let harness = limited(|limits| limits.connections = 1);
    let client = harness.connect().await;
    assert!(harness.connect_with("v=3").await.is_none());
    drop(client);
    while harness.live().connections() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(harness.connect_with("v=3").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn shutting_down_leaves_nothing() {
    let harness = harness();
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = harness.connect().await;
        let id = client.mount("Worker", json!({})).await.unwrap();
        client.call(&id, "every", json!({ "ms": 5 })).await.unwrap();
        clients.push(client);
    }
    assert_eq!(harness.live().tasks(), 40);
    assert!(harness.live().shutdown(Duration::from_secs(20)).await);
    assert_eq!((harness.live().tasks(), harness.live().connections()), (0, 0));
    for client in &mut clients {
        while client.next().await.is_some() {}
        assert_eq!(client.close_code(), Some(Some(CloseCode::GoingAway)));
    }
    assert!(harness.connect_with("v=3").await.is_none());
}
