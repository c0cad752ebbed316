//! How a component gets its instance, gets it back, and lets go of it.
//!
//! What happened to it is told as one [`Outcome`] each time; a reset that nothing excuses is a broken promise.

use serde_json::Value;
use serde_json::value::RawValue;

use super::handle::{Handle, Outcome, Phase, Waits};
use super::{BACKOFF_CAP, BACKOFF_START, Kind, Page, Request, is_passing, text};
use crate::testing::sim::desk::{Desk, Fate};
use crate::testing::sim::read::{Stands, Whole, read};

/// Times in a row that a lost instance is asked for again before it is given up.
const MOST_TRIES: u32 = 8;

impl Page {
    /// Shows a component from now on; answers with its place.
    pub(in crate::testing::sim) fn mount(
        &mut self,
        component: &str,
        name: &str,
        props: &Value,
        desk: &mut Desk,
    ) -> usize {
        self.handles.push(Handle::new(component, name, props, schema(desk, component)));
        let handle = self.handles.len() - 1;
        if self.is_open() {
            self.ask_mount(handle, desk);
        }
        handle
    }

    /// Does not want it any more.
    pub(in crate::testing::sim) fn unmount(&mut self, handle: usize, desk: &mut Desk) {
        self.give_up_calls(handle, true, desk);
        let is_open = self.is_open();
        let left = &mut self.handles[handle];
        if left.phase == Phase::Left {
            return;
        }
        left.enter(Phase::Left);
        left.owes_unmount = left.id.is_some();
        (left.resyncs, left.picture, left.probes) = (0, None, 0);
        if is_open {
            self.say_unmounted(handle, desk);
        }
    }

    fn say_unmounted(&mut self, handle: usize, desk: &mut Desk) {
        let left = &mut self.handles[handle];
        if let Some(id) = left.id.clone().filter(|_| left.owes_unmount) {
            self.ask_unmount(handle, &id, desk);
        }
    }

    fn ask_unmount(&mut self, handle: usize, id: &str, desk: &mut Desk) {
        let message = format!("{{\"type\":\"COMPONENT_UNMOUNT\",\"componentId\":{}", text(id));
        self.ask(Kind::Unmount, handle, Some(id), message, desk.now);
    }

    /// The page is loaded anew: it has what a tab keeps, and nothing else.
    pub(in crate::testing::sim) fn reload(&mut self, desk: &mut Desk) {
        for handle in 0..self.handles.len() {
            self.give_up_calls(handle, true, desk);
        }
        self.dial(desk);
        self.attempt = 0;
        self.count_load();
        self.load_handles(desk);
        desk.line(&self.name, format_args!("is loaded anew"));
    }

    /// A copy of the tab with everything it keeps; not yet loaded.
    pub(in crate::testing::sim) fn copy(&self, index: usize, latency: u64, desk: &Desk) -> Self {
        let mut copy = Self::new(index, &self.subject, latency);
        copy.token = self.token.clone();
        copy.former = self.former.clone();
        copy.caps = self.caps;
        // Those it has left as well, so that each keeps its place.
        let handles = self.handles.iter();
        copy.handles = handles.map(|handle| handle.copy(schema(desk, &handle.component))).collect();
        copy
    }

    fn load_handles(&mut self, desk: &Desk) {
        for handle in &mut self.handles {
            let (outcomes, owes) = (std::mem::take(&mut handle.outcomes), handle.owes_unmount);
            let (events, missed) = (std::mem::take(&mut handle.events), handle.missed);
            let turn = handle.turn + 1;
            let copy = handle.copy(schema(desk, &handle.component));
            *handle = Handle { outcomes, owes_unmount: owes, events, missed, turn, ..copy };
        }
    }

    // With the connection.

    /// There is a connection.
    pub(super) fn opened(&mut self, handle: usize, desk: &mut Desk) {
        let opened = &self.handles[handle];
        match (&opened.phase, &opened.id) {
            (Phase::Failed(_), _) => {}
            (Phase::Left, _) => self.say_unmounted(handle, desk),
            (_, Some(_)) => self.ask_back(handle, false, desk),
            (_, None) => self.ask_mount(handle, desk),
        }
    }

    /// The connection is gone.
    pub(super) fn lose(&mut self, handle: usize, _desk: &mut Desk) {
        let lost = &mut self.handles[handle];
        (lost.resyncs, lost.in_step_on, lost.probes) = (0, None, 0);
        lost.line.iter_mut().for_each(|waits| waits.is_asked = false);
        if !matches!(lost.phase, Phase::Left | Phase::Failed(_)) {
            lost.enter(Phase::Waiting);
        }
    }

    fn ask_mount(&mut self, handle: usize, desk: &mut Desk) {
        let mounting = &mut self.handles[handle];
        mounting.enter(Phase::Mounting);
        mounting.id = None;
        let Handle { name, component, props, schema, .. } = &*mounting;
        let message = format!(
            "{{\"type\":\"COMPONENT_MOUNT\",\"componentId\":{},\"payload\":{{\"component\":{},\"props\":{props},\"schema\":{schema}}}",
            text(name),
            text(component)
        );
        let name = name.clone();
        self.ask(Kind::Mount, handle, Some(&name), message, desk.now);
    }

    /// Asks for an instance that the server may still have, or can rebuild.
    fn ask_back(&mut self, handle: usize, carries: bool, desk: &mut Desk) {
        let asking = &mut self.handles[handle];
        asking.enter(Phase::Asking);
        asking.resyncs = 0;
        let Some(id) = asking.id.clone() else { return };
        let Handle { name, component, schema, heard, picture, .. } = &*asking;
        let (have, fresh) = match picture {
            Some(picture) => (picture.version, ""),
            None => (0, ",\"fresh\":true"),
        };
        let mut message = format!(
            "{{\"type\":\"COMPONENT_RESUME\",\"componentId\":{},\"payload\":{{\"component\":{},\"name\":{},\"have\":{have},\"heard\":{heard}{fresh},\"schema\":{schema}",
            text(&id),
            text(component),
            text(name)
        );
        if let Some(snapshot) = asking.snapshot.as_ref().filter(|_| carries) {
            message.push_str(&format!(",\"snapshot\":{}", text(snapshot)));
        }
        message.push('}');
        self.ask(Kind::Resume { carries }, handle, Some(&id), message, desk.now);
    }

    /// Nothing of it is left.
    fn mount_afresh(&mut self, handle: usize, reason: &str, desk: &mut Desk) {
        let lost = &self.handles[handle];
        let had = lost.id.as_deref().is_some_and(|id| desk.has_acknowledged(id));
        // Until something was acknowledged there is nothing to be lost but what mounting makes again.
        let is_excused = self.is_excused || self.is_tainted || desk.is_forgetful || !had;
        if !is_excused {
            let what = format!("{} was reset without need: {reason}", lost.name);
            desk.break_promise(&self.name.clone(), what);
        }
        self.handles[handle].news = Some(reason.to_owned());
        self.ask_mount(handle, desk);
    }

    /// Asks again what the server had no time for.
    pub(super) fn try_again(&mut self, handle: usize, desk: &mut Desk) {
        self.handles[handle].again_at = u64::MAX;
        match &self.handles[handle].phase {
            Phase::Mounting => self.ask_mount(handle, desk),
            Phase::Asking => self.ask_back(handle, false, desk),
            Phase::Mounted => self.flush(handle, desk),
            Phase::Waiting | Phase::Failed(_) | Phase::Left => {}
        }
    }

    pub(super) fn later(&mut self, handle: usize, desk: &mut Desk) {
        let later = &mut self.handles[handle];
        later.tries += 1;
        let most = BACKOFF_CAP.min(BACKOFF_START << later.tries.min(16));
        later.again_at = desk.now + 1 + desk.draw.below(most);
    }

    // Answers.

    /// A request about an instance was answered.
    pub(super) fn settle(
        &mut self,
        request: &Request,
        outcome: Result<Option<&RawValue>, std::borrow::Cow<'_, str>>,
        desk: &mut Desk,
    ) {
        let handle = request.handle;
        let is_current = self.handles.get(handle).is_some_and(|handle| handle.turn == request.turn);
        let result = outcome.as_ref().ok().copied().flatten();
        match request.kind {
            Kind::Session => {}
            Kind::Mount | Kind::Resume { .. } if !is_current => {
                // What an outdated answer brings is nobody's.
                let made = result.and_then(read::<Stands>).and_then(|stands| stands.id);
                if let Some(id) = made {
                    self.former.insert(id.clone());
                    self.ask_unmount(handle, &id, desk);
                }
            }
            Kind::Mount => match outcome {
                Ok(_) => match result.and_then(read::<Stands>) {
                    Some(stands) => self.stand(handle, stands, false, desk),
                    None => self.misread(desk),
                },
                Err(code) if is_passing(&code) => self.later(handle, desk),
                Err(code) => self.fail(handle, &code, desk),
            },
            Kind::Resume { carries } => match outcome {
                Ok(_) => match result.and_then(read::<Stands>) {
                    Some(stands) => self.stand(handle, stands, true, desk),
                    None => self.misread(desk),
                },
                Err(code) => self.not_resumed(handle, carries, &code, desk),
            },
            Kind::Unmount => self.handles[handle].owes_unmount = false,
            Kind::Call(call) => self.call_answered(handle, call, outcome, desk),
            Kind::Resync if is_current => self.resynced(handle, outcome.err().as_deref(), desk),
            Kind::Probe => {
                let probed = &mut self.handles[handle];
                probed.probes = probed.probes.saturating_sub(1);
                if let Err(code) = outcome
                    && is_current
                {
                    self.gone(handle, &code, desk);
                }
            }
            Kind::Confirm if is_current => {
                if let Err(code) = outcome {
                    self.gone(handle, &code, desk);
                }
            }
            Kind::Resync | Kind::Confirm => {}
        }
    }

    fn not_resumed(&mut self, handle: usize, carries: bool, code: &str, desk: &mut Desk) {
        let has_snapshot = self.handles[handle].snapshot.is_some();
        match code {
            _ if is_passing(code) => self.later(handle, desk),
            // It went to rest this very moment.
            "REHYDRATION_REQUIRED" if self.handles[handle].tries < MOST_TRIES => self.later(handle, desk),
            "CLIENT_OUTDATED" => self.fail(handle, code, desk),
            "NOTHING_KEPT" if has_snapshot && !carries => self.ask_back(handle, true, desk),
            "NOTHING_KEPT" => {
                let reason = self.refusal.clone().unwrap_or_else(|| code.to_owned());
                self.mount_afresh(handle, &reason, desk);
            }
            _ => self.mount_afresh(handle, code, desk),
        }
    }

    fn fail(&mut self, handle: usize, code: &str, desk: &mut Desk) {
        desk.line(&self.name, format_args!("{} failed: {code}", self.handles[handle].name));
        self.handles[handle].enter(Phase::Failed(code.to_owned()));
        self.give_up_calls(handle, true, desk);
    }

    /// The server has said how it stands; `is_known` if this is what was asked back.
    fn stand(&mut self, handle: usize, stands: Stands, is_known: bool, desk: &mut Desk) {
        let Stands { outcome, frames, id, state, version, digest, seq, outdated } = stands;
        let told = match (outcome.as_deref(), is_known) {
            (None, false) => Outcome::Mounted,
            (Some("resumed"), true) => Outcome::Resumed,
            (Some("replayed"), true) => Outcome::Replayed(frames.unwrap_or(0)),
            (Some("rehydrated"), true) => Outcome::Rehydrated(version),
            _ => return self.misread(desk),
        };
        let socket = self.socket();
        let standing = &mut self.handles[handle];
        standing.tries = 0;
        standing.is_outdated = outdated;
        standing.enter(Phase::Mounted);
        match &told {
            Outcome::Resumed | Outcome::Replayed(_) => {
                self.tell(handle, told, desk);
                self.open_line(handle, true, desk);
                self.prove(handle, version, digest, desk);
            }
            Outcome::Mounted | Outcome::Rehydrated(_) | Outcome::Reset(_) => {
                let (Some(id), Some(state)) = (id, state) else { return self.misread(desk) };
                self.former.insert(id.clone());
                standing.id = Some(id);
                standing.picture = None;
                standing.proved.clear();
                standing.in_step_on = socket;
                let heard = seq.unwrap_or(0);
                if is_known {
                    standing.missed += heard.saturating_sub(standing.heard);
                    desk.report.missed += heard.saturating_sub(standing.heard);
                } else {
                    standing.snapshot = None;
                }
                standing.heard = heard;
                self.tell(handle, told, desk);
                self.open_line(handle, is_known, desk);
                self.adopt(handle, Whole { state, version, digest }, desk);
            }
        }
    }

    /// Tells what became of it.
    fn tell(&mut self, handle: usize, told: Outcome, desk: &mut Desk) {
        let told = match (told, self.handles[handle].news.take()) {
            (Outcome::Mounted, Some(reason)) => Outcome::Reset(reason),
            (told, _) => told,
        };
        let name = match &told {
            Outcome::Mounted => "mounted".to_owned(),
            Outcome::Resumed => "resumed".to_owned(),
            Outcome::Replayed(_) => "replayed".to_owned(),
            Outcome::Rehydrated(_) => "rehydrated".to_owned(),
            Outcome::Reset(reason) => format!("reset {reason}"),
        };
        desk.line(&self.name, format_args!("{}: {told:?}", self.handles[handle].name));
        *desk.report.outcomes.entry(name).or_default() += 1;
        self.handles[handle].outcomes.push(told);
    }

    /// The instance is there; calls that wait for another one are not for it.
    fn open_line(&mut self, handle: usize, is_same: bool, desk: &mut Desk) {
        let opened = &mut self.handles[handle];
        let was_other = opened.meant_for.is_some() && opened.meant_for != opened.id;
        opened.meant_for = opened.id.clone();
        if !is_same && was_other {
            self.give_up_calls(handle, false, desk);
        }
        self.flush(handle, desk);
    }

    /// The server has no such instance, or says that it is lost.
    pub(super) fn gone(&mut self, handle: usize, code: &str, desk: &mut Desk) {
        if self.handles[handle].phase != Phase::Mounted {
            return;
        }
        desk.line(&self.name, format_args!("{} is gone: {code}", self.handles[handle].name));
        self.handles[handle].line.iter_mut().for_each(|waits| waits.is_asked = false);
        match code {
            "REHYDRATION_REQUIRED" => self.ask_back(handle, false, desk),
            _ => self.mount_afresh(handle, code, desk),
        }
    }

    /// Rejects what was not answered: what was sent is in doubt. What was only made stays if it is for `all` no.
    pub(super) fn give_up_calls(&mut self, handle: usize, all: bool, desk: &mut Desk) {
        let line = std::mem::take(&mut self.handles[handle].line);
        for waits in line {
            let Waits { call, was_sent, is_asked, .. } = waits;
            if is_asked && !all {
                // Asked of the new one already.
                self.handles[handle].line.push_back(waits);
                continue;
            }
            desk.settle(call, if was_sent { Fate::InDoubt } else { Fate::NotSent });
        }
    }
}

fn schema(desk: &Desk, component: &str) -> u32 {
    desk.schemas.get(component).copied().unwrap_or(1)
}
