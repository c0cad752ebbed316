//! One mounted component as a client of a load test sees it: which calls it made, which were answered, and
//! whether everything is as its [`Plan`] says.

use std::collections::BTreeSet;
use std::ops::AddAssign;

use serde_json::{Value, json};

use crate::plan::Plan;

/// What was found wrong, and how much was looked at.
#[derive(Default)]
pub(crate) struct Score {
    /// Distinct calls that were answered.
    pub(crate) answered: u64,
    /// Calls that were without an answer when their connection went.
    pub(crate) in_doubt: u64,
    /// Calls whose effect is missing although they were answered.
    pub(crate) lost: u64,
    /// Effects that are there once too often.
    pub(crate) doubled: u64,
    /// Everything else that should not be.
    pub(crate) wrong: Vec<String>,
}

impl Score {
    pub(crate) fn is_clean(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.wrong.is_empty()
    }

    /// Counts what differs from what was expected.
    fn drift(&mut self, by: i64) {
        let counted = if by < 0 { &mut self.lost } else { &mut self.doubled };
        *counted += by.unsigned_abs();
    }
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.answered += other.answered;
        self.in_doubt += other.in_doubt;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.wrong.extend(other.wrong);
    }
}

/// See the module.
pub(crate) struct Mounted {
    pub(crate) plan: Plan,
    /// The client's own name for it.
    pub(crate) name: String,
    pub(crate) id: String,
    /// What its call ids begin with.
    pub(crate) origin: String,
    /// The version that is shown.
    pub(crate) version: u64,
    /// Calls made so far.
    made: u64,
    /// Those without an answer.
    in_doubt: BTreeSet<u64>,
    /// By how much the server is off already, so that one mistake is counted once.
    off: i64,
    /// A delta did not start where we are.
    has_gap: bool,
}

impl Mounted {
    pub(crate) fn new(plan: Plan, name: String, id: String, version: u64) -> Self {
        let origin = name.clone();
        Self { plan, name, id, origin, version, made: 0, in_doubt: BTreeSet::new(), off: 0, has_gap: false }
    }

    /// The next call, as a message. From here on it is in doubt until it is answered.
    pub(crate) fn call(&mut self) -> Value {
        self.made += 1;
        self.in_doubt.insert(self.made);
        self.message(self.made)
    }

    /// The calls in doubt, oldest first, to be sent again.
    pub(crate) fn again(&self) -> Vec<Value> {
        self.in_doubt.iter().map(|number| self.message(*number)).collect()
    }

    pub(crate) fn in_doubt(&self) -> usize {
        self.in_doubt.len()
    }

    /// Everything up to this number was answered.
    fn acked(&self) -> u64 {
        self.in_doubt.first().map_or(self.made, |number| number - 1)
    }

    fn message(&self, number: u64) -> Value {
        let (action, arguments) = self.plan.call(number);
        let call = format!("{}-{number}", self.origin);
        let mut message = json!({
            "type": "CALL_ACTION", "componentId": self.id, "action": action, "payload": arguments,
            "callId": call, "requestId": call,
        });
        // Its own number is in doubt, so this is always below it.
        let acked = self.acked();
        if acked > 0 {
            message["acked"] = json!(acked);
        }
        message
    }

    /// A call was answered.
    pub(crate) fn answered(&mut self, reply: &Value, score: &mut Score) {
        let number = reply["requestId"].as_str().and_then(|id| id.rsplit_once('-')?.1.parse().ok());
        let Some(number) = number.filter(|number| self.in_doubt.remove(number)) else {
            return score.wrong.push(format!("nobody waits for {reply}"));
        };
        if self.is_astray() {
            return;
        }
        if reply["success"] != true {
            return score.wrong.push(format!("call {number} of {} was refused: {reply}", self.name));
        }
        score.answered += 1;
        let expected = self.plan.answer(number);
        match (expected.as_i64(), reply["result"].as_i64()) {
            (Some(expected), Some(got)) => {
                let by = got - expected - self.off;
                self.off += by;
                score.drift(by);
            }
            (None, _) if reply["result"] == expected => {}
            _ => score.wrong.push(format!("call {number} of {} was answered {}", self.name, reply["result"])),
        }
    }

    /// Whether so much is wrong already that answers say nothing any more: a list that lacks rows gives new ones
    /// other ids. A count that is off stays off by as much.
    fn is_astray(&self) -> bool {
        self.off != 0 && self.plan != Plan::Count
    }

    /// A delta or a state arrived.
    pub(crate) fn changed(&mut self, message: &Value, score: &mut Score) {
        let payload = &message["payload"];
        let (base, version) = (payload["base"].as_u64(), payload["version"].as_u64().unwrap_or_default());
        match base {
            // Merged ones may come twice; what is old is no news.
            Some(_) if version <= self.version => return,
            Some(base) if base != self.version => {
                if !self.has_gap {
                    let name = &self.name;
                    score.wrong.push(format!("{name} shows {}, a delta starts at {base}", self.version));
                }
                self.has_gap = true;
            }
            _ => {}
        }
        self.version = version;
    }

    /// This is the whole state: it must be that of all calls that were answered, and of none that was not made.
    pub(crate) fn look(&mut self, state: &Value, score: &mut Score) {
        if self.is_astray() {
            return;
        }
        let (least, most) = (self.acked(), self.made);
        let shifted = |calls: u64| calls.saturating_add_signed(self.off);
        match self.plan.done(state, shifted(least), shifted(most)) {
            Ok(_) => {}
            Err(Some(calls)) => {
                let nearest = if calls < shifted(least) { shifted(least) } else { shifted(most) };
                let by =
                    i64::try_from(calls).unwrap_or(i64::MAX) - i64::try_from(nearest).unwrap_or(i64::MAX);
                self.off += by;
                score.drift(by);
            }
            Err(None) => {
                let name = &self.name;
                score.wrong.push(format!("{name} is in a state that no number of its calls leads to"));
            }
        }
    }

    /// It was rebuilt, and this is what it was rebuilt as.
    pub(crate) fn rebuilt(&mut self, result: &Value, score: &mut Score) {
        if let Some(id) = result["componentId"].as_str() {
            id.clone_into(&mut self.id);
        }
        self.version = result["version"].as_u64().unwrap_or_default();
        self.has_gap = false;
        self.look(&result["initialState"], score);
    }

    /// It is gone with all that was done to it.
    pub(crate) fn forgotten(&self, score: &mut Score) {
        score.lost += self.acked();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounted(calls: u64) -> Mounted {
        let mut mounted = Mounted::new(Plan::Count, "t1c".to_owned(), "live-1".to_owned(), 0);
        for _ in 0..calls {
            mounted.call();
        }
        mounted
    }

    fn answer(mounted: &mut Mounted, number: u64, result: u64) -> Score {
        let mut score = Score::default();
        mounted.answered(
            &json!({ "requestId": format!("t1c-{number}"), "success": true, "result": result }),
            &mut score,
        );
        score
    }

    #[test]
    fn a_call_is_in_doubt_until_it_is_answered() {
        let mut mounted = mounted(3);
        assert!(answer(&mut mounted, 1, 1).is_clean());
        assert_eq!(mounted.in_doubt(), 2);
        let again = mounted.again();
        assert_eq!(again[0]["callId"], "t1c-2");
        assert_eq!(again[0]["acked"], 1);
        assert_eq!(answer(&mut mounted, 1, 1).wrong.len(), 1);
    }

    #[test]
    fn what_is_off_is_counted_once() {
        let mut doubled = mounted(3);
        assert_eq!(answer(&mut doubled, 1, 2).doubled, 1);
        assert!(answer(&mut doubled, 2, 3).is_clean());
        let mut lost = mounted(3);
        assert!(answer(&mut lost, 1, 1).is_clean());
        assert!(answer(&mut lost, 2, 2).is_clean());
        let mut score = Score::default();
        lost.rebuilt(&json!({ "componentId": "live-1", "initialState": { "count": 0 } }), &mut score);
        assert_eq!(score.lost, 2);
        assert!(answer(&mut lost, 3, 1).is_clean());
    }

    #[test]
    fn a_call_in_doubt_may_have_been_done_or_not() {
        for (count, lost, doubled) in [(1, 0, 0), (3, 0, 0), (0, 1, 0), (4, 0, 1)] {
            let mut mounted = mounted(3);
            answer(&mut mounted, 1, 1);
            let mut score = Score::default();
            mounted.look(&json!({ "count": count }), &mut score);
            assert_eq!((score.lost, score.doubled), (lost, doubled), "{count}");
        }
    }

    #[test]
    fn a_delta_starts_where_we_are() {
        let mut mounted = mounted(0);
        let mut score = Score::default();
        mounted.changed(&json!({ "payload": { "base": 0, "version": 1 } }), &mut score);
        mounted.changed(&json!({ "payload": { "base": 0, "version": 1 } }), &mut score);
        mounted.changed(&json!({ "payload": { "version": 5 } }), &mut score);
        assert!(score.is_clean());
        mounted.changed(&json!({ "payload": { "base": 6, "version": 7 } }), &mut score);
        assert_eq!(score.wrong.len(), 1);
    }
}
