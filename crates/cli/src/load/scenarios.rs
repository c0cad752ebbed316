//! What can be done to a server. Each says what its figures are, and is as long as it takes to say it.
//!
//! All have the same form, so that another is a file here, a word in [`Scenario`] and a line in [`run`]: a crew comes and
//! mounts, something goes on while the window is open, it settles, and what came of it is put together.

use anyhow::Result;

use super::outcome::Outcome;
use super::plan::{Plan, Scenario};
use super::speech::Speech;

mod actions;
mod big_state;
mod churn;
mod idle;
mod mount;
mod rate;
mod room;
mod shared;
mod slow;
mod storm;
mod uploads;

/// Does what the plan says. `speech` makes what speaks for a connection, by its number from 0.
///
/// # Errors
///
/// It could not be done: the plan does not allow it, the server is not there, refuses, or closes. That something was
/// lost, doubled or wrong is no error of this kind: it is in the outcome.
pub async fn run<S: Speech + 'static>(plan: &Plan, speech: impl Fn(usize) -> S) -> Result<Outcome> {
    plan.check()?;
    let run = async {
        match plan.scenario {
            Scenario::Mount => mount::mount(plan, speech).await,
            Scenario::Actions => actions::actions(plan, speech).await,
            Scenario::Rate => rate::rate(plan, speech).await,
            Scenario::Idle => idle::idle(plan, speech).await,
            Scenario::Churn => churn::churn(plan, speech).await,
            Scenario::Room => room::room(plan, speech).await,
            Scenario::Shared => shared::shared(plan, speech).await,
            Scenario::Slow => slow::slow(plan, speech).await,
            Scenario::Storm => storm::storm(plan, speech).await,
            Scenario::Uploads => uploads::uploads(plan, speech).await,
            Scenario::BigState => big_state::big_state(plan, speech).await,
        }
    };
    tokio::task::LocalSet::new().run_until(run).await
}
