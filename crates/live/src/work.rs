//! What an instance does beside its mail: timers, work whose result comes back as a turn, and what it is told of
//! instances it watches.
//!
//! Owned by the instance's [`Cx`](crate::Cx) and made only when first used. Dropping it stops everything:
//! nothing here outlives the instance. Every turn it yields is a [`Turn`] that the instance runs like mail.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::component::{Component, Cx};
use crate::error::{Code, Error, Result};
use crate::watch::{Content, News, Slot, Watch, WatchId};

mod watching;

use watching::{Tell, Watching};

/// Timers, pieces of spawned work, and watches, one instance may have.
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
    watching: Option<Box<Watching<C>>>,
    /// Wakes the instance for the first timer.
    timer: Option<Pin<Box<Sleep>>>,
    prefers: Kind,
}

/// Where a turn comes from. Each comes first once in three times, and not by chance, so that none starves the
/// others and the same events make the same history.
#[derive(Clone, Copy)]
enum Kind {
    Timer,
    Task,
    Watch,
}

/// Something to run in a turn.
pub(crate) enum Turn<C: Component> {
    Once(Job<C>),
    Tick { timer: TimerId, due: Instant, period: Duration, tick: Tick<C> },
    Told { watch: WatchId, tell: Tell<C> },
}

impl<C: Component> Work<C> {
    pub(crate) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            due: BTreeMap::new(),
            at: HashMap::new(),
            gates: HashMap::new(),
            last: 0,
            watching: None,
            timer: None,
            prefers: Kind::Timer,
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

    /// Begins a watch; `begin` says of what.
    pub(crate) fn watch<T: Send + 'static>(
        &mut self,
        begin: impl FnOnce(&Arc<News>) -> Result<(Watch, Arc<Slot<T>>)>,
        mut then: impl FnMut(&mut C, Option<T>, &mut Cx<C>) + Send + 'static,
    ) -> Result<WatchId> {
        let watching = self.watching.get_or_insert_with(|| Box::new(Watching::new()));
        if watching.len() >= MOST {
            return Err(full("watches"));
        }
        let (watch, slot) = begin(watching.news())?;
        let id = watch.id();
        let tell = move |component: &mut C, cx: &mut Cx<C>| match slot.take() {
            Content::Found(found) => then(component, found, cx),
            Content::Over => cx.unwatch(id),
            Content::Nothing => {}
        };
        watching.hold(watch, Box::new(tell));
        Ok(id)
    }

    pub(crate) fn unwatch(&mut self, watch: WatchId) {
        if let Some(watching) = &mut self.watching {
            watching.let_go(watch);
        }
    }

    /// Puts back what was done when a watch told something, unless the watch ended while it ran.
    pub(crate) fn watch_again(&mut self, watch: WatchId, tell: Tell<C>) {
        if let Some(watching) = &mut self.watching {
            watching.again(watch, tell);
        }
    }

    /// The next turn, once one is due.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Turn<C>> {
        // Whatever comes first now comes last the next time.
        let kinds = match self.prefers {
            Kind::Timer => [Kind::Timer, Kind::Task, Kind::Watch],
            Kind::Task => [Kind::Task, Kind::Watch, Kind::Timer],
            Kind::Watch => [Kind::Watch, Kind::Timer, Kind::Task],
        };
        for kind in kinds {
            let turn = match kind {
                Kind::Timer => self.poll_timer(cx),
                Kind::Task => self.poll_task(cx),
                Kind::Watch => match &mut self.watching {
                    Some(watching) => watching.poll_told(cx),
                    None => Poll::Pending,
                },
            };
            if turn.is_ready() {
                self.prefers = kinds[1];
                return turn;
            }
        }
        Poll::Pending
    }

    fn poll_task(&mut self, cx: &mut Context<'_>) -> Poll<Turn<C>> {
        loop {
            match ready!(self.tasks.poll_join_next(cx)) {
                Some(Ok(job)) => return Poll::Ready(Turn::Once(job)),
                // Its panic is already in the log, with a backtrace, by the panic hook.
                Some(Err(error)) => tracing::error!(%error, "spawned work ended without a result"),
                None => return Poll::Pending,
            }
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Turn<C>> {
        let Some((first, _)) = self.due.keys().next().copied() else {
            self.timer = None;
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(first)));
        if timer.deadline() != first {
            timer.as_mut().reset(first);
        }
        ready!(timer.as_mut().poll(cx));
        self.take_due().map_or(Poll::Pending, Poll::Ready)
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

#[cold]
fn full(what: &str) -> Error {
    Error::new(Code::Busy, format!("this instance already has {MOST} {what}"))
}
