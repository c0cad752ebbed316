//! Who is in an instance, as its author says it and as a client sees it.

#![expect(missing_docs, reason = "a component of a test needs none")]

use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Mounted, mount};
use serde_json::{Value, json};

/// Where somebody points.
#[wire]
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    x: i32,
}

#[derive(State)]
pub struct Canvas {
    pub online: Presence<Cursor>,
}

impl Component for Canvas {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Canvas { online: Presence::new() })
    }
}

#[actions]
impl Canvas {
    pub fn enter(&mut self, x: i32, cx: &mut Cx<Self>) -> bool {
        self.online.enter(cx, Cursor { x })
    }

    pub fn enter_as(&mut self, key: String, x: i32, cx: &mut Cx<Self>) -> bool {
        self.online.enter_as(cx, key, Cursor { x })
    }

    pub fn point(&mut self, x: i32, cx: &mut Cx<Self>) -> Option<i32> {
        self.online.update(cx, |cursor| std::mem::replace(&mut cursor.x, x))
    }

    pub fn leave(&mut self, cx: &mut Cx<Self>) -> bool {
        self.online.leave(cx)
    }

    pub fn me(&mut self, cx: &mut Cx<Self>) -> Option<String> {
        assert_eq!(self.online.is_present(cx), self.online.key(cx).is_some());
        self.online.key(cx).map(ToOwned::to_owned)
    }

    pub fn leave_and_panic(&mut self, cx: &mut Cx<Self>) {
        self.online.leave(cx);
        panic!("this is the test's own panic");
    }
}

async fn canvas() -> Mounted<Canvas> {
    mount::<Canvas>(()).await.expect("a canvas mounts")
}

/// Calls an action that goes well.
async fn call(canvas: &mut Mounted<Canvas>, action: &str, args: Value) -> Value {
    canvas.call(action, args).await.expect("the action goes well")
}

#[tokio::test]
async fn somebody_who_is_not_signed_in_is_there_under_a_key_that_stays() {
    let mut canvas = canvas().await;
    assert_eq!(call(&mut canvas, "me", json!({})).await, json!(null));
    assert_eq!(call(&mut canvas, "enter", json!({ "x": 1 })).await, json!(true));
    let me = call(&mut canvas, "me", json!({})).await;
    let key = me.as_str().expect("somebody is there");
    assert!(key.starts_with('~'), "{key}");
    let since = canvas.state()["online"][key]["since"].clone();
    assert!(since.as_u64().is_some_and(|since| since > 0));
    assert_eq!(call(&mut canvas, "point", json!({ "x": 2 })).await, json!(1));
    assert_eq!(canvas.state()["online"], json!({ key: { "since": since, "with": { "x": 2 } } }));
    assert_eq!(call(&mut canvas, "leave", json!({})).await, json!(true));
    assert_eq!(canvas.state()["online"], json!({}));
    call(&mut canvas, "enter", json!({ "x": 1 })).await;
    assert_eq!(call(&mut canvas, "me", json!({})).await, me);
}

#[tokio::test]
async fn a_turn_that_panics_lets_nobody_leave() {
    let mut canvas = canvas().await;
    call(&mut canvas, "enterAs", json!({ "key": "ada", "x": 1 })).await;
    let before = canvas.state();
    assert_eq!(canvas.call("leaveAndPanic", json!({})).await.unwrap_err().code, "ACTION_FAILED");
    assert_eq!(canvas.state(), before);
    assert_eq!(call(&mut canvas, "me", json!({})).await, json!("ada"));
    call(&mut canvas, "enterAs", json!({ "key": "bob", "x": 1 })).await;
    assert_eq!(call(&mut canvas, "leave", json!({})).await, json!(true));
    assert_eq!(canvas.state()["online"], json!({}), "and it is still known who is behind which entry");
}

#[tokio::test]
async fn whoever_is_not_there_changes_nothing() {
    let mut canvas = canvas().await;
    assert_eq!(call(&mut canvas, "point", json!({ "x": 2 })).await, json!(null));
    assert_eq!(call(&mut canvas, "leave", json!({})).await, json!(false));
    assert_eq!(canvas.delta(), json!({}));
}
