//! The calls an instance has done, and what it answered, so that none is done twice.
//!
//! A client whose socket died before an answer came cannot know whether the call was done, and sends it
//! again under the same [`CallId`]. The instance looks here first. The window is part of the instance's
//! snapshot: a state that has the effect of a call also knows the call, whichever server it comes back on.
//!
//! What must stay true: a number at or below an origin's `floor` is never done again. The floor rises with
//! what the client says it has received, and when the window is full; so it is bounded by what a client
//! may have unanswered, not by its honesty.

use std::borrow::Cow;
use std::collections::BTreeMap;

use fluxstack_live_protocol::{CallId, Code, SessionId};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::action::Outcome;
use crate::error::Error;

/// Answers remembered for each origin.
pub(super) const WINDOW: usize = 256;
/// Origins remembered of one member: one for each load of each of its pages that ever called this instance.
const ORIGINS: usize = 16;
/// Origins remembered of all members of a shared instance, those who have left included: they may come back.
const MOST_ORIGINS: usize = 65_536;
/// Bytes of answers remembered for all origins together; beyond them only the fact is.
const ANSWERS: usize = 64 << 10;

/// See the module.
#[derive(Default)]
pub(super) struct Seen {
    origins: IndexMap<Box<str>, Origin>,
    /// Bytes of answers of all of them.
    bytes: usize,
    /// How often something was recorded: tells who called last.
    clock: u64,
}

#[derive(Serialize, Deserialize)]
struct Origin {
    #[serde(rename = "o")]
    name: Box<str>,
    #[serde(skip)]
    called: u64,
    #[serde(rename = "f")]
    floor: u64,
    #[serde(rename = "d")]
    done: BTreeMap<u64, Answer>,
}

/// What a call was answered.
#[derive(Clone, Serialize, Deserialize)]
enum Answer {
    /// Nothing, or a value.
    #[serde(rename = "r")]
    Result(Option<Box<RawValue>>),
    #[serde(rename = "e")]
    Error { code: Box<str>, message: Box<str>, fields: BTreeMap<Box<str>, Box<str>> },
    /// It was too long to be kept.
    #[serde(rename = "l")]
    TooLong,
}

impl Answer {
    fn of(outcome: &Outcome) -> Self {
        match outcome {
            Ok(None) => Self::Result(None),
            Ok(Some(json)) => {
                let text = std::str::from_utf8(json).ok().map(str::to_owned);
                match text.and_then(|text| RawValue::from_string(text).ok()) {
                    Some(raw) => Self::Result(Some(raw)),
                    None => Self::TooLong,
                }
            }
            Err(error) => Self::Error {
                code: error.code().as_str().into(),
                message: error.message().into(),
                fields: error.fields().map(|(field, why)| (field.into(), why.into())).collect(),
            },
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Result(raw) => raw.as_ref().map_or(0, |raw| raw.get().len()),
            Self::Error { message, fields, .. } => {
                message.len() + fields.iter().map(|(field, why)| field.len() + why.len()).sum::<usize>()
            }
            Self::TooLong => 0,
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::Result(raw) => Ok(raw.as_ref().map(|raw| raw.get().as_bytes().to_vec())),
            Self::Error { code, message, fields } => {
                let code = Code::ALL.iter().find(|known| known.as_str() == &**code);
                let error = Error::new(*code.unwrap_or(&Code::Internal), String::from(message.clone()));
                Err(fields.iter().fold(error, |error, (field, why)| {
                    error.and(String::from(field.clone()), String::from(why.clone()))
                }))
            }
            Self::TooLong => Err(forgotten("the call was done, but its answer was too long to be kept")),
        }
    }
}

/// Whose calls they are: of a shared instance the session's that made them. Of a private one there is one member,
/// and its sessions may change.
pub(super) type Member = Option<SessionId>;

/// What an origin is kept under. Members do not know of each other's.
fn name(call: &CallId, of: Member) -> Cow<'_, str> {
    match of {
        None => Cow::Borrowed(call.origin()),
        Some(session) => Cow::Owned(prefix(session) + call.origin()),
    }
}

/// A space is in no origin.
fn prefix(session: SessionId) -> String {
    format!("{:032x} ", session.to_u128())
}

impl Seen {
    /// What this call was answered, if it was done; `None` if it is new. `acked` is how far the caller has
    /// its answers.
    pub(super) fn answer(&mut self, call: &CallId, acked: u64, of: Member) -> Option<Outcome> {
        let origin = self.origins.get_mut(&*name(call, of))?;
        // What is acknowledged need not be kept. That one's own number is among them would be a lie.
        let acked = acked.min(call.number() - 1);
        if acked > origin.floor {
            self.bytes -= origin.raise(acked);
        }
        if let Some(answer) = origin.done.get(&call.number()) {
            return Some(answer.outcome());
        }
        let gone = "the call was done or given up long ago, and was not done again";
        (call.number() <= origin.floor).then(|| Err(forgotten(gone)))
    }

    /// Whether this call was done, well or not, or is so old that it must have been.
    pub(super) fn has(&self, call: &CallId, of: Member) -> bool {
        let origin = self.origins.get(&*name(call, of));
        origin.is_some_and(|origin| call.number() <= origin.floor || origin.done.contains_key(&call.number()))
    }

    /// The call was done.
    pub(super) fn record(&mut self, call: &CallId, outcome: &Outcome, of: Member) {
        self.clock += 1;
        let name = name(call, of);
        if !self.origins.contains_key(&*name) {
            self.make_room(of);
            let name: Box<str> = name.clone().into();
            let origin = Origin { name: name.clone(), called: 0, floor: 0, done: BTreeMap::new() };
            self.origins.insert(name, origin);
        }
        let all = ANSWERS.saturating_sub(self.bytes);
        let Some(origin) = self.origins.get_mut(&*name) else { return };
        // One member's long answers must not make another's too long to be kept.
        let room = if of.is_some() { (ANSWERS / ORIGINS).saturating_sub(origin.len()) } else { all };
        origin.called = self.clock;
        let (more, less) = origin.record(call.number(), outcome, room);
        self.bytes = self.bytes + more - less;
    }

    /// Makes room for one more origin: a member may have so many, and nobody's push out another's before there
    /// are very many.
    fn make_room(&mut self, of: Member) {
        let prefix = of.map(prefix);
        let is_theirs =
            |origin: &&Origin| prefix.as_ref().is_none_or(|prefix| origin.name.starts_with(&**prefix));
        if self.origins.values().filter(is_theirs).count() >= ORIGINS {
            self.forget_oldest(is_theirs);
        } else if self.origins.len() >= MOST_ORIGINS {
            self.forget_oldest(|_| true);
        }
    }

    /// Forgets the one of these origins that has not called for longest.
    fn forget_oldest(&mut self, is_one: impl Fn(&&Origin) -> bool) {
        let those = self.origins.values().enumerate().filter(|(_, origin)| is_one(origin));
        let oldest = those.min_by_key(|(_, origin)| origin.called).map(|(at, _)| at);
        if let Some((_, gone)) = oldest.and_then(|at| self.origins.swap_remove_index(at)) {
            self.bytes -= gone.len();
        }
    }

    /// As it travels in a snapshot: whoever called last comes last.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut origins: Vec<&Origin> = self.origins.values().collect();
        origins.sort_unstable_by_key(|origin| origin.called);
        serde_json::to_vec(&origins).expect("numbers, strings and raw JSON are always JSON")
    }

    /// Reads what [`Seen::to_json`] wrote.
    pub(super) fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        let read: Vec<Origin> = serde_json::from_str(json)?;
        let mut seen = Self::default();
        for mut origin in read {
            seen.clock += 1;
            seen.bytes += origin.len();
            origin.called = seen.clock;
            seen.origins.insert(origin.name.clone(), origin);
        }
        Ok(seen)
    }
}

impl Origin {
    /// Bytes of answers.
    fn len(&self) -> usize {
        self.done.values().map(Answer::len).sum()
    }

    /// Answers how many bytes came, and how many went.
    fn record(&mut self, number: u64, outcome: &Outcome, room: usize) -> (usize, usize) {
        let answer = Answer::of(outcome);
        let answer = if answer.len() > room { Answer::TooLong } else { answer };
        let more = answer.len();
        let mut less = self.done.insert(number, answer).map_or(0, |before| before.len());
        if self.done.len() > WINDOW {
            let lowest = self.done.keys().next().copied().unwrap_or(number);
            less += self.raise(lowest);
        }
        (more, less)
    }

    /// Answers how many bytes went.
    fn raise(&mut self, floor: u64) -> usize {
        self.floor = floor;
        let above = self.done.split_off(&(floor + 1));
        let below = std::mem::replace(&mut self.done, above);
        below.values().map(Answer::len).sum()
    }
}

#[cold]
fn forgotten(said: &'static str) -> Error {
    Error::new(Code::CallForgotten, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(text: &str) -> CallId {
        text.parse().unwrap_or_else(|_| panic!("{text} is a call id"))
    }

    #[track_caller]
    fn check(seen: &mut Seen, id: &str, acked: u64, expected: Option<Result<Option<&str>, Code>>) {
        let found = seen.answer(&call(id), acked, None);
        let found = found.map(|outcome| {
            outcome
                .map(|json| json.map(|json| String::from_utf8(json).unwrap_or_default()))
                .map_err(|error| error.code())
        });
        let expected = expected.map(|outcome| outcome.map(|json| json.map(str::to_owned)));
        assert_eq!(found, expected, "{id}");
    }

    #[test]
    fn a_call_is_new_once_and_answered_alike_ever_after() {
        let mut seen = Seen::default();
        check(&mut seen, "a-1", 0, None);
        seen.record(&call("a-1"), &Ok(Some(b"7".to_vec())), None);
        seen.record(&call("a-3"), &Err(Error::invalid("by", "no")), None);
        seen.record(&call("b-1"), &Ok(None), None);
        for _ in 0..2 {
            let has = |call_id| seen.has(&call(call_id), None);
            assert_eq!(["a-1", "a-2", "a-3", "b-1", "c-1"].map(has), [true, false, true, true, false]);
            check(&mut seen, "a-1", 0, Some(Ok(Some("7"))));
            check(&mut seen, "a-2", 0, None);
            check(&mut seen, "a-3", 0, Some(Err(Code::Invalid)));
            check(&mut seen, "b-1", 0, Some(Ok(None)));
            seen = Seen::from_json(std::str::from_utf8(&seen.to_json()).unwrap_or_default())
                .unwrap_or_else(|why| panic!("{why}"));
        }
        let Some(Err(error)) = seen.answer(&call("a-3"), 0, None) else { panic!("it was refused") };
        assert_eq!(error.field("by"), Some("no"));
    }

    #[test]
    fn what_was_acknowledged_is_forgotten_and_not_done_again() {
        let mut seen = Seen::default();
        seen.record(&call("a-1"), &Ok(Some(b"1".to_vec())), None);
        seen.record(&call("a-2"), &Ok(Some(b"2".to_vec())), None);
        check(&mut seen, "a-3", 1, None);
        check(&mut seen, "a-1", 0, Some(Err(Code::CallForgotten)));
        check(&mut seen, "a-2", 9, Some(Ok(Some("2"))));
        assert_eq!(seen.bytes, 1);
    }

    #[test]
    fn a_client_that_acknowledges_nothing_fills_no_memory() {
        let mut seen = Seen::default();
        let long = format!("\"{}\"", "x".repeat(ANSWERS / 2)).into_bytes();
        for number in 1..=2 * WINDOW as u64 {
            seen.record(&call(&format!("a-{number}")), &Ok(Some(long.clone())), None);
        }
        assert_eq!(seen.origins[0].done.len(), WINDOW);
        assert!(seen.bytes <= ANSWERS);
        check(&mut seen, "a-256", 0, Some(Err(Code::CallForgotten)));
        check(&mut seen, "a-512", 0, Some(Err(Code::CallForgotten)));
        check(&mut seen, "a-513", 0, None);
        assert_eq!(["a-1", "a-512", "a-513"].map(|id| seen.has(&call(id), None)), [true, true, false]);
        for origin in 0..2 * ORIGINS {
            seen.record(&call(&format!("o{origin}-1")), &Ok(None), None);
        }
        assert_eq!(seen.origins.len(), ORIGINS);
    }

    #[test]
    fn members_of_a_shared_instance_do_not_touch_each_others_calls() {
        let mut seen = Seen::default();
        let (ada, eve) = (Some(SessionId::from_u128(1)), Some(SessionId::from_u128(2)));
        seen.record(&call("a-1"), &Ok(Some(b"1".to_vec())), ada);
        // The same origin of another is another origin.
        assert!(seen.answer(&call("a-1"), 0, eve).is_none());
        seen.record(&call("a-9"), &Ok(None), eve);
        seen.answer(&call("a-10"), 9, eve);
        for origin in 0..9 * ORIGINS {
            let long = format!("\"{}\"", "x".repeat(ANSWERS / 2)).into_bytes();
            seen.record(&call(&format!("e{origin}-1")), &Ok(Some(long)), eve);
        }
        let answered = seen.answer(&call("a-1"), 0, ada).and_then(Result::ok).flatten();
        assert_eq!(answered, Some(b"1".to_vec()));
        assert_eq!(seen.origins.len(), 1 + ORIGINS);
        seen.record(&call("a-2"), &Ok(Some(b"2".to_vec())), ada);
        assert_eq!(seen.answer(&call("a-2"), 0, ada).and_then(Result::ok).flatten(), Some(b"2".to_vec()));
    }
}
