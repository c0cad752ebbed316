//! Calls by a schedule: so many a second, spread evenly over the connections, whether those before are answered or not.
//!
//! As users are, who do not know of each other. A call's time counts from when it was due, so a server that stops for a
//! second has a second's calls that waited for it, and not one: what is otherwise left out of the figures by a load that
//! politely waits is called coordinated omission. Time from when it was really sent is said, too. If the two differ much
//! the server could not keep up, or the generator could not, which it says.
//!
//! Timers are not fine enough for a call every fifty microseconds, so the clock is watched instead.

use std::time::Duration;

use anyhow::Result;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::load::crew::Crew;
use crate::load::member::Pace;
use crate::load::outcome::Outcome;
use crate::load::plan::Plan;
use crate::load::speech::Speech;
use crate::load::tally::latency;

/// What is further away than this can be slept for: timers are exact to a millisecond.
const FAR: u64 = 3_000_000;
/// As much of it is not slept for.
const NEAR: u64 = 1_500_000;
/// A generator that sends this much later than it should has something to say about it; microseconds.
const LATE: f64 = 1_000.0;

/// An operation is a call, answered.
pub(super) async fn rate<S: Speech + 'static>(plan: &Plan, speech: impl Fn(usize) -> S) -> Result<Outcome> {
    let mut crew = Crew::new();
    crew.connect(plan, plan.connections, speech).await?;
    crew.mount(plan, plan.components).await?;
    crew.tally(|tally| tally.watchers = i64::from(plan.is_counted));
    crew.pace(Pace::Schedule { room: plan.in_flight });
    let mut schedule = Schedule::new(plan, &crew, plan.connections);
    schedule.keep(plan.warm_up).await?;
    let opening = crew.begin_window(plan);
    schedule.rest();
    schedule.keep(plan.warm_up + plan.length).await?;
    let mut window = crew.end_window(plan, &opening);
    window.own = window.own.map(|own| own.saturating_sub(schedule.idle()));
    let mut left = 0;
    crew.each(|member, _, _, _| left += member.waiting());
    crew.settle(plan).await?;

    let mut outcome = crew.outcome(plan, &window);
    outcome.latency_corrected_us = crew.tally(|tally| tally.corrected());
    if let Some(late) = crew.tally(|tally| latency(&tally.late)).filter(|late| late.p99 > LATE) {
        outcome.notes.push(format!(
            "the generator fell behind its own schedule: one call of a hundred was sent {:.1} ms late or more",
            late.p99 / 1e3
        ));
    }
    if left > 0 {
        outcome.notes.push(format!(
            "the server fell behind: {left} calls were due and not sent when the window ended, because {} of their \
             connection were unanswered",
            plan.in_flight
        ));
    }
    crew.close().await;
    Ok(outcome)
}

/// When what is to be sent, and by whom.
pub(super) struct Schedule<'a, S> {
    plan: &'a Plan,
    crew: &'a Crew<S>,
    /// Connections that call, the first ones, in turn.
    callers: usize,
    begun: u64,
    /// Calls that were given to their connection.
    sent: u64,
    /// Nanoseconds in which the clock was watched and nothing else was done.
    idle: u64,
}

impl<'a, S: Speech + 'static> Schedule<'a, S> {
    /// One that begins now.
    pub(super) fn new(plan: &'a Plan, crew: &'a Crew<S>, callers: usize) -> Self {
        Self { plan, crew, callers, begun: crew.now(), sent: 0, idle: 0 }
    }

    /// Calls so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// The time in which the clock was watched and nothing else was done.
    pub(super) fn idle(&self) -> Duration {
        Duration::from_nanos(self.idle)
    }

    /// Forgets the time in which nothing was done.
    pub(super) fn rest(&mut self) {
        self.idle = 0;
    }

    /// When a call is due.
    fn due(&self, number: u64) -> u64 {
        self.begun + (number as f64 * 1e9 / self.plan.rate) as u64
    }

    /// Sends what is due until this long after the beginning.
    pub(super) async fn keep(&mut self, until: Duration) -> Result<()> {
        let end = self.begun + until.as_nanos() as u64;
        let (mut last, mut heard) = (self.crew.now(), self.crew.heard());
        loop {
            let now = self.crew.now();
            if now >= end {
                break;
            }
            let before = self.sent;
            while self.due(self.sent) <= now {
                self.send(now);
            }
            let is_idle = self.sent == before && self.crew.heard() == heard;
            if is_idle {
                self.idle += now - last;
            }
            (last, heard) = (now, self.crew.heard());
            let next = self.due(self.sent).min(end);
            if next > now + FAR {
                sleep(Duration::from_nanos(next - now - NEAR)).await;
                // That was no watching.
                last = self.crew.now();
            } else {
                yield_now().await;
            }
            self.crew.check()?;
        }
        Ok(())
    }

    fn send(&mut self, now: u64) {
        let due = self.due(self.sent);
        let who = (self.sent % self.callers as u64) as usize;
        self.crew.one(who, |member, out, at, tally| {
            tally.late.saturating_record(now.saturating_sub(due));
            member.schedule(due, at, tally, out);
        });
        self.sent += 1;
    }
}
