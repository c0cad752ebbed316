//! The FluxStack Live wire protocol, without I/O.
//!
//! This crate is `docs/protocol.md` in Rust: what a client may say ([`ClientMessage`]), what a server
//! answers and pushes ([`ServerMessage`]), how a change of state travels ([`delta`]) and how both
//! sides prove that they hold the same one ([`digest`]). It has no clock, no socket and no runtime, so
//! that a fuzzer, a load generator or a client in wasm can use it as it is.
//!
//! Every byte that comes in is hostile until [`decode`] has read it; decoding never panics and never
//! allocates more than a small multiple of the text it was given.

pub mod channel;
pub mod code;
pub mod decode;
pub mod delta;
pub mod dialect;
pub mod digest;
pub mod encode;
pub mod frame;
pub mod id;
pub mod legacy;
pub mod message;
mod pieces;
mod plain;
mod raw;
pub mod room;
mod text;
pub mod upload;
pub mod websocket;

pub use code::{CloseCode, Code};
pub use decode::{Refusal, decode};
pub use delta::Delta;
pub use dialect::{Dialect, Hello};
pub use id::{CallId, ConnectionId, InstanceId, SessionId};
pub use message::{BatchCall, ClientBody, ClientMessage, Reply, ReplyKind, ServerMessage};
pub use raw::Raw;

/// The newest version of the protocol this crate speaks.
pub const VERSION: u32 = 3;
