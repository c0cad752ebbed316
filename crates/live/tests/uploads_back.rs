//! Files whose connection, page or server goes in the middle, and authors whose code fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod album;

use std::sync::Arc;

use album::{Place, album, at_the_desk, builder, keys, page, place, place_with, shown, text, until};
use fluxstack_live::auth::{Authenticator, Credentials, Identity};
use fluxstack_live::testing::{Client, Folder, Harness};
use fluxstack_live::uploads::{Inspect, Inspected, Unsafe};
use fluxstack_live::{Durability, MemoryStore, Uploads};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

/// A page that has taken up its session and its album again.
async fn back(harness: &Harness, token: &str, id: &str) -> Client {
    let mut client = page(harness).await;
    client.resume_session(token).await.unwrap();
    client.resume("Album", id).await.unwrap();
    client
}

#[tokio::test]
async fn a_lost_connection_costs_nothing_that_was_answered() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 100_000);
    client.start_upload(&id, "files", &file, false).await.unwrap();
    client.send_chunk(&id, &file, 0, 40_000).await.unwrap();
    let token = client.token();
    drop(client);
    let mut client = back(&place.harness, &token, &id).await;
    // It was on another connection, and has to be begun on this one.
    assert_eq!(client.send_chunk(&id, &file, 40_000, 60_000).await.unwrap_err().code, "UPLOAD_GONE");
    assert_eq!(client.start_upload(&id, "files", &file, true).await, Ok(40_000));
    assert_eq!(shown(&mut client, &id).len(), 1, "it is the same entry");
    assert_eq!(client.send_chunk(&id, &file, 40_000, 60_000).await, Ok(100_000));
    client.complete_upload(&id, &file).await.unwrap();
    assert_eq!(shown(&mut client, &id).remove(0)["status"], "done");
}

/// Everybody is who they say.
struct Trusting;

impl Authenticator for Trusting {
    async fn authenticate(&self, credentials: &Credentials) -> fluxstack_live::Result<Option<Identity>> {
        Ok(credentials.payload()["user"].as_str().map(Identity::new))
    }
}

#[tokio::test]
async fn who_signs_in_while_a_file_is_on_its_way_can_begin_it_again_and_cancel_it() {
    let place = place_with(|builder| builder.authenticator(Trusting));
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let (again, never) = (text("again.txt", 40_000), text("never.txt", 40_000));
    for file in [&again, &never] {
        client.start_upload(&id, "files", file, false).await.unwrap();
        client.send_chunk(&id, file, 0, 20_000).await.unwrap();
    }
    let auth = json!({ "type": "AUTH", "payload": { "user": "ada" } });
    let token = client.ask(auth).await.unwrap()["token"].as_str().unwrap().to_owned();
    drop(client);
    let caps = "v=3&caps=delta,batch,resume&client=page";
    let mut client = place.harness.connect_as(caps, "ada").await.unwrap();
    client.resume_session(&token).await.unwrap();
    client.resume("Album", &id).await.unwrap();
    assert_eq!(client.start_upload(&id, "files", &again, true).await, Ok(0));
    assert_eq!(shown(&mut client, &id).len(), 2, "what was begun before made way");
    client.cancel_upload(&id, &never).await.unwrap();
    assert_eq!(shown(&mut client, &id).len(), 1);
    client.send_chunk(&id, &again, 0, 40_000).await.unwrap();
    client.complete_upload(&id, &again).await.unwrap();
    until(|| at_the_desk(&place.uploads) == 1).await;
}

#[tokio::test]
async fn what_a_page_left_lying_half_sent_makes_way_for_what_it_sends_now() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    client.upload(&id, "files", &text("whole.txt", 10)).await.unwrap();
    for name in ["b.txt", "c.txt"] {
        client.start_upload(&id, "files", &text(name, 100), false).await.unwrap();
    }
    let refused = client.start_upload(&id, "files", &text("d.txt", 100), false).await.unwrap_err();
    assert_eq!(refused.code, "UPLOAD_REFUSED", "they are on their way");
    let token = client.token();
    drop(client);
    let mut client = back(&place.harness, &token, &id).await;
    client.start_upload(&id, "files", &text("d.txt", 100), false).await.unwrap();
    let names: Vec<Value> = shown(&mut client, &id).iter().map(|file| file["name"].clone()).collect();
    assert_eq!(names, ["whole.txt", "c.txt", "d.txt"], "the oldest of them makes way");
    until(|| at_the_desk(&place.uploads) == 3).await;
}

#[tokio::test]
async fn a_second_connection_takes_over_and_the_first_sends_in_vain() {
    let place = place();
    let mut first = page(&place.harness).await;
    let id = album(&mut first).await;
    let file = text("a.txt", 100_000);
    first.start_upload(&id, "files", &file, false).await.unwrap();
    first.send_chunk(&id, &file, 0, 40_000).await.unwrap();
    // The network has not said yet that the first is gone.
    let mut second = back(&place.harness, &first.token(), &id).await;
    assert_eq!(second.start_upload(&id, "files", &file, true).await, Ok(40_000));
    let request = first.next_request();
    first.send_chunk_frame(&id, &file, 40_000, &[b'x'; 20_000], &request).await;
    while let Some(message) = first.next().await {
        assert_ne!(message["success"], true, "{message}");
    }
    assert_eq!(second.send_chunk(&id, &file, 40_000, 60_000).await, Ok(100_000));
    second.complete_upload(&id, &file).await.unwrap();
    second.call(&id, "keep", json!({})).await.unwrap();
    assert_eq!(std::fs::read(place.shelf.path().join(file.hash())).unwrap(), file.bytes);
}

#[tokio::test]
async fn the_same_upload_begun_twice_on_one_connection_goes_on_once() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 100_000);
    client.start_upload(&id, "files", &file, false).await.unwrap();
    client.send_chunk(&id, &file, 0, 40_000).await.unwrap();
    assert_eq!(client.start_upload(&id, "files", &file, true).await, Ok(40_000));
    assert_eq!(client.send_chunk(&id, &file, 40_000, 20_000).await, Ok(60_000));
    // Not to go on, but from the start.
    assert_eq!(client.start_upload(&id, "files", &file, false).await, Ok(0));
    assert_eq!(client.send_chunk(&id, &file, 0, 100_000).await, Ok(100_000));
    client.complete_upload(&id, &file).await.unwrap();
    assert_eq!(shown(&mut client, &id).len(), 1);
    // And once more, when it is done.
    client.upload(&id, "files", &file).await.unwrap();
    assert_eq!(shown(&mut client, &id).len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again_and_the_file_is_taken_once() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = client.mount("Album", json!({ "next": "keep" })).await.unwrap();
    let file = text("a.txt", 1_000);
    let first = client.upload(&id, "files", &file).await.unwrap();
    let token = client.token();
    drop(client);
    let mut client = back(&place.harness, &token, &id).await;
    assert_eq!(client.start_upload(&id, "files", &file, true).await, Ok(1_000));
    let second = client.complete_upload(&id, &file).await.unwrap();
    assert_eq!(first["hash"], second["hash"]);
    assert_eq!(client.view(&id).unwrap()["done"], json!(["files: a.txt"]), "it was done once");
}

/// Finds nothing wrong, once it may.
struct Slow(Arc<Semaphore>, Arc<Notify>);

impl Inspect for Slow {
    async fn inspect(&self, _file: &Inspected<'_>) -> std::result::Result<(), Unsafe> {
        self.1.notify_one();
        drop(self.0.acquire().await?);
        Ok(())
    }
}

#[tokio::test]
async fn two_connections_that_wait_for_the_same_end_are_told_of_one() {
    let (permits, asked) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let Place { uploads, shelf, harness } = place();
    drop(harness);
    let inspector = Slow(Arc::clone(&permits), Arc::clone(&asked));
    let desk = Uploads::at(uploads.path()).inspect(inspector);
    let harness = Harness::new(builder(&uploads, &shelf).uploads(desk).build().unwrap());
    let mut client = page(&harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 1_000);
    client.start_upload(&id, "files", &file, false).await.unwrap();
    client.send_chunk(&id, &file, 0, 1_000).await.unwrap();
    let token = client.token();
    let (of, sent) = (id.clone(), file.clone());
    let first = tokio::spawn(async move { client.complete_upload(&of, &sent).await });
    asked.notified().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());

    let mut client = back(&harness, &token, &id).await;
    assert_eq!(client.start_upload(&id, "files", &file, true).await, Ok(1_000));
    let ended = tokio::join!(client.complete_upload(&id, &file), async { permits.add_permits(1) }).0;
    assert_eq!(ended.unwrap()["hash"], file.hash());
    assert_eq!(client.view(&id).unwrap()["done"], json!(["files: a.txt"]), "it was done once");
}

#[tokio::test]
async fn another_file_of_the_same_name_is_not_taken_for_the_one_that_is_done() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = client.mount("Album", json!({ "next": "keep" })).await.unwrap();
    let file = text("a.txt", 1_000);
    client.upload(&id, "files", &file).await.unwrap();
    let longer = text("a.txt", 1_001);
    assert_eq!(client.start_upload(&id, "files", &longer, true).await, Ok(0));
    client.cancel_upload(&id, &longer).await.unwrap();

    client.upload(&id, "files", &file).await.unwrap();
    let mut other = file.clone();
    other.bytes[500] ^= 1;
    assert_eq!(client.start_upload(&id, "files", &other, true).await, Ok(1_000));
    assert_eq!(client.complete_upload(&id, &other).await.unwrap_err().code, "UPLOAD_CORRUPT");
    client.upload(&id, "files", &other).await.unwrap();

    client.cancel_upload(&id, &other).await.unwrap();
    assert_eq!(client.start_upload(&id, "files", &other, true).await, Ok(0));
}

#[tokio::test]
async fn a_new_server_on_the_same_folder_goes_on_where_the_old_one_was_killed() {
    let Place { uploads, shelf, harness } = place();
    drop(harness);
    let store = Arc::new(MemoryStore::new());
    let serve = |uploads: &Folder, shelf: &Folder| {
        let builder = builder(uploads, shelf)
            .keys(keys())
            .store(Arc::clone(&store))
            .durability(Durability::Acknowledged);
        Harness::new(builder.build().unwrap())
    };
    let (part, whole) = (text("part.txt", 100_000), text("whole.txt", 50_000));
    let old = serve(&uploads, &shelf);
    let mut client = page(&old).await;
    let id = client.mount("Album", json!({})).await.unwrap();
    client.upload(&id, "files", &whole).await.unwrap();
    client.start_upload(&id, "files", &part, false).await.unwrap();
    client.send_chunk(&id, &part, 0, 40_000).await.unwrap();
    // Answered when it is written down, and all that was before it.
    client.call(&id, "remove", json!({ "id": "none" })).await.unwrap();
    let token = client.token();
    old.kill();
    drop(client);

    let new = serve(&uploads, &shelf);
    let mut client = back(&new, &token, &id).await;
    let files = shown(&mut client, &id);
    let standing: Vec<(&Value, &Value)> = files.iter().map(|file| (&file["name"], &file["status"])).collect();
    let (done, sending) = (json!("done"), json!("sending"));
    assert_eq!(standing, [(&json!("whole.txt"), &done), (&json!("part.txt"), &sending)]);
    assert_eq!(client.start_upload(&id, "files", &part, true).await, Ok(40_000));
    assert_eq!(client.send_chunk(&id, &part, 40_000, 60_000).await, Ok(100_000));
    client.complete_upload(&id, &part).await.unwrap();
    for file in [&whole, &part] {
        client.call(&id, "keep", json!({})).await.unwrap();
        assert_eq!(std::fs::read(shelf.path().join(file.hash())).unwrap(), file.bytes);
    }
    until(|| at_the_desk(&uploads) == 0).await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_at_rest_keeps_its_files() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 1_000);
    client.upload(&id, "files", &file).await.unwrap();
    let token = client.token();
    drop(client);
    // Longer than anybody waits for it.
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    assert_eq!((place.harness.live().tasks(), at_the_desk(&place.uploads)), (0, 1));
    let mut client = back(&place.harness, &token, &id).await;
    assert_eq!(shown(&mut client, &id).remove(0)["status"], "done");
    client.call(&id, "keep", json!({})).await.unwrap();
    assert_eq!(std::fs::read(place.shelf.path().join(file.hash())).unwrap(), file.bytes);
}

#[tokio::test]
async fn a_file_can_be_taken_once() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    assert_eq!(client.call(&id, "keep", json!({})).await.unwrap_err().code, "NOT_FOUND");
    client.upload(&id, "files", &text("a.txt", 10)).await.unwrap();
    client.call(&id, "keep", json!({})).await.unwrap();
    assert_eq!(client.call(&id, "keep", json!({})).await.unwrap_err().code, "NOT_FOUND");
    assert_eq!(shown(&mut client, &id), Vec::<Value>::new());
}

/// Whatever an author's code does that does not keep the file, the file is there to be kept.
#[tokio::test]
async fn what_is_taken_and_not_kept_is_there_again() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 10);
    client.upload(&id, "files", &file).await.unwrap();
    for action in ["takeAndDrop", "takeAndFail", "takeAndPanic", "explode"] {
        let _ = client.call(&id, action, json!({})).await;
        let entry = shown(&mut client, &id).remove(0);
        assert_eq!(entry["status"], "done", "{action}");
        assert_eq!(at_the_desk(&place.uploads), 1, "{action}");
    }
    client.call(&id, "keep", json!({})).await.unwrap();
    assert_eq!(std::fs::read(place.shelf.path().join(file.hash())).unwrap(), file.bytes);
}

#[tokio::test]
async fn a_batch_that_is_undone_gives_back_what_it_took() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    client.upload(&id, "files", &text("a.txt", 10)).await.unwrap();
    let call = |action: &str| json!({ "componentId": id, "action": action, "payload": {} });
    let calls = [call("takeAndDrop"), call("takeAndFail")];
    let batch = json!({ "type": "CALL_BATCH", "payload": { "atomic": true, "calls": calls } });
    let answer = client.request(batch).await;
    assert_ne!(answer["result"]["results"][1]["success"], true, "{answer}");
    assert_eq!(shown(&mut client, &id).remove(0)["status"], "done");
    client.call(&id, "keep", json!({})).await.unwrap();
}

#[tokio::test]
async fn a_hook_that_fails_is_told_to_the_sender_and_shown() {
    let place = place();
    let mut client = page(&place.harness).await;
    for (next, code) in [("refuse", "CONFLICT"), ("panic", "ACTION_FAILED")] {
        let id = client.mount("Album", json!({ "next": next })).await.unwrap();
        let file = text(&format!("{next}.txt"), 10);
        assert_eq!(client.upload(&id, "files", &file).await.unwrap_err().code, code);
        let entry = shown(&mut client, &id).remove(0);
        assert_eq!((&entry["status"], &entry["code"]), (&json!("failed"), &json!(code)));
        assert_eq!(client.call(&id, "keep", json!({})).await.unwrap_err().code, "NOT_FOUND");
        client.unmount(&id).await;
    }
    until(|| at_the_desk(&place.uploads) == 0).await;
}

#[tokio::test]
async fn what_a_hook_refused_can_be_tried_again_without_sending_it_again() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = client.mount("Album", json!({ "next": "refuse" })).await.unwrap();
    let file = text("a.txt", 1_000);
    assert_eq!(client.upload(&id, "files", &file).await.unwrap_err().code, "CONFLICT");
    client.call(&id, "choose", json!({ "next": "keep" })).await.unwrap();
    assert_eq!(client.start_upload(&id, "files", &file, true).await, Ok(1_000));
    client.complete_upload(&id, &file).await.unwrap();
    assert_eq!(std::fs::read(place.shelf.path().join(file.hash())).unwrap(), file.bytes);
    assert_eq!(shown(&mut client, &id), Vec::<Value>::new());
}

#[tokio::test]
async fn what_a_hook_took_before_it_failed_is_not_called_done_and_is_tried_again() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = client.mount("Album", json!({ "next": "takeAndRefuse" })).await.unwrap();
    let file = text("a.txt", 1_000);
    assert_eq!(client.upload(&id, "files", &file).await.unwrap_err().code, "CONFLICT");
    let entry = shown(&mut client, &id).remove(0);
    assert_eq!((&entry["status"], &entry["code"]), (&json!("failed"), &json!("CONFLICT")));
    // It fails again, and is never answered as if it had not.
    assert_eq!(client.start_upload(&id, "files", &file, true).await, Ok(1_000));
    assert_eq!(client.complete_upload(&id, &file).await.unwrap_err().code, "CONFLICT");
    client.call(&id, "choose", json!({ "next": "keep" })).await.unwrap();
    assert_eq!(client.start_upload(&id, "files", &file, true).await, Ok(1_000));
    client.complete_upload(&id, &file).await.unwrap();
    assert_eq!(std::fs::read(place.shelf.path().join(file.hash())).unwrap(), file.bytes);
    assert_eq!(shown(&mut client, &id), Vec::<Value>::new());
}

#[tokio::test]
async fn an_instance_that_is_put_back_goes_on_receiving() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 60_000);
    client.start_upload(&id, "files", &file, false).await.unwrap();
    client.send_chunk(&id, &file, 0, 30_000).await.unwrap();
    assert_eq!(client.call(&id, "explode", json!({})).await.unwrap_err().code, "ACTION_FAILED");
    assert_eq!(client.send_chunk(&id, &file, 30_000, 30_000).await, Ok(60_000));
    client.complete_upload(&id, &file).await.unwrap();
    assert_eq!(shown(&mut client, &id).remove(0)["status"], "done");
}
