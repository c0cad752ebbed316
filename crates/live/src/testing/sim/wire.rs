//! One connection between a tab and a server: what is on its way, and when it arrives.
//!
//! Frames arrive in the order they were sent, unless something is done to them. Each end sees for itself whether
//! the other is still there; that the two do not agree is half of what can go wrong.

use std::collections::VecDeque;

use bytes::Bytes;

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the tab to the server.
    Up,
    /// From the server to the tab.
    Down,
}

/// Who sees that a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Tab and server.
    Both,
    /// The tab alone: its next socket arrives while the server still believes in this one.
    Tab,
    /// The server alone: the tab goes on talking to nobody.
    Server,
}

/// What is done to one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Harm {
    Drop,
    /// It comes this much later, and everything behind it.
    Delay(u64),
    Double,
    /// It comes this much later, and others pass it.
    Swap(u64),
    Corrupt,
}

/// What travels.
#[derive(Debug, Clone)]
pub(super) enum Cargo {
    Text(Bytes),
    /// A text that was another one when it was sent.
    Changed {
        now: Bytes,
        before: Bytes,
    },
    Ping,
    Pong,
    /// The other end closes, or is seen to be gone.
    Gone(Option<u16>),
}

/// See the module.
pub(super) struct Wire {
    pub(super) number: u32,
    pub(super) tab: usize,
    /// When it reaches the server; `None` once it has.
    pub(super) connects_at: Option<u64>,
    /// Whether the tab has not let go of it.
    pub(super) has_tab: bool,
    /// Whether the server has not let go of it.
    pub(super) has_server: bool,
    /// Something went into it that will not come out: whoever waits for it does so in vain.
    pub(super) is_lossy: bool,
    /// Nothing was done to its frames but to delay them.
    pub(super) is_clean: bool,
    pub(super) up: Lane,
    pub(super) down: Lane,
}

/// One direction, in the order of arrival.
#[derive(Default)]
pub(super) struct Lane {
    flying: VecDeque<(u64, Cargo)>,
    last: u64,
}

impl Wire {
    pub(super) fn new(number: u32, tab: usize, connects_at: u64) -> Self {
        Self {
            number,
            tab,
            connects_at: Some(connects_at),
            has_tab: true,
            has_server: false,
            is_lossy: false,
            is_clean: true,
            up: Lane::default(),
            down: Lane::default(),
        }
    }

    /// Whether nobody has anything to do with it any more.
    pub(super) fn is_over(&self) -> bool {
        !self.has_tab && (self.connects_at.is_some() || !self.has_server)
    }
}

impl Lane {
    /// Sends something off; it arrives at `due`, behind everything that was sent before it.
    pub(super) fn send(&mut self, due: u64, cargo: Cargo) {
        self.last = self.last.max(due);
        self.put(self.last, cargo);
    }

    /// Sends something off that others may pass.
    pub(super) fn send_aside(&mut self, due: u64, cargo: Cargo) {
        self.put(self.last.max(due), cargo);
    }

    fn put(&mut self, due: u64, cargo: Cargo) {
        let at = self.flying.iter().rposition(|(other, _)| *other <= due).map_or(0, |at| at + 1);
        self.flying.insert(at, (due, cargo));
    }

    pub(super) fn next_due(&self) -> u64 {
        self.flying.front().map_or(u64::MAX, |(due, _)| *due)
    }

    /// What has arrived by `now`.
    pub(super) fn take(&mut self, now: u64) -> Option<Cargo> {
        if self.next_due() > now {
            return None;
        }
        self.flying.pop_front().map(|(_, cargo)| cargo)
    }

    /// Loses everything; answers how many frames that was.
    pub(super) fn clear(&mut self) -> usize {
        let lost = self.flying.len();
        self.flying.clear();
        lost
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flying.is_empty()
    }
}
