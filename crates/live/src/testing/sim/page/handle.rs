//! One component as a page has it: what it shows, what it was told, what it has called.

use std::collections::VecDeque;

use serde_json::{Map, Value};

/// How an instance came to be what is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was mounted, for the first time.
    Mounted,
    /// It was waiting, and nothing had changed.
    Resumed,
    /// It was waiting, and this many messages were sent again.
    Replayed(u64),
    /// It was rebuilt from its snapshot, and begins at this version.
    Rehydrated(u64),
    /// Nothing of it was left, for this reason, and it was mounted afresh.
    Reset(String),
}

/// Where an instance stands with the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::testing::sim) enum Phase {
    /// To be mounted, or asked back if it has an id, when there is a connection.
    Waiting,
    Mounting,
    /// Asked back.
    Asking,
    Mounted,
    /// The server refused, with this code.
    Failed(String),
    /// Unmounted.
    Left,
}

/// What is shown.
pub(in crate::testing::sim) struct Picture {
    pub(in crate::testing::sim) state: Map<String, Value>,
    pub(in crate::testing::sim) version: u64,
    pub(in crate::testing::sim) digest: u32,
}

/// A call that was not answered yet.
pub(super) struct Waits {
    /// Its place in the books.
    pub(super) call: usize,
    pub(super) kind: &'static str,
    pub(super) number: u64,
    /// The message from its `type` on, without what changes when it is sent again.
    pub(super) body: String,
    /// Whether it was asked on this connection.
    pub(super) is_asked: bool,
    /// Whether it was ever sent, so that it may have happened.
    pub(super) was_sent: bool,
    pub(super) tries: u32,
}

/// See the module.
pub(in crate::testing::sim) struct Handle {
    pub(in crate::testing::sim) component: String,
    /// The page's own name for it.
    pub(in crate::testing::sim) name: String,
    pub(super) props: String,
    /// The version of the component the page was made for.
    pub(super) schema: u32,
    pub(in crate::testing::sim) phase: Phase,
    pub(in crate::testing::sim) id: Option<String>,
    /// The instance that calls which wait were meant for.
    pub(super) meant_for: Option<String>,
    pub(in crate::testing::sim) picture: Option<Picture>,
    /// Pictures that were proved lately, by version and digest.
    pub(super) proved: VecDeque<(u64, u32)>,
    /// The number of the last event that was told.
    pub(super) heard: u64,
    pub(in crate::testing::sim) events: Vec<Value>,
    pub(in crate::testing::sim) missed: u64,
    pub(super) snapshot: Option<String>,
    /// Whole states asked for in a row; 0 when in step.
    pub(super) resyncs: u32,
    /// The socket on which the server has said where it stands.
    pub(super) in_step_on: Option<u32>,
    /// Which server sent what is shown.
    pub(super) life: u32,
    /// Whole states that were asked for to compare with.
    pub(super) probes: u32,
    pub(in crate::testing::sim) is_compared: bool,
    /// Counts changes of phase, so that an outdated answer is known.
    pub(super) turn: u64,
    /// Times in a row that the server said: later.
    pub(super) tries: u32,
    pub(super) again_at: u64,
    /// The server is to be told that it is not wanted any more.
    pub(super) owes_unmount: bool,
    /// The server has a newer version of the component than the page was made for.
    pub(in crate::testing::sim) is_outdated: bool,
    /// Why it was lost, until it is mounted afresh.
    pub(super) news: Option<String>,
    pub(in crate::testing::sim) outcomes: Vec<Outcome>,
    pub(super) line: VecDeque<Waits>,
}

impl Handle {
    pub(super) fn new(component: &str, name: &str, props: &Value, schema: u32) -> Self {
        Self {
            component: component.to_owned(),
            name: name.to_owned(),
            props: props.to_string(),
            schema,
            phase: Phase::Waiting,
            id: None,
            meant_for: None,
            picture: None,
            proved: VecDeque::new(),
            heard: 0,
            events: Vec::new(),
            missed: 0,
            snapshot: None,
            resyncs: 0,
            in_step_on: None,
            life: 0,
            probes: 0,
            is_compared: false,
            turn: 0,
            tries: 0,
            again_at: u64::MAX,
            owes_unmount: false,
            is_outdated: false,
            news: None,
            outcomes: Vec::new(),
            line: VecDeque::new(),
        }
    }

    /// The same in another tab: what a tab keeps over a reload, and nothing that was only shown.
    pub(super) fn copy(&self, schema: u32) -> Self {
        let kept = Self::new(&self.component, &self.name, &Value::Null, schema);
        Self {
            props: self.props.clone(),
            phase: if self.phase == Phase::Left { Phase::Left } else { Phase::Waiting },
            id: self.id.clone(),
            meant_for: self.id.clone(),
            heard: self.heard,
            snapshot: self.snapshot.clone(),
            ..kept
        }
    }

    /// Whether what the server says of this instance is for it.
    pub(super) fn listens_to(&self, id: &str) -> bool {
        matches!(self.phase, Phase::Mounted | Phase::Asking) && self.id.as_deref() == Some(id)
    }

    /// Whether it waits for nothing.
    pub(super) fn is_quiet(&self) -> bool {
        let is_still = matches!(self.phase, Phase::Mounted | Phase::Failed(_) | Phase::Left);
        is_still && !self.owes_unmount && self.resyncs == 0 && self.line.is_empty() && self.probes == 0
    }

    /// Every change of phase goes through here.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.turn += 1;
        self.phase = phase;
        self.again_at = u64::MAX;
    }
}
