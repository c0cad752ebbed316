//! Shared instances: one state for all who mount it with the same key.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]
#![allow(missing_docs, unreachable_pub, reason = "a test's components are read here and nowhere else")]

mod app;
mod back;

use std::sync::Arc;
use std::time::Duration;

use back::{came, code, lose, page, resume_session, token};
use fluxstack_live::prelude::*;
use fluxstack_live::protocol::InstanceId;
use fluxstack_live::store::{Boxed, Record, StoreError};
use fluxstack_live::testing::{Client, Harness};
use fluxstack_live::{Caller, Durability, MemoryStore, Store};
use serde_json::{Value, json};

/// A hall that counts who comes and goes.
#[derive(State)]
pub struct Hall {
    pub lines: List<String>,
    pub members: usize,
    pub joins: u32,
    pub leaves: u32,
}

#[wire]
pub struct HallProps {
    pub key: String,
    #[serde(default)]
    pub note: String,
}

#[wire]
pub enum HallEvent {
    Came,
    Went,
    Said { text: String },
}

impl Component for Hall {
    type Props = HallProps;
    type Event = HallEvent;

    fn scope(props: &HallProps) -> Scope {
        assert!(props.note != "scope", "this is the test's own panic");
        if props.note == "private" { Scope::Private } else { Scope::Shared(props.key.clone()) }
    }

    async fn mount(props: HallProps, cx: &mut Cx<Self>) -> Result<Self> {
        assert_eq!(cx.caller().is_none(), props.note != "private", "a shared instance is mounted for all");
        if props.note == "broken" {
            return Err(Error::invalid("note", "must not be so"));
        }
        Ok(Hall { lines: List::default(), members: 0, joins: 0, leaves: 0 })
    }

    async fn on_join(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        let client = cx.caller().and_then(Caller::client_id).unwrap_or_default().to_owned();
        assert!(client != "panics", "this is the test's own panic");
        if client == "banned" {
            return Err(Error::forbidden());
        }
        self.joins += 1;
        self.members = cx.members();
        cx.emit(HallEvent::Came);
        Ok(())
    }

    async fn on_leave(&mut self, cx: &mut Cx<Self>) {
        assert!(cx.caller().is_some(), "who left is the caller");
        self.leaves += 1;
        self.members = cx.members();
        cx.emit(HallEvent::Went);
    }
}

#[actions]
impl Hall {
    pub fn say(&mut self, text: String) -> usize {
        self.lines.push(text);
        self.lines.len()
    }

    pub fn tell(&mut self, text: String, cx: &mut Cx<Self>) {
        cx.emit(HallEvent::Said { text });
    }

    pub fn me(&mut self, cx: &mut Cx<Self>) -> Option<String> {
        cx.caller().and_then(|caller| caller.client_id()).map(ToOwned::to_owned)
    }

    pub fn explode(&mut self) {
        self.lines.push("this was never said".to_owned());
        panic!("this is the test's own panic");
    }

    pub async fn later(&mut self) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// One that stays for a while when everybody has left.
#[derive(State)]
pub struct Lasting {
    pub count: u32,
}

impl Component for Lasting {
    type Props = ();
    type Event = ();
    const KEEP_ALIVE: Duration = Duration::from_secs(60);

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Lasting { count: 0 })
    }
}

#[actions]
impl Lasting {
    pub fn add(&mut self) -> u32 {
        self.count += 1;
        self.count
    }
}

fn builder() -> fluxstack_live::Builder {
    // Nobody reads here while time passes, so nobody would answer.
    let quiet = |limits: &mut Limits| limits.ping = Duration::from_secs(3_600);
    app::live().component::<Hall>().component::<Lasting>().limits(quiet)
}

fn harness() -> Harness {
    Harness::new(builder().build().unwrap())
}

fn key(key: &str) -> Value {
    json!({ "key": key })
}

/// `[members, joins, leaves]` as this client sees them.
async fn counts(client: &mut Client, id: &str) -> Value {
    client.settle(id).await;
    let view = client.view(id).unwrap();
    json!([view["members"], view["joins"], view["leaves"]])
}

async fn lines(client: &mut Client, id: &str) -> Value {
    client.settle(id).await;
    client.view(id).unwrap()["lines"].clone()
}

/// Lets time pass, and everything happen that is due by then.
async fn pass(time: Duration) {
    tokio::time::sleep(time + Duration::from_millis(5)).await;
}

#[tokio::test(start_paused = true)]
async fn all_who_mount_the_same_key_share_one_state() {
    let harness = harness();
    let (mut ada, mut bob) = (page(&harness, "ada").await, page(&harness, "bob").await);
    let hall = ada.mount("Hall", key("a")).await.unwrap();
    assert_eq!(bob.mount("Hall", key("a")).await.unwrap(), hall);
    let other = bob.mount("Hall", key("b")).await.unwrap();
    assert_ne!(other, hall);
    assert_eq!(ada.call(&hall, "say", json!({ "text": "hello" })).await.unwrap(), 1);
    assert_eq!(bob.call(&hall, "say", json!({ "text": "hi" })).await.unwrap(), 2);
    assert_eq!(lines(&mut ada, &hall).await, json!(["hello", "hi"]));
    assert_eq!(lines(&mut bob, &hall).await, json!(["hello", "hi"]));
    assert_eq!(lines(&mut bob, &other).await, json!([]));
    assert_eq!((ada.resyncs(), bob.resyncs()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_session_joins_once_and_leaves_once_however_often_it_mounts() {
    let harness = harness();
    let (mut ada, mut bob) = (page(&harness, "ada").await, page(&harness, "bob").await);
    let hall = ada.mount("Hall", key("a")).await.unwrap();
    for _ in 0..3 {
        bob.mount("Hall", key("a")).await.unwrap();
    }
    assert_eq!(counts(&mut ada, &hall).await, json!([2, 2, 0]));
    for left in [0, 0, 1, 1] {
        bob.unmount(&hall).await;
        assert_eq!(counts(&mut ada, &hall).await, json!([2 - left, 2, left]));
    }
    let refused = bob.call(&hall, "me", json!({})).await.unwrap_err();
    assert_eq!(refused.code, "REHYDRATION_REQUIRED");
}

#[tokio::test(start_paused = true)]
async fn whoever_loses_the_socket_stays_for_the_grace_period_and_leaves_once() {
    let harness = harness();
    let (mut ada, mut bob) = (page(&harness, "ada").await, page(&harness, "bob").await);
    let hall = ada.mount("Hall", key("a")).await.unwrap();
    bob.mount("Hall", key("a")).await.unwrap();
    let token = token(&bob);
    lose(bob).await;
    pass(Duration::from_secs(50)).await;
    assert_eq!(counts(&mut ada, &hall).await, json!([2, 2, 0]));

    let mut bob = page(&harness, "bob").await;
    resume_session(&mut bob, &token).await;
    let answer = bob.request(resume(&hall, "a", 1)).await;
    assert_eq!(answer["result"]["outcome"], "replayed", "{answer}");
    pass(Duration::from_secs(50)).await;
    assert_eq!(counts(&mut ada, &hall).await, json!([2, 2, 0]));
    lose(bob).await;
    pass(Duration::from_secs(59)).await;
    assert_eq!(counts(&mut ada, &hall).await, json!([2, 2, 0]));
    pass(Duration::from_secs(1)).await;
    assert_eq!(counts(&mut ada, &hall).await, json!([1, 2, 1]));

    // Whoever comes back after that joins again, and is told what they missed all the same.
    let mut bob = page(&harness, "bob").await;
    resume_session(&mut bob, &token).await;
    let answer = bob.request(resume(&hall, "a", 1)).await;
    assert_eq!(answer["result"]["outcome"], "replayed", "{answer}");
    assert_eq!(counts(&mut ada, &hall).await, json!([2, 3, 1]));
}

/// A store that is not closed with its server, as one on another machine would not be.
struct Open(MemoryStore);

impl Store for Open {
    fn put(&self, id: InstanceId, record: Record) -> Boxed<'_, Result<(), StoreError>> {
        self.0.put(id, record)
    }

    fn get(&self, id: InstanceId) -> Boxed<'_, Result<Option<Record>, StoreError>> {
        self.0.get(id)
    }

    fn remove(&self, id: InstanceId) -> Boxed<'_, Result<(), StoreError>> {
        self.0.remove(id)
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn secret(&self) -> Option<[u8; 32]> {
        self.0.secret()
    }

    fn close(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
}

/// Asks for a hall back that was shown at that version.
fn resume(id: &str, name: &str, have: u64) -> Value {
    let payload =
        json!({ "component": "Hall", "name": "test", "have": have, "heard": 0, "props": key(name) });
    json!({ "type": "COMPONENT_RESUME", "componentId": id, "payload": payload })
}

#[tokio::test(start_paused = true)]
async fn a_client_that_cannot_come_back_leaves_with_its_socket() {
    let harness = harness();
    let mut ada = page(&harness, "ada").await;
    let hall = ada.mount("Hall", key("a")).await.unwrap();
    let mut bob = harness.connect().await;
    bob.mount("Hall", key("a")).await.unwrap();
    assert_eq!(counts(&mut ada, &hall).await, json!([2, 2, 0]));
    lose(bob).await;
    pass(Duration::from_millis(10)).await;
    assert_eq!(counts(&mut ada, &hall).await, json!([1, 2, 1]));
}

#[tokio::test(start_paused = true)]
async fn an_action_runs_as_whoever_calls_it() {
    let harness = harness();
    let (mut ada, mut bob) = (page(&harness, "ada").await, page(&harness, "bob").await);
    let hall = ada.mount("Hall", key("a")).await.unwrap();
    bob.mount("Hall", key("a")).await.unwrap();
    for (client, name) in [(&mut ada, "ada"), (&mut bob, "bob")] {
        assert_eq!(client.call(&hall, "me", json!({})).await.unwrap(), name);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_reaches_it_by_its_id_alone() {
    let harness = harness();
    let (mut ada, mut eve) = (page(&harness, "ada").await, page(&harness, "eve").await);
    let hall = ada.mount("Hall", key("a")).await.unwrap();
    let refused = eve.call(&hall, "say", json!({ "text": "x" })).await.unwrap_err();
    assert_eq!(refused.code, "REHYDRATION_REQUIRED");
    // A resume with another key leads to that other key's, which is not this one.
    let answer = eve.request(resume(&hall, "b", 0)).await;
    assert_eq!(code(&answer), "NOTHING_KEPT");
    eve.unmount(&hall).await;
    assert_eq!(counts(&mut ada, &hall).await, json!([1, 1, 0]));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_refused_is_no_member() {
    let harness = harness();
    let mut ada = page(&harness, "ada").await;
    let hall = ada.mount("Hall", key("a")).await.unwrap();
    for (client, expected) in [("banned", "FORBIDDEN"), ("panics", "ACTION_FAILED")] {
        let mut client = page(&harness, client).await;
        assert_eq!(client.mount("Hall", key("a")).await.unwrap_err().code, expected);
        assert_eq!(client.call(&hall, "me", json!({})).await.unwrap_err().code, "REHYDRATION_REQUIRED");
        lose(client).await;
        assert_eq!(counts(&mut ada, &hall).await, json!([1, 1, 0]));
    }
    let mut eve = page(&harness, "eve").await;
    for (note, expected) in [("broken", "INVALID"), ("scope", "ACTION_FAILED")] {
        let refused = eve.mount("Hall", json!({ "key": "c", "note": note })).await.unwrap_err();
        assert_eq!(refused.code, expected, "{}", refused.error);
    }
    let long = "x".repeat(257);
    assert_eq!(eve.mount("Hall", key(&long)).await.unwrap_err().code, "TOO_LARGE");
    assert_eq!(eve.mount("Hall", json!({ "key": 1 })).await.unwrap_err().code, "BAD_PAYLOAD");
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_last_one_leaves_unless_it_is_to_stay() {
    let harness = harness();
    let mut ada = page(&harness, "ada").await;
    let hall = ada.mount("Hall", key("a")).await.unwrap();
    ada.call(&hall, "say", json!({ "text": "x" })).await.unwrap();
    ada.unmount(&hall).await;
    pass(Duration::from_millis(1)).await;
    let next = ada.mount("Hall", key("a")).await.unwrap();
    assert_ne!(next, hall);
    assert_eq!(lines(&mut ada, &next).await, json!([]));

    let lasting = ada.mount("Lasting", json!({})).await.unwrap();
    assert_eq!(ada.call(&lasting, "add", json!({})).await.unwrap(), 1);
    ada.unmount(&lasting).await;
    pass(Duration::from_secs(59)).await;
    assert_eq!(ada.mount("Lasting", json!({})).await.unwrap(), lasting);
    assert_eq!(ada.call(&lasting, "add", json!({})).await.unwrap(), 2);
    ada.unmount(&lasting).await;
    pass(Duration::from_secs(61)).await;
    let after = ada.mount("Lasting", json!({})).await.unwrap();
    assert_eq!(ada.call(&after, "add", json!({})).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_several_waiting_turns_change_is_told_once_and_answered_in_order() {
    let harness = harness();
    let (mut ada, mut bob) = (page(&harness, "ada").await, page(&harness, "bob").await);
    let hall = ada.mount("Hall", key("a")).await.unwrap();
    bob.mount("Hall", key("a")).await.unwrap();
    bob.settle(&hall).await;
    came(&mut ada);
    came(&mut bob);
    let call = |number: usize, action: &str| {
        let args = json!({ "text": number.to_string() });
        json!({ "type": "CALL_ACTION", "componentId": hall, "action": action, "payload": args, "requestId": number })
    };
    // While the first is under way, the others come to wait.
    let mut calls = vec![call(0, "later")];
    calls.extend((1..20).map(|number| call(number, if number == 9 { "explode" } else { "say" })));
    calls.extend((20..23).map(|number| call(number, "tell")));
    ada.send_batch(calls).await;
    let mut answers = Vec::new();
    while answers.len() < 23 {
        let message = ada.next().await.unwrap();
        if message["type"] == "ACTION_RESPONSE" {
            answers.push((message["requestId"].as_u64().unwrap(), message["success"] == true));
        }
    }
    let expected: Vec<_> = (0..23).map(|number| (number, number != 9)).collect();
    assert_eq!(answers, expected);
    let said: Vec<String> = (1..20).filter(|number| *number != 9).map(|number| number.to_string()).collect();
    assert_eq!(lines(&mut ada, &hall).await, json!(said));
    assert_eq!(lines(&mut bob, &hall).await, json!(said));
    let came = came(&mut bob);
    let deltas = came.iter().filter(|what| what.starts_with("delta")).count();
    assert!(deltas <= 3, "{came:?}");
    assert_eq!(came.iter().filter(|what| what.starts_with("event")).count(), 3, "{came:?}");
    assert_eq!((ada.resyncs(), bob.resyncs()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_member_cannot_change_the_props_of_all() {
    let harness = harness();
    let mut ada = page(&harness, "ada").await;
    let hall = ada.mount("Hall", key("a")).await.unwrap();
    for (name, remount) in [("a", false), ("b", true)] {
        let message =
            json!({ "type": "PROPS_UPDATE", "componentId": hall, "payload": { "props": key(name) } });
        assert_eq!(ada.ask(message).await.unwrap(), json!({ "remount": remount }), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_outlives_the_server_and_those_who_were_there_leave_and_join_again() {
    let store = Arc::new(Open(MemoryStore::new()));
    for is_killed in [false, true] {
        let live = || {
            let live = builder().keys(back::keys()).store(Arc::clone(&store));
            Harness::new(live.durability(Durability::Acknowledged).build().unwrap())
        };
        let name = if is_killed { "killed" } else { "drained" };
        let before = live();
        let (mut ada, mut bob) = (page(&before, "ada").await, page(&before, "bob").await);
        let hall = ada.mount("Hall", key(name)).await.unwrap();
        bob.mount("Hall", key(name)).await.unwrap();
        let call = json!({
            "type": "CALL_ACTION", "componentId": hall, "action": "say", "payload": { "text": "once" }, "callId": "o-1"
        });
        assert_eq!(ada.ask(call.clone()).await.unwrap(), 1);
        let token = token(&ada);
        if is_killed {
            before.kill();
        } else {
            assert!(before.live().shutdown(Duration::from_secs(9)).await);
            assert_eq!(before.live().tasks(), 0);
        }

        let after = live();
        let mut ada = page(&after, "ada").await;
        resume_session(&mut ada, &token).await;
        let answer = ada.request(resume(&hall, name, 3)).await;
        assert_eq!(answer["result"]["outcome"], "rehydrated", "{answer}");
        assert_eq!(answer["result"]["shared"], true);
        let id = answer["result"]["componentId"].as_str().unwrap().to_owned();
        assert_eq!(
            answer["result"]["initialState"],
            json!({ "lines": ["once"], "members": 1, "joins": 3, "leaves": 2 })
        );
        let mut again = call;
        again["componentId"] = json!(id);
        assert_eq!(ada.ask(again).await.unwrap(), 1);
        assert_eq!(answer["result"]["initialState"]["lines"], json!(["once"]));
        // Whoever had nothing of it finds it as well.
        let mut eve = page(&after, "eve").await;
        assert_eq!(eve.mount("Hall", key(name)).await.unwrap(), id);
        assert_eq!(lines(&mut eve, &id).await, json!(["once"]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_sent_again_after_a_lost_socket_is_done_once_among_many_callers() {
    let harness = harness();
    let mut ada = page(&harness, "ada").await;
    let hall = ada.mount("Hall", key("a")).await.unwrap();
    let call = |origin: usize| {
        json!({
            "type": "CALL_ACTION", "componentId": hall, "action": "say", "payload": { "text": "x" },
            "callId": format!("o{origin}-1")
        })
    };
    let mut others = Vec::new();
    for origin in 0..40 {
        let mut other = page(&harness, &format!("other{origin}")).await;
        other.mount("Hall", key("a")).await.unwrap();
        other.ask(call(origin)).await.unwrap();
        others.push(other);
    }
    for (origin, other) in others.iter_mut().enumerate() {
        assert_eq!(other.ask(call(origin)).await.unwrap(), origin + 1);
    }
    assert_eq!(lines(&mut ada, &hall).await.as_array().unwrap().len(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_joiner_hears_what_comes_after_it_and_its_numbers_have_no_gap() {
    let harness = harness();
    let (mut ada, mut bob) = (page(&harness, "ada").await, page(&harness, "bob").await);
    let hall = ada.mount("Hall", key("a")).await.unwrap();
    ada.call(&hall, "tell", json!({ "text": "x" })).await.unwrap();
    let message = json!({
        "type": "COMPONENT_MOUNT", "componentId": "b", "payload": { "component": "Hall", "props": key("a") }
    });
    let result = bob.ask(message).await.unwrap();
    assert_eq!((&result["seq"], &result["shared"]), (&json!(2), &json!(true)));
    bob.call(&hall, "tell", json!({ "text": "y" })).await.unwrap();
    assert_eq!(came(&mut bob), ["event 3", "event 4"]);
}
