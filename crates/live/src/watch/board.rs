//! What those who watch one name look with.

use std::any::Any;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fluxstack_live_protocol::InstanceId;

use super::WatchId;
use super::news::Slot;
use crate::component::Post;

/// All who watch one name. It stays while anybody does, whichever instances come and go.
#[derive(Default)]
pub(crate) struct Board {
    eyes: Mutex<BTreeMap<WatchId, Arc<dyn Eye>>>,
    /// The instance that was seen last, until it ended. Held while it is looked at, so that an instance that ends
    /// late cannot hide the one that has come into its place.
    shown: Mutex<Option<InstanceId>>,
    /// Whether the instance has been asked to look and has not yet. It is asked once, however many come.
    is_asked: AtomicBool,
}

impl Board {
    /// Lets everybody look at an instance; answers whether anybody did. The authors' selectors run in here.
    pub(crate) fn show(&self, instance: InstanceId, component: &dyn Any) -> bool {
        let mut shown = lock(&self.shown);
        let is_another = shown.replace(instance).is_some_and(|before| before != instance);
        self.look(|eye| (!is_another || eye.look(None)) && eye.look(Some(component)))
    }

    /// An instance has ended: there is nothing to be seen, unless another has come into its place.
    pub(super) fn ended(&self, instance: InstanceId) {
        let mut shown = lock(&self.shown);
        if shown.is_none_or(|shown| shown == instance) {
            *shown = None;
            // If it was asked, it has not heard of it.
            self.answer();
            self.look(|eye| eye.look(None));
        }
    }

    /// Asks an instance to show itself to those who have come.
    pub(super) fn ask(&self, post: &dyn Post) {
        let is_asked = self.is_asked.swap(true, Ordering::SeqCst) || post.look();
        if !is_asked {
            // It has ended this very moment. Others may have relied on its having been asked.
            self.answer();
            self.look(|eye| {
                eye.nobody_yet();
                true
            });
        }
    }

    /// The instance is about to show itself. Whoever comes from here on has to ask again.
    pub(super) fn answer(&self) {
        self.is_asked.store(false, Ordering::SeqCst);
    }

    fn look(&self, look: impl Fn(&dyn Eye) -> bool) -> bool {
        // None of the authors' code runs while it is locked.
        let eyes: Vec<(WatchId, Arc<dyn Eye>)> =
            lock(&self.eyes).iter().map(|(watch, eye)| (*watch, Arc::clone(eye))).collect();
        let is_watched = !eyes.is_empty();
        for (watch, eye) in eyes {
            if !look(&*eye) {
                self.remove(watch);
            }
            // The watch may have ended meanwhile, and this be the last of it.
            let_go(eye);
        }
        is_watched
    }

    pub(super) fn add(&self, watch: WatchId, eye: Arc<dyn Eye>) {
        lock(&self.eyes).insert(watch, eye);
    }

    pub(super) fn remove(&self, watch: WatchId) -> Option<Arc<dyn Eye>> {
        lock(&self.eyes).remove(&watch)
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.eyes).len()
    }
}

/// What one watch looks with; knows the types that a board does not.
pub(super) trait Eye: Send + Sync {
    /// Looks at a component, or at nothing; answers whether the watch goes on.
    fn look(&self, at: Option<&dyn Any>) -> bool;

    /// There is nothing to be seen, unless something was seen already.
    fn nobody_yet(&self);
}

/// A selector of a component `D`, and what it found last.
pub(super) struct Sight<D, T, S> {
    seen: Mutex<Seen<T, S>>,
    slot: Arc<Slot<T>>,
    component: PhantomData<fn(D)>,
}

struct Seen<T, S> {
    select: S,
    /// `None` before the first look.
    last: Option<Option<T>>,
}

impl<D, T, S> Sight<D, T, S> {
    pub(super) fn new(select: S, slot: Arc<Slot<T>>) -> Self {
        Self { seen: Mutex::new(Seen { select, last: None }), slot, component: PhantomData }
    }
}

impl<D: Any, T: PartialEq + Send, S: Fn(&D) -> T + Send> Eye for Sight<D, T, S> {
    fn look(&self, at: Option<&dyn Any>) -> bool {
        let at = at.and_then(|component| component.downcast_ref::<D>());
        let looked = catch_unwind(AssertUnwindSafe(|| {
            let mut seen = lock(&self.seen);
            let now = at.map(&seen.select);
            if seen.last.as_ref() != Some(&now) {
                // Once more rather than a copy, because not every value that can be compared can be copied.
                self.slot.put(at.map(&seen.select));
                seen.last = Some(now);
            }
        }));
        if looked.is_err() {
            tracing::error!(component = std::any::type_name::<D>(), "a selector panicked; its watch is over");
            self.slot.close();
        }
        looked.is_ok()
    }

    fn nobody_yet(&self) {
        let mut seen = lock(&self.seen);
        if seen.last.is_none() {
            seen.last = Some(None);
            self.slot.put(None);
        }
    }
}

/// Drops what a watch looked with. What the author put into it may panic as it goes.
pub(super) fn let_go(eye: Arc<dyn Eye>) {
    if catch_unwind(AssertUnwindSafe(|| drop(eye))).is_err() {
        tracing::error!("dropping a selector panicked; its watch is over all the same");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is locked here is replaced as a whole or not at all.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
