//! `#[derive(State)]`: what the client sees of a struct. Adds one impl and the registration.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Fields, Type, Visibility};

use crate::case::{Complaints, Names, RESERVED_FIELDS, docs, without_self};
use crate::demand::{Demands, Must};
use crate::requires;
use crate::restore::{self, KeptField};
use crate::settings::{self, Settings};
use crate::window::{self, Windows};

/// A field the client sees.
pub(crate) struct Visible {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) wire: String,
    docs: String,
    /// How many milliseconds have to be between two times it is sent.
    every: Option<u16>,
    /// Whether it is read in part.
    pub(crate) window: bool,
}

impl Visible {
    fn must(&self) -> Must {
        if self.window { Must::InWindow } else { Must::Shown }
    }
}

pub(crate) fn expand(input: DeriveInput) -> TokenStream {
    let mut complaints = Complaints::default();
    let owner = &input.ident;
    let settings = settings::of_struct(&input, &mut complaints);
    let (visible, kept) = fields(&input, &mut complaints);
    if !input.generics.params.is_empty() {
        complaints.push(
            input.generics.span(),
            format!("a live component has no generics, because clients mount it by name: write one struct for each kind of `{owner}`"),
        );
        return complaints.take();
    }
    let mut demands = Demands::new(owner, 0);
    let mut granted: Vec<_> =
        visible.iter().map(|field| demands.make(field.must(), &field.ty, &[])).collect();
    granted.extend(restore::demand(&mut demands, &settings, &kept));
    let demands = demands.into_impls();
    let state = implementation(owner, &settings, &docs(&input.attrs), &visible, &kept, &granted);
    // A refused struct still gets its impls, so that the complaint is the only error.
    let complaints = complaints.take();
    let registration = quote_spanned! {owner.span()=>
        ::fluxstack_live::__private::Registration::of::<#owner>()
    };
    quote! {
        #complaints
        const _: () = {
            #(#demands)*
            #state
            ::fluxstack_live::__private::inventory::submit! { #registration }
        };
    }
}

/// The fields the client sees, and those that are kept besides.
fn fields(input: &DeriveInput, complaints: &mut Complaints) -> (Vec<Visible>, Vec<KeptField>) {
    let owner = &input.ident;
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => {
            complaints.push(
                data.enum_token.span,
                "a state is a struct, whose `pub` fields the client sees: put the enum into a field of one",
            );
            return (Vec::new(), Vec::new());
        }
        Data::Union(data) => {
            complaints.push(data.union_token.span, "a state is a struct, whose `pub` fields the client sees");
            return (Vec::new(), Vec::new());
        }
    };
    if let Fields::Unnamed(unnamed) = fields {
        complaints.push(
            unnamed.span(),
            format!("the client sees fields by name: write `struct {owner} {{ pub name: Type }}`"),
        );
        return (Vec::new(), Vec::new());
    }
    let mut names = Names::default();
    let (mut visible, mut kept) = (Vec::new(), Vec::new());
    for field in fields {
        let settings::OfField { keep, every, window } = settings::of_field(field, complaints);
        let Some(ident) = &field.ident else { continue };
        if keep {
            kept.push(KeptField { ident: ident.clone(), ty: without_self(&field.ty, owner) });
        }
        if !matches!(field.vis, Visibility::Public(_)) {
            continue;
        }
        if let Some(wire) = names.claim(ident, "field", RESERVED_FIELDS, complaints) {
            let ty = without_self(&field.ty, owner);
            let docs = docs(&field.attrs);
            visible.push(Visible { ident: ident.clone(), ty, wire, docs, every, window });
        }
    }
    (visible, kept)
}

fn implementation(
    owner: &Ident,
    settings: &Settings,
    docs: &str,
    visible: &[Visible],
    kept: &[KeptField],
    granted: &[TokenStream],
) -> TokenStream {
    let ident: Vec<_> = visible.iter().map(|field| &field.ident).collect();
    let ty: Vec<_> = visible.iter().map(|field| &field.ty).collect();
    let wire: Vec<_> = visible.iter().map(|field| &field.wire).collect();
    let text: Vec<_> = visible.iter().map(|field| &field.docs).collect();
    let rust: Vec<_> = ident.iter().map(|ident| ident.unraw().to_string()).collect();
    let at: Vec<_> = (0..visible.len()).collect();
    let count = visible.len();
    // A list of pairs, because tuples have a longest one.
    let sent_type = visible.iter().rev().fold(quote!(()), |rest, Visible { ty, window, .. }| {
        if *window {
            quote!((::fluxstack_live::__private::Window<#ty>, #rest))
        } else {
            quote!((<#ty as ::fluxstack_live::__private::Field>::Sent, #rest))
        }
    });
    let place: Vec<TokenStream> =
        at.iter().map(|at| std::iter::repeat_n(quote!(.1), *at).chain([quote!(.0)]).collect()).collect();
    let sent = window::sent(visible, &place);
    // Braces, names, colons and commas: what the state takes besides its values.
    let skeleton: usize = 2 + wire.iter().map(|name| name.len() + 4).sum::<usize>() - usize::from(count > 0);
    let lead: Vec<_> = wire
        .iter()
        .enumerate()
        .map(|(at, name)| format!("{}\"{name}\":", if at == 0 { "{" } else { "," }))
        .collect();
    let close = if count == 0 { "{}" } else { "}" };
    let Windows { commit, digest, snapshot, shown, methods } = window::windows(visible, &place, &lead);
    let name = &settings.name;
    let versions = restore::consts(settings, kept);
    let restore = restore::restore(settings, &ident, &rust, &wire);
    let keep = restore::keep(settings, kept);
    let demand = demand(owner, settings);
    let staged: Vec<_> = at.iter().map(|at| quote::format_ident!("staged_{at}")).collect();
    let paced = visible.iter().filter(|field| field.every.is_some()).count();
    let is_paced = paced > 0;
    let (begin, end) = match paced {
        0 => (quote!(let _ = pace;), TokenStream::new()),
        _ => (quote!(pace.begin(#paced);), quote!(pace.end();)),
    };
    let mut number = 0usize..;
    let lets =
        visible.iter().zip(&sent).zip(&staged).map(|((Visible { ident, every, .. }, sent), staged)| {
            let every = every.as_ref()?;
            let number = number.next();
            Some(quote!(if pace.lets(#number, #every, &self.#ident, #sent, &#staged, &turn)))
        });
    let lets: Vec<_> = lets.collect();
    quote! {
        #[automatically_derived]
        impl ::fluxstack_live::__private::State for #owner
        where
            #(#granted,)*
        {
            const NAME: &'static str = #name;
            const DOCS: &'static str = #docs;
            #versions
            const PACED: bool = #is_paced;
            const UPLOADS: usize = 0 #(+ <#ty as ::fluxstack_live::__private::Field>::IS_UPLOAD as usize)*;

            type Sent = #sent_type;

            fn flush(
                &mut self,
                sent: &mut Self::Sent,
                pace: &mut ::fluxstack_live::__private::Pace,
                limit: usize,
                out: &mut ::fluxstack_live::__private::Writer,
            ) -> ::core::result::Result<(), ::fluxstack_live::__private::FlushError> {
                let mut turn = ::fluxstack_live::__private::Turn::begin(#skeleton);
                #(let #staged = turn.stage(#rust, &self.#ident, #sent)?;)*
                turn.check(limit)?;
                #begin
                #(#lets { turn.#commit(#wire, &mut self.#ident, &mut sent #place, &#staged, out); })*
                #end
                let _ = (sent, out);
                ::core::result::Result::Ok(())
            }

            fn digest(&self, sent: &Self::Sent) -> u32 {
                static NAMES: ::fluxstack_live::__private::NameDigests<#count> =
                    ::fluxstack_live::__private::NameDigests::new(|| ::fluxstack_live::__private::name_digests([#(#wire),*]));
                let _ = sent;
                ::fluxstack_live::__private::object_digest(
                    &NAMES,
                    [#(#digest),*],
                )
            }

            fn snapshot(&self, sent: &Self::Sent, out: &mut ::std::vec::Vec<u8>) {
                let _ = sent;
                #(
                    out.extend_from_slice(#lead.as_bytes());
                    #snapshot;
                )*
                out.extend_from_slice(#close.as_bytes());
            }

            #methods

            fn recover(
                &mut self,
                mut broken: Self,
                sent: &Self::Sent,
            ) -> ::core::result::Result<(), ::fluxstack_live::__private::FlushError> {
                let _ = (&mut broken, sent);
                #(::fluxstack_live::__private::Field::salvage(&mut self.#ident, &mut broken.#ident, #sent);)*
                // What was moved out of a field may be anywhere in it, and is handed back when dropped.
                ::fluxstack_live::__private::discard(broken);
                #(::fluxstack_live::__private::recovered(#rust, ::fluxstack_live::__private::Field::recover(&mut self.#ident, #sent))?;)*
                ::core::result::Result::Ok(())
            }

            fn undo(
                &mut self,
                sent: &Self::Sent,
            ) -> ::core::result::Result<(), ::fluxstack_live::__private::FlushError> {
                let _ = sent;
                // All of them first: one may hold what another one needs.
                #(::fluxstack_live::__private::Field::evict(&mut self.#ident, #sent);)*
                #(::fluxstack_live::__private::recovered(#rust, ::fluxstack_live::__private::Field::recover(&mut self.#ident, #sent))?;)*
                ::core::result::Result::Ok(())
            }

            fn write(
                &mut self,
                field: &str,
                json: &[u8],
            ) -> ::core::result::Result<&'static str, ::fluxstack_live::__private::Error> {
                let _ = json;
                match field {
                    #(#wire => ::fluxstack_live::__private::written(
                        #rust,
                        #wire,
                        ::fluxstack_live::__private::Field::write(&mut self.#ident, json),
                    ),)*
                    _ => ::core::result::Result::Err(::fluxstack_live::__private::not_writable()),
                }
            }

            fn revert(&mut self, field: &str) {
                match field {
                    #(#wire => ::fluxstack_live::__private::Field::revert(&mut self.#ident),)*
                    _ => {}
                }
            }

            fn departed(&mut self, session: ::fluxstack_live::__private::SessionId) {
                let _ = session;
                #(::fluxstack_live::__private::Field::departed(&mut self.#ident, session);)*
            }

            fn each_upload<'__live>(
                &'__live mut self,
                each: &mut dyn FnMut(&'static str, &'static str, &'__live mut ::fluxstack_live::__private::Upload),
            ) {
                let _ = &each;
                #(
                    if let ::core::option::Option::Some(upload) =
                        ::fluxstack_live::__private::Field::upload_mut(&mut self.#ident)
                    {
                        each(#rust, #wire, upload);
                    }
                )*
            }

            #restore

            #keep

            #demand

            fn describe(
                types: &mut ::fluxstack_live::__private::Types,
            ) -> ::std::vec::Vec<::fluxstack_live::__private::FieldShape> {
                let _ = &types;
                ::std::vec![#(
                    ::fluxstack_live::__private::FieldShape {
                        name: #wire,
                        ty: #shown,
                        docs: #text,
                        writable: <#ty as ::fluxstack_live::__private::Field>::WRITABLE,
                    }
                ),*]
            }
        }
    }
}

/// Who may have an instance, if that is not everybody.
fn demand(owner: &Ident, settings: &Settings) -> Option<TokenStream> {
    if settings.requires.is_empty() {
        return None;
    }
    // Our own, so that a function the author names may be called the same.
    let cx = Ident::new("cx", Span::mixed_site());
    let checks = requires::checks(&settings.requires, owner, &cx, None);
    Some(quote! {
        fn demand(
            #cx: &::fluxstack_live::__private::Cx<Self>,
        ) -> ::core::result::Result<(), ::fluxstack_live::__private::Error>
        where
            for<'__live> Self: ::fluxstack_live::__private::Component,
        {
            #checks
            ::core::result::Result::Ok(())
        }
    })
}
