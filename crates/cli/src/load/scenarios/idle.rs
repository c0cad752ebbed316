//! Connections are opened, mount so many components, and then nothing happens: what it costs a server to have them.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use crate::load::crew::Crew;
use crate::load::outcome::Outcome;
use crate::load::plan::Plan;
use crate::load::server::resident;
use crate::load::speech::Speech;

/// Memory that changed by less than this between two looks has come to rest; bytes.
const STILL: u64 = 64 << 10;
/// How far apart the looks are.
const LOOK: Duration = Duration::from_millis(100);
/// How often is looked at most.
const LOOKS: usize = 50;

/// An operation is a connection. `server_cpu_us` is what one costs in the window, in which nothing happens.
/// `rss_before` is before the first of them came, `rss_after` when all were there, `rss_each` the difference for each
/// connection with its components, and `rss_left` what there is when all are gone again.
pub(super) async fn idle<S: Speech + 'static>(plan: &Plan, speech: impl Fn(usize) -> S) -> Result<Outcome> {
    let before = at_rest(plan).await;
    let mut crew = Crew::new();
    crew.connect(plan, plan.connections, speech).await?;
    crew.mount(plan, plan.components).await?;
    let after = at_rest(plan).await;
    let opening = crew.begin_window(plan);
    crew.pass(plan.length).await?;
    let window = crew.end_window(plan, &opening);
    let mut outcome = crew.outcome(plan, &window);
    outcome.cost(plan.connections as u64, &window);
    outcome.per_second = 0.0;
    (outcome.rss_before, outcome.rss_after) = (before, after);
    outcome.rss_each =
        before.zip(after).map(|(before, after)| (after as f64 - before as f64) / plan.connections as f64);
    crew.close().await;
    outcome.rss_left = at_rest(plan).await;
    Ok(outcome)
}

/// The server's memory, once it does not change any more.
pub(super) async fn at_rest(plan: &Plan) -> Option<u64> {
    let mut last = resident(plan.server?)?;
    for _ in 0..LOOKS {
        sleep(LOOK).await;
        let now = resident(plan.server?)?;
        if now.abs_diff(last) < STILL {
            return Some(now);
        }
        last = now;
    }
    Some(last)
}
