//! The live server that takes files.

use std::path::Path;

use anyhow::Result as Anyhow;
use axum::Router;
use fluxstack_live::DiskStore;
use fluxstack_live::prelude::*;

/// Takes files, and counts how often it was touched.
#[derive(State)]
pub struct Intake {
    /// How often.
    pub touched: u64,
}

impl Component for Intake {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Intake { touched: 0 })
    }
}

#[actions]
impl Intake {
    /// Does next to nothing.
    pub fn touch(&mut self) -> u64 {
        self.touched += 1;
        self.touched
    }
}

/// What is served, with everything it keeps in this folder.
pub(crate) fn live(folder: &Path) -> Anyhow<Live> {
    let store = DiskStore::open(folder.join("live.redb"))?;
    Ok(Live::builder().component::<Intake>().store(store).limits(Limits::unlimited).build()?)
}

pub(crate) fn router(live: &Live) -> Router {
    Router::new().nest("/api/live", live.router())
}
