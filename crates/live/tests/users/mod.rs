//! What the tests of identities share: components that not everybody may have, and an authenticator that knows
//! who is who.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test file takes what it needs")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use fluxstack_live::auth::{Authenticator, Credentials};
use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Client, Harness, Refused};
use serde_json::{Value, json};

pub const CAPS: &str = "v=3&caps=delta,batch,resume";

/// Anybody may have it; not everybody may do everything with it.
#[derive(State)]
pub struct Board {
    pub posts: u32,
    pub author: String,
    pub note: Bound<String>,
    is_locked: bool,
}

impl Component for Board {
    type Props = ();
    type Event = ();

    async fn mount((): (), cx: &mut Cx<Self>) -> Result<Self> {
        let author = cx.user().map(|user| user.id().to_owned()).unwrap_or_default();
        Ok(Board { posts: 0, author, note: Bound::new(String::new()), is_locked: false })
    }

    fn on_identity(&mut self, cx: &mut Cx<Self>) {
        self.author = cx.user().map(|user| user.id().to_owned()).unwrap_or_default();
    }
}

pub fn is_unlocked(board: &Board, _cx: &Cx<Board>) -> Result<()> {
    if board.is_locked { Err(Error::new(Code::Conflict, "the board is locked")) } else { Ok(()) }
}

#[actions]
impl Board {
    pub fn who(&mut self, cx: &mut Cx<Self>) -> Result<String> {
        Ok(cx.user()?.id().to_owned())
    }

    #[requires(signed_in)]
    pub fn post(&mut self, count: u32) {
        self.posts += count;
    }

    /// Async, and with two demands.
    #[requires(role = "editor", with = is_unlocked)]
    #[requires(permission = "posts.delete")]
    pub async fn delete(&mut self, cx: &mut Cx<Self>) -> u32 {
        let _ = cx;
        self.posts -= 1;
        self.posts
    }

    #[requires(role = "editor")]
    pub fn lock(&mut self) {
        self.is_locked = true;
    }
}

/// Only for administrators the service knows to be awake.
#[derive(State)]
#[state(requires(signed_in, role = "admin"), requires(with = is_awake))]
pub struct Console {
    pub lines: u32,
    pub prompt: Bound<String>,
}

pub struct Awake(pub bool);

pub fn is_awake(cx: &Cx<Console>) -> Result<()> {
    if cx.app::<Awake>()?.0 { Ok(()) } else { Err(Error::forbidden()) }
}

impl Component for Console {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Console { lines: 0, prompt: Bound::new(String::new()) })
    }
}

#[actions]
impl Console {
    pub fn run(&mut self) {
        self.lines += 1;
    }
}

/// The time of day, with what the test has skipped.
pub fn now() -> SystemTime {
    let skipped = tokio::time::Instant::now().into_std().saturating_duration_since(std::time::Instant::now());
    SystemTime::now() + skipped
}

/// Everybody who says so is who they say; the password is `right`. `ada` is an administrator.
pub struct Passwords {
    pub asked: Arc<AtomicUsize>,
}

impl Authenticator for Passwords {
    async fn authenticate(&self, credentials: &Credentials) -> Result<Option<Identity>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let payload = credentials.payload();
        if payload["password"] != "right" {
            return Err(Error::new(Code::Forbidden, "the password is wrong"));
        }
        let mut identity = Identity::new(payload["user"].as_str().unwrap_or_default());
        if identity.id() == "ada" {
            identity = identity.role("admin");
        }
        if let Some(seconds) = payload["for"].as_u64() {
            identity = identity.until(now() + Duration::from_secs(seconds));
        }
        for role in payload["roles"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            identity = identity.role(role).permission("posts.delete");
        }
        Ok(Some(identity))
    }

    fn account(&self, credentials: &Credentials) -> Option<String> {
        credentials.payload()["user"].as_str().map(Into::into)
    }
}

pub fn server() -> fluxstack_live::Builder {
    let asked = Arc::default();
    Live::builder()
        .component::<Board>()
        .component::<Console>()
        .provide(Awake(true))
        .authenticator(Passwords { asked })
}

pub fn harness() -> Harness {
    Harness::new(server().build().unwrap())
}

pub async fn anybody(harness: &Harness) -> Client {
    harness.connect_with(CAPS).await.unwrap()
}

pub async fn user(harness: &Harness, identity: Identity) -> Client {
    harness.connect_identified(CAPS, Some(identity)).await.unwrap()
}

pub async fn auth(client: &mut Client, payload: Value) -> Result<Value, Refused> {
    client.ask(json!({ "type": "AUTH", "payload": payload })).await
}

pub async fn sign_in(client: &mut Client, user: &str) -> Value {
    auth(client, json!({ "user": user, "password": "right" })).await.unwrap()
}

pub fn code<T: std::fmt::Debug>(refused: Result<T, Refused>) -> String {
    refused.unwrap_err().code
}

/// Everything that can happen without much time passing has happened.
pub async fn still() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}

/// One for all who have the same key; only editors may clear it, and only those signed in may have it.
#[derive(State)]
#[state(requires(signed_in))]
pub struct Wall {
    pub lines: u32,
    pub told: List<String>,
}

impl Component for Wall {
    type Props = ();
    type Event = ();

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        BEGUN.with(|begun| begun.set(begun.get() + 1));
        Ok(Wall { lines: 0, told: List::default() })
    }

    async fn on_leave(&mut self, _cx: &mut Cx<Self>) {
        self.told.push("left".to_owned());
    }

    fn on_identity(&mut self, cx: &mut Cx<Self>) {
        let who = cx.user().map(|user| user.id().to_owned()).unwrap_or_default();
        self.told.push(who);
    }
}

thread_local! {
    /// How often this test has begun a wall.
    pub static BEGUN: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

#[actions]
impl Wall {
    pub fn write(&mut self) {
        self.lines += 1;
    }

    #[requires(role = "editor")]
    pub fn clear(&mut self) {
        self.lines = 0;
    }
}

pub fn with_a_wall() -> Harness {
    Harness::new(server().component::<Wall>().build().unwrap())
}
