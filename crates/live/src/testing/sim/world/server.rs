//! The server of a world: there, draining or gone.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use fluxstack_live_protocol::InstanceId;

use super::{Server, World};
use crate::auth::Identity;
use crate::session::Arrival;
use crate::store::{MemoryStore, Store};
use crate::testing::sim::shelf::Slow;
use crate::testing::sim::wire::Cargo;

impl World {
    pub(in crate::testing::sim) fn start(&mut self) {
        self.starts_at = None;
        if !matches!(self.server, Server::Down) {
            return;
        }
        let mut builder = (self.build)();
        let inner = builder.store.take().unwrap_or_else(|| Arc::new(MemoryStore::new()));
        self.store = Some(Arc::clone(&inner));
        builder.store = Some(Arc::new(Slow { inner, shelf: Arc::clone(&self.shelf) }));
        self.desk.schemas = builder.components.iter().map(|known| (known.name, known.version)).collect();
        let live = builder.build().expect("the author's builder makes a server");
        self.server = Server::Up(live);
        self.desk.life += 1;
        self.desk.line("server", format_args!("starts"));
    }

    /// Stops the server where it is. Tabs see their sockets close, unless `is_silent`.
    pub(in crate::testing::sim) fn kill(&mut self, is_silent: bool) {
        let (Server::Up(live) | Server::Draining(live)) = std::mem::replace(&mut self.server, Server::Down)
        else {
            return;
        };
        live.kill();
        self.desk.line("server", format_args!("{}", if is_silent { "vanishes" } else { "is killed" }));
        for at in 0..self.wires.len() {
            let due = self.arrival(self.wires[at].tab);
            let wire = &mut self.wires[at];
            if !std::mem::take(&mut wire.has_server) {
                continue;
            }
            self.network.forget(wire.number);
            wire.up.clear();
            if is_silent {
                wire.is_lossy = true;
            } else if wire.has_tab {
                wire.down.send(due, Cargo::Gone(None));
            }
        }
    }

    /// Lets the server come to its end in order.
    pub(in crate::testing::sim) fn drain(&mut self) {
        let Server::Up(live) = &self.server else { return };
        let live = live.clone();
        self.desk.line("server", format_args!("drains"));
        self.drains += 1;
        self.network.drain(&live, self.drains);
        self.server = Server::Draining(live);
    }

    /// The store to be made to forget, and what.
    pub(in crate::testing::sim) fn forgotten(&mut self) -> (Option<Arc<dyn Store>>, BTreeSet<InstanceId>) {
        self.desk.excuse_all();
        self.desk.line("store", format_args!("forgets"));
        (self.store.clone(), self.shelf.take_known())
    }

    /// A wire reaches the server, if there is one with a place for it.
    pub(super) fn connect(&mut self, at: usize) {
        let tab = self.wires[at].tab;
        let (number, due) = (self.wires[at].number, self.arrival(tab));
        let place = match &self.server {
            Server::Up(live) if self.wires[at].has_tab => live.place(None).ok().map(|place| (live, place)),
            _ => None,
        };
        let Some((live, place)) = place else {
            self.wires[at].down.send(due, Cargo::Gone(None));
            return;
        };
        let page = &self.tabs[tab].page;
        let octet = u8::try_from(tab % 250).unwrap_or(0);
        let arrival = Arrival {
            identity: (!page.subject.is_empty()).then(|| Arc::new(Identity::new(page.subject.as_str()))),
            // An address of its own for each tab, so that what one sends is not held against another.
            peer: Some(Ipv4Addr::new(10, 0, 0, octet + 1).into()),
            ..Arrival::from_query(&page.query())
        };
        self.network.serve(number, live, place, arrival);
        self.wires[at].has_server = true;
    }
}
