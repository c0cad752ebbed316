//! What the macros' expansions name. Not for people: anything here may change in any release.
//!
//! Expansions reach everything through this one module, so that an application needs this crate alone.

pub use inventory;
pub use serde;
pub use ts_rs;

pub use fluxstack_live_protocol::SessionId;
pub use fluxstack_live_protocol::delta::Writer;

pub use crate::action::{ActionShape, Actions, Answered, Args, IntoOutcome, Outcome, not_callable};
pub use crate::auth::demand::{permission, role, signed_in};
pub use crate::component::{Component, Cx};
pub use crate::error::Error;
pub use crate::field::{
    Field, InWindow, Keyed, Listed, NameDigests, Part, Shown, Turn, Upload, Validated, Window, discard,
    name_digests, not_listed, not_writable, object_digest, recovered, window_type, written,
};
pub use crate::registry::Registration;
pub use crate::state::{FieldShape, FlushError, Migrate, Pace, RestoreError, State};
pub use crate::state::{Follows, Former, Keep, Kept, OldShape, Poured, Step, Written, keep};
pub use crate::typescript::{MayBeLeftOut, Types};
pub use crate::wire::{Carried, Wire};
