//! A private method in the block of what clients may call.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Cart {
    pub total: i64,
}

#[actions]
impl Cart {
    pub fn pay(&mut self) {
        self.next();
    }

    fn next(&mut self) {}

    pub(crate) async fn load(&mut self) {}
}

impl Component for Cart {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
