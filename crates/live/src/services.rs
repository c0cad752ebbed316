//! What the application provides to its components, by type. Filled once, before the server starts.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

/// One value for each type.
#[derive(Default)]
pub(crate) struct Services(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Services {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, service: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(service));
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>()).cloned().and_then(|service| service.downcast().ok())
    }
}
