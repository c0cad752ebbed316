//! Some connections of a shared instance stop reading while the others act, and read again in the end.
//!
//! The others must not feel it, and the server must not keep everything for those who do not read: run it with `slow` 0
//! beside it, and compare. Who reads again is shown the state as it is by then, and none is sent away.

use anyhow::Result;

use super::rate::Schedule;
use super::shared::agree;
use crate::load::crew::Crew;
use crate::load::member::Pace;
use crate::load::outcome::Outcome;
use crate::load::plan::Plan;
use crate::load::speech::Speech;

/// An operation is a call by one of those who read, `rate` a second, shown to everybody. `rss_before` is when the slow
/// ones stop reading, `rss_after` when they have not read for the whole window, and `rss_each` their difference for each
/// slow one.
pub(super) async fn slow<S: Speech + 'static>(plan: &Plan, speech: impl Fn(usize) -> S) -> Result<Outcome> {
    let readers = plan.connections - plan.slow;
    let mut crew = Crew::new();
    crew.connect(plan, plan.connections, speech).await?;
    crew.mount(plan, 1).await?;
    crew.tally(|tally| tally.watchers = plan.connections as i64);
    crew.pace(Pace::Schedule { room: plan.in_flight });
    let mut schedule = Schedule::new(plan, &crew, readers);
    schedule.keep(plan.warm_up).await?;
    (readers..plan.connections).for_each(|who| crew.be_deaf(who, true));
    let opening = crew.begin_window(plan);
    schedule.rest();
    schedule.keep(plan.warm_up + plan.length).await?;
    let mut window = crew.end_window(plan, &opening);
    window.own = window.own.map(|own| own.saturating_sub(schedule.idle()));
    let mut behind = 0;
    crew.each(|member, _, _, _| {
        let is_behind = member.who >= readers && member.counts().next() < Some(schedule.sent());
        behind += usize::from(is_behind);
    });
    (readers..plan.connections).for_each(|who| crew.be_deaf(who, false));
    crew.settle(plan).await?;
    agree(&crew);

    let mut outcome = crew.outcome(plan, &window);
    outcome.latency_corrected_us = crew.tally(|tally| tally.corrected());
    if plan.slow > 0 {
        let rss = outcome.rss_before.zip(outcome.rss_after);
        outcome.rss_each = rss.map(|(before, after)| (after as f64 - before as f64) / plan.slow as f64);
        outcome.notes.push(format!("{behind} slow connections were behind when the window ended"));
    }
    crew.close().await;
    Ok(outcome)
}
