//! What all connections together have done, how long it took, and what was wrong.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::account::{Fault, Times};
use super::outcome::{Latency, Outcome};

/// Longer than this is counted as this, but for no run that ends.
const LONGEST: Duration = Duration::from_secs(700);
/// Digits of a time that are kept.
const DIGITS: u8 = 3;
/// Faults that are told in words; the others are only counted.
const SHOWN: usize = 8;

/// Sums over all connections. What a scenario waits for, it waits for here.
pub struct Tally {
    /// Connections that were greeted.
    pub ready: usize,
    /// Components that are there.
    pub mounted: usize,
    /// Requests that are not answered.
    pub open: u64,
    /// Changes that were made and not shown. Each call adds `watchers`.
    pub unseen: i64,
    /// Connections that are shown each change; none if the state does not count.
    pub watchers: i64,
    /// Of what was told, how much was accepted, over the whole run.
    pub said: u64,
    /// Of what was told, how much arrived, over the whole run.
    pub delivered: u64,
    /// When the window began and ended, in nanoseconds of the run.
    window: Option<(u64, u64)>,
    done: u64,
    told: u64,
    plain: Histogram<u64>,
    corrected: Histogram<u64>,
    delivery: Histogram<u64>,
    /// How much later than due calls were sent.
    pub(crate) late: Histogram<u64>,
    bytes_in: u64,
    bytes_out: u64,
    /// Changes and events that did not come. Answers that did not are in `open`.
    skipped: u64,
    doubled: u64,
    wrong: u64,
    shown: Vec<String>,
    /// Why the run cannot go on.
    pub(crate) failed: Option<String>,
}

impl Default for Tally {
    fn default() -> Self {
        let times = || {
            let mut times = Histogram::new_with_bounds(1, LONGEST.as_nanos() as u64, DIGITS)
                .unwrap_or_else(|_| unreachable!("these bounds are some"));
            times.auto(false);
            times
        };
        Self {
            ready: 0,
            mounted: 0,
            open: 0,
            unseen: 0,
            watchers: 0,
            said: 0,
            delivered: 0,
            window: None,
            done: 0,
            told: 0,
            plain: times(),
            corrected: times(),
            delivery: times(),
            late: times(),
            bytes_in: 0,
            bytes_out: 0,
            skipped: 0,
            doubled: 0,
            wrong: 0,
            shown: Vec::new(),
            failed: None,
        }
    }
}

impl Tally {
    /// What is done from now on counts.
    pub(crate) fn begin(&mut self, now: u64) {
        self.window = Some((now, u64::MAX));
    }

    /// What is done from now on does not count any more.
    pub(crate) fn end(&mut self, now: u64) {
        if let Some((_, end)) = &mut self.window {
            *end = now;
        }
    }

    fn is_within(&self, at: u64) -> bool {
        self.window.is_some_and(|(begin, end)| begin <= at && at < end)
    }

    /// Something was done. What was done in the window is counted; what should have begun in it is timed, whenever it ends,
    /// because what ends late is what one wants to see.
    pub(crate) fn done(&mut self, times: Times, now: u64) {
        self.done += u64::from(self.is_within(now));
        if self.is_within(times.due) {
            self.plain.saturating_record(now.saturating_sub(times.sent));
            self.corrected.saturating_record(now.saturating_sub(times.due));
        }
    }

    /// Something was taken up again: its time began with the window.
    pub(crate) fn came_back(&mut self, now: u64) {
        if let Some((begin, _)) = self.window {
            self.done(Times { sent: begin, due: begin }, now);
        }
    }

    /// Changes and events that are known to be missing.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Somebody was told something that was said at `sent`, if that is known.
    pub(crate) fn delivered(&mut self, sent: Option<u64>, now: u64) {
        self.delivered += 1;
        self.told += u64::from(self.is_within(now));
        if let Some(sent) = sent.filter(|sent| self.is_within(*sent)) {
            self.delivery.saturating_record(now.saturating_sub(sent));
        }
    }

    pub(crate) fn read(&mut self, bytes: usize, now: u64) {
        if self.is_within(now) {
            self.bytes_in += bytes as u64;
        }
    }

    pub(crate) fn wrote(&mut self, bytes: usize, now: u64) {
        if self.is_within(now) {
            self.bytes_out += bytes as u64;
        }
    }

    /// Operations within the window.
    pub fn operations(&self) -> u64 {
        self.done
    }

    /// Deliveries within the window.
    pub fn deliveries(&self) -> u64 {
        self.told
    }

    /// Something is wrong with an answer. One that is missing is not counted here: it is still open.
    pub(crate) fn fault_of_answer(&mut self, fault: Fault, whose: impl FnOnce() -> String) {
        match fault {
            Fault::Skipped(_) => {}
            Fault::Again => self.doubled += 1,
            Fault::Late | Fault::Unasked => self.wrong += 1,
        }
        self.show(|| format!("{}: an answer {}", whose(), words(fault)));
    }

    /// Something is wrong with a change or an event.
    pub(crate) fn fault_of_news(&mut self, fault: Fault, whose: impl FnOnce() -> String) {
        match fault {
            Fault::Skipped(many) => self.skipped += many,
            Fault::Again => self.doubled += 1,
            Fault::Late | Fault::Unasked => self.wrong += 1,
        }
        self.show(|| format!("{} {}", whose(), words(fault)));
    }

    /// A promise was broken.
    pub fn wrong(&mut self, what: impl FnOnce() -> String) {
        self.wrong += 1;
        self.show(what);
    }

    /// So much of what was told never arrived.
    pub fn lose(&mut self, many: u64, what: impl FnOnce() -> String) {
        if many > 0 {
            self.skipped += many;
            self.show(what);
        }
    }

    fn show(&mut self, what: impl FnOnce() -> String) {
        if self.shown.len() < SHOWN {
            self.shown.push(what());
        }
    }

    /// Writes what came of it into an outcome. Everything has settled, or never will.
    pub(crate) fn write(&self, outcome: &mut Outcome) {
        outcome.operations = self.done;
        outcome.latency_us = latency(&self.plain);
        outcome.bytes_in = self.bytes_in;
        outcome.bytes_out = self.bytes_out;
        outcome.lost = self.open + self.skipped + self.unseen.max(0) as u64;
        outcome.doubled = self.doubled;
        outcome.wrong = self.wrong + self.unseen.min(0).unsigned_abs();
        outcome.notes.extend(self.shown.iter().cloned());
        if self.open > 0 {
            outcome.notes.push(format!("{} requests were never answered", self.open));
        }
        if self.unseen > 0 {
            outcome.notes.push(format!("{} changes were never shown", self.unseen));
        }
    }

    /// Times from when a call was due.
    pub(crate) fn corrected(&self) -> Option<Latency> {
        latency(&self.corrected)
    }

    /// Times of deliveries.
    pub fn delivery(&self) -> Option<Latency> {
        latency(&self.delivery)
    }
}

/// What an unfinished sentence about it says.
fn words(fault: Fault) -> String {
    match fault {
        Fault::Skipped(many) => format!("came while {many} before it had not"),
        Fault::Again => "came again".to_owned(),
        Fault::Late => "came after later ones".to_owned(),
        Fault::Unasked => "came that nothing asked for".to_owned(),
    }
}

/// The times of a histogram of nanoseconds.
pub(crate) fn latency(times: &Histogram<u64>) -> Option<Latency> {
    if times.is_empty() {
        return None;
    }
    let us = |nanoseconds: u64| (nanoseconds as f64 / 10.0).round() / 100.0;
    let at = |quantile| us(times.value_at_quantile(quantile));
    Some(Latency { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: us(times.max()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_due_in_the_window_is_timed_from_then() {
        let mut tally = Tally::default();
        let times = |sent, due| Times { sent, due };
        tally.done(times(0, 0), 900);
        tally.begin(1_000);
        tally.done(times(900, 900), 1_500);
        tally.done(times(5_000, 2_000), 6_000);
        tally.end(10_000);
        tally.done(times(9_000, 9_000), 11_000);
        tally.done(times(10_500, 10_500), 11_500);
        let mut outcome = Outcome::default();
        tally.write(&mut outcome);
        assert_eq!(outcome.operations, 2);
        let (plain, corrected) = (outcome.latency_us.unwrap(), tally.corrected().unwrap());
        assert_eq!((plain.p50, plain.max), (1.0, 2.0));
        assert_eq!((corrected.p50, corrected.max), (2.0, 4.0));
    }

    #[test]
    fn what_never_came_is_lost() {
        let mut tally = Tally { open: 2, unseen: 3, ..Tally::default() };
        tally.fault_of_news(Fault::Skipped(4), String::new);
        tally.fault_of_answer(Fault::Skipped(1), String::new);
        let mut outcome = Outcome::default();
        tally.write(&mut outcome);
        assert_eq!((outcome.lost, outcome.doubled, outcome.wrong), (9, 0, 0));
        tally.unseen = -1;
        outcome = Outcome::default();
        tally.write(&mut outcome);
        assert_eq!((outcome.lost, outcome.wrong), (6, 1));
        assert!(!outcome.is_right());
    }
}
