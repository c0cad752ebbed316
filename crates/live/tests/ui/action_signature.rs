//! Signatures that clients could not call.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Cart {
    pub total: i64,
}

#[actions]
impl Cart {
    pub fn generic<T>(&mut self, value: T) {
        drop(value);
    }

    pub fn pattern(&mut self, (left, right): (i64, i64)) -> i64 {
        left + right
    }

    pub fn borrowed(&mut self, name: &str, of: Vec<&'static str>) {
        let _ = (name, of);
    }

    pub fn anything(&mut self, value: impl Into<i64>) {
        let _: i64 = value.into();
    }

    pub fn given(&mut self) -> &i64 {
        &self.total
    }

    pub fn sometimes(&mut self, #[cfg(unix)] by: i64) {
        self.total += by;
    }

    pub const LIMIT: i64 = 3;
}

impl Component for Cart {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
