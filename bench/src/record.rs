//! What the clients were told, checked while they are told it.
//!
//! All members of a shared instance are sent the same bytes. So a message is read when the first of them hears
//! it, and for the others it is compared with what the first was told, which leaves time for a million a second.
//! What somebody is told otherwise, because it was merged for them, is read for them alone.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::mirror::Mirror;
use crate::times::Times;

#[cfg(test)]
mod tests;

/// Faults that are kept.
const SHOWN: usize = 8;
/// And how many characters of each.
const LONGEST: usize = 400;
/// So far from the first of its kind is none of this crowd's messages.
const FAR: u64 = 10_000_000;

/// What is counted by itself: the versions of a state, the events of an instance, those of a room.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    State,
    Event,
    Room,
}

const KINDS: [Kind; 3] = [Kind::State, Kind::Event, Kind::Room];

/// A message that many are told.
struct Told {
    text: Box<[u8]>,
    /// Where whoever has heard it is.
    to: u64,
    /// Senders, and the number of the last that is told of theirs.
    last: Vec<(usize, u32)>,
}

/// Messages by where whoever hears them next is. Rooms do not begin to count at 1.
#[derive(Default)]
struct Chain {
    first: u64,
    told: Vec<Option<Told>>,
}

impl Chain {
    fn at(&self, from: u64) -> Option<&Told> {
        self.told.get(from.checked_sub(self.first)? as usize)?.as_ref()
    }

    /// Its place; none if it is before all others, or far from them.
    fn place(&mut self, from: u64) -> Option<&mut Option<Told>> {
        if self.told.is_empty() {
            self.first = from;
        }
        let place = from.checked_sub(self.first).filter(|place| *place < FAR)? as usize;
        if self.told.len() <= place {
            self.told.resize_with(place + 1, || None);
        }
        self.told.get_mut(place)
    }
}

/// What one client has heard.
#[derive(Default)]
struct Ear {
    /// The version, and the last events, by kind.
    at: [u64; 3],
    /// By kind and sender: the number of the last that was heard.
    said: [Vec<u32>; 3],
    asked: u64,
    answered: u64,
    /// Calls that are not answered.
    calls: VecDeque<(Kind, u32)>,
    /// The answer to a request that is no call, or the greeting.
    reply: Option<Value>,
    /// The whole state it asked for, and its version.
    state: Option<(u64, Value)>,
    /// Whether it sometimes does not listen, so that its times say nothing.
    is_deaf: bool,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Record {
    ears: Vec<Ear>,
    /// By kind.
    told: [Chain; 3],
    /// By kind and sender: when each was sent.
    sent: [Vec<Vec<Instant>>; 3],
    mirror: Mirror,
    /// By version: what the server says of the state, whoever it says it to and however it got there.
    digests: HashMap<u64, u64>,
    /// Whether each client has an instance of its own.
    is_private: bool,
    /// What a server that only broadcasts was given to tell.
    bare: Option<Box<[u8]>>,
    /// From the sending of each to its arrival at each client.
    pub(crate) times: Times,
    /// How often somebody heard of something that was sent, without those who do not always listen.
    pub(crate) delivered: u64,
    /// Calls that were answered.
    pub(crate) answered: u64,
    /// Messages in which several changes were one, made for one client.
    pub(crate) merged: u64,
    pub(crate) faults: u64,
    pub(crate) shown: Vec<String>,
    /// Who waits for something is told once so much was delivered and answered.
    pub(crate) goal: (u64, u64),
    has_news: bool,
}

impl Record {
    pub(crate) fn new(clients: usize, is_private: bool) -> Self {
        let ears = (0..clients).map(|_| Ear::default()).collect();
        let sent = KINDS.map(|_| vec![Vec::new(); clients]);
        Self { ears, sent, is_private, goal: (u64::MAX, u64::MAX), ..Self::default() }
    }

    /// From now on only this is told, over and over.
    pub(crate) fn repeat(&mut self, text: &[u8]) {
        self.bare = Some(text.into());
    }

    /// The newest message of that kind.
    pub(crate) fn newest(&self, kind: Kind) -> Option<&[u8]> {
        self.told[kind as usize].told.last().and_then(Option::as_ref).map(|told| &*told.text)
    }

    pub(crate) fn is_deaf(&mut self, who: usize) {
        self.ears[who].is_deaf = true;
    }

    /// Somebody asks something: the number of the request.
    pub(crate) fn ask(&mut self, who: usize) -> u64 {
        self.ears[who].asked += 1;
        self.ears[who].asked
    }

    /// Somebody says something: the number of the request, and of what is said.
    pub(crate) fn say(&mut self, who: usize, kind: Kind, now: Instant) -> (u64, u32) {
        let sent = &mut self.sent[kind as usize][who];
        sent.push(now);
        let number = sent.len() as u32;
        self.ears[who].calls.push_back((kind, number));
        (self.ask(who), number)
    }

    /// Somebody gives the bare server something to tell.
    pub(crate) fn tell(&mut self, who: usize, now: Instant) {
        self.sent[Kind::State as usize][who].push(now);
    }

    /// What is delivered and answered once nothing is under way any more.
    pub(crate) fn expected(&self) -> (u64, u64) {
        let sent: usize = self.sent.iter().flatten().map(Vec::len).sum();
        let listening = self.ears.iter().filter(|ear| !ear.is_deaf).count();
        let (each, answers) = (if self.is_private { 1 } else { listening }, self.bare.is_none());
        ((sent * each) as u64, if answers { sent as u64 } else { 0 })
    }

    pub(crate) fn take_reply(&mut self, who: usize) -> Option<Value> {
        self.ears[who].reply.take()
    }

    /// Whether something happened that somebody may wait for.
    pub(crate) fn take_news(&mut self) -> bool {
        let (delivered, answered) = self.goal;
        std::mem::take(&mut self.has_news) || (self.delivered >= delivered && self.answered >= answered)
    }

    #[cold]
    pub(crate) fn fault(&mut self, who: usize, what: &str) {
        self.faults += 1;
        if self.shown.len() < SHOWN {
            let what: String = what.chars().take(LONGEST).collect();
            self.shown.push(format!("client {who}: {what}"));
        }
        self.has_news = true;
    }

    /// A frame has come; answers how many calls it answers.
    pub(crate) fn hear(&mut self, who: usize, frame: &[u8], now: Instant) -> u64 {
        if let Some(text) = &self.bare {
            if frame != &**text {
                self.fault(who, "was told something else");
            }
            let at = &mut self.ears[who].at[Kind::State as usize];
            *at += 1;
            self.times.add(now - self.sent[Kind::State as usize][0][*at as usize - 1]);
            self.delivered += 1;
            return 0;
        }
        let before = self.answered;
        let mut rest = frame.strip_prefix(b"[").unwrap_or(frame);
        while !rest.is_empty() {
            let length = self.known(who, rest, now).unwrap_or_else(|| self.message(who, rest, now));
            // A comma, or the end.
            rest = rest.get(length + 1..).unwrap_or_default();
        }
        self.answered - before
    }

    /// If the message is what somebody else was told here, its length.
    fn known(&mut self, who: usize, text: &[u8], now: Instant) -> Option<usize> {
        for kind in KINDS {
            let at = self.ears[who].at[kind as usize];
            let Some(told) = self.told[kind as usize].at(at) else { continue };
            if text.starts_with(&told.text) {
                let length = told.text.len();
                self.heard(who, kind, None, now);
                return Some(length);
            }
        }
        None
    }

    /// Reads a message; its length.
    fn message(&mut self, who: usize, text: &[u8], now: Instant) -> usize {
        let first = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>().next();
        let Some(Ok(message)) = first else {
            self.fault(who, &format!("cannot read {}", String::from_utf8_lossy(text)));
            return text.len();
        };
        self.read(who, message.get().as_bytes(), now);
        message.get().len()
    }

    fn read(&mut self, who: usize, text: &[u8], now: Instant) {
        if text.starts_with(b"{\"type\":\"ACTION_RESPONSE\"") {
            return self.answer(who, text);
        }
        if self.is_private && text.starts_with(b"{\"type\":\"STATE_DELTA\"") {
            let at = &mut self.ears[who].at[Kind::State as usize];
            *at += 1;
            let is_next = number_after(text, b"\"version\":") == Some(*at);
            self.delivered += 1;
            self.ears[who].said[0][who] += 1;
            if !is_next {
                self.fault(who, &format!("is told {}", String::from_utf8_lossy(text)));
            }
            return;
        }
        let message: Value = serde_json::from_slice(text).unwrap_or_default();
        let payload = &message["payload"];
        match message["type"].as_str().unwrap_or_default() {
            "STATE_DELTA" => {
                let (base, version) = (payload["base"].as_u64(), payload["version"].as_u64());
                let (Some(base), Some(version)) = (base, version) else {
                    return self.fault(who, &format!("cannot read {message}"));
                };
                self.mirror.change(base, version, payload);
                let said = [&payload["merge"]["said"][0], &payload["delta"]["said"]];
                let last = said.into_iter().flat_map(last).collect();
                self.agree(who, version, payload);
                let told = Told { text: text.into(), to: version, last };
                self.told_first(who, Kind::State, base, told, now);
            }
            "STATE_UPDATE" => {
                let version = payload["version"].as_u64().unwrap_or_default();
                let last = last(&payload["state"]["said"]);
                self.merged += u64::from(version != self.ears[who].at[0]);
                self.agree(who, version, payload);
                self.heard(who, Kind::State, Some((version, last)), now);
                self.ears[who].state = Some((version, payload["state"].clone()));
            }
            "COMPONENT_EVENT" => self.event(who, Kind::Event, text, payload, now),
            "ROOM_EVENT" => self.event(who, Kind::Room, text, payload, now),
            "ROOM_JOINED" => {
                self.ears[who].at[Kind::Room as usize] = payload["seq"].as_u64().unwrap_or_default()
            }
            "CONNECTION_ESTABLISHED" => self.ears[who].reply = Some(message),
            "MESSAGE_RESPONSE" => {
                self.in_order(who, text);
                self.ears[who].reply = Some(message);
            }
            "STATE_SNAPSHOT" => return,
            _ => return self.fault(who, &format!("is told {message}")),
        }
        self.has_news |= self.ears[who].reply.is_some();
    }

    /// Holds what is said of a version to what was said of it before.
    fn agree(&mut self, who: usize, version: u64, payload: &Value) {
        let digest = payload["digest"].as_u64().unwrap_or_default();
        if *self.digests.entry(version).or_insert(digest) != digest {
            self.fault(who, &format!("is told another version {version} than others"));
        }
    }

    fn event(&mut self, who: usize, kind: Kind, text: &[u8], payload: &Value, now: Instant) {
        let event = &payload["event"];
        let number = event["number"].as_u64().and_then(|number| u32::try_from(number).ok());
        let (Some(seq), Some(from), Some(number)) = (payload["seq"].as_u64(), event["from"].as_u64(), number)
        else {
            return self.fault(who, &format!("misses events: {payload}"));
        };
        let last = vec![(from as usize, number)];
        let told = Told { text: text.into(), to: seq, last };
        self.told_first(who, kind, seq.saturating_sub(1), told, now);
    }

    /// Somebody is told something that nobody was told before, or not like this.
    fn told_first(&mut self, who: usize, kind: Kind, from: u64, told: Told, now: Instant) {
        let at = self.ears[who].at[kind as usize];
        if at != from {
            let text = String::from_utf8_lossy(&told.text).into_owned();
            return self.fault(who, &format!("is at {at} and is told {text}"));
        }
        let Some(place) = self.told[kind as usize].place(from) else {
            return self.fault(who, &format!("is told of number {from}, far from all others"));
        };
        let Some(other) = place else {
            *place = Some(told);
            return self.heard(who, kind, None, now);
        };
        // What was merged for two was written twice, so it may differ in how it is said.
        let is_other = other.to == told.to && other.last != told.last;
        self.merged += 1;
        if is_other {
            let text = String::from_utf8_lossy(&told.text).into_owned();
            self.fault(who, &format!("is told {text}, and others were told something else"));
        }
        self.heard(who, kind, Some((told.to, told.last)), now);
    }

    /// Somebody has heard what all are told here, or what was made for them alone.
    fn heard(&mut self, who: usize, kind: Kind, own: Option<(u64, Vec<(usize, u32)>)>, now: Instant) {
        let Self { ears, told, sent, times, .. } = self;
        let ear = &mut ears[who];
        let at = ear.at[kind as usize];
        let (to, last) = match &own {
            Some((to, last)) => (*to, &last[..]),
            None => match told[kind as usize].at(at) {
                Some(told) => (told.to, &told.last[..]),
                None => return,
            },
        };
        ear.at[kind as usize] = to;
        let mut wrong = None;
        for (from, last) in last {
            let said = &mut ear.said[kind as usize];
            if said.len() <= *from {
                said.resize(*from + 1, 0);
            }
            let said = &mut said[*from];
            // A state that is sent whole says again what is known.
            if *last < *said || (*last == *said && own.is_none()) {
                wrong = Some((*from, *said, *last));
            }
            for number in *said + 1..=*last {
                match sent[kind as usize].get(*from).and_then(|sent| sent.get(number as usize - 1)) {
                    Some(sent) if !ear.is_deaf => {
                        times.add(now - *sent);
                        self.delivered += 1;
                    }
                    Some(_) => {}
                    None => wrong = Some((*from, *said, *last)),
                }
            }
            *said = *last;
        }
        if let Some((from, said, last)) = wrong {
            self.fault(who, &format!("has heard {said} of {from} and now {last}"));
        }
    }

    /// The answer to a call: to the next of its client's, and after what the call did.
    fn answer(&mut self, who: usize, text: &[u8]) {
        self.in_order(who, text);
        self.answered += 1;
        let Some((kind, number)) = self.ears[who].calls.pop_front() else {
            return self.fault(who, "was answered what it did not ask");
        };
        let is_fine = find(text, b"\"success\":true").is_some();
        let said = self.ears[who].said[kind as usize].get(who).copied().unwrap_or_default();
        if !is_fine {
            self.fault(who, &String::from_utf8_lossy(text));
        } else if kind == Kind::State && said < number {
            self.fault(who, &format!("was answered {number} and has been told {said}"));
        }
    }

    fn in_order(&mut self, who: usize, text: &[u8]) {
        self.ears[who].answered += 1;
        let expected = self.ears[who].answered;
        if number_after(text, b"\"requestId\":") != Some(expected) {
            let text = String::from_utf8_lossy(text);
            self.fault(who, &format!("waits for the answer to {expected} and is told {text}"));
        }
    }

    /// Nobody but the client itself has called its instance.
    pub(crate) fn begin_private(&mut self) {
        let clients = self.ears.len();
        for ear in &mut self.ears {
            ear.said[0].resize(clients, 0);
        }
    }

    /// At the end, after everybody has asked for the state: all have heard everything, and all of the server's
    /// states are the one that is had by doing what was told. Answers whether that could be had. Where everybody
    /// was too slow for what was meant for all, nobody has been told every step, and the states are compared with
    /// each other.
    pub(crate) fn compare(&mut self) -> bool {
        let mut right = self.ears.first().and_then(|ear| ear.state.clone());
        let is_followed = right.as_ref().is_some_and(|(version, _)| *version == self.mirror.version());
        if is_followed {
            right = Some(self.mirror.take());
        }
        for who in 0..self.ears.len() {
            let ear = &mut self.ears[who];
            let (state, has_all) = (ear.state.take(), ear.calls.is_empty() && ear.asked == ear.answered);
            let kind = Kind::State as usize;
            let sent = &self.sent[kind];
            let lost = (0..sent.len())
                .filter(|from| sent[*from].len() as u32 != ear.said[kind].get(*from).copied().unwrap_or(0))
                .count();
            if lost > 0 {
                self.fault(who, &format!("has not heard all of {lost} others"));
            }
            if !has_all {
                self.fault(who, "has calls that were not answered");
            }
            match state {
                state @ Some(_) if state == right => {}
                Some(_) => self.fault(who, "shows something else than the server"),
                None => self.fault(who, "was not sent the state it asked for"),
            }
        }
        is_followed
    }
}

/// Senders, and the number of the last of theirs.
fn last(said: &Value) -> Vec<(usize, u32)> {
    let each = said.as_object().into_iter().flatten();
    each.filter_map(|(from, number)| Some((from.parse().ok()?, u32::try_from(number.as_u64()?).ok()?)))
        .collect()
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

fn number_after(text: &[u8], word: &[u8]) -> Option<u64> {
    let digits = &text[find(text, word)? + word.len()..];
    let length = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
    std::str::from_utf8(&digits[..length]).ok()?.parse().ok()
}
