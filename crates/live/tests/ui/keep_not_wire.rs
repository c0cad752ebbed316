//! A private field that is to be kept, and cannot be written down.

use fluxstack_live::prelude::*;

pub struct Money(u64);

#[derive(State)]
pub struct Cart {
    pub total: i64,
    #[state(keep)]
    seen: List<i64>,
    #[state(keep)]
    secret: Money,
}

impl Cart {
    pub fn total(&self) -> (usize, u64) {
        (self.seen.len(), self.secret.0)
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
