//! What once broke among those who share something, each named after what broke.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]
#![allow(missing_docs, unreachable_pub, reason = "a test's components are read here and nowhere else")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fluxstack_live::auth::Credentials;
use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Client, Harness};
use fluxstack_live::{Durability, MemoryStore, Store};
use serde_json::{Value, json};

const CAPS: &str = "v=3&caps=delta,batch,resume";

#[derive(State)]
pub struct Hall {
    pub joins: u32,
    pub leaves: u32,
    pub text: String,
}

impl Component for Hall {
    type Props = ();
    type Event = ();

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Hall { joins: 0, leaves: 0, text: String::new() })
    }

    async fn on_join(&mut self, _cx: &mut Cx<Self>) -> Result<()> {
        self.joins += 1;
        Ok(())
    }

    async fn on_leave(&mut self, _cx: &mut Cx<Self>) {
        self.leaves += 1;
    }
}

#[actions]
impl Hall {
    pub async fn later(&mut self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    pub fn counts(&mut self, cx: &mut Cx<Self>) -> (usize, u32, u32) {
        (cx.members(), self.joins, self.leaves)
    }

    pub fn set(&mut self, text: String) -> usize {
        self.text = text;
        self.text.len()
    }

    pub fn add(&mut self) -> u32 {
        self.joins += 100;
        self.joins
    }
}

fn mount_message(component: &str) -> Value {
    json!({ "type": "COMPONENT_MOUNT", "componentId": "c", "payload": { "component": component }, "requestId": "m" })
}

/// Lets an instance be busy for a second.
async fn keep_busy(client: &mut Client, id: &str) {
    let later = json!({ "type": "CALL_ACTION", "componentId": id, "payload": {}, "action": "later", "requestId": "x" });
    client.send(later).await;
    pass(Duration::from_millis(10)).await;
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// A name says who one is.
async fn by_name(credentials: Credentials) -> Result<Option<Identity>> {
    Ok(credentials.token().map(|token| Identity::new(token.to_owned())))
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_died_before_its_join_was_read_left_a_ghost() {
    for caps in [CAPS, "v=3&caps=delta,batch"] {
        let harness = Harness::new(Live::builder().component::<Hall>().build().unwrap());
        let mut ada = harness.connect().await;
        let id = ada.mount("Hall", json!(null)).await.unwrap();
        keep_busy(&mut ada, &id).await;
        let mut bob = harness.connect_with(caps).await.unwrap();
        bob.send(mount_message("Hall")).await;
        pass(Duration::from_millis(10)).await;
        drop(bob);
        pass(Duration::from_secs(2)).await;
        assert_eq!(ada.call(&id, "counts", json!({})).await.unwrap(), json!([1, 1, 0]), "{caps}");
        drop(ada);
        pass(Duration::from_secs(200)).await;
        assert_eq!(harness.live().tasks(), 0, "{caps}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_who_came_after_another_was_shown_what_the_other_had_asked_for() {
    let live = Live::builder().component::<Hall>().authenticator(by_name).build().unwrap();
    let harness = Harness::new(live);
    let mut ada = harness.connect().await;
    let id = ada.mount("Hall", json!(null)).await.unwrap();
    keep_busy(&mut ada, &id).await;
    let mut bob = harness.connect_as(CAPS, "somebody else").await.unwrap();
    let auth = json!({ "type": "AUTH", "payload": { "token": "bob" }, "requestId": "a" });
    bob.send_batch(vec![mount_message("Hall"), auth]).await;
    pass(Duration::from_secs(2)).await;
    ada.call(&id, "add", json!({})).await.unwrap();
    pass(Duration::from_millis(10)).await;
    for message in bob.arrived() {
        let is_state = message["result"]["initialState"].is_object() || message["type"] == "STATE_DELTA";
        assert!(!is_state, "{message}");
    }
    assert_eq!(ada.call(&id, "counts", json!({})).await.unwrap()[0], 1);
}

#[tokio::test(start_paused = true)]
async fn a_private_instance_whose_client_came_and_went_while_it_was_busy_never_rested() {
    let harness = Harness::new(Live::builder().component::<Lone>().build().unwrap());
    let mut before = harness.connect_with(CAPS).await.unwrap();
    let id = before.mount("Lone", json!(null)).await.unwrap();
    let token = before.token();
    keep_busy(&mut before, &id).await;
    drop(before);
    pass(Duration::from_millis(10)).await;
    let mut after = harness.connect_with(CAPS).await.unwrap();
    after.resume_session(&token).await.unwrap();
    let payload = json!({ "component": "Lone", "name": "c", "have": 0, "heard": 0 });
    after
        .send(json!({ "type": "COMPONENT_RESUME", "componentId": id, "payload": payload, "requestId": "r" }))
        .await;
    pass(Duration::from_millis(10)).await;
    drop(after);
    pass(Duration::from_secs(200)).await;
    assert_eq!((harness.live().tasks(), harness.live().sessions()), (0, 0));
}

#[derive(State)]
pub struct Lone {
    pub count: u32,
}

impl Component for Lone {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Lone { count: 0 })
    }
}

#[actions]
impl Lone {
    pub async fn later(&mut self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// One that takes its time to end, and whose every change is stored.
#[derive(State)]
pub struct Slow {
    pub count: u32,
    pub leaves: u32,
}

impl Component for Slow {
    type Props = ();
    type Event = ();
    const DURABILITY: Option<Durability> = Some(Durability::Acknowledged);

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Slow { count: 0, leaves: 0 })
    }

    async fn on_leave(&mut self, _cx: &mut Cx<Self>) {
        self.leaves += 1;
    }

    async fn unmount(&mut self, _cx: &mut Cx<Self>) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[actions]
impl Slow {
    pub fn add(&mut self) -> u32 {
        self.count += 1;
        self.count
    }
}

fn with_store<C: Component>(store: &MemoryStore) -> Harness {
    Harness::new(Live::builder().component::<C>().store(store.clone()).build().unwrap())
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_ended_took_the_snapshot_of_the_next_one_along() {
    let store = MemoryStore::new();
    let harness = with_store::<Slow>(&store);
    let mut ada = harness.connect_with(CAPS).await.unwrap();
    let mut bob = harness.connect_with(CAPS).await.unwrap();
    let first = ada.mount("Slow", json!(null)).await.unwrap();
    ada.call(&first, "add", json!({})).await.unwrap();
    ada.unmount(&first).await;
    pass(Duration::from_millis(100)).await;
    let second = bob.mount("Slow", json!(null)).await.unwrap();
    assert_eq!(bob.view(&second).unwrap(), json!({ "count": 0, "leaves": 0 }), "it begins afresh");
    assert_eq!(bob.call(&second, "add", json!({})).await.unwrap(), 1);
    pass(Duration::from_secs(5)).await;
    harness.kill();
    let harness = with_store::<Slow>(&store);
    let mut eve = harness.connect_with(CAPS).await.unwrap();
    let third = eve.mount("Slow", json!(null)).await.unwrap();
    assert_eq!(eve.view(&third).unwrap()["count"], 1, "what was acknowledged is there");
}

/// One that will not be taken up again.
#[derive(State)]
pub struct Picky {
    pub count: u32,
}

impl Component for Picky {
    type Props = ();
    type Event = ();
    const DURABILITY: Option<Durability> = Some(Durability::Acknowledged);

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Picky { count: 0 })
    }

    async fn on_rehydrate(&mut self, _rehydrated: Rehydrated, _cx: &mut Cx<Self>) -> Result<()> {
        Err(Error::not_found("what it needs is not there any more"))
    }
}

#[actions]
impl Picky {
    pub fn add(&mut self) -> u32 {
        self.count += 1;
        self.count
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_could_not_be_used_kept_everybody_out_for_a_day() {
    let store = MemoryStore::new();
    let harness = with_store::<Picky>(&store);
    let mut ada = harness.connect_with(CAPS).await.unwrap();
    let id = ada.mount("Picky", json!(null)).await.unwrap();
    ada.call(&id, "add", json!({})).await.unwrap();
    harness.kill();
    assert!(store.secret().is_some());
    let harness = with_store::<Picky>(&store);
    let mut ada = harness.connect_with(CAPS).await.unwrap();
    let refused = ada.rejoin("Picky", &id, json!(null)).await.unwrap_err();
    assert_eq!(refused.code, "NOTHING_KEPT");
    let fresh = ada.mount("Picky", json!(null)).await.unwrap();
    assert_eq!(ada.view(&fresh).unwrap(), json!({ "count": 0 }));
}

struct Asked(AtomicUsize);

/// Says no to the second question, as one would that asks for something that changes meanwhile.
fn only_the_second_is_refused(cx: &Cx<Fickle>) -> Result<()> {
    match cx.app::<Asked>()?.0.fetch_add(1, Ordering::SeqCst) {
        1 => Err(Error::forbidden()),
        _ => Ok(()),
    }
}

#[derive(State)]
#[state(requires(with = only_the_second_is_refused))]
pub struct Fickle {
    pub count: u32,
}

impl Component for Fickle {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Fickle { count: 0 })
    }
}

#[actions]
impl Fickle {
    pub fn add(&mut self) -> u32 {
        self.count += 1;
        self.count
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_not_done_said_that_it_was() {
    let live = Live::builder().component::<Fickle>().provide(Asked(AtomicUsize::new(0))).build().unwrap();
    let mut ada = Harness::new(live).connect().await;
    let id = ada.mount("Fickle", json!(null)).await.unwrap();
    let call = json!({ "componentId": id, "action": "add", "payload": {} });
    let payload = json!({ "atomic": true, "calls": [call, call] });
    let answer = ada.request(json!({ "type": "CALL_BATCH", "payload": payload })).await;
    for result in answer["result"]["results"].as_array().unwrap() {
        assert_eq!((&result["success"], &result["code"]), (&json!(false), &json!("FORBIDDEN")), "{answer}");
    }
    assert_eq!(ada.view(&id).unwrap(), json!({ "count": 0 }));
}

#[tokio::test(start_paused = true)]
async fn one_member_could_push_out_or_take_the_calls_of_another() {
    let harness = Harness::new(Live::builder().component::<Hall>().build().unwrap());
    let mut ada = harness.connect_with(CAPS).await.unwrap();
    let mut eve = harness.connect_with(CAPS).await.unwrap();
    let id = ada.mount("Hall", json!(null)).await.unwrap();
    eve.mount("Hall", json!(null)).await.unwrap();
    let call = |origin: &str| json!({ "type": "CALL_ACTION", "componentId": id, "action": "add", "payload": {}, "callId": format!("{origin}-1") });
    let done = ada.ask(call("ada")).await.unwrap();
    let taken = eve.ask(call("ada")).await.unwrap();
    assert_ne!(done, taken, "the same name of another is another call");
    for number in 0..40 {
        eve.ask(call(&format!("eve{number}"))).await.unwrap();
    }
    assert_eq!(ada.ask(call("ada")).await.unwrap(), done, "it is not done again");
}

#[tokio::test(start_paused = true)]
async fn credentials_that_do_not_read_signed_the_user_out() {
    let live = Live::builder().component::<Hall>().authenticator(by_name).build().unwrap();
    let harness = Harness::new(live);
    for payload in [r#"{"token":"\ud800"}"#, r#"{"token":"x","n":1e999}"#, "[]", "5"] {
        let mut ada = harness.connect_as(CAPS, "ada").await.unwrap();
        let id = ada.mount("Hall", json!(null)).await.unwrap();
        assert!(ada.send_text(&format!(r#"{{"type":"AUTH","payload":{payload},"requestId":"1"}}"#)));
        let answer = loop {
            let message = ada.next().await.unwrap();
            if message["requestId"] == "1" {
                break message;
            }
        };
        assert_eq!(
            (&answer["success"], &answer["code"]),
            (&json!(false), &json!("BAD_PAYLOAD")),
            "{payload}"
        );
        assert_eq!(answer["authenticated"], true, "{payload}");
        ada.call(&id, "counts", json!({})).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_mount_on_a_slow_connection_showed_an_older_state_for_good() {
    let harness = Harness::new(Live::builder().component::<Hall>().build().unwrap());
    let mut ada = harness.connect().await;
    let id = ada.mount("Hall", json!(null)).await.unwrap();
    let mut slow = harness.connect_with("v=3&caps=delta").await.unwrap();
    slow.mount("Hall", json!(null)).await.unwrap();
    let text = |number: usize| json!({ "text": format!("{number}{}", "x".repeat(1_000)) });
    for number in 0..60 {
        ada.call(&id, "set", text(number)).await.unwrap();
    }
    slow.send(mount_message("Hall")).await;
    pass(Duration::from_millis(10)).await;
    for number in 60..260 {
        ada.call(&id, "set", text(number)).await.unwrap();
    }
    pass(Duration::from_millis(10)).await;
    // What the second handle shows: its picture, then every change that starts where it is.
    let mut shown = None;
    while let Ok(Some(message)) = tokio::time::timeout(Duration::from_millis(50), slow.next()).await {
        if message["requestId"] == "m" {
            shown = message["result"]["version"].as_u64();
        } else if shown.is_some() && message["payload"]["base"].as_u64() == shown {
            shown = message["payload"]["version"].as_u64();
        }
    }
    // 260 changes and the two joinings.
    assert_eq!(shown, Some(262));
}

/// One with rooms that remember.
#[derive(State)]
pub struct Chat {
    pub name: String,
}

impl Component for Chat {
    type Props = ();
    type Event = String;
    const ROOM_HISTORY: usize = 10;

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Chat { name: String::new() })
    }

    fn may_join(&self, _room: &str, _cx: &Cx<Self>) -> Result<()> {
        Ok(())
    }

    fn may_emit(&self, _room: &str, _event: &String, _cx: &Cx<Self>) -> Result<()> {
        Ok(())
    }
}

#[actions]
impl Chat {}

#[tokio::test(start_paused = true)]
async fn the_numbers_of_a_forgotten_room_were_given_again() {
    let harness = Harness::new(Live::builder().component::<Chat>().build().unwrap());
    let ask = |id: &str, kind: &str, payload: Value| json!({ "type": kind, "componentId": id, "roomId": "r", "payload": payload });
    let enter = async |since: Value| {
        let mut client = harness.connect().await;
        let id = client.mount("Chat", json!(null)).await.unwrap();
        let joined = client.ask(ask(&id, "ROOM_JOIN", json!({ "since": since }))).await.unwrap();
        (client, id, joined)
    };
    let (mut ada, id, _) = enter(json!(null)).await;
    for number in 0..2 {
        ada.ask(ask(&id, "ROOM_EMIT", json!({ "event": format!("old {number}") }))).await.unwrap();
    }
    drop(ada);
    pass(Duration::from_secs(600)).await;
    let (mut bob, id, _) = enter(json!(null)).await;
    for number in 0..3 {
        bob.ask(ask(&id, "ROOM_EMIT", json!({ "event": format!("new {number}") }))).await.unwrap();
    }
    let (_ada, _, joined) = enter(json!(2)).await;
    let events = joined["events"].as_array().map_or(0, Vec::len);
    assert!(joined["recovered"] == false || events == 3, "{joined}");
}
