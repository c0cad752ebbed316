//! What somebody may do: judged by who is signed in at the moment, on every call.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod users;

use std::time::Duration;

use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Harness, Refused};
use serde_json::{Value, json};
use users::{Awake, BEGUN, CAPS, anybody, auth, code, harness, server, sign_in, still, user, with_a_wall};

#[tokio::test(start_paused = true)]
async fn an_action_is_for_those_it_requires() {
    let harness = harness();
    let editor = || Identity::new("eve").role("editor");
    #[track_caller]
    fn check(who: &str, [post, delete]: [&str; 2], found: &[Result<Value, Refused>; 2]) {
        let codes =
            found.each_ref().map(|found| found.as_ref().map_or_else(|why| why.code.as_str(), |_| "ok"));
        assert_eq!(codes, [post, delete], "{who}");
    }
    for (who, identity, codes) in [
        ("nobody", None, ["UNAUTHENTICATED", "UNAUTHENTICATED"]),
        ("somebody", Some(Identity::new("bob")), ["ok", "FORBIDDEN"]),
        ("a role alone", Some(editor()), ["ok", "FORBIDDEN"]),
        ("a permission alone", Some(Identity::new("bob").permission("posts.delete")), ["ok", "FORBIDDEN"]),
        ("both", Some(editor().permission("posts.delete")), ["ok", "ok"]),
    ] {
        let mut client = harness.connect_identified(CAPS, identity).await.unwrap();
        let id = client.mount("Board", json!({})).await.unwrap();
        let post = client.call(&id, "post", json!({ "count": 2 })).await;
        let delete = client.call(&id, "delete", json!({})).await;
        check(who, codes, &[post, delete]);
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_not_call_learns_nothing_of_the_arguments() {
    let harness = harness();
    let mut client = anybody(&harness).await;
    let id = client.mount("Board", json!({})).await.unwrap();
    let refused = client.call(&id, "post", json!({ "count": "many" })).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.fields), ("UNAUTHENTICATED", Value::Null));
}

#[tokio::test(start_paused = true)]
async fn a_function_of_the_author_decides_with_the_state_before_it() {
    let harness = harness();
    let mut client = user(&harness, Identity::new("eve").role("editor").permission("posts.delete")).await;
    let id = client.mount("Board", json!({})).await.unwrap();
    client.call(&id, "post", json!({ "count": 2 })).await.unwrap();
    client.call(&id, "delete", json!({})).await.unwrap();
    client.call(&id, "lock", json!({})).await.unwrap();
    let refused = client.call(&id, "delete", json!({})).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.error.as_str()), ("CONFLICT", "the board is locked"));
}

#[tokio::test(start_paused = true)]
async fn a_component_is_for_those_it_requires() {
    let harness = harness();
    let admin = || Identity::new("ada").role("admin");
    assert_eq!(code(anybody(&harness).await.mount("Console", json!({})).await), "UNAUTHENTICATED");
    let mut other = user(&harness, Identity::new("bob").role("editor")).await;
    let refused = other.mount("Console", json!({})).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.error.as_str()), ("FORBIDDEN", "you may not do this"));
    let mut ada = user(&harness, admin()).await;
    let id = ada.mount("Console", json!({})).await.unwrap();
    ada.call(&id, "run", json!({})).await.unwrap();

    let asleep = Harness::new(server().provide(Awake(false)).build().unwrap());
    assert_eq!(code(user(&asleep, admin()).await.mount("Console", json!({})).await), "FORBIDDEN");
}

#[tokio::test(start_paused = true)]
async fn signing_in_after_the_mount_counts_at_once() {
    let harness = harness();
    let mut client = anybody(&harness).await;
    let id = client.mount("Board", json!({})).await.unwrap();
    assert_eq!(code(client.call(&id, "post", json!({ "count": 1 })).await), "UNAUTHENTICATED");
    let result = sign_in(&mut client, "bob").await;
    assert_eq!((&result["userId"], &result["changed"]), (&json!("bob"), &json!(false)));
    client.call(&id, "post", json!({ "count": 1 })).await.unwrap();
    client.settle(&id).await;
    assert_eq!(client.view(&id).unwrap()["author"], "bob", "and the component was told");
}

#[tokio::test(start_paused = true)]
async fn what_an_identity_expires_with_is_gone_from_one_call_to_the_next() {
    let harness = harness();
    let mut client = anybody(&harness).await;
    let minute = json!({ "user": "ada", "password": "right", "for": 60 });
    auth(&mut client, minute.clone()).await.unwrap();
    let (board, console) = (client.mount("Board", json!({})).await, client.mount("Console", json!({})).await);
    let (board, console) = (board.unwrap(), console.unwrap());
    client.call(&board, "post", json!({ "count": 1 })).await.unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    // What was for her alone says so by itself; what is for everybody stays, and knows.
    let gone = client.arrived().into_iter().find(|message| message["type"] == "ERROR").unwrap();
    assert_eq!((&gone["componentId"], &gone["code"]), (&json!(console), &json!("UNAUTHENTICATED")));
    assert_eq!(code(client.call(&board, "post", json!({ "count": 1 })).await), "UNAUTHENTICATED");
    assert_eq!(code(client.write(&console, "prompt", json!("$")).await), "REHYDRATION_REQUIRED");
    assert_eq!(client.view(&board).unwrap()["author"], "");
    // The same user again is a refresh.
    let result = auth(&mut client, minute).await.unwrap();
    assert_eq!((&result["changed"], &result["token"]), (&json!(false), &Value::Null));
    client.call(&board, "post", json!({ "count": 1 })).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refresh_with_fewer_rights_takes_away_what_they_were_for() {
    let harness = harness();
    let mut client = user(&harness, Identity::new("eve").role("admin").role("editor")).await;
    let (board, console) = (client.mount("Board", json!({})).await, client.mount("Console", json!({})).await);
    let (board, console) = (board.unwrap(), console.unwrap());
    client.call(&board, "lock", json!({})).await.unwrap();
    assert_eq!(sign_in(&mut client, "eve").await["changed"], false);
    assert_eq!(code(client.call(&board, "lock", json!({})).await), "FORBIDDEN");
    let gone = client.arrived().into_iter().find(|message| message["type"] == "ERROR").unwrap();
    assert_eq!((&gone["componentId"], &gone["code"]), (&json!(console), &json!("FORBIDDEN")));
    still().await;
    let again = json!({ "user": "eve", "password": "right", "roles": ["admin"] });
    assert_eq!(auth(&mut client, again).await.unwrap()["changed"], false);
    assert_eq!(code(client.resume("Console", &console).await), "NOTHING_KEPT");
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_with_fewer_rights_does_not_get_it_back() {
    let harness = harness();
    let mut client = user(&harness, Identity::new("ada").role("admin")).await;
    let (token, id) = (client.token(), client.mount("Console", json!({})).await.unwrap());
    drop(client);
    still().await;
    let mut client = user(&harness, Identity::new("ada")).await;
    assert!(client.resume_session(&token).await.unwrap());
    assert_eq!(code(client.resume("Console", &id).await), "FORBIDDEN");
    drop(client);
    still().await;
    let mut client = user(&harness, Identity::new("ada").role("admin")).await;
    client.resume_session(&token).await.unwrap();
    assert_eq!(code(client.resume("Console", &id).await), "NOTHING_KEPT");
}

#[tokio::test(start_paused = true)]
async fn members_of_one_instance_have_each_their_own_rights() {
    let harness = with_a_wall();
    let (mut eve, mut bob) = (
        user(&harness, Identity::new("eve").role("editor")).await,
        user(&harness, Identity::new("bob")).await,
    );
    let id = eve.mount("Wall", json!({})).await.unwrap();
    assert_eq!(bob.mount("Wall", json!({})).await.unwrap(), id);
    bob.call(&id, "write", json!({})).await.unwrap();
    eve.call(&id, "write", json!({})).await.unwrap();
    // Whoever spoke last does not count, and whoever came first neither.
    assert_eq!(code(bob.call(&id, "clear", json!({})).await), "FORBIDDEN");
    eve.call(&id, "clear", json!({})).await.unwrap();
    assert_eq!(code(bob.call(&id, "clear", json!({})).await), "FORBIDDEN");
    let again = json!({ "user": "bob", "password": "right", "roles": ["editor"] });
    auth(&mut bob, again).await.unwrap();
    bob.call(&id, "clear", json!({})).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_shared_instance_is_not_begun_for_somebody_who_may_not_have_it() {
    let harness = with_a_wall();
    let mut nobody = anybody(&harness).await;
    assert_eq!(code(nobody.mount("Wall", json!({})).await), "UNAUTHENTICATED");
    still().await;
    assert_eq!((BEGUN.get(), harness.live().tasks()), (0, 1));
    sign_in(&mut nobody, "ada").await;
    let id = nobody.mount("Wall", json!({})).await.unwrap();
    assert_eq!(BEGUN.get(), 1);
    let mut other = anybody(&harness).await;
    assert_eq!(code(other.mount("Wall", json!({})).await), "UNAUTHENTICATED");
    assert_eq!(code(other.call(&id, "write", json!({})).await), "REHYDRATION_REQUIRED");
    nobody.call(&id, "write", json!({})).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_member_who_may_not_stay_leaves_and_the_others_stay() {
    let harness = with_a_wall();
    let mut eve = user(&harness, Identity::new("eve")).await;
    let mut ada = anybody(&harness).await;
    auth(&mut ada, json!({ "user": "ada", "password": "right", "for": 60 })).await.unwrap();
    let id = eve.mount("Wall", json!({})).await.unwrap();
    ada.mount("Wall", json!({})).await.unwrap();
    ada.mount("Wall", json!({})).await.unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    let gone = ada.arrived().into_iter().find(|message| message["type"] == "ERROR").unwrap();
    assert_eq!((&gone["componentId"], &gone["code"]), (&json!(id), &json!("UNAUTHENTICATED")));
    eve.call(&id, "write", json!({})).await.unwrap();
    eve.settle(&id).await;
    assert_eq!(eve.view(&id).unwrap(), json!({ "lines": 1, "told": ["left"] }));
    assert_eq!(ada.view(&id).unwrap()["lines"], 0, "what happens there is not hers any more");
    // She had mounted it twice, and has not mounted it at all now.
    sign_in(&mut ada, "ada").await;
    assert_eq!(code(ada.call(&id, "write", json!({})).await), "REHYDRATION_REQUIRED");
    ada.mount("Wall", json!({})).await.unwrap();
    ada.call(&id, "write", json!({})).await.unwrap();
    ada.unmount(&id).await;
    eve.settle(&id).await;
    assert_eq!(eve.view(&id).unwrap(), json!({ "lines": 2, "told": ["left", "left"] }));
}
