//! An instance as those see it who watch it.
//!
//! Their selectors run here, in the instance's own task, where nothing changes meanwhile: after what a turn changed
//! has been told to the members. Where turns are told together, they are shown together.

use std::sync::Arc;

use super::Instance;
use crate::component::Component;
use crate::watch::Board;

/// What an instance knows of those who watch it.
#[derive(Default)]
pub(super) struct Watched {
    /// Where they are, if there are any.
    board: Option<Arc<Board>>,
    /// Whether something may have changed that they have not seen.
    is_due: bool,
}

impl<C: Component> Instance<C> {
    /// Looks for those who watch it: as it begins, and when somebody has come.
    pub(super) fn look(&mut self) {
        let nameplate = self.cx.nameplate();
        if let Some(name) = nameplate.name() {
            self.life.watched.board = nameplate.watches.board(&name);
            self.changed();
        }
    }

    /// Something may have changed, also where no client sees it.
    pub(super) fn changed(&mut self) {
        self.life.watched.is_due = true;
    }

    /// Shows what has changed to those who watch it.
    pub(super) fn show(&mut self) {
        let watched = &mut self.life.watched;
        if !std::mem::take(&mut watched.is_due) {
            return;
        }
        if let Some(board) = &watched.board
            && !board.show(self.id, &self.component)
        {
            // Nobody is left. Whoever comes next says so.
            watched.board = None;
        }
    }
}
