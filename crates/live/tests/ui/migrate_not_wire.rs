//! An older shape that was never marked.

use fluxstack_live::prelude::*;

pub struct CartV1 {
    pub total: i64,
}

#[wire]
pub struct CartV2 {
    pub total: i64,
}

impl From<CartV1> for CartV2 {
    fn from(old: CartV1) -> Self {
        Self { total: old.total }
    }
}

impl Migrate<CartV2> for Cart {
    fn migrate(&mut self, old: CartV2) {
        self.total = old.total;
    }
}

#[derive(State)]
#[state(version = 3, migrate(CartV1, CartV2))]
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
