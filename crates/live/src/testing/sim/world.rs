//! Tabs, wires and a server, and the time in which they live.
//!
//! One future drives it all: it lets the server's tasks run until they wait, carries what they wrote, lets tabs do
//! what is due, and sleeps until the next thing is. The clock is tokio's and paused, so sleeping takes no time;
//! and whatever happens at one instant happens in one order: wires by their number, then tabs by theirs.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use fluxstack_live_protocol::CloseCode;
use tokio::time::{Instant, sleep_until};

use super::desk::Desk;
use super::draw::Draw;
use super::network::Network;
use super::page::Page;
use super::shelf::Shelf;
use super::wire::{Cargo, Harm, Way, Wire};
use crate::server::{Builder, Live};
use crate::session::{Incoming, Outgoing, join};
use crate::store::Store;

mod harm;
mod server;

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
                    Outgoing::Texts(texts) => Cargo::Text(join(&texts)),
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
        match cargo {
            Cargo::Text(text) if !harms.is_empty() => {
                let harm = harms.remove(0);
                self.harm(at, way, harm, text, due);
            }
            cargo => {
                let wire = &mut self.wires[at];
                if way == Way::Up { &mut wire.up } else { &mut wire.down }.send(due, cargo);
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
        let Some(at) = self.wires.iter().position(|wire| Some(wire.number) == socket) else {
            return was_busy;
        };
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
