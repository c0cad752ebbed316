//! What an instance does beside its mail: timers, and work whose result comes back as a turn.
//!
//! Owned by the instance's [`Cx`](crate::Cx) and made only when first used. Dropping it stops everything:
//! nothing here outlives the instance. Every turn it yields is a [`Turn`] that the instance runs like mail.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::component::{Component, Cx};
use crate::error::{Code, Error, Result};

/// Timers, and pieces of spawned work, one instance may have.
const MOST: usize = 1_000;

/// The shortest period of [`Cx::every`], so that a zero cannot spin.
const SHORTEST: Duration = Duration::from_millis(1);

/// A timer that can be stopped with [`Cx::cancel`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerId(u64);

pub(crate) type Job<C> = Box<dyn FnOnce(&mut C, &mut Cx<C>) + Send>;
type Tick<C> = Box<dyn FnMut(&mut C, &mut Cx<C>) + Send>;

enum Timer<C: Component> {
    Once(Job<C>),
    Every { period: Duration, tick: Tick<C> },
    Keyed { key: &'static str, job: Job<C> },
}

/// When a throttled key may run again, and its waiting timer.
struct Gate {
    timer: Option<u64>,
    opens: Instant,
}

/// See the module.
pub(crate) struct Work<C: Component> {
    tasks: JoinSet<Job<C>>,
    due: BTreeMap<(Instant, u64), Timer<C>>,
    at: HashMap<u64, Instant>,
    gates: HashMap<&'static str, Gate>,
    last: u64,
    prefers_timers: bool,
}

/// Something to run in a turn.
pub(crate) enum Turn<C: Component> {
    Once(Job<C>),
    Tick { timer: TimerId, due: Instant, period: Duration, tick: Tick<C> },
}

impl<C: Component> Work<C> {
    pub(crate) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            due: BTreeMap::new(),
            at: HashMap::new(),
            gates: HashMap::new(),
            last: 0,
            prefers_timers: false,
        }
    }

    pub(crate) fn spawn<T, F>(
        &mut self,
        future: F,
        then: impl FnOnce(&mut C, T, &mut Cx<C>) + Send + 'static,
    ) -> Result<()>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        if self.tasks.len() >= MOST {
            return Err(full("pieces of spawned work"));
        }
        self.tasks.spawn(async move {
            let output = future.await;
            Box::new(move |component: &mut C, cx: &mut Cx<C>| then(component, output, cx)) as Job<C>
        });
        Ok(())
    }

    pub(crate) fn after(
        &mut self,
        delay: Duration,
        then: impl FnOnce(&mut C, &mut Cx<C>) + Send + 'static,
    ) -> Result<TimerId> {
        self.add(Instant::now() + delay, Timer::Once(Box::new(then)))
    }

    pub(crate) fn every(
        &mut self,
        period: Duration,
        tick: impl FnMut(&mut C, &mut Cx<C>) + Send + 'static,
    ) -> Result<TimerId> {
        let period = period.max(SHORTEST);
        self.add(Instant::now() + period, Timer::Every { period, tick: Box::new(tick) })
    }

    pub(crate) fn cancel(&mut self, timer: TimerId) {
        if let Some(at) = self.at.remove(&timer.0) {
            self.due.remove(&(at, timer.0));
        }
    }

    pub(crate) fn debounce(
        &mut self,
        key: &'static str,
        quiet: Duration,
        then: impl FnOnce(&mut C, &mut Cx<C>) + Send + 'static,
    ) -> Result<()> {
        let opens = Instant::now() + quiet;
        self.add_keyed(key, opens, opens, Box::new(then))
    }

    pub(crate) fn throttle(
        &mut self,
        key: &'static str,
        period: Duration,
        then: impl FnOnce(&mut C, &mut Cx<C>) + Send + 'static,
    ) -> Result<()> {
        let now = Instant::now();
        let due = match self.gates.get(key) {
            // One is waiting for the period to end; this one takes its place, not a later one.
            Some(Gate { timer: Some(timer), .. }) => self.at.get(timer).copied().unwrap_or(now),
            Some(gate) => gate.opens.max(now),
            None => now,
        };
        self.add_keyed(key, due, due + period, Box::new(then))
    }

    /// Whether [`Work::next`] would ever be ready.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.due.is_empty() || !self.tasks.is_empty()
    }

    /// What is due next. Nothing is lost if the future is dropped.
    pub(crate) async fn next(&mut self) -> Turn<C> {
        loop {
            let first = self.due.keys().next().map(|(at, _)| *at);
            // Turn about, and not by chance, so that neither starves the other and the same events make the same
            // history.
            self.prefers_timers = !self.prefers_timers;
            let Self { tasks, prefers_timers, .. } = self;
            let next = if *prefers_timers {
                tokio::select! { biased;
                    () = until(first) => None,
                    Some(done) = tasks.join_next() => Some(done),
                }
            } else {
                tokio::select! { biased;
                    Some(done) = tasks.join_next() => Some(done),
                    () = until(first) => None,
                }
            };
            match next {
                Some(Ok(job)) => return Turn::Once(job),
                // Its panic is already in the log, with a backtrace, by the panic hook.
                Some(Err(error)) => tracing::error!(%error, "spawned work ended without a result"),
                None => {
                    if let Some(turn) = self.take_due() {
                        return turn;
                    }
                }
            }
        }
    }

    /// Puts a tick back, unless it was cancelled while it ran.
    pub(crate) fn again(&mut self, timer: TimerId, due: Instant, period: Duration, tick: Tick<C>) {
        if !self.at.contains_key(&timer.0) {
            return;
        }
        let now = Instant::now();
        let mut next = due + period;
        if next <= now {
            // Keep the beat, skip what was missed.
            let missed = now.duration_since(due).as_nanos() / period.as_nanos();
            next = due + period.saturating_mul(u32::try_from(missed + 1).unwrap_or(u32::MAX));
        }
        self.at.insert(timer.0, next);
        self.due.insert((next, timer.0), Timer::Every { period, tick });
    }

    fn add(&mut self, at: Instant, timer: Timer<C>) -> Result<TimerId> {
        if self.due.len() >= MOST {
            return Err(full("timers"));
        }
        self.last += 1;
        self.at.insert(self.last, at);
        self.due.insert((at, self.last), timer);
        Ok(TimerId(self.last))
    }

    fn add_keyed(&mut self, key: &'static str, due: Instant, opens: Instant, job: Job<C>) -> Result<()> {
        if let Some(timer) = self.gates.get(key).and_then(|gate| gate.timer) {
            self.cancel(TimerId(timer));
        }
        let now = Instant::now();
        self.gates.retain(|_, gate| gate.timer.is_some() || gate.opens > now);
        let TimerId(timer) = self.add(due, Timer::Keyed { key, job })?;
        self.gates.insert(key, Gate { timer: Some(timer), opens });
        Ok(())
    }

    fn take_due(&mut self) -> Option<Turn<C>> {
        let ((due, timer), what) = self.due.pop_first()?;
        match what {
            Timer::Every { period, tick } => Some(Turn::Tick { timer: TimerId(timer), due, period, tick }),
            Timer::Once(job) => {
                self.at.remove(&timer);
                Some(Turn::Once(job))
            }
            Timer::Keyed { key, job } => {
                self.at.remove(&timer);
                if let Some(gate) = self.gates.get_mut(key) {
                    gate.timer = None;
                }
                Some(Turn::Once(job))
            }
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cold]
fn full(what: &str) -> Error {
    Error::new(Code::Busy, format!("this instance already has {MOST} {what}"))
}
