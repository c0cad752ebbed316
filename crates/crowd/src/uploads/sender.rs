//! One file on its way: which bytes go next, in frames of which size, and what the server has answered.
//!
//! A chunk is what may be under way at once. It goes in up to four frames, each of which is answered, and there is
//! never more than one chunk unanswered. This is what a client may lose when its connection is cut.

use std::collections::VecDeque;
use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use serde_json::{Value, json};

/// Bytes of a chunk, at least and at most.
pub(super) const SMALLEST: u64 = 16 << 10;
pub(super) const LARGEST: u64 = 1 << 20;
/// What it begins with, before anything is known.
const FIRST: u64 = 64 << 10;
/// Frames of a chunk.
const FRAMES: u64 = 4;
/// How long a chunk should take to be answered.
const TURNAROUND: Duration = Duration::from_millis(200);
/// How much larger it may become from one answer to the next.
const GROWTH: f64 = 1.5;

/// See the module.
pub(super) struct Sender {
    instance: String,
    upload: String,
    size: u64,
    /// Up to where the server has to have been sent it for the answers to make sense.
    pub(super) sent: u64,
    /// Up to where it has said it has it.
    pub(super) answered: u64,
    /// Frames without an answer: where they end, and since when.
    waiting: VecDeque<(u64, Instant)>,
    /// Bytes that may be under way.
    pub(super) chunk: u64,
    /// Bytes it may become.
    most: u64,
    front: Vec<u8>,
}

impl Sender {
    pub(super) fn new(instance: &str, upload: &str, size: u64) -> Self {
        Self {
            instance: instance.to_owned(),
            upload: upload.to_owned(),
            size,
            sent: 0,
            answered: 0,
            waiting: VecDeque::new(),
            chunk: FIRST,
            most: LARGEST,
            front: Vec::new(),
        }
    }

    /// Always sends chunks of this size.
    pub(super) fn fixed(mut self, chunk: u64) -> Self {
        (self.chunk, self.most) = (chunk, chunk);
        self
    }

    /// What begins it, or takes it up again.
    pub(super) fn start(&self, is_resumed: bool) -> Value {
        json!({ "type": "FILE_UPLOAD_START", "componentId": self.instance, "uploadId": self.upload,
            "property": "file", "filename": format!("{}.bin", self.upload), "fileType": "application/octet-stream",
            "fileSize": self.size, "resume": is_resumed })
    }

    /// What ends it.
    pub(super) fn complete(&self, digest: &str) -> Value {
        json!({ "type": "FILE_UPLOAD_COMPLETE", "componentId": self.instance, "uploadId": self.upload,
            "hash": digest })
    }

    /// What gives it up.
    pub(super) fn cancel(&self) -> Value {
        json!({ "type": "FILE_UPLOAD_CANCEL", "componentId": self.instance, "uploadId": self.upload })
    }

    /// The server has said how much it has, and whatever was under way is lost. Answers what has to be sent again.
    pub(super) fn started(&mut self, reply: &Value) -> Result<u64> {
        ensure!(reply["success"] == true, "the upload was refused: {reply}");
        let received =
            reply["bytesUploaded"].as_u64().with_context(|| format!("no bytesUploaded in {reply}"))?;
        ensure!(received >= self.answered, "answered were {} bytes, and there are {received}", self.answered);
        ensure!(received <= self.sent, "sent were {} bytes, and there are {received}", self.sent);
        let again = self.sent - received;
        (self.sent, self.answered) = (received, received);
        self.waiting.clear();
        Ok(again)
    }

    /// Whether the server has all of it.
    pub(super) fn is_over(&self) -> bool {
        self.answered == self.size
    }

    /// Bytes of the next frame, if it may be sent now.
    pub(super) fn next(&self) -> Option<usize> {
        let frame = (self.chunk / FRAMES).max(SMALLEST).min(self.chunk).min(self.size - self.sent);
        let is_allowed = frame > 0 && self.sent - self.answered + frame <= self.chunk;
        is_allowed.then_some(frame as usize)
    }

    /// What stands before the bytes of the next frame. It counts as sent.
    pub(super) fn front(&mut self, length: usize) -> &[u8] {
        let Self { instance, upload, sent, front, .. } = self;
        front.clear();
        front.extend([0; 4]);
        // Writing into memory cannot fail.
        let _ = write!(
            front,
            r#"{{"type":"FILE_UPLOAD_CHUNK","componentId":"{instance}","uploadId":"{upload}","offset":{sent},"requestId":"{sent}"}}"#
        );
        let header = (front.len() - 4) as u32;
        front[..4].copy_from_slice(&header.to_le_bytes());
        self.sent += length as u64;
        self.waiting.push_back((self.sent, Instant::now()));
        &self.front
    }

    /// Takes an answer, if it is one to a frame of this file. What is none of its business is `false`.
    pub(super) fn hear(&mut self, message: &Value) -> Result<bool> {
        if message["uploadId"] != self.upload.as_str() {
            return Ok(false);
        }
        match message["type"].as_str() {
            Some("FILE_UPLOAD_PROGRESS") => {}
            Some("FILE_UPLOAD_ERROR") => anyhow::bail!("a chunk was refused: {message}"),
            _ => return Ok(false),
        }
        let received = message["bytesUploaded"].as_u64().context("no bytesUploaded")?;
        self.advance(received)
    }

    /// The server has so much.
    pub(super) fn advance(&mut self, received: u64) -> Result<bool> {
        let Some((end, since)) = self.waiting.pop_front() else {
            anyhow::bail!("an answer to nothing: {received} bytes")
        };
        ensure!(received >= end, "after {end} bytes the server has {received}");
        ensure!(received <= self.sent, "of {} bytes the server has {received}", self.sent);
        self.answered = received;
        let ratio = TURNAROUND.as_secs_f64() / since.elapsed().as_secs_f64().max(1e-6);
        let wanted = self.chunk as f64 * ratio.clamp(0.5, GROWTH);
        self.chunk = (wanted as u64).clamp(SMALLEST.min(self.most), self.most);
        Ok(true)
    }
}

/// What a frame brings, without what stands before it.
pub(super) fn bytes_of(frame: &Bytes) -> Bytes {
    let header = frame.first_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize);
    frame.slice(header.saturating_add(4).min(frame.len())..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_a_chunk_is_under_way() {
        let mut sender = Sender::new("live-a", "u", 300 << 10).fixed(128 << 10);
        let mut sent = Vec::new();
        while let Some(length) = sender.next() {
            sender.front(length);
            sent.push(length >> 10);
        }
        assert_eq!(sent, [32, 32, 32, 32]);
        assert!(sender.advance(32 << 10).unwrap());
        assert_eq!(sender.next(), Some(32 << 10));
        assert!(sender.advance(10).is_err(), "less than was sent");
    }

    #[test]
    fn what_is_under_way_at_a_cut_is_sent_again_and_what_was_answered_never_is() {
        let mut sender = Sender::new("live-a", "u", 1 << 20).fixed(64 << 10);
        let started = |received: u64| json!({ "success": true, "bytesUploaded": received });
        assert_eq!(sender.started(&started(0)).unwrap(), 0);
        for _ in 0..4 {
            sender.front(16 << 10);
        }
        sender.advance(16 << 10).unwrap();
        assert!(sender.started(&started(15 << 10)).is_err());
        assert!(sender.started(&started(65 << 10)).is_err());
        assert_eq!(sender.started(&started(40 << 10)).unwrap(), 24 << 10);
        assert_eq!((sender.sent, sender.answered), (40 << 10, 40 << 10));
    }

    #[test]
    fn the_bytes_of_a_frame_are_what_follows_its_header() {
        let mut sender = Sender::new("live-a", "u", 100);
        let frame = [sender.front(3), b"abc"].concat();
        assert_eq!(bytes_of(&frame.into()), "abc");
        assert_eq!(bytes_of(&Bytes::from_static(&[255, 255, 255, 255, 1])), "");
        assert_eq!(bytes_of(&Bytes::from_static(&[1])), "");
    }
}
