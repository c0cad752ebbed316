//! What TypeScript could not read by name, or more than once.

use fluxstack_live::prelude::*;

#[wire]
pub enum Event {
    Sold(i64),
    Gone { of: i64, r#type: i64 },
}

#[wire]
pub struct Page<T> {
    pub items: Vec<T>,
}

#[wire]
#[derive(Clone, serde::Serialize)]
pub struct Item {
    pub name: &'static str,
}

#[wire(rename)]
pub struct Other {
    pub constructor: i64,
}

fn main() {}
