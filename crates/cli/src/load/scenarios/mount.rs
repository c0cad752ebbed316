//! Components are mounted, ended as soon as they are there, and mounted again, so many at once on each connection.

use anyhow::Result;

use crate::load::crew::Crew;
use crate::load::member::Pace;
use crate::load::outcome::Outcome;
use crate::load::plan::Plan;
use crate::load::speech::Speech;

/// An operation is a mount with the unmount that follows it; its time is that of the mount. What has to be there until it
/// is mounted, a signed snapshot perhaps, is the speech's to say.
pub(super) async fn mount<S: Speech + 'static>(plan: &Plan, speech: impl Fn(usize) -> S) -> Result<Outcome> {
    let mut crew = Crew::new();
    crew.connect(plan, plan.connections, speech).await?;
    crew.pace(Pace::Mounts);
    crew.each(|member, out, now, tally| {
        for slot in 0..plan.in_flight {
            member.mount(slot, now, tally, out);
        }
    });
    let window = crew.window(plan).await?;
    crew.pace(Pace::Still);
    crew.settle(plan).await?;
    let mut outcome = crew.outcome(plan, &window);
    if crew.tally(|tally| tally.open) > 0 {
        outcome.notes.push(plan.mounting.to_owned());
    }
    crew.close().await;
    Ok(outcome)
}
