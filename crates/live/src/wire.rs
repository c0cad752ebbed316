//! What may cross: types both sides understand, and their way into JSON and back.
//!
//! Everything that travels passes through here: state, props, arguments, results and events. What goes
//! out is exact or an error (`write.rs`); what comes in is hostile until it has become a Rust value, and a
//! complaint names the field it is about (`read.rs`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

use serde::Serialize;
use serde::de::DeserializeOwned;

mod read;
mod write;

pub use read::props_from_json;
pub(crate) use read::{complaint, entries, from_json, read_by_field};
pub use write::{Unsendable, to_json};
pub(crate) use write::{digest_of, write_json};

/// A type that can travel. Put [`#[wire]`](macro@crate::wire) on your own types; the standard ones are here.
///
/// ```
/// use fluxstack_live::prelude::*;
///
/// #[wire]
/// #[derive(Clone)]
/// pub struct Member {
///     /// Shown next to what they say.
///     pub name: String,
///     #[serde(default)]
///     pub is_admin: bool,
/// }
///
/// #[wire]
/// pub enum ChatEvent {
///     Typing { who: Member },
/// }
/// ```
///
/// Integers beyond ±(2⁵³ − 1) do not survive `JSON.parse`; sending one is an error that names the field,
/// so send such ids as a `String`. `NaN` and the infinities become `null`, as JSON has no word for them.
/// That does not read back: an instance that holds one can be put back neither after a panic nor from what was
/// written down, so use `Option`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross to the client",
    label = "this travels between server and client",
    note = "put `#[wire]` on the type"
)]
pub trait Wire: Serialize + DeserializeOwned + ts_rs::TS + Send + 'static {
    /// Whether it stands for nothing, as `()` does.
    #[doc(hidden)]
    const NOTHING: bool = false;

    /// Whether a value that is not given is one, as for `Option`.
    #[doc(hidden)]
    const OPTIONAL: bool = false;
}

/// `Self` travels as part of `Owner`. The macros write an empty impl for every type in the author's code,
/// at the author's token: that is where the compiler says that a type is not [`Wire`].
#[doc(hidden)]
pub trait Carried<Owner, const AT: usize>: Wire {}

macro_rules! wire {
    ($($ty:ty)*) => { $(impl Wire for $ty {})* };
}

wire! { bool char String f32 f64 i8 i16 i32 i64 isize u8 u16 u32 u64 usize serde_json::Value }

impl Wire for () {
    const NOTHING: bool = true;
    const OPTIONAL: bool = true;
}

impl<T: Wire> Wire for Option<T> {
    const OPTIONAL: bool = true;
}

impl<T: Wire> Wire for Vec<T> {}
impl<T: Wire> Wire for Box<T> {
    const OPTIONAL: bool = T::OPTIONAL;
}
impl<T: Wire, const N: usize> Wire for [T; N] where [T; N]: Serialize + DeserializeOwned {}
impl<T: Wire + Eq + Hash, S: BuildHasher + Default + Send + 'static> Wire for HashSet<T, S> {}
impl<T: Wire + Ord> Wire for BTreeSet<T> {}
impl<K: Wire + Eq + Hash, V: Wire, S: BuildHasher + Default + Send + 'static> Wire for HashMap<K, V, S> {}
impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {}

macro_rules! tuples {
    ($(($($item:ident)*))*) => { $(impl<$($item: Wire),*> Wire for ($($item,)*) {})* };
}

tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) }
