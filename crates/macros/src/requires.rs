//! `requires(…)`: what is demanded of whoever calls. On a component in `#[state(…)]`, on an action by itself.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Attribute, Ident, ImplItem, LitStr, Meta, Path, Token};

use crate::case::Complaints;

/// What to write; the end of every complaint.
const WORDS: &str = "`signed_in`, `role = \"…\"`, `permission = \"…\"`, or `with = path::to::a_function`";

/// One thing that is demanded.
#[derive(Clone)]
pub(crate) enum Requirement {
    SignedIn(Span),
    Role(LitStr),
    Permission(LitStr),
    With(Path),
}

/// What stands between the parentheses. All of it is demanded.
pub(crate) fn list(input: ParseStream<'_>) -> syn::Result<Vec<Requirement>> {
    if input.is_empty() {
        return Err(syn::Error::new(input.span(), format!("say what is required: {WORDS}")));
    }
    let mut requirements = Vec::new();
    while !input.is_empty() {
        requirements.push(one(input)?);
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    Ok(requirements)
}

fn one(input: ParseStream<'_>) -> syn::Result<Requirement> {
    let unknown = |span| syn::Error::new(span, format!("what can be required is {WORDS}"));
    let word: Ident = input.parse().map_err(|error| unknown(error.span()))?;
    if word == "signed_in" {
        return if input.peek(Token![=]) {
            Err(syn::Error::new(word.span(), "`signed_in` says all there is to say: drop what follows it"))
        } else {
            Ok(Requirement::SignedIn(word.span()))
        };
    }
    if word != "role" && word != "permission" && word != "with" {
        return Err(unknown(word.span()));
    }
    if !input.peek(Token![=]) {
        return Err(syn::Error::new(word.span(), format!("say which: {WORDS}")));
    }
    input.parse::<Token![=]>()?;
    if word == "with" {
        let said = "name a function: `with = may_edit`";
        let path = input.parse::<Path>().map_err(|error| syn::Error::new(error.span(), said))?;
        return Ok(Requirement::With(path));
    }
    let said = format!("write its name in quotes: `{word} = \"admin\"`");
    let name: LitStr = input.parse().map_err(|error| syn::Error::new(error.span(), &said))?;
    if name.value().trim().is_empty() {
        return Err(syn::Error::new(name.span(), said));
    }
    Ok(if word == "role" { Requirement::Role(name) } else { Requirement::Permission(name) })
}

/// Whether this is a `#[requires(…)]`.
fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "requires")
}

/// What the attributes of an action demand.
pub(crate) fn of_action(attributes: &[Attribute], complaints: &mut Complaints) -> Vec<Requirement> {
    let mut requirements = Vec::new();
    for attribute in attributes.iter().filter(|attribute| is_ours(attribute)) {
        let read = match &attribute.meta {
            Meta::List(tokens) => list.parse2(tokens.tokens.clone()).map_err(|error| {
                // What is missing has no place of its own.
                if tokens.tokens.is_empty() { syn::Error::new(attribute.span(), error) } else { error }
            }),
            other => {
                let said = format!("say what is required, in parentheses: {WORDS}");
                Err(syn::Error::new(other.span(), said))
            }
        };
        match read {
            Ok(read) => requirements.extend(read),
            Err(error) => complaints.push(error.span(), error),
        }
    }
    requirements
}

/// Takes the attributes off what is handed back to the compiler, which does not know them.
pub(crate) fn strip(item: &mut ImplItem) {
    let attributes = match item {
        ImplItem::Fn(method) => &mut method.attrs,
        // They do not belong there, which is said already.
        ImplItem::Const(item) => &mut item.attrs,
        ImplItem::Type(item) => &mut item.attrs,
        ImplItem::Macro(item) => &mut item.attrs,
        _ => return,
    };
    attributes.retain(|attribute| !is_ours(attribute));
}

/// What to say to an author who put it anywhere else.
pub(crate) const MISPLACED: &str = "`#[requires(…)]` belongs on a method in an `#[actions]` block; for a whole component write `#[state(requires(…))]`";

/// The checks, in the order they were written, as statements that leave with `?`. `owner` is the component, `cx` its
/// context; `this` is the instance, of which there is none yet for a component's own demand.
pub(crate) fn checks(
    requirements: &[Requirement],
    owner: &dyn ToTokens,
    cx: &Ident,
    this: Option<&Ident>,
) -> TokenStream {
    let checks = requirements.iter().map(|requirement| match requirement {
        Requirement::SignedIn(span) => quote_spanned! {*span=>
            ::fluxstack_live::__private::signed_in(::fluxstack_live::__private::Cx::caller(&*#cx))?;
        },
        Requirement::Role(name) => quote! {
            ::fluxstack_live::__private::role(::fluxstack_live::__private::Cx::caller(&*#cx), #name)?;
        },
        Requirement::Permission(name) => quote! {
            ::fluxstack_live::__private::permission(::fluxstack_live::__private::Cx::caller(&*#cx), #name)?;
        },
        Requirement::With(path) => {
            let with = Ident::new("with", Span::mixed_site());
            let this_type = this.map(|_| quote!(&#owner,));
            let this = this.map(|this| quote!(&*#this,));
            // By its type, so that a function that does not fit is complained of at its name.
            quote! {
                let #with: fn(#this_type &::fluxstack_live::__private::Cx<#owner>)
                    -> ::core::result::Result<(), ::fluxstack_live::__private::Error> = #path;
                #with(#this &*#cx)?;
            }
        }
    });
    quote!(#({ #checks })*)
}
