//! A component without its block of actions.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Cart {
    pub total: i64,
}

impl Component for Cart {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
