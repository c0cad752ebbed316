//! The watches of one instance, as far as they are its own: what it does when it is told.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::Turn;
use crate::component::{Component, Cx};
use crate::watch::{News, Watch, WatchId};

/// What an instance does when a watch has something to tell.
pub(crate) type Tell<C> = Box<dyn FnMut(&mut C, &mut Cx<C>) + Send>;

/// See the module.
pub(super) struct Watching<C: Component> {
    news: Arc<News>,
    held: HashMap<WatchId, Held<C>>,
}

struct Held<C: Component> {
    /// `None` while it runs.
    tell: Option<Tell<C>>,
    /// For as long as this is here, the watch goes on.
    _watch: Watch,
}

impl<C: Component> Watching<C> {
    pub(super) fn new() -> Self {
        Self { news: Arc::default(), held: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn news(&self) -> &Arc<News> {
        &self.news
    }

    pub(super) fn hold(&mut self, watch: Watch, tell: Tell<C>) {
        self.held.insert(watch.id(), Held { tell: Some(tell), _watch: watch });
    }

    pub(super) fn let_go(&mut self, watch: WatchId) {
        self.held.remove(&watch);
    }

    /// Puts back what was done when a watch told something, unless the watch ended meanwhile.
    pub(super) fn again(&mut self, watch: WatchId, tell: Tell<C>) {
        if let Some(held) = self.held.get_mut(&watch) {
            held.tell = Some(tell);
        }
    }

    /// The turn of the next watch that has something to tell.
    pub(super) fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<Turn<C>> {
        loop {
            let watch = std::task::ready!(self.news.poll_next(cx));
            // One that has ended has nothing to tell any more.
            if let Some(tell) = self.held.get_mut(&watch).and_then(|held| held.tell.take()) {
                return Poll::Ready(Turn::Told { watch, tell });
            }
        }
    }
}
