//! What is done to frames and connections, and what it came to.

use bytes::Bytes;

use super::{Server, World};
use crate::testing::sim::corrupt::{self, Corruption};
use crate::testing::sim::page::Reading;
use crate::testing::sim::wire::{Cargo, Cut, Harm, Way};

impl World {
    /// Sends something off that is not to arrive as it should.
    pub(super) fn harm(&mut self, at: usize, way: Way, harm: Harm, text: Bytes, due: u64) {
        let wire = &mut self.wires[at];
        let page = &mut self.tabs[wire.tab].page;
        wire.is_clean &= matches!(harm, Harm::Delay(_));
        if way == Way::Up && !matches!(harm, Harm::Delay(_)) {
            // A server that hears the rest but not this cannot know what it was not told.
            page.is_tainted |= harm != Harm::Double;
            self.desk.shuffled.extend(page.handles.iter().filter_map(|handle| handle.id.clone()));
        }
        let lane = if way == Way::Up { &mut wire.up } else { &mut wire.down };
        match harm {
            Harm::Drop => {
                wire.is_lossy = true;
                if way == Way::Down {
                    self.network.landed(wire.number);
                }
            }
            Harm::Delay(ms) => lane.send(due + ms, Cargo::Text(text)),
            Harm::Double => {
                lane.send(due, Cargo::Text(text.clone()));
                lane.send(due, Cargo::Text(text));
            }
            Harm::Swap(ms) => lane.send_aside(due + ms, Cargo::Text(text)),
            Harm::Corrupt => {
                let now = corrupt::change(&text, &mut self.desk.draw);
                lane.send(due, Cargo::Changed { now, before: text });
            }
        }
    }

    /// What became of a frame that was changed on its way.
    pub(super) fn judge(&mut self, at: usize, reading: &Reading, now: &Bytes, before: &Bytes) {
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
        let is_right =
            reading.shown.iter().all(|shown| is_sent(shown) || sent.iter().any(|state| state.2 == shown.2));
        let class = if is_right { class } else { Corruption::Undetected };
        // Whatever else was in the frame that may explain what the tab made of it.
        page.is_tainted |=
            !matches!(class, Corruption::Unreadable | Corruption::Digest | Corruption::Harmless);
        self.desk.report.corruption(class);
        let name = page.name.clone();
        self.desk.line(&name, format_args!("a changed frame: {}", class.name()));
        if class == Corruption::Undetected {
            self.desk.diverge(&name, "shows a state that the server did not send".to_owned());
        }
    }

    /// Cuts the connection of a tab, if it has one.
    pub(in crate::testing::sim) fn cut(&mut self, tab: usize, cut: Cut) {
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
    pub(in crate::testing::sim) fn heal(&mut self) {
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
        if !matches!(self.server, Server::Up(_)) {
            // At once, or when the one that drains is done.
            self.starts_at = Some(self.desk.now);
        }
    }
}
