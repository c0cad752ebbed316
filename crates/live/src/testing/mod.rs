//! Tests without a socket. Feature `testing`.
//!
//! Three distances, nearest first. A component is a struct, so much needs nothing at all:
//! `let mut counter = Counter { count: 40 }; counter.increment();`. [`mount`] runs one component for real,
//! actions by name, deltas as they would travel. [`Harness`] is a whole server in memory with clients that
//! speak the real protocol, and can misbehave. And where what matters is what happens between them, [`sim`] is
//! servers, browser tabs and the network, from a seed.
//!
//! Everything follows tokio's clock: under `#[tokio::test(start_paused = true)]` an hour passes at once.

mod client;
mod come_back;
mod folder;
mod harness;
mod mount;
pub mod sim;
mod socket;
mod upload;

pub use client::{Client, Refused};
pub use folder::Folder;
pub use harness::Harness;
pub use mount::{Mounted, mount};
pub use socket::{Request, Socket};
pub use upload::TestFile;
