//! A field on which everybody sees where the others point.

use std::time::Duration;

use fluxstack_live::prelude::*;

use crate::visitor::Visitor;

/// The far edge of the field, counted from the left or from the top.
const EDGE: u16 = 1_000;

/// Where everybody points.
#[derive(State)]
pub struct Cursors {
    /// Who is here, with or without a cursor on the field.
    pub online: Presence<Visitor>,
    /// Where they point, by the key they are here with. A pointer moves more often than a screen is drawn: what
    /// moves within a frame is sent together.
    #[state(every_ms = 16)]
    pub cursors: Map<String, Cursor>,
}

/// A place on the field, in thousandths of its width and height.
#[wire]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cursor {
    /// From the left.
    pub x: u16,
    /// From the top.
    pub y: u16,
}

impl Component for Cursors {
    type Props = ();
    type Event = ();

    /// Whoever does not come back soon is not waited for: a cursor that nobody moves is in the way.
    const GRACE: Option<Duration> = Some(Duration::from_secs(5));

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Cursors { online: Presence::new(), cursors: Map::new() })
    }

    async fn on_leave(&mut self, cx: &mut Cx<Self>) {
        // Who is here is known without our doing, and where they point is not.
        self.lift(cx);
    }

    async fn on_rehydrate(&mut self, _rehydrated: Rehydrated, _cx: &mut Cx<Self>) -> Result<()> {
        // Those who pointed then are not here yet.
        self.cursors.clear();
        Ok(())
    }
}

#[actions]
impl Cursors {
    /// The caller is here, under this name. Answers the key of their cursor.
    pub fn introduce(&mut self, name: String, cx: &mut Cx<Self>) -> Result<String> {
        self.online.enter(cx, Visitor::of(&name, cx)?);
        // Whoever signed in meanwhile has another key now, and nobody the old one.
        self.cursors.retain(|key, _| self.online.contains(key));
        Ok(self.online.key(cx).unwrap_or_default().to_owned())
    }

    /// The caller points there.
    pub fn point(&mut self, x: u16, y: u16, cx: &mut Cx<Self>) {
        // Somebody who came back to a server that was started again is not introduced yet, and points on soon.
        if let Some(key) = self.online.key(cx) {
            self.cursors.insert(key.to_owned(), Cursor { x: x.min(EDGE), y: y.min(EDGE) });
        }
    }

    /// The caller points elsewhere, outside of the field.
    pub fn lift(&mut self, cx: &mut Cx<Self>) {
        if let Some(key) = self.online.key(cx) {
            self.cursors.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::Harness;
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_cursor_is_seen_by_the_others_until_its_owner_lifts_it_or_leaves() {
        let harness = Harness::new(Live::builder().discover().build().unwrap());
        let (mut ada, mut bob) = (harness.connect().await, harness.connect().await);
        let field = ada.mount("Cursors", json!({})).await.unwrap();
        bob.mount("Cursors", json!({})).await.unwrap();
        ada.call(&field, "point", json!({ "x": 1, "y": 1 })).await.unwrap();
        bob.settle(&field).await;
        assert_eq!(bob.view(&field).unwrap()["cursors"], json!({}), "nobody knows whose it would be");

        let key = ada.call(&field, "introduce", json!({ "name": "Ada" })).await.unwrap();
        let key = key.as_str().unwrap();
        for x in [10, 20, 2_000] {
            ada.call(&field, "point", json!({ "x": x, "y": 5 })).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(16)).await;
        bob.settle(&field).await;
        let seen = json!({ key: { "x": 1_000, "y": 5 } });
        assert_eq!(bob.view(&field).unwrap()["cursors"], seen);

        ada.call(&field, "lift", json!({})).await.unwrap();
        tokio::time::sleep(Duration::from_millis(16)).await;
        bob.settle(&field).await;
        assert_eq!(bob.view(&field).unwrap()["cursors"], json!({}));

        ada.call(&field, "point", json!({ "x": 3, "y": 3 })).await.unwrap();
        ada.unmount(&field).await;
        bob.settle(&field).await;
        assert_eq!(bob.view(&field).unwrap()["cursors"], json!({}));
    }
}
