//! A client nobody looks at: state and events wait, and what waits stays small.
//!
//! It has said so itself, and says when somebody looks again. Until then the writer finds nothing to do, unless there
//! is an answer: that goes, and takes what stands before it along, so that what a call did is shown when it is answered.
//! What waits of one instance is merged before it goes: at the latest then, and each time as much has come as
//! there was, so that merging costs about what writing it would have.
//!
//! What must stay true: quiet never holds more than a slow client may. Beyond the soft limit, at which the client is
//! not read from and could not say that somebody looks, everything goes.

use std::collections::HashMap;

use fluxstack_live_protocol::InstanceId;

use super::Queue;
use crate::mailbox::Mailbox;

/// Bytes of one instance's state that are left alone until they go: to merge less is not worth it.
const LITTLE: usize = 4 << 10;

/// See the module.
#[derive(Default)]
pub(super) struct Quiet {
    kept: HashMap<InstanceId, Kept>,
}

/// What came of one instance since something last went.
struct Kept {
    mailbox: Mailbox,
    /// Bytes that are not merged yet.
    fresh: usize,
    /// Bytes that are.
    merged: usize,
}

impl Queue {
    /// Nobody looks, or somebody does again.
    pub(in super::super) fn set_quiet(&mut self, on: bool) {
        if on {
            self.quiet.get_or_insert_default();
        } else {
            self.merge_kept();
            self.quiet = None;
        }
    }

    /// Whether nothing of what waits is to be written for now.
    pub(in super::super) fn is_resting(&self) -> bool {
        self.quiet.is_some() && self.for_quiet == 0 && self.closed.is_none() && self.bytes <= self.soft
    }

    /// A piece of this instance's state has to wait.
    pub(super) fn keep_for_later(&mut self, instance: InstanceId, bytes: usize, mailbox: &Mailbox) {
        let Some(quiet) = &mut self.quiet else { return };
        let fresh = || Kept { mailbox: mailbox.clone(), fresh: 0, merged: 0 };
        let kept = quiet.kept.entry(instance).or_insert_with(fresh);
        kept.fresh += bytes;
        if kept.fresh <= LITTLE.max(kept.merged) {
            return;
        }
        let merged = self.merge(instance, mailbox);
        if let Some(kept) = self.quiet.as_mut().and_then(|quiet| quiet.kept.get_mut(&instance)) {
            (kept.fresh, kept.merged) = (0, merged);
        }
    }

    /// Up to which place everything may go. Merges what goes.
    pub(super) fn may_go(&mut self) -> usize {
        if self.quiet.is_none() || self.closed.is_some() || self.bytes > self.soft {
            return usize::MAX;
        }
        if self.items.iter().all(|item| !item.goes_to_quiet() || item.goes_alone()) {
            return 0;
        }
        self.merge_kept();
        let last = self.items.iter().rposition(|item| item.goes_to_quiet() && !item.goes_alone());
        last.map_or(0, |last| last + 1)
    }

    fn merge_kept(&mut self) {
        let kept = self.quiet.as_mut().map(|quiet| std::mem::take(&mut quiet.kept));
        for (instance, Kept { mailbox, .. }) in kept.into_iter().flatten() {
            self.merge(instance, &mailbox);
        }
    }
}
