//! Lists that are read in part, on a server that runs: who may read, how much, when, and what becomes of revisions
//! when turns fail, servers stop and versions change.

#![expect(missing_docs, reason = "a component of a test needs none")]

use std::time::Duration;

use fluxstack_live::prelude::*;
use fluxstack_live::protocol::delta::Writer;
use fluxstack_live::testing::{Client, Harness, Refused};
use fluxstack_live::typescript::{ComponentShape, Types, render};
use fluxstack_live::{Keys, MemoryStore};
use serde_json::{Value, json};

const CAPS: &str = "v=3&caps=delta,batch,resume&client=page";

#[wire]
#[derive(Clone)]
pub struct Row {
    pub id: u32,
    pub label: String,
}

/// A list that is read in part, and one that is sent.
#[derive(State)]
pub struct Ledger {
    pub changes: u32,
    /// All there is.
    #[state(window)]
    pub rows: List<Row>,
    #[state(window, every_ms = 100)]
    pub slow_rows: List<Row>,
    pub short: List<u32>,
}

#[wire]
pub struct LedgerProps {
    pub count: u32,
    pub shared: bool,
}

fn rows(count: u32) -> List<Row> {
    (0..count).map(|id| Row { id, label: format!("row {id}") }).collect()
}

impl Component for Ledger {
    type Props = LedgerProps;
    type Event = ();

    fn scope(props: &LedgerProps) -> Scope {
        if props.shared { Scope::Shared("all".into()) } else { Scope::Private }
    }

    async fn mount(props: LedgerProps, _cx: &mut Cx<Self>) -> Result<Self> {
        let count = props.count;
        Ok(Self { changes: 0, rows: rows(count), slow_rows: rows(count), short: List::from(vec![1]) })
    }
}

#[actions]
impl Ledger {
    /// Puts one at the top.
    pub fn add(&mut self, label: String) {
        let id = self.rows.iter().chain(self.slow_rows.iter()).map(|row| row.id + 1).max().unwrap_or(0);
        self.changes += 1;
        self.rows.insert(0, Row { id, label: label.clone() });
        self.slow_rows.insert(0, Row { id, label });
    }

    pub fn remove(&mut self, at: usize) -> Result<()> {
        if at >= self.rows.len() {
            return Err(Error::not_found("no such row"));
        }
        self.changes += 1;
        self.rows.remove(at);
        Ok(())
    }

    pub fn fill(&mut self, length: usize) {
        self.rows.update(0, |row| row.label = "x".repeat(length));
    }

    pub fn explode(&mut self) {
        self.rows.clear();
        panic!("this is the test's own panic");
    }

    pub fn touch(&mut self) {
        self.changes += 1;
    }
}

/// For those who are signed in.
#[derive(State)]
#[state(requires(signed_in))]
pub struct Vault {
    #[state(window)]
    pub rows: List<Row>,
}

impl Component for Vault {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Self { rows: rows(3) })
    }
}

#[actions]
impl Vault {}

fn live() -> fluxstack_live::Builder {
    Live::builder().component::<Ledger>().component::<Vault>()
}

fn harness() -> Harness {
    Harness::new(live().build().expect("a server"))
}

async fn mount(client: &mut Client, count: u32) -> String {
    client.mount("Ledger", json!({ "count": count, "shared": false })).await.expect("a ledger")
}

async fn add(client: &mut Client, id: &str, label: &str) {
    client.call(id, "add", json!({ "label": label })).await.expect("a row is added");
}

async fn read_of(
    client: &mut Client,
    id: &str,
    list: &str,
    from: u64,
    count: u64,
) -> std::result::Result<Value, Refused> {
    let payload = json!({ "from": from, "count": count });
    client.ask(json!({ "type": "LIST_READ", "componentId": id, "property": list, "payload": payload })).await
}

async fn read(client: &mut Client, id: &str, from: u64, count: u64) -> Value {
    read_of(client, id, "rows", from, count).await.expect("rows")
}

fn labels(answer: &Value) -> Vec<&str> {
    let rows = answer["rows"].as_array().expect("rows");
    rows.iter().map(|row| row["label"].as_str().expect("a text")).collect()
}

async fn still() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn the_state_says_how_long_a_list_is_and_a_read_what_is_in_it() {
    let harness = harness();
    let mut client = harness.connect().await;
    let id = mount(&mut client, 1_000).await;
    let view = client.view(&id).unwrap();
    assert_eq!(view["rows"], json!({ "length": 1_000, "rev": 0, "edits": [] }));
    let answer = read(&mut client, &id, 500, 2).await;
    let expected = json!([{ "id": 500, "label": "row 500" }, { "id": 501, "label": "row 501" }]);
    assert_eq!(answer, json!({ "from": 500, "length": 1_000, "rev": 0, "rows": expected }));
    add(&mut client, &id, "new").await;
    client.call(&id, "remove", json!({ "at": 700 })).await.unwrap();
    let view = client.view(&id).unwrap();
    assert_eq!(view["rows"], json!({ "length": 1_000, "rev": 2, "edits": [[1, 0, 0, 1], [2, 700, 1, 0]] }));
    let answer = read(&mut client, &id, 0, 2).await;
    assert_eq!((labels(&answer), &answer["rev"]), (vec!["new", "row 0"], &json!(2)));
    client.call(&id, "touch", json!({})).await.unwrap();
    assert_eq!(client.view(&id).unwrap()["rows"]["rev"], json!(2), "nothing of the list has changed");
    assert_eq!(client.resyncs(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_past_the_end_is_no_row() {
    let harness = harness();
    let mut client = harness.connect().await;
    let id = mount(&mut client, 10).await;
    for (from, count, expected) in [(8, 5, 2), (10, 5, 0), (99, 5, 0), (0, 0, 0), (u64::MAX, u64::MAX, 0)] {
        let answer = read(&mut client, &id, from, count).await;
        assert_eq!((labels(&answer).len(), &answer["from"]), (expected, &json!(from.min(10))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_is_answered_with_as_many_rows_as_it_may() {
    let harness = Harness::new(live().limits(|limits| limits.window = 20).build().unwrap());
    let mut client = harness.connect().await;
    let id = mount(&mut client, 1_000).await;
    assert_eq!(labels(&read(&mut client, &id, 5, 1_000).await).len(), 20);
    let harness = Harness::new(live().limits(|limits| limits.outbox_soft = 300).build().unwrap());
    let mut client = harness.connect().await;
    let id = mount(&mut client, 1_000).await;
    let answer = read(&mut client, &id, 0, 100).await;
    assert!((8..12).contains(&labels(&answer).len()) && answer["rows"].to_string().len() <= 302, "{answer}");
    client.call(&id, "fill", json!({ "length": 5_000 })).await.unwrap();
    let answer = read(&mut client, &id, 0, 100).await;
    assert_eq!(labels(&answer).len(), 1, "one row is told however long it is");
    assert_eq!(labels(&read(&mut client, &id, 1, 100).await)[0], "row 1");
}

#[tokio::test(start_paused = true)]
async fn only_lists_that_are_read_in_part_are_read() {
    let harness = harness();
    let mut client = harness.connect().await;
    let id = mount(&mut client, 10).await;
    for list in ["short", "changes", "slow_rows", "nothing", ""] {
        let refused = read_of(&mut client, &id, list, 0, 1).await.unwrap_err();
        assert_eq!(refused.code, "NOT_FOUND", "{list}");
    }
    assert_eq!(labels(&read_of(&mut client, &id, "slowRows", 0, 1).await.unwrap()), ["row 0"]);
    let mut other = harness.connect().await;
    let refused = read_of(&mut other, &id, "rows", 0, 1).await.unwrap_err();
    assert_eq!(refused.code, "REHYDRATION_REQUIRED", "it is not mounted on this connection");
    client.unmount(&id).await;
    assert_eq!(read_of(&mut client, &id, "rows", 0, 1).await.unwrap_err().code, "REHYDRATION_REQUIRED");
}

#[tokio::test(start_paused = true)]
async fn who_may_not_have_the_component_may_not_read_it() {
    let by_name = async |credentials: fluxstack_live::auth::Credentials| {
        Ok(credentials.token().map(|name| Identity::new(name.to_owned())))
    };
    let harness = Harness::new(live().authenticator(by_name).build().unwrap());
    let mut client = harness.connect_as("v=3&caps=delta,batch,resume", "ada").await.unwrap();
    let id = client.mount("Vault", json!({})).await.unwrap();
    assert_eq!(labels(&read(&mut client, &id, 0, 9).await).len(), 3);
    let sign_out = json!({ "type": "AUTH", "payload": {} });
    client.ask(sign_out).await.unwrap();
    let refused = read_of(&mut client, &id, "rows", 0, 9).await.unwrap_err();
    assert!(["UNAUTHENTICATED", "REHYDRATION_REQUIRED"].contains(&&*refused.code), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn what_failed_was_never_in_the_list() {
    let harness = harness();
    let mut client = harness.connect().await;
    let id = mount(&mut client, 10).await;
    add(&mut client, &id, "first").await;
    let before = client.view(&id).unwrap();
    client.call(&id, "explode", json!({})).await.unwrap_err();
    let calls = json!([
        { "componentId": id, "action": "remove", "payload": { "at": 0 } },
        { "componentId": id, "action": "remove", "payload": { "at": 999 } },
    ]);
    let batch = json!({ "type": "CALL_BATCH", "payload": { "calls": calls, "atomic": true } });
    let result = client.ask(batch).await.unwrap();
    assert_eq!(result["results"][0]["code"], json!("ROLLED_BACK"));
    assert_eq!(client.view(&id).unwrap(), before);
    let answer = read(&mut client, &id, 0, 2).await;
    assert_eq!((labels(&answer), &answer["rev"]), (vec!["first", "row 0"], &json!(1)));
    add(&mut client, &id, "second").await;
    assert_eq!(client.view(&id).unwrap()["rows"]["edits"], json!([[1, 0, 0, 1], [2, 0, 0, 1]]));
    assert_eq!(client.resyncs(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_is_not_read_either() {
    let harness = harness();
    let mut client = harness.connect().await;
    let id = mount(&mut client, 10).await;
    for label in ["one", "two", "three"] {
        add(&mut client, &id, label).await;
    }
    let view = client.view(&id).unwrap();
    assert_eq!((&view["rows"]["rev"], &view["slowRows"]["rev"]), (&json!(3), &json!(1)));
    let answer = read_of(&mut client, &id, "slowRows", 0, 3).await.unwrap();
    assert_eq!((labels(&answer), &answer["rev"]), (vec!["one", "row 0", "row 1"], &json!(1)));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let answer = read_of(&mut client, &id, "slowRows", 0, 3).await.unwrap();
    assert_eq!((labels(&answer), &answer["rev"]), (vec!["three", "two", "one"], &json!(2)));
}

#[tokio::test(start_paused = true)]
async fn members_of_a_shared_list_are_told_of_an_edit_before_anybody_reads_it() {
    let harness = harness();
    let (mut ada, mut bob) = (harness.connect().await, harness.connect().await);
    let props = json!({ "count": 10, "shared": true });
    let id = ada.mount("Ledger", props.clone()).await.unwrap();
    assert_eq!(bob.mount("Ledger", props).await.unwrap(), id);
    // In one frame, so that the turn is still held when the read comes.
    let read = json!({ "from": 0, "count": 1 });
    ada.send_batch(vec![
        json!({ "type": "CALL_ACTION", "componentId": id, "action": "add", "payload": { "label": "new" }, "requestId": "a" }),
        json!({ "type": "LIST_READ", "componentId": id, "property": "rows", "payload": read, "requestId": "b" }),
    ])
    .await;
    still().await;
    let arrived = ada.arrived();
    let place = |found: &dyn Fn(&Value) -> bool| arrived.iter().position(found).expect("it came");
    let delta = place(&|message| message["type"] == "STATE_DELTA");
    let answer = place(&|message| message["requestId"] == "b");
    assert!(delta < answer, "{arrived:?}");
    assert_eq!(labels(&arrived[answer]["result"]), ["new"]);
    assert_eq!(labels(&self::read(&mut bob, &id, 0, 1).await), ["new"]);
    assert_eq!(bob.view(&id).unwrap()["rows"]["rev"], json!(1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_back_goes_on_from_where_it_was() {
    let harness = harness();
    let mut client = harness.connect_with(CAPS).await.unwrap();
    let id = mount(&mut client, 10).await;
    add(&mut client, &id, "before").await;
    let (token, view) = (client.token(), client.view(&id).unwrap());
    drop(client);
    still().await;
    let mut client = harness.connect_with(CAPS).await.unwrap();
    client.resume_session(&token).await.unwrap();
    client.resume("Ledger", &id).await.unwrap();
    assert_eq!(client.view(&id).unwrap(), view);
    assert_eq!(labels(&read(&mut client, &id, 0, 1).await), ["before"]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_rebuilt_has_its_rows_and_no_revision_it_had_before() {
    let store = MemoryStore::new();
    let serve = || {
        let build = live().store(store.clone()).keys(Keys::new("k", [7; 32]).unwrap());
        Harness::new(build.build().unwrap())
    };
    let server = serve();
    let mut client = server.connect_with(CAPS).await.unwrap();
    let id = mount(&mut client, 10).await;
    add(&mut client, &id, "kept").await;
    // The snapshot that is written now is the last one before the server is killed.
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(client.arrived());
    let snapshot = client.snapshot(&id).expect("a snapshot").to_owned();
    add(&mut client, &id, "lost").await;
    let (token, lost) = (client.token(), client.view(&id).unwrap()["rows"]["rev"].as_u64().unwrap());
    server.kill();

    let server = serve();
    let mut client = server.connect_with(CAPS).await.unwrap();
    client.resume_session(&token).await.unwrap();
    let outcome = client.rehydrate("Ledger", &id, &snapshot).await.unwrap();
    assert_eq!(outcome["outcome"], json!("rehydrated"), "{outcome}");
    let id = outcome["componentId"].as_str().unwrap().to_owned();
    let list = client.view(&id).unwrap()["rows"].clone();
    assert_eq!((&list["length"], &list["edits"]), (&json!(11), &json!([])));
    let rev = list["rev"].as_u64().unwrap();
    assert!(rev > lost, "{rev} could be taken for one of before");
    assert_eq!(labels(&read(&mut client, &id, 0, 2).await), ["kept", "row 0"]);
    add(&mut client, &id, "after").await;
    assert_eq!(client.view(&id).unwrap()["rows"]["edits"], json!([[rev + 1, 0, 0, 1]]));
}

#[tokio::test(start_paused = true)]
async fn an_older_client_gets_the_list_whole() {
    let harness = harness();
    let mut client = harness.connect_with("").await.unwrap();
    let id = mount(&mut client, 3).await;
    assert_eq!(client.view(&id).unwrap()["rows"][2], json!({ "id": 2, "label": "row 2" }));
    add(&mut client, &id, "new").await;
    let rows = client.view(&id).unwrap()["rows"].clone();
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["label"]), (4, &json!("new")));
    assert_eq!(read_of(&mut client, &id, "rows", 0, 1).await.unwrap_err().code, "UNKNOWN_TYPE");
    // One of ours without deltas reads in part all the same.
    let mut client = harness.connect_with("v=3&caps=batch").await.unwrap();
    let id = mount(&mut client, 3).await;
    add(&mut client, &id, "new").await;
    assert_eq!(client.view(&id).unwrap()["rows"], json!({ "length": 4, "rev": 1, "edits": [[1, 0, 0, 1]] }));
}

#[test]
fn a_list_that_was_sent_whole_may_be_read_in_part_from_now_on() {
    let mut ledger = Ledger { changes: 0, rows: List::new(), slow_rows: List::new(), short: List::new() };
    // A plain list was written down like this, and so is one that is read in part: neither needs a new version.
    ledger.restore(1, br#"{"rows":[{"id":7,"label":"old"}],"short":[4]}"#).unwrap();
    let (mut sent, mut pace) = Default::default();
    ledger.flush(&mut sent, &mut pace, usize::MAX, &mut Writer::default()).unwrap();
    let mut whole = Vec::new();
    ledger.whole(&sent, &mut whole);
    let expected = r#"{"changes":0,"rows":[{"id":7,"label":"old"}],"slowRows":[],"short":[4]}"#;
    assert_eq!(String::from_utf8(whole).unwrap(), expected);
}

#[test]
fn the_generated_types_say_that_it_is_read_in_part() {
    let mut types = Types::default();
    let shape = ComponentShape::of::<Ledger>(&mut types);
    let file = render(vec![shape], types).unwrap();
    assert!(file.contains("import { component, type Component, type Windowed } from '@fluxstack/client'"));
    assert!(file.contains("    /** All there is. */\n    rows: Windowed<Row>\n"), "{file}");
    assert!(file.contains("    short: Array<number>\n"), "{file}");
    assert!(file.contains("export interface Row {"), "{file}");
}
