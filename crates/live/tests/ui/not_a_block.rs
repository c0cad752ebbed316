//! The attribute on something else.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Cart {
    pub total: i64,
}

#[actions(all)]
impl Clone for Cart {
    fn clone(&self) -> Self {
        Self { total: self.total }
    }
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
