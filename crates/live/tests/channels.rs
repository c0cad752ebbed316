//! One socket for many: what its channels share, and what one of them cannot do to another.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod app;
mod back;

use std::time::Duration;

use back::{CAPS, code, harness, resume, resume_session, token};
use fluxstack_live::auth::Credentials;
use fluxstack_live::protocol::CloseCode;
use fluxstack_live::testing::{Client, Harness, Request, Socket};
use fluxstack_live::{Code, Error, Identity, Limits};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

const PLAIN: &str = "v=3&caps=delta,batch";

fn limited(change: impl FnOnce(&mut Limits)) -> Harness {
    Harness::new(app::live().limits(change).build().unwrap())
}

fn socket(harness: &Harness) -> Socket {
    harness.socket(Request::default()).unwrap()
}

fn call(id: &str, action: &str, args: Value) -> Value {
    json!({ "type": "CALL_ACTION", "componentId": id, "action": action, "payload": args })
}

async fn counter(client: &mut Client) -> String {
    client.mount("Counter", json!({ "count": 0 })).await.unwrap()
}

/// Why the server closed a channel, once it has.
async fn why(client: &mut Client) -> Option<CloseCode> {
    while client.next().await.is_some() {}
    client.close_code().unwrap()
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_channel_is_a_connection_of_its_own() {
    let harness = harness();
    let mut socket = socket(&harness);
    assert_eq!(harness.live().connections(), 1, "a socket without channels counts as well");
    let mut ada = socket.open(PLAIN).await.unwrap();
    let mut bob = socket.open(PLAIN).await.unwrap();
    assert_eq!((harness.live().connections(), harness.live().sessions()), (2, 2));
    assert_ne!(ada.hello()["connectionId"], bob.hello()["connectionId"]);
    let (ours, theirs) = (counter(&mut ada).await, counter(&mut bob).await);
    assert_eq!(ada.call(&ours, "add", json!({ "by": 5 })).await.unwrap(), 5);
    assert_eq!(bob.call(&theirs, "add", json!({ "by": 7 })).await.unwrap(), 7);
    assert_eq!(bob.view(&theirs), Some(json!({ "count": 7 })));
    let refused = bob.call(&ours, "add", json!({ "by": 1 })).await.unwrap_err();
    assert_eq!(refused.code, "REHYDRATION_REQUIRED", "what another channel mounted is not there");

    drop(ada);
    until(|| harness.live().connections() == 1).await;
    assert_eq!(bob.call(&theirs, "add", json!({ "by": 1 })).await.unwrap(), 8);
    drop((bob, socket));
    until(|| harness.live().tasks() == 0).await;
    assert_eq!(harness.live().connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn when_the_socket_is_torn_every_channel_comes_back_on_another() {
    let harness = harness();
    let mut torn = socket(&harness);
    let mut left = Vec::new();
    for count in 0..3 {
        let mut page = torn.open(&format!("{CAPS}&client=page-{count}")).await.unwrap();
        let id = page.mount("Counter", json!({ "count": count })).await.unwrap();
        page.call(&id, "increment", json!({})).await.unwrap();
        left.push((page, id));
    }
    drop(torn);
    for (page, _) in &mut left {
        while page.next().await.is_some() {}
    }
    until(|| harness.live().connections() == 0).await;

    let mut other = socket(&harness);
    for (count, (page, id)) in (0..).zip(&left) {
        let mut again = other.open(&format!("{CAPS}&client=page-{count}")).await.unwrap();
        assert_eq!(resume_session(&mut again, &token(page)).await["result"]["known"], true);
        assert_eq!(resume(&mut again, id, "Counter", 1, 0).await["result"]["outcome"], "resumed");
        assert_eq!(again.call(id, "add", json!({ "by": 10 })).await.unwrap(), count + 11);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tab_that_changes_its_channel_takes_over_at_once() {
    let harness = harness();
    let (mut one, mut two) = (socket(&harness), socket(&harness));
    let mut old = one.open(&format!("{CAPS}&client=p")).await.unwrap();
    let id = counter(&mut old).await;
    let mut new = two.open(&format!("{CAPS}&client=p")).await.unwrap();
    let begun = Instant::now();
    assert_eq!(resume_session(&mut new, &token(&old)).await["result"]["known"], true);
    assert!(begun.elapsed() < Duration::from_millis(50));
    assert_eq!(why(&mut old).await, Some(CloseCode::TakenOver));
    assert_eq!(resume(&mut new, &id, "Counter", 0, 0).await["result"]["outcome"], "resumed");
}

fn with_users(change: impl FnOnce(&mut Limits)) -> Harness {
    let live = app::live().limits(change).authenticator(async |credentials: Credentials| {
        match credentials.token().or(credentials.cookie("user")) {
            Some("wrong") => Err(Error::new(Code::Unauthenticated, "not you")),
            Some("broken") => Err(Error::internal("the database is gone")),
            Some("slow") => std::future::pending().await,
            name => Ok(name.map(Identity::new)),
        }
    });
    Harness::new(live.build().unwrap())
}

fn from(cookie: &str, peer: &str) -> Request {
    Request { headers: vec![("Cookie".into(), cookie.into())], peer: Some(peer.parse().unwrap()) }
}

#[tokio::test(start_paused = true)]
async fn each_channel_has_an_identity_of_its_own() {
    let harness = with_users(|_| ());
    let mut socket = harness.socket(from("user=ada", "192.0.2.1")).unwrap();
    let by_cookie = socket.open(PLAIN).await.unwrap();
    let by_query = socket.open(&format!("{PLAIN}&token=bob")).await.unwrap();
    assert_eq!((&by_cookie.hello()["userId"], &by_query.hello()["userId"]), (&json!("ada"), &json!("bob")));
    let mut third = socket.open(PLAIN).await.unwrap();
    let signed_in = json!({ "type": "AUTH", "payload": { "token": "cleo" } });
    assert_eq!(third.request(signed_in).await["result"]["userId"], "cleo");

    let mut asked = socket.ask(&format!("{PLAIN}&token=wrong")).await;
    assert_eq!(why(&mut asked).await, Some(CloseCode::Refused));
    let mut asked = socket.ask(&format!("{PLAIN}&token=broken")).await;
    assert_eq!(why(&mut asked).await, Some(CloseCode::NoPlace));
    // One that is still being looked up holds nobody up.
    let mut waiting = socket.ask(&format!("{PLAIN}&token=slow")).await;
    assert!(socket.open(PLAIN).await.is_some());
    assert_eq!(why(&mut waiting).await, Some(CloseCode::NoPlace));

    harness.live().sign_out("bob").await;
    let mut by_query = by_query;
    assert_eq!(why(&mut by_query).await, Some(CloseCode::SignedOut));
    assert_eq!(by_cookie.close_code(), None, "nobody else was signed out");
}

#[tokio::test(start_paused = true)]
async fn who_guesses_on_many_channels_guesses_from_one_address() {
    let harness = with_users(|limits| limits.auth_failures = 2);
    let mut socket = harness.socket(from("", "192.0.2.1")).unwrap();
    let mut codes = Vec::new();
    for _ in 0..3 {
        let mut asked = socket.ask(&format!("{PLAIN}&token=wrong")).await;
        codes.push(why(&mut asked).await.unwrap());
    }
    assert_eq!(codes, [CloseCode::Refused, CloseCode::Refused, CloseCode::Flood]);
}

#[tokio::test(start_paused = true)]
async fn channels_count_as_connections() {
    let harness = with_users(|limits| {
        limits.connections_per_address = 3;
        limits.connections_per_user = 2;
    });
    let mut socket = harness.socket(from("user=ada", "192.0.2.1")).unwrap();
    let first = socket.open(PLAIN).await.unwrap();
    let _second = socket.open(PLAIN).await.unwrap();
    let mut third = socket.ask(PLAIN).await;
    assert_eq!(why(&mut third).await, Some(CloseCode::NoPlace), "the user has two");
    let _third = socket.open(&format!("{PLAIN}&token=bob")).await.unwrap();
    let mut fourth = socket.ask(&format!("{PLAIN}&token=cleo")).await;
    assert_eq!(why(&mut fourth).await, Some(CloseCode::NoPlace), "the address has three");
    assert!(harness.socket(from("", "192.0.2.1")).is_none());
    drop(first);
    until(|| harness.live().connections() == 2).await;
    assert!(socket.open(PLAIN).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_socket_has_so_many_channels() {
    let harness = limited(|limits| limits.channels = 2);
    let mut socket = socket(&harness);
    let (one, _two) = (socket.open(PLAIN).await.unwrap(), socket.open(PLAIN).await.unwrap());
    let mut three = socket.ask(PLAIN).await;
    assert_eq!(why(&mut three).await, Some(CloseCode::NoPlace));
    drop(one);
    until(|| harness.live().connections() == 1).await;
    assert!(socket.open(PLAIN).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_not_listened_to_is_closed_and_the_others_go_on() {
    let harness = limited(|limits| {
        limits.frame = 1_000;
        // Unanswered requests of more than that, and the session reads no further.
        limits.backlog = 1_000;
    });
    let mut socket = socket(&harness);
    let mut busy = socket.open(PLAIN).await.unwrap();
    let mut other = socket.open(PLAIN).await.unwrap();
    let (worker, id) = (busy.mount("Worker", json!({})).await.unwrap(), counter(&mut other).await);
    let begun = Instant::now();
    let mut slow = call(&worker, "slow", json!({ "ms": 60_000 }));
    slow["payload"]["padding"] = json!("x".repeat(600));
    for request in 0..5 {
        slow["requestId"] = json!(request);
        busy.send(slow.clone()).await;
    }
    assert_eq!(why(&mut busy).await, Some(CloseCode::TooSlow));
    assert_eq!(begun.elapsed(), Duration::from_millis(500), "so long, and no longer");
    assert_eq!(other.call(&id, "add", json!({ "by": 2 })).await.unwrap(), 2);
}

/// Calls of this length, each too large to wait in the inbox beside another.
async fn long_calls(client: &mut Client, worker: &str, count: u32, ms: u32) {
    let mut slow = call(worker, "slow", json!({ "ms": ms }));
    slow["payload"]["padding"] = json!("x".repeat(600));
    for request in 0..count {
        slow["requestId"] = json!(request);
        client.send(slow.clone()).await;
    }
}

fn with_little_room() -> Harness {
    limited(|limits| {
        limits.frame = 1_000;
        limits.backlog = 1_000;
    })
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_frees_room_just_in_time_again_and_again_does_not_hold_up_the_others_for_seconds() {
    let harness = with_little_room();
    let mut socket = socket(&harness);
    let mut busy = socket.open(PLAIN).await.unwrap();
    let mut other = socket.open(PLAIN).await.unwrap();
    let (worker, id) = (busy.mount("Worker", json!({})).await.unwrap(), counter(&mut other).await);
    long_calls(&mut busy, &worker, 16, 400).await;
    let reads = tokio::spawn(async move { why(&mut busy).await });
    let begun = Instant::now();
    assert_eq!(other.call(&id, "add", json!({ "by": 2 })).await.unwrap(), 2);
    let waited = begun.elapsed();
    assert!(waited <= Duration::from_millis(560), "another tab waited {waited:?}");
    assert_eq!(reads.await.unwrap(), Some(CloseCode::TooSlow));
}

#[tokio::test(start_paused = true)]
async fn several_such_channels_together_hold_up_the_others_for_little_more_than_a_second() {
    let harness = with_little_room();
    let mut socket = socket(&harness);
    let mut other = socket.open(PLAIN).await.unwrap();
    let id = counter(&mut other).await;
    let mut reads = Vec::new();
    let mut several = Vec::new();
    for _ in 0..6 {
        let mut busy = socket.open(PLAIN).await.unwrap();
        let worker = busy.mount("Worker", json!({})).await.unwrap();
        several.push((busy, worker));
    }
    for (mut busy, worker) in several {
        long_calls(&mut busy, &worker, 8, 400).await;
        reads.push(tokio::spawn(async move { why(&mut busy).await }));
    }
    let begun = Instant::now();
    assert_eq!(other.call(&id, "add", json!({ "by": 2 })).await.unwrap(), 2);
    let waited = begun.elapsed();
    assert!(waited < Duration::from_millis(1_200), "another tab waited {waited:?}");
    for read in reads {
        assert_eq!(read.await.unwrap(), Some(CloseCode::TooSlow));
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_has_to_be_waited_for_now_and_then_is_not_closed() {
    let harness = with_little_room();
    let mut socket = socket(&harness);
    let mut busy = socket.open(PLAIN).await.unwrap();
    let worker = busy.mount("Worker", json!({})).await.unwrap();
    for _ in 0..20 {
        long_calls(&mut busy, &worker, 4, 100).await;
        let mut answers = 0;
        while answers < 4 {
            answers += usize::from(busy.next().await.expect("it is not closed")["type"] == "ACTION_RESPONSE");
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_larger_than_the_inbox_waits_and_is_done() {
    let harness = limited(|limits| limits.frame = 1_000);
    let mut socket = socket(&harness);
    let mut client = socket.open(PLAIN).await.unwrap();
    let id = counter(&mut client).await;
    let mut add = call(&id, "add", json!({ "by": 1, "padding": "x".repeat(700) }));
    for request in 0..100 {
        add["requestId"] = json!(request);
        client.send(add.clone()).await;
    }
    let mut answers = 0;
    while answers < 100 {
        answers += usize::from(client.next().await.unwrap()["type"] == "ACTION_RESPONSE");
    }
    assert_eq!(client.view(&id), Some(json!({ "count": 100 })));
}

#[tokio::test(start_paused = true)]
async fn those_that_have_something_to_say_take_turns() {
    let harness = harness();
    let mut socket = socket(&harness);
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(socket.open("v=3").await.unwrap());
    }
    let before = socket.log().len();
    // The first has so much to say that it does not fit into the socket; the others come in between.
    for (index, client) in clients.iter_mut().enumerate() {
        for request in 0..[300, 3, 3][index] {
            let ping = json!({ "type": "STATE_RESYNC", "componentId": "live-x", "requestId": request });
            client.send(ping).await;
        }
    }
    let (first, others) = clients.split_at_mut(1);
    let (mut told, mut heard) = (0, [0, 0]);
    while heard != [3, 3] {
        tokio::select! {
            message = first[0].next() => told += usize::from(message.is_some()),
            () = tokio::task::yield_now() => {}
        }
        for (heard, other) in heard.iter_mut().zip(&mut *others) {
            *heard += other.arrived().len();
        }
    }
    assert!(told < 100, "the others were heard after {told} of the first one's answers");
    while told < 300 {
        first[0].next().await.unwrap();
        told += 1;
    }
    assert_eq!(socket.log().len(), before + 306);
}

#[tokio::test(start_paused = true)]
async fn one_pong_is_a_sign_of_life_of_every_channel() {
    let harness = harness();
    let mut socket = socket(&harness);
    let mut clients = vec![socket.open(PLAIN).await.unwrap(), socket.open(PLAIN).await.unwrap()];
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(harness.live().connections(), 2);
    // A copy of the tab asks whether the original is there: the socket answers for it.
    let mut original = socket.open(&format!("{CAPS}&client=p")).await.unwrap();
    counter(&mut original).await;
    let mut copy = socket.open(&format!("{CAPS}&client=q")).await.unwrap();
    assert_eq!(code(&resume_session(&mut copy, &token(&original)).await), "SESSION_IN_USE");

    socket.play_dead();
    assert_eq!(socket.closed().await, Some(CloseCode::PeerSilent));
    for client in &mut clients {
        while client.next().await.is_some() {}
    }
    until(|| harness.live().connections() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_tells_every_channel() {
    let harness = with_users(|_| ());
    let mut socket = harness.socket(from("", "192.0.2.1")).unwrap();
    let idle = harness.socket(from("", "192.0.2.1")).unwrap();
    let mut clients = vec![socket.open(PLAIN).await.unwrap(), socket.open(PLAIN).await.unwrap()];
    let id = counter(&mut clients[0]).await;
    // It is answered although the server is going away, and one that is not known yet is not waited for.
    let mut add = call(&id, "add", json!({ "by": 1 }));
    add["requestId"] = json!("last");
    clients[0].send(add).await;
    clients.push(socket.ask(&format!("{PLAIN}&token=slow")).await);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(harness.live().shutdown(Duration::from_secs(5)).await);
    let answers = clients[0].arrived();
    assert!(answers.iter().any(|answer| answer["requestId"] == "last"), "{answers:?}");
    for client in &mut clients {
        assert_eq!(why(client).await, Some(CloseCode::GoingAway));
    }
    assert_eq!(socket.closed().await, Some(CloseCode::GoingAway));
    assert_eq!(idle.closed().await, Some(CloseCode::GoingAway));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_frame_of_a_channel_closes_the_socket() {
    let harness = harness();
    for text in [
        "",
        "null",
        "{}",
        " {}",
        "0",
        "0-",
        "0+v=3",
        "01 {}",
        "1",
        "1--",
        "x+v=3",
        "4294967296 {}",
        "1+",
        "2+v=3",
    ] {
        let mut socket = socket(&harness);
        let mut client = socket.open(PLAIN).await.unwrap();
        let second = socket.open(PLAIN).await.unwrap();
        drop(second);
        socket.send(text).await;
        assert_eq!(socket.closed().await, Some(CloseCode::Malformed), "{text:?}");
        assert!(client.next().await.is_none());
    }
    let socket = socket(&harness);
    socket.send_binary(vec![1, 2, 3]).await;
    assert_eq!(socket.closed().await, Some(CloseCode::Malformed));
    until(|| harness.live().tasks() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_for_a_channel_that_is_gone_is_passed_over_until_it_is_a_flood() {
    let harness = limited(|limits| {
        limits.rate = 10;
        limits.burst = 20;
    });
    let mut socket = socket(&harness);
    let mut client = socket.open(PLAIN).await.unwrap();
    let id = counter(&mut client).await;
    for stray in ["7 {}", "7-", "9 not even JSON", "8-"] {
        socket.send(stray).await;
    }
    client.call(&id, "increment", json!({})).await.unwrap();
    assert!(socket.log()[1..].iter().all(|frame| frame.starts_with("1 ")), "{:?}", socket.log());
    for _ in 0..20 {
        socket.send("7 {}").await;
    }
    assert_eq!(socket.closed().await, Some(CloseCode::Flood));
}

#[tokio::test(start_paused = true)]
async fn channels_opened_and_closed_without_end_are_refused_then_are_a_flood() {
    let harness = limited(|limits| limits.channels = 2);
    let mut socket = socket(&harness);
    let mut codes = Vec::new();
    for _ in 0..10 {
        let mut asked = socket.ask(PLAIN).await;
        if asked.next().await.is_none() {
            codes.push(asked.close_code().unwrap().unwrap());
        }
        drop(asked);
        until(|| harness.live().connections() == 1).await;
    }
    assert_eq!(codes, [CloseCode::Flood; 2], "eight at once, then so many a second");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(socket.open(PLAIN).await.is_some());
    let before = Instant::now();
    for id in 100..700 {
        socket.send(format!("{id}+{PLAIN}")).await;
        socket.send(format!("{id}-")).await;
    }
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(socket.closed().await, Some(CloseCode::Flood));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_that_channels_are_closed_is_not_read() {
    let harness = limited(|limits| {
        limits.channels = 2;
        limits.rate = 0;
    });
    let socket = socket(&harness);
    socket.stop_reading();
    let mut sent = 0;
    while timeout(Duration::from_secs(1), socket.send(format!("{}+x", sent + 1))).await.is_ok() {
        sent += 1;
        assert!(sent < 1_000, "what it is told piles up");
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_beyond_the_limit_closes_its_channel() {
    let harness = limited(|limits| limits.frame = 1_000);
    let mut socket = socket(&harness);
    let mut client = socket.open(PLAIN).await.unwrap();
    let mut other = socket.open(PLAIN).await.unwrap();
    assert!(client.send_text(&" ".repeat(1_001)));
    assert_eq!(why(&mut client).await, Some(CloseCode::FrameTooLarge));
    let id = counter(&mut other).await;
    other.call(&id, "increment", json!({})).await.unwrap();
    let mut long = socket.ask(&format!("{PLAIN}&x={}", "x".repeat(9_000))).await;
    assert_eq!(why(&mut long).await, Some(CloseCode::Refused));
}

#[tokio::test(start_paused = true)]
async fn a_socket_without_channels_does_not_stay() {
    let harness = harness();
    let mut socket = socket(&harness);
    let client = socket.open(PLAIN).await.unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(client.close_code(), None);
    drop(client);
    let begun = Instant::now();
    assert_eq!(socket.closed().await, Some(CloseCode::PeerSilent));
    assert!(begun.elapsed() < Duration::from_secs(31));
    until(|| harness.live().connections() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn the_socket_itself_says_that_it_is_there() {
    let harness = limited(|limits| {
        limits.rate = 10;
        limits.burst = 20;
    });
    let mut socket = socket(&harness);
    let _client = socket.open(PLAIN).await.unwrap();
    socket.send("0 ").await;
    socket.send("0 anything").await;
    until(|| socket.log().len() == 4).await;
    let log = socket.log();
    assert_eq!([&log[0], &log[2], &log[3]], [r#"0 {"channels":32,"frame":1048576}"#; 3], "{log:?}");
    for _ in 0..20 {
        socket.send("0 ").await;
    }
    assert_eq!(socket.closed().await, Some(CloseCode::Flood), "who asks too often is told off as well");
}

#[tokio::test(start_paused = true)]
async fn an_older_client_may_have_a_channel_too() {
    let harness = harness();
    let mut socket = socket(&harness);
    let mut older = socket.open("").await.unwrap();
    let id = counter(&mut older).await;
    older.call(&id, "increment", json!({})).await.unwrap();
    assert_eq!(older.next().await.unwrap()["payload"]["state"], json!({ "count": 1 }));
}
