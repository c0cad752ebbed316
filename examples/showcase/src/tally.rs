//! One counter for everybody who looks at it.

use fluxstack_live::prelude::*;

use crate::visitor::Visitor;

/// Counts for all at once: there is one of it.
#[derive(State)]
pub struct Tally {
    /// The count.
    pub count: i64,
    /// Who looks at it.
    pub online: Presence<Visitor>,
}

impl Component for Tally {
    type Props = ();
    type Event = ();

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Tally { count: 0, online: Presence::new() })
    }
}

#[actions]
impl Tally {
    /// The caller is here, under this name. Answers the key by which the others know them.
    pub fn introduce(&mut self, name: String, cx: &mut Cx<Self>) -> Result<String> {
        self.online.enter(cx, Visitor::of(&name, cx)?);
        Ok(self.online.key(cx).unwrap_or_default().to_owned())
    }

    /// One more.
    pub fn increment(&mut self) -> i64 {
        self.count += 1;
        self.count
    }

    /// One less.
    pub fn decrement(&mut self) -> i64 {
        self.count -= 1;
        self.count
    }
}

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::Harness;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn everybody_counts_on_the_same_number_and_sees_who_else_does() {
        let harness = Harness::new(Live::builder().discover().build().unwrap());
        let (mut ada, mut bob) = (harness.connect().await, harness.connect().await);
        let tally = ada.mount("Tally", json!({})).await.unwrap();
        assert_eq!(bob.mount("Tally", json!({})).await.unwrap(), tally);
        assert_eq!(ada.call(&tally, "increment", json!({})).await, Ok(json!(1)));
        assert_eq!(bob.call(&tally, "increment", json!({})).await, Ok(json!(2)));
        ada.call(&tally, "introduce", json!({ "name": "Ada" })).await.unwrap();
        bob.settle(&tally).await;
        let online = bob.view(&tally).unwrap()["online"].clone();
        let names: Vec<_> = online.as_object().unwrap().values().map(|one| &one["with"]["name"]).collect();
        assert_eq!(names, [&json!("Ada")]);
        ada.unmount(&tally).await;
        bob.settle(&tally).await;
        assert_eq!(bob.view(&tally).unwrap()["online"], json!({}));
    }
}
