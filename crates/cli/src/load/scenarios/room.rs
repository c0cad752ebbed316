//! One says something, and everybody else in the room hears it: so many at once, and the next when all have heard them.
//!
//! Whoever is in the room hears each number once and in order, or the server is not right. Whether the one who says it
//! hears it, too, is the application's to say; it is found out at the beginning, and counted.

use std::time::Duration;

use anyhow::Result;

use crate::load::crew::Crew;
use crate::load::outcome::Outcome;
use crate::load::plan::Plan;
use crate::load::speech::Speech;

/// How long an event may take to whoever said it, after all others have it.
const ECHO: Duration = Duration::from_millis(50);

/// An operation is a delivery, and its time is from when it was said. `in_flight` messages are said at once.
pub(super) async fn room<S: Speech + 'static>(plan: &Plan, speech: impl Fn(usize) -> S) -> Result<Outcome> {
    let mut crew = Crew::new();
    crew.connect(plan, plan.connections, speech).await?;
    crew.mount(plan, 1).await?;
    let mut room = Room { plan, crew: &crew, hearers: plan.connections as u64 - 1, told: 0 };
    room.burst(1).await?;
    crew.pass(ECHO).await?;
    let hears_itself = crew.tally(|tally| tally.delivered) == plan.connections as u64;
    room.hearers += u64::from(hears_itself);
    room.go_on(plan.warm_up).await?;
    let opening = crew.begin_window(plan);
    room.go_on(plan.length).await?;
    let window = crew.end_window(plan, &opening);
    let (expected, told) = (room.told * room.hearers, room.told);
    crew.tally(|tally| {
        let missing = expected.saturating_sub(tally.delivered).saturating_sub(tally.skipped());
        tally.lose(missing, || format!("{missing} of {expected} deliveries never came"));
    });
    // That nothing is missing in sum does not say that everybody has heard the last.
    crew.each(|member, _, _, tally| {
        let heard = member.told_by(0);
        if (member.who > 0 || hears_itself) && heard != told {
            tally.wrong(|| format!("connection {} heard {heard} last, and {told} were said", member.who));
        }
    });
    let mut outcome = crew.outcome(plan, &window);
    outcome.cost(crew.tally(|tally| tally.deliveries()), &window);
    outcome.latency_us = crew.tally(|tally| tally.delivery());
    crew.close().await;
    Ok(outcome)
}

struct Room<'a, S> {
    plan: &'a Plan,
    crew: &'a Crew<S>,
    /// Connections that hear what is said.
    hearers: u64,
    told: u64,
}

impl<S: Speech + 'static> Room<'_, S> {
    /// One burst after the other, for so long. Ends early if something never comes.
    async fn go_on(&mut self, length: Duration) -> Result<()> {
        let end = self.crew.now() + length.as_nanos() as u64;
        while self.crew.now() < end && self.burst(self.plan.in_flight).await? {}
        Ok(())
    }

    /// Says so many at once, in one write; whether everybody has heard them.
    async fn burst(&mut self, many: usize) -> Result<bool> {
        self.crew.one(0, |member, out, now, _| {
            for _ in 0..many {
                member.tell(now, out);
            }
        });
        self.told += many as u64;
        let goal = self.told * self.hearers;
        self.crew.wait(self.plan, |tally| tally.delivered >= goal).await
    }
}
