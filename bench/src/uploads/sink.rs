//! What can be had from the same socket library: servers that take the bytes of an upload and do little with them.
//!
//! Buffers and frame limits are those of the live server, and so is the way into it. `/pour` counts and drops, and
//! says how much it was when it is asked; `/sink` does that and answers each frame, as an upload is answered;
//! `/file` writes each frame to a file before it answers, and `/hash` writes and hashes it. The last two show what
//! is the price of a file, whoever takes it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;

pub(crate) use super::sender::bytes_of;
use crate::bare::BUFFER;

/// The largest frame the live server takes: `Limits::frame`, and what stands before the bytes.
pub(crate) const FRAME: usize = (1 << 20) + (64 << 10) + 4;

/// What is done with the bytes of a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
enum With {
    Nothing,
    Answer,
    File,
    FileAndHash,
}

/// What is served.
pub(crate) fn router(folder: &Path) -> Router {
    let files = Arc::new(AtomicU64::new(0));
    let route = |with: With| {
        let (folder, files) = (folder.to_owned(), Arc::clone(&files));
        get(async move |upgrade: WebSocketUpgrade| {
            let path = folder.join(format!("sink-{}", files.fetch_add(1, Ordering::Relaxed)));
            upgrade
                .read_buffer_size(BUFFER)
                .write_buffer_size(BUFFER)
                .max_message_size(FRAME)
                .max_frame_size(FRAME)
                .on_upgrade(async move |socket| take(socket, with, path).await)
        })
    };
    Router::new()
        .route("/pour", route(With::Nothing))
        .route("/sink", route(With::Answer))
        .route("/file", route(With::File))
        .route("/hash", route(With::FileAndHash))
}

async fn take(mut socket: WebSocket, with: With, path: PathBuf) {
    let mut kept = match with {
        With::Nothing | With::Answer => None,
        With::File | With::FileAndHash => std::fs::File::create(&path).ok().map(|file| (file, Sha256::new())),
    };
    let mut received = 0;
    while let Some(Ok(message)) = socket.recv().await {
        let is_answered = match message {
            Message::Binary(frame) => {
                let bytes = bytes_of(&frame);
                received += bytes.len() as u64;
                if let Some(some) = kept.take() {
                    kept = spawn_blocking(move || write(some, &bytes, with)).await.ok().flatten();
                }
                with != With::Nothing
            }
            Message::Text(_) => true,
            _ => false,
        };
        if is_answered && socket.send(Message::Text(answer(received).into())).await.is_err() {
            break;
        }
    }
    if kept.is_some() {
        let _ = std::fs::remove_file(&path);
    }
}

type Kept = (std::fs::File, Sha256);

fn write((mut file, mut digest): Kept, bytes: &Bytes, with: With) -> Option<Kept> {
    use std::io::Write as _;
    file.write_all(bytes).ok()?;
    if with == With::FileAndHash {
        digest.update(bytes);
    }
    Some((file, digest))
}

/// About as long as that of the live server.
fn answer(received: u64) -> String {
    format!(
        r#"{{"type":"FILE_UPLOAD_PROGRESS","componentId":"live-00000000-0000-4000-8000-000000000000","uploadId":"sink","success":true,"bytesUploaded":{received},"totalBytes":0,"progress":0,"requestId":0,"timestamp":1700000000000}}"#
    )
}
