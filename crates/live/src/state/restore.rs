//! The way back: from what was written down of a component to a component that goes on from there.
//!
//! [`Written`] is what the expansion of `#[derive(State)]` asks; it knows which version wrote the state, and
//! turns whatever does not fit into a [`RestoreError`] that names it. What was written is sealed or stored by
//! ourselves, but it may be damaged, old, or from a server that is newer than this one.

use std::borrow::Cow;

use super::migrate::OldShape;
use super::{FlushError, State};
use crate::wire::{Unsendable, Wire, entries, from_json};

/// Why a component could not be put back to what was written down of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// A newer server wrote it.
    #[error(
        "a state of `{component}` was written by its version {schema}, and this is version {version}: \
         mount it afresh, or ask a server that is as new"
    )]
    TooNew {
        /// Whose state it is.
        component: &'static str,
        /// The version that wrote it.
        schema: u32,
        /// The version there is here.
        version: u32,
    },
    /// The component no longer reads states that old.
    #[error(
        "a state of `{component}` was written by its version {schema}, and `migrate(…)` begins with version \
         {oldest}: mount it afresh, or list the older shapes again"
    )]
    TooOld {
        /// Whose state it is.
        component: &'static str,
        /// The version that wrote it.
        schema: u32,
        /// The oldest version that is read.
        oldest: u32,
    },
    /// It does not read.
    #[error(
        "a state of `{component}`, written by its version {schema}: {what} does not read: {why}. When a field \
         changes its type, raise `version` and list the shape it had in `migrate(…)`; a listed shape stays as it is"
    )]
    Unreadable {
        /// Whose state it is.
        component: &'static str,
        /// The version that wrote it.
        schema: u32,
        /// The field, or the older shape and its field.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// It reads, but what the component is now could not be sent.
    #[error(transparent)]
    Unsendable(#[from] FlushError),
}

/// What was written down of a component, by this version of it or by an older one.
#[doc(hidden)]
pub struct Written<'a> {
    component: &'static str,
    version: u32,
    schema: u32,
    json: &'a [u8],
}

impl<'a> Written<'a> {
    /// Takes in what version `schema` of `S` wrote.
    ///
    /// # Errors
    /// [`RestoreError`], if this version of `S` reads nothing of that version.
    pub fn open<S: State>(schema: u32, oldest: u32, json: &'a [u8]) -> Result<Self, RestoreError> {
        let written = Self { component: S::NAME, version: S::VERSION, schema, json };
        let Self { component, version, .. } = written;
        if schema == 0 {
            return Err(written.unreadable("the version".into(), "versions begin with 1".into()));
        }
        if schema > version {
            return Err(RestoreError::TooNew { component, schema, version });
        }
        if schema < oldest {
            return Err(RestoreError::TooOld { component, schema, oldest });
        }
        Ok(written)
    }

    /// Whether it was written by the version there is here.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.schema == self.version
    }

    /// Its fields by name, not read yet.
    ///
    /// # Errors
    /// [`RestoreError::Unreadable`], if it is no JSON object.
    pub fn fields(&self) -> Result<impl Iterator<Item = (Cow<'a, str>, &'a [u8])>, RestoreError> {
        let fields = entries(self.json).map_err(|why| self.unreadable("the whole".into(), why))?;
        Ok(fields.into_iter().map(|(name, value)| (name, value.get().as_bytes())))
    }

    /// What reading a field came to. Of an older version whatever still fits is taken, and nothing else.
    ///
    /// # Errors
    /// [`RestoreError::Unreadable`], if this version wrote it.
    pub fn check(&self, field: &'static str, outcome: Result<(), Unsendable>) -> Result<(), RestoreError> {
        match outcome {
            Err(Unsendable(why)) if self.is_present() => {
                Err(self.unreadable(format!("field `{field}`"), why))
            }
            _ => Ok(()),
        }
    }

    /// What the component was in version `at`: read, if that version wrote it, and otherwise what came out of
    /// the step before.
    ///
    /// # Errors
    /// [`RestoreError::Unreadable`].
    pub fn step<T: OldShape>(
        &self,
        at: u32,
        shape: &'static str,
        before: Option<T>,
    ) -> Result<Option<T>, RestoreError> {
        if self.schema != at {
            return Ok(before);
        }
        T::read(self.json).map(Some).map_err(|(field, why)| {
            let what = match field {
                Some(field) => format!("field `{field}` of `{shape}`"),
                None => format!("`{shape}`"),
            };
            self.unreadable(what, why)
        })
    }

    #[cold]
    fn unreadable(&self, what: String, why: String) -> RestoreError {
        RestoreError::Unreadable { component: self.component, schema: self.schema, what, why }
    }
}

/// A type that a private field marked `#[state(keep)]` can have.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept",
    label = "`#[state(keep)]` writes this field down",
    note = "put `#[wire]` on the type, or drop the `#[state(keep)]`: the field is then what `mount` makes of it",
    note = "what would be a `List` or a `Map` is kept as a `Vec` or a `BTreeMap`"
)]
pub trait Keep: Sized {
    /// Appends the value as JSON. An integer of any size is fine: no JavaScript reads it.
    ///
    /// # Errors
    /// [`Unsendable`], if the type's own `Serialize` refuses.
    fn keep(&self, out: &mut Vec<u8>) -> Result<(), Unsendable>;

    /// Takes over what was kept; after an error the value is what it was.
    ///
    /// # Errors
    /// [`Unsendable`], if it does not read.
    fn restore(&mut self, json: &[u8]) -> Result<(), Unsendable>;
}

#[diagnostic::do_not_recommend]
impl<T: Wire> Keep for T {
    fn keep(&self, out: &mut Vec<u8>) -> Result<(), Unsendable> {
        serde_json::to_writer(out, self).map_err(|error| Unsendable(error.to_string()))
    }

    fn restore(&mut self, json: &[u8]) -> Result<(), Unsendable> {
        *self = from_json(json).map_err(Unsendable)?;
        Ok(())
    }
}

/// `Owner` keeps `Self`; as [`Carried`](crate::wire::Carried) for arguments.
#[doc(hidden)]
pub trait Kept<Owner, const AT: usize>: Keep {}

/// Appends a kept field as JSON.
///
/// # Errors
/// [`FlushError::Unsendable`], with the name of the field.
#[doc(hidden)]
pub fn keep<T: Keep>(field: &'static str, value: &T, out: &mut Vec<u8>) -> Result<(), FlushError> {
    value.keep(out).map_err(|why| FlushError::Unsendable { field, why })
}
