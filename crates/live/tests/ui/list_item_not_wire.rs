//! A list of something that was never marked.

use fluxstack_live::prelude::*;

pub struct Item(u64);

#[derive(State)]
pub struct Cart {
    pub items: List<Item>,
    pub stock: Map<String, Item>,
}

#[actions]
impl Cart {
    pub fn empty(&mut self) {
        self.items.push(Item(1));
        self.items.clear();
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
