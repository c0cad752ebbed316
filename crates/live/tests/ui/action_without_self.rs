//! Methods that do not work on the instance.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Cart {
    pub total: i64,
}

#[actions]
impl Cart {
    pub fn look(&self) -> i64 {
        self.total
    }

    pub fn take(self) {}

    pub fn name() -> String {
        String::new()
    }

    pub fn with(by: i64) {
        let _ = by;
    }
}

impl Component for Cart {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
