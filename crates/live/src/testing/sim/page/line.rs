//! The calls of one component, in the order they were made, until each has its answer.
//!
//! ```text
//! waiting ──instance there──► asked ──answer──► settled
//!    ▲                          │
//!    └── socket lost; reset ────┴──► in doubt
//! ```
//!
//! A call has a name that never changes. One whose answer did not come is sent again under it, before newer ones.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use super::handle::{Phase, Waits};
use super::{Kind, Page, is_passing, text};
use crate::testing::sim::desk::{Desk, Fate};
use crate::testing::sim::read::read;

/// Times a call that was refused before it was done is sent again by itself.
const MOST_TRIES: u32 = 6;
/// Calls that are asked before any is answered, fewer than a server allows.
const AT_ONCE: usize = 200;

impl Page {
    /// Makes a call; answers with its place in the books.
    pub(in crate::testing::sim) fn call(
        &mut self,
        handle: usize,
        action: &str,
        args: &Value,
        desk: &mut Desk,
    ) -> usize {
        let body = format!("\"action\":{},\"payload\":{args}", text(action));
        self.enter_line(handle, "CALL_ACTION", body, args, desk)
    }

    /// Writes a field; answers with its place in the books.
    pub(in crate::testing::sim) fn write(
        &mut self,
        handle: usize,
        field: &str,
        value: &Value,
        desk: &mut Desk,
    ) -> usize {
        let body = format!("\"property\":{},\"payload\":{{\"value\":{value}}}", text(field));
        self.enter_line(handle, "PROPERTY_UPDATE", body, value, desk)
    }

    fn enter_line(
        &mut self,
        handle: usize,
        kind: &'static str,
        body: String,
        args: &Value,
        desk: &mut Desk,
    ) -> usize {
        self.last_number += 1;
        let number = self.last_number;
        let calls = &mut self.handles[handle];
        let call = desk.call(&calls.component, &self.origin, args);
        if matches!(calls.phase, Phase::Failed(_) | Phase::Left) || self.is_closed {
            desk.settle(call, Fate::NotSent);
            return call;
        }
        calls.line.push_back(Waits { call, kind, number, body, is_asked: false, was_sent: false, tries: 0 });
        self.flush(handle, desk);
        call
    }

    /// Sends what waits, in order.
    pub(super) fn flush(&mut self, handle: usize, desk: &mut Desk) {
        let calls = &mut self.handles[handle];
        if !matches!(self.link, super::Link::Open(_))
            || calls.phase != Phase::Mounted
            || calls.again_at != u64::MAX
        {
            return;
        }
        let Some(id) = calls.id.clone() else { return };
        // Everything of this instance below the first that waits was answered.
        let acked = calls.line.front().map_or(0, |first| first.number - 1);
        let mut messages = Vec::new();
        for waits in calls.line.iter_mut().take(AT_ONCE).filter(|waits| !waits.is_asked) {
            if waits.was_sent {
                desk.report.resent += 1;
                desk.trace.line(desk.now, &self.name, format_args!("call {} again", waits.number));
            }
            (waits.is_asked, waits.was_sent) = (true, true);
            desk.calls[waits.call].instance = Some(id.clone());
            let Waits { kind, body, number, call, .. } = waits;
            let message = format!(
                "{{\"type\":\"{kind}\",\"componentId\":{},{body},\"callId\":\"{}-{number}\",\"acked\":{acked}",
                text(&id),
                self.origin
            );
            messages.push((*call, message));
        }
        for (call, message) in messages {
            self.ask(Kind::Call(call), handle, Some(&id), message, desk.now);
        }
    }

    pub(super) fn call_answered(
        &mut self,
        handle: usize,
        call: usize,
        outcome: Result<Option<&RawValue>, Cow<'_, str>>,
        desk: &mut Desk,
    ) {
        let calls = &mut self.handles[handle];
        let Some(at) = calls.line.iter().position(|waits| waits.call == call) else { return };
        let waits = &mut calls.line[at];
        let is_changed = self.is_reading_changed;
        match outcome {
            Ok(result) => {
                calls.line.remove(at);
                desk.calls[call].answer = Some(result.and_then(read).unwrap_or(Value::Null));
                desk.settle(call, if is_changed { Fate::Excused } else { Fate::Done });
                self.check_shown(handle, call, desk);
            }
            Err(code) if is_passing(&code) && waits.tries < MOST_TRIES => {
                waits.tries += 1;
                waits.is_asked = false;
                self.later(handle, desk);
            }
            Err(code) if code == "REHYDRATION_REQUIRED" => {
                waits.is_asked = false;
                self.gone(handle, &code, desk);
            }
            Err(code) => {
                let number = waits.number;
                calls.line.remove(at);
                desk.line(&self.name, format_args!("call {number} refused: {code}"));
                if code == "CALL_FORGOTTEN" && !self.is_tainted && !is_changed {
                    let what = format!("call {number} was forgotten before it was answered");
                    desk.break_promise(&self.name.clone(), what);
                }
                desk.settle(call, Fate::Refused(code.clone().into_owned()));
                if code == "INSTANCE_LOST" {
                    self.gone(handle, &code, desk);
                }
            }
        }
    }

    /// The state an action changed is there before its answer.
    fn check_shown(&self, handle: usize, call: usize, desk: &mut Desk) {
        let shows = &self.handles[handle];
        let has_to_fit = self.is_clean && shows.resyncs == 0 && shows.in_step_on == self.socket();
        let (Some(picture), Some(token)) = (&shows.picture, &desk.calls[call].token) else { return };
        let Some(rule) = desk.rule(&shows.component) else { return };
        if has_to_fit && !(rule.in_state)(&picture.state).contains(token) {
            let what = format!("{token} was answered before its state was shown");
            desk.break_promise(&self.name, what);
        }
    }
}
