//! Names: what a Rust name is called on the wire, and which names nobody may have there.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token, Type};

/// Every complaint about one item, collected so that the author sees them all.
#[derive(Default)]
pub(crate) struct Complaints(Option<syn::Error>);

impl Complaints {
    pub(crate) fn push(&mut self, span: Span, message: impl std::fmt::Display) {
        let error = syn::Error::new(span, message);
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn take(self) -> TokenStream {
        self.0.map(|error| error.to_compile_error()).unwrap_or_default()
    }
}

/// `set_step` → `setStep`, exactly as serde's `camelCase` does it.
pub(crate) fn camel(ident: &Ident) -> String {
    let mut name = String::new();
    let mut upper = false;
    for letter in ident.unraw().to_string().chars() {
        if letter == '_' {
            upper = !name.is_empty();
        } else if upper {
            name.push(letter.to_ascii_uppercase());
            upper = false;
        } else if name.is_empty() {
            name.push(letter.to_ascii_lowercase());
        } else {
            name.push(letter);
        }
    }
    name
}

/// Field names a JavaScript object has a meaning of its own for.
pub(crate) const RESERVED_FIELDS: &[&str] = &["__proto__", "constructor", "prototype"];

/// Action names that would be mistaken for something every object, promise or older server has.
pub(crate) const RESERVED_ACTIONS: &[&str] = &[
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "prototype",
    "setValue",
    "then",
    "toJSON",
    "toString",
    "valueOf",
];

/// The names seen so far on the wire, with the Rust names they came from.
#[derive(Default)]
pub(crate) struct Names(Vec<(String, Ident)>);

impl Names {
    /// Takes in `ident`, or complains that its wire name is reserved or taken.
    pub(crate) fn claim(
        &mut self,
        ident: &Ident,
        what: &str,
        reserved: &[&str],
        complaints: &mut Complaints,
    ) -> Option<String> {
        let name = camel(ident);
        let rust = ident.unraw();
        if name.is_empty() {
            complaints.push(
                ident.span(),
                format!("`{rust}` has no name left on the wire: give the {what} a name with letters"),
            );
            return None;
        }
        // camelCase drops leading underscores, but an author who writes `__proto__` means trouble anyway.
        if reserved.iter().any(|word| *word == name || rust == word) {
            complaints.push(
                ident.span(),
                format!(
                    "`{}` means something else in JavaScript: choose another name for this {what}",
                    if rust == name.as_str() { name } else { format!("{rust}` or `{name}") }
                ),
            );
            return None;
        }
        if let Some((_, other)) = self.0.iter().find(|(taken, _)| *taken == name) {
            complaints.push(
                ident.span(),
                format!(
                    "`{rust}` and `{}` would both be `{name}` in JavaScript: rename one of the two {what}s",
                    other.unraw()
                ),
            );
            return None;
        }
        self.0.push((name.clone(), ident.clone()));
        Some(name)
    }
}

/// The doc comment, without the space each line begins with.
pub(crate) fn docs(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned())
        .collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// `ty` with `Self` replaced, for places where `Self` would be somebody else.
pub(crate) fn without_self(ty: &Type, owner: &Ident) -> Type {
    fn replace(tokens: TokenStream, owner: &Ident) -> TokenStream {
        tokens
            .into_iter()
            .map(|token| match token {
                TokenTree::Ident(ident) if ident == "Self" => {
                    let mut owner = owner.clone();
                    owner.set_span(ident.span());
                    TokenTree::Ident(owner)
                }
                TokenTree::Group(group) => {
                    let mut replaced =
                        proc_macro2::Group::new(group.delimiter(), replace(group.stream(), owner));
                    replaced.set_span(group.span());
                    TokenTree::Group(replaced)
                }
                token => token,
            })
            .collect()
    }
    syn::parse2(replace(quote::ToTokens::to_token_stream(ty), owner)).unwrap_or_else(|_| ty.clone())
}

/// Whether the type is written `Option<…>`.
pub(crate) fn is_option(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|last| last == "Option")
}

/// The last name in a type that is a path.
pub(crate) fn last_segment(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            path.path.segments.last().map(|last| last.ident.to_string())
        }
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// Where in a type something is that cannot be owned by what travels, and what to say about it.
pub(crate) fn borrowed(ty: &Type) -> Option<(Span, &'static str)> {
    match ty {
        Type::Reference(reference) => Some((
            reference.span(),
            "a reference cannot travel: take the value, for instance `String` instead of `&str`",
        )),
        Type::ImplTrait(found) => Some((found.span(), "name the type: both sides have to know it")),
        Type::Infer(found) => Some((found.span(), "name the type: both sides have to know it")),
        Type::Paren(paren) => borrowed(&paren.elem),
        Type::Group(group) => borrowed(&group.elem),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(borrowed),
        Type::Array(array) => borrowed(&array.elem),
        Type::Path(path) => path.path.segments.iter().find_map(|segment| match &segment.arguments {
            syn::PathArguments::AngleBracketed(arguments) => {
                arguments.args.iter().find_map(|argument| match argument {
                    syn::GenericArgument::Type(ty) => borrowed(ty),
                    syn::GenericArgument::Lifetime(lifetime) if lifetime.ident != "static" => {
                        Some((lifetime.span(), "what travels has no lifetimes: take the owned type"))
                    }
                    _ => None,
                })
            }
            _ => None,
        }),
        _ => None,
    }
}

/// The words in `#[serde(...)]` attributes, without their values.
pub(crate) fn serde_words(attributes: &[Attribute]) -> Vec<String> {
    let mut words = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let Ok(list) =
            attribute.parse_args_with(syn::punctuated::Punctuated::<Meta, Token![,]>::parse_terminated)
        else {
            continue;
        };
        words.extend(list.iter().filter_map(|meta| meta.path().get_ident().map(ToString::to_string)));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_serde_spells_them() {
        for (rust, wire) in [
            ("step", "step"),
            ("set_step", "setStep"),
            ("a_b_c", "aBC"),
            ("_x", "x"),
            ("x2_y", "x2Y"),
            ("__proto__", "proto"),
        ] {
            assert_eq!(camel(&Ident::new(rust, Span::call_site())), wire);
        }
        assert_eq!(camel(&Ident::new_raw("type", Span::call_site())), "type");
    }
}
