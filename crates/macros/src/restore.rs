//! The part of `impl State` that leads back: versions, the chain of shapes, and what is kept.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Type;
use syn::ext::IdentExt as _;

use crate::demand::{Demands, Must};
use crate::settings::{Settings, shown};

/// A private field that is written down with the state.
pub(crate) struct KeptField {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
}

/// What the older shapes and the kept fields have to be. Answers with the bounds that grant it.
pub(crate) fn demand(demands: &mut Demands<'_>, settings: &Settings, kept: &[KeptField]) -> Vec<TokenStream> {
    let former = &settings.former;
    let mut granted: Vec<_> = former.iter().map(|ty| demands.make(Must::Former, ty, &[])).collect();
    granted.extend(former.windows(2).map(|pair| demands.step(&pair[0], &pair[1])));
    granted.extend(former.last().map(|last| demands.pour(last)));
    granted.extend(kept.iter().map(|field| demands.make(Must::Kept, &field.ty, &[])));
    granted
}

/// The consts of a version.
pub(crate) fn consts(settings: &Settings, kept: &[KeptField]) -> TokenStream {
    let Settings { version, serves, .. } = settings;
    let keeps = !kept.is_empty();
    quote! {
        const VERSION: u32 = #version;
        const SERVES: u32 = #serves;
        const KEEPS: bool = #keeps;
    }
}

/// `restore`, for `pub` fields of these names, in Rust and on the wire.
pub(crate) fn restore(
    settings: &Settings,
    ident: &[&Ident],
    rust: &[String],
    wire: &[&String],
) -> TokenStream {
    let oldest = settings.oldest;
    let chain = chain(settings);
    quote! {
        fn restore(
            &mut self,
            schema: u32,
            state: &[u8],
        ) -> ::core::result::Result<(), ::fluxstack_live::__private::RestoreError> {
            let written = ::fluxstack_live::__private::Written::open::<Self>(schema, #oldest, state)?;
            if written.is_present() {
                for (name, json) in written.fields()? {
                    let _ = json;
                    match &*name {
                        #(#wire => written.check(
                            #rust,
                            ::fluxstack_live::__private::Field::restore(&mut self.#ident, json),
                        )?,)*
                        _ => {}
                    }
                }
            }
            #chain
            let mut turn = ::fluxstack_live::__private::Turn::begin(0);
            let _ = &mut turn;
            #(turn.prove(#rust, &self.#ident)?;)*
            ::core::result::Result::Ok(())
        }
    }
}

/// Each shape is read if its version wrote the state, and made of the one before it otherwise.
fn chain(settings: &Settings) -> TokenStream {
    let Some(last) = settings.former.last() else { return TokenStream::new() };
    let mut before: Option<&Type> = None;
    let steps = settings.former.iter().zip(settings.oldest..).map(|(ty, at)| {
        let name = shown(ty);
        let made = match before.replace(ty) {
            None => quote!(::core::option::Option::None),
            Some(old) => quote!(old.map(<#ty as ::fluxstack_live::__private::Follows<#old>>::follow)),
        };
        quote! {
            let old: ::core::option::Option<#ty> = written.step(#at, #name, #made)?;
        }
    });
    quote! {
        #(#steps)*
        if let ::core::option::Option::Some(old) = old {
            <Self as ::fluxstack_live::__private::Migrate<#last>>::migrate(self, old);
        }
    }
}

/// `kept` and `restore_kept`.
pub(crate) fn keep(settings: &Settings, kept: &[KeptField]) -> TokenStream {
    let oldest = settings.oldest;
    let ident: Vec<_> = kept.iter().map(|field| &field.ident).collect();
    // Nobody else reads these, so they are called what they are called in Rust.
    let rust: Vec<_> = ident.iter().map(|ident| ident.unraw().to_string()).collect();
    let lead: Vec<_> = rust
        .iter()
        .enumerate()
        .map(|(at, name)| format!("{}\"{name}\":", if at == 0 { "{" } else { "," }))
        .collect();
    let close = if kept.is_empty() { "{}" } else { "}" };
    quote! {
        fn kept(
            &self,
            out: &mut ::std::vec::Vec<u8>,
        ) -> ::core::result::Result<(), ::fluxstack_live::__private::FlushError> {
            #(
                out.extend_from_slice(#lead.as_bytes());
                ::fluxstack_live::__private::keep(#rust, &self.#ident, out)?;
            )*
            out.extend_from_slice(#close.as_bytes());
            ::core::result::Result::Ok(())
        }

        fn restore_kept(
            &mut self,
            schema: u32,
            json: &[u8],
        ) -> ::core::result::Result<(), ::fluxstack_live::__private::RestoreError> {
            let written = ::fluxstack_live::__private::Written::open::<Self>(schema, #oldest, json)?;
            for (name, json) in written.fields()? {
                let _ = json;
                match &*name {
                    #(#rust => written.check(
                        #rust,
                        ::fluxstack_live::__private::Keep::restore(&mut self.#ident, json),
                    )?,)*
                    _ => {}
                }
            }
            ::core::result::Result::Ok(())
        }
    }
}
