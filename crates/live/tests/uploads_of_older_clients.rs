//! Files of older clients, told in the frames that they know. They number their chunks, announce sizes that they do not
//! keep to, and say no digest.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod app;

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fluxstack_live::Uploads;
use fluxstack_live::testing::{Client, Harness};
use fluxstack_live_protocol::upload::{At, Header, write_frame};
use serde_json::{Value, json};

/// SHA-256 of [`LETTER`].
const HASH: &str = "12c3274aa6f06694ef99260f4c01613a7b3b4475c41a906ebe5af7d1e1a24755";
const LETTER: &[u8] = b"Dear all, this is thirty bytes";

/// An older client that has mounted a mailroom.
struct Older {
    folder: PathBuf,
    client: Client,
    id: String,
    _harness: Harness,
}

impl Older {
    /// `name` is the test's, because each has a folder of its own.
    async fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("live-older-{}-{name}", std::process::id()));
        let harness = Harness::new(app::live().uploads(Uploads::at(&folder)).build().unwrap());
        let mut client = harness.connect_with("").await.unwrap();
        let id = client.mount("Mailroom", json!({})).await.unwrap();
        Self { folder, client, id, _harness: harness }
    }

    /// Says it, and answers what comes back but for the time.
    async fn say(&mut self, kind: &str, fields: Value) -> Value {
        let mut message = json!({ "type": format!("FILE_UPLOAD_{kind}"), "componentId": self.id, "uploadId": "upload-1-x" });
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        message["expectResponse"] = json!(true);
        strip(self.client.request(message).await)
    }

    /// What is answered: a frame of this type with these fields, and what all of them have.
    fn told(&self, kind: &str, fields: Value, request: u64) -> Value {
        let mut frame = json!({
            "type": format!("FILE_UPLOAD_{kind}"), "componentId": self.id, "uploadId": "upload-1-x",
            "success": true, "requestId": request.to_string(),
        });
        frame.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        frame
    }

    async fn start(&mut self, fields: Value) -> Value {
        let mut whole = json!({ "filename": "a.txt", "fileType": "text/plain;charset=UTF-8", "fileSize": 30, "chunkSize": 20 });
        whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.say("START", whole).await
    }

    async fn chunk(&mut self, index: u64, bytes: &[u8]) -> Value {
        self.say("CHUNK", json!({ "chunkIndex": index, "totalChunks": 2, "data": STANDARD.encode(bytes) }))
            .await
    }

    /// A chunk in a binary frame; what comes back next that is said of an upload.
    async fn binary(&mut self, index: u64, bytes: &[u8], request_id: Option<&str>) -> Value {
        let id = self.id.clone();
        let header = Header {
            component_id: &id,
            upload: "upload-1-x",
            at: At::Index(index),
            total: Some(2),
            request_id,
        };
        let mut frame = Vec::new();
        write_frame(&header, bytes, &mut frame);
        self.client.send_binary(frame).await;
        loop {
            let found = self.client.next().await.unwrap();
            if found["type"].as_str().unwrap().starts_with("FILE_UPLOAD_") {
                return strip(found);
            }
        }
    }

    fn file(&self) -> Value {
        self.client.view(&self.id).unwrap()["letters"]["files"][0].clone()
    }
}

impl Drop for Older {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.folder));
    }
}

fn strip(mut frame: Value) -> Value {
    frame.as_object_mut().unwrap().remove("timestamp");
    frame
}

fn progress(index: u64, received: u64, percent: f64) -> Value {
    json!({ "chunkIndex": index, "totalChunks": 2, "bytesUploaded": received, "totalBytes": 30, "progress": percent })
}

#[tokio::test(start_paused = true)]
async fn chunks_that_are_smaller_than_was_announced_are_a_whole_file_all_the_same() {
    let mut older = Older::new("smaller").await;
    let mut started = older.start(json!({})).await;
    let file = started.as_object_mut().unwrap().remove("file").unwrap();
    assert_eq!(started, older.told("START_RESPONSE", json!({ "bytesUploaded": 0 }), 2));
    assert_eq!(older.chunk(0, &LETTER[..10]).await, older.told("PROGRESS", progress(0, 10, 33.3), 3));
    let second = older.binary(1, &LETTER[10..20], Some("\"c1\"")).await;
    let mut expected = older.told("PROGRESS", progress(1, 20, 66.6), 0);
    expected["requestId"] = json!("c1");
    assert_eq!(second, expected);
    assert_eq!(older.chunk(2, &LETTER[20..]).await, older.told("PROGRESS", progress(2, 30, 100.0), 4));
    let done = json!({ "filename": "a.txt", "hash": HASH });
    assert_eq!(older.say("COMPLETE", json!({})).await, older.told("COMPLETE", done, 5));
    assert_eq!((&older.file()["id"], &older.file()["status"]), (&file, &json!("done")));
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_comes_again_is_answered_again_and_one_too_early_is_refused() {
    let mut older = Older::new("again").await;
    older.start(json!({})).await;
    older.chunk(0, &LETTER[..20]).await;
    let again = older.chunk(0, b"other bytes of any length").await;
    assert_eq!(again, older.told("PROGRESS", progress(0, 20, 66.6), 4));
    let mut early = older.chunk(2, &LETTER[20..]).await;
    assert!(early.as_object_mut().unwrap().remove("error").unwrap().is_string());
    let gap = json!({ "success": false, "code": "UPLOAD_GAP", "bytesUploaded": 20 });
    assert_eq!(early, older.told("ERROR", gap, 5));
    older.chunk(1, &LETTER[20..]).await;
    assert_eq!(older.say("COMPLETE", json!({})).await["hash"], json!(HASH));
}

#[tokio::test(start_paused = true)]
async fn a_chunk_without_a_request_is_answered_without_one() {
    let mut older = Older::new("quiet").await;
    older.start(json!({})).await;
    let mut expected = older.told("PROGRESS", progress(0, 30, 100.0), 0);
    expected.as_object_mut().unwrap().remove("requestId");
    assert_eq!(older.binary(0, LETTER, None).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_longer_or_shorter_than_was_said_is_none() {
    let mut older = Older::new("longer").await;
    older.start(json!({ "fileSize": 29 })).await;
    let refused = older.chunk(0, LETTER).await;
    assert_eq!(
        (&refused["type"], &refused["code"]),
        (&json!("FILE_UPLOAD_ERROR"), &json!("UPLOAD_TOO_LARGE"))
    );
    assert_eq!(older.chunk(0, b"a").await["code"], json!("UPLOAD_GONE"));

    let mut older = Older::new("shorter").await;
    older.start(json!({ "fileSize": 31 })).await;
    older.chunk(0, LETTER).await;
    let mut refused = older.say("COMPLETE", json!({})).await;
    assert!(refused.as_object_mut().unwrap().remove("error").unwrap().is_string());
    let gap = json!({ "success": false, "code": "UPLOAD_GAP", "bytesUploaded": 30 });
    assert_eq!(refused, older.told("ERROR", gap, 4));
    assert_eq!(older.chunk(1, b"!").await["bytesUploaded"], json!(31));
    assert_eq!(older.say("COMPLETE", json!({})).await["success"], json!(true));
}

#[tokio::test(start_paused = true)]
async fn what_no_file_can_be_is_refused_in_the_frame_that_they_know() {
    let mut older = Older::new("refused").await;
    for size in [json!(-1), json!(0.5), json!(1e300), json!("30"), json!(null)] {
        let refused = older.start(json!({ "fileSize": size })).await;
        assert_eq!(
            (&refused["type"], &refused["code"]),
            (&json!("FILE_UPLOAD_ERROR"), &json!("BAD_PAYLOAD"))
        );
        assert_eq!(refused["uploadId"], json!("upload-1-x"));
    }
    assert_eq!(older.chunk(0, LETTER).await["code"], json!("UPLOAD_GONE"));
    older.start(json!({})).await;
    let refused = older.say("CHUNK", json!({ "chunkIndex": 0, "data": "not base64" })).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("FILE_UPLOAD_ERROR"), &json!("BAD_CHUNK")));
    // What was not understood has done nothing.
    assert_eq!(older.chunk(0, LETTER).await["bytesUploaded"], json!(30));
}
