//! What can be mounted, by name.
//!
//! Filled by hand (`.component::<C>()`) or with everything linked into the binary (`.discover()`); closed
//! before the first connection. From here on a component is a name and two functions: its type is known
//! only inside its instances.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use crate::component::Component;
use crate::instance::{self, Mount};
use crate::typescript::{ComponentShape, Types};

/// One component, by name, without its type. Submitted at link time by `#[derive(State)]`.
#[derive(Clone, Copy)]
pub struct Registration {
    pub(crate) name: &'static str,
    pub(crate) rust_name: fn() -> &'static str,
    /// Its version, and the oldest one that a page may have been made for.
    pub(crate) version: u32,
    pub(crate) serves: u32,
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
