//! The macros of `fluxstack-live`. Use them through that crate, which re-exports them in its prelude.
//!
//! They keep to five manners: they add and never rewrite (but take off the one attribute that only they know,
//! `#[requires(…)]`); every complaint points at the author's token
//! and says what to type; all complaints of a block come at once; a type that does not fit is one error,
//! not one for each line of the expansion; and names in the expansion are absolute, so that an
//! application needs no other dependency and may call its own things what it likes.
//!
//! The fourth needs a trick, the same in all three macros. Where a type must fit, the expansion holds
//! `impl Carried<Owner, 0> for TheType {}`, whose supertrait is the demand; that impl is where the
//! compiler complains, at the author's token. Everything else in the expansion is written under
//! `where for<'w> TheType: Carried<Owner, 0>`, so it may take the demand for granted and stays silent.

mod actions;
mod case;
mod demand;
mod requires;
mod restore;
mod settings;
mod state;
mod window;
mod wire;

use proc_macro::TokenStream;

/// Makes a struct the state of a live component: `pub` fields are shown to the client, others are not.
///
/// `#[state(…)]` on the struct says more about it:
///
/// * `name = "LiveCounter"`: clients mount it by this name, and not by the struct's.
/// * `version = 3`: how many shapes its `pub` fields have had; 1 if nothing is said.
/// * `migrate(CounterV1, CounterV2)`: those shapes, as `#[wire]` structs, the oldest first, so that a state an
///   older version wrote down can be restored. There is `From` from one to the next, and `Migrate` from the last
///   to the component. `migrate(from = 2, CounterV2)` begins later; what is older is thrown away.
/// * `serves = 2`: the oldest version of a page that may still mount it; the one before the present if nothing
///   is said.
///
/// * `requires(signed_in)`, `requires(role = "admin")`, `requires(permission = "posts.delete")`: who may have an
///   instance. `requires(with = path)` asks a `fn(&Cx<Self>) -> Result<()>` of yours. Several are all of them. It is
///   judged when the component is mounted, joined or taken up again, when somebody signs in or out, and before every
///   call.
///
/// `#[state(keep)]` on a private field writes it down with the `pub` ones, for the server alone.
///
/// `#[state(every_ms = 16)]` on a `pub` field, of any kind, sends it at most so often, from 1 to 60,000 milliseconds:
/// for what changes more often than anybody can see. The first change goes at once and the last one at the end of the
/// interval, whatever happens to other fields; the reply to a call may come before what it changed.
///
/// `#[state(window)]` on a `pub` field that is a `List` sends no rows, but how many there are and where the last edits
/// were: for lists of which a page shows a part. Clients read the rows they are about to show.
#[proc_macro_derive(State, attributes(state))]
pub fn state(input: TokenStream) -> TokenStream {
    state::expand(syn::parse_macro_input!(input)).into()
}

/// Makes the methods of an `impl` block callable by clients.
///
/// Every method is `pub` and takes `&mut self`, arguments by name and, anywhere among them, optionally
/// `cx: &mut Cx<Self>`. It may be `async`.
///
/// `#[requires(…)]` on a method says who may call it, in the words of `#[state(requires(…))]`; a function is a
/// `fn(&Self, &Cx<Self>) -> Result<()>` here. It is judged on every call, by who is signed in at that moment, before
/// the arguments are read. Only for clients: your own code calls the method as it likes.
#[proc_macro_attribute]
pub fn actions(attribute: TokenStream, item: TokenStream) -> TokenStream {
    actions::expand(&attribute.into(), syn::parse_macro_input!(item)).into()
}

/// Makes a type that can travel between server and client.
///
/// Adds serde's derives, TypeScript and camelCase names. An enum without fields becomes a union of
/// strings, an enum with named fields a union of objects told apart by `type`.
#[proc_macro_attribute]
pub fn wire(attribute: TokenStream, item: TokenStream) -> TokenStream {
    wire::expand(&attribute.into(), syn::parse_macro_input!(item)).into()
}

/// Who may call an action: `#[requires(signed_in)]`, `#[requires(role = "admin")]`,
/// `#[requires(permission = "posts.delete")]`, `#[requires(with = path)]`. Belongs on a method in an
/// [`macro@actions`] block, which reads it.
#[proc_macro_attribute]
pub fn requires(attribute: TokenStream, item: TokenStream) -> TokenStream {
    // `#[actions]` takes off all that it understands; what comes here stands somewhere else.
    let _ = attribute;
    let span = proc_macro2::Span::call_site();
    let mut tokens = TokenStream::from(syn::Error::new(span, requires::MISPLACED).to_compile_error());
    tokens.extend(item);
    tokens
}
