//! A state that was not made a component.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Cart {
    pub total: i64,
}

#[actions]
impl Cart {
    pub fn pay(&mut self, amount: i64) {
        self.total -= amount;
    }

    pub async fn load(&mut self) -> Result<i64> {
        Ok(self.total)
    }
}

fn main() {}
