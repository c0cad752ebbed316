//! Files: our server as small as an application can have it, and a floor that does with the bytes what has to be done.
//!
//! Both write each chunk to a file before they answer it, hash it, compare the digest at the end, and remove the file. The
//! floor does it on the one thread it has and knows nothing of sessions, instances, cuts or other people's files. What must
//! stay true: a client that sends a file to one of them hears from the other the same.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result as Anyhow;
use axum::Router;
use axum::extract::RawQuery;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use bytes::Bytes;
use fluxstack_live::prelude::*;
use fluxstack_live::{Upload, Uploads};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::batch::Batch;
use super::floor::{Floor, now};
use crate::bare::BUFFER;
use crate::uploads::{hex, sink};

/// Takes files, and has no use for them.
#[derive(State)]
pub struct Files {
    /// Where they come in.
    pub file: Upload,
}

/// Bytes of a file, at most: more than any that is sent.
const LARGEST: u64 = 1 << 30;

impl Component for Files {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Files { file: Upload::any().max_bytes(LARGEST) })
    }

    async fn on_upload(&mut self, _field: &'static str, _cx: &mut Cx<Self>) -> Result<()> {
        let ids: Vec<String> = self.file.files().iter().map(|file| file.id.clone()).collect();
        for id in ids {
            self.file.remove(&id);
        }
        Ok(())
    }
}

#[actions]
impl Files {}

/// What is served, with its files in this folder.
pub(crate) fn live(folder: &Path) -> Anyhow<Router> {
    let live = Live::builder()
        .component::<Files>()
        .uploads(Uploads::at(folder.join("live")))
        .limits(Limits::unlimited)
        .limits(|limits| (limits.upload_quota, limits.upload_disk) = (u64::MAX, u64::MAX))
        .build()?;
    Ok(Router::new().nest("/api/live", live.router()))
}

/// The floor, on the socket library that floors have.
pub(crate) fn floor(folder: &Path) -> Router {
    let (folder, files) = (folder.to_owned(), Arc::new(AtomicU64::new(0)));
    let socket = get(async move |RawQuery(query): RawQuery, upgrade: WebSocketUpgrade| {
        let path = folder.join(format!("floor-{}", files.fetch_add(1, Ordering::Relaxed)));
        let line = Line { floor: Floor::new(&query.unwrap_or_default()), path, coming: None };
        upgrade
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_message_size(sink::FRAME)
            .max_frame_size(sink::FRAME)
            // Whichever way it ends, the connection is gone.
            .on_upgrade(async move |socket| drop(line.serve(socket).await))
    });
    Router::new().route("/api/live/ws", socket)
}

/// One connection of the floor: one file at a time.
struct Line {
    floor: Floor,
    path: PathBuf,
    coming: Option<Coming>,
}

/// A file on its way.
struct Coming {
    file: File,
    name: String,
    size: u64,
    received: u64,
    digest: Sha256,
}

/// What is said of a file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    component_id: String,
    upload_id: String,
    request_id: Option<u64>,
    offset: Option<u64>,
    filename: Option<String>,
    file_size: Option<u64>,
    hash: Option<String>,
}

impl Line {
    async fn serve(mut self, mut socket: WebSocket) -> Anyhow<()> {
        let mut hello = Vec::new();
        self.floor.hello(&mut hello);
        socket.send(text(hello)?).await?;
        let (mut reply, mut told) = (Batch::new(0), Batch::new(0));
        while let Some(message) = socket.recv().await {
            let answer = match message? {
                Message::Text(said) if said.contains("\"FILE_UPLOAD_") => {
                    self.hear(&serde_json::from_str(&said)?)?
                }
                Message::Text(said) => {
                    self.floor.hear(said.as_bytes(), now(), &mut reply, &mut told);
                    if reply.is_empty() {
                        continue;
                    }
                    reply.text().to_vec()
                }
                Message::Binary(frame) => self.take(&frame)?,
                _ => continue,
            };
            socket.send(text(answer)?).await?;
        }
        Ok(())
    }

    /// A file begins or ends.
    fn hear(&mut self, said: &Said) -> Anyhow<Vec<u8>> {
        let Said { kind, component_id, upload_id, request_id, .. } = said;
        let answer = if kind == "FILE_UPLOAD_START" {
            let name = said.filename.clone().unwrap_or_default();
            let (size, file) = (said.file_size.unwrap_or_default(), File::create(&self.path)?);
            self.coming = Some(Coming { file, name, size, received: 0, digest: Sha256::new() });
            json!({ "type": "FILE_UPLOAD_START_RESPONSE", "componentId": component_id, "uploadId": upload_id,
                "success": true, "file": "0".repeat(32), "bytesUploaded": 0, "requestId": request_id,
                "timestamp": now() })
        } else {
            let Some(coming) = self.coming.take() else { anyhow::bail!("no file is on its way") };
            std::fs::remove_file(&self.path)?;
            let hash = hex(&coming.digest.finalize());
            anyhow::ensure!(
                coming.received == coming.size && said.hash.as_ref() == Some(&hash),
                "it is torn"
            );
            json!({ "type": "FILE_UPLOAD_COMPLETE", "componentId": component_id, "uploadId": upload_id,
                "success": true, "filename": coming.name, "hash": hash, "requestId": request_id,
                "timestamp": now() })
        };
        Ok(answer.to_string().into_bytes())
    }

    /// A chunk.
    fn take(&mut self, frame: &Bytes) -> Anyhow<Vec<u8>> {
        let bytes = sink::bytes_of(frame);
        let said: Said = serde_json::from_slice(&frame[4..frame.len() - bytes.len()])?;
        let Some(coming) = &mut self.coming else { anyhow::bail!("no file is on its way") };
        anyhow::ensure!(said.offset == Some(coming.received), "a chunk is missing");
        coming.file.write_all(&bytes)?;
        coming.digest.update(&bytes);
        coming.received += bytes.len() as u64;
        let (received, size) = (coming.received, coming.size);
        let progress = (received as f64 * 1_000.0 / size as f64).floor() / 10.0;
        let mut answer = Vec::new();
        write!(
            answer,
            r#"{{"type":"FILE_UPLOAD_PROGRESS","componentId":"{}","uploadId":"{}","success":true,"bytesUploaded":{received},"totalBytes":{size},"progress":{progress:?},"requestId":{},"timestamp":{}}}"#,
            said.component_id,
            said.upload_id,
            said.request_id.unwrap_or_default(),
            now()
        )?;
        Ok(answer)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.coming.is_some() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn text(bytes: Vec<u8>) -> Anyhow<Message> {
    Ok(Message::Text(Utf8Bytes::try_from(Bytes::from(bytes))?))
}
