//! [`Pace`]: fields that are sent at most so often.
//!
//! A cursor moves a thousand times a second, and a screen shows sixty of them. A field marked
//! `#[state(every_ms = 16)]` is sent at once when it changes, and what changes within the interval after that is
//! held back to its end. Held back means not committed: digest, snapshot and a recovery are of what was last
//! sent, and who reads them cannot tell that there is something newer.

use std::time::Duration;

use tokio::time::Instant;

use crate::field::{Field, Staged};

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
    /// When each field with a pace was last sent.
    sent: Vec<Option<Instant>>,
    /// The time of this flush, read when it is first asked for.
    now: Option<Instant>,
    /// When the first of what is held back is due.
    next: Option<Instant>,
    everything: bool,
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

    /// Begins the second half of a flush of a state that has `count` fields with a pace.
    #[doc(hidden)]
    pub fn begin(&mut self, count: usize) {
        let paced = self.0.get_or_insert_default();
        paced.sent.resize(count, None);
        (paced.now, paced.next) = (None, None);
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
    ) -> bool {
        // What is as it was sent can be committed at any time: nothing travels.
        if staged.range.is_none() {
            return true;
        }
        let Some(paced) = &mut self.0 else { return true };
        let now = *paced.now.get_or_insert_with(Instant::now);
        let due = paced.sent[at].map(|last| last + Duration::from_millis(every.into()));
        match due {
            Some(due) if due > now && !paced.everything && field.can_wait(sent) => {
                paced.next = Some(paced.next.map_or(due, |next| next.min(due)));
                false
            }
            _ => {
                paced.sent[at] = Some(now);
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
