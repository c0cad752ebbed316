//! What an action may answer instead of a value.
//!
//! An [`Error`] has two readers. The client gets the [`Code`], the message and the fields; the server's
//! log gets those and the cause. Nothing of a cause ever reaches a client, so a failed query cannot
//! leak the name of a table.
//!
//! `Error` is on purpose not a [`std::error::Error`]: that is what lets `?` turn any error of yours
//! into [`Code::Internal`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

pub use fluxstack_live_protocol::Code;

/// What an action or a lifecycle method returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not done.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: Cow<'static, str>,
    fields: BTreeMap<Cow<'static, str>, Cow<'static, str>>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with a code and a sentence for the person at the other end.
    ///
    /// ```
    /// use fluxstack_live::prelude::*;
    /// let error = Error::new(Code::Conflict, "somebody was faster");
    /// assert_eq!(error.code(), Code::Conflict);
    /// ```
    #[cold]
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { code, message: message.into(), fields: BTreeMap::new(), cause: None }))
    }

    /// A complaint about one field, worded for the person who filled it in.
    ///
    /// ```
    /// use fluxstack_live::prelude::*;
    /// let error = Error::invalid("step", "must not be zero").and("name", "tell us your name");
    /// assert_eq!(error.field("step"), Some("must not be zero"));
    /// ```
    #[cold]
    pub fn invalid(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Invalid, "some fields need attention").and(field, message)
    }

    /// The caller may not do this. Says nothing more on purpose.
    #[cold]
    pub fn forbidden() -> Self {
        Self::new(Code::Forbidden, "you may not do this")
    }

    /// What the call was about does not exist.
    #[cold]
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// Something failed on our side. `cause` goes to the log, never to the client.
    #[cold]
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let mut error = Self::new(Code::Internal, "something went wrong on the server");
        error.0.cause = Some(cause.into());
        error
    }

    /// The same error with one more complaint about a field.
    #[must_use]
    pub fn and(mut self, field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.fields.insert(field.into(), message.into());
        self
    }

    /// The code a client can act on.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The sentence for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The complaint about `field`, if there is one.
    #[must_use]
    pub fn field(&self, field: &str) -> Option<&str> {
        self.0.fields.get(field).map(AsRef::as_ref)
    }

    /// All complaints, by field.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.fields.iter().map(|(field, message)| (field.as_ref(), message.as_ref()))
    }

    /// What made it happen; for the log.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.0.cause.as_deref()
    }

    /// The complaints as a JSON object, if there are any.
    pub(crate) fn fields_json(&self) -> Option<Vec<u8>> {
        if self.0.fields.is_empty() {
            return None;
        }
        Some(serde_json::to_vec(&self.0.fields).expect("strings are always JSON"))
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    #[cold]
    fn from(cause: E) -> Self {
        Self::internal(cause)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { code, message, fields, cause } = &*self.0;
        f.debug_struct("Error")
            .field("code", code)
            .field("message", message)
            .field("fields", fields)
            .field("cause", cause)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_reaches_the_log_and_not_the_client() {
        let broken = "x".parse::<u8>();
        let error = (|| -> Result<u8> { Ok(broken?) })().unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert_eq!(error.message(), "something went wrong on the server");
        assert!(error.cause().unwrap().to_string().contains("invalid digit"));
    }
}
