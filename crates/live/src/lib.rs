//! Live components for Rust and React.
//!
//! You write a component's state and actions as a plain struct; the browser renders it as if it were local.
//! What happens between the two is this crate's problem. Start with [`Component`], then [`Live::builder`]; the
//! whole of it is in `guide` (`crates/live/src/guide.md`).
//!
//! ```
//! use fluxstack_live::prelude::*;
//!
//! /// Counts clicks.
//! #[derive(State)]
//! pub struct Counter {
//!     pub count: i64,
//!     clicks: u64, // not `pub`: stays on the server
//! }
//!
//! impl Component for Counter {
//!     type Props = ();
//!     type Event = ();
//!
//!     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
//!         Ok(Counter { count: 0, clicks: 0 })
//!     }
//! }
//!
//! #[actions]
//! impl Counter {
//!     /// Adds to the count, and answers what it is now.
//!     pub fn add(&mut self, by: i64) -> Result<i64> {
//!         if by == 0 {
//!             return Err(Error::invalid("by", "must not be zero"));
//!         }
//!         self.clicks += 1;
//!         self.count += by;
//!         Ok(self.count)
//!     }
//! }
//!
//! let live = Live::builder().component::<Counter>().build().unwrap();
//! let app: axum::Router = axum::Router::new().nest("/api/live", live.router());
//! ```
//!
//! `pub` is the whole access rule: a `pub` field is sent to the client, a `pub` method in the `#[actions]`
//! block can be called by it, and everything else stays on the server.

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod action;
pub mod auth;
#[cfg(feature = "axum")]
mod axum;
mod bell;
/// Sockets that carry several connections. Without a transport there are none.
#[cfg(any(feature = "axum", feature = "testing"))]
mod channels;
mod clock;
pub mod component;
pub mod error;
pub mod field;
mod files;
mod frame;
#[cfg(all(feature = "axum", feature = "testing"))]
#[doc = include_str!("guide.md")]
pub mod guide {}
/// The pages for people, which are compiled with the rest of the documentation.
#[cfg(all(doctest, feature = "axum", feature = "testing"))]
#[doc = include_str!("../../../docs/auth.md")]
mod auth_page {}
#[cfg(all(doctest, feature = "axum", feature = "files", feature = "testing"))]
#[doc = include_str!("../../../docs/files.md")]
mod files_page {}
#[cfg(all(doctest, feature = "axum", feature = "testing"))]
#[doc = include_str!("../../../docs/forms.md")]
mod forms_page {}
#[cfg(all(doctest, feature = "axum", feature = "files", feature = "testing"))]
#[doc = include_str!("../../../docs/uploads.md")]
mod uploads_page {}
mod instance;
pub mod limits;
mod mailbox;
mod outbox;
mod quota;
mod registry;
mod rooms;
mod roster;
mod seal;
pub mod server;
mod services;
mod session;
mod shared;
mod spare;
pub mod state;
pub mod storage;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod typescript;
pub mod uploads;
mod vault;
mod watch;
pub mod wire;
mod work;

pub use action::Actions;
pub use auth::{Caller, Identity};
#[cfg(all(feature = "axum", feature = "files"))]
pub use axum::static_files;
pub use component::{Address, Component, Cx, PropsChange, Rehydrated, Resumed, RoomCx, Scope, Source};
pub use error::{Code, Error, Result};
pub use field::{
    Bound, FieldErrors, FileState, FileStatus, Form, List, Map, Presence, Present, Upload, Validate,
};
pub use files::{FileRequest, Files};
pub use fluxstack_live_macros::{State, actions, requires, wire};
pub use fluxstack_live_protocol as protocol;
pub use limits::Limits;
pub use seal::{KeyError, Keys};
pub use server::{BuildError, Builder, Live};
pub use state::{Migrate, State};
pub use storage::KeptFile;
#[cfg(feature = "disk")]
pub use store::DiskStore;
pub use store::{MemoryStore, Store};
pub use uploads::{UploadedFile, Uploads};
pub use vault::Durability;
pub use watch::WatchId;
pub use wire::Wire;
pub use work::TimerId;

/// What a component's file needs: `use fluxstack_live::prelude::*;`
pub mod prelude {
    pub use crate::{
        Actions, Address, Bound, Code, Component, Cx, Durability, Error, FieldErrors, Form, Identity, Limits,
        List, Live, Map, Migrate, Presence, Present, PropsChange, Rehydrated, Result, Resumed, Scope, Source,
        State, TimerId, Upload, UploadedFile, Uploads, Validate, Wire, actions, requires, wire,
    };
}
