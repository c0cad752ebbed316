//! How a field of a component's state travels. One file for each kind.
//!
//! | kind | the client | travels as |
//! |---|---|---|
//! | any [`Wire`](crate::wire::Wire) type | reads | its new value, when its bytes changed |
//! | [`List`], [`Map`] | reads | splices, changed keys |
//! | [`Bound`] | reads and writes | both ways; the only writable kind |
//!
//! A turn ends with [`Field::stage`] on every field and, if all went well and the state is within its
//! limit, [`Field::commit`] on every field. If anything went wrong, or the action panicked, nothing has
//! been committed and [`Field::recover`] puts the last committed value back.

use std::ops::Range;

use fluxstack_live_protocol::delta::Writer;

use crate::error::{Code, Error};
use crate::typescript::Types;

mod bound;
mod list;
mod map;
mod plain;

pub use bound::Bound;
pub use list::List;
pub use map::Map;

/// Why a field's value cannot be sent. Says which value, for the log and for the author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsendable(pub String);

/// What [`Field::stage`] found.
#[derive(Debug, Clone)]
pub struct Staged {
    /// Where in the scratch buffer the new JSON stands, if the field stages its whole value.
    pub range: Option<Range<usize>>,
    /// How many bytes of JSON the field is now, about.
    pub size: usize,
}

/// A type that can be a `pub` field of a live component.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a `pub` field of a live component",
    label = "a `pub` field is sent to the client",
    note = "put `#[wire]` on the type, or drop the `pub` to keep the field on the server"
)]
pub trait Field: Sized + Send + 'static {
    /// What is remembered of what was last sent.
    type Sent: Default + Send + 'static;

    /// Whether clients may write it.
    const WRITABLE: bool = false;

    /// Looks at what changed since the last commit, without changing anything.
    ///
    /// # Errors
    /// [`Unsendable`] if the value cannot be written as JSON that JavaScript reads without loss.
    fn stage(&self, sent: &Self::Sent, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable>;

    /// Writes what [`Field::stage`] found into `out` and remembers it as sent.
    fn commit(&mut self, name: &str, sent: &mut Self::Sent, staged: &Staged, scratch: &[u8], out: &mut Writer);

    /// The digest of the value as last committed.
    fn digest(&self, sent: &Self::Sent) -> u32;

    /// Appends the value as last committed, as JSON.
    fn snapshot(&self, sent: &Self::Sent, out: &mut Vec<u8>);

    /// Takes over the value that `broken` had when it was last committed. `self` is freshly mounted.
    ///
    /// # Errors
    /// [`Unsendable`] if the committed value does not read back.
    fn recover(&mut self, broken: Self, sent: &Self::Sent) -> Result<(), Unsendable>;

    /// Takes a value from the client.
    ///
    /// # Errors
    /// [`Code::NotWritable`] unless the kind says otherwise; [`Code::BadPayload`] for the wrong type;
    /// [`Code::Invalid`] if the author's check refuses it.
    fn write(&mut self, json: &[u8]) -> Result<(), Error> {
        let _ = json;
        Err(Error::new(Code::NotWritable, "not writable"))
    }

    /// The TypeScript type of the value, with the types it needs declared in `types`.
    fn typescript(types: &mut Types) -> String;
}
