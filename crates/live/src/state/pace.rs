//! [`Pace`]: fields that are sent at most so often.
//!
//! A cursor moves a thousand times a second, and a screen shows sixty of them. A field marked
//! `#[state(every_ms = 16)]` is sent at once when it changes, and what changes within the interval after that is
//! held back to its end. Held back means not committed: digest, snapshot and a recovery are of what was last
//! sent, and who reads them cannot tell that there is something newer.

use std::time::Duration;

use tokio::time::Instant;

use crate::field::{Field, Staged, Turn};

/// When the fields of one instance were last sent, and when what is held back is due. Costs nothing for a
/// state without such fields.
///
/// ```
/// use fluxstack_live::prelude::*;
/// use fluxstack_live::protocol::delta::Writer;
/// use fluxstack_live::state::Pace;
///
/// #[derive(State)]
/// pub struct Pointer {
///     #[state(every_ms = 16)]
///     pub x: i32,
/// }
/// # impl Component for Pointer {
/// #     type Props = ();
/// #     type Event = ();
/// #     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> { Err(Error::forbidden()) }
/// # }
/// # #[actions]
/// # impl Pointer {}
/// let (mut pointer, mut sent, mut pace) = (Pointer { x: 0 }, Default::default(), Pace::default());
/// let mut is_sent = |pointer: &mut Pointer, pace: &mut Pace| {
///     let mut out = Writer::default();
///     pointer.flush(&mut sent, pace, usize::MAX, &mut out).unwrap();
///     !out.is_empty()
/// };
/// assert!(is_sent(&mut pointer, &mut pace));
/// pointer.x = 1;
/// assert!(!is_sent(&mut pointer, &mut pace));
/// assert!(pace.next().is_some());
/// pace.everything();
/// assert!(is_sent(&mut pointer, &mut pace));
/// assert!(pace.next().is_none());
/// ```
#[derive(Debug, Default)]
pub struct Pace(Option<Box<Paced>>);

#[derive(Debug, Default)]
struct Paced {
    /// Of each field with a pace.
    fields: Vec<Each>,
    /// The time of this flush, read when it is first asked for.
    now: Option<Instant>,
    /// When the first of what is held back is due.
    next: Option<Instant>,
    everything: bool,
    /// The fields that are held back since the last flush, a bit for each; the last bit is for all that are beyond.
    held: u64,
    /// Those of them that changed in the turn which that ended.
    held_now: u64,
}

#[derive(Debug, Default, Clone)]
struct Each {
    /// When it was last sent.
    sent: Option<Instant>,
    /// What is held back of it, as a number that is another for another change; `None` if nothing is.
    held: Option<u64>,
}

impl Pace {
    /// When something that is held back is due; `None` if nothing is. A flush at that time sends it.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.0.as_ref().and_then(|paced| paced.next)
    }

    /// The next flush holds nothing back.
    pub fn everything(&mut self) {
        if let Some(paced) = &mut self.0 {
            paced.everything = true;
        }
    }

    /// The fields that are held back, a bit for each; the last bit is for all that have none of their own.
    pub(crate) fn held(&self) -> u64 {
        self.0.as_ref().map_or(0, |paced| paced.held)
    }

    /// Those of them that the turn changed which the last flush ended.
    pub(crate) fn held_now(&self) -> u64 {
        self.0.as_ref().map_or(0, |paced| paced.held_now)
    }

    /// Begins the second half of a flush of a state that has `count` fields with a pace.
    #[doc(hidden)]
    pub fn begin(&mut self, count: usize) {
        let paced = self.0.get_or_insert_default();
        paced.fields.resize(count, Each::default());
        (paced.now, paced.next) = (None, None);
        (paced.held, paced.held_now) = (0, 0);
    }

    /// Whether a field that may be sent every `every` milliseconds is to be committed now; `at` is its number
    /// among those with a pace.
    #[doc(hidden)]
    pub fn lets<F: Field>(
        &mut self,
        at: usize,
        every: u16,
        field: &F,
        sent: &F::Sent,
        staged: &Staged,
        turn: &Turn,
    ) -> bool {
        let Some(paced) = &mut self.0 else { return true };
        // What is as it was sent can be committed at any time: nothing travels.
        if staged.range.is_none() {
            paced.fields[at].held = None;
            return true;
        }
        let now = *paced.now.get_or_insert_with(Instant::now);
        let due = paced.fields[at].sent.map(|last| last + Duration::from_millis(every.into()));
        match due {
            Some(due) if due > now && !paced.everything && field.can_wait(sent) => {
                paced.next = Some(paced.next.map_or(due, |next| next.min(due)));
                let (bit, change) = (1 << at.min(63), turn.mark(staged));
                paced.held |= bit;
                if paced.fields[at].held.replace(change) != Some(change) {
                    paced.held_now |= bit;
                }
                false
            }
            _ => {
                paced.fields[at] = Each { sent: Some(now), held: None };
                true
            }
        }
    }

    /// Ends a flush.
    #[doc(hidden)]
    pub fn end(&mut self) {
        if let Some(paced) = &mut self.0 {
            paced.everything = false;
        }
    }
}
