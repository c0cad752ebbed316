//! The same for shared instances, whose snapshots no client is ever given: here it is what they left in a store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use fluxstack_live::Store;
use fluxstack_live::prelude::*;
use fluxstack_live::protocol::InstanceId;
use fluxstack_live::store::{Boxed, Record, StoreError};
use fluxstack_live::testing::Harness;
use serde_json::{Value, json};

use super::{builder, folder, may_write};
use crate::chat::Chat;
use crate::cursors::Cursors;
use crate::tally::Tally;

/// A store one can look into, also when its server is gone.
#[derive(Default)]
struct Shelf(Mutex<HashMap<InstanceId, Record>>);

impl Store for Shelf {
    fn put(&self, id: InstanceId, record: Record) -> Boxed<'_, Result<(), StoreError>> {
        self.0.lock().unwrap().insert(id, record);
        Box::pin(async { Ok(()) })
    }

    fn get(&self, id: InstanceId) -> Boxed<'_, Result<Option<Record>, StoreError>> {
        let record = self.0.lock().unwrap().get(&id).cloned();
        Box::pin(async { Ok(record) })
    }

    fn remove(&self, id: InstanceId) -> Boxed<'_, Result<(), StoreError>> {
        self.0.lock().unwrap().remove(&id);
        Box::pin(async { Ok(()) })
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn secret(&self) -> Option<[u8; 32]> {
        None
    }

    fn close(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
}

/// Lives a little, and writes down what was left in the store, unless this version has done so.
async fn live_a_little<C: Component>(props: Value, calls: &[(&str, Value)]) {
    let path = folder().join("shared").join(format!("{}.v{}.json", C::NAME, C::VERSION));
    if path.exists() {
        return;
    }
    let shelf = Arc::new(Shelf::default());
    let harness = Harness::new(builder().store(Arc::clone(&shelf)).build().expect("a server"));
    let mut client = harness.connect().await;
    let id = client.mount(C::NAME, props.clone()).await.expect("it mounts");
    for (action, args) in calls {
        client.call(&id, action, args.clone()).await.expect("it acts");
    }
    assert!(harness.live().shutdown(std::time::Duration::from_secs(9)).await);
    let left = std::mem::take(&mut *shelf.0.lock().unwrap());
    let (place, record) = left.into_iter().next().expect("it left something");
    let record: String = record.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let file = json!({
        "component": C::NAME, "props": props, "place": place.to_string(), "record": record, "expected": null,
    });
    assert!(may_write(), "{} has no snapshots: run SNAPSHOTS=write cargo test -p showcase", path.display());
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, format!("{file:#}\n")).expect("a file");
}

#[tokio::test(start_paused = true)]
async fn every_shared_instance_ever_left_in_a_store_still_comes_back() {
    let ada = ("introduce", json!({ "name": "Ada" }));
    let said = ("say", json!({ "text": "The garden is lovely today." }));
    live_a_little::<Chat>(json!({ "room": "garden" }), &[ada.clone(), said]).await;
    live_a_little::<Tally>(json!({}), &[ada.clone(), ("increment", json!({}))]).await;
    live_a_little::<Cursors>(json!({}), &[ada, ("point", json!({ "x": 1, "y": 2 }))]).await;

    let mut read = 0;
    for file in std::fs::read_dir(folder().join("shared")).expect("a folder") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a text");
        let mut file: Value = serde_json::from_str(&text).expect("JSON");
        let [component, place, record] =
            ["component", "place", "record"].map(|field| file[field].as_str().expect("a text").to_owned());
        let shelf = Shelf::default();
        let bytes = bytes_of(&record);
        let record = Record { version: 1, expires: u64::MAX, bytes: bytes.into() };
        shelf.put(place.parse().expect("an id"), record).await.expect("room");
        let harness = Harness::new(builder().store(Arc::new(shelf)).build().expect("a server"));
        let mut client = harness.connect().await;
        let id = client.mount(&component, file["props"].clone()).await.expect("it mounts");
        let state = client.view(&id).expect("a state");
        if file["expected"] != state && may_write() {
            file["expected"] = state.clone();
            std::fs::write(&path, format!("{file:#}\n")).expect("a file");
        }
        assert_eq!(state, file["expected"], "{}", path.display());
        read += 1;
    }
    assert!(read >= 3, "only {read} snapshots were found");
}

fn bytes_of(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("digits"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("digits")).collect()
}
