//! A component whose state is not derived.

use fluxstack_live::prelude::*;

pub struct Cart {
    pub total: i64,
}

#[actions]
impl Cart {
    pub fn pay(&mut self, amount: i64) {
        self.total -= amount;
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
