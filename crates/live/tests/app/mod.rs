//! The components the transcripts in `conformance/` speak of, and a few that misbehave.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test file takes what it needs")]

use std::sync::Arc;
use std::time::Duration;

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Counter {
    pub count: i64,
}

#[wire]
pub struct CounterProps {
    pub count: i64,
}

impl Component for Counter {
    type Props = CounterProps;
    type Event = ();

    async fn mount(props: CounterProps, _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Counter { count: props.count })
    }
}

#[actions]
impl Counter {
    pub fn increment(&mut self) {
        self.count += 1;
    }

    pub fn add(&mut self, by: i64) -> i64 {
        self.count += by;
        self.count
    }

    pub fn fail(&mut self, field: String) -> Result<()> {
        Err(Error::invalid(field, "must not be so"))
    }

    pub fn explode(&mut self) {
        self.count += 100;
        panic!("this is the test's own panic");
    }
}

#[derive(State)]
pub struct Todos {
    pub items: List<Todo>,
    pub total: u32,
}

#[wire]
#[derive(Clone)]
pub struct Todo {
    pub id: u32,
    pub text: String,
    pub done: bool,
}

impl Component for Todos {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Todos { items: List::default(), total: 0 })
    }
}

#[actions]
impl Todos {
    pub fn push(&mut self, text: String) {
        self.total += 1;
        self.items.push(Todo { id: self.total, text, done: false });
    }

    pub fn toggle(&mut self, id: u32) -> Result<()> {
        let at = self.find(id)?;
        self.items.update(at, |todo| todo.done = !todo.done);
        Ok(())
    }

    pub fn remove(&mut self, id: u32) -> Result<()> {
        let at = self.find(id)?;
        self.items.remove(at);
        Ok(())
    }

    pub fn clear(&mut self) {
        self.items.clear();
    }

    pub fn push_then_panic(&mut self, text: String) {
        self.push(text);
        panic!("this is the test's own panic");
    }
}

impl Todos {
    fn find(&self, id: u32) -> Result<usize> {
        self.items.iter().position(|todo| todo.id == id).ok_or_else(|| Error::not_found("no such row"))
    }
}

#[derive(State)]
pub struct Cart {
    pub lines: Map<String, u32>,
}

impl Component for Cart {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Cart { lines: Map::default() })
    }
}

#[actions]
impl Cart {
    pub fn put(&mut self, sku: String, quantity: u32) {
        self.lines.insert(sku, quantity);
    }

    pub fn drop(&mut self, sku: String) {
        self.lines.remove(&sku);
    }
}

#[derive(State)]
pub struct Profile {
    pub name: Bound<String>,
    pub saved: u32,
}

impl Component for Profile {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        let short = |name: &String| {
            if name.chars().count() <= 20 { Ok(()) } else { Err("at most 20 characters") }
        };
        Ok(Profile { name: Bound::new(String::new()).check(short), saved: 0 })
    }

    fn written(&mut self, _field: &'static str, _cx: &mut Cx<Self>) -> Result<()> {
        if *self.name == "refuse me" {
            return Err(Error::new(Code::Conflict, "taken"));
        }
        Ok(())
    }
}

#[actions]
impl Profile {
    pub fn save(&mut self) {
        self.saved += 1;
    }
}

#[derive(State)]
pub struct Bell {
    pub rings: u32,
}

#[wire]
#[derive(Clone)]
pub enum BellEvent {
    Rang { times: u32 },
}

impl Component for Bell {
    type Props = ();
    type Event = BellEvent;

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Bell { rings: 0 })
    }
}

#[actions]
impl Bell {
    pub fn ring(&mut self, cx: &mut Cx<Self>) {
        self.rings += 1;
        cx.emit(BellEvent::Rang { times: self.rings });
    }

    pub fn flood(&mut self, times: u32, cx: &mut Cx<Self>) {
        (1..=times).for_each(|times| cx.emit(BellEvent::Rang { times }));
    }
}

/// A shelf of which one sees a part.
#[derive(State)]
pub struct Shelf {
    #[state(window)]
    pub books: List<Book>,
    last: u32,
}

#[wire]
pub struct Book {
    pub id: u32,
    pub title: String,
}

impl Component for Shelf {
    type Props = CounterProps;
    type Event = ();

    async fn mount(CounterProps { count }: CounterProps, _cx: &mut Cx<Self>) -> Result<Self> {
        let last = u32::try_from(count).map_err(Error::internal)?;
        let books = (1..=last).map(|id| Book { id, title: format!("Volume {id}") }).collect();
        Ok(Shelf { books, last })
    }
}

#[actions]
impl Shelf {
    pub fn add(&mut self, title: String) {
        self.last += 1;
        self.books.insert(0, Book { id: self.last, title });
    }

    pub fn remove(&mut self, at: usize) -> Result<()> {
        if at >= self.books.len() {
            return Err(Error::not_found("there is no such book"));
        }
        self.books.remove(at);
        Ok(())
    }
}

/// Where letters and pictures arrive.
#[derive(State)]
pub struct Mailroom {
    pub letters: Upload,
    pub arrived: u32,
}

impl Component for Mailroom {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        let letters = Upload::accept(["text/plain", "image/png"]).max_bytes(40_000).max_files(2);
        Ok(Mailroom { letters, arrived: 0 })
    }

    async fn on_upload(&mut self, _field: &'static str, _cx: &mut Cx<Self>) -> Result<()> {
        self.arrived += 1;
        Ok(())
    }
}

#[actions]
impl Mailroom {}

/// A bell that all hear who mount the tower of the same name.
#[derive(State)]
pub struct Tower {
    pub members: usize,
    pub rings: u32,
}

#[wire]
pub struct TowerProps {
    pub name: String,
}

impl Component for Tower {
    type Props = TowerProps;
    type Event = BellEvent;

    fn scope(props: &TowerProps) -> Scope {
        Scope::Shared(props.name.clone())
    }

    async fn mount(_props: TowerProps, _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Tower { members: 0, rings: 0 })
    }

    async fn on_join(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        self.members = cx.members();
        Ok(())
    }

    async fn on_leave(&mut self, cx: &mut Cx<Self>) {
        self.members = cx.members();
    }
}

#[actions]
impl Tower {
    pub fn ring(&mut self, cx: &mut Cx<Self>) {
        self.rings += 1;
        cx.emit(BellEvent::Rang { times: self.rings });
    }
}

/// Lets its clients into rooms whose names begin with `open`, and remembers what is said there.
#[derive(State)]
pub struct Club {
    pub name: String,
}

impl Component for Club {
    type Props = ();
    type Event = BellEvent;
    const ROOM_HISTORY: usize = 3;

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Club { name: "club".to_owned() })
    }

    fn may_join(&self, room: &str, _cx: &Cx<Self>) -> Result<()> {
        if room.starts_with("open") { Ok(()) } else { Err(Error::forbidden()) }
    }

    fn may_emit(&self, _room: &str, event: &BellEvent, _cx: &Cx<Self>) -> Result<()> {
        let BellEvent::Rang { times } = event;
        if *times > 0 { Ok(()) } else { Err(Error::forbidden()) }
    }
}

#[actions]
impl Club {
    pub fn announce(&mut self, room: String, times: u32, cx: &mut Cx<Self>) -> Result<()> {
        cx.room(&room)?.emit(BellEvent::Rang { times });
        Ok(())
    }

    pub fn take_in(&mut self, room: String, cx: &mut Cx<Self>) -> Result<()> {
        cx.room(&room)?.join();
        Ok(())
    }
}

/// Does slow things, and things by the clock.
#[derive(State)]
pub struct Worker {
    pub label: String,
    pub log: List<String>,
    pub big: String,
    pub number: u64,
}

#[wire]
#[derive(Default)]
pub struct WorkerProps {
    #[serde(default)]
    pub label: String,
    /// Makes the mount fail, or panic.
    #[serde(default)]
    pub broken: Option<String>,
}

impl Component for Worker {
    type Props = WorkerProps;
    type Event = WorkerEvent;
    const TAKES_EVENTS: bool = true;

    async fn mount(props: WorkerProps, _cx: &mut Cx<Self>) -> Result<Self> {
        match props.broken.as_deref() {
            Some("panic") => panic!("this is the test's own panic"),
            Some(_) => Err(Error::forbidden()),
            None => Ok(Worker { label: props.label, log: List::default(), big: String::new(), number: 0 }),
        }
    }

    async fn props_changed(&mut self, props: WorkerProps, _cx: &mut Cx<Self>) -> Result<PropsChange> {
        self.label = props.label;
        Ok(PropsChange::Taken)
    }

    fn on_event(&mut self, event: WorkerEvent, _from: &Source, _cx: &mut Cx<Self>) -> Result<()> {
        let WorkerEvent::Said { text } = event;
        self.log.push(text);
        Ok(())
    }
}

#[wire]
pub enum WorkerEvent {
    Said { text: String },
}

#[actions]
impl Worker {
    pub async fn slow(&mut self, ms: u64) {
        self.log.push("began".to_owned());
        tokio::time::sleep(Duration::from_millis(ms)).await;
        self.log.push("ended".to_owned());
    }

    pub fn beside(&mut self, ms: u64, cx: &mut Cx<Self>) -> Result<()> {
        let work = async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            format!("done after {ms}")
        };
        cx.spawn(work, |worker: &mut Self, text, _cx| worker.log.push(text))
    }

    pub fn beside_and_panic(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        cx.spawn(async { panic!("this is the test's own panic") }, |_: &mut Self, (), _cx| {})
    }

    pub fn later(&mut self, ms: u64, text: String, cx: &mut Cx<Self>) -> Result<()> {
        cx.after(Duration::from_millis(ms), |worker: &mut Self, _cx| worker.log.push(text))?;
        Ok(())
    }

    pub fn every(&mut self, ms: u64, cx: &mut Cx<Self>) -> Result<()> {
        cx.every(Duration::from_millis(ms), |worker: &mut Self, _cx| worker.log.push("tick".to_owned()))?;
        Ok(())
    }

    pub fn debounced(&mut self, text: String, cx: &mut Cx<Self>) -> Result<()> {
        cx.debounce("text", Duration::from_millis(100), |worker: &mut Self, _cx| worker.log.push(text))
    }

    pub fn throttled(&mut self, text: String, cx: &mut Cx<Self>) -> Result<()> {
        cx.throttle("text", Duration::from_millis(100), |worker: &mut Self, _cx| worker.log.push(text))
    }

    pub fn panic_later(&mut self, ms: u64, cx: &mut Cx<Self>) -> Result<()> {
        cx.after(Duration::from_millis(ms), |worker: &mut Self, _cx| {
            worker.log.push("lost".to_owned());
            panic!("this is the test's own panic");
        })?;
        Ok(())
    }

    pub fn grow(&mut self, bytes: usize) {
        self.big = "x".repeat(bytes);
    }

    pub fn set_number(&mut self, text: String) -> Result<()> {
        self.label = "changed".to_owned();
        self.number = text.parse()?;
        Ok(())
    }

    /// Holds on to something for as long as timers and work last.
    pub fn hold(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        let (timer, future, then) = (held(), held(), held());
        cx.every(Duration::from_millis(1), move |_: &mut Self, _cx| drop(Arc::clone(&timer)))?;
        let forever = async move {
            std::future::pending::<()>().await;
            drop(future);
        };
        cx.spawn(forever, move |_: &mut Self, (), _cx| drop(then))
    }

    pub fn missing_service(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        cx.app::<std::net::TcpStream>().map(|_| ())
    }

    pub fn who(&mut self, cx: &mut Cx<Self>) -> Vec<String> {
        vec![
            cx.component_id().to_owned(),
            cx.caller().and_then(|caller| caller.client_id()).unwrap_or_default().to_owned(),
            cx.instance_id().to_string(),
        ]
    }
}

thread_local! {
    static HELD: Arc<()> = Arc::default();
}

/// Something to be held; how often it is tells whether what holds it is gone.
pub fn held() -> Arc<()> {
    HELD.with(Arc::clone)
}

/// A server with all of them.
pub fn live() -> Builder {
    Live::builder()
        .component::<Counter>()
        .component::<Todos>()
        .component::<Cart>()
        .component::<Profile>()
        .component::<Bell>()
        .component::<Worker>()
        .component::<Tower>()
        .component::<Club>()
        .component::<Shelf>()
        .component::<Mailroom>()
}

pub use fluxstack_live::server::Builder;
