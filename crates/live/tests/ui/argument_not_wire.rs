//! An argument and a result that cannot travel.

use fluxstack_live::prelude::*;

pub struct Money(u64);

#[derive(State)]
pub struct Cart {
    pub total: i64,
}

#[actions]
impl Cart {
    pub fn pay(&mut self, amount: Money, by: String) {
        drop((amount, by));
    }

    pub fn price(&mut self) -> Money {
        Money(1)
    }

    pub async fn quote(&mut self, amount: Option<Money>) -> Result<Vec<Money>> {
        Ok(amount.into_iter().collect())
    }

    pub fn check(&mut self) -> std::result::Result<i64, String> {
        Ok(1)
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
