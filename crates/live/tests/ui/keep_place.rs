//! What may stand on a field, and on which.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Cart {
    #[state(keep)]
    pub total: i64,
    #[state(keep)]
    pub(crate) secret: i64,
    #[state(skip)]
    pub count: i64,
    #[state(keep = true)]
    other: i64,
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
