//! A function that decides has to take what it is given.

use fluxstack_live::prelude::*;

#[derive(State)]
#[state(requires(with = of_an_action))]
pub struct Cart {
    pub total: i64,
}

fn of_a_component(_cx: &Cx<Cart>) -> Result<()> {
    Ok(())
}

fn of_an_action(_cart: &Cart, _cx: &Cx<Cart>) -> Result<()> {
    Ok(())
}

#[actions]
impl Cart {
    #[requires(with = of_a_component)]
    pub fn add(&mut self) {}

    #[requires(with = of_nobody)]
    pub fn remove(&mut self) {}
}

impl Component for Cart {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
