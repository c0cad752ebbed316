//! What is read in part: a `pub` list, and nothing else.

use fluxstack_live::prelude::*;

pub struct NotWire;

#[derive(State)]
pub struct Ledger {
    #[state(window)]
    pub rows: List<String>,
    #[state(window, every_ms = 100)]
    pub slow: List<String>,
    #[state(window)]
    pub whole: Vec<String>,
    #[state(window)]
    pub count: u32,
    #[state(window)]
    pub unknown: List<NotWire>,
    #[state(window)]
    secret: List<String>,
    #[state(window = 100)]
    pub sized: List<String>,
}

#[derive(State)]
#[state(window)]
pub struct Other {
    pub rows: List<String>,
}

#[actions]
impl Ledger {}

impl Component for Ledger {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[actions]
impl Other {}

impl Component for Other {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
