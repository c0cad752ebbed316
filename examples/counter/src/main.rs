//! The smallest live application: a counter that lives on the server.

use fluxstack_live::DiskStore;
use fluxstack_live::prelude::*;

/// Counts clicks. Each mount gets its own.
#[derive(State)]
pub struct Counter {
    pub count: i64,
}

impl Component for Counter {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Counter { count: 0 })
    }
}

#[actions]
impl Counter {
    /// Adds to the count.
    pub fn add(&mut self, by: i64) {
        self.count += by;
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let store = DiskStore::open("target/counter.redb").expect("no other server has this file open");
    let live = Live::builder().discover().store(store).build().expect("one component has one name");
    let app = axum::Router::new().nest("/api/live", live.router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:4000").await?;
    axum::serve(listener, app).await
}

fluxstack_live::live_types!("web/src/live.gen.ts");
