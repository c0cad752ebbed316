//! The one socket of a page: made, lost, found dead, made again; and the time by which all that happens.

use super::{BACKOFF_CAP, BACKOFF_START, Link, Page};
use crate::testing::sim::desk::Desk;

/// A server that said goodbye is asked again this long after, in ms, and up to so much more.
const LEAVING_REST: u64 = 100;
const LEAVING_SPREAD: u64 = 400;
/// A socket that brought no hello after this long, in ms, is given up.
const HELLO: u64 = 10_000;
/// Silence, in ms, after which the server is asked whether it is there.
const IDLE: u64 = 1_200;
/// How long, in ms, its answer may take.
const ANSWER: u64 = 1_300;
/// A request without an answer for this long, in ms, was lost, and a socket that loses something is dead.
const PATIENCE: u64 = 10_000;
/// Close codes that mean something to a client.
const GOING_AWAY: u16 = 1001;

impl Page {
    /// Makes a socket, at once.
    pub(in crate::testing::sim) fn dial(&mut self, desk: &mut Desk) {
        self.let_go(desk);
        self.link = Link::Waiting(u64::MAX);
        self.wants_socket = !self.is_closed;
    }

    /// The world has made it.
    pub(in crate::testing::sim) fn has_socket(&mut self, socket: u32, now: u64) {
        self.wants_socket = false;
        self.link = Link::Opening(socket, now);
    }

    /// Makes a socket, the later the more attempts there were.
    pub(super) fn retry(&mut self, desk: &mut Desk) {
        let most = BACKOFF_CAP.min(BACKOFF_START << self.attempt.min(16));
        self.attempt += 1;
        let wait = desk.draw.below(most);
        self.wait(wait, desk);
    }

    fn wait(&mut self, ms: u64, desk: &mut Desk) {
        self.let_go(desk);
        self.link = Link::Waiting(desk.now + ms);
    }

    /// The socket was closed, by the server or by what lies between.
    pub(in crate::testing::sim) fn closed(&mut self, code: Option<u16>, desk: &mut Desk) {
        match code {
            Some(code) => desk.line(&self.name, format_args!("closed with {code}")),
            None => desk.line(&self.name, format_args!("closed")),
        }
        if self.is_open() {
            self.attempt = 0;
        }
        if code == Some(GOING_AWAY) {
            let wait = LEAVING_REST + desk.draw.below(LEAVING_SPREAD);
            self.wait(wait, desk);
        } else {
            self.retry(desk);
        }
    }

    /// Lets go of the socket, if there is one; what was asked has no answer.
    fn let_go(&mut self, desk: &mut Desk) {
        self.dropped.extend(self.socket());
        let was_open = self.is_open();
        self.link = Link::Waiting(u64::MAX);
        self.pinged_at = None;
        self.out.clear();
        if was_open {
            self.requests.clear();
            for handle in 0..self.handles.len() {
                self.lose(handle, desk);
            }
        }
    }

    /// Something came that no server says, on a socket that is not to be trusted any more.
    pub(super) fn distrust(&mut self, desk: &mut Desk) {
        if self.is_clean {
            desk.break_promise(&self.name.clone(), "what the server said cannot be read".to_owned());
        }
        desk.line(&self.name, format_args!("does not trust its socket"));
        self.dial(desk);
    }

    /// It is closed for good.
    pub(in crate::testing::sim) fn close(&mut self, desk: &mut Desk) {
        for handle in 0..self.handles.len() {
            self.give_up_calls(handle, true, desk);
        }
        self.let_go(desk);
        self.is_closed = true;
        self.asleep = None;
    }

    // Time.

    /// When it has to be asked again, if nothing happens before.
    pub(in crate::testing::sim) fn next_due(&self) -> u64 {
        if self.is_closed {
            return u64::MAX;
        }
        if let Some(until) = self.asleep {
            return until;
        }
        match self.link {
            Link::Waiting(until) => until,
            Link::Opening(_, since) => since + HELLO,
            Link::Open(_) => {
                let pulse = self.pinged_at.map_or(self.heard_at + IDLE, |at| at + ANSWER);
                let oldest = self.requests.values().next().map_or(u64::MAX, |request| request.at + PATIENCE);
                let again = self.handles.iter().map(|handle| handle.again_at).min().unwrap_or(u64::MAX);
                pulse.min(oldest).min(again)
            }
        }
    }

    /// Its time has come.
    pub(in crate::testing::sim) fn tick(&mut self, desk: &mut Desk) {
        let now = desk.now;
        match self.link {
            Link::Waiting(until) if until <= now => self.dial(desk),
            Link::Opening(_, since) if since + HELLO <= now => self.retry(desk),
            Link::Open(_) => {
                let oldest = self.requests.values().next().map_or(u64::MAX, |request| request.at + PATIENCE);
                if oldest <= now || self.pinged_at.is_some_and(|at| at + ANSWER <= now) {
                    desk.line(&self.name, format_args!("finds its socket dead"));
                    return self.dial(desk);
                }
                if self.pinged_at.is_none() && self.heard_at + IDLE <= now {
                    self.ping(now);
                }
                for handle in 0..self.handles.len() {
                    if self.handles[handle].again_at <= now {
                        self.try_again(handle, desk);
                    }
                }
            }
            Link::Waiting(_) | Link::Opening(..) => {}
        }
    }

    fn ping(&mut self, now: u64) {
        self.pinged_at = Some(now);
        self.out.push(r#"{"type":"COMPONENT_PING"}"#.to_owned());
    }

    /// It sleeps no more, and asks at once whether anybody is there.
    pub(in crate::testing::sim) fn wake(&mut self, desk: &mut Desk) {
        if self.asleep.take().is_none() {
            return;
        }
        desk.line(&self.name, format_args!("wakes"));
        match self.link {
            Link::Open(_) => self.ping(desk.now),
            Link::Waiting(_) => self.dial(desk),
            Link::Opening(..) => {}
        }
        // What was asked before it fell asleep could not be answered meanwhile.
        self.requests.values_mut().for_each(|request| request.at = desk.now);
    }
}
