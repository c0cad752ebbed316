//! What an action may require, and where that may stand.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Cart {
    pub total: i64,
}

fn wrong(_cx: &Cx<Cart>) -> Result<()> {
    Ok(())
}

#[actions]
impl Cart {
    #[requires]
    pub fn bare(&mut self) {}

    #[requires()]
    pub fn empty(&mut self) {}

    #[requires(admin)]
    pub fn unknown(&mut self) {}

    #[requires(role)]
    pub fn which(&mut self) {}

    #[requires(role = 5)]
    pub fn number(&mut self) {}

    #[requires(role = "")]
    pub fn nameless(&mut self) {}

    #[requires(role = "a" "b")]
    pub fn no_comma(&mut self) {}

    #[requires(signed_in = true)]
    pub fn too_much(&mut self) {}

    #[requires(with = "path")]
    pub fn quoted(&mut self) {}

    #[requires(signed_in)]
    const LIMIT: u32 = 5;
}

impl Cart {
    #[requires(signed_in)]
    pub fn elsewhere(&mut self) {}
}

impl Component for Cart {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
