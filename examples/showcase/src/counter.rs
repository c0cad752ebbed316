//! A counter; there are several on the page, and none knows of the others.

use fluxstack_live::prelude::*;

/// Counts up and down.
#[derive(State)]
#[state(version = 2, migrate(CounterV1))]
pub struct Counter {
    /// The count.
    pub count: i64,
    /// How often it was changed, since version 2.
    pub changes: u32,
    start: i64,
}

/// As version 1 had it.
#[wire]
pub struct CounterV1 {
    count: i64,
}

impl Migrate<CounterV1> for Counter {
    fn migrate(&mut self, old: CounterV1) {
        self.count = old.count;
        // Nobody counted then; this many at least.
        self.changes = u32::try_from(old.count.abs_diff(self.start)).unwrap_or(u32::MAX);
    }
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
        Ok(Counter { count: props.count, changes: 0, start: props.count })
    }
}

#[actions]
impl Counter {
    /// One more.
    pub fn increment(&mut self) -> i64 {
        self.change(self.count + 1)
    }

    /// One less.
    pub fn decrement(&mut self) -> i64 {
        self.change(self.count - 1)
    }

    /// Back to where it started.
    pub fn reset(&mut self) {
        self.change(self.start);
    }
}

impl Counter {
    fn change(&mut self, count: i64) -> i64 {
        self.count = count;
        self.changes += 1;
        count
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
        assert_eq!(counter.delta(), json!({ "count": 9, "changes": 2 }));
        counter.call("reset", json!({})).await.unwrap();
        assert_eq!(counter.delta(), json!({ "count": 7, "changes": 3 }));
    }
}
