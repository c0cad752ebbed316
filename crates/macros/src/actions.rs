//! `#[actions]`: what clients may call. Reads signatures, adds `impl Actions`, leaves the block alone but for
//! `#[requires(…)]`, which it understands and the compiler would not.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, ImplItem, ImplItemFn, ItemImpl, Pat, ReturnType, Signature, Type, Visibility};

use crate::case::{Complaints, Names, RESERVED_ACTIONS, borrowed, camel, docs, last_segment, without_self};
use crate::demand::{ACTIONS, Demands, Must};
use crate::requires::{self, Requirement};

/// One method that clients may call.
struct Action {
    ident: Ident,
    wire: String,
    docs: String,
    cfg: Vec<Attribute>,
    is_async: bool,
    inputs: Vec<Input>,
    output: Type,
    requires: Vec<Requirement>,
}

enum Input {
    Cx,
    Value(Box<Value>),
}

/// An argument that clients give.
struct Value {
    wire: String,
    ty: Type,
}

pub(crate) fn expand(attribute: &TokenStream, mut block: ItemImpl) -> TokenStream {
    let mut complaints = Complaints::default();
    if !attribute.is_empty() {
        complaints.push(
            attribute.span(),
            "`#[actions]` takes nothing: write `#[actions] impl YourComponent { … }`",
        );
    }
    if let Some((_, path, _)) = &block.trait_ {
        complaints.push(
            path.span(),
            "`#[actions]` belongs on the component's own block: write `#[actions] impl YourComponent { … }`",
        );
    }
    if !block.generics.params.is_empty() {
        complaints.push(
            block.generics.span(),
            "a live component has no generics, because clients mount it by name",
        );
    }
    let Some(owner) =
        owner(&block.self_ty).filter(|_| block.trait_.is_none() && block.generics.params.is_empty())
    else {
        if complaints.is_empty() {
            complaints.push(
                block.self_ty.span(),
                "write the component's name here: `#[actions] impl YourComponent { … }`",
            );
        }
        block.items.iter_mut().for_each(requires::strip);
        let complaints = complaints.take();
        return quote!(#block #complaints);
    };
    let mut names = Names::default();
    let mut actions = Vec::new();
    for item in &block.items {
        match item {
            ImplItem::Fn(method) => actions.extend(read(method, &owner, &mut names, &mut complaints)),
            other => complaints.push(
                other.span(),
                "only methods belong in an `#[actions]` block: move this to a plain `impl` block",
            ),
        }
    }
    block.items.iter_mut().for_each(requires::strip);
    let self_ty = &block.self_ty;
    // A block with complaints still gets its impl, so that the complaints are the only errors.
    let implementation = implementation(&owner, self_ty, &actions);
    let complaints = complaints.take();
    quote! {
        #block
        #complaints
        #implementation
    }
}

fn owner(ty: &Type) -> Option<Ident> {
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            let last = path.path.segments.last()?;
            last.arguments.is_none().then(|| last.ident.clone())
        }
        Type::Group(group) => owner(&group.elem),
        Type::Paren(paren) => owner(&paren.elem),
        _ => None,
    }
}

fn read(
    method: &ImplItemFn,
    owner: &Ident,
    names: &mut Names,
    complaints: &mut Complaints,
) -> Option<Action> {
    let Signature { ident, inputs, output, generics, asyncness, unsafety, abi, .. } = &method.sig;
    let rust = ident.unraw();
    let mut good = true;
    let mut complain = |span: Span, message: String| {
        good = false;
        complaints.push(span, message);
    };
    if !matches!(method.vis, Visibility::Public(_)) {
        complain(
            ident.span(),
            format!(
                "every method of an `#[actions]` block can be called by clients: make it `pub fn {rust}`, or move it to a plain `impl` block"
            ),
        );
    }
    if let Some(token) = unsafety {
        complain(token.span, format!("clients call `{rust}` with whatever they like: it cannot be `unsafe`"));
    }
    if let Some(abi) = abi {
        complain(abi.span(), format!("clients call `{rust}` by its name: drop the `extern`"));
    }
    if !generics.params.is_empty() {
        complain(
            generics.params.span(),
            format!("clients have to know the types of `{rust}`: name them instead of using generics"),
        );
    }
    let mut arguments = inputs.iter();
    match arguments.next() {
        Some(FnArg::Receiver(receiver)) => {
            let by_mut = receiver.mutability.is_some() && receiver.reference.is_some();
            if !by_mut || receiver.colon_token.is_some() {
                complain(
                    receiver.span(),
                    format!("an action works on the instance: take `&mut self` in `{rust}`"),
                );
            }
        }
        first => complain(
            first.map_or_else(|| ident.span(), Spanned::span),
            format!(
                "an action works on the instance: begin with `&mut self`, as in `pub fn {rust}(&mut self)`, or move it to a plain `impl` block"
            ),
        ),
    }
    if !generics.params.is_empty() {
        return None;
    }
    let mut found = Vec::new();
    for argument in inputs {
        let FnArg::Typed(argument) = argument else { continue };
        if let Some(attribute) = argument.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
            // The page's types are generated once, so an argument cannot come and go.
            complain(
                attribute.span(),
                "an argument is always there: put the `#[cfg]` on the whole action".into(),
            );
            continue;
        }
        if is_cx(&argument.ty) {
            if found.iter().any(|input| matches!(input, Input::Cx)) {
                complain(argument.span(), "one `cx` is enough".into());
            }
            found.push(Input::Cx);
            continue;
        }
        let Pat::Ident(pattern) = &*argument.pat else {
            complain(
                argument.pat.span(),
                "clients give arguments by name: write `name: Type` and take it apart inside".into(),
            );
            continue;
        };
        if let Some((at, _)) = &pattern.subpat {
            complain(
                at.span,
                "clients give arguments by name: write `name: Type` and take it apart inside".into(),
            );
            continue;
        }
        let wire = camel(&pattern.ident);
        if wire.is_empty() || crate::case::RESERVED_FIELDS.contains(&wire.as_str()) {
            let name = pattern.ident.unraw();
            complain(
                pattern.ident.span(),
                format!("`{name}` means something else in JavaScript: choose another name for this argument"),
            );
            continue;
        }
        let taken = |input: &Input| matches!(input, Input::Value(other) if other.wire == wire);
        if found.iter().any(taken) {
            complain(
                pattern.ident.span(),
                format!("two arguments would be `{wire}` in JavaScript: rename one"),
            );
            continue;
        }
        if let Some((span, message)) = borrowed(&argument.ty) {
            complain(span, message.into());
            continue;
        }
        found.push(Input::Value(Box::new(Value { wire, ty: without_self(&argument.ty, owner) })));
    }
    let output = match output {
        ReturnType::Default => syn::parse_quote_spanned!(ident.span()=> ()),
        ReturnType::Type(_, ty) => {
            if let Some((span, message)) = borrowed(ty) {
                complain(span, message.into());
            }
            without_self(ty, owner)
        }
    };
    let wire = names.claim(ident, "action", RESERVED_ACTIONS, complaints)?;
    let requires = requires::of_action(&method.attrs, complaints);
    let cfg = method.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect();
    good.then(|| Action {
        ident: ident.clone(),
        wire,
        docs: docs(&method.attrs),
        cfg,
        is_async: asyncness.is_some(),
        inputs: found,
        output,
        requires,
    })
}

fn is_cx(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => last_segment(&reference.elem).is_some_and(|last| last == "Cx"),
        _ => false,
    }
}

/// The demands on types, and the impl that takes them for granted.
fn implementation(owner: &Ident, self_ty: &Type, actions: &[Action]) -> TokenStream {
    let mut demands = Demands::new(self_ty, ACTIONS);
    let mut arms = Vec::new();
    let mut shapes = Vec::new();
    for action in actions {
        let mut granted = Vec::new();
        for input in &action.inputs {
            if let Input::Value(value) = input {
                granted.push(demands.make(Must::Carried, &value.ty, &action.cfg));
            }
        }
        granted.push(demands.make(Must::Answered, &action.output, &action.cfg));
        arms.push(arm(self_ty, action, &granted));
        shapes.push(shape(action, &granted));
    }
    let demands = demands.into_impls();
    let count = shapes.len();
    let [action, args, cx] = ["action", "args", "cx"].map(own);
    let waits = actions
        .iter()
        .filter(|action| action.is_async)
        .map(|Action { wire, cfg, .. }| quote!(#(#cfg)* #wire => true,));
    quote_spanned! {owner.span()=>
        const _: () = {
            #(#demands)*
            #[automatically_derived]
            #[allow(deprecated)]
            impl ::fluxstack_live::__private::Actions for #self_ty {
                async fn dispatch(
                    &mut self,
                    #action: &str,
                    #args: &[u8],
                    #cx: &mut ::fluxstack_live::__private::Cx<Self>,
                ) -> ::fluxstack_live::__private::Outcome
                where
                    for<'__live> Self: ::fluxstack_live::__private::Component,
                {
                    let _ = (&#args, &#cx);
                    match #action {
                        #(#arms)*
                        _ => ::core::result::Result::Err(::fluxstack_live::__private::not_callable()),
                    }
                }

                fn waits(#action: &str) -> bool {
                    match #action {
                        #(#waits)*
                        _ => false,
                    }
                }

                fn describe(
                    types: &mut ::fluxstack_live::__private::Types,
                ) -> ::std::vec::Vec<::fluxstack_live::__private::ActionShape> {
                    let mut shapes = ::std::vec::Vec::new();
                    shapes.reserve(#count);
                    let _ = &types;
                    #(#shapes)*
                    shapes
                }
            }
        };
    }
}

/// A name of our own, so that a function the author names in `requires` may be called the same.
fn own(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// One arm of `dispatch`. An async action's future is promised to be `Send` here, at its own name, so
/// that a future which is not is complained of where it was written.
fn arm(self_ty: &Type, action: &Action, granted: &[TokenStream]) -> TokenStream {
    let Action { ident, wire, cfg, requires, .. } = action;
    let [this, args, cx] = ["this", "args", "cx"].map(own);
    // First of all: who may not call does not learn what the arguments should have been.
    let checks = requires::checks(requires, self_ty, &cx, Some(&this));
    let mut names = Vec::new();
    let mut values = Vec::new();
    for input in &action.inputs {
        values.push(match input {
            Input::Cx => quote!(#cx),
            Input::Value(value) => {
                let at = names.len();
                names.push(&value.wire);
                quote!(#args.take(#at)?)
            }
        });
    }
    let count = names.len();
    let parse = quote! {
        #checks
        let _ = &#cx;
        let #args = ::fluxstack_live::__private::Args::<#count>::parse(#args, [#(#names),*])?;
        let _ = &#args;
    };
    let granted = quote! {
        for<'__live> #self_ty: ::fluxstack_live::__private::Component,
        #(#granted,)*
    };
    if !action.is_async {
        return quote! {
            #(#cfg)*
            #wire => {
                fn __live_call(
                    #this: &mut #self_ty,
                    #args: &[u8],
                    #cx: &mut ::fluxstack_live::__private::Cx<#self_ty>,
                ) -> ::fluxstack_live::__private::Outcome
                where
                    #granted
                {
                    #parse
                    ::fluxstack_live::__private::IntoOutcome::into_outcome(<#self_ty>::#ident(#this, #(#values),*))
                }
                __live_call(self, #args, #cx)
            }
        };
    }
    let future = quote_spanned! {ident.span()=>
        impl ::core::future::Future<Output = ::fluxstack_live::__private::Outcome> + ::core::marker::Send + '__call
    };
    quote! {
        #(#cfg)*
        #wire => {
            fn __live_call<'__call>(
                #this: &'__call mut #self_ty,
                #args: &'__call [u8],
                #cx: &'__call mut ::fluxstack_live::__private::Cx<#self_ty>,
            ) -> #future
            where
                #granted
            {
                async move {
                    #parse
                    ::fluxstack_live::__private::IntoOutcome::into_outcome(<#self_ty>::#ident(#this, #(#values),*).await)
                }
            }
            __live_call(self, #args, #cx).await
        }
    }
}

/// One action for `live.gen.ts`.
fn shape(action: &Action, granted: &[TokenStream]) -> TokenStream {
    let Action { wire, docs, cfg, output, .. } = action;
    let arguments = action.inputs.iter().filter_map(|input| match input {
        Input::Cx => None,
        Input::Value(value) => {
            let Value { wire, ty } = &**value;
            Some(quote!(types.argument::<#ty>(#wire)))
        }
    });
    quote! {
        #(#cfg)*
        {
            fn shape(
                types: &mut ::fluxstack_live::__private::Types,
            ) -> ::fluxstack_live::__private::ActionShape
            where
                #(#granted,)*
            {
                ::fluxstack_live::__private::ActionShape {
                    name: #wire,
                    args: ::std::vec![#(#arguments),*],
                    result: <#output as ::fluxstack_live::__private::IntoOutcome>::typescript(types),
                    docs: #docs,
                }
            }
            shapes.push(shape(types));
        }
    }
}
