//! Coming back as somebody: what a token and a snapshot open, for whom, and what a copy of a tab gets.

mod app;
mod back;

use std::time::Duration;

use back::{CAPS, bring, came, code, harness, keys, lose, page, resume, resume_session, snapshot, token};
use fluxstack_live::MemoryStore;
use fluxstack_live::testing::Harness;
use serde_json::json;

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
    let genuine = taken["payload"]["snapshot"].as_str().unwrap().as_bytes().to_vec();
    let at = genuine.len() - 4;
    // One of them may be the right one, which would be no guess.
    for guess in (b'A'..=b'Z').filter(|guess| *guess != genuine[at]).take(12) {
        let mut forged = taken.clone();
        let mut text = genuine.clone();
        text[at] = guess;
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
async fn a_session_is_taken_up_before_anything_is_mounted() {
    let harness = harness();
    let token = token(&page(&harness, "p").await);
    let mut client = page(&harness, "p").await;
    client.mount("Counter", json!({ "count": 5 })).await.unwrap();
    assert_eq!(code(&resume_session(&mut client, &token).await), "BAD_MESSAGE");
    let mut plain = harness.connect_with("v=3&caps=delta").await.unwrap();
    assert_eq!(code(&resume_session(&mut plain, &token).await), "BAD_MESSAGE");
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
