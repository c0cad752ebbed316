//! The way into shared instances: from props to the key their component makes of them, and to whoever has it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use fluxstack_live_protocol::{InstanceId, SessionId};

use super::{Host, Joined, Session};
use crate::component::Nameplate;
use crate::instance::{Begin, Mount, Ownership, Shared};
use crate::mailbox::{Join, Mailbox, Mounts, Was, mailbox};
use crate::outbox::Ticket;
use crate::registry::Registration;
use crate::shared::place;

impl Session {
    /// Mounts the shared instance with that key, which is begun if there is none. Whoever had it before, and wants
    /// that very one back, does not get another.
    pub(super) fn join(
        &mut self,
        registration: &Registration,
        key: &Arc<str>,
        props: Option<Bytes>,
        was: Option<Was>,
        is_outdated: bool,
        ticket: Ticket,
    ) {
        if let Err(error) = self.has_room() {
            return ticket.answer(Err(error));
        }
        let only_stored = was.is_some();
        let join = Join {
            caller: Arc::clone(&self.caller),
            outbox: Arc::clone(&self.outbox),
            was,
            is_outdated,
            mounts: None,
            ticket,
        };
        let joined = &mut self.joined;
        let count = |id, mailbox: &Mailbox| {
            let fresh = || Joined { mailbox: mailbox.clone(), mounts: Arc::default() };
            Mounts::one_more(&joined.entry(id).or_insert_with(fresh).mounts)
        };
        let host = &self.host;
        let begin = || begin(host, registration, key, props, only_stored);
        if let Some(life) = host.shared.join(registration.name, key, Box::new(join), count, begin) {
            host.tasks.spawn(life);
        }
    }
}

/// Begins a shared instance. Nobody is its owner.
fn begin(
    host: &Arc<Host>,
    registration: &Registration,
    key: &Arc<str>,
    props: Option<Bytes>,
    only_stored: bool,
) -> (InstanceId, Mailbox, impl Future<Output = ()> + Send + 'static) {
    let id = InstanceId::random();
    let component = registration.name;
    let (mailbox, inbox) = mailbox(host.mounts.fetch_add(1, Ordering::Relaxed), host.limits.mailbox);
    let live = (registration.run)(Mount {
        nameplate: Nameplate {
            instance: id,
            component,
            component_id: "".into(),
            key: Some(Arc::clone(key)),
            watches: Arc::clone(&host.watches),
        },
        begin: Begin::Shared { only_stored },
        owner: Ownership {
            session: SessionId::from_u128(0),
            subject: "".into(),
            vault: Arc::clone(&host.vault),
            may_come_back: true,
            shared: Some(Shared { key: Arc::clone(key), place: place(component, key) }),
        },
        is_outdated: false,
        props,
        services: Arc::clone(&host.services),
        limits: Arc::clone(&host.limits),
        mailbox: mailbox.clone(),
        inbox,
        first: None,
        rooms: Arc::clone(&host.rooms),
        desk: Arc::clone(&host.desk),
    });
    let ended = Ended { host: Arc::clone(host), component, key: Arc::clone(key), instance: id };
    let life = async move {
        ended.host.unless_killed(live).await;
        drop(ended);
    };
    (id, mailbox, life)
}

/// Says that a shared instance has ended, also if its task panicked or was dropped.
struct Ended {
    host: Arc<Host>,
    component: &'static str,
    key: Arc<str>,
    instance: InstanceId,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.host.shared.ended(self.component, &self.key, self.instance);
        self.host.watches.ended(&(self.component, Arc::clone(&self.key)), self.instance);
    }
}
