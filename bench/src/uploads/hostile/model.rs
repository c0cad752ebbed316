//! What must be there of a file, after all that was sent of it.

use sha2::{Digest as _, Sha256};

use crate::uploads::content::hex;

/// What was seen.
#[derive(Default)]
pub(super) struct Count {
    pub(super) stories: usize,
    pub(super) moves: usize,
    pub(super) garbage: usize,
    pub(super) refused: usize,
    pub(super) closed: usize,
    pub(super) completed: usize,
    pub(super) corrupt: usize,
    pub(super) wrong: Vec<String>,
}

impl Count {
    pub(super) fn add(&mut self, other: &Self) {
        self.stories += other.stories;
        self.moves += other.moves;
        self.garbage += other.garbage;
        self.refused += other.refused;
        self.closed += other.closed;
        self.completed += other.completed;
        self.corrupt += other.corrupt;
        self.wrong.extend(other.wrong.iter().cloned());
    }
}

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody has begun it, or it was given up.
    None,
    /// This connection may send it.
    Open,
    /// It is there, and no connection may send it before it has said so.
    Away,
    /// Something was wrong with it. Nobody relies on what is there of it before it is begun anew.
    Failed,
    /// It was completed.
    Done,
}

/// One file of one page.
pub(super) struct File {
    pub(super) name: String,
    /// What it was called when it began. Called otherwise, it is another file.
    pub(super) called: String,
    pub(super) stage: Stage,
    pub(super) size: u64,
    /// What the server has, byte by byte.
    pub(super) received: Vec<u8>,
    /// What it has been sent and has not answered before the connection was lost.
    pub(super) doubtful: Vec<u8>,
}

impl File {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            called: String::new(),
            stage: Stage::None,
            size: 0,
            received: Vec::new(),
            doubtful: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, called: &str, size: u64) {
        called.clone_into(&mut self.called);
        (self.stage, self.size) = (Stage::Open, size);
        self.received.clear();
        self.doubtful.clear();
    }

    /// The server has said how much of what was doubtful it has.
    pub(super) fn arrive(&mut self, there: u64) {
        let more = (there - self.has()) as usize;
        self.received.extend(self.doubtful.drain(..more));
        self.doubtful.clear();
    }

    pub(super) fn has(&self) -> u64 {
        self.received.len() as u64
    }

    pub(super) fn rest(&self) -> u64 {
        self.size - self.has()
    }

    /// Bytes that are missing, if it was begun.
    pub(super) fn rest_or_none(&self) -> Option<u64> {
        (self.stage != Stage::None).then(|| self.rest())
    }

    /// Bytes at this place: those that are there already are passed over.
    pub(super) fn put(&mut self, offset: u64, bytes: &[u8]) {
        let known = (self.has() - offset) as usize;
        self.received.extend(bytes.get(known..).unwrap_or_default());
    }

    pub(super) fn digest(&self) -> String {
        hex(&Sha256::digest(&self.received))
    }
}
