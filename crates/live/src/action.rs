//! What a client may ask of a component: the methods of its `#[actions]` block.

use std::future::Future;

use crate::component::{Component, Cx};
use crate::error::{Error, Result};
use crate::typescript::Types;
use crate::wire::Wire;

/// What an action came to: the result as JSON text, `None` for an action that returns nothing.
pub type Outcome = Result<Option<Vec<u8>>>;

/// The actions of a component. Implemented by `#[actions]` on an `impl` block.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no actions",
    label = "a component needs an `#[actions]` block",
    note = "write `#[actions] impl {Self} {{ pub fn … }}`; the block may be empty"
)]
pub trait Actions: Sized {
    /// Runs the action with that name.
    ///
    /// # Errors
    /// [`Code::NotCallable`](crate::Code::NotCallable) for a name that is no action,
    /// [`Code::BadPayload`](crate::Code::BadPayload) for arguments that do not fit, else what the action
    /// answered.
    fn dispatch(&mut self, action: &str, args: &[u8], cx: &mut Cx<Self>) -> impl Future<Output = Outcome> + Send
    where
        Self: Component;

    /// Describes the actions for `live.gen.ts`.
    fn describe(types: &mut Types) -> Vec<ActionShape>;
}

/// One action, as TypeScript sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionShape {
    /// Its name on the wire.
    pub name: &'static str,
    /// Arguments: name on the wire, TypeScript type, whether it may be left out.
    pub args: Vec<(&'static str, String, bool)>,
    /// The TypeScript type of what it returns.
    pub result: String,
    /// Its doc comment.
    pub docs: &'static str,
}

/// What an action may return: nothing, a [`Wire`] value, or a [`Result`] of either.
#[diagnostic::on_unimplemented(
    message = "an action cannot return `{Self}`",
    label = "the result of an action is sent to the client",
    note = "return nothing, a type with `#[wire]`, or `Result<…>` of either"
)]
pub trait IntoOutcome {
    /// The same as JSON text.
    ///
    /// # Errors
    /// The action's own error, or an internal one if the value cannot be sent.
    fn into_outcome(self) -> Outcome;

    /// The TypeScript type of the value.
    fn typescript(types: &mut Types) -> String;
}

/// The error of an action that is not there, or must not be called: one text for all of them.
#[cold]
#[must_use]
pub fn not_callable() -> Error {
    Error::new(crate::error::Code::NotCallable, "not callable")
}

/// The arguments of one call, by name.
pub struct Args<'a>(pub(crate) Vec<(std::borrow::Cow<'a, str>, &'a serde_json::value::RawValue)>);

// `Args::parse`, `Args::take::<T: Wire>(name)` and the impls of `IntoOutcome` follow.
#[doc(hidden)]
pub fn _contract<T: Wire>() {}
