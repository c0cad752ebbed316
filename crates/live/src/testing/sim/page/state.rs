//! How what is shown is kept in step with what the server holds.
//!
//! A delta is applied only to the version it starts from, and shown only if its digest proves the result.
//! Anything else asks for the whole state; until that comes, deltas are passed over.
//!
//! A delta that leads to a version which was shown already is old, and passed over, if it led to the same state. If
//! not, then a version was misread before: no digest covers it, so the tab asks rather than go on.

use fluxstack_live_protocol::delta::Mismatch;
use fluxstack_live_protocol::{Delta, digest};
use serde_json::value::RawValue;

use super::handle::{Phase, Picture};
use super::{Kind, Page, is_passing, text};
use crate::testing::sim::desk::Desk;
use crate::testing::sim::read::{Whole, read};

/// Proved pictures that are remembered.
const PROVED: usize = 64;
/// Whole states asked for in a row before the two sides are declared to disagree.
const MOST_RESYNCS: u32 = 3;

impl Page {
    /// Whether what comes on this socket about the instance has to fit: because the server has said on it how it
    /// stands, or because what is shown is of this very server, which is to go on from there.
    pub(super) fn has_to_fit(&self, handle: usize, desk: &Desk) -> bool {
        let shows = &self.handles[handle];
        let is_in_step = self.socket().is_some() && shows.in_step_on == self.socket();
        let goes_on = shows.picture.is_some() && shows.life == desk.life && !self.is_tainted;
        self.is_clean && (is_in_step || goes_on)
    }

    pub(super) fn delta(&mut self, handle: usize, delta: Option<&Delta>, desk: &mut Desk) {
        let has_to_fit = self.has_to_fit(handle, desk);
        let may_misfit = !self.is_clean;
        let shows = &mut self.handles[handle];
        let Some(picture) = shows.picture.as_mut().filter(|_| shows.resyncs == 0) else { return };
        let before = may_misfit.then(|| picture.state.clone());
        let misfit = match delta {
            None => {
                self.reading.is_unreadable = true;
                "it cannot be read".to_owned()
            }
            Some(delta) if delta.version <= picture.version => {
                if shows.proved.contains(&(delta.version, delta.digest)) {
                    return;
                }
                self.reading.is_elsewhere = true;
                format!("it leads to version {}, and {} is shown", delta.version, picture.version)
            }
            Some(delta) => match delta.apply(&mut picture.state, picture.version) {
                Ok(()) => {
                    (picture.version, picture.digest) = (delta.version, delta.digest);
                    return self.show(handle, desk);
                }
                Err(mismatch) => {
                    self.reading.is_disproved |= mismatch == Mismatch::Digest;
                    self.reading.is_elsewhere |= mismatch != Mismatch::Digest;
                    mismatch.to_string()
                }
            },
        };
        // A delta that misfits may have been applied by half.
        picture.state = before.unwrap_or_default();
        if has_to_fit {
            desk.break_promise(&self.name.clone(), format!("nothing was lost, and yet a delta: {misfit}"));
        }
        self.resync(handle, desk);
    }

    pub(super) fn whole(&mut self, handle: usize, whole: Option<Whole>, desk: &mut Desk) {
        let Some(whole) = whole else {
            self.reading.is_unreadable = true;
            return self.resync(handle, desk);
        };
        if self.handles[handle].probes > 0 {
            self.compare(handle, &whole, desk);
        }
        let shows = &self.handles[handle];
        if shows.resyncs > 0 || shows.picture.as_ref().is_none_or(|picture| whole.version > picture.version) {
            self.adopt(handle, whole, desk);
        }
    }

    /// Shows a whole state, if its digest is right.
    pub(super) fn adopt(&mut self, handle: usize, whole: Whole, desk: &mut Desk) {
        let Whole { state, version, digest: expected } = whole;
        let text = serde_json::to_vec(&state).unwrap_or_default();
        if digest::of_json(&text) != Some(expected) {
            self.reading.is_disproved = true;
            if self.is_clean {
                desk.break_promise(&self.name.clone(), "a whole state has another digest".to_owned());
            }
            return self.resync(handle, desk);
        }
        let shows = &mut self.handles[handle];
        shows.resyncs = 0;
        shows.picture = Some(Picture { state, version, digest: expected });
        self.show(handle, desk);
    }

    fn show(&mut self, handle: usize, desk: &Desk) {
        let shows = &mut self.handles[handle];
        let (Some(picture), Some(id)) = (&shows.picture, &shows.id) else { return };
        shows.life = desk.life;
        if shows.proved.len() == PROVED {
            shows.proved.pop_front();
        }
        shows.proved.push_back((picture.version, picture.digest));
        if self.is_reading_changed {
            self.reading.shown.push((id.clone(), picture.version, picture.digest));
        }
    }

    /// Whether what is shown is what the server says it holds; if not, asks for it.
    pub(super) fn prove(&mut self, handle: usize, version: u64, digest: u32, desk: &mut Desk) {
        let (socket, has_to_fit) = (self.socket(), self.has_to_fit(handle, desk));
        let shows = &mut self.handles[handle];
        if shows.resyncs > 0 {
            return;
        }
        if shows.picture.as_ref().is_some_and(|shown| shown.version == version && shown.digest == digest) {
            shows.in_step_on = socket;
            return;
        }
        self.reading.is_elsewhere = true;
        if has_to_fit {
            let shown = shows.picture.as_ref().map_or(0, |picture| picture.version);
            let what = format!("nothing was lost, and yet version {version} was said and {shown} is shown");
            desk.break_promise(&self.name.clone(), what);
        }
        self.resync(handle, desk);
    }

    fn resync(&mut self, handle: usize, desk: &mut Desk) {
        let asks = &mut self.handles[handle];
        if asks.resyncs >= MOST_RESYNCS {
            // On such a socket nothing gets through; another one may do better.
            desk.line(&self.name, format_args!("asked for the whole state in vain"));
            return self.dial(desk);
        }
        asks.resyncs += 1;
        asks.in_step_on = None;
        desk.report.resyncs += 1;
        desk.line(&self.name, format_args!("{} asks for the whole state", asks.name));
        self.ask_whole(handle, Kind::Resync, desk);
    }

    fn ask_whole(&mut self, handle: usize, kind: Kind, desk: &mut Desk) {
        let asks = &self.handles[handle];
        let have = asks.picture.as_ref().map_or(0, |picture| picture.version);
        let Some(id) = asks.id.clone() else { return };
        let message = format!(
            "{{\"type\":\"STATE_RESYNC\",\"componentId\":{},\"payload\":{{\"have\":{have}}}",
            text(&id)
        );
        self.ask(kind, handle, Some(&id), message, desk.now);
    }

    /// The answer to a resync; the whole state came before it, or is not coming.
    pub(super) fn resynced(&mut self, handle: usize, refused: Option<&str>, desk: &mut Desk) {
        match refused {
            Some(code @ ("REHYDRATION_REQUIRED" | "INSTANCE_LOST")) => self.gone(handle, code, desk),
            Some(code) if is_passing(code) => self.ask_whole(handle, Kind::Resync, desk),
            _ if self.handles[handle].resyncs > 0 => self.resync(handle, desk),
            _ => self.handles[handle].in_step_on = self.socket(),
        }
    }

    // For the one who watches.

    /// Asks the server what it holds, to compare it with what is shown.
    pub(in crate::testing::sim) fn probe(&mut self, handle: usize, desk: &mut Desk) {
        let probed = &mut self.handles[handle];
        probed.is_compared = probed.phase != Phase::Mounted;
        if !probed.is_compared && matches!(self.link, super::Link::Open(_)) {
            probed.probes += 1;
            self.ask_whole(handle, Kind::Probe, desk);
        }
    }

    /// Asks whether the connection has the instance.
    pub(in crate::testing::sim) fn confirm(&mut self, handle: usize, desk: &mut Desk) {
        let asks = &self.handles[handle];
        if let Some(id) = asks.id.clone().filter(|_| asks.phase == Phase::Mounted && self.is_open()) {
            let message = format!("{{\"type\":\"COMPONENT_PING\",\"componentId\":{}", text(&id));
            self.ask(Kind::Confirm, handle, Some(&id), message, desk.now);
        }
    }

    fn compare(&mut self, handle: usize, whole: &Whole, desk: &mut Desk) {
        let compared = &mut self.handles[handle];
        let Some(picture) = compared.picture.as_ref().filter(|_| compared.resyncs == 0) else { return };
        compared.is_compared = true;
        let name = &compared.name;
        // That a version was misread shows with the next delta; what is shown is right as long as there is none.
        if picture.state != whole.state {
            let what = format!(
                "{name} shows version {} and the server holds {}:\n  shown {}\n  held  {}",
                picture.version,
                whole.version,
                serde_json::Value::Object(picture.state.clone()),
                serde_json::Value::Object(whole.state.clone()),
            );
            desk.diverge(&self.name, what);
        }
        if let Some(id) = &compared.id {
            desk.audit(&self.name, &compared.component, id, &whole.state);
        }
    }

    // Events.

    pub(super) fn event(&mut self, handle: usize, seq: u64, event: &RawValue, desk: &mut Desk) {
        let has_to_fit = self.has_to_fit(handle, desk) && !self.is_tainted;
        let hears = &mut self.handles[handle];
        if seq <= hears.heard {
            return;
        }
        let gap = seq - hears.heard - 1;
        hears.heard = seq;
        hears.missed += gap;
        hears.events.extend(read(event));
        desk.report.missed += gap;
        desk.report.events += 1;
        if gap > 0 && has_to_fit {
            desk.break_promise(&self.name.clone(), format!("{gap} events were lost and not counted"));
        }
    }

    pub(super) fn missed(&mut self, handle: usize, count: u64, desk: &mut Desk) {
        let hears = &mut self.handles[handle];
        hears.heard = hears.heard.saturating_add(count);
        hears.missed = hears.missed.saturating_add(count);
        desk.report.missed = desk.report.missed.saturating_add(count);
    }
}
