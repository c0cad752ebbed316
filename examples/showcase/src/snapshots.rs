//! Snapshots that released versions of the showcase have written, which every later one must still read.
//!
//! `examples/showcase/snapshots` has one file for each version of each component: the sealed text as a
//! client had it, and the state it is to come back with today. `SNAPSHOTS=write cargo test -p showcase` adds
//! those of versions that have none, and brings what is expected up to date; a reviewer reads the difference.
//! A sealed text that is there is never written again.

use std::path::PathBuf;
use std::time::Duration;

use fluxstack_live::prelude::*;
use fluxstack_live::testing::Harness;
use fluxstack_live::{Builder, Keys, State};
use serde_json::{Value, json};

use crate::counter::Counter;
use crate::notebook::Notebook;
use crate::profile::Profile;
use crate::signup::Signup;
use crate::till::Till;
use crate::todos::Todos;

mod shared;

fn builder() -> Builder {
    let keys = Keys::new("corpus", b"kept in the open, for the corpus").expect("a key");
    let a_century = |limits: &mut Limits| limits.snapshot_age = Duration::from_secs(100 * 365 * 86_400);
    Live::builder().discover().keys(keys).limits(a_century)
}

fn server() -> Harness {
    Harness::new(builder().build().expect("a server"))
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"))
}

fn may_write() -> bool {
    std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "write")
}

/// Lives a little, and writes down what its client was given, unless this version has done so.
async fn live_a_little<C: Component>(props: Value, calls: &[(&str, Value)]) {
    let path = folder().join(format!("{}.v{}.json", C::NAME, C::VERSION));
    if path.exists() {
        return;
    }
    let harness = server();
    let mut client = harness.connect_with("v=3&caps=delta,batch,resume").await.expect("a place");
    let mount = json!({ "type": "COMPONENT_MOUNT", "componentId": "corpus",
        "payload": { "component": C::NAME, "props": props, "schema": C::VERSION } });
    let id =
        client.ask(mount).await.expect("it mounts")["componentId"].as_str().unwrap_or_default().to_owned();
    for (action, args) in calls {
        client.call(&id, action, args.clone()).await.expect("it acts");
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    client.arrived();
    let snapshot = client.snapshot(&id).expect("a snapshot was given");
    let file = json!({ "component": C::NAME, "id": id, "snapshot": snapshot, "expected": null });
    assert!(may_write(), "{} has no snapshots: run SNAPSHOTS=write cargo test -p showcase", path.display());
    std::fs::create_dir_all(folder()).expect("a folder");
    std::fs::write(path, format!("{file:#}\n")).expect("a file");
}

#[tokio::test(start_paused = true)]
async fn every_snapshot_ever_written_still_comes_back() {
    live_a_little::<Counter>(json!({ "count": 5 }), &[("increment", json!({}))]).await;
    let add = |text: &str| ("add", json!({ "text": text }));
    live_a_little::<Todos>(json!({}), &[add("water the plants"), ("clearDone", json!({})), add("rest")])
        .await;
    live_a_little::<Profile>(json!({}), &[]).await;
    let half = json!({ "email": "ada@", "name": "", "plan": "team", "newsletter": true });
    let filled = [("change", json!({ "values": half })), ("go", json!({ "step": 1 }))];
    live_a_little::<Signup>(json!({}), &filled).await;
    let searched = ("search", json!({ "text": "bread" }));
    live_a_little::<Notebook>(json!({ "name": "shopping" }), &[add("Bread"), add("Milk"), searched]).await;
    let apple = ("add", json!({ "name": "apple" }));
    live_a_little::<Till>(json!({}), &[apple.clone(), apple]).await;

    let mut read = 0;
    for file in std::fs::read_dir(folder()).expect("a folder") {
        let path = file.expect("a file").path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a text");
        let mut file: Value = serde_json::from_str(&text).expect("JSON");
        let [component, id, snapshot] =
            ["component", "id", "snapshot"].map(|field| file[field].as_str().expect("a text").to_owned());
        let harness = server();
        let mut client = harness.connect_with("v=3&caps=delta,batch,resume").await.expect("a place");
        // A page of today.
        let version = [
            (Counter::NAME, Counter::VERSION),
            (Todos::NAME, Todos::VERSION),
            (Profile::NAME, Profile::VERSION),
            (Signup::NAME, Signup::VERSION),
            (Notebook::NAME, Notebook::VERSION),
            (Till::NAME, Till::VERSION),
        ];
        let (_, schema) = version.iter().find(|(name, _)| *name == component).expect("a component");
        let resume = json!({ "type": "COMPONENT_RESUME", "componentId": id, "payload": {
            "component": component, "name": "corpus", "fresh": true, "schema": schema, "snapshot": snapshot } });
        let result = client.ask(resume).await.unwrap_or_else(|why| panic!("{}: {why:?}", path.display()));
        assert_eq!(result["outcome"], "rehydrated", "{}", path.display());
        // A long list is told by its ends.
        let mut state = result["initialState"].clone();
        let items = state.get_mut("items").and_then(Value::as_array_mut);
        if let Some(items) = items.filter(|items| items.len() > 4) {
            let middle = items.len() - 2;
            items.splice(2..middle, [json!(format!("and {} more", middle - 2))]);
        }
        if file["expected"] != state && may_write() {
            file["expected"] = state.clone();
            std::fs::write(&path, format!("{file:#}\n")).expect("a file");
        }
        assert_eq!(state, file["expected"], "{}", path.display());
        read += 1;
    }
    assert!(read >= 3, "only {read} snapshots were found");
}
