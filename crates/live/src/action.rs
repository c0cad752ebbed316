//! What a client may ask of a component: the methods of its `#[actions]` block.
//!
//! `#[actions]` writes the impl of [`Actions`] and reads arguments through [`Args`]; the instance calls
//! [`Actions::dispatch`] and nothing else. A client can reach exactly the names in that `match`.

use std::fmt;
use std::future::Future;

use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::component::{Component, Cx};
use crate::error::{Code, Error, Result};
use crate::typescript::Types;
use crate::wire::{Wire, complaint, to_json};

/// What an action came to: the result as JSON text, `None` for an action that returns nothing.
pub type Outcome = Result<Option<Vec<u8>>>;

/// The actions of a component. Implemented by `#[actions]` on an `impl` block.
///
/// A client may ask for several calls that are all done or none. They run one after another, and nothing of them is
/// sent before the last. If one of them fails, `pub` fields and those marked `#[state(keep)]` are put back, and what
/// was emitted is dropped; other private fields, timers and spawned work stay as the calls left them. If one panics,
/// the component is mounted anew, as after any call that panics.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no actions",
    label = "a component needs an `#[actions]` block",
    note = "write `#[actions] impl {Self} {{ pub fn … }}`; the block may be empty"
)]
pub trait Actions: Sized {
    /// Runs the action with that name.
    ///
    /// # Errors
    /// [`Code::NotCallable`] for a name that is no action, [`Code::BadPayload`] for arguments that do not
    /// fit, else what the action answered.
    fn dispatch(
        &mut self,
        action: &str,
        args: &[u8],
        cx: &mut Cx<Self>,
    ) -> impl Future<Output = Outcome> + Send
    where
        Self: Component;

    /// Whether the action with that name is `async`, so that it may take long. What is said not to has to be done
    /// when [`Actions::dispatch`] is polled for the first time.
    fn waits(action: &str) -> bool {
        let _ = action;
        true
    }

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

/// An action of `Owner` returns `Self`; as [`Carried`](crate::wire::Carried) for arguments.
#[doc(hidden)]
pub trait Answered<Owner, const AT: usize>: IntoOutcome {}

#[diagnostic::do_not_recommend]
impl<T: Wire> IntoOutcome for T {
    fn into_outcome(self) -> Outcome {
        if T::NOTHING {
            return Ok(None);
        }
        to_json(&self).map(Some).map_err(Error::internal)
    }

    fn typescript(types: &mut Types) -> String {
        if T::NOTHING { "void".into() } else { types.shows::<T>() }
    }
}

impl<T: Wire> IntoOutcome for Result<T> {
    fn into_outcome(self) -> Outcome {
        self.and_then(IntoOutcome::into_outcome)
    }

    fn typescript(types: &mut Types) -> String {
        <T as IntoOutcome>::typescript(types)
    }
}

/// The error of an action that is not there, or must not be called: one text for all of them.
#[cold]
#[must_use]
pub fn not_callable() -> Error {
    Error::new(Code::NotCallable, "not callable")
}

/// The arguments of one call: found by name, not yet read. Arguments nobody asked for are skipped.
#[doc(hidden)]
pub struct Args<'a, const N: usize> {
    names: [&'static str; N],
    found: [Option<&'a RawValue>; N],
}

impl<'a, const N: usize> Args<'a, N> {
    /// Finds the arguments in `json`, an object; nothing and `null` are an object without any.
    ///
    /// # Errors
    /// [`Code::BadPayload`] if it is something else.
    pub fn parse(json: &'a [u8], names: [&'static str; N]) -> Result<Self> {
        let json = json.trim_ascii();
        let mut found = [None; N];
        if json.is_empty() || json == b"null" || json == b"{}" {
            return Ok(Self { names, found });
        }
        let mut input = serde_json::Deserializer::from_slice(json);
        let read =
            input.deserialize_map(Find { names: &names, found: &mut found }).and_then(|()| input.end());
        match read {
            Ok(()) => Ok(Self { names, found }),
            Err(error) => Err(not_an_object(&error)),
        }
    }

    /// Reads the argument at that place in the list of names.
    ///
    /// # Errors
    /// [`Code::BadPayload`] if it is missing or of the wrong type.
    pub fn take<T: Wire>(&self, at: usize) -> Result<T> {
        let name = self.names[at];
        let json = match self.found[at] {
            Some(raw) => raw.get(),
            None if T::OPTIONAL => "null",
            None => return Err(unfit(name, "is missing".into())),
        };
        serde_json::from_str(json).map_err(|error| unfit(name, complaint(&error)))
    }
}

#[cold]
fn not_an_object(error: &serde_json::Error) -> Error {
    Error::new(Code::BadPayload, format!("the arguments are not an object: {}", complaint(error)))
}

#[cold]
fn unfit(name: &'static str, why: String) -> Error {
    Error::new(Code::BadPayload, format!("argument `{name}`: {why}")).and(name, why)
}

struct Find<'n, 'f, 'a> {
    names: &'n [&'static str],
    found: &'f mut [Option<&'a RawValue>],
}

impl<'de> Visitor<'de> for Find<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the arguments by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(place) = map.next_key_seed(Place(self.names))? {
            match place {
                Some(at) => self.found[at] = Some(map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// A key, as its place in the list of names.
struct Place<'n>(&'n [&'static str]);

impl<'de> de::DeserializeSeed<'de> for Place<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Self::Value, D::Error> {
        input.deserialize_str(self)
    }
}

impl Visitor<'_> for Place<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an argument")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| *name == key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_found_by_name_and_strangers_skipped() {
        let args =
            Args::parse(br#" {"x":[{}],"b\u0079":"two","of":3,"of":4} "#, ["by", "of", "text"]).unwrap();
        assert_eq!(args.take::<String>(0).unwrap(), "two");
        assert_eq!(args.take::<i64>(1).unwrap(), 4);
        assert_eq!(args.take::<Option<String>>(2).unwrap(), None);
        let args = Args::parse(br#"{"By":1,"by ":2}"#, ["by"]).unwrap();
        assert_eq!(args.take::<i64>(0).unwrap_err().field("by"), Some("is missing"));
    }

    #[test]
    fn an_argument_that_does_not_fit_is_named() {
        let args = Args::parse(br#"{"step":"fast"}"#, ["step", "by"]).unwrap();
        let error = args.take::<i64>(0).unwrap_err();
        assert_eq!(error.code(), Code::BadPayload);
        assert_eq!(error.message(), "argument `step`: expected i64, found string");
        assert_eq!(error.field("step"), Some("expected i64, found string"));
        assert_eq!(args.take::<i64>(1).unwrap_err().field("by"), Some("is missing"));
    }

    #[test]
    fn nothing_is_an_empty_object_and_anything_else_is_refused() {
        for json in ["", "null", " null ", "{}", "{ }"] {
            assert!(Args::parse(json.as_bytes(), ["a"]).is_ok(), "{json}");
        }
        for json in ["[]", "1", "\"a\"", "true", "{\"a\":1}2", "{", "{\"a\"}"] {
            let error = Args::parse(json.as_bytes(), ["a"]).map(|_| ()).unwrap_err();
            assert_eq!(error.code(), Code::BadPayload, "{json}");
            assert!(Args::parse(json.as_bytes(), []).is_err(), "{json}");
        }
    }

    #[test]
    fn nothing_has_no_result_and_a_value_has_one() {
        assert_eq!(().into_outcome().unwrap(), None);
        assert_eq!(Ok(()).into_outcome().unwrap(), None);
        assert_eq!(7i64.into_outcome().unwrap(), Some(b"7".to_vec()));
        assert_eq!(Ok(None::<i64>).into_outcome().unwrap(), Some(b"null".to_vec()));
        assert_eq!(Err::<(), _>(Error::forbidden()).into_outcome().unwrap_err().code(), Code::Forbidden);
        assert_eq!(u64::MAX.into_outcome().unwrap_err().code(), Code::Internal);
    }
}
