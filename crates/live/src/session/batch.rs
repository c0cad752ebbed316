//! Several calls in one message: each to its instance, answered together.
//!
//! Where every component is to do all of its calls or none, each gets its own in one mail; the components
//! themselves do not wait for each other.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use fluxstack_live_protocol::{BatchCall, Code, InstanceId, Raw};
use indexmap::IndexMap;

use super::Session;
use super::route::deliver;
use crate::error::Error;
use crate::mailbox::{BatchedCall, Mail, Words};
use crate::outbox::{Subject, Ticket, Together, gone};

/// What a batch is about.
pub(super) fn subject(calls: &[BatchCall<'_>]) -> Subject {
    let mut instances: Vec<InstanceId> =
        calls.iter().filter_map(|call| call.component_id.parse().ok()).collect();
    instances.sort_unstable();
    instances.dedup();
    Subject::Several { instances: instances.into(), calls: calls.len().max(1) }
}

impl Session {
    /// Passes the calls on.
    pub(super) fn call_all(&self, frame: &Bytes, calls: Vec<BatchCall<'_>>, is_atomic: bool, ticket: Ticket) {
        let limits = &self.host.limits;
        if calls.len() > limits.batch {
            let said = format!("{} calls in a batch, at most {} are allowed", calls.len(), limits.batch);
            return ticket.answer(Err(Error::new(Code::TooLarge, said)));
        }
        if is_atomic && has_one_twice(&calls) {
            // It would be done once, and which of the two that is nobody could say if it is undone.
            let said = "two calls of the batch have the same `callId`";
            return ticket.answer(Err(Error::new(Code::BadPayload, said)));
        }
        if calls.is_empty() {
            return ticket.answer(Ok(Some(b"{\"results\":[]}".to_vec())));
        }
        let together = Together::new(ticket, calls.len(), limits.outbox_hard);
        let mut by_instance: IndexMap<InstanceId, Vec<BatchedCall>> = IndexMap::new();
        for (at, call) in calls.into_iter().enumerate() {
            let BatchCall { component_id, action, args, call, acked, optimistic } = call;
            let id = component_id.parse().ok().and_then(|id| Some((id, self.mailbox(id)?)));
            let Some((id, mailbox)) = id else {
                together.fill(at, &Err(gone(&component_id)), false);
                continue;
            };
            let words = Words::of(frame, &action, args.map_or("", Raw::get));
            let ticket = together.ticket(at, id, call, acked, optimistic);
            if is_atomic {
                by_instance.entry(id).or_default().push(BatchedCall { words, ticket });
            } else {
                deliver(mailbox, Mail::Call { words, caller: Arc::clone(&self.caller), ticket });
            }
        }
        for (id, calls) in by_instance {
            // Nothing has unmounted it meanwhile; if it had, the tickets would say that it is gone.
            let Some(mailbox) = self.mailbox(id) else { continue };
            deliver(mailbox, Mail::Batch { calls, caller: Arc::clone(&self.caller) });
        }
    }
}

fn has_one_twice(calls: &[BatchCall<'_>]) -> bool {
    let mut names = HashSet::new();
    calls
        .iter()
        .filter_map(|call| call.call.as_ref())
        .any(|call| !names.insert((call.origin(), call.number())))
}
