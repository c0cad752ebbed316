//! All connections call one shared instance in a closed loop, and each of them is shown what every other one did.
//!
//! The same plan as `actions`, with props that name no shared instance, says what as many instances of their own can do;
//! the ratio of the two is what sharing costs.

use anyhow::Result;

use crate::load::crew::Crew;
use crate::load::member::Pace;
use crate::load::outcome::Outcome;
use crate::load::plan::Plan;
use crate::load::speech::Speech;

/// An operation is a call, answered; each is shown to every connection.
pub(super) async fn shared<S: Speech + 'static>(plan: &Plan, speech: impl Fn(usize) -> S) -> Result<Outcome> {
    let mut crew = Crew::new();
    crew.connect(plan, plan.connections, speech).await?;
    crew.mount(plan, 1).await?;
    crew.tally(|tally| tally.watchers = if plan.is_counted { plan.connections as i64 } else { 0 });
    crew.pace(Pace::Calls);
    crew.each(|member, out, now, tally| {
        for _ in 0..plan.in_flight {
            member.call(now, now, tally, out);
        }
    });
    let window = crew.window(plan).await?;
    crew.pace(Pace::Still);
    crew.settle(plan).await?;
    if plan.is_counted {
        agree(&crew);
    }
    let outcome = crew.outcome(plan, &window);
    crew.close().await;
    Ok(outcome)
}

/// Everybody must have been shown every call of everybody in the end.
pub(super) fn agree<S: Speech + 'static>(crew: &Crew<S>) {
    let mut called = 0;
    crew.each(|member, _, _, _| called += member.called());
    crew.each(|member, _, _, tally| {
        let shown = member.counts().next().unwrap_or_default();
        if shown != called {
            let who = member.who;
            tally.wrong(|| format!("connection {who} is shown {shown} in the end, and {called} were called"));
        }
    });
}
