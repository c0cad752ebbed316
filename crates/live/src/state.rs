//! What a client sees of a component: its `pub` fields, by name. Implemented by `#[derive(State)]`.

use fluxstack_live_protocol::delta::Writer;

use crate::error::Error;
use crate::field::Unsendable;
use crate::typescript::Types;

/// The state of a component. Derive it; there is nothing to write by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a live component's state",
    label = "this needs a state",
    note = "put `#[derive(State)]` on `{Self}`"
)]
pub trait State: Sized + Send + 'static {
    /// The name clients mount it by.
    const NAME: &'static str;

    /// What is remembered of what was last sent.
    type Sent: Default + Send + 'static;

    /// Ends a turn: writes every change since the last flush into `out`, or changes nothing at all.
    ///
    /// # Errors
    /// [`FlushError`] if a value cannot be sent or the state would be larger than `limit` bytes.
    fn flush(&mut self, sent: &mut Self::Sent, limit: usize, out: &mut Writer) -> Result<(), FlushError>;

    /// The digest of the state as last flushed.
    fn digest(&self, sent: &Self::Sent) -> u32;

    /// Appends the state as last flushed, as a JSON object.
    fn snapshot(&self, sent: &Self::Sent, out: &mut Vec<u8>);

    /// Takes over what `broken` had when it was last flushed. `self` is freshly mounted.
    ///
    /// # Errors
    /// [`FlushError`] if a committed value does not read back.
    fn recover(&mut self, broken: Self, sent: &Self::Sent) -> Result<(), FlushError>;

    /// Writes one field for the client and answers with its Rust name.
    ///
    /// # Errors
    /// As [`crate::field::Field::write`]; the same error for a field that is not writable and for one
    /// that does not exist.
    fn write(&mut self, field: &str, json: &[u8]) -> Result<&'static str, Error>;

    /// Puts one field back to what was last flushed, after a write the author refused.
    ///
    /// # Errors
    /// [`FlushError`] if what was sent does not read back.
    fn revert(&mut self, field: &str, sent: &Self::Sent) -> Result<(), FlushError>;

    /// Describes the fields for `live.gen.ts`.
    fn describe(types: &mut Types) -> Vec<FieldShape>;

    /// The doc comment on the struct.
    const DOCS: &'static str;
}

/// One field, as TypeScript sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldShape {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its TypeScript type.
    pub ty: String,
    /// Its doc comment.
    pub docs: &'static str,
    /// Whether clients may write it.
    pub writable: bool,
}

/// Why a turn could not be flushed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError {
    /// A value cannot cross.
    #[error("field `{field}`: {why}")]
    Unsendable {
        /// Which field, in Rust.
        field: &'static str,
        /// What is wrong with it.
        why: Unsendable,
    },
    /// The state is too large.
    #[error(
        "the state would be {size} bytes, at most {limit} are allowed: keep less in it, or raise `Limits::state`"
    )]
    TooLarge {
        /// Bytes it would have.
        size: usize,
        /// Bytes it may have.
        limit: usize,
    },
}
