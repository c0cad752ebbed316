//! What all tabs of a simulation share: the time, the chances, what was counted, what was called.
//!
//! The ledger is here. A call is written down when it is made, and what became of it when that is known; at the end
//! the effects in the server's state are compared with it:
//!
//! | what the tab was told | effects |
//! |---|---|
//! | done | exactly one |
//! | refused, or whether it happened is not known | at most one |
//! | it was not sent | none |
//!
//! and those of one tab that were done are in the order in which it made them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::draw::Draw;
use super::report::Report;
use super::trace::{Trace, WRONG};

/// See the module.
pub(super) struct Desk {
    /// Milliseconds since the simulation began.
    pub(super) now: u64,
    pub(super) draw: Draw,
    pub(super) report: Report,
    pub(super) trace: Trace,
    /// When frames arrived, and how long they were: what the trace does not say, in one number.
    pub(super) fingerprint: u64,
    /// Promises that were found broken, as sentences.
    pub(super) wrong: Vec<String>,
    pub(super) calls: Vec<Call>,
    pub(super) rules: Vec<Rule>,
    /// Servers that were started: what one of them has sent, another may not have.
    pub(super) life: u32,
    /// The version of each component on a page that is loaded now.
    pub(super) schemas: BTreeMap<&'static str, u32>,
    /// The stores have lost what they had, or never outlived a server, so nothing can be promised of old instances.
    pub(super) is_forgetful: bool,
    /// Calls before this place were made when the stores still had what they have lost since.
    excused: usize,
    /// Instances whose calls did not reach the server in the order they were made, because of what was done to
    /// frames on their way there.
    pub(super) shuffled: BTreeSet<String>,
}

/// One call, for ever.
pub(super) struct Call {
    /// The load of the page that made it.
    pub(super) origin: Rc<str>,
    /// The instance it was sent to last.
    pub(super) instance: Option<String>,
    /// What its effect leaves in the state, if that is known.
    pub(super) token: Option<String>,
    pub(super) fate: Fate,
    pub(super) answer: Option<Value>,
}

/// What became of a call, as far as its tab knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Pending,
    /// Done, and it was told so.
    Done,
    /// Done once, and told so; but its state may be gone for a reason that was made on purpose.
    Excused,
    Refused(String),
    InDoubt,
    NotSent,
}

type OfCall = dyn Fn(&Value) -> Option<String>;
type InState = dyn Fn(&Map<String, Value>) -> Vec<String>;

/// How effects are found in the states of a component.
#[derive(Clone)]
pub(super) struct Rule {
    pub(super) component: String,
    pub(super) of_call: Rc<OfCall>,
    pub(super) in_state: Rc<InState>,
}

impl Desk {
    pub(super) fn new(draw: Draw) -> Self {
        Self {
            now: 0,
            draw,
            report: Report::default(),
            trace: Trace::default(),
            fingerprint: 0,
            wrong: Vec::new(),
            calls: Vec::new(),
            rules: Vec::new(),
            life: 0,
            schemas: BTreeMap::new(),
            is_forgetful: false,
            excused: 0,
            shuffled: BTreeSet::new(),
        }
    }

    /// A frame has arrived.
    pub(super) fn arrived(&mut self, wire: u32, len: usize) {
        for part in [self.now, u64::from(wire), len as u64] {
            self.fingerprint = (self.fingerprint ^ part).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(super) fn line(&mut self, actor: &str, what: Arguments<'_>) {
        self.trace.line(self.now, actor, what);
    }

    /// A promise was broken.
    pub(super) fn break_promise(&mut self, actor: &str, what: String) {
        self.report.broken += 1;
        self.complain(actor, what);
    }

    fn complain(&mut self, actor: &str, what: String) {
        self.trace.line(self.now, actor, format_args!("{WRONG}{what}"));
        self.wrong.push(format!("{actor}: {what}"));
    }

    pub(super) fn rule(&self, component: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.component == component)
    }

    /// Writes a call down; answers with its place.
    pub(super) fn call(&mut self, component: &str, origin: &Rc<str>, args: &Value) -> usize {
        let token = self.rule(component).and_then(|rule| (rule.of_call)(args));
        let (origin, fate) = (Rc::clone(origin), Fate::Pending);
        self.report.calls += 1;
        self.calls.push(Call { origin, instance: None, token, fate, answer: None });
        self.calls.len() - 1
    }

    /// What became of a call is known.
    pub(super) fn settle(&mut self, call: usize, fate: Fate) {
        // An instance that has done it long ago answers, and sees no reason to be stored again.
        let fate = if fate == Fate::Done && call < self.excused { Fate::Excused } else { fate };
        match &fate {
            Fate::Done | Fate::Excused => self.report.acknowledged += 1,
            Fate::Refused(_) => self.report.refused += 1,
            Fate::InDoubt => self.report.in_doubt += 1,
            Fate::NotSent => self.report.not_sent += 1,
            Fate::Pending => {}
        }
        self.calls[call].fate = fate;
    }

    /// Whether anything of this instance was acknowledged.
    pub(super) fn has_acknowledged(&self, instance: &str) -> bool {
        self.calls.iter().any(|call| call.fate == Fate::Done && call.instance.as_deref() == Some(instance))
    }

    /// From now on nothing is promised of what was done until now.
    pub(super) fn excuse_all(&mut self) {
        self.is_forgetful = true;
        self.excused = self.calls.len();
        for call in self.calls.iter_mut().filter(|call| call.fate == Fate::Done) {
            call.fate = Fate::Excused;
        }
    }

    /// Compares the effects in what the server holds of an instance with what was called.
    pub(super) fn audit(&mut self, actor: &str, component: &str, instance: &str, state: &Map<String, Value>) {
        let Some(rule) = self.rule(component) else { return };
        let effects = (rule.in_state)(state);
        let mut at: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (place, effect) in effects.iter().enumerate() {
            at.entry(effect).and_modify(|(count, _)| *count += 1).or_insert((1, place));
        }
        let (mut lost, mut doubled, mut disordered, mut invented) = (vec![], vec![], vec![], vec![]);
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for call in self.calls.iter().filter(|call| call.instance.as_deref() == Some(instance)) {
            let Some(token) = call.token.as_deref() else { continue };
            let (count, place) = at.get(token).copied().unwrap_or_default();
            match (&call.fate, count) {
                (Fate::Done, 0) => lost.push(token.to_owned()),
                (Fate::NotSent, 1) => invented.push(token.to_owned()),
                (_, 0 | 1) => {}
                (_, _) => doubled.push(token.to_owned()),
            }
            if call.fate == Fate::Done && count == 1 && !self.shuffled.contains(instance) {
                let before = last.insert(&call.origin, place);
                if before.is_some_and(|before| before > place) {
                    disordered.push(token.to_owned());
                }
            }
        }
        let is_known = |effect: &str| self.calls.iter().any(|call| call.token.as_deref() == Some(effect));
        invented.extend(effects.iter().filter(|effect| !is_known(effect)).cloned());
        self.report.lost += lost.len() as u64;
        self.report.doubled += doubled.len() as u64;
        self.report.disordered += disordered.len() as u64;
        self.report.broken += invented.len() as u64;
        let found = [
            ("acknowledged and not there", lost),
            ("there more than once", doubled),
            ("not in the order of the calls", disordered),
            ("there, but never sent", invented),
        ];
        for (what, tokens) in found {
            if !tokens.is_empty() {
                self.complain(actor, format!("{}: {what}", tokens.join(", ")));
            }
        }
    }

    /// The server holds something else than a tab shows.
    pub(super) fn diverge(&mut self, actor: &str, what: String) {
        self.report.divergences += 1;
        self.complain(actor, what);
    }
}
