//! A network, a deployment and browser tabs, simulated: the bug that needed a train ride is a test with a seed.
//!
//! A [`Sim`] runs real servers, made by your own builder, and tabs that speak the real protocol as the browser's
//! client does: they come back, resend what was not answered, prove every state by its digest. Between them is a
//! network that does what networks do, when you say so or when the seed does:
//!
//! ```
//! use fluxstack_live::prelude::*;
//! use fluxstack_live::store::MemoryStore;
//! use fluxstack_live::testing::sim::{Cut, Outcome, Sim};
//! use fluxstack_live::Keys;
//! use serde_json::json;
//!
//! #[derive(State)]
//! pub struct Counter {
//!     pub count: i64,
//! }
//!
//! impl Component for Counter {
//!     type Props = ();
//!     type Event = ();
//!     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
//!         Ok(Counter { count: 0 })
//!     }
//! }
//!
//! #[actions]
//! impl Counter {
//!     pub fn add(&mut self, by: i64) {
//!         self.count += by;
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
//! // What outlives a server is made once: the store, as on a disk, and the keys.
//! let (store, keys) = (MemoryStore::new(), Keys::new("test", [7; 32]).unwrap());
//! let sim = Sim::new(42, move || {
//!     let server = Live::builder().component::<Counter>().keys(keys.clone());
//!     server.store(store.clone()).durability(Durability::Acknowledged)
//! });
//! let tab = sim.tab();
//! let counter = tab.mount("Counter", "counter", json!({}));
//! let call = tab.call(counter, "add", json!({ "by": 1 }));
//! sim.settle().await;
//! assert!(tab.answer(call).is_done());
//!
//! tab.call(counter, "add", json!({ "by": 2 }));
//! tab.cut(Cut::Both);
//! sim.kill();
//! sim.settle().await;
//! assert_eq!(tab.shows(counter).unwrap()["count"], 3);
//! assert!(matches!(tab.outcomes(counter)[..], [Outcome::Mounted, Outcome::Rehydrated(_)]));
//! sim.assert_converged().await;
//! # }
//! ```
//!
//! Everything happens in one thread, on tokio's paused clock, and one seed decides everything that is left to
//! chance: [`Sim::trace`] is the same for the same seed. Use `#[tokio::test(start_paused = true)]`, or
//! [`explore`], which runs [`Schedule`]s from many seeds and says which one failed.
//!
//! What a simulation finds wrong by itself, on whatever it runs: a tab that shows what the server does not hold;
//! a delta that does not fit though nothing was lost; a request that is answered twice; an event that is lost and
//! not counted; an instance that is reset without need; a call that is forgotten before it was answered. With
//! [`Sim::effects`] also: an acknowledged call that has no effect or two, an effect nobody asked for, effects that
//! are not in the order of the calls, and an answer that comes before its state.

mod corrupt;
mod desk;
mod draw;
mod explore;
mod network;
mod page;
mod read;
mod report;
mod schedule;
mod shelf;
mod steer;
mod tab;
mod trace;
mod trouble;
mod verdict;
mod wire;
mod world;

pub use corrupt::Corruption;
pub use draw::Draw;
pub use explore::explore;
pub use page::Outcome;
pub use report::Report;
pub use schedule::{Actor, Schedule, Step};
pub use steer::Sim;
pub use tab::{Answer, Asked, Handle, Status, Tab};
pub use wire::{Cut, Way};
