//! From the shape a component had to the shape it has: the steps, and what is demanded of them.
//!
//! The author writes a `#[wire]` struct for each version that was, `From` between one and the next, and
//! [`Migrate`] for the last. `#[derive(State)]` calls them in order; that each of them is there, the
//! compiler says, through the traits below [`Migrate`], which exist for their messages alone.

use crate::wire::{Wire, read_by_field};

/// The last step of a migration: a component takes over what its previous version had.
///
/// `self` has just been mounted, so whatever `mount` looks up is there already; what `old` does not say stays
/// as `mount` made it.
///
/// ```
/// use fluxstack_live::prelude::*;
///
/// #[derive(State)]
/// #[state(version = 2, migrate(CounterV1))]
/// pub struct Counter {
///     pub clicks: u32,
///     pub step: u32,
/// }
///
/// /// What `Counter` was before it had a step.
/// #[wire]
/// pub struct CounterV1 {
///     pub count: u32,
/// }
///
/// impl Migrate<CounterV1> for Counter {
///     fn migrate(&mut self, old: CounterV1) {
///         self.clicks = old.count;
///     }
/// }
///
/// let mut counter = Counter { clicks: 0, step: 5 };
/// counter.restore(1, br#"{"count":7}"#).unwrap();
/// assert_eq!((counter.clicks, counter.step), (7, 5));
/// # impl Component for Counter {
/// #     type Props = ();
/// #     type Event = ();
/// #     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> { Ok(Counter { clicks: 0, step: 5 }) }
/// # }
/// # #[actions]
/// # impl Counter {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not know what to take over from `{Old}`",
    label = "the last shape before the present one",
    note = "write `impl Migrate<{Old}> for {Self} {{ fn migrate(&mut self, old: {Old}) {{ … }} }}`"
)]
pub trait Migrate<Old> {
    /// Takes over what `old` has.
    fn migrate(&mut self, old: Old);
}

/// What a component's `pub` fields were in an older version.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "an older state cannot be read as `{Self}`",
    label = "the shape of an older version",
    note = "put `#[wire]` on `{Self}`, with the `pub` fields of that version: `Vec` for a `List`, `BTreeMap` for a `Map`"
)]
pub trait OldShape: Sized {
    /// Reads one, or says which field does not fit, if it is one, and why.
    ///
    /// # Errors
    /// The field and the reason.
    fn read(json: &[u8]) -> Result<Self, (Option<String>, String)>;
}

#[diagnostic::do_not_recommend]
impl<T: Wire> OldShape for T {
    fn read(json: &[u8]) -> Result<Self, (Option<String>, String)> {
        read_by_field(json)
    }
}

/// `Self` is what `Old` became in the version after it.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "there is no step from `{Old}` to `{Self}`",
    label = "the version after `{Old}`",
    note = "write `impl From<{Old}> for {Self} {{ fn from(old: {Old}) -> Self {{ … }} }}`"
)]
pub trait Follows<Old> {
    /// Makes the step.
    fn follow(old: Old) -> Self;
}

#[diagnostic::do_not_recommend]
impl<Old, New: From<Old>> Follows<Old> for New {
    fn follow(old: Old) -> Self {
        Self::from(old)
    }
}

/// `Self` is listed by `Owner` as an older shape; as [`Carried`](crate::wire::Carried) for arguments.
#[doc(hidden)]
pub trait Former<Owner, const AT: usize>: OldShape {}

/// `Self` is listed by `Owner` right after `Old`.
#[doc(hidden)]
pub trait Step<Owner, Old, const AT: usize>: Follows<Old> {}

/// `Self` is a component that lists `Old` last.
#[doc(hidden)]
pub trait Poured<Old, const AT: usize>: Migrate<Old> {}
