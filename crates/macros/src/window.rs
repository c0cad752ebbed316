//! The part of `impl State` that differs for lists that are read in part, `#[state(window)]`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::state::Visible;

/// For each field in its order what is written in its place.
pub(crate) struct Windows {
    /// The name of the method that commits it.
    pub(crate) commit: Vec<TokenStream>,
    /// Its digest.
    pub(crate) digest: Vec<TokenStream>,
    /// Its part of a snapshot for clients.
    pub(crate) snapshot: Vec<TokenStream>,
    /// Its type in TypeScript.
    pub(crate) shown: Vec<TokenStream>,
    /// The methods that only a state with such a list has.
    pub(crate) methods: Option<TokenStream>,
}

/// `place` is where in `sent` stands what is remembered of a field, `lead` what stands before it in JSON.
pub(crate) fn windows(visible: &[Visible], place: &[TokenStream], lead: &[String]) -> Windows {
    let fields = || visible.iter().zip(place);
    let commit = visible
        .iter()
        .map(|field| if field.window { quote!(commit_window) } else { quote!(commit) })
        .collect();
    let digest = fields().map(|(Visible { ident, window, .. }, place)| match window {
        true => quote!(sent #place .digest()),
        false => quote!(::fluxstack_live::__private::Field::digest(&self.#ident, &sent #place)),
    });
    let snapshot = fields().map(|(Visible { ident, window, .. }, place)| match window {
        true => quote!(sent #place .snapshot(out)),
        false => quote!(::fluxstack_live::__private::Field::snapshot(&self.#ident, &sent #place, out)),
    });
    let shown = visible.iter().map(|Visible { ty, window, .. }| match window {
        true => quote!(::fluxstack_live::__private::window_type::<#ty>(types)),
        false => quote!(<#ty as ::fluxstack_live::__private::Field>::typescript(types)),
    });
    Windows {
        commit,
        digest: digest.collect(),
        snapshot: snapshot.collect(),
        shown: shown.collect(),
        methods: visible.iter().any(|field| field.window).then(|| methods(visible, place, lead)),
    }
}

/// Where in `sent` stands what the field itself remembers of what was last sent.
pub(crate) fn sent(visible: &[Visible], place: &[TokenStream]) -> Vec<TokenStream> {
    visible
        .iter()
        .zip(place)
        .map(|(field, place)| if field.window { quote!(sent #place .rows()) } else { quote!(&sent #place) })
        .collect()
}

fn methods(visible: &[Visible], place: &[TokenStream], lead: &[String]) -> TokenStream {
    let sent = sent(visible, place);
    let ident: Vec<_> = visible.iter().map(|field| &field.ident).collect();
    let lists = || visible.iter().zip(place).filter(|(field, _)| field.window);
    let (list, list_place): (Vec<_>, Vec<_>) = lists().map(|(field, place)| (&field.ident, place)).unzip();
    let list_wire: Vec<_> = lists().map(|(field, _)| &field.wire).collect();
    quote! {
        fn whole(&self, sent: &Self::Sent, out: &mut ::std::vec::Vec<u8>) {
            #(
                out.extend_from_slice(#lead.as_bytes());
                ::fluxstack_live::__private::Field::snapshot(&self.#ident, #sent, out);
            )*
            out.extend_from_slice(b"}");
        }

        fn read(
            &self,
            sent: &Self::Sent,
            list: &str,
            part: ::fluxstack_live::__private::Part,
            out: &mut ::std::vec::Vec<u8>,
        ) -> ::core::result::Result<(), ::fluxstack_live::__private::Error> {
            match list {
                #(#list_wire => sent #list_place .read(&self.#list, part, out),)*
                _ => return ::core::result::Result::Err(::fluxstack_live::__private::not_listed()),
            }
            ::core::result::Result::Ok(())
        }

        fn begin_lists_at(sent: &mut Self::Sent, rev: u64) {
            #(sent #list_place .begin_at(rev);)*
        }
    }
}
