//! All sockets are cut at once, and everybody comes back and takes up what was mounted: what a deployment of a proxy does.
//!
//! Nothing may be lost by it: each component must be the one that was mounted, at the version that was shown, and after
//! all are back one more call on each must count exactly one more.

use std::cell::RefCell;

use anyhow::{Context as _, Result};

use crate::load::crew::Crew;
use crate::load::outcome::Outcome;
use crate::load::plan::Plan;
use crate::load::speech::Speech;

/// An operation is a component that was taken up again, and its time is from the cut; `seconds` is until the last is
/// back. Before the cut, each component is called `in_flight` times.
pub(super) async fn storm<S: Speech + 'static>(plan: &Plan, speech: impl Fn(usize) -> S) -> Result<Outcome> {
    let mut crew = Crew::new();
    crew.connect(plan, plan.connections, speech).await?;
    crew.mount(plan, plan.components).await?;
    call(&crew, plan, plan.in_flight).await?;
    let mut first = Outcome::default();
    crew.tally(|tally| tally.write(&mut first));

    let cut = crew.cut().await.into_iter().map(|mut speech| {
        speech.cut()?;
        Ok(Some(speech))
    });
    let cut = RefCell::new(cut.collect::<Result<Vec<_>>>()?);
    let mut crew = Crew::new();
    let opening = crew.begin_window(plan);
    let again = |who: usize| {
        let speech = cut.borrow_mut().get_mut(who).and_then(Option::take);
        speech.unwrap_or_else(|| unreachable!("each connection comes back once"))
    };
    crew.connect(plan, plan.connections, again).await.context("the connections cannot come back")?;
    let all = plan.connections * plan.components;
    crew.wait(plan, |tally| tally.mounted >= all).await?;
    let window = crew.end_window(plan, &opening);
    let missing = all.saturating_sub(crew.tally(|tally| tally.mounted)) as u64;
    crew.tally(|tally| tally.lose(missing, || format!("{missing} of {all} components never came back")));
    if missing == 0 {
        call(&crew, plan, 1).await?;
    }
    let mut outcome = crew.outcome(plan, &window);
    outcome.lost += first.lost;
    outcome.doubled += first.doubled;
    outcome.wrong += first.wrong;
    outcome.notes.extend(first.notes);
    crew.close().await;
    Ok(outcome)
}

/// Calls every component so often, and waits until all is answered and counted.
async fn call<S: Speech + 'static>(crew: &Crew<S>, plan: &Plan, times: usize) -> Result<()> {
    crew.tally(|tally| tally.watchers = i64::from(plan.is_counted));
    for _ in 0..times {
        crew.each(|member, out, now, tally| {
            (0..plan.components).for_each(|_| member.call(now, now, tally, out));
        });
        crew.settle(plan).await?;
    }
    Ok(())
}
