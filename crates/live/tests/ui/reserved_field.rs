//! Names that mean something else to every JavaScript object.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Cart {
    pub constructor: i64,
    pub prototype: i64,
    pub __proto__: i64,
    pub unit_price: i64,
    #[allow(non_snake_case)]
    pub unitPrice: i64,
    #[allow(dead_code)]
    constructor_: i64,
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
