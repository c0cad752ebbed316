//! What the expansions demand of the author's types, each demand made once, at the author's token.
//!
//! See the crate's own page for the trick. A demand is `impl Carried<Owner, 0> for TheType {}`; what it
//! answers with is the bound under which the rest of the expansion takes it for granted.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, GenericArgument, PathArguments, Type};

/// What a type has to be.
#[derive(Clone, Copy)]
pub(crate) enum Must {
    /// `Wire`: it travels as part of something.
    Carried,
    /// `Field`: it is a `pub` field.
    Shown,
    /// `Listed`: it is a `pub` field that is read in part.
    InWindow,
    /// `IntoOutcome`: an action returns it.
    Answered,
    /// `Key`: it is the key of a map.
    Keyed,
    /// `Validate`: it is what a form holds.
    Validated,
    /// `OldShape`: it is what a state was.
    Former,
    /// `Keep`: it is a private field that is written down.
    Kept,
}

impl Must {
    fn marker(self) -> Ident {
        let name = match self {
            Self::Carried => "Carried",
            Self::Shown => "Shown",
            Self::InWindow => "InWindow",
            Self::Answered => "Answered",
            Self::Keyed => "Keyed",
            Self::Validated => "Validated",
            Self::Former => "Former",
            Self::Kept => "Kept",
        };
        Ident::new(name, Span::call_site())
    }
}

/// The demands that one macro makes for one owner.
pub(crate) struct Demands<'a> {
    owner: &'a dyn ToTokens,
    first: usize,
    made: Vec<TokenStream>,
}

/// Demands are numbered, so that two of the same type are two impls. `#[actions]` begins here, because
/// `#[derive(State)]` has made demands for the same owner.
pub(crate) const ACTIONS: usize = 1 << 16;

impl<'a> Demands<'a> {
    pub(crate) fn new(owner: &'a dyn ToTokens, first: usize) -> Self {
        Self { owner, first, made: Vec::new() }
    }

    /// Demands that `ty` is something, and answers with the bound that grants it.
    pub(crate) fn make(&mut self, must: Must, ty: &Type, cfg: &[Attribute]) -> TokenStream {
        // Of `List<Item>` the item has to be `Wire`; said of the item, it is said where the mistake is.
        let within: Vec<_> =
            contents(must, ty).into_iter().map(|(must, ty)| self.make(must, ty, cfg)).collect();
        let (owner, marker, at) = (self.owner, must.marker(), self.first + self.made.len());
        self.made.push(quote_spanned! {ty.span()=>
            #(#cfg)*
            #[automatically_derived]
            impl ::fluxstack_live::__private::#marker<#owner, #at> for #ty where #(#within),* {}
        });
        quote!(for<'__live> #ty: ::fluxstack_live::__private::#marker<#owner, #at>)
    }

    /// Demands that `new` can be made of `old`, at `new`.
    pub(crate) fn step(&mut self, old: &Type, new: &Type) -> TokenStream {
        let (owner, at) = (self.owner, self.first + self.made.len());
        self.made.push(quote_spanned! {new.span()=>
            #[automatically_derived]
            impl ::fluxstack_live::__private::Step<#owner, #old, #at> for #new {}
        });
        quote!(for<'__live> #new: ::fluxstack_live::__private::Step<#owner, #old, #at>)
    }

    /// Demands that the owner takes over what `old` has, at `old`.
    pub(crate) fn pour(&mut self, old: &Type) -> TokenStream {
        let (owner, at) = (self.owner, self.first + self.made.len());
        // The compiler complains at the type an impl is for, and the mistake is at the shape.
        let here: TokenStream = owner
            .to_token_stream()
            .into_iter()
            .map(|mut token| {
                token.set_span(old.span());
                token
            })
            .collect();
        self.made.push(quote_spanned! {old.span()=>
            #[automatically_derived]
            impl ::fluxstack_live::__private::Poured<#old, #at> for #here {}
        });
        quote!(for<'__live> #owner: ::fluxstack_live::__private::Poured<#old, #at>)
    }

    /// The impls that make the demands.
    pub(crate) fn into_impls(self) -> Vec<TokenStream> {
        self.made
    }
}

/// The demands on what is in a type, where they are other than those on the type.
fn contents(must: Must, ty: &Type) -> Vec<(Must, &Type)> {
    let Type::Path(path) = ty else { return Vec::new() };
    let Some(last) = path.path.segments.last() else { return Vec::new() };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return Vec::new() };
    let types: Vec<&Type> = arguments
        .args
        .iter()
        .filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
        .collect();
    match (must, last.ident.to_string().as_str(), types.as_slice()) {
        (Must::InWindow, "List", [item]) => vec![(Must::Carried, item)],
        (Must::Shown, "List" | "Bound" | "Presence", [item]) => vec![(Must::Carried, item)],
        (Must::Shown, "Form", [values]) => vec![(Must::Carried, values), (Must::Validated, values)],
        (Must::Shown, "Map", [key, value]) => vec![(Must::Keyed, key), (Must::Carried, value)],
        (Must::Answered, "Result", [value] | [value, _]) => vec![(Must::Carried, value)],
        _ => Vec::new(),
    }
}
