//! A counter; there are several on the page, and none knows of the others.

use fluxstack_live::prelude::*;

/// Counts up and down.
#[derive(State)]
pub struct Counter {
    /// The count.
    pub count: i64,
    start: i64,
}

/// Where it starts.
#[wire]
pub struct CounterProps {
    /// The first count.
    #[serde(default)]
    pub count: i64,
}

impl Component for Counter {
    type Props = CounterProps;
    type Event = ();

    async fn mount(props: CounterProps, _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Counter { count: props.count, start: props.count })
    }
}

#[actions]
impl Counter {
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

    /// Back to where it started.
    pub fn reset(&mut self) {
        self.count = self.start;
    }
}

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::mount;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_reset_goes_back_to_where_it_started() {
        let mut counter = mount::<Counter>(CounterProps { count: 7 }).await.unwrap();
        counter.call("increment", json!({})).await.unwrap();
        assert_eq!(counter.call("increment", json!({})).await, Ok(json!(9)));
        assert_eq!(counter.delta(), json!({ "count": 9 }));
        counter.call("reset", json!({})).await.unwrap();
        assert_eq!(counter.delta(), json!({ "count": 7 }));
    }
}
