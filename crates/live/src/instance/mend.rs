//! What happens when an author's code fails: the instance is put back, or given up.
//!
//! A turn that panics, or leaves a state that cannot be sent, has sent nothing. The component is mounted
//! anew and its `pub` fields are put back to what was last sent, so that nobody saw anything of the turn.

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use futures_util::FutureExt as _;

use super::{Broken, Instance, Lost, log};
use crate::component::{Component, Cx};
use crate::error::{Code, Error, Result};
use crate::wire;

/// Turns in a row that may fail before the instance is given up.
const MOST_FAILURES: u32 = 16;

impl<C: Component> Instance<C> {
    /// Puts the instance back to what was last sent.
    pub(super) async fn mend(&mut self, broken: &Broken) -> std::result::Result<(), Lost> {
        self.failures += 1;
        match broken {
            Broken::Panic => {
                tracing::error!(failures = self.failures, "a turn panicked; putting the instance back")
            }
            Broken::Flush(why) => {
                tracing::error!(%why, "the state cannot be sent; putting the instance back")
            }
        }
        drop(self.cx.take_effects());
        self.new_props = None;
        self.stop_work();
        if self.failures > MOST_FAILURES {
            tracing::error!("{MOST_FAILURES} turns failed in a row; giving the instance up");
            return Err(Lost);
        }
        // A shared instance is everybody's, also when it was one of them whose turn failed.
        let caller = self.cx.caller_arc().cloned();
        self.as_nobody();
        let mounted = mount_component::<C>(self.props.as_ref(), &mut self.cx).await;
        self.cx.set_caller(caller);
        // What a second mount emits was emitted by the first.
        drop(self.cx.take_effects());
        let fresh = match mounted {
            Ok(fresh) => fresh,
            Err(error) => {
                tracing::error!(?error, "the instance cannot be mounted again; giving it up");
                return Err(Lost);
            }
        };
        let broken = std::mem::replace(&mut self.component, fresh);
        // The broken component is dropped in here, and the author's `Drop` may panic as well.
        let recovered =
            std::panic::catch_unwind(AssertUnwindSafe(|| self.component.recover(broken, &self.sent)));
        match recovered {
            Ok(Ok(())) => {
                self.restore_kept();
                self.find_files();
                self.changed();
                // What earlier turns did stays done, unless it was held back.
                self.guesses.lose_held();
                self.release();
                return Ok(());
            }
            Ok(Err(why)) => {
                tracing::error!(%why, "the last good state does not read back; giving the instance up")
            }
            Err(_) => tracing::error!("dropping the broken component panicked; giving the instance up"),
        }
        Err(Lost)
    }

    /// Drops timers, spawned work and watches. What the author put into them may panic as it goes.
    pub(super) fn stop_work(&mut self) {
        if std::panic::catch_unwind(AssertUnwindSafe(|| self.cx.stop_work())).is_err() {
            tracing::error!("dropping a timer, spawned work or a watch panicked; it is stopped all the same");
        }
    }

    pub(super) async fn unmount(&mut self) {
        self.stop_work();
        let turn = async { self.component.unmount(&mut self.cx).await };
        let ran = AssertUnwindSafe(turn).catch_unwind().await;
        if ran.is_err() {
            tracing::error!("unmount panicked; the instance is gone all the same");
        }
    }
}

/// Calls the author's `mount`, whatever it does.
pub(super) async fn mount_component<C: Component>(props: Option<&Bytes>, cx: &mut Cx<C>) -> Result<C> {
    let props: C::Props = wire::props_from_json(props.map(AsRef::as_ref))?;
    // Inside an async block, so that a `mount` that is no `async fn` is caught as well.
    match AssertUnwindSafe(async { C::mount(props, cx).await }).catch_unwind().await {
        Ok(Ok(component)) => Ok(component),
        Ok(Err(error)) => {
            log(&error);
            Err(error)
        }
        Err(_) => {
            tracing::error!("mount panicked");
            Err(Error::new(Code::ActionFailed, "this failed on the server; nothing was mounted"))
        }
    }
}
