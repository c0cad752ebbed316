//! Names that mean something else to a promise, an object or an older server.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Cart {
    pub total: i64,
}

#[actions]
impl Cart {
    pub fn then(&mut self) {}

    pub fn set_value(&mut self) {}

    pub fn to_string(&mut self) {}

    pub fn add_item(&mut self) {}

    #[allow(non_snake_case)]
    pub fn addItem(&mut self) {}
}

impl Component for Cart {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
