//! What happens to a simulation, step by step: drawn from a seed, or written down.

use std::time::Duration;

use serde_json::Value;

use super::draw::Draw;
use super::steer::Sim;
use super::tab::{Handle, Tab};
use super::wire::{Cut, Way};

/// Tabs a schedule has at most, copies included.
const MOST_TABS: usize = 4;
/// Components a tab of a schedule has at most.
const MOST_HANDLES: usize = 3;

type MakeCall = dyn Fn(&mut Draw, String) -> (&'static str, Value);

/// A component that takes part in schedules, and how it is called.
pub struct Actor {
    component: String,
    props: Value,
    call: Box<MakeCall>,
}

impl Actor {
    /// A component that is mounted with `props`; `call` answers with an action and its arguments each time one is
    /// to be called, and is given a token that no other call gets.
    ///
    /// ```
    /// use fluxstack_live::testing::sim::Actor;
    /// use serde_json::json;
    /// let ledger = Actor::new("Ledger", json!({}), |_, token| ("enter", json!({ "entry": token })));
    /// ```
    pub fn new(
        component: &str,
        props: Value,
        call: impl Fn(&mut Draw, String) -> (&'static str, Value) + 'static,
    ) -> Self {
        Self { component: component.to_owned(), props, call: Box::new(call) }
    }
}

/// One thing that happens. Tabs and components are counted from 0; what names one that is not there does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A tab calls one of its components so many times at once.
    Call {
        /// Which tab.
        tab: usize,
        /// Which of its components.
        handle: usize,
        /// How often.
        times: u64,
    },
    /// Frames are lost.
    Drop {
        /// Whose.
        tab: usize,
        /// Which way they went.
        way: Way,
        /// How many.
        count: usize,
    },
    /// A frame comes late, and everything behind it.
    Delay(usize, Way, Duration),
    /// A frame comes twice.
    Double(usize, Way),
    /// A frame is overtaken.
    Swap(usize, Way),
    /// A frame to the tab comes with another byte in it.
    Corrupt(usize),
    /// A connection is cut.
    Cut(usize, Cut),
    /// A tab freezes for a while.
    Sleep(usize, Duration),
    /// The server is killed, and another one starts after a while.
    Kill {
        /// Nobody is told.
        is_silent: bool,
        /// How long there is none.
        down: Duration,
    },
    /// The server drains, and another one starts after a while.
    Drain(Duration),
    /// The same, and the next one is of another version, if there is one: see [`Sim::also`].
    Deploy(Duration),
    /// The grace period passes.
    Grace,
    /// A tab is duplicated.
    Duplicate(usize),
    /// A page is loaded anew.
    Reload(usize),
    /// A tab shows one component more.
    Mount(usize),
    /// A tab does not want one of its components any more.
    Unmount(usize, usize),
    /// The store loses everything.
    Forget,
    /// The store takes up to so long from now on.
    SlowStore(Duration),
}

/// A whole plan: how many components each tab begins with, then what happens and how long it takes until the next.
///
/// ```
/// use fluxstack_live::testing::sim::Schedule;
/// assert_eq!(Schedule::random(7).steps, Schedule::random(7).steps);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Components each tab begins with.
    pub tabs: Vec<usize>,
    /// What happens, and how long it takes until the next.
    pub steps: Vec<(Step, Duration)>,
}

impl Schedule {
    /// One to three tabs with one or two components each, and 20 to 60 steps: about half of them calls, the rest
    /// everything that can happen, the likelier the oftener.
    ///
    /// See [`Schedule`] for an example.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        // Other chances than those of the simulation, which begins at the same seed.
        let mut draw = Draw::new(seed.rotate_left(32) ^ 0x7363_6865_6475_6c65);
        let tabs = (0..draw.between(1, 3)).map(|_| usize::from(draw.chance(50)) + 1).collect();
        let steps = (0..draw.between(20, 60)).map(|_| (Step::random(&mut draw), pause(&mut draw))).collect();
        Self { tabs, steps }
    }
}

fn ms(draw: &mut Draw, least: u64, most: u64) -> Duration {
    Duration::from_millis(draw.between(least, most))
}

/// Mostly no longer than a frame takes, so that things happen while others are under way.
fn pause(draw: &mut Draw) -> Duration {
    match draw.below(100) {
        0..30 => Duration::ZERO,
        30..83 => ms(draw, 1, 40),
        83..95 => ms(draw, 40, 400),
        _ => ms(draw, 400, 3_000),
    }
}

impl Step {
    fn random(draw: &mut Draw) -> Self {
        let tab = draw.place(MOST_TABS);
        let handle = draw.place(MOST_HANDLES);
        // Upwards less often, because there it excuses the order of the calls.
        let way = if draw.chance(25) { Way::Up } else { Way::Down };
        match draw.below(1_000) {
            0..470 => Self::Call { tab, handle, times: if draw.chance(70) { 1 } else { draw.between(2, 5) } },
            470..505 => Self::Drop { tab, way, count: 1 + draw.place(2) },
            505..535 => Self::Delay(tab, way, ms(draw, 20, 4_000)),
            535..555 => Self::Double(tab, way),
            555..575 => Self::Swap(tab, way),
            575..650 => Self::Corrupt(tab),
            650..695 => Self::Cut(tab, Cut::Both),
            695..720 => Self::Cut(tab, Cut::Tab),
            720..740 => Self::Cut(tab, Cut::Server),
            740..770 => Self::Sleep(tab, ms(draw, 50, 6_000)),
            770..805 => Self::Kill { is_silent: draw.chance(25), down: ms(draw, 0, 1_500) },
            805..835 => Self::Drain(ms(draw, 0, 800)),
            835..850 => Self::Deploy(ms(draw, 0, 800)),
            850..865 => Self::Grace,
            865..875 => Self::Duplicate(tab),
            875..905 => Self::Reload(tab),
            905..930 => Self::Mount(tab),
            930..950 => Self::Unmount(tab, handle),
            950..955 => Self::Forget,
            955..965 => Self::SlowStore(Duration::ZERO),
            965..975 => Self::SlowStore(ms(draw, 1, 25)),
            _ => Self::Call { tab, handle, times: 1 },
        }
    }
}

/// The tabs of a schedule, and what each shows.
struct Stage<'a> {
    sim: &'a Sim,
    actors: &'a [Actor],
    draw: Draw,
    tabs: Vec<(Tab, Vec<(Handle, usize)>)>,
    tokens: u64,
}

impl Sim {
    /// Lets a schedule happen. Settle and check afterwards.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::{Schedule, Sim}};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// sim.play(&Schedule::random(1), &[]).await;
    /// sim.settle().await;
    /// sim.assert_converged().await;
    /// # }
    /// ```
    pub async fn play(&self, schedule: &Schedule, actors: &[Actor]) {
        let draw = self.world.borrow_mut().desk.draw.fork();
        let mut stage = Stage { sim: self, actors, draw, tabs: Vec::new(), tokens: 0 };
        for handles in &schedule.tabs {
            stage.tabs.push((self.tab(), Vec::new()));
            let tab = stage.tabs.len() - 1;
            (0..*handles).for_each(|_| stage.mount(tab));
        }
        for (step, pause) in &schedule.steps {
            stage.step(step).await;
            self.run(*pause).await;
        }
    }
}

impl Stage<'_> {
    fn mount(&mut self, tab: usize) {
        let Some((tab, handles)) = self.tabs.get_mut(tab) else { return };
        if handles.len() >= MOST_HANDLES || self.actors.is_empty() {
            return;
        }
        let which = self.draw.place(self.actors.len());
        let actor = &self.actors[which];
        let name = format!("{}:{}", actor.component, handles.len());
        handles.push((tab.mount(&actor.component, &name, actor.props.clone()), which));
    }

    fn call(&mut self, tab: usize, handle: usize, times: u64) {
        let Some((tab, handles)) = self.tabs.get(tab % self.tabs.len().max(1)) else { return };
        let Some((handle, actor)) = handles.get(handle % handles.len().max(1)) else { return };
        for _ in 0..times {
            self.tokens += 1;
            let (action, args) = (self.actors[*actor].call)(&mut self.draw, format!("{:x}", self.tokens));
            tab.call(*handle, action, args);
        }
    }

    async fn step(&mut self, step: &Step) {
        let sim = self.sim;
        let some = |tab: &usize| self.tabs.get(*tab).map(|(tab, _)| tab);
        match step {
            Step::Call { tab, handle, times } => self.call(*tab, *handle, *times),
            Step::Drop { tab, way, count } => drop(some(tab).map(|tab| tab.lose(*way, *count))),
            Step::Delay(tab, way, time) => drop(some(tab).map(|tab| tab.delay(*way, *time))),
            Step::Double(tab, way) => drop(some(tab).map(|tab| tab.double(*way))),
            Step::Swap(tab, way) => drop(some(tab).map(|tab| tab.swap(*way))),
            Step::Corrupt(tab) => drop(some(tab).map(|tab| tab.corrupt(1))),
            Step::Cut(tab, cut) => drop(some(tab).map(|tab| tab.cut(*cut))),
            Step::Sleep(tab, time) => drop(some(tab).map(|tab| tab.sleep(*time))),
            Step::Kill { is_silent, down } => {
                if *is_silent {
                    sim.vanish()
                } else {
                    sim.kill()
                }
                sim.start_in(*down);
            }
            Step::Drain(down) => {
                sim.drain();
                sim.start_in(*down);
            }
            Step::Deploy(down) => {
                sim.deploy_next();
                sim.drain();
                sim.start_in(*down);
            }
            Step::Grace => sim.pass_grace().await,
            Step::Duplicate(tab) => {
                if self.tabs.len() < MOST_TABS
                    && let Some((tab, handles)) = self.tabs.get(*tab)
                {
                    // Whether the original is there to say so at the very moment is left to chance.
                    tab.may_be_reset();
                    let copy = (tab.duplicate(), handles.clone());
                    self.tabs.push(copy);
                }
            }
            Step::Reload(tab) => drop(some(tab).map(Tab::reload)),
            Step::Mount(tab) => self.mount(*tab),
            Step::Unmount(tab, handle) => {
                if let Some((tab, handles)) = self.tabs.get(*tab)
                    && let Some((handle, _)) = handles.get(*handle)
                {
                    tab.unmount(*handle);
                }
            }
            Step::Forget => sim.forget().await,
            Step::SlowStore(slowest) => sim.slow_store(*slowest),
        }
    }
}
