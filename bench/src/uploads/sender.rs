//! One file on its way: which bytes go next, in frames of which size, and what the server has answered.
//!
//! A chunk is what may be under way at once. It goes in up to four frames, each of which is answered, and there is
//! never more than one chunk unanswered. This is what a client may lose when its connection is cut.

use std::collections::VecDeque;
use std::io::Write as _;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use serde_json::{Value, json};

use super::window::Window;

/// See the module.
pub(super) struct Sender {
    instance: String,
    upload: String,
    size: u64,
    /// Up to where it has been sent.
    pub(super) sent: u64,
    /// Up to where the server has said that it has it.
    pub(super) answered: u64,
    /// Frames without an answer: where they end, how long they are, since when, and whether there was room for
    /// another one.
    waiting: VecDeque<(u64, u64, Instant, bool)>,
    window: Window,
    /// Bytes that were allowed to be under way when the last frame was sent.
    pub(super) chunk: u64,
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
            window: Window::new(),
            chunk: 0,
            front: Vec::new(),
        }
    }

    /// Always sends chunks of this size.
    pub(super) fn fixed(mut self, chunk: u64) -> Self {
        self.window = Window::fixed(chunk);
        self
    }

    /// Somebody also makes actions on the connection.
    pub(super) fn beside_actions(mut self) -> Self {
        self.window.is_asking = true;
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
        self.window.renew();
        Ok(again)
    }

    /// Whether the server has all of it.
    pub(super) fn is_over(&self) -> bool {
        self.answered == self.size
    }

    /// Bytes of the next frame, if it may be sent now.
    pub(super) fn next(&self) -> Option<usize> {
        let length = self.window.frame().min(self.size - self.sent);
        let under_way = self.sent - self.answered;
        let is_allowed = length > 0 && (under_way == 0 || under_way + length <= self.window.bytes());
        is_allowed.then_some(length as usize)
    }

    /// What stands before the bytes of the next frame. It counts as sent.
    pub(super) fn front(&mut self, length: usize) -> &[u8] {
        let Self { instance, upload, sent, answered, window, front, .. } = self;
        let is_full = *sent + length as u64 - *answered + window.frame() > window.bytes();
        self.chunk = window.bytes();
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
        self.waiting.push_back((self.sent, length as u64, Instant::now(), is_full));
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
        let Some((end, length, since, is_full)) = self.waiting.pop_front() else {
            anyhow::bail!("an answer to nothing: {received} bytes")
        };
        ensure!(received >= end, "after {end} bytes the server has {received}");
        ensure!(received <= self.sent, "of {} bytes the server has {received}", self.sent);
        self.answered = received;
        self.window.measure(since.elapsed(), length, is_full);
        Ok(true)
    }
}

/// What a frame brings, without what stands before it.
pub(crate) fn bytes_of(frame: &Bytes) -> Bytes {
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
