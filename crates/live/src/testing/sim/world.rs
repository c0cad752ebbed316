//! Tabs, wires and a server, and the time in which they live.
//!
//! One future drives it all: it lets the server's tasks run until they wait, carries what they wrote, lets tabs do
//! what is due, and sleeps until the next thing is. The clock is tokio's and paused, so sleeping takes no time;
//! and whatever happens at one instant happens in one order: wires by their number, then tabs by theirs.

use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use fluxstack_live_protocol::{CloseCode, InstanceId};
use tokio::time::{Instant, sleep_until};

use super::corrupt::{self, Corruption};
use super::desk::Desk;
use super::draw::Draw;
use super::network::Network;
use super::page::{Page, Reading};
use super::shelf::{Shelf, Slow};
use super::wire::{Cargo, Cut, Harm, Way, Wire};
use crate::server::{Builder, Live};
use crate::session::{Arrival, Incoming, Outgoing};
use crate::store::{MemoryStore, Store};

/// Makes a server each time one starts.
pub(super) type Build = Rc<dyn Fn() -> Builder>;

pub(super) enum Server {
    Up(Live),
    Draining(Live),
    Down,
}

/// See the module.
pub(super) struct World {
    epoch: Instant,
    pub(super) desk: Desk,
    pub(super) build: Build,
    /// Other versions, in the order of their turns.
    pub(super) also: VecDeque<Build>,
    pub(super) server: Server,
    /// When one is started.
    pub(super) starts_at: Option<u64>,
    /// Servers that drained, so that one which was killed meanwhile is not taken for the present one.
    drains: u32,
    pub(super) network: Network,
    pub(super) shelf: Arc<Shelf>,
    /// The store of the last server, to be made to forget.
    store: Option<Arc<dyn Store>>,
    pub(super) wires: Vec<Wire>,
    last_wire: u32,
    pub(super) tabs: Vec<Tabbed>,
}

/// A tab, and what is going to be done to its frames.
pub(super) struct Tabbed {
    pub(super) page: Page,
    pub(super) up: Vec<Harm>,
    pub(super) down: Vec<Harm>,
}

impl World {
    pub(super) fn new(seed: u64, build: Build) -> Self {
        let mut draw = Draw::new(seed);
        let shelf = Shelf::new(draw.fork());
        Self {
            epoch: Instant::now(),
            desk: Desk::new(draw),
            build,
            also: VecDeque::new(),
            server: Server::Down,
            starts_at: None,
            drains: 0,
            network: Network::default(),
            shelf,
            store: None,
            wires: Vec::new(),
            last_wire: 0,
            tabs: Vec::new(),
        }
    }

    /// The time, told to everybody.
    pub(super) fn look_at_clock(&mut self) -> u64 {
        let now = Instant::now().saturating_duration_since(self.epoch);
        self.desk.now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.desk.now
    }

    // The server.

    pub(super) fn start(&mut self) {
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
        self.desk.line("server", format_args!("starts"));
    }

    /// Stops the server where it is. Tabs see their sockets close, unless `is_silent`.
    pub(super) fn kill(&mut self, is_silent: bool) {
        let (Server::Up(live) | Server::Draining(live)) = std::mem::replace(&mut self.server, Server::Down) else {
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
    pub(super) fn drain(&mut self) {
        let Server::Up(live) = &self.server else { return };
        let live = live.clone();
        self.desk.line("server", format_args!("drains"));
        self.drains += 1;
        self.network.drain(&live, self.drains);
        self.server = Server::Draining(live);
    }

    /// The store to be made to forget, and what.
    pub(super) fn forgotten(&mut self) -> (Option<Arc<dyn Store>>, BTreeSet<InstanceId>) {
        self.desk.excuse_all();
        self.desk.line("store", format_args!("forgets"));
        (self.store.clone(), self.shelf.take_known())
    }

    // What happens.

    /// Everything that is due now, until nothing is.
    pub(super) fn work(&mut self) {
        let now = self.look_at_clock();
        loop {
            let mut was_busy = self.hear_server();
            if self.starts_at.is_some_and(|at| at <= now) && matches!(self.server, Server::Down) {
                self.start();
            }
            for at in 0..self.wires.len() {
                was_busy |= self.carry(at);
            }
            for tab in 0..self.tabs.len() {
                let page = &mut self.tabs[tab].page;
                if page.next_due() <= now {
                    was_busy = true;
                    match page.asleep {
                        Some(_) => page.wake(&mut self.desk),
                        None => page.tick(&mut self.desk),
                    }
                }
                was_busy |= self.attend(tab);
            }
            self.wires.retain(|wire| !wire.is_over());
            if !was_busy {
                return;
            }
        }
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> u64 {
        let starts_at = self.starts_at.filter(|_| matches!(self.server, Server::Down)).unwrap_or(u64::MAX);
        let tabs = self.tabs.iter().map(|tab| tab.page.next_due());
        let wires = self.wires.iter().map(|wire| {
            let down = if self.is_asleep(wire.tab) { u64::MAX } else { wire.down.next_due() };
            wire.connects_at.unwrap_or(u64::MAX).min(wire.up.next_due()).min(down)
        });
        tabs.chain(wires).fold(starts_at, u64::min)
    }

    fn is_asleep(&self, tab: usize) -> bool {
        self.tabs[tab].page.asleep.is_some()
    }

    /// When what leaves now arrives.
    fn arrival(&mut self, tab: usize) -> u64 {
        self.desk.now + self.tabs[tab].page.latency + self.desk.draw.below(3)
    }

    /// Takes what the server has written.
    fn hear_server(&mut self) -> bool {
        let has_drained = self.network.take_drained() == Some(self.drains);
        if has_drained && matches!(self.server, Server::Draining(_)) {
            self.desk.line("server", format_args!("has drained"));
            self.server = Server::Down;
        }
        let dirty = self.network.take_dirty();
        for &number in &dirty {
            let written = self.network.take_written(number);
            let Some(at) = self.wires.iter().position(|wire| wire.number == number) else { continue };
            for frame in written.frames {
                let cargo = match frame {
                    Outgoing::Text(text) => Cargo::Text(text),
                    Outgoing::Ping => Cargo::Ping,
                    Outgoing::Close(code) => Cargo::Gone(code.map(CloseCode::number)),
                };
                if self.wires[at].has_tab {
                    self.send(at, Way::Down, cargo);
                } else {
                    self.network.landed(number);
                }
            }
            if written.has_ended {
                let due = self.arrival(self.wires[at].tab);
                let wire = &mut self.wires[at];
                wire.has_server = false;
                wire.up.clear();
                if wire.has_tab && !wire.is_lossy {
                    wire.down.send(due, Cargo::Gone(None));
                }
            }
        }
        !dirty.is_empty()
    }

    /// Sends something off, after what is to be done to it.
    fn send(&mut self, at: usize, way: Way, cargo: Cargo) {
        let due = self.arrival(self.wires[at].tab);
        let tab = &mut self.tabs[self.wires[at].tab];
        let harms = if way == Way::Up { &mut tab.up } else { &mut tab.down };
        let wire = &mut self.wires[at];
        let lane = if way == Way::Up { &mut wire.up } else { &mut wire.down };
        let text = match &cargo {
            Cargo::Text(text) if !harms.is_empty() => text.clone(),
            _ => return lane.send(due, cargo),
        };
        let harm = harms.remove(0);
        wire.is_clean &= matches!(harm, Harm::Delay(_));
        if way == Way::Up && !matches!(harm, Harm::Delay(_)) {
            // A server that hears the rest but not this cannot know what it was not told.
            tab.page.is_tainted |= harm != Harm::Double;
            let ids = tab.page.handles.iter().filter_map(|handle| handle.id.clone());
            self.desk.shuffled.extend(ids);
        }
        match harm {
            Harm::Drop => {
                wire.is_lossy = true;
                if way == Way::Down {
                    self.network.landed(wire.number);
                }
            }
            Harm::Delay(ms) => lane.send(due + ms, cargo),
            Harm::Double => {
                lane.send(due, cargo.clone());
                lane.send(due, cargo);
            }
            Harm::Swap(ms) => lane.send_aside(due + ms, cargo),
            Harm::Corrupt => {
                let now = corrupt::change(&text, &mut self.desk.draw);
                lane.send(due, Cargo::Changed { now, before: text });
            }
        }
    }

    /// Lets arrive what has arrived on one wire.
    fn carry(&mut self, at: usize) -> bool {
        let now = self.desk.now;
        let mut was_busy = false;
        if self.wires[at].connects_at.is_some_and(|at| at <= now) {
            was_busy = true;
            self.wires[at].connects_at = None;
            self.connect(at);
        }
        while let Some(cargo) = self.wires[at].up.take(now) {
            was_busy = true;
            let number = self.wires[at].number;
            match cargo {
                Cargo::Text(text) | Cargo::Changed { now: text, .. } => {
                    self.desk.arrived(number, text.len());
                    self.network.arrive(number, Incoming::Text(text));
                }
                Cargo::Pong => self.network.arrive(number, Incoming::Pong),
                Cargo::Gone(_) => self.network.cut(number),
                Cargo::Ping => {}
            }
        }
        while !self.is_asleep(self.wires[at].tab)
            && let Some(cargo) = self.wires[at].down.take(now)
        {
            was_busy = true;
            self.network.landed(self.wires[at].number);
            self.deliver(at, cargo);
            self.attend(self.wires[at].tab);
        }
        was_busy
    }

    fn connect(&mut self, at: usize) {
        let tab = self.wires[at].tab;
        let (number, due) = (self.wires[at].number, self.arrival(tab));
        let place = match &self.server {
            Server::Up(live) if self.wires[at].has_tab => live.place().map(|place| (live, place)),
            _ => None,
        };
        let Some((live, place)) = place else {
            self.wires[at].down.send(due, Cargo::Gone(None));
            return;
        };
        let page = &self.tabs[tab].page;
        let octet = u8::try_from(tab % 250).unwrap_or(0);
        let arrival = Arrival {
            subject: page.subject.as_str().into(),
            // An address of its own for each tab, so that what one sends is not held against another.
            peer: Some(Ipv4Addr::new(10, 0, 0, octet + 1).into()),
            ..Arrival::from_query(&page.query())
        };
        self.network.serve(number, live, place, arrival);
        self.wires[at].has_server = true;
    }

    fn deliver(&mut self, at: usize, cargo: Cargo) {
        let wire = &self.wires[at];
        let page = &mut self.tabs[wire.tab].page;
        if page.socket() != Some(wire.number) {
            return;
        }
        page.is_clean = wire.is_clean;
        if let Cargo::Text(text) | Cargo::Changed { now: text, .. } = &cargo {
            self.desk.arrived(wire.number, text.len());
        }
        match cargo {
            Cargo::Text(text) => drop(page.receive(&text, false, &mut self.desk)),
            Cargo::Changed { now, before } => {
                let reading = page.receive(&now, true, &mut self.desk);
                self.judge(at, &reading, &now, &before);
            }
            Cargo::Ping => self.send(at, Way::Up, Cargo::Pong),
            Cargo::Gone(code) => {
                self.wires[at].has_tab = false;
                self.tabs[self.wires[at].tab].page.closed(code, &mut self.desk);
            }
            Cargo::Pong => {}
        }
    }

    /// What became of a frame that was changed on its way.
    fn judge(&mut self, at: usize, reading: &Reading, now: &Bytes, before: &Bytes) {
        let page = &mut self.tabs[self.wires[at].tab].page;
        let sent = corrupt::states(before);
        let is_sent = |shown: &corrupt::Carried| {
            sent.iter().any(|(id, _, digest)| *id == shown.0 && *digest == shown.2)
        };
        let class = if reading.is_unreadable {
            Corruption::Unreadable
        } else if reading.is_disproved {
            Corruption::Digest
        } else if reading.is_elsewhere {
            Corruption::Base
        } else if reading.is_astray {
            Corruption::Astray
        } else {
            corrupt::compare(now, before)
        };
        // A mount that answers with another id shows the right state of nobody.
        let is_right = reading.shown.iter().all(|shown| is_sent(shown) || sent.iter().any(|state| state.2 == shown.2));
        let class = if is_right { class } else { Corruption::Undetected };
        // Whatever else was in the frame that may explain what the tab made of it.
        page.is_tainted |= !matches!(class, Corruption::Unreadable | Corruption::Digest | Corruption::Harmless);
        self.desk.report.corruption(class);
        let name = page.name.clone();
        self.desk.line(&name, format_args!("a changed frame: {}", class.name()));
        if class == Corruption::Undetected {
            self.desk.diverge(&name, "shows a state that the server did not send".to_owned());
        }
    }

    /// Sees to what a tab wants.
    pub(super) fn attend(&mut self, tab: usize) -> bool {
        let mut was_busy = false;
        for number in std::mem::take(&mut self.tabs[tab].page.dropped) {
            was_busy = true;
            if let Some(at) = self.wires.iter().position(|wire| wire.number == number) {
                self.let_go(at);
            }
        }
        let page = &mut self.tabs[tab].page;
        if page.wants_socket && page.asleep.is_none() {
            self.last_wire += 1;
            page.has_socket(self.last_wire, self.desk.now);
            let due = self.arrival(tab);
            self.wires.push(Wire::new(self.last_wire, tab, due));
            return true;
        }
        let frames = page.take_frames();
        let socket = page.socket();
        let Some(at) = self.wires.iter().position(|wire| Some(wire.number) == socket) else { return was_busy };
        for frame in frames {
            was_busy = true;
            if self.wires[at].has_server {
                self.send(at, Way::Up, Cargo::Text(frame.into()));
            } else {
                // Nobody is there who would say so.
                self.wires[at].is_lossy = true;
            }
        }
        was_busy
    }

    /// The tab lets go of a wire, and the server is told so by a close frame.
    fn let_go(&mut self, at: usize) {
        let due = self.arrival(self.wires[at].tab);
        let wire = &mut self.wires[at];
        wire.has_tab = false;
        for _ in 0..wire.down.clear() {
            self.network.landed(wire.number);
        }
        if wire.has_server && !wire.is_lossy {
            wire.up.send(due, Cargo::Gone(None));
        }
    }

    // What is done to them.

    /// Cuts the connection of a tab, if it has one.
    pub(super) fn cut(&mut self, tab: usize, cut: Cut) {
        let Some(socket) = self.tabs[tab].page.socket() else { return };
        let Some(at) = self.wires.iter().position(|wire| wire.number == socket) else { return };
        self.desk.line(&self.tabs[tab].page.name, format_args!("is cut off, seen by {cut:?}"));
        let wire = &mut self.wires[at];
        if cut != Cut::Tab {
            wire.up.clear();
            wire.has_server = false;
            self.network.cut(wire.number);
        }
        if cut == Cut::Server {
            wire.is_lossy = true;
            return;
        }
        wire.has_tab = false;
        wire.is_lossy = true;
        wire.connects_at = None;
        for _ in 0..wire.down.clear() {
            self.network.landed(socket);
        }
        let page = &mut self.tabs[tab].page;
        if page.asleep.is_some() {
            // It will find out when it wakes.
            wire.has_tab = true;
            wire.down.send(0, Cargo::Gone(None));
        } else {
            page.closed(None, &mut self.desk);
        }
        self.attend(tab);
    }

    /// From now on nothing is done to anything.
    pub(super) fn heal(&mut self) {
        for tab in 0..self.tabs.len() {
            self.tabs[tab].up.clear();
            self.tabs[tab].down.clear();
            self.tabs[tab].page.wake(&mut self.desk);
            self.attend(tab);
        }
        // A socket that has lost something does not live: everybody sees that now.
        for at in 0..self.wires.len() {
            if self.wires[at].is_lossy {
                let (tab, number) = (self.wires[at].tab, self.wires[at].number);
                self.network.cut(number);
                self.wires[at].has_server = false;
                self.wires[at].up.clear();
                if self.tabs[tab].page.socket() == Some(number) {
                    self.cut(tab, Cut::Both);
                }
            }
        }
        if matches!(self.server, Server::Down) {
            self.start();
        }
    }

    /// Whether everybody is where they want to be.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.server, Server::Up(_))
            && self.tabs.iter().all(|tab| tab.page.is_quiet())
            && self.wires.iter().all(|wire| wire.up.is_empty() && wire.down.is_empty())
    }

    /// Waits until something is said or due, at most until `until`.
    pub(super) fn waiting(&self, until: u64) -> impl Future<Output = ()> + use<> {
        let at = self.epoch + Duration::from_millis(self.next_due().min(until));
        let network = self.network.clone();
        async move {
            let sleep = sleep_until(at);
            tokio::pin!(sleep);
            poll_fn(|cx| match network.poll_said(cx) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => sleep.as_mut().poll(cx),
            })
            .await;
        }
    }
}
