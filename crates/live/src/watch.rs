//! Who watches which shared instance.
//!
//! A watch has two ends. Its selector is run by the instance that is watched, after its own turns, and puts what
//! has changed into a [`Slot`]; the instance that watches finds it there, in a turn of its own. Between the two
//! is a [`Board`] for every name that is watched, whether an instance of that name runs or not. So nothing here
//! keeps an instance alive, and nothing waits for another: a slot holds one value, and the latest wins.
//!
//! ```text
//!   watched instance ── a turn is kept ─► board ─► selector ─► slot ─► news ─► the watching instance's turn
//! ```

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fluxstack_live_protocol::InstanceId;

use crate::component::Post;
use crate::error::{Code, Error, Result};

mod board;
mod graph;
mod news;

pub(crate) use board::Board;
use board::{Eye, Sight, let_go};
use graph::Graph;
pub(crate) use news::{Content, News, Slot};

/// What tells shared instances apart: the component, and its key.
pub(crate) type Name = (&'static str, Arc<str>);

/// Watches that one instance may be under: each of them costs a run of its selector after every turn.
const MOST_WATCHERS: usize = 10_000;

/// A watch that can be ended with [`Cx::unwatch`](crate::Cx::unwatch).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(u64);

/// The shared instances that run. Whoever knows them is above this module.
pub(crate) trait Running: Send + Sync {
    /// The way to the one with that name, if it runs.
    fn find(&self, component: &'static str, key: &str) -> Option<Arc<dyn Post>>;
}

/// See the module. One for each server.
pub(crate) struct Watches {
    running: Arc<dyn Running>,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    boards: HashMap<Name, Arc<Board>>,
    graph: Graph,
    /// Numbers the watches, so that they are told in the order in which they began.
    last: u64,
}

impl Watches {
    pub(crate) fn new(running: Arc<dyn Running>) -> Self {
        Self { running, watched: Mutex::default() }
    }

    /// The way to the shared instance with that name, if it runs.
    pub(crate) fn find(&self, component: &'static str, key: &str) -> Option<Arc<dyn Post>> {
        self.running.find(component, key)
    }

    /// Lets `watcher`, which has no name if it is private, be told through `news` what `select` finds in `target`.
    pub(crate) fn watch<D: Any, T: PartialEq + Send + 'static>(
        self: &Arc<Self>,
        watcher: Option<Name>,
        target: Name,
        news: &Arc<News>,
        select: impl Fn(&D) -> T + Send + 'static,
    ) -> Result<(Watch, Arc<Slot<T>>)> {
        let (watch, slot, sight, board) = {
            let mut watched = self.watched();
            let board = Arc::clone(watched.boards.entry(target.clone()).or_default());
            if board.len() >= MOST_WATCHERS {
                return Err(full());
            }
            if let Some(watcher) = &watcher
                && let Err(circle) = watched.graph.add(watcher, &target)
            {
                if board.len() == 0 {
                    watched.boards.remove(&target);
                }
                return Err(round(&circle));
            }
            watched.last += 1;
            let id = WatchId(watched.last);
            let slot = Arc::new(Slot::new(id, Arc::clone(news)));
            let sight: Arc<dyn Eye> = Arc::new(Sight::new(select, Arc::clone(&slot)));
            board.add(id, Arc::clone(&sight));
            (Watch { watches: Arc::clone(self), watcher, target, id }, slot, sight, board)
        };
        // An instance that begins after this finds the watch by itself, and one that began before is asked to look.
        match self.find(watch.target.0, &watch.target.1) {
            Some(post) => board.ask(&*post),
            None => sight.nobody_yet(),
        }
        Ok((watch, slot))
    }

    /// Where those are who watch that name, if anybody does. Whoever asks is about to show itself there.
    pub(crate) fn board(&self, name: &Name) -> Option<Arc<Board>> {
        let board = self.watched().boards.get(name).cloned();
        board.inspect(|board| board.answer())
    }

    /// A shared instance has ended. Another may have come into its place.
    pub(crate) fn ended(&self, name: &Name, instance: InstanceId) {
        let board = self.watched().boards.get(name).cloned();
        if let Some(board) = board {
            board.ended(instance);
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.watched().boards.values().map(|board| board.len()).sum()
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        // Nothing of an author's runs while it is held, so a poisoned one is still whole.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watches").finish_non_exhaustive()
    }
}

/// One watch. Dropping it ends it.
pub(crate) struct Watch {
    watches: Arc<Watches>,
    watcher: Option<Name>,
    target: Name,
    id: WatchId,
}

impl Watch {
    pub(crate) fn id(&self) -> WatchId {
        self.id
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let eye = {
            let mut watched = self.watches.watched();
            let Watched { boards, graph, .. } = &mut *watched;
            if let Some(watcher) = &self.watcher {
                graph.remove(watcher, &self.target);
            }
            let Some(board) = boards.get(&self.target) else { return };
            let eye = board.remove(self.id);
            if board.len() == 0 {
                boards.remove(&self.target);
            }
            if boards.len() * 4 < boards.capacity() && boards.capacity() > 1_024 {
                boards.shrink_to_fit();
            }
            eye
        };
        eye.into_iter().for_each(let_go);
    }
}

#[cold]
fn full() -> Error {
    Error::new(Code::Busy, format!("this is already under {MOST_WATCHERS} watches"))
}

#[cold]
fn round(circle: &[Name]) -> Error {
    let circle: Vec<String> = circle.iter().map(|(component, key)| format!("{component}({key})")).collect();
    Error::new(Code::Conflict, format!("this would go round in a circle: {}", circle.join(" → ")))
}
