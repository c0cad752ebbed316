//! Who is there: credentials in messages, what becomes of what is mounted, and those who guess.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod users;

use std::time::Duration;

use fluxstack_live::auth::Credentials;
use fluxstack_live::prelude::*;
use fluxstack_live::testing::Harness;
use serde_json::{Value, json};
use users::{Awake, CAPS, Console, anybody, auth, code, harness, server, sign_in, still, user, with_a_wall};

#[tokio::test(start_paused = true)]
async fn the_hello_says_who_is_there() {
    let harness = harness();
    let hello = anybody(&harness).await.hello().clone();
    assert_eq!((&hello["authenticated"], &hello["userId"]), (&json!(false), &Value::Null));
    let hello = user(&harness, Identity::new("ada")).await.hello().clone();
    assert_eq!((&hello["authenticated"], &hello["userId"]), (&json!(true), &json!("ada")));
}

#[tokio::test(start_paused = true)]
async fn what_follows_credentials_waits_for_them() {
    let slow = |_: Credentials| async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok(Some(Identity::new("ada").role("admin")))
    };
    let live = Live::builder().component::<Console>().provide(Awake(true)).authenticator(slow);
    let mut client = anybody(&Harness::new(live.build().unwrap())).await;
    let mount = json!({ "component": "Console", "props": {} });
    client
        .send_batch(vec![
            json!({ "type": "AUTH", "payload": { "token": "t" }, "requestId": "a" }),
            json!({ "type": "COMPONENT_MOUNT", "componentId": "c", "payload": mount, "requestId": "m" }),
        ])
        .await;
    let (auth, mount) = (client.next().await.unwrap(), client.next().await.unwrap());
    assert_eq!((&auth["requestId"], &auth["type"]), (&json!("a"), &json!("AUTH_RESPONSE")));
    assert_eq!((&auth["authenticated"], &auth["payload"]["userId"]), (&json!(true), &json!("ada")));
    assert_eq!((&mount["requestId"], &mount["success"]), (&json!("m"), &json!(true)));
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_change_nothing() {
    let harness = harness();
    let mut client = user(&harness, Identity::new("ada").role("admin")).await;
    let id = client.mount("Console", json!({})).await.unwrap();
    let payload = json!({ "user": "bob", "password": "wrong" });
    let answer = client.request(json!({ "type": "AUTH", "payload": payload })).await;
    assert_eq!((&answer["success"], &answer["code"]), (&json!(false), &json!("AUTH_FAILED")));
    assert_eq!(
        (&answer["authenticated"], &answer["payload"]["error"]),
        (&json!(true), &json!("the password is wrong"))
    );
    client.call(&id, "run", json!({})).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_without_users_knows_nobody() {
    let mut client = anybody(&Harness::new(Live::builder().build().unwrap())).await;
    assert_eq!(code(auth(&mut client, json!({ "token": "t" })).await), "AUTH_FAILED");
    assert_eq!(code(auth(&mut client, json!(["t"])).await), "BAD_PAYLOAD");
    assert_eq!(auth(&mut client, json!({})).await.unwrap(), json!({ "changed": false }));
}

#[tokio::test(start_paused = true)]
async fn somebody_else_begins_anew() {
    let harness = harness();
    let mut client = anybody(&harness).await;
    sign_in(&mut client, "ada").await;
    let before = client.token();
    let adas = client.mount("Board", json!({})).await.unwrap();
    let result = sign_in(&mut client, "bob").await;
    assert_eq!((&result["userId"], &result["changed"]), (&json!("bob"), &json!(true)));
    assert_eq!(code(client.call(&adas, "who", json!({})).await), "REHYDRATION_REQUIRED");
    let id = client.mount("Board", json!({})).await.unwrap();
    assert_eq!(client.call(&id, "who", json!({})).await.unwrap(), "bob");
    assert_eq!(harness.live().sessions(), 1);
    // Out is somebody else, too.
    assert_eq!(auth(&mut client, json!({ "token": "" })).await.unwrap()["changed"], true);
    assert_eq!(code(client.call(&id, "who", json!({})).await), "REHYDRATION_REQUIRED");
    let token = result["token"].as_str().unwrap();
    assert_eq!(code(client.resume_session(token).await), "SESSION_REFUSED");
    assert!(!client.resume_session(&before).await.unwrap(), "what nobody had at first is gone");
    assert_eq!(code(client.resume("Board", &adas).await), "NOTHING_KEPT");
}

#[tokio::test(start_paused = true)]
async fn who_signs_in_takes_over_what_nobody_had_and_nobody_else_gets_it() {
    let harness = harness();
    let mut client = anybody(&harness).await;
    let nobodys = client.token();
    let id = client.mount("Board", json!({})).await.unwrap();
    let adas = sign_in(&mut client, "ada").await["token"].as_str().unwrap().to_owned();
    client.call(&id, "post", json!({ "count": 3 })).await.unwrap();
    drop(client);
    still().await;

    let mut thief = anybody(&harness).await;
    assert_eq!(code(thief.resume_session(&nobodys).await), "SESSION_REFUSED");
    assert_eq!(code(thief.resume_session(&adas).await), "SESSION_REFUSED");
    sign_in(&mut thief, "bob").await;
    assert_eq!(code(thief.resume_session(&adas).await), "SESSION_REFUSED");

    let mut client = anybody(&harness).await;
    sign_in(&mut client, "ada").await;
    assert!(client.resume_session(&adas).await.unwrap());
    assert_eq!(client.resume("Board", &id).await.unwrap()["outcome"], "replayed");
    assert_eq!(client.view(&id).unwrap()["posts"], 3);
    // Also from the store, which has it as hers.
    drop(client);
    tokio::time::sleep(Duration::from_secs(120)).await;
    let mut client = user(&harness, Identity::new("ada")).await;
    client.resume_session(&adas).await.unwrap();
    assert_eq!(client.resume("Board", &id).await.unwrap()["outcome"], "rehydrated");
}

#[tokio::test(start_paused = true)]
async fn guessing_is_slow_for_an_address_and_for_an_account() {
    let harness = harness();
    let wrong = |user: &str| json!({ "user": user, "password": "wrong" });
    let mut client = anybody(&harness).await;
    for _ in 0..8 {
        assert_eq!(code(auth(&mut client, wrong("ada")).await), "AUTH_FAILED");
    }
    let right = json!({ "user": "ada", "password": "right" });
    let answer = client.request(json!({ "type": "AUTH", "payload": right })).await;
    assert_eq!((&answer["code"], &answer["type"]), (&json!("AUTH_THROTTLED"), &json!("AUTH_RESPONSE")));
    // Connecting again does not help, and another account from there neither; nor this one from elsewhere.
    assert_eq!(code(auth(&mut anybody(&harness).await, wrong("bob")).await), "AUTH_THROTTLED");
    let mut elsewhere = user(&harness, Identity::new("eve")).await;
    assert_eq!(code(auth(&mut elsewhere, right.clone()).await), "AUTH_THROTTLED");
    sign_in(&mut elsewhere, "bob").await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    sign_in(&mut client, "ada").await;
    assert_eq!(code(auth(&mut client, wrong("ada")).await), "AUTH_FAILED");
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_ours_is_no_guess_of_theirs() {
    let broken = |_: Credentials| async { Err(Error::internal("the database is gone")) };
    let mut client = anybody(&Harness::new(Live::builder().authenticator(broken).build().unwrap())).await;
    for _ in 0..20 {
        let refused = auth(&mut client, json!({ "token": "t" })).await.unwrap_err();
        assert_eq!(
            (refused.code.as_str(), refused.error.as_str()),
            ("INTERNAL", "something went wrong on the server")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_has_so_many_connections_and_so_many_messages() {
    let live = server().limits(|limits| {
        limits.connections_per_user = 2;
        limits.rate_per_user = 2;
    });
    let harness = Harness::new(live.build().unwrap());
    let ada = || Some(Identity::new("ada"));
    let (mut one, mut two) = (user(&harness, ada().unwrap()).await, user(&harness, ada().unwrap()).await);
    assert!(harness.connect_identified(CAPS, ada()).await.is_none());
    let mut nobody = anybody(&harness).await;
    let payload = json!({ "user": "ada", "password": "right" });
    assert_eq!(code(auth(&mut nobody, payload.clone()).await), "AUTH_THROTTLED");
    let ping = || json!({ "type": "COMPONENT_PING" });
    let mut pongs = 0;
    for _ in 0..10 {
        pongs += usize::from(one.request(ping()).await["type"] == "COMPONENT_PONG");
        pongs += usize::from(two.request(ping()).await["type"] == "COMPONENT_PONG");
    }
    assert_eq!(pongs, 10, "five seconds' worth, from both together");
    assert_eq!(nobody.request(ping()).await["type"], "COMPONENT_PONG");
    drop(two);
    still().await;
    auth(&mut nobody, payload).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn older_clients_are_answered_as_they_know_it() {
    let mut client = harness().connect_with("").await.unwrap();
    let payload = json!({ "user": "ada", "password": "right", "provider": "jwt" });
    let answer = client.request(json!({ "type": "AUTH", "payload": payload })).await;
    assert_eq!((&answer["type"], &answer["success"]), (&json!("AUTH_RESPONSE"), &json!(true)));
    assert_eq!((&answer["authenticated"], &answer["payload"]["userId"]), (&json!(true), &json!("ada")));
    let payload = json!({ "user": "ada", "password": "wrong" });
    let answer = client.request(json!({ "type": "AUTH", "payload": payload })).await;
    assert_eq!((&answer["type"], &answer["success"]), (&json!("AUTH_RESPONSE"), &json!(false)));
    assert_eq!((&answer["authenticated"], &answer["error"]), (&json!(true), &json!("the password is wrong")));
}

#[tokio::test(start_paused = true)]
async fn who_signs_in_as_somebody_else_leaves_what_was_shared() {
    let harness = with_a_wall();
    let mut eve = user(&harness, Identity::new("eve")).await;
    let id = eve.mount("Wall", json!({})).await.unwrap();
    let mut client = user(&harness, Identity::new("ada")).await;
    client.mount("Wall", json!({})).await.unwrap();
    sign_in(&mut client, "ada").await;
    sign_in(&mut client, "bob").await;
    assert_eq!(code(client.call(&id, "write", json!({})).await), "REHYDRATION_REQUIRED");
    client.mount("Wall", json!({})).await.unwrap();
    client.call(&id, "write", json!({})).await.unwrap();
    eve.settle(&id).await;
    assert_eq!(eve.view(&id).unwrap(), json!({ "lines": 1, "told": ["ada", "left"] }));
}

#[test]
fn a_server_that_knows_nobody_cannot_refuse_those_it_does_not_know() {
    let refused = Live::builder().refuse_anonymous().build().map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains(".authenticator("), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_has_another_user_now_hears_that_the_server_goes() {
    let harness = harness();
    let mut client = user(&harness, Identity::new("eve")).await;
    let right = json!({ "user": "ada", "password": "right" });
    // Nobody waits for an answer, so nothing but the end of the server wakes the connection after this.
    client.send(json!({ "type": "AUTH", "payload": right })).await;
    still().await;
    assert!(harness.live().shutdown(Duration::from_secs(5)).await);
}
