//! A map whose keys are not text.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Cart {
    pub items: Map<(i64, i64), i64>,
}

#[actions]
impl Cart {}

impl Component for Cart {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
