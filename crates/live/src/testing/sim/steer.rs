//! The whole, as whoever writes a test steers it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::desk::Desk;
use super::page::Page;
use super::tab::Tab;
use super::world::{Server, World};
use crate::server::Builder;

/// How long, in virtual time, a simulation may take to settle.
pub(super) const SETTLING: u64 = 300_000;

/// A simulation: see the [module](super).
pub struct Sim {
    pub(super) world: Rc<RefCell<World>>,
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
    pub(super) async fn run_while(&self, until: u64, goes_on: impl Fn(&World) -> bool) {
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
    pub(super) fn on_handles(&self, act: impl Fn(&mut Page, usize, &mut Desk)) {
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
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 4)
}
