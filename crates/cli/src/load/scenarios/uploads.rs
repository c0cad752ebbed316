//! Files are sent, one after the other, by each connection at once: a chunk, its answer, the next chunk.
//!
//! What says what a chunk is, is the speech: [`Sending`](crate::load::live::Sending) takes a call for the next step of
//! a file, and verifies what the server says has arrived, and the hash of the whole.

use anyhow::Result;

use super::actions::actions;
use crate::load::outcome::Outcome;
use crate::load::plan::Plan;
use crate::load::speech::Speech;

/// An operation is a step of a file: its start, a chunk that is written, its end. `x` are the bytes a second, heads of
/// frames and messages included.
pub(super) async fn uploads<S: Speech + 'static>(
    plan: &Plan,
    speech: impl Fn(usize) -> S,
) -> Result<Outcome> {
    let mut outcome = actions(plan, speech).await?;
    outcome.x = Some(outcome.bytes_out as f64 / outcome.seconds.max(f64::MIN_POSITIVE));
    Ok(outcome)
}
