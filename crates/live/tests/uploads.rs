//! Files that clients send, from the first word to where the author keeps them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod album;

use album::{album, at_the_desk, page, place, place_with, shown, text, until};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fluxstack_live::prelude::*;
use fluxstack_live::protocol::upload::{At, Header, write_frame};
use fluxstack_live::testing::{Client, TestFile};
use serde_json::{Value, json};

#[tokio::test]
async fn what_arrives_is_the_file_that_was_sent() {
    let place = place();
    let mut client = page(&place.harness).await;
    assert!(client.hello()["caps"].as_array().unwrap().contains(&json!("upload")));
    let id = client.mount("Album", json!({ "next": "keep" })).await.unwrap();
    for (name, size) in [("empty.txt", 0), ("one.txt", 1), ("some.txt", 300_000)] {
        let file = text(name, size);
        let answer = client.upload(&id, "files", &file).await.unwrap();
        assert_eq!((&answer["filename"], &answer["hash"]), (&json!(name), &json!(file.hash())));
        assert_eq!(std::fs::read(place.shelf.path().join(file.hash())).unwrap(), file.bytes);
    }
    assert_eq!(shown(&mut client, &id), Vec::<Value>::new(), "what is taken is not shown any more");
    let done = json!(["files: empty.txt", "files: one.txt", "files: some.txt"]);
    assert_eq!(client.view(&id).unwrap()["done"], done);
    until(|| at_the_desk(&place.uploads) == 0).await;
}

#[tokio::test]
async fn where_it_is_served_is_said_with_the_last_answer_and_again_to_who_missed_it() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = client.mount("Album", json!({ "next": "publish" })).await.unwrap();
    let file = text("a.txt", 10);
    let answer = client.upload(&id, "files", &file).await.unwrap();
    let url = answer["fileUrl"].as_str().unwrap();
    assert!(url.starts_with("/uploads/") && url.ends_with(".txt"), "{url}");
    let start = json!({ "type": "FILE_UPLOAD_START", "componentId": id, "uploadId": file.upload, "property": "files",
        "filename": file.name, "fileType": file.kind, "fileSize": 10, "resume": true });
    let again = client.request(start).await;
    assert_eq!((&again["done"], &again["fileUrl"]), (&json!(true), &answer["fileUrl"]));
    assert_eq!((&again["hash"], &again["bytesUploaded"]), (&answer["hash"], &json!(10)));
}

#[tokio::test]
async fn how_far_it_is_shows_in_the_state_before_the_answer() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 100_000);
    assert_eq!(client.start_upload(&id, "files", &file, false).await, Ok(0));
    let entry = shown(&mut client, &id).remove(0);
    assert_eq!(entry["name"], "a.txt");
    assert_eq!(
        (&entry["status"], &entry["received"], &entry["size"]),
        (&json!("sending"), &json!(0), &json!(100_000))
    );
    assert_eq!(client.send_chunk(&id, &file, 0, 60_000).await, Ok(60_000));
    assert_eq!(client.send_chunk(&id, &file, 60_000, 60_000).await, Ok(100_000));
    client.complete_upload(&id, &file).await.unwrap();
    let entry = shown(&mut client, &id).remove(0);
    assert_eq!((&entry["status"], &entry["received"]), (&json!("done"), &json!(100_000)));
    let rules = &client.view(&id).unwrap()["files"];
    assert_eq!(rules["accept"], json!(["text/plain", "image/png"]));
    assert_eq!((&rules["maxBytes"], &rules["maxFiles"]), (&json!(8 << 20), &json!(3)));
}

/// Sends it in text frames as older clients do, and answers with the last word.
async fn send_as_text(
    client: &mut Client,
    id: &str,
    file: &TestFile,
    by: usize,
    property: Option<&str>,
) -> Value {
    let mut start = json!({ "type": "FILE_UPLOAD_START", "componentId": id, "uploadId": file.upload,
        "filename": file.name, "fileType": file.kind, "fileSize": file.bytes.len(), "chunkSize": 65_536 });
    if let Some(property) = property {
        start["property"] = json!(property);
    }
    let started = client.request(start).await;
    assert_eq!(
        (&started["type"], &started["success"]),
        (&json!("FILE_UPLOAD_START_RESPONSE"), &json!(true)),
        "{started}"
    );
    let total = file.bytes.chunks(by).count();
    for (index, chunk) in file.bytes.chunks(by).enumerate() {
        let progress = client
            .request(json!({ "type": "FILE_UPLOAD_CHUNK", "componentId": id, "uploadId": file.upload,
                "chunkIndex": index, "totalChunks": total, "data": BASE64.encode(chunk) }))
            .await;
        let sent = ((index + 1) * by).min(file.bytes.len());
        assert_eq!(progress["type"], "FILE_UPLOAD_PROGRESS", "{progress}");
        assert_eq!((&progress["chunkIndex"], &progress["bytesUploaded"]), (&json!(index), &json!(sent)));
    }
    client
        .request(json!({ "type": "FILE_UPLOAD_COMPLETE", "componentId": id, "uploadId": file.upload }))
        .await
}

#[tokio::test]
async fn an_older_client_sends_text_and_names_no_field() {
    let place = place();
    let mut client = place.harness.connect_with("").await.unwrap();
    let id = client.mount("Album", json!({ "next": "keep" })).await.unwrap();
    let file = TestFile { upload: "upload-1-x".to_owned(), ..text("a.txt", 100) };
    let done = send_as_text(&mut client, &id, &file, 30, None).await;
    assert_eq!((&done["type"], &done["uploadId"]), (&json!("FILE_UPLOAD_COMPLETE"), &json!("upload-1-x")));
    assert_eq!((&done["success"], &done["componentId"]), (&json!(true), &json!(id)));
    assert_eq!(std::fs::read(place.shelf.path().join(file.hash())).unwrap(), file.bytes);
}

#[tokio::test]
async fn an_older_client_that_asks_for_no_answers_gets_them_and_knows_them_by_the_upload() {
    let place = place();
    let mut client = place.harness.connect_with("").await.unwrap();
    let id = client.mount("Album", json!({ "next": "keep" })).await.unwrap();
    let file = TestFile { upload: "upload-1-x".to_owned(), ..text("a.txt", 50_000) };
    let about = |kind: &str| json!({ "type": kind, "componentId": id, "uploadId": file.upload });
    let mut start = about("FILE_UPLOAD_START");
    start["filename"] = json!(file.name);
    start["fileType"] = json!("text/plain;charset=utf-8");
    start["fileSize"] = json!(file.bytes.len());
    client.send(start).await;
    assert_eq!(of_upload(&mut client).await["type"], "FILE_UPLOAD_START_RESPONSE");
    // In frames of bytes, counted; one of them twice, as after a timeout.
    let chunks: Vec<&[u8]> = file.bytes.chunks(20_000).collect();
    for (index, sent) in [(0, 20_000), (1, 40_000), (1, 40_000), (2, 50_000)] {
        let mut frame = Vec::new();
        let (at, total) = (At::Index(index), Some(9));
        let header = Header { component_id: &id, upload: &file.upload, at, total, request_id: None };
        write_frame(&header, chunks[usize::try_from(index).unwrap()], &mut frame);
        client.send_binary(frame).await;
        let progress = of_upload(&mut client).await;
        assert_eq!(progress["type"], "FILE_UPLOAD_PROGRESS", "{progress}");
        assert_eq!((&progress["chunkIndex"], &progress["bytesUploaded"]), (&json!(index), &json!(sent)));
        assert_eq!((&progress["totalBytes"], &progress["totalChunks"]), (&json!(50_000), &json!(9)));
    }
    client.send(about("FILE_UPLOAD_COMPLETE")).await;
    let done = of_upload(&mut client).await;
    assert_eq!((&done["type"], &done["hash"]), (&json!("FILE_UPLOAD_COMPLETE"), &json!(file.hash())));
    assert_eq!(std::fs::read(place.shelf.path().join(file.hash())).unwrap(), file.bytes);
    client.send(about("FILE_UPLOAD_COMPLETE")).await;
    let refused = of_upload(&mut client).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("FILE_UPLOAD_ERROR"), &json!("UPLOAD_GONE")));
}

/// The next message about an upload.
async fn of_upload(client: &mut Client) -> Value {
    loop {
        let message = client.next().await.unwrap();
        if message["uploadId"].is_string() {
            return message;
        }
    }
}

#[tokio::test]
async fn what_is_not_accepted_leaves_no_entry_and_no_file() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let program = TestFile::new("a.exe", "application/x-msdownload", *b"MZ");
    let large = TestFile { bytes: vec![b'a'; (8 << 20) + 1], ..text("large.txt", 0) };
    for (file, field, code) in [
        (&program, "files", "UPLOAD_TYPE"),
        (&large, "files", "UPLOAD_TOO_LARGE"),
        (&text("a.txt", 1), "done", "UPLOAD_REFUSED"),
        (&text("a.txt", 1), "nothing", "UPLOAD_REFUSED"),
    ] {
        assert_eq!(client.start_upload(&id, field, file, false).await.unwrap_err().code, code, "{field}");
        assert_eq!(client.send_chunk(&id, file, 0, 1).await.unwrap_err().code, "UPLOAD_GONE");
    }
    assert_eq!(shown(&mut client, &id), Vec::<Value>::new());
    assert_eq!(at_the_desk(&place.uploads), 0);
}

#[tokio::test]
async fn a_field_takes_as_many_files_as_its_author_says() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    for name in ["a.txt", "b.txt", "c.txt"] {
        client.start_upload(&id, "files", &text(name, 9), false).await.unwrap();
    }
    let refused = client.start_upload(&id, "files", &text("d.txt", 9), false).await.unwrap_err();
    assert_eq!(refused.code, "UPLOAD_REFUSED");
    client.cancel_upload(&id, &text("b.txt", 9)).await.unwrap();
    client.start_upload(&id, "files", &text("d.txt", 9), false).await.unwrap();
    let names: Vec<Value> = shown(&mut client, &id).iter().map(|file| file["name"].clone()).collect();
    assert_eq!(names, ["a.txt", "c.txt", "d.txt"]);
}

#[tokio::test(start_paused = true)]
async fn files_that_are_paused_make_way_for_others_and_go_on_later() {
    let place = place_with(|builder| builder.limits(|limits| limits.uploads = 2));
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let [first, second, third] = ["a.txt", "b.txt", "c.txt"].map(|name| text(name, 40_000));
    client.start_upload(&id, "files", &first, false).await.unwrap();
    client.send_chunk(&id, &first, 0, 20_000).await.unwrap();
    client.start_upload(&id, "files", &second, false).await.unwrap();
    // Which are only between one chunk and the next: it is worth to try again.
    assert_eq!(client.start_upload(&id, "files", &third, false).await.unwrap_err().code, "BUSY");
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    client.send_chunk(&id, &second, 0, 20_000).await.unwrap();
    client.start_upload(&id, "files", &third, false).await.unwrap();
    assert_eq!(client.send_chunk(&id, &first, 20_000, 20_000).await.unwrap_err().code, "UPLOAD_GONE");
    assert_eq!(client.send_chunk(&id, &second, 20_000, 20_000).await, Ok(40_000));
    client.complete_upload(&id, &second).await.unwrap();
    assert_eq!(client.start_upload(&id, "files", &first, true).await, Ok(20_000));
    assert_eq!(client.send_chunk(&id, &first, 20_000, 20_000).await, Ok(40_000));
    client.complete_upload(&id, &first).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_sends_as_many_files_as_the_server_says() {
    let place = place_with(|builder| builder.limits(|limits| limits.uploads = 2));
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    for name in ["a.txt", "b.txt"] {
        client.start_upload(&id, "files", &text(name, 9), false).await.unwrap();
    }
    let third = text("c.txt", 9);
    assert_eq!(client.start_upload(&id, "files", &third, false).await.unwrap_err().code, "BUSY");
    // Those that were refused are not on their way.
    for _ in 0..3 {
        client.cancel_upload(&id, &text("b.txt", 9)).await.unwrap();
        for name in ["x", "y", "z"] {
            let refused = TestFile::new(name, "application/zip", *b"PK");
            assert_eq!(
                client.start_upload(&id, "files", &refused, false).await.unwrap_err().code,
                "UPLOAD_TYPE"
            );
        }
        client.start_upload(&id, "files", &text("b.txt", 9), false).await.unwrap();
    }
    // One that is done makes way.
    let first = text("a.txt", 9);
    client.send_chunk(&id, &first, 0, 9).await.unwrap();
    client.complete_upload(&id, &first).await.unwrap();
    client.start_upload(&id, "files", &third, false).await.unwrap();
}

#[tokio::test]
async fn nobody_puts_anything_into_the_file_of_another() {
    let place = place();
    let mut ada = page(&place.harness).await;
    let mut eve = page(&place.harness).await;
    let file = text("a.txt", 40_000);
    let id = ada.mount("Album", json!({ "shared": "ours" })).await.unwrap();
    let same = eve.mount("Album", json!({ "shared": "ours" })).await.unwrap();
    assert_eq!(id, same);
    ada.start_upload(&id, "files", &file, false).await.unwrap();
    ada.send_chunk(&id, &file, 0, 20_000).await.unwrap();
    // The same name from another session is another file; without it there is nothing.
    assert_eq!(eve.send_chunk(&id, &file, 20_000, 20_000).await.unwrap_err().code, "UPLOAD_GONE");
    assert_eq!(eve.complete_upload(&id, &file).await.unwrap_err().code, "UPLOAD_GONE");
    eve.cancel_upload(&id, &file).await.unwrap();
    assert_eq!(eve.start_upload(&id, "files", &file, true).await, Ok(0));
    assert_eq!(shown(&mut eve, &id).len(), 2);
    assert_eq!(ada.send_chunk(&id, &file, 20_000, 20_000).await, Ok(40_000));
    ada.complete_upload(&id, &file).await.unwrap();

    // What somebody has not mounted they cannot send to, whatever they call it.
    let mut mallory = page(&place.harness).await;
    assert_eq!(
        mallory.start_upload(&id, "files", &file, true).await.unwrap_err().code,
        "REHYDRATION_REQUIRED"
    );
    assert_eq!(mallory.cancel_upload(&id, &file).await.unwrap_err().code, "REHYDRATION_REQUIRED");
}

#[tokio::test]
async fn who_leaves_a_shared_instance_takes_their_files_along() {
    let place = place();
    let (mut ada, mut bob) = (page(&place.harness).await, page(&place.harness).await);
    let id = ada.mount("Album", json!({ "shared": "ours" })).await.unwrap();
    bob.mount("Album", json!({ "shared": "ours" })).await.unwrap();
    let (whole, part) = (text("whole.txt", 100), text("part.txt", 100));
    bob.upload(&id, "files", &whole).await.unwrap();
    bob.start_upload(&id, "files", &part, false).await.unwrap();
    ada.upload(&id, "files", &text("mine.txt", 10)).await.unwrap();
    bob.unmount(&id).await;
    ada.settle(&id).await;
    let names: Vec<Value> = shown(&mut ada, &id).iter().map(|file| file["name"].clone()).collect();
    assert_eq!(names, ["mine.txt"]);
    until(|| at_the_desk(&place.uploads) == 1).await;
}

#[tokio::test]
async fn what_nobody_took_goes_with_the_instance() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    client.upload(&id, "files", &text("a.txt", 100)).await.unwrap();
    client.start_upload(&id, "files", &text("b.txt", 100), false).await.unwrap();
    assert_eq!(at_the_desk(&place.uploads), 2);
    client.unmount(&id).await;
    until(|| at_the_desk(&place.uploads) == 0).await;
}

#[tokio::test]
async fn what_begins_while_its_instance_ends_is_left_nowhere() {
    let place = place();
    let mut client = page(&place.harness).await;
    for _ in 0..20 {
        let id = album(&mut client).await;
        let start = client.next_request();
        let message = json!({ "type": "FILE_UPLOAD_START", "componentId": id, "uploadId": "a", "property": "files",
            "filename": "a.txt", "fileType": "text/plain", "fileSize": 100, "requestId": start });
        client.send(message).await;
        client.unmount(&id).await;
        client.answer_to(&start).await;
        until(|| at_the_desk(&place.uploads) == 0).await;
    }
}

#[tokio::test]
async fn what_an_author_removes_is_removed_and_its_sender_is_told() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 40_000);
    client.start_upload(&id, "files", &file, false).await.unwrap();
    client.send_chunk(&id, &file, 0, 20_000).await.unwrap();
    let entry = shown(&mut client, &id).remove(0);
    assert_eq!(client.call(&id, "remove", json!({ "id": entry["id"] })).await, Ok(json!(true)));
    assert_eq!(client.send_chunk(&id, &file, 20_000, 20_000).await.unwrap_err().code, "UPLOAD_GONE");
    assert_eq!(shown(&mut client, &id).len(), 0);
    until(|| at_the_desk(&place.uploads) == 0).await;
}

#[tokio::test]
async fn a_cancelled_file_is_gone_and_cancelling_again_is_fine() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 40_000);
    client.start_upload(&id, "files", &file, false).await.unwrap();
    client.send_chunk(&id, &file, 0, 20_000).await.unwrap();
    for _ in 0..2 {
        client.cancel_upload(&id, &file).await.unwrap();
    }
    assert_eq!(shown(&mut client, &id).len(), 0);
    until(|| at_the_desk(&place.uploads) == 0).await;
    assert_eq!(client.start_upload(&id, "files", &file, true).await, Ok(0), "it begins anew");
}

#[tokio::test]
async fn a_file_that_arrives_changed_is_never_called_done() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 100);
    let other = TestFile { bytes: vec![b'x'; 100], ..file.clone() };
    client.start_upload(&id, "files", &file, false).await.unwrap();
    client.send_chunk(&id, &other, 0, 100).await.unwrap();
    let refused = client.complete_upload(&id, &file).await.unwrap_err();
    assert_eq!(refused.code, "UPLOAD_CORRUPT");
    let entry = shown(&mut client, &id).remove(0);
    assert_eq!((&entry["status"], &entry["code"]), (&json!("failed"), &json!("UPLOAD_CORRUPT")));
    assert_eq!(entry["error"], json!(refused.error));
    // Again from the start, as it is.
    client.upload(&id, "files", &file).await.unwrap();
    assert_eq!(shown(&mut client, &id).remove(0)["status"], "done");
}

#[tokio::test]
async fn gaps_are_refused_with_the_place_to_go_on_from() {
    let place = place();
    let mut client = page(&place.harness).await;
    let id = album(&mut client).await;
    let file = text("a.txt", 60_000);
    client.start_upload(&id, "files", &file, false).await.unwrap();
    client.send_chunk(&id, &file, 0, 20_000).await.unwrap();
    let request = client.next_request();
    client.send_chunk_frame(&id, &file, 40_000, &file.bytes[40_000..], &request).await;
    let refused = client.answer_to(&request).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("FILE_UPLOAD_ERROR"), &json!("UPLOAD_GAP")));
    assert_eq!((&refused["bytesUploaded"], &refused["fields"]), (&json!(20_000), &json!(null)));
    assert_eq!((&refused["uploadId"], &refused["componentId"]), (&json!(file.upload), &json!(id)));
    // What was there already is passed over.
    assert_eq!(client.send_chunk(&id, &file, 10_000, 30_000).await, Ok(40_000));
    assert_eq!(client.send_chunk(&id, &file, 40_000, 20_000).await, Ok(60_000));
    client.complete_upload(&id, &file).await.unwrap();
}

#[tokio::test]
async fn a_server_without_a_folder_takes_no_files() {
    let live = Live::builder().component::<album::Album>().build().unwrap();
    let harness = fluxstack_live::testing::Harness::new(live);
    let mut client = page(&harness).await;
    assert!(!client.hello()["caps"].as_array().unwrap().contains(&json!("upload")));
    let id = album(&mut client).await;
    let file = text("a.txt", 1);
    assert_eq!(client.start_upload(&id, "files", &file, false).await.unwrap_err().code, "UPLOAD_REFUSED");
    assert_eq!(client.send_chunk(&id, &file, 0, 1).await.unwrap_err().code, "UPLOAD_GONE");
}
