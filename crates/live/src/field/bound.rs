//! [`Bound`]: a value the client may write, within the author's check.
//!
//! It is the only kind a client can write. Everything else changes through an action, whatever a client
//! sends; that is why there is no list of protected fields anywhere.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};

use fluxstack_live_protocol::delta::Writer;

use super::{Field, Staged, Unsendable, plain};
use crate::error::{Code, Error};
use crate::typescript::Types;
use crate::wire::{Wire, from_json};

type Check<T> = dyn Fn(&T) -> Result<(), Cow<'static, str>> + Send;

/// A value the client reads and writes.
///
/// ```
/// use fluxstack_live::prelude::*;
///
/// let mut note = Bound::new(String::new())
///     .check(|note| if note.len() > 200 { Err("at most 200 letters") } else { Ok(()) });
/// note.push_str("milk");
/// assert_eq!(*note, "milk");
/// ```
///
/// The check is for what clients write; the author's own code may put anything in.
pub struct Bound<T> {
    value: T,
    /// What a client's write replaced, until it is known whether the author will have it. Not what was last sent,
    /// because writes before this one may be held back.
    before: Option<T>,
    check: Option<Box<Check<T>>>,
}

impl<T> Bound<T> {
    /// A value the client may overwrite with any other of its type.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self { value, before: None, check: None }
    }

    /// Lets the client write only what `check` accepts; its complaint is shown beside the field.
    /// A second check is made after the first.
    #[must_use]
    pub fn check<M: Into<Cow<'static, str>>>(
        mut self,
        check: impl Fn(&T) -> Result<(), M> + Send + 'static,
    ) -> Self
    where
        T: 'static,
    {
        self.check = Some(match self.check.take() {
            None => Box::new(move |value| check(value).map_err(Into::into)),
            Some(first) => Box::new(move |value| {
                first(value)?;
                check(value).map_err(Into::into)
            }),
        });
        self
    }

    /// The value itself.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Bound<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Bound<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> From<T> for Bound<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for Bound<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Bound<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: PartialEq> PartialEq for Bound<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: PartialEq> PartialEq<T> for Bound<T> {
    fn eq(&self, other: &T) -> bool {
        self.value == *other
    }
}

impl<T: Wire> Field for Bound<T> {
    type Sent = plain::Sent;

    const WRITABLE: bool = true;

    fn stage(&self, sent: &Self::Sent, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable> {
        plain::stage(&self.value, sent, scratch)
    }

    fn commit(
        &mut self,
        name: &str,
        sent: &mut Self::Sent,
        staged: &Staged,
        scratch: &[u8],
        out: &mut Writer,
    ) {
        self.before = None;
        plain::commit::<T>(name, sent, staged, scratch, out);
    }

    fn digest(&self, sent: &Self::Sent) -> u32 {
        plain::digest(sent)
    }

    fn snapshot(&self, sent: &Self::Sent, out: &mut Vec<u8>) {
        out.extend_from_slice(&sent.json);
    }

    fn recover(&mut self, sent: &Self::Sent) -> Result<(), Unsendable> {
        self.value = plain::recover(sent)?;
        self.before = None;
        Ok(())
    }

    // Without the check: it is for what clients write, and this is what the server held. A check that became
    // stricter since then takes nothing away from anybody; it is made at the next write, as ever.
    fn restore(&mut self, json: &[u8]) -> Result<(), Unsendable> {
        self.value = from_json(json).map_err(Unsendable)?;
        Ok(())
    }

    fn write(&mut self, json: &[u8]) -> Result<(), Error> {
        self.before = None;
        let value = from_json(json).map_err(|why| Error::new(Code::BadPayload, why))?;
        if let Some(check) = &self.check {
            check(&value).map_err(|why| Error::new(Code::Invalid, why))?;
        }
        self.before = Some(std::mem::replace(&mut self.value, value));
        Ok(())
    }

    fn revert(&mut self) {
        if let Some(before) = self.before.take() {
            self.value = before;
        }
    }

    fn typescript(types: &mut Types) -> String {
        types.takes::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short() -> Bound<String> {
        Bound::new(String::new())
            .check(|text: &String| if text.len() > 3 { Err("at most 3 letters") } else { Ok(()) })
            .check(|text: &String| if text == "no" { Err(format!("not {text}")) } else { Ok(()) })
    }

    #[test]
    fn a_write_is_read_checked_and_taken() {
        let mut field = short();
        Field::write(&mut field, b"\"yes\"").unwrap();
        assert_eq!(*field, "yes");
    }

    #[test]
    fn a_refused_write_leaves_the_value_alone() {
        let mut field = short();
        for (json, code, message) in [
            ("\"four\"", Code::Invalid, "at most 3 letters"),
            ("\"no\"", Code::Invalid, "not no"),
            ("4", Code::BadPayload, "expected a string, found integer"),
            ("", Code::BadPayload, "EOF while parsing a value"),
        ] {
            let error = Field::write(&mut field, json.as_bytes()).unwrap_err();
            assert_eq!((error.code(), error.message()), (code, message));
            assert_eq!(*field, "");
        }
    }

    #[test]
    fn the_author_may_write_what_a_client_may_not() {
        let mut field = short();
        field.push_str("longer than three");
        assert_eq!(*field, "longer than three");
    }
}
