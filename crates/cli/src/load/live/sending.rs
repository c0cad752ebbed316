//! Sending files, as "Files" of `docs/protocol.md` has it: a chunk, its answer, the next chunk.
//!
//! A call is the next step of a file: its start, a chunk in a binary frame, its end. What must stay true: an answer is
//! only taken for one if it says that exactly what was sent so far has arrived, and of the whole file the hash that it
//! has.

use std::rc::Rc;

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};

use super::{CALL, KINDS, Live, Words, put, refusal};
use crate::load::frame::Frame;
use crate::load::json::{Scan, plain, whole};
use crate::load::live::Message;
use crate::load::out::Out;
use crate::load::speech::{News, Speech};

/// Bytes of one file at most: it is in memory, once for all connections.
const LARGEST: usize = 1 << 30;

/// A file, which all connections send again and again.
pub struct Content {
    bytes: Vec<u8>,
    chunk: usize,
    hash: String,
}

impl Content {
    /// So many bytes, which do not repeat soon, in chunks of so many.
    ///
    /// # Errors
    ///
    /// There is nothing to send, or too much.
    pub fn new(size: usize, chunk: usize) -> Result<Self> {
        ensure!(size > 0 && chunk > 0, "a file and its chunks have at least one byte");
        ensure!(size <= LARGEST, "a file of {size} bytes, and {LARGEST} is the limit");
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            // Any stream that a disk or a hash cannot shorten; this is xorshift.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        })
        .flatten()
        .take(size)
        .collect();
        let hash = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { bytes, chunk, hash })
    }

    /// Requests a file takes: its chunks, its start and its end.
    fn steps(&self) -> u64 {
        self.bytes.len().div_ceil(self.chunk) as u64 + 2
    }

    /// Where the chunk of this step is.
    fn chunk(&self, step: u64) -> (usize, &[u8]) {
        let begin = (step as usize - 1) * self.chunk;
        (begin, &self.bytes[begin..(begin + self.chunk).min(self.bytes.len())])
    }
}

/// One connection that sends files.
pub struct Sending {
    live: Live,
    content: Rc<Content>,
}

impl Sending {
    /// What sends this file over and over, to each of so many components.
    pub fn new(words: Rc<Words>, content: Rc<Content>, who: usize, slots: usize) -> Self {
        Self { live: Live::new(words, who, slots), content }
    }

    /// What is said of a file, whatever it is.
    fn answer(&mut self, message: &Message<'_>, news: &mut Vec<News>) -> Result<()> {
        if message.success != b"true" {
            news.push(refusal(message));
            return Ok(());
        }
        let request = message.request.and_then(whole).context("an answer to nothing that was asked")?;
        let slots = self.live.slots.len() as u64;
        let rest = request / KINDS;
        let (slot, number) = ((rest % slots) as usize, rest / slots);
        let (step, arrived) = (self.step(number), message.arrived.and_then(whole));
        let (expected, said) = match step {
            0 => (Some(0), arrived),
            step if step == self.content.steps() - 1 => {
                let hash = message.hash.and_then(plain).unwrap_or_default();
                if hash != self.content.hash.as_bytes() {
                    let hash = String::from_utf8_lossy(hash);
                    news.push(News::Wrong { what: format!("a file has the hash {hash:?} where it arrived") });
                }
                (None, None)
            }
            step => {
                let (begin, chunk) = self.content.chunk(step);
                (Some((begin + chunk.len()) as u64), arrived)
            }
        };
        if said != expected {
            let what =
                format!("step {step} of a file: {said:?} bytes have arrived, and {expected:?} were sent");
            news.push(News::Wrong { what });
        }
        news.push(News::Answered { slot, number });
        Ok(())
    }

    fn step(&self, number: u64) -> u64 {
        number.saturating_sub(1) % self.content.steps()
    }
}

impl Speech for Sending {
    fn path(&self) -> String {
        self.live.path()
    }

    fn begin(&mut self, out: &mut Out) {
        self.live.begin(out);
    }

    fn mount(&mut self, slot: usize, out: &mut Out) {
        self.live.mount(slot, out);
    }

    fn unmount(&mut self, slot: usize, out: &mut Out) {
        self.live.unmount(slot, out);
    }

    fn call(&mut self, slot: usize, number: u64, out: &mut Out) {
        let request = self.live.request(CALL, slot, number);
        let (step, content) = (self.step(number), &*self.content);
        let file = number.saturating_sub(1) / content.steps();
        let write = |kind: &str, more: std::fmt::Arguments<'_>| {
            let mut text = format!(r#"{{"type":"{kind}","componentId":""#).into_bytes();
            text.extend_from_slice(&self.live.slots[slot].id);
            let upload = format!("load-{}-{slot}-{file}", self.live.who);
            put(&mut text, format_args!(r#"","uploadId":"{upload}"{more},"requestId":{request}}}"#));
            text
        };
        if step == 0 {
            let size = content.bytes.len();
            let more = format_args!(
                r#","filename":"load.bin","fileType":"application/octet-stream","fileSize":{size}"#
            );
            let text = write("FILE_UPLOAD_START", more);
            out.text(|bytes| bytes.extend_from_slice(&text));
        } else if step == content.steps() - 1 {
            let text = write("FILE_UPLOAD_COMPLETE", format_args!(r#","hash":"{}""#, content.hash));
            out.text(|bytes| bytes.extend_from_slice(&text));
        } else {
            let (begin, chunk) = content.chunk(step);
            let head = write("FILE_UPLOAD_CHUNK", format_args!(r#","offset":{begin}"#));
            out.binary(|bytes| {
                bytes.extend_from_slice(&(head.len() as u32).to_le_bytes());
                bytes.extend_from_slice(&head);
                bytes.extend_from_slice(chunk);
            });
        }
    }

    // Files have no rooms.
    fn tell(&mut self, _number: u64, _out: &mut Out) {}

    fn hear(&mut self, frame: Frame<'_>, news: &mut Vec<News>, out: &mut Out) -> Result<()> {
        if let Frame::Text(text) = frame {
            let mut scan = Scan::new(text);
            let is_batch = scan.take(b'[').is_some();
            while let Some(message) = super::read(&mut scan) {
                if message.kind.starts_with(b"\"FILE_UPLOAD_") {
                    self.answer(&message, news)?;
                }
                if !is_batch || scan.take(b',').is_none() {
                    break;
                }
            }
        }
        // It passes over what is of files, and finds what is no message.
        self.live.hear(frame, news, out)
    }
}
