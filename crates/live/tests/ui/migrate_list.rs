//! There is one shape for each version before the present one, or it is said from which on.

use fluxstack_live::prelude::*;

#[wire]
pub struct CartV1 {
    pub total: i64,
}

#[wire]
pub struct CartV2 {
    pub total: i64,
}

#[wire]
pub struct CartV3 {
    pub total: i64,
}

#[derive(State)]
#[state(version = 2)]
pub struct Unsaid {
    pub total: i64,
}

#[actions]
impl Unsaid {}

impl Component for Unsaid {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 4)]
pub struct Longer {
    pub total: i64,
}

#[actions]
impl Longer {}

impl Component for Longer {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 12)]
pub struct Longest {
    pub total: i64,
}

#[actions]
impl Longest {}

impl Component for Longest {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 3, migrate(CartV1))]
pub struct OneMissing {
    pub total: i64,
}

#[actions]
impl OneMissing {}

impl Component for OneMissing {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 5, migrate(from = 2, CartV2))]
pub struct TwoMissing {
    pub total: i64,
}

#[actions]
impl TwoMissing {}

impl Component for TwoMissing {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 2, migrate())]
pub struct Empty {
    pub total: i64,
}

#[actions]
impl Empty {}

impl Component for Empty {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 3, migrate(CartV1, CartV2, CartV3))]
pub struct OneMore {
    pub total: i64,
}

#[actions]
impl OneMore {}

impl Component for OneMore {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 3, migrate(from = 2, CartV2, CartV3))]
pub struct Later {
    pub total: i64,
}

#[actions]
impl Later {}

impl Component for Later {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 3, migrate(from = 3, CartV2))]
pub struct AfterAll {
    pub total: i64,
}

#[actions]
impl AfterAll {}

impl Component for AfterAll {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(migrate(CartV1))]
pub struct First {
    pub total: i64,
}

#[actions]
impl First {}

impl Component for First {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 2, migrate(from = 3))]
pub struct Beyond {
    pub total: i64,
}

#[actions]
impl Beyond {}

impl Component for Beyond {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 2, migrate)]
pub struct Bare {
    pub total: i64,
}

#[actions]
impl Bare {}

impl Component for Bare {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 3, migrate(CartV1, from = 2))]
pub struct Misplaced {
    pub total: i64,
}

#[actions]
impl Misplaced {}

impl Component for Misplaced {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[derive(State)]
#[state(version = 3, migrate(since = 2, CartV2))]
pub struct Misspelt {
    pub total: i64,
}

#[actions]
impl Misspelt {}

impl Component for Misspelt {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
