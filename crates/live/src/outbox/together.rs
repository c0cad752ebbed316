//! The answer to a batch: made when the last of its calls is answered.
//!
//! Each call has a ticket of its own, answered by its instance when what it did has been told, so what all of
//! them did has been told before this.

use std::sync::{Arc, Mutex, PoisonError};

use fluxstack_live_protocol::encode::write_outcome;
use fluxstack_live_protocol::{CallId, Code, InstanceId};

use super::Ticket;
use super::ticket::told;
use crate::action::Outcome;
use crate::error::Error;

/// See the module.
pub(crate) struct Together {
    gathered: Mutex<Gathered>,
    /// Bytes of all results. They do not wait in the outbox yet, where they would be counted.
    most: usize,
}

struct Gathered {
    /// By place; empty until it is filled.
    results: Vec<Vec<u8>>,
    missing: usize,
    bytes: usize,
    /// Of the batch; taken with the last place.
    ticket: Option<Ticket>,
}

impl Together {
    /// For so many calls, and so many bytes of results; a result beyond those is refused.
    pub(crate) fn new(ticket: Ticket, calls: usize, most: usize) -> Arc<Self> {
        let results = vec![Vec::new(); calls];
        let gathered = Gathered { results, missing: calls, bytes: 0, ticket: Some(ticket) };
        Arc::new(Self { gathered: Mutex::new(gathered), most })
    }

    /// The ticket of the call at this place. There is one for each.
    pub(crate) fn ticket(
        self: &Arc<Self>,
        at: usize,
        instance: InstanceId,
        call: Option<CallId>,
        acked: u64,
        is_optimistic: bool,
    ) -> Ticket {
        Ticket::of_place(Arc::clone(self), at, instance).of_call(call, acked).shown_already(is_optimistic)
    }

    /// The call at this place came to this; `held` if a part of what it did is held back.
    pub(crate) fn fill(&self, at: usize, outcome: &Outcome, held: bool) {
        let result = written(outcome, held);
        let complete = {
            // Nothing in here panics, so poisoned means nothing.
            let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
            let is_too_much = outcome.is_ok() && gathered.bytes + result.len() > self.most;
            let result = if is_too_much { too_large(self.most, held) } else { result };
            gathered.bytes += result.len();
            gathered.results[at] = result;
            gathered.missing -= 1;
            if gathered.missing > 0 {
                return;
            }
            gathered.ticket.take().map(|ticket| (ticket, std::mem::take(&mut gathered.results)))
        };
        if let Some((ticket, results)) = complete {
            ticket.answer(Ok(Some(list(&results))));
        }
    }
}

/// The result of a batch.
fn list(results: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"{\"results\":[".to_vec();
    for (at, result) in results.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(result);
    }
    out.extend_from_slice(b"]}");
    out
}

fn written(outcome: &Outcome, held: bool) -> Vec<u8> {
    let fields = outcome.as_ref().err().and_then(Error::fields_json);
    let mut out = Vec::new();
    write_outcome(&told(outcome, fields.as_deref(), None), held, &mut out);
    out
}

#[cold]
fn too_large(most: usize, held: bool) -> Vec<u8> {
    let said = format!("this was done, but with its result the answer would be more than {most} bytes");
    written(&Err(Error::new(Code::TooLarge, said)), held)
}

#[cfg(test)]
mod tests {
    use super::super::done::Done;
    use super::super::item::{Item, StateFrame};
    use super::super::queue::{Queue, Taken};
    use crate::limits::Limits;
    use crate::mailbox::mailbox;
    use fluxstack_live_protocol::InstanceId;

    fn taken(queue: &mut Queue) -> (Vec<&'static str>, usize) {
        match queue.take(usize::MAX) {
            Taken::Frames { frames, replies } => {
                let known = ["state", "together", "reply"];
                let name =
                    |frame: &bytes::Bytes| known.into_iter().find(|name| frame.starts_with(name.as_bytes()));
                (frames.iter().filter_map(name).collect(), replies)
            }
            Taken::Nothing | Taken::Closed(_) => (Vec::new(), 0),
        }
    }

    #[test]
    fn it_waits_for_a_state_that_one_of_its_instances_still_owes() {
        let (one, two) = (InstanceId::from_u128(1), InstanceId::from_u128(2));
        let (mailbox, _inbox) = mailbox(1, 1);
        let mut queue = Queue::new(&Limits::default());
        queue.push(Item::Promise { instance: two, mailbox: mailbox.clone(), done: Done::default() });
        queue.push(Item::Together { instances: [one, two].into(), calls: 3, frame: "together".into() });
        queue.push(Item::Reply { instance: Some(one), frame: "reply".into() });
        assert_eq!(taken(&mut queue), (vec!["reply"], 1), "what is another instance's passes it");
        queue.push_state(two, StateFrame::Whole("state ".repeat(50).into()), Done::default(), &mailbox);
        assert_eq!(taken(&mut queue), (vec!["state", "together"], 3));
    }
}
