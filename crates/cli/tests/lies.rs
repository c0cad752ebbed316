//! Load on servers that lie: each loses, doubles, swaps or miscounts one thing, and none gets away with it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use fluxstack_live_cli::load::live::{Live, Words};
use fluxstack_live_cli::load::{self, BUSY, Outcome, Plan, Scenario};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

/// Which call of a component is lied about.
const CALL: u64 = 3;

/// What is done with the change and the answer of that call.
type Lie = fn(change: Value, answer: Value) -> Vec<Value>;

/// A server that knows enough to be believed, until it lies.
async fn serve(lie: Lie) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                stream.set_nodelay(true).unwrap();
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                let hello = json!({"type": "CONNECTION_ESTABLISHED"});
                socket.send(Message::text(hello.to_string())).await.unwrap();
                let mut counts = HashMap::<String, u64>::new();
                let mut late = Vec::new();
                while let Some(Ok(Message::Text(text))) = socket.next().await {
                    let asked = serde_json::from_str(&text).unwrap();
                    let mut said = answer(&asked, &mut counts, lie);
                    if said.iter().any(|one| one["late"] == true) {
                        late = said;
                        continue;
                    }
                    said.append(&mut late);
                    for one in said {
                        socket.send(Message::text(one.to_string())).await.unwrap();
                    }
                }
            });
        }
    });
    address
}

fn answer(asked: &Value, counts: &mut HashMap<String, u64>, lie: Lie) -> Vec<Value> {
    let request = &asked["requestId"];
    if asked["type"] != "CALL_ACTION" {
        let id = format!("live-{}", counts.len());
        counts.insert(id.clone(), 0);
        let result = json!({"componentId": id, "initialState": {"count": 0}, "version": 0});
        return vec![
            json!({"type": "MESSAGE_RESPONSE", "success": true, "result": result, "requestId": request}),
        ];
    }
    let id = asked["componentId"].as_str().unwrap();
    let count = counts.get_mut(id).unwrap();
    *count += 1;
    let payload = json!({"base": *count - 1, "version": *count, "delta": {"count": *count}});
    let change = json!({"type": "STATE_DELTA", "componentId": id, "payload": payload});
    let answer = json!({"type": "ACTION_RESPONSE", "success": true, "requestId": request});
    if *count == CALL { lie(change, answer) } else { vec![change, answer] }
}

async fn load(lie: Lie) -> Outcome {
    let mut plan = Plan::new(Scenario::Actions, serve(lie).await);
    (plan.connections, plan.in_flight, plan.components) = (2, 2, 1);
    plan.warm_up = Duration::ZERO;
    plan.length = Duration::from_millis(500);
    plan.patience = Duration::from_millis(300);
    let words = Rc::new(Words::new("/", "Counter", "add", Some("count")));
    load::run(&plan, |who| Live::new(Rc::clone(&words), who, 1)).await.unwrap()
}

/// What is expected of `lost`, `doubled` and `wrong`, on each of the two connections.
async fn check(lie: Lie, expected: [u64; 3]) {
    let outcome = load(lie).await;
    assert_eq!([outcome.lost, outcome.doubled, outcome.wrong], expected.map(|each| each * 2), "{outcome:?}");
    assert_eq!(outcome.is_right(), expected == [0; 3]);
    // A machine with others on it may have left the generator no time; that is said as well, and no fault.
    let faults = outcome.notes.iter().filter(|note| *note != BUSY).count();
    assert_eq!(faults == 0, expected == [0; 3], "{outcome:?}");
}

#[tokio::test]
async fn who_tells_the_truth_is_believed() {
    check(|change, answer| vec![change, answer], [0, 0, 0]).await;
}

#[tokio::test]
async fn a_lost_answer_is_found() {
    check(|change, _| vec![change], [1, 0, 0]).await;
}

#[tokio::test]
async fn an_answer_that_comes_twice_is_found() {
    check(|change, answer| vec![change, answer.clone(), answer], [0, 1, 0]).await;
}

#[tokio::test]
async fn an_answer_that_comes_after_a_later_one_is_found() {
    check(
        |change, mut answer| {
            answer["late"] = true.into();
            vec![change, answer]
        },
        // Its change comes late as well, so it was skipped: the version after it begins where nobody is, and its own is old.
        [1, 0, 3],
    )
    .await;
}

#[tokio::test]
async fn an_answer_before_its_change_is_found() {
    check(|change, answer| vec![answer, change], [0, 0, 1]).await;
}

#[tokio::test]
async fn a_count_that_is_skipped_is_found() {
    let lie: Lie = |mut change, answer| {
        change["payload"]["delta"]["count"] = (CALL + 1).into();
        vec![change, answer]
    };
    // One that was never shown; the next shows the same again.
    check(lie, [1, 1, 0]).await;
}

#[tokio::test]
async fn a_hole_in_the_versions_is_found() {
    let lie: Lie = |mut change, answer| {
        change["payload"]["base"] = CALL.into();
        vec![change, answer]
    };
    check(lie, [0, 0, 1]).await;
}

#[tokio::test]
async fn a_change_that_comes_twice_is_found() {
    // Its version is not above the one that is shown.
    check(|change, answer| vec![change.clone(), change, answer], [0, 0, 1]).await;
}

#[tokio::test]
async fn an_answer_to_nothing_is_found() {
    let lie: Lie = |change, answer| {
        let mut other = answer.clone();
        other["requestId"] = 4_000_000.into();
        vec![change, answer, other]
    };
    check(lie, [0, 0, 1]).await;
}
