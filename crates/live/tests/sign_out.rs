//! Who is signed out everywhere: nothing of theirs is left, and nothing comes back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod users;

use std::sync::Arc;
use std::time::Duration;

use fluxstack_live::Keys;
use fluxstack_live::auth::Credentials;
use fluxstack_live::prelude::*;
use fluxstack_live::protocol::CloseCode;
use fluxstack_live::testing::Harness;
use serde_json::json;
use users::{anybody, code, server, still, user, with_a_wall};

#[tokio::test(start_paused = true)]
async fn signing_out_everywhere_ends_every_session_and_nothing_comes_back() {
    let keys = || Keys::new("k", [7; 32]).unwrap();
    let harness = Harness::new(server().keys(keys()).build().unwrap());
    let ada = || Identity::new("ada").role("admin");
    let (mut here, mut away, mut other) = (
        user(&harness, ada()).await,
        user(&harness, ada()).await,
        user(&harness, Identity::new("bob")).await,
    );
    let mut older = harness.connect_identified("", Some(ada())).await.unwrap();
    let (id, left) =
        (here.mount("Console", json!({})).await.unwrap(), away.mount("Board", json!({})).await.unwrap());
    let bobs = other.mount("Board", json!({})).await.unwrap();
    here.call(&id, "run", json!({})).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    here.arrived();
    let (token, snapshot) = (here.token(), here.snapshot(&id).unwrap().to_owned());
    let token_away = away.token();
    drop(away);
    still().await;

    assert_eq!(harness.live().sign_out("ada").await, 3);
    assert_eq!(harness.live().sign_out("").await, 0);
    while here.next().await.is_some() {}
    while older.next().await.is_some() {}
    assert_eq!(here.close_code(), Some(Some(CloseCode::SignedOut)));
    assert_eq!(older.close_code(), Some(Some(CloseCode::SignedOut)));
    other.call(&bobs, "who", json!({})).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((harness.live().sessions(), harness.live().tasks()), (1, 2), "bob's, and nothing else");

    for token in [&token, &token_away] {
        let mut again = user(&harness, ada()).await;
        assert_eq!(code(again.resume_session(token).await), "SESSION_REFUSED");
        assert_eq!(code(again.rehydrate("Console", &id, &snapshot).await), "SNAPSHOT_EXPIRED");
        assert_eq!(code(again.resume("Board", &left).await), "NOTHING_KEPT");
        // What she is given from now on is good.
        let (fresh, mine) = (again.token(), again.mount("Console", json!({})).await.unwrap());
        drop(again);
        still().await;
        let mut again = user(&harness, ada()).await;
        assert!(again.resume_session(&fresh).await.unwrap());
        again.resume("Console", &mine).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_with_the_same_store_knows_who_was_signed_out() {
    let store = Arc::new(fluxstack_live::MemoryStore::new());
    let live = || server().store(Arc::clone(&store)).build().unwrap();
    let (before, after) = (Harness::new(live()), Harness::new(live()));
    let mut client = user(&before, Identity::new("ada")).await;
    let (token, id) = (client.token(), client.mount("Board", json!({})).await.unwrap());
    drop(client);
    // It rests in the store, and no session knows it.
    tokio::time::sleep(Duration::from_secs(120)).await;
    before.live().sign_out("ada").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut client = user(&after, Identity::new("ada")).await;
    assert_eq!(code(client.resume_session(&token).await), "SESSION_REFUSED");
    assert_eq!(code(client.resume("Board", &id).await), "NOTHING_KEPT");
    let fresh = client.token();
    assert!(user(&after, Identity::new("ada")).await.resume_session(&fresh).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_is_signed_out_while_it_is_found_out_who_they_are_does_not_come_in() {
    let slow = |_: Credentials| async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(Some(Identity::new("ada")))
    };
    let harness = Harness::new(Live::builder().authenticator(slow).build().unwrap());
    let mut client = anybody(&harness).await;
    let live = harness.live().clone();
    let sign_out = async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        live.sign_out("ada").await
    };
    let message = json!({ "type": "AUTH", "payload": { "token": "t" } });
    let (answer, ended) = tokio::join!(client.request(message), sign_out);
    assert_eq!((&answer["code"], &answer["authenticated"], ended), (&json!("AUTH_FAILED"), &json!(false), 0));
    while client.next().await.is_some() {}
    assert_eq!(client.close_code(), Some(Some(CloseCode::SignedOut)));
}

#[tokio::test(start_paused = true)]
async fn signing_out_everywhere_leaves_what_was_shared_also_where_one_is_away() {
    let harness = with_a_wall();
    let ada = || Identity::new("ada");
    let (mut here, mut away, mut eve) = (
        user(&harness, ada()).await,
        user(&harness, ada()).await,
        user(&harness, Identity::new("eve")).await,
    );
    let id = eve.mount("Wall", json!({})).await.unwrap();
    here.mount("Wall", json!({})).await.unwrap();
    away.mount("Wall", json!({})).await.unwrap();
    drop(away);
    still().await;
    assert_eq!(harness.live().sign_out("ada").await, 2);
    while here.next().await.is_some() {}
    eve.settle(&id).await;
    assert_eq!(eve.view(&id).unwrap()["told"], json!(["left", "left"]));
    eve.call(&id, "write", json!({})).await.unwrap();
}
