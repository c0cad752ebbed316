//! What can be mounted, by name.
//!
//! Filled by hand (`.component::<C>()`) or with everything linked into the binary (`.discover()`); closed
//! before the first connection. From here on a component is a name and two functions: its type is known
//! only inside its instances.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::component::{Component, Scope};
use crate::error::{Code, Error, Result};
use crate::instance::{self, Mount};
use crate::typescript::{ComponentShape, Types};
use crate::wire::props_from_json;

/// What a component makes of its props: the key of a shared instance, or nothing.
type ScopeOf = fn(Option<&[u8]>) -> Result<Option<Arc<str>>>;

/// One component, by name, without its type. Submitted at link time by `#[derive(State)]`.
#[derive(Clone, Copy)]
pub struct Registration {
    pub(crate) name: &'static str,
    pub(crate) rust_name: fn() -> &'static str,
    /// Its version, and the oldest one that a page may have been made for.
    pub(crate) version: u32,
    pub(crate) serves: u32,
    /// The key of the shared instance that these props mean; `None` for one that is private.
    pub(crate) scope: ScopeOf,
    pub(crate) run: fn(Mount) -> Pin<Box<dyn Future<Output = ()> + Send>>,
    pub(crate) describe: fn(&mut Types) -> ComponentShape,
}

impl Registration {
    /// The registration of `C`.
    #[must_use]
    pub const fn of<C: Component>() -> Self {
        Self {
            name: C::NAME,
            rust_name: std::any::type_name::<C>,
            version: C::VERSION,
            serves: C::SERVES,
            scope: scope_of::<C>,
            run: |mount| Box::pin(instance::run::<C>(mount)),
            describe: ComponentShape::of::<C>,
        }
    }

    /// Every component linked into this binary, in no particular order.
    pub(crate) fn discovered() -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>.into_iter()
    }
}

inventory::collect!(Registration);

/// Bytes that the key of a shared instance may have.
const LONGEST_KEY: usize = 256;

/// What the author says of props that a client sent. Runs in the session, so a panic ends here.
fn scope_of<C: Component>(props: Option<&[u8]>) -> Result<Option<Arc<str>>> {
    let scope = std::panic::catch_unwind(|| Ok::<_, Error>(C::scope(&props_from_json(props)?)));
    match scope {
        Ok(Ok(Scope::Private)) => Ok(None),
        Ok(Ok(Scope::Shared(key))) if key.len() <= LONGEST_KEY => Ok(Some(key.into())),
        Ok(Ok(Scope::Shared(_))) => {
            let said = format!("what names a shared instance has at most {LONGEST_KEY} bytes");
            Err(Error::new(Code::TooLarge, said))
        }
        Ok(Err(error)) => Err(error),
        Err(_) => {
            tracing::error!(component = C::NAME, "`scope` panicked");
            Err(Error::new(Code::ActionFailed, "this failed on the server; nothing was mounted"))
        }
    }
}

/// What can be mounted.
#[derive(Default)]
pub(crate) struct Registry(HashMap<&'static str, Registration>);

impl Registry {
    /// Adds one; the same component twice is once.
    ///
    /// # Errors
    /// The Rust names of two different components that want the same name.
    pub(crate) fn add(&mut self, registration: Registration) -> Result<(), [&'static str; 2]> {
        let named = self.0.entry(registration.name).or_insert(registration);
        let (there, new) = ((named.rust_name)(), (registration.rust_name)());
        if there == new { Ok(()) } else { Err([there, new]) }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Registration> {
        self.0.get(name)
    }
}
