//! Calls in a closed loop: each connection has so many unanswered, and calls again as soon as one is answered.
//!
//! Says how much the server can do, and what each costs it. Its times say little about what users wait: a server that stops
//! for a second is not called in that second. See `rate` for that.

use anyhow::Result;

use crate::load::crew::Crew;
use crate::load::member::Pace;
use crate::load::outcome::Outcome;
use crate::load::plan::Plan;
use crate::load::speech::Speech;

/// An operation is a call, answered.
pub(super) async fn actions<S: Speech + 'static>(
    plan: &Plan,
    speech: impl Fn(usize) -> S,
) -> Result<Outcome> {
    let mut crew = Crew::new();
    crew.connect(plan, plan.connections, speech).await?;
    crew.mount(plan, plan.components).await?;
    crew.tally(|tally| tally.watchers = i64::from(plan.is_counted));
    crew.pace(Pace::Calls);
    crew.each(|member, out, now, tally| {
        for _ in 0..plan.in_flight {
            member.call(now, now, tally, out);
        }
    });
    let window = crew.window(plan).await?;
    crew.pace(Pace::Still);
    crew.settle(plan).await?;
    let outcome = crew.outcome(plan, &window);
    crew.close().await;
    Ok(outcome)
}
