//! Calls in a closed loop that change little of a large state: what a change costs must not depend on how much there is
//! beside it.
//!
//! What is large is the application's to say, by its props. How large it is, is measured: by what a mount is answered with.

use anyhow::Result;

use crate::load::crew::Crew;
use crate::load::member::Pace;
use crate::load::outcome::Outcome;
use crate::load::plan::Plan;
use crate::load::speech::Speech;

/// An operation is a call, answered. `x` are the bytes that a mount took, the state as JSON and some two hundred more.
pub(super) async fn big_state<S: Speech + 'static>(
    plan: &Plan,
    speech: impl Fn(usize) -> S,
) -> Result<Outcome> {
    let mut crew = Crew::new();
    crew.connect(plan, plan.connections, speech).await?;
    let mounting = crew.begin_window(plan);
    crew.mount(plan, plan.components).await?;
    crew.end_window(plan, &mounting);
    let mut mounted = Outcome::default();
    crew.tally(|tally| tally.write(&mut mounted));
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
    let mut outcome = crew.outcome(plan, &window);
    outcome.bytes_in -= mounted.bytes_in;
    outcome.bytes_out -= mounted.bytes_out;
    outcome.x = Some(mounted.bytes_in as f64 / (plan.connections * plan.components) as f64);
    if outcome.operations > 0 {
        let each = outcome.bytes_in as f64 / outcome.operations as f64;
        outcome.notes.push(format!("{each:.0} bytes were read for each call"));
    }
    crew.close().await;
    Ok(outcome)
}
