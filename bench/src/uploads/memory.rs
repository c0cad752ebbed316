//! How much memory a server has taken since somebody began to look.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::child::memory_of;

const EVERY: Duration = Duration::from_millis(50);
const RESIDENT: &str = "VmRSS:";

/// Looks until it is dropped.
pub(super) struct Watching {
    id: u32,
    before: u64,
    highest: Rc<Cell<u64>>,
    looks: Rc<Cell<u32>>,
    looking: JoinHandle<()>,
}

/// What was seen, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub(super) before: u64,
    /// The highest of what was there when somebody looked, and now.
    pub(super) highest: u64,
    pub(super) looks: u32,
}

impl Seen {
    pub(super) fn growth(&self) -> f64 {
        self.highest.saturating_sub(self.before) as f64 / f64::from(1 << 20)
    }
}

impl Watching {
    pub(super) fn begin(id: u32) -> Result<Self> {
        // The kernel keeps the highest itself, also between two looks, if it may be asked to begin anew.
        let is_kept = std::fs::write(format!("/proc/{id}/clear_refs"), "5").is_ok();
        let before = memory_of(id, RESIDENT)?;
        let (highest, looks) = (Rc::new(Cell::new(before)), Rc::new(Cell::new(0)));
        let (shared, count) = (Rc::clone(&highest), Rc::clone(&looks));
        let looking = tokio::task::spawn_local(async move {
            let mut ticks = interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                // It may have been killed.
                let Ok(now) = memory_of(id, if is_kept { "VmHWM:" } else { RESIDENT }) else { return };
                shared.set(shared.get().max(now));
                count.set(count.get() + 1);
            }
        });
        Ok(Self { id, before, highest, looks, looking })
    }

    pub(super) fn seen(&self) -> Seen {
        let now = memory_of(self.id, RESIDENT).unwrap_or_default();
        Seen { before: self.before, highest: self.highest.get().max(now), looks: self.looks.get() }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.looking.abort();
    }
}
