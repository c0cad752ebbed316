//! A `pub` field whose type was never marked.

use fluxstack_live::prelude::*;

pub struct Money(u64);

#[derive(State)]
pub struct Cart {
    pub items: i64,
    pub total: Money,
    secret: Money,
}

#[actions]
impl Cart {
    pub fn pay(&mut self) {
        self.secret.0 += self.total.0;
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
