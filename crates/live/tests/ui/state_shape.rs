//! What has no fields by name is no state.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Cart(pub i64);

#[actions]
impl Cart {}

#[derive(State)]
pub enum Door {
    Open,
    Closed,
}

#[actions]
impl Door {}

#[derive(State)]
#[state(name = "my shop", rename = "x")]
pub struct Shop {
    pub total: i64,
}

#[actions]
impl Shop {}

impl Component for Cart {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

impl Component for Door {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

impl Component for Shop {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
