//! Fields that change more often than anybody can see: sent at once, then at most once in their interval, and
//! whatever happens the last value arrives.

#![expect(missing_docs, reason = "a component of a test needs none")]

use std::time::Duration;

use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Client, Harness, Mounted, mount};
use fluxstack_live::{Keys, MemoryStore};
use serde_json::{Value, json};

#[derive(State)]
pub struct Canvas {
    #[state(every_ms = 16)]
    pub cursors: Map<String, i32>,
    #[state(every_ms = 100)]
    pub trail: List<i32>,
    #[state(every_ms = 100)]
    pub note: Bound<String>,
    pub moves: u32,
}

impl Component for Canvas {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        let note = Bound::new(String::new());
        Ok(Canvas { cursors: Map::new(), trail: List::new(), note, moves: 0 })
    }

    fn written(&mut self, _field: &'static str, _cx: &mut Cx<Self>) -> Result<()> {
        if *self.note == "no" { Err(Error::invalid("note", "anything but no")) } else { Ok(()) }
    }
}

#[actions]
impl Canvas {
    /// Moves the cursor, and counts it or not.
    pub fn point(&mut self, x: i32, counts: bool) {
        self.cursors.insert("ada".to_owned(), x);
        self.moves += u32::from(counts);
    }

    pub fn draw(&mut self, x: i32) {
        self.trail.push(x);
    }

    /// A cursor that moves by itself, every millisecond.
    pub fn run(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        let mut x = 0;
        cx.every(Duration::from_millis(1), move |canvas, _cx| {
            x += 1;
            canvas.cursors.insert("ada".to_owned(), x.min(1000));
        })?;
        Ok(())
    }

    pub fn explode(&mut self) {
        panic!("this is the test's own panic");
    }
}

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

async fn canvas() -> Mounted<Canvas> {
    mount::<Canvas>(()).await.expect("a canvas mounts")
}

async fn point(canvas: &mut Mounted<Canvas>, x: i32, counts: bool) {
    canvas.call("point", json!({ "x": x, "counts": counts })).await.expect("a cursor moves");
}

/// The deltas that have arrived, as what they say of the cursor.
fn cursors(client: &mut Client) -> Vec<Value> {
    let arrived = client.arrived();
    let deltas = arrived.iter().filter(|message| message["type"] == "STATE_DELTA");
    deltas.map(|delta| delta["payload"]["merge"]["cursors"][0]["ada"].clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_change_goes_at_once_and_the_last_at_the_end_of_the_interval() {
    let mut canvas = canvas().await;
    point(&mut canvas, 1, false).await;
    assert_eq!(canvas.delta(), json!({ "cursors": { "ada": 1 } }));
    for x in 2..5 {
        point(&mut canvas, x, false).await;
        assert_eq!(canvas.delta(), json!({}));
    }
    canvas.advance(millis(14)).await;
    assert_eq!(canvas.delta(), json!({}));
    canvas.advance(millis(1)).await;
    assert_eq!(canvas.delta(), json!({ "cursors": { "ada": 4 } }));
    canvas.advance(millis(16)).await;
    point(&mut canvas, 5, false).await;
    assert_eq!(canvas.delta(), json!({ "cursors": { "ada": 5 } }), "and after an interval of rest at once");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_changes_in_a_second_are_about_sixty_deltas() {
    let live = Live::builder().component::<Canvas>().build().unwrap();
    let harness = Harness::new(live);
    let mut client = harness.connect().await;
    let id = client.mount("Canvas", json!(null)).await.unwrap();
    client.call(&id, "run", json!({})).await.unwrap();
    let mut found = cursors(&mut client);
    for _ in 0..110 {
        tokio::time::sleep(millis(10)).await;
        found.extend(cursors(&mut client));
    }
    assert!((58..=66).contains(&found.len()), "{} deltas", found.len());
    assert_eq!(found.last(), Some(&json!(1000)), "the last value arrives");
    assert_eq!(client.view(&id).unwrap()["cursors"], json!({ "ada": 1000 }));
    assert_eq!(client.resyncs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_field_without_a_pace_waits_for_none_that_has_one() {
    let mut canvas = canvas().await;
    point(&mut canvas, 1, true).await;
    assert_eq!(canvas.delta(), json!({ "cursors": { "ada": 1 }, "moves": 1 }));
    point(&mut canvas, 2, true).await;
    assert_eq!(canvas.delta(), json!({ "moves": 2 }));
    canvas.advance(millis(16)).await;
    assert_eq!(canvas.delta(), json!({ "cursors": { "ada": 2 } }));
}

#[tokio::test(start_paused = true)]
async fn each_field_has_a_pace_of_its_own() {
    let mut canvas = canvas().await;
    for x in 1..3 {
        point(&mut canvas, x, false).await;
        canvas.call("draw", json!({ "x": x })).await.unwrap();
    }
    assert_eq!(canvas.delta(), json!({ "cursors": { "ada": 1 }, "trail": [1] }));
    canvas.advance(millis(50)).await;
    assert_eq!(canvas.delta(), json!({ "cursors": { "ada": 2 } }));
    canvas.advance(millis(50)).await;
    assert_eq!(canvas.delta(), json!({ "trail": [1, 2] }));
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_the_state_meanwhile_gets_one_that_fits_what_follows() {
    let live = Live::builder().component::<Canvas>().build().unwrap();
    let harness = Harness::new(live);
    let mut client = harness.connect().await;
    let id = client.mount("Canvas", json!(null)).await.unwrap();
    for x in 1..4 {
        client.call(&id, "draw", json!({ "x": x })).await.unwrap();
        client.call(&id, "point", json!({ "x": x, "counts": true })).await.unwrap();
        let resync = json!({ "type": "STATE_RESYNC", "componentId": id, "payload": {} });
        client.request(resync).await;
        assert_eq!(client.view(&id).unwrap()["moves"], json!(x));
    }
    tokio::time::sleep(millis(200)).await;
    drop(client.arrived());
    let view = client.view(&id).unwrap();
    assert_eq!((&view["trail"], &view["cursors"]), (&json!([1, 2, 3]), &json!({ "ada": 3 })));
    assert_eq!(client.resyncs(), 0, "nothing that came did not fit");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_refused_takes_none_back_that_was_accepted() {
    let mut canvas = canvas().await;
    for text in ["a", "ab"] {
        canvas.write("note", json!(text)).await.unwrap();
    }
    assert_eq!(canvas.delta(), json!({ "note": "a" }));
    assert_eq!(canvas.write("note", json!("no")).await.unwrap_err().code, "INVALID");
    assert_eq!(canvas.write("note", json!(7)).await.unwrap_err().code, "BAD_PAYLOAD");
    canvas.advance(millis(100)).await;
    assert_eq!(canvas.delta(), json!({ "note": "ab" }));
}

#[tokio::test(start_paused = true)]
async fn a_panic_puts_back_what_was_sent_last_and_the_field_goes_on() {
    let mut canvas = canvas().await;
    for x in 1..3 {
        point(&mut canvas, x, false).await;
    }
    canvas.call("explode", json!({})).await.unwrap_err();
    canvas.advance(millis(50)).await;
    assert_eq!(canvas.delta(), json!({ "cursors": { "ada": 1 } }), "what was held back is lost");
    point(&mut canvas, 3, false).await;
    assert_eq!(canvas.delta(), json!({ "cursors": { "ada": 3 } }));
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_is_kept_also_if_it_is_held_back() {
    const CAPS: &str = "v=3&caps=delta,batch,resume&client=page";
    let store = MemoryStore::new();
    let keys = || Keys::new("k", [7; 32]).unwrap();
    let serve = || {
        let live = Live::builder().component::<Canvas>().store(store.clone()).keys(keys());
        Harness::new(live.build().unwrap())
    };
    let harness = serve();
    let mut client = harness.connect_with(CAPS).await.unwrap();
    let id = client.mount("Canvas", json!(null)).await.unwrap();
    for x in 1..4 {
        client.call(&id, "draw", json!({ "x": x })).await.unwrap();
    }
    let token = client.token();
    assert!(harness.live().shutdown(millis(50)).await);

    let harness = serve();
    let mut client = harness.connect_with(CAPS).await.unwrap();
    client.resume_session(&token).await.unwrap();
    client.resume("Canvas", &id).await.unwrap();
    assert_eq!(client.view(&id).unwrap()["trail"], json!([1, 2, 3]));
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_has_to_fit_as_if_it_was_sent() {
    let builder = Live::builder().limits(|limits| limits.state = 200);
    let mut canvas = Mounted::<Canvas>::on(builder, ()).await.unwrap();
    canvas.write("note", json!("short")).await.unwrap();
    assert_eq!(canvas.write("note", json!("long ".repeat(50))).await.unwrap_err().code, "TOO_LARGE");
    canvas.advance(millis(100)).await;
    assert_eq!(canvas.delta(), json!({ "note": "short" }));
}

#[tokio::test(start_paused = true)]
async fn an_older_client_that_reads_no_deltas_is_shown_what_was_sent() {
    let harness = Harness::new(Live::builder().component::<Canvas>().build().unwrap());
    let mut client = harness.connect_with("v=3&caps=batch").await.unwrap();
    let id = client.mount("Canvas", json!(null)).await.unwrap();
    let mut shown = Vec::new();
    for x in 1..4 {
        client.call(&id, "draw", json!({ "x": x })).await.unwrap();
        client.call(&id, "point", json!({ "x": x, "counts": true })).await.unwrap();
        let view = client.view(&id).unwrap();
        shown.push((view["trail"].clone(), view["cursors"]["ada"].clone(), view["moves"].clone()));
    }
    let expected = [1, 2, 3].map(|moves| (json!([1]), json!(1), json!(moves)));
    assert_eq!(shown, expected);
    tokio::time::sleep(millis(200)).await;
    drop(client.arrived());
    assert_eq!(client.view(&id).unwrap()["trail"], json!([1, 2, 3]));
}
