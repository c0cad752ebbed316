//! `#[wire]`: a type that both sides understand. Adds derives and names, changes nothing.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Field, Fields, LitStr, Meta, Type, parse_quote};

use crate::case::{
    Complaints, Names, RESERVED_FIELDS, borrowed, camel, is_option, serde_words, without_self,
};
use crate::demand::{Demands, Must};

/// Field attributes of serde after which the field's own type is not what travels.
const OWN_WAY: &[&str] = &["skip", "with", "serialize_with", "deserialize_with"];

pub(crate) fn expand(attribute: &TokenStream, mut input: DeriveInput) -> TokenStream {
    let mut complaints = Complaints::default();
    if !attribute.is_empty() {
        complaints.push(
            attribute.span(),
            "`#[wire]` takes nothing: serde's attributes say the rest, such as `#[serde(default)]`",
        );
    }
    check_shape(&input, &mut complaints);
    check_derives(&input.attrs, &mut complaints);
    let owner = input.ident.clone();
    let mut carried = Vec::new();
    match &mut input.data {
        Data::Struct(data) => fields(&owner, &mut data.fields, &mut carried, &mut complaints),
        Data::Enum(data) => {
            for variant in &mut data.variants {
                check_tag(&input.attrs, &variant.fields, &mut complaints);
                fields(&owner, &mut variant.fields, &mut carried, &mut complaints);
            }
        }
        Data::Union(_) => {}
    }
    if !complaints.is_empty() {
        return refused(input, complaints);
    }
    let mut demands = Demands::new(&owner, 0);
    let granted: Vec<_> = carried.iter().map(|ty| demands.make(Must::Carried, ty, &[])).collect();
    let demands = demands.into_impls();
    let bound = quote!(#(#granted),*);
    let attributes = container(&input, &bound);
    quote! {
        #(#attributes)*
        #input
        const _: () = {
            #[automatically_derived]
            impl ::fluxstack_live::__private::Wire for #owner {}
            #(#demands)*
        };
    }
}

/// The derives and what serde and ts-rs have to know about the type as a whole.
fn container(input: &DeriveInput, bound: &TokenStream) -> Vec<Attribute> {
    let words = serde_words(&input.attrs);
    let has = |word: &str| words.iter().any(|found| found == word);
    let mut settings = vec![quote!(crate = "::fluxstack_live::__private::serde")];
    if !bound.is_empty() {
        let bound = LitStr::new(&bound.to_string(), Span::call_site());
        settings.push(quote!(bound = #bound));
    }
    if !has("rename_all") {
        settings.push(quote!(rename_all = "camelCase"));
    }
    if let Data::Enum(body) = &input.data {
        let plain = body.variants.iter().all(|variant| matches!(variant.fields, Fields::Unit));
        if !plain && !has("rename_all_fields") {
            settings.push(quote!(rename_all_fields = "camelCase"));
        }
        if !plain && !has("tag") && !has("untagged") {
            settings.push(quote!(tag = "type"));
        }
    }
    vec![
        parse_quote!(#[derive(
            ::fluxstack_live::__private::serde::Serialize,
            ::fluxstack_live::__private::serde::Deserialize,
            ::fluxstack_live::__private::ts_rs::TS
        )]),
        parse_quote!(#[serde(#(#settings),*)]),
        parse_quote!(#[ts(crate = "::fluxstack_live::__private::ts_rs")]),
    ]
}

fn check_shape(input: &DeriveInput, complaints: &mut Complaints) {
    if !input.generics.params.is_empty() {
        complaints.push(
            input.generics.span(),
            "a type that travels has no generics, because TypeScript gets one declaration of it: write one type for each use",
        );
    }
    match &input.data {
        Data::Struct(_) => {}
        Data::Enum(data) => {
            for variant in &data.variants {
                if let Fields::Unnamed(fields) = &variant.fields {
                    let name = &variant.ident;
                    complaints.push(
                        fields.span(),
                        format!("TypeScript reads fields by name: write `{name} {{ name: Type }}`"),
                    );
                }
            }
        }
        Data::Union(data) => complaints.push(data.union_token.span, "a union cannot travel: use an enum"),
    }
}

/// A field cannot have the name that tells the variants apart.
fn check_tag(attributes: &[Attribute], fields: &Fields, complaints: &mut Complaints) {
    let words = serde_words(attributes);
    if words.iter().any(|word| word == "tag" || word == "untagged") {
        return;
    }
    for ident in fields.iter().filter_map(|field| field.ident.as_ref()) {
        if camel(ident) == "type" {
            complaints
                .push(ident.span(), "`type` tells the variants apart: choose another name for this field");
        }
    }
}

fn check_derives(attributes: &[Attribute], complaints: &mut Complaints) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        let Meta::List(list) = &attribute.meta else { continue };
        let paths = syn::punctuated::Punctuated::<syn::Path, syn::Token![,]>::parse_terminated;
        for path in paths.parse2(list.tokens.clone()).into_iter().flatten() {
            if let Some(last) = path.segments.last()
                && ["Serialize", "Deserialize", "TS"].iter().any(|name| last.ident == name)
            {
                complaints
                    .push(path.span(), format!("`#[wire]` derives `{}` already: drop it here", last.ident));
            }
        }
    }
}

/// Collects the types that must be able to travel, and marks the fields that may be left out.
fn fields(owner: &Ident, fields: &mut Fields, carried: &mut Vec<Type>, complaints: &mut Complaints) {
    let mut names = Names::default();
    for field in fields {
        let words = serde_words(&field.attrs);
        let has = |word: &str| words.iter().any(|found| found == word);
        if let (Some(ident), false) = (&field.ident, has("rename") || has("skip") || has("flatten")) {
            names.claim(ident, "field", RESERVED_FIELDS, complaints);
        }
        if OWN_WAY.iter().any(|word| has(word)) {
            continue;
        }
        match borrowed(&field.ty) {
            Some((span, message)) => complaints.push(span, message),
            None => carried.push(without_self(&field.ty, owner)),
        }
        may_be_left_out(field, &words);
    }
}

/// Tells TypeScript that a value for this field need not be given, if serde says so.
fn may_be_left_out(field: &mut Field, words: &[String]) {
    let has = |word: &str| words.iter().any(|found| found == word);
    let told = field.attrs.iter().any(|attribute| attribute.path().is_ident("ts"));
    if field.ident.is_none() || told || has("skip_serializing_if") || has("flatten") {
        return;
    }
    if has("default") || is_option(&field.ty) {
        field.attrs.push(parse_quote!(#[ts(as = "::fluxstack_live::__private::MayBeLeftOut<_>")]));
    }
}

/// The item with its complaints, and with empty impls so that its uses are not errors as well.
fn refused(mut input: DeriveInput, complaints: Complaints) -> TokenStream {
    let errors = complaints.take();
    let ours = |attribute: &Attribute| attribute.path().is_ident("serde") || attribute.path().is_ident("ts");
    let strip = |fields: &mut Fields| {
        for field in fields {
            field.attrs.retain(|attribute| !ours(attribute));
        }
    };
    input.attrs.retain(|attribute| !ours(attribute) && !attribute.path().is_ident("derive"));
    match &mut input.data {
        Data::Struct(data) => strip(&mut data.fields),
        Data::Enum(data) => data.variants.iter_mut().for_each(|variant| {
            variant.attrs.retain(|attribute| !ours(attribute));
            strip(&mut variant.fields);
        }),
        Data::Union(_) => {}
    }
    if !input.generics.params.is_empty() {
        return quote!(#input #errors);
    }
    let owner = &input.ident;
    quote! {
        #input
        #errors
        const _: () = {
            use ::fluxstack_live::__private::{serde, ts_rs};
            impl serde::Serialize for #owner {
                fn serialize<S: serde::Serializer>(&self, out: S) -> ::core::result::Result<S::Ok, S::Error> {
                    out.serialize_unit()
                }
            }
            impl<'de> serde::Deserialize<'de> for #owner {
                fn deserialize<D: serde::Deserializer<'de>>(_: D) -> ::core::result::Result<Self, D::Error> {
                    ::core::result::Result::Err(serde::de::Error::custom("refused"))
                }
            }
            impl ts_rs::TS for #owner {
                type WithoutGenerics = Self;
                type OptionInnerType = Self;
                fn name(_: &ts_rs::Config) -> ::std::string::String {
                    ::std::string::String::new()
                }
                fn inline(_: &ts_rs::Config) -> ::std::string::String {
                    ::std::string::String::new()
                }
            }
            impl ::fluxstack_live::__private::Wire for #owner {}
        };
    }
}
