//! A tab, as whoever writes a test has it in hand.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use super::desk::{Desk, Fate};
use super::page::{Outcome, Page, Phase};
use super::steer::millis;
use super::wire::{Cut, Harm, Way};
use super::world::{Tabbed, World};

/// A simulated browser tab. A clone is the same tab.
#[derive(Clone)]
pub struct Tab {
    world: Rc<RefCell<World>>,
    index: usize,
}

/// A component on a page: what its handle is to an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle(usize);

/// A call that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked(usize);

/// What became of a call, as far as the tab knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet.
    Pending,
    /// It was done, and this was the result.
    Done(Value),
    /// It was refused, with this code.
    Refused(String),
    /// Whether it happened is not known.
    InDoubt,
    /// It was not sent.
    NotSent,
}

impl Answer {
    /// Whether it was done.
    ///
    /// ```
    /// # use fluxstack_live::testing::sim::Answer;
    /// assert!(Answer::Done(7.into()).is_done() && !Answer::Pending.is_done());
    /// ```
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// What an application would see of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Nothing is shown yet.
    Mounting,
    /// What is shown is what the server holds.
    Live,
    /// What is shown may be old.
    Stale,
    /// The server refused, with this code.
    Failed(String),
    /// It was unmounted.
    Unmounted,
}

impl Tab {
    pub(super) fn open(world: &Rc<RefCell<World>>, user: &str) -> Self {
        let mut borrowed = world.borrow_mut();
        let index = borrowed.tabs.len();
        let latency = borrowed.desk.draw.between(1, 20);
        let page = Page::new(index, user, latency);
        Self::add(world, &mut borrowed, page)
    }

    fn add(world: &Rc<RefCell<World>>, borrowed: &mut World, page: Page) -> Self {
        borrowed.look_at_clock();
        borrowed.desk.line(&page.name, format_args!("is opened"));
        borrowed.tabs.push(Tabbed { page, up: Vec::new(), down: Vec::new() });
        let index = borrowed.tabs.len() - 1;
        borrowed.tabs[index].page.dial(&mut borrowed.desk);
        Self { world: Rc::clone(world), index }
    }

    /// Does something in the page, and what the page then wants.
    fn on_page<T>(&self, act: impl FnOnce(&mut Page, &mut Desk) -> T) -> T {
        let mut world = self.world.borrow_mut();
        world.look_at_clock();
        let World { tabs, desk, .. } = &mut *world;
        act(&mut tabs[self.index].page, desk)
    }

    // What an application does.

    /// Shows a component, under a name of the page's own. It is mounted when there is a connection.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::{Sim, Status}};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// let unknown = tab.mount("Unknown", "unknown", json!({}));
    /// sim.settle().await;
    /// assert_eq!(tab.status(unknown), Status::Failed("COMPONENT_NOT_FOUND".into()));
    /// # }
    /// ```
    pub fn mount(&self, component: &str, name: &str, props: Value) -> Handle {
        self.on_page(|page, desk| {
            desk.line(&page.name.clone(), format_args!("mounts {name}"));
            Handle(page.mount(component, name, &props, desk))
        })
    }

    /// Calls an action. It is sent with whatever else is done before time passes, in one frame; its answer is in
    /// [`Tab::answer`] when it has come.
    ///
    /// See the [module](super) for an example.
    pub fn call(&self, handle: Handle, action: &str, args: Value) -> Asked {
        self.on_page(|page, desk| {
            desk.line(&page.name.clone(), format_args!("calls {action}"));
            Asked(page.call(handle.0, action, &args, desk))
        })
    }

    /// Writes a field, as a bound input does.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::{Answer, Sim}};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// let unknown = tab.mount("Unknown", "unknown", json!({}));
    /// let written = tab.write(unknown, "name", json!("Ada"));
    /// sim.settle().await;
    /// assert_eq!(tab.answer(written), Answer::NotSent);
    /// # }
    /// ```
    pub fn write(&self, handle: Handle, field: &str, value: Value) -> Asked {
        self.on_page(|page, desk| {
            desk.line(&page.name.clone(), format_args!("writes {field}"));
            Asked(page.write(handle.0, field, &value, desk))
        })
    }

    /// Does not want a component any more.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::{Sim, Status}};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// let handle = tab.mount("Unknown", "unknown", json!({}));
    /// tab.unmount(handle);
    /// assert_eq!(tab.status(handle), Status::Unmounted);
    /// # }
    /// ```
    pub fn unmount(&self, handle: Handle) {
        self.on_page(|page, desk| {
            desk.line(&page.name.clone(), format_args!("unmounts {}", page.handles[handle.0].name));
            page.unmount(handle.0, desk);
        });
    }

    // What an application sees.

    /// What became of a call.
    ///
    /// See [`Tab::write`] for an example.
    #[must_use]
    pub fn answer(&self, asked: Asked) -> Answer {
        let world = self.world.borrow();
        let call = &world.desk.calls[asked.0];
        match &call.fate {
            Fate::Pending => Answer::Pending,
            Fate::Done | Fate::Excused => Answer::Done(call.answer.clone().unwrap_or_default()),
            Fate::Refused(code) => Answer::Refused(code.clone()),
            Fate::InDoubt => Answer::InDoubt,
            Fate::NotSent => Answer::NotSent,
        }
    }

    /// The state that is shown, if there is one.
    ///
    /// See the [module](super) for an example.
    #[must_use]
    pub fn shows(&self, handle: Handle) -> Option<Value> {
        let world = self.world.borrow();
        let picture = world.tabs[self.index].page.handles[handle.0].picture.as_ref()?;
        Some(Value::Object(picture.state.clone()))
    }

    /// The version of the state that is shown.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// let handle = tab.mount("Unknown", "unknown", json!({}));
    /// assert_eq!(tab.version(handle), None);
    /// # }
    /// ```
    #[must_use]
    pub fn version(&self, handle: Handle) -> Option<u64> {
        let world = self.world.borrow();
        world.tabs[self.index].page.handles[handle.0].picture.as_ref().map(|picture| picture.version)
    }

    /// How it stands.
    ///
    /// See [`Tab::mount`] for an example.
    #[must_use]
    pub fn status(&self, handle: Handle) -> Status {
        let world = self.world.borrow();
        let handle = &world.tabs[self.index].page.handles[handle.0];
        match &handle.phase {
            Phase::Failed(code) => Status::Failed(code.clone()),
            Phase::Left => Status::Unmounted,
            _ if handle.picture.is_none() => Status::Mounting,
            Phase::Mounted => Status::Live,
            Phase::Waiting | Phase::Mounting | Phase::Asking => Status::Stale,
        }
    }

    /// How it came to be what is shown, every time from the first.
    ///
    /// See the [module](super) for an example.
    #[must_use]
    pub fn outcomes(&self, handle: Handle) -> Vec<Outcome> {
        self.world.borrow().tabs[self.index].page.handles[handle.0].outcomes.clone()
    }

    /// The events it was told of, and how many it was told that it missed.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// let handle = tab.mount("Unknown", "unknown", json!({}));
    /// assert_eq!(tab.events(handle), (vec![], 0));
    /// # }
    /// ```
    #[must_use]
    pub fn events(&self, handle: Handle) -> (Vec<Value>, u64) {
        let world = self.world.borrow();
        let handle = &world.tabs[self.index].page.handles[handle.0];
        (handle.events.clone(), handle.missed)
    }

    /// The id of the instance, as the server gave it.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// let handle = tab.mount("Unknown", "unknown", json!({}));
    /// assert_eq!(tab.instance(handle), None);
    /// # }
    /// ```
    #[must_use]
    pub fn instance(&self, handle: Handle) -> Option<String> {
        self.world.borrow().tabs[self.index].page.handles[handle.0].id.clone()
    }

    /// Whether it has a connection, as far as it knows.
    ///
    /// See [`Sim::tab`](super::Sim::tab) for an example.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.world.borrow().tabs[self.index].page.is_open()
    }

    // What is done to it.

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
    /// sim.settle().await;
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

    pub(super) fn index(&self) -> usize {
        self.index
    }
}
