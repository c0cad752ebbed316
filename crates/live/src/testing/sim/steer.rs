//! The whole, as whoever writes a test steers it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::desk::{Desk, Rule};
use super::page::Page;
use super::report::Report;
use super::tab::Tab;
use super::world::{Server, World};
use crate::server::Builder;

/// How long, in virtual time, a simulation may take to settle.
const SETTLING: u64 = 300_000;
/// Lines of the trace that a failure shows.
const TAIL: usize = 60;

/// A simulation: see the [module](super).
pub struct Sim {
    world: Rc<RefCell<World>>,
    seed: u64,
}

impl Sim {
    /// Begins, with a server that `build` makes; it makes another one each time one starts. What shall outlive a
    /// server, a store for one, is made before and cloned in there. Use tokio's paused clock and one thread.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// assert_eq!(sim.seed(), 1);
    /// # }
    /// ```
    ///
    /// # Panics
    /// If the builder makes no server, then and whenever a server starts.
    #[must_use]
    pub fn new(seed: u64, build: impl Fn() -> Builder + 'static) -> Self {
        let mut world = World::new(seed, Rc::new(build));
        world.start();
        Self { world: Rc::new(RefCell::new(world)), seed }
    }

    /// The seed that decides everything that is left to chance.
    ///
    /// See [`Sim::new`] for an example.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Opens a tab. It connects as soon as time passes.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// let tab = sim.tab();
    /// sim.settle().await;
    /// assert!(tab.is_connected());
    /// # }
    /// ```
    #[must_use]
    pub fn tab(&self) -> Tab {
        self.tab_of("")
    }

    /// Opens a tab of this user, as an authenticator would say.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// let ada = sim.tab_of("ada");
    /// # }
    /// ```
    #[must_use]
    pub fn tab_of(&self, user: &str) -> Tab {
        Tab::open(&self.world, user)
    }

    // The server.

    /// The application has another version from the next start on.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// sim.deploy(|| Live::builder().limits(|limits| limits.calls = 16));
    /// sim.drain();
    /// sim.settle().await;
    /// # }
    /// ```
    pub fn deploy(&self, build: impl Fn() -> Builder + 'static) {
        let mut world = self.world.borrow_mut();
        world.build = Rc::new(build);
        world.desk.report.fault("deploy");
        world.desk.line("server", format_args!("has another version from the next start on"));
    }

    /// The application has one version more, which a [`Schedule`](super::Schedule) may deploy. The versions take
    /// turns, so they have to be able to read what the others wrote.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// sim.also(|| Live::builder().limits(|limits| limits.calls = 16));
    /// # }
    /// ```
    pub fn also(&self, build: impl Fn() -> Builder + 'static) {
        self.world.borrow_mut().also.push_back(Rc::new(build));
    }

    /// Deploys the version whose turn it is.
    pub(super) fn deploy_next(&self) {
        let mut world = self.world.borrow_mut();
        if let Some(next) = world.also.pop_front() {
            let before = std::mem::replace(&mut world.build, next);
            world.also.push_back(before);
        }
        world.desk.report.fault("deploy");
        world.desk.line("server", format_args!("has another version from the next start on"));
    }

    /// Kills the server where it is, as `kill -9` would. Tabs see their sockets close. Its store keeps what it had
    /// been given by then. It stays down until [`Sim::start`], [`Sim::start_in`] or [`Sim::settle`].
    ///
    /// See the [module](super) for an example.
    pub fn kill(&self) {
        let mut world = self.world.borrow_mut();
        world.desk.report.fault("kill");
        world.kill(false);
    }

    /// The same, and nobody is told: the machine has lost its power. Tabs find out by themselves.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// let tab = sim.tab();
    /// sim.settle().await;
    /// sim.vanish();
    /// sim.run(Duration::from_millis(2_600)).await;
    /// assert!(!tab.is_connected());
    /// # }
    /// ```
    pub fn vanish(&self) {
        let mut world = self.world.borrow_mut();
        world.desk.report.fault("vanish");
        world.kill(true);
    }

    /// Drains the server, as [`Live::shutdown`](crate::Live::shutdown) does, which takes its time. It stays down
    /// afterwards, as if it had been killed.
    ///
    /// See [`Sim::deploy`] for an example.
    pub fn drain(&self) {
        let mut world = self.world.borrow_mut();
        world.desk.report.fault("drain");
        world.drain();
    }

    /// Starts a server, if there is none.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// sim.kill();
    /// sim.start();
    /// # }
    /// ```
    pub fn start(&self) {
        self.start_in(Duration::ZERO);
    }

    /// Starts a server after so long, or when the present one has drained, if that takes longer.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// sim.drain();
    /// sim.start_in(Duration::from_secs(2));
    /// sim.settle().await;
    /// # }
    /// ```
    pub fn start_in(&self, delay: Duration) {
        let mut world = self.world.borrow_mut();
        let at = world.look_at_clock() + millis(delay);
        world.starts_at = Some(at);
    }

    /// The store takes up to `slowest` for everything it does; at first it takes no time.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// sim.slow_store(Duration::from_millis(20));
    /// # }
    /// ```
    pub fn slow_store(&self, slowest: Duration) {
        let mut world = self.world.borrow_mut();
        world.desk.report.fault("slow store");
        world.shelf.set_slowest(slowest);
    }

    /// The store loses everything it has. From now on nothing is promised of what was done before.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// sim.forget().await;
    /// # }
    /// ```
    pub async fn forget(&self) {
        let (store, known) = {
            let mut world = self.world.borrow_mut();
            world.desk.report.fault("forget");
            world.forgotten()
        };
        let Some(store) = store else { return };
        for instance in known {
            // A store that cannot do even that is the author's to see.
            let _ = store.remove(instance).await;
        }
    }

    // Time.

    /// Lets time pass, and everything happen that is due in it.
    ///
    /// See [`Sim::vanish`] for an example.
    pub async fn run(&self, time: Duration) {
        let until = self.world.borrow_mut().look_at_clock() + millis(time);
        self.run_while(until, |_| true).await;
    }

    /// Lets the grace period pass, so that whatever waits for its tab goes to rest.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// sim.pass_grace().await;
    /// # }
    /// ```
    pub async fn pass_grace(&self) {
        let grace = match &self.world.borrow().server {
            Server::Up(live) => live.limits().grace,
            Server::Draining(_) | Server::Down => Duration::ZERO,
        };
        self.world.borrow_mut().desk.report.fault("grace");
        self.run(grace + Duration::from_secs(1)).await;
    }

    /// Lets time pass until `until`, or until it is no longer worth it.
    async fn run_while(&self, until: u64, goes_on: impl Fn(&World) -> bool) {
        loop {
            let waiting = {
                let mut world = self.world.borrow_mut();
                world.work();
                if world.desk.now >= until || !goes_on(&world) {
                    return;
                }
                world.waiting(until)
            };
            waiting.await;
        }
    }

    /// Does something with every component of every page.
    fn on_handles(&self, act: impl Fn(&mut Page, usize, &mut Desk)) {
        let mut world = self.world.borrow_mut();
        world.look_at_clock();
        let World { tabs, desk, .. } = &mut *world;
        for page in tabs.iter_mut().map(|tab| &mut tab.page) {
            (0..page.handles.len()).for_each(|handle| act(page, handle, desk));
        }
    }

    /// Heals the network, wakes every tab, starts a server if there is none, and lets time pass until every call
    /// has its answer and every tab is in step, or knows that it cannot be.
    ///
    /// See the [module](super) for an example.
    ///
    /// # Panics
    /// With the seed, if that does not come about.
    pub async fn settle(&self) {
        let begun = self.world.borrow_mut().look_at_clock();
        loop {
            self.world.borrow_mut().heal();
            self.run_while(begun + SETTLING, |world| !world.is_quiet()).await;
            if !self.world.borrow().is_quiet() {
                let what = format!("it does not settle in {} s", SETTLING / 1_000);
                self.fail(&what);
            }
            // Whoever believes to be in step may be mistaken about whether there is anybody.
            self.on_handles(Page::confirm);
            let lossy = |world: &World| world.wires.iter().any(|wire| wire.is_lossy);
            self.run_while(begun + SETTLING, |world| !world.is_quiet()).await;
            let world = self.world.borrow();
            if world.is_quiet() && !lossy(&world) {
                return;
            }
        }
    }

    // What came of it.

    /// How the effects of calls are found, so that they can be counted: what the arguments of a call say its
    /// effect will be called, and which effects are in a state, in the order in which they came.
    ///
    /// The component has to keep them, and be stored before it answers
    /// ([`Durability::Acknowledged`](crate::Durability)).
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// sim.effects(
    ///     "Ledger",
    ///     |args| args["entry"].as_str().map(str::to_owned),
    ///     |state| state["entries"].as_array().into_iter().flatten().map(|entry| entry.to_string()).collect(),
    /// );
    /// # }
    /// ```
    pub fn effects(
        &self,
        component: &str,
        of_call: impl Fn(&Value) -> Option<String> + 'static,
        in_state: impl Fn(&Map<String, Value>) -> Vec<String> + 'static,
    ) {
        let component = component.to_owned();
        let rule = Rule { component, of_call: Rc::new(of_call), in_state: Rc::new(in_state) };
        self.world.borrow_mut().desk.rules.push(rule);
    }

    /// Compares what every tab shows with what the server holds, and the effects in it with what was called.
    /// Answers with everything that was found wrong since the simulation began. Settle before.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// sim.settle().await;
    /// assert_eq!(sim.check().await, [""; 0]);
    /// # }
    /// ```
    pub async fn check(&self) -> Vec<String> {
        self.on_handles(|page, handle, _| page.handles[handle].is_compared = false);
        let until = self.world.borrow_mut().look_at_clock() + SETTLING;
        loop {
            self.on_handles(|page, handle, desk| {
                if !page.handles[handle].is_compared {
                    page.probe(handle, desk);
                }
            });
            self.run_while(until, |world| !world.is_quiet()).await;
            let world = self.world.borrow();
            let mut handles = world.tabs.iter().filter(|tab| !tab.page.is_closed).flat_map(|tab| &tab.page.handles);
            // Whoever noticed just now that something is missing is compared when it has come.
            if handles.all(|handle| handle.is_compared) || world.desk.now >= until {
                break;
            }
        }
        self.world.borrow().desk.wrong.clone()
    }

    /// The same, for a test.
    ///
    /// See the [module](super) for an example.
    ///
    /// # Panics
    /// With the seed, what is wrong and what happened last, if anything is.
    pub async fn assert_converged(&self) {
        let wrong = self.check().await;
        if !wrong.is_empty() {
            self.fail(&wrong.join("\n"));
        }
    }

    fn fail(&self, what: &str) -> ! {
        let tail = self.world.borrow().desk.trace.tail(TAIL);
        panic!("with seed {}: {what}\nwhat led to it:\n{tail}", self.seed);
    }

    /// What was counted.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// assert_eq!(sim.report().calls, 0);
    /// # }
    /// ```
    #[must_use]
    pub fn report(&self) -> Report {
        Report { schedules: 1, ..self.world.borrow().desk.report.clone() }
    }

    /// What happened: milliseconds of virtual time, who, what. The same lines for the same seed. The last one is a
    /// number made of when every frame arrived and how long it was, so that nothing is left out.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// assert_eq!(sim.trace()[0], "       0 server  starts");
    /// # }
    /// ```
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        let desk = &self.world.borrow().desk;
        let mut lines = desk.trace.lines();
        lines.push(format!("{:>8} frames  {:016x}", desk.now, desk.fingerprint));
        lines
    }

    pub(super) fn world(&self) -> &Rc<RefCell<World>> {
        &self.world
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 4)
}
