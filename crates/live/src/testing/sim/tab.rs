//! A tab, as whoever writes a test has it in hand.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::Value;

use super::desk::{Desk, Fate};
use super::page::{Outcome, Page, Phase};
use super::world::{Tabbed, World};

/// A simulated browser tab. A clone is the same tab.
#[derive(Clone)]
pub struct Tab {
    pub(super) world: Rc<RefCell<World>>,
    pub(super) index: usize,
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

    pub(super) fn add(world: &Rc<RefCell<World>>, borrowed: &mut World, page: Page) -> Self {
        borrowed.look_at_clock();
        borrowed.desk.line(&page.name, format_args!("is opened"));
        borrowed.tabs.push(Tabbed { page, up: Vec::new(), down: Vec::new() });
        let index = borrowed.tabs.len() - 1;
        borrowed.tabs[index].page.dial(&mut borrowed.desk);
        Self { world: Rc::clone(world), index }
    }

    /// Does something in the page, and what the page then wants.
    pub(super) fn on_page<T>(&self, act: impl FnOnce(&mut Page, &mut Desk) -> T) -> T {
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

    /// Whether the server has a newer version of the component than the page was made for.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// # let sim = Sim::new(1, Live::builder);
    /// # let tab = sim.tab();
    /// let handle = tab.mount("Unknown", "unknown", json!({}));
    /// assert!(!tab.is_outdated(handle));
    /// # }
    /// ```
    #[must_use]
    pub fn is_outdated(&self, handle: Handle) -> bool {
        self.world.borrow().tabs[self.index].page.handles[handle.0].is_outdated
    }

    /// Whether it has a connection, as far as it knows.
    ///
    /// See [`Sim::tab`](super::Sim::tab) for an example.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.world.borrow().tabs[self.index].page.is_open()
    }
}
