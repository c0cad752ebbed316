//! What a component may require.

use fluxstack_live::prelude::*;

#[derive(State)]
#[state(requires)]
pub struct Bare {
    pub total: i64,
}

#[derive(State)]
#[state(requires())]
pub struct Empty {
    pub total: i64,
}

#[derive(State)]
#[state(requires(administrator))]
pub struct Unknown {
    pub total: i64,
}

#[derive(State)]
#[state(requires(permission = 5))]
pub struct Number {
    pub total: i64,
}

#[derive(State)]
pub struct Field {
    #[state(requires(signed_in))]
    pub total: i64,
}

#[actions]
impl Bare {}
#[actions]
impl Empty {}
#[actions]
impl Unknown {}
#[actions]
impl Number {}
#[actions]
impl Field {}

macro_rules! component {
    ($($name:ident)*) => {$(
        impl Component for $name {
            type Props = ();
            type Event = ();

            async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
                unreachable!()
            }
        }
    )*};
}

component!(Bare Empty Unknown Number Field);

fn main() {}
