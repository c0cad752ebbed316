//! What happens to a tab: its network, its machine, and whoever sits before it.

use std::time::Duration;

use super::desk::Desk;
use super::steer::millis;
use super::tab::Tab;
use super::wire::{Cut, Harm, Way};
use super::world::World;

impl Tab {
    /// Cuts its connection.
    ///
    /// See the [module](super) for an example.
    pub fn cut(&self, cut: Cut) {
        let mut world = self.world.borrow_mut();
        world.look_at_clock();
        world.desk.report.fault(match cut {
            Cut::Both => "cut",
            Cut::Tab => "cut seen by tab",
            Cut::Server => "cut seen by server",
        });
        world.cut(self.index, cut);
    }

    /// Loses the next `count` frames. A real socket that has lost one is dead, whether or not anybody knows; so
    /// [`Sim::settle`](super::Sim::settle) cuts this one.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::{Sim, Way}};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// tab.lose(Way::Down, 1); // the hello, as it happens
    /// sim.run(std::time::Duration::from_secs(1)).await;
    /// assert!(!tab.is_connected());
    /// sim.settle().await;
    /// assert!(tab.is_connected());
    /// # }
    /// ```
    pub fn lose(&self, way: Way, count: usize) {
        self.harm("drop", way, count, |_| Harm::Drop);
    }

    /// Holds the next frame up, and with it everything behind it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use fluxstack_live::{Live, testing::sim::{Sim, Way}};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// tab.delay(Way::Down, Duration::from_secs(5));
    /// sim.run(Duration::from_secs(4)).await;
    /// assert!(!tab.is_connected());
    /// # }
    /// ```
    pub fn delay(&self, way: Way, time: Duration) {
        self.harm("delay", way, 1, |_| Harm::Delay(millis(time)));
    }

    /// Lets the next frame arrive twice.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::{Sim, Way}};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// tab.double(Way::Up);
    /// # }
    /// ```
    pub fn double(&self, way: Way) {
        self.harm("double", way, 1, |_| Harm::Double);
    }

    /// Lets what is sent after the next frame arrive before it, within some 50 ms.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::{Sim, Way}};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// tab.swap(Way::Down);
    /// # }
    /// ```
    pub fn swap(&self, way: Way) {
        self.harm("swap", way, 1, |desk| Harm::Swap(desk.draw.between(10, 50)));
    }

    /// Replaces one byte of each of the next `count` frames to this tab by another.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// tab.corrupt(1);
    /// sim.run(std::time::Duration::from_secs(1)).await;
    /// assert_eq!(sim.report().corrupted_frames(), 1);
    /// # }
    /// ```
    pub fn corrupt(&self, count: usize) {
        self.harm("corrupt", Way::Down, count, |_| Harm::Corrupt);
    }

    fn harm(&self, kind: &'static str, way: Way, count: usize, harm: impl Fn(&mut Desk) -> Harm) {
        let mut world = self.world.borrow_mut();
        world.look_at_clock();
        let World { tabs, desk, .. } = &mut *world;
        let tab = &mut tabs[self.index];
        desk.line(&tab.page.name, format_args!("{kind} {count} {way:?}"));
        for _ in 0..count {
            desk.report.fault(kind);
            let harm = harm(desk);
            if way == Way::Up { &mut tab.up } else { &mut tab.down }.push(harm);
        }
    }

    /// Freezes for so long: its clock stands still and what is sent to it waits. Its machine says nothing either, not
    /// even to a ping.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// tab.sleep(Duration::from_secs(60));
    /// sim.run(Duration::from_secs(59)).await;
    /// assert!(!tab.is_connected());
    /// # }
    /// ```
    pub fn sleep(&self, time: Duration) {
        self.on_page(|page, desk| {
            desk.report.fault("sleep");
            desk.line(&page.name.clone(), format_args!("sleeps for {} ms", millis(time)));
            page.asleep = Some(desk.now + millis(time));
        });
    }

    /// Wakes it before its time.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// tab.sleep(Duration::MAX);
    /// tab.wake();
    /// # }
    /// ```
    pub fn wake(&self) {
        self.on_page(|page, desk| page.wake(desk));
    }

    /// Loads the page anew: another page, which shows nothing yet, with what a tab keeps of the one before. It is a
    /// page of the version the server has now. Calls without an answer are in doubt for ever.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// sim.settle().await;
    /// tab.reload();
    /// assert!(!tab.is_connected());
    /// # }
    /// ```
    pub fn reload(&self) {
        self.on_page(|page, desk| {
            desk.report.fault("reload");
            page.asleep = None;
            page.reload(desk);
        });
        self.world.borrow_mut().attend(self.index);
    }

    /// Duplicates the tab, as browsers do: what the tab keeps is copied, the token as well. The copy must not take
    /// what the original has, as long as that is there to say so.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// let copy = tab.duplicate();
    /// sim.settle().await;
    /// assert!(tab.is_connected() && copy.is_connected());
    /// # }
    /// ```
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let mut world = self.world.borrow_mut();
        world.desk.report.fault("duplicate");
        let latency = world.desk.draw.between(1, 20);
        let index = world.tabs.len();
        let mut page = world.tabs[self.index].page.copy(index, latency, &world.desk);
        page.is_excused = true;
        Self::add(&self.world, &mut world, page)
    }

    /// From now on it is no wonder if it finds its instances reset: somebody else has its session.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// tab.sleep(std::time::Duration::from_secs(10));
    /// let heir = tab.duplicate(); // takes over from a tab that says nothing
    /// tab.may_be_reset();
    /// # }
    /// ```
    pub fn may_be_reset(&self) {
        self.world.borrow_mut().tabs[self.index].page.is_excused = true;
    }

    /// Announces less in its next upgrade request: `batch,resume`, for example, for a page that reads no deltas.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// tab.speaks("batch,resume");
    /// # }
    /// ```
    pub fn speaks(&self, caps: &'static str) {
        self.world.borrow_mut().tabs[self.index].page.caps = caps;
    }

    /// Belongs to another user from its next connection on.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// tab.belongs_to("ada");
    /// # }
    /// ```
    pub fn belongs_to(&self, user: &str) {
        self.world.borrow_mut().tabs[self.index].page.subject = user.to_owned();
    }

    /// Closes it for good, without a word to the server but the close frame.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// tab.close();
    /// # }
    /// ```
    pub fn close(&self) {
        self.on_page(|page, desk| {
            desk.line(&page.name.clone(), format_args!("is closed"));
            page.close(desk);
        });
        self.world.borrow_mut().attend(self.index);
    }
}
