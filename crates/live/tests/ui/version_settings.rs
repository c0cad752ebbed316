//! What is said of versions has to make sense.

use fluxstack_live::prelude::*;

#[derive(State)]
#[state(version = 0)]
pub struct Zero {
    pub total: i64,
}

#[actions]
impl Zero {}

impl Component for Zero {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = LATEST)]
pub struct Named {
    pub total: i64,
}

#[actions]
impl Named {}

impl Component for Named {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 2, serves = 3, migrate(from = 2))]
pub struct Ahead {
    pub total: i64,
}

#[actions]
impl Ahead {}

impl Component for Ahead {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 1, serves = 0)]
pub struct Nobody {
    pub total: i64,
}

#[actions]
impl Nobody {}

impl Component for Nobody {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(schema = 2)]
pub struct Unknown {
    pub total: i64,
}

#[actions]
impl Unknown {}

impl Component for Unknown {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(keep)]
pub struct Kept {
    pub total: i64,
}

#[actions]
impl Kept {}

impl Component for Kept {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
