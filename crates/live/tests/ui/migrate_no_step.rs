//! Two steps that were never written: between two older shapes, and from the last to the component.

use fluxstack_live::prelude::*;

#[wire]
pub struct CartV1 {
    pub total: i64,
}

#[wire]
pub struct CartV2 {
    pub total: i64,
}

#[wire]
pub struct CartV3 {
    pub total: i64,
}

impl From<CartV1> for CartV2 {
    fn from(old: CartV1) -> Self {
        Self { total: old.total }
    }
}

#[derive(State)]
#[state(version = 4, migrate(CartV1, CartV2, CartV3))]
pub struct Cart {
    pub total: i64,
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
