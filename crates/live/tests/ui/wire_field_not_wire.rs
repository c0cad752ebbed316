//! A `#[wire]` type with a field that cannot travel, and its uses, which are no mistakes.

use fluxstack_live::prelude::*;

pub struct Money(u64);

#[wire]
pub struct Item {
    pub name: String,
    pub price: Option<Money>,
}

#[wire]
pub enum Event {
    Sold { item: Item, price: Money },
}

#[derive(State)]
pub struct Cart {
    pub items: List<Item>,
    pub last: Option<Item>,
}

#[actions]
impl Cart {
    pub fn add(&mut self, item: Item) -> Vec<Item> {
        vec![item]
    }

    pub fn tell(&mut self, event: Event) {
        drop(event);
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
