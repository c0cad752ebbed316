//! A component has one name, so it has no type parameters.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Cart<T> {
    pub total: T,
}

fn main() {}
