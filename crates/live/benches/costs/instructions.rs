//! One thing done many times, for somebody who counts instructions.
//!
//! What is counted are two runs, one of twice as many rounds as the other: the difference is rounds and nothing
//! else, because both begin alike. So that rounds are alike as well there is one thread, and its clock stands
//! still: no timer comes due in one run and not in the other. What is left to chance are the seeds of hash maps,
//! the ids and the keys, and `costs.snap` says how far they move each case.
//!
//! The client is in the count. It sends frames that were made before and looks at few bytes of what comes back.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Client, Harness};
use fluxstack_live_protocol::{Dialect, decode, frame::split};
use serde_json::{Value, json};

use crate::components::{self, Hall, Large, Small, Together};

/// Who are told of one change or event.
const MEMBERS: u64 = 1_000;
/// Actions in a frame of many.
const MANY: u64 = 16;

/// Nobody is waited for as long, and a snapshot lasts longer.
const TOO_LONG: Duration = Duration::from_secs(3_600);

/// What brings a client the snapshot it is to keep.
const SNAPSHOT: &str = "STATE_SNAPSHOT";

/// What a page of ours asks for.
const QUERY: &str = "v=3&caps=delta,batch,resume&client=page";

/// One thing that is done in rounds.
struct Case {
    name: &'static str,
    /// How many of it one round does.
    each: u64,
    /// How many rounds it takes until what is left to chance hardly shows.
    rounds: u64,
    run: fn(u64) -> Pin<Box<dyn Future<Output = ()>>>,
}

const CASES: [Case; 10] = [
    Case { name: "action", each: 1, rounds: 1_000, run: |rounds| Box::pin(actions(1, rounds)) },
    Case {
        name: "action_of_16_in_a_frame",
        each: MANY,
        rounds: 100,
        run: |rounds| Box::pin(actions(MANY, rounds)),
    },
    Case { name: "decode_an_action", each: 1, rounds: 5_000, run: |rounds| Box::pin(decoding(rounds)) },
    Case {
        name: "delivery_of_a_change_to_1000",
        each: MEMBERS,
        rounds: 20,
        run: |rounds| Box::pin(changes(rounds)),
    },
    Case {
        name: "delivery_of_a_room_event_to_1000",
        each: MEMBERS,
        rounds: 20,
        run: |rounds| Box::pin(events(rounds)),
    },
    Case {
        name: "list_change_of_its_first_row_in_35_kb",
        each: 1,
        rounds: 500,
        run: |rounds| Box::pin(row_changes(rounds)),
    },
    Case { name: "list_push_and_pop_in_35_kb", each: 1, rounds: 500, run: |rounds| Box::pin(pushes(rounds)) },
    Case {
        name: "mount_with_snapshot_and_unmount",
        each: 1,
        rounds: 200,
        run: |rounds| Box::pin(mounts(rounds)),
    },
    Case { name: "resume_from_snapshot", each: 1, rounds: 200, run: |rounds| Box::pin(rehydrations(rounds)) },
    Case { name: "resume_of_a_session", each: 1, rounds: 200, run: |rounds| Box::pin(resumptions(rounds)) },
];

/// Says which cases there are, and how many rounds each wants.
pub(crate) fn list() {
    for Case { name, each, rounds, .. } in &CASES {
        println!("{name} each={each} rounds={rounds}");
    }
}

/// Does it so many times.
pub(crate) fn run(name: &str, rounds: u64) {
    let case =
        CASES.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}; see --cases"));
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().expect("a runtime").block_on((case.run)(rounds));
}

/// Counts, so many times in each frame.
async fn actions(many: u64, rounds: u64) {
    let harness = serve::<Small>();
    let mut client = connect(&harness).await;
    let id = mount::<Small>(&mut client).await;
    let call = |number| call(&id, "act", json!({ "by": 1 }), number);
    let frame: Bytes = match many {
        1 => call(1).to_string().into(),
        many => Value::Array((1..=many).map(call).collect()).to_string().into(),
    };
    let last = format!("\"requestId\":\"{many}\"");
    for _ in 0..rounds {
        client.send_bytes(frame.clone()).await;
        until(&mut client, &last).await;
    }
    // What was counted was done.
    client.send_bytes(frame).await;
    let told = until(&mut client, &last).await;
    assert!(
        told.contains(&format!("\"count\":{}", many * (rounds + 1))),
        "{rounds} rounds came to this: {told}"
    );
}

/// Reads what a frame says, and does nothing of it.
async fn decoding(rounds: u64) {
    let frame = call("Small:0123456789abcdef", "act", json!({ "by": 1 }), 1).to_string();
    for _ in 0..rounds {
        for message in split(black_box(&frame), true).expect("one message").iter() {
            black_box(decode(message, Dialect::NATIVE).expect("an action"));
        }
    }
}

/// Changes what all of them have.
async fn changes(rounds: u64) {
    tell::<Together>("act", json!({ "by": 1 }), rounds).await;
}

/// Says something to all of them.
async fn events(rounds: u64) {
    tell::<Hall>("shout", json!({ "number": 1, "text": "as long as what people say in one line" }), rounds)
        .await;
}

async fn tell<C: Component>(action: &str, args: Value, rounds: u64) {
    let harness = serve::<C>();
    let mut caller = connect(&harness).await;
    let id = mount::<C>(&mut caller).await;
    let mut others = Vec::new();
    for _ in 0..MEMBERS {
        let mut other = connect(&harness).await;
        mount::<C>(&mut other).await;
        others.push(other);
    }
    let frame: Bytes = call(&id, action, args, 1).to_string().into();
    for _ in 0..rounds {
        caller.send_bytes(frame.clone()).await;
        until(&mut caller, "ACTION_RESPONSE").await;
        for other in &mut others {
            black_box(other.next_bytes().await.expect("everybody is told"));
        }
    }
}

/// Adds a row to a long list and takes it away again: the list is as long after each round as before it.
async fn pushes(rounds: u64) {
    let harness = serve::<Large>();
    let mut client = connect(&harness).await;
    let id = mount::<Large>(&mut client).await;
    let push: Bytes = call(&id, "push", json!({ "text": "one more row" }), 1).to_string().into();
    let pop: Bytes = call(&id, "pop", json!({}), 2).to_string().into();
    for _ in 0..rounds {
        client.send_bytes(push.clone()).await;
        until(&mut client, "ACTION_RESPONSE").await;
        client.send_bytes(pop.clone()).await;
        until(&mut client, "ACTION_RESPONSE").await;
    }
}

/// Changes the row that has the most rows behind it.
async fn row_changes(rounds: u64) {
    let harness = serve::<Large>();
    let mut client = connect(&harness).await;
    let id = mount::<Large>(&mut client).await;
    let change: Bytes = call(&id, "change", json!({ "at": 0 }), 1).to_string().into();
    for _ in 0..rounds {
        client.send_bytes(change.clone()).await;
        until(&mut client, "ACTION_RESPONSE").await;
    }
}

/// Mounts, is given the snapshot, and unmounts.
async fn mounts(rounds: u64) {
    let harness = serve::<Small>();
    let mut client = connect(&harness).await;
    for _ in 0..rounds {
        let (id, _snapshot) = mounted(&mut client).await;
        unmount(&mut client, &id).await;
    }
}

/// Comes back after so long that the server has given up waiting, and takes up what it kept of the instance.
async fn rehydrations(rounds: u64) {
    let harness = serve::<Small>();
    let mut client = connect(&harness).await;
    let (mut id, mut snapshot) = mounted(&mut client).await;
    for _ in 0..rounds {
        drop(client);
        // At once, by a clock that stands still otherwise.
        tokio::time::sleep(TOO_LONG).await;
        client = connect(&harness).await;
        let resume = json!({ "type": "COMPONENT_RESUME", "componentId": id, "requestId": "r",
            "payload": { "component": Small::NAME, "name": "page", "heard": 0, "fresh": true, "snapshot": snapshot } });
        client.send_bytes(resume.to_string().into()).await;
        let answer = until(&mut client, "\"COMPONENT_RESUME\"").await;
        assert!(answer.contains("rehydrated"), "no resume: {answer}");
        let carried = if answer.contains(SNAPSHOT) { answer } else { until(&mut client, SNAPSHOT).await };
        (id, snapshot) = snapshot_in(&carried);
    }
}

/// Loses the connection and comes back with another one: finds its session, and what it had mounted.
async fn resumptions(rounds: u64) {
    let harness = serve::<Small>();
    let mut client = connect(&harness).await;
    let (id, _snapshot) = mounted(&mut client).await;
    let mut token = client.token();
    let instance = json!({ "type": "COMPONENT_RESUME", "componentId": id, "requestId": "i",
        "payload": { "component": Small::NAME, "name": "page", "have": 0, "heard": 0 } });
    let instance = Bytes::from(instance.to_string());
    for _ in 0..rounds {
        drop(client);
        client = connect(&harness).await;
        let session = json!({ "type": "SESSION_RESUME", "payload": { "token": token }, "requestId": "s" });
        client.send_bytes(session.to_string().into()).await;
        let answer = until(&mut client, "\"SESSION_RESUME\"").await;
        assert!(answer.contains("\"known\":true"), "no session: {answer}");
        token = text_of(&answer, "token");
        client.send_bytes(instance.clone()).await;
        let answer = until(&mut client, "\"COMPONENT_RESUME\"").await;
        assert!(answer.contains("\"resumed\""), "no resume: {answer}");
    }
}

/// A server that gives its clients snapshots to keep, as one does that outlives its programs.
fn serve<C: Component>() -> Harness {
    let live = Live::builder().component::<C>().keys(components::keys()).limits(Limits::unlimited);
    Harness::new(live.build().expect("one component"))
}

async fn connect(harness: &Harness) -> Client {
    harness.connect_with(QUERY).await.expect("there is a place")
}

/// Mounts, and reads everything that comes of it.
async fn mount<C: Component>(client: &mut Client) -> String {
    let id = client.mount(C::NAME, json!({})).await.expect("mounts");
    client.settle(&id).await;
    id
}

/// Mounts; the id, and the snapshot the client is given.
async fn mounted(client: &mut Client) -> (String, String) {
    let frame = json!({ "type": "COMPONENT_MOUNT", "componentId": "page", "requestId": "m",
        "payload": { "component": Small::NAME, "props": {} } });
    client.send_bytes(frame.to_string().into()).await;
    snapshot_in(&until(client, SNAPSHOT).await)
}

async fn unmount(client: &mut Client, id: &str) {
    let frame = json!({ "type": "COMPONENT_UNMOUNT", "componentId": id, "requestId": "u" });
    client.send_bytes(frame.to_string().into()).await;
    until(client, "COMPONENT_UNMOUNT").await;
}

fn call(id: &str, action: &str, args: Value, number: u64) -> Value {
    json!({ "type": "CALL_ACTION", "componentId": id, "action": action, "payload": args, "requestId": number.to_string() })
}

/// The next frame with this in it.
async fn until(client: &mut Client, word: &str) -> String {
    loop {
        let frame = client.next_bytes().await.expect("the server answers");
        let text = std::str::from_utf8(&frame).expect("frames are text");
        if text.contains(word) {
            return text.to_owned();
        }
    }
}

/// The id and the snapshot in a frame. There may be other messages before it in the frame, with other ids.
fn snapshot_in(frame: &str) -> (String, String) {
    let message = &frame[frame.find(SNAPSHOT).unwrap_or_default()..];
    (text_of(message, "componentId"), text_of(message, "snapshot"))
}

/// The first string of this name in a frame.
fn text_of(frame: &str, name: &str) -> String {
    let text = frame.split_once(&format!("\"{name}\":\"")).and_then(|(_, rest)| rest.split_once('"'));
    text.unwrap_or_else(|| panic!("no {name} in {frame}")).0.to_owned()
}
