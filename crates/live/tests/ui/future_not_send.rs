//! An action that holds on to something that cannot change threads.

use fluxstack_live::prelude::*;

use std::rc::Rc;

#[derive(State)]
pub struct Cart {
    pub total: i64,
}

#[actions]
impl Cart {
    pub async fn fine(&mut self, cx: &mut Cx<Self>) {
        let _ = cx;
        std::future::ready(()).await;
    }

    pub async fn load(&mut self, by: i64) -> Result<()> {
        let rc = Rc::new(by);
        std::future::ready(()).await;
        self.total += *rc;
        Ok(())
    }
}

impl Component for Cart {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
