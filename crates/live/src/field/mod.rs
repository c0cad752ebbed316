//! How a field of a component's state travels. One file for each kind.
//!
//! | kind | the client | travels as |
//! |---|---|---|
//! | any [`Wire`](crate::wire::Wire) type | reads | its new value, when its bytes changed |
//! | [`List`], [`Map`] | reads | splices, changed keys |
//! | [`Presence`] | reads | changed keys, like a [`Map`] |
//! | [`Form`] | reads | the values, the complaints: whichever changed |
//! | [`Upload`] | reads | which files there are and how far; the bytes come another way |
//! | [`Bound`] | reads and writes | both ways; the only writable kind |
//! | [`List`] with `#[state(window)]` | reads in part | its length and the places of the last edits |
//!
//! A turn ends with [`Field::stage`] on every field and, if all went well and the state is within its
//! limit, [`Field::commit`] on every field. If anything went wrong, or the action panicked, nothing has
//! been committed and [`Field::recover`] puts the last committed value back: into a fresh instance after
//! [`Field::salvage`], into the living one, where calls are undone, after [`Field::evict`]. [`Field::restore`] is for a value
//! that outlived its instance: it comes from JSON, and nobody has been sent it yet.
//!
//! The derive writes the calls; the loop around them is [`Turn`].

use std::cell::Cell;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;
use std::sync::LazyLock;

use fluxstack_live_protocol::delta::Writer;
use fluxstack_live_protocol::{SessionId, digest};

use crate::error::{Code, Error};
use crate::typescript::Types;

mod bound;
mod edits;
mod form;
mod form_sent;
mod list;
mod list_sent;
mod map;
mod map_sent;
mod plain;
mod presence;
mod rows;
mod upload;
mod validate;
#[cfg(test)]
mod warnings;
mod window;

pub use bound::Bound;
pub use form::Form;
pub use list::List;
pub use map::{Key, Keyed, Map};
pub use presence::{Presence, Present};
pub(crate) use upload::Begun;
pub use upload::{FileState, FileStatus, Upload};
pub use validate::{FieldErrors, Validate, Validated};
#[doc(hidden)]
pub use window::{InWindow, Window, window_type};
pub use window::{Listed, Part};

pub use crate::wire::Unsendable;

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

/// What [`Field::stage`] found.
#[derive(Debug, Clone)]
pub struct Staged {
    /// Where in the scratch buffer the new JSON stands; `None` if nothing changed.
    pub range: Option<Range<usize>>,
    /// How many bytes of JSON the field is now.
    pub size: usize,
    /// Whether `range` is the whole value, and not only what changed of it.
    pub whole: bool,
    /// What the kind remembers of the new value, ready to be committed.
    pub digest: u32,
    /// How many entries the value has, or where the change begins, as the kind needs it.
    pub count: usize,
    /// Where in the scratch buffer the kind left notes for its commit.
    pub notes: Range<usize>,
}

impl Staged {
    /// Nothing changed.
    pub(crate) fn same(size: usize) -> Self {
        Self { range: None, size, whole: false, digest: 0, count: 0, notes: 0..0 }
    }
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

    /// Whether it is an [`Upload`].
    const IS_UPLOAD: bool = false;

    /// Looks at what changed since the last commit, without changing anything.
    ///
    /// # Errors
    /// [`Unsendable`] if the value cannot be written as JSON that JavaScript reads without loss.
    fn stage(&self, sent: &Self::Sent, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable>;

    /// Writes what [`Field::stage`] found into `out` and remembers it as sent.
    fn commit(
        &mut self,
        name: &str,
        sent: &mut Self::Sent,
        staged: &Staged,
        scratch: &[u8],
        out: &mut Writer,
    );

    /// The digest of the value as last committed.
    fn digest(&self, sent: &Self::Sent) -> u32;

    /// Whether a change may stay uncommitted for a while: not if what was committed is no longer at hand, because
    /// a [`Field::snapshot`] would have nothing to write.
    fn can_wait(&self, sent: &Self::Sent) -> bool {
        let _ = sent;
        true
    }

    /// Appends the value as last committed, as JSON. Asked between turns only, when nothing is uncommitted but
    /// what [can wait](Field::can_wait).
    fn snapshot(&self, sent: &Self::Sent, out: &mut Vec<u8>);

    /// The first half of a recovery: takes what is still good out of the `broken` instance's field.
    /// `self` is freshly mounted.
    fn salvage(&mut self, broken: &mut Self, sent: &Self::Sent) {
        let _ = (broken, sent);
    }

    /// The first half of undoing turns in a living instance: lets go of a value that came here since the last
    /// commit, because it may be what another field has to be put back from.
    fn evict(&mut self, sent: &Self::Sent) {
        let _ = sent;
    }

    /// The second half of both: puts the last committed value back, when nothing else holds it.
    ///
    /// # Errors
    /// [`Unsendable`] if the committed value does not read back.
    fn recover(&mut self, sent: &Self::Sent) -> Result<(), Unsendable>;

    /// Takes over a value that another instance had, from the JSON it was last sent as. `self` is freshly
    /// mounted and was never committed; the value counts as new to every client.
    ///
    /// ```
    /// use fluxstack_live::field::Field;
    /// use fluxstack_live::prelude::*;
    ///
    /// let mut rows: List<u32> = List::new();
    /// rows.restore(b"[1,2,3]").unwrap();
    /// assert_eq!(rows, [1, 2, 3]);
    /// ```
    ///
    /// # Errors
    /// [`Unsendable`] if the JSON does not read as a value of this type; the value is then what it was.
    fn restore(&mut self, json: &[u8]) -> Result<(), Unsendable>;

    /// A session has left the instance for good: nothing of it may stay here.
    fn departed(&mut self, session: SessionId) {
        let _ = session;
    }

    /// Takes a value from the client.
    ///
    /// # Errors
    /// [`Code::NotWritable`] unless the kind says otherwise; [`Code::BadPayload`] for the wrong type;
    /// [`Code::Invalid`] if the author's check refuses it.
    fn write(&mut self, json: &[u8]) -> Result<(), Error> {
        let _ = json;
        Err(not_writable())
    }

    /// Puts back what the last [`Field::write`] replaced, unless that was refused by the kind itself.
    fn revert(&mut self) {}

    /// The [`Upload`], if it is one.
    fn upload_mut(&mut self) -> Option<&mut Upload> {
        None
    }

    /// The TypeScript type of the value, with the types it needs declared in `types`.
    fn typescript(types: &mut Types) -> String;
}

/// `Owner` shows `Self` as a `pub` field; as [`Carried`](crate::wire::Carried) for arguments.
#[doc(hidden)]
pub trait Shown<Owner, const AT: usize>: Field {}

/// The error for a field that is not writable and for one that does not exist: the same, so that nobody
/// learns which of the two it is.
#[cold]
#[doc(hidden)]
#[must_use]
pub fn not_writable() -> Error {
    Error::new(Code::NotWritable, "not writable")
}

/// What a write came to, with the complaint about the field it was for.
#[doc(hidden)]
pub fn written(
    rust: &'static str,
    wire: &'static str,
    outcome: Result<(), Error>,
) -> Result<&'static str, Error> {
    match outcome {
        Ok(()) => Ok(rust),
        Err(error) => Err(match error.code() {
            Code::Invalid => Error::invalid(wire, error.message().to_owned()),
            Code::BadPayload => {
                let why = error.message().to_owned();
                Error::new(Code::BadPayload, format!("field `{wire}`: {why}")).and(wire, why)
            }
            _ => error,
        }),
    }
}

/// What a recovery came to, with the name of the field it was for.
#[doc(hidden)]
pub fn recovered(field: &'static str, outcome: Result<(), Unsendable>) -> Result<(), FlushError> {
    outcome.map_err(|why| FlushError::Unsendable { field, why })
}

/// Drops what is left of a broken instance.
#[doc(hidden)]
pub fn discard<T>(_: T) {}

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// How many bytes longer than the whole value its changes may be before the whole value is sent: for a short
/// list it does not matter, and a client that is told what happened keeps the rows it has.
const SLACK: usize = 64;

/// A scratch buffer larger than this is given back to the allocator.
const KEPT: usize = 1 << 20;

/// One flush: every field staged, then the limit checked, then every field committed.
#[doc(hidden)]
pub struct Turn {
    scratch: Vec<u8>,
    size: usize,
}

impl Turn {
    /// Begins a flush of a state whose braces and names take `size` bytes.
    #[must_use]
    pub fn begin(size: usize) -> Self {
        let mut scratch = SCRATCH.take();
        scratch.clear();
        Self { scratch, size }
    }

    /// Stages one field.
    ///
    /// # Errors
    /// [`FlushError::Unsendable`].
    pub fn stage<F: Field>(
        &mut self,
        name: &'static str,
        field: &F,
        sent: &F::Sent,
    ) -> Result<Staged, FlushError> {
        match field.stage(sent, &mut self.scratch) {
            Ok(staged) => {
                self.size = self.size.saturating_add(staged.size);
                Ok(staged)
            }
            Err(why) => Err(FlushError::Unsendable { field: name, why }),
        }
    }

    /// Makes sure that a field which was never sent can be.
    ///
    /// # Errors
    /// [`FlushError::Unsendable`].
    pub fn prove<F: Field>(&mut self, name: &'static str, field: &F) -> Result<(), FlushError> {
        self.stage(name, field, &F::Sent::default()).map(drop)
    }

    /// Whether the state is within its limit.
    ///
    /// # Errors
    /// [`FlushError::TooLarge`].
    pub fn check(&self, limit: usize) -> Result<(), FlushError> {
        if self.size > limit {
            return Err(FlushError::TooLarge { size: self.size, limit });
        }
        Ok(())
    }

    /// A number for what is staged of one field, another for another change.
    pub(crate) fn mark(&self, staged: &Staged) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.scratch[staged.range.clone().unwrap_or_default()].hash(&mut hasher);
        hasher.finish()
    }

    /// Commits one field.
    pub fn commit<F: Field>(
        &self,
        name: &str,
        field: &mut F,
        sent: &mut F::Sent,
        staged: &Staged,
        out: &mut Writer,
    ) {
        field.commit(name, sent, staged, &self.scratch, out);
    }

    /// Commits a list that is read in part.
    pub fn commit_window<L: Listed>(
        &self,
        name: &str,
        list: &mut L,
        sent: &mut Window<L>,
        staged: &Staged,
        out: &mut Writer,
    ) {
        sent.commit(name, list, staged, &self.scratch, out);
    }
}

/// The error for a list that is not read in part, and for one that does not exist: the same, as for
/// [`not_writable`].
#[cold]
#[doc(hidden)]
#[must_use]
pub fn not_listed() -> Error {
    Error::not_found("there is no list of this name that is read in part")
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.scratch.capacity() <= KEPT {
            SCRATCH.set(std::mem::take(&mut self.scratch));
        }
    }
}

/// The digests of a state's field names, computed once.
#[doc(hidden)]
pub type NameDigests<const N: usize> = LazyLock<[u32; N]>;

/// The digests of some names.
#[doc(hidden)]
#[must_use]
pub fn name_digests<const N: usize>(names: [&str; N]) -> [u32; N] {
    names.map(digest::of_string)
}

/// The digest of an object with these names and values.
#[doc(hidden)]
#[must_use]
pub fn object_digest<const N: usize>(names: &[u32; N], values: [u32; N]) -> u32 {
    let entries = names.iter().zip(values);
    let sum = entries.fold(0u32, |sum, (name, value)| sum.wrapping_add(digest::entry(*name, value)));
    digest::object_end(sum, N)
}
