//! One connection of a crew: its speech, the accounts of its components, and what it does when something is answered.
//!
//! No socket here, and no clock: what is heard comes in, what is to be said goes into an [`Out`].

use std::collections::VecDeque;

use anyhow::{Context as _, Result, bail};

use super::account::{Account, Place, Times, tell};
use super::out::Out;
use super::speech::{News, Speech};
use super::tally::Tally;

/// What a connection does next when something was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Nothing.
    Still,
    /// Calls again, so that as many calls as ever are unanswered: a closed loop.
    Calls,
    /// Ends what was mounted, and mounts again what was ended.
    Mounts,
    /// Calls if a call is due and there is room for it: a schedule that was written before.
    Schedule {
        /// Calls that may be unanswered.
        room: usize,
    },
}

/// One connection.
pub struct Member<S> {
    /// Its number, from 0.
    pub who: usize,
    /// What speaks for it.
    pub speech: S,
    /// What it does next.
    pub pace: Pace,
    slots: Vec<Account>,
    /// Whose turn it is to be called.
    next: usize,
    /// Calls that are unanswered.
    unanswered: usize,
    /// When calls that are not sent yet should have been.
    due: VecDeque<u64>,
    /// What it was told last by each.
    told: Vec<u64>,
    /// What it told last that was accepted.
    said: u64,
    /// When it told what, the first first.
    tells: Vec<u64>,
    /// Things to do again, by slot.
    again: Vec<usize>,
}

impl<S: Speech> Member<S> {
    pub(crate) fn new(who: usize, speech: S, slots: usize) -> Self {
        let mut accounts = Vec::new();
        accounts.resize_with(slots, Account::default);
        Self {
            who,
            speech,
            pace: Pace::Still,
            slots: accounts,
            next: 0,
            unanswered: 0,
            due: VecDeque::new(),
            told: Vec::new(),
            said: 0,
            tells: Vec::new(),
            again: Vec::new(),
        }
    }

    /// Asks for the component of a slot.
    pub fn mount(&mut self, slot: usize, now: u64, tally: &mut Tally, out: &mut Out) {
        if let Some(account) = self.slots.get_mut(slot) {
            account.clear();
            account.place = Place::Coming;
            account.since = now;
            tally.open += 1;
            self.speech.mount(slot, out);
        }
    }

    /// Ends it.
    pub fn unmount(&mut self, slot: usize, now: u64, tally: &mut Tally, out: &mut Out) {
        if let Some(account) = self.slots.get_mut(slot) {
            account.place = Place::Leaving;
            account.since = now;
            tally.open += 1;
            self.speech.unmount(slot, out);
        }
    }

    /// Calls the component whose turn it is. `due` is when it should have been called.
    pub fn call(&mut self, now: u64, due: u64, tally: &mut Tally, out: &mut Out) {
        let slot = self.next;
        self.next = if slot + 1 < self.slots.len() { slot + 1 } else { 0 };
        if let Some(account) = self.slots.get_mut(slot) {
            let number = account.call(Times { sent: now, due });
            self.unanswered += 1;
            tally.open += 1;
            tally.unseen += tally.watchers;
            self.speech.call(slot, number, out);
        }
    }

    /// A call is due since `due`: sends it, or as soon as there is room.
    pub(crate) fn schedule(&mut self, due: u64, now: u64, tally: &mut Tally, out: &mut Out) {
        self.due.push_back(due);
        self.send_due(now, tally, out);
    }

    fn send_due(&mut self, now: u64, tally: &mut Tally, out: &mut Out) {
        let Pace::Schedule { room } = self.pace else { return };
        while self.unanswered < room
            && let Some(due) = self.due.pop_front()
        {
            self.call(now, due, tally, out);
        }
    }

    /// Calls that are due and not sent.
    pub(crate) fn waiting(&self) -> usize {
        self.due.len()
    }

    /// Says something to everybody of the room, and answers which of this connection's it is, from 1.
    pub fn tell(&mut self, now: u64, out: &mut Out) -> u64 {
        self.tells.push(now);
        let number = self.tells.len() as u64;
        self.speech.tell(number, out);
        number
    }

    /// What it has said to the room so far.
    pub fn tells(&self) -> &[u64] {
        &self.tells
    }

    /// What it was told last by somebody.
    pub fn told_by(&self, from: usize) -> u64 {
        self.told.get(from).copied().unwrap_or_default()
    }

    /// Notes what was heard. What it leads to is done by [`go_on`](Self::go_on).
    pub(crate) fn note(
        &mut self,
        news: News,
        now: u64,
        tally: &mut Tally,
        sent: impl FnOnce(u32, u64) -> Option<u64>,
    ) -> Result<()> {
        let who = self.who;
        let whose = |slot: usize| move || format!("connection {who}, component {slot}");
        match news {
            News::Ready => tally.ready += 1,
            News::Answered { slot, number } => {
                let account = self.slots.get_mut(slot).context("an answer of no component")?;
                let (times, fault) = account.answer(number);
                if let Some(fault) = fault {
                    tally.fault_of_answer(fault, whose(slot));
                }
                if S::SHOWS_FIRST && times.is_some() && tally.watchers > 0 && account.count < number {
                    tally.wrong(|| format!("{}: an answer came before its change", whose(slot)()));
                }
                if times.is_some() || fault == Some(super::account::Fault::Late) {
                    tally.open -= 1;
                    self.unanswered = self.unanswered.saturating_sub(1);
                }
                if let Some(times) = times {
                    tally.done(times, now);
                    self.again.push(slot);
                }
            }
            News::Changed { slot, count } => self.change(slot, count, false, tally)?,
            News::Merged { slot, count } => self.change(slot, count, true, tally)?,
            News::Mounted { slot } => {
                let account = self.slots.get_mut(slot).context("a mount of no component")?;
                if account.place != Place::Coming {
                    tally.wrong(|| format!("{}: it was mounted and not asked for", whose(slot)()));
                    return Ok(());
                }
                account.place = Place::Taken;
                tally.open -= 1;
                tally.mounted += 1;
                if self.pace == Pace::Mounts {
                    tally.done(Times { sent: account.since, due: account.since }, now);
                    self.again.push(slot);
                }
            }
            News::Back { slot } => {
                let account = self.slots.get_mut(slot).context("a way back to no component")?;
                if account.place != Place::Empty {
                    tally.wrong(|| format!("{}: it came back twice", whose(slot)()));
                    return Ok(());
                }
                account.place = Place::Taken;
                tally.mounted += 1;
                tally.came_back(now);
            }
            News::Unmounted { slot } => {
                let account = self.slots.get_mut(slot).context("an unmount of no component")?;
                if account.place != Place::Leaving {
                    tally.wrong(|| format!("{}: it was ended and not told to", whose(slot)()));
                    return Ok(());
                }
                account.place = Place::Empty;
                tally.open -= 1;
                tally.mounted -= 1;
                self.again.push(slot);
            }
            News::Said { number } => {
                if let Some(fault) = tell(&mut self.said, number) {
                    tally.fault_of_news(fault, || {
                        format!("connection {who}: the answer {number} to what it told")
                    });
                }
                tally.said += 1;
            }
            News::Told { from, number } => {
                let at = from as usize;
                if self.told.len() <= at {
                    self.told.resize(at + 1, 0);
                }
                if let Some(fault) = tell(&mut self.told[at], number) {
                    tally.fault_of_news(fault, || format!("connection {who}: what {from} told, {number},"));
                }
                tally.delivered(sent(from, number), now);
            }
            News::Wrong { what } => tally.wrong(|| format!("connection {who}: {what}")),
            News::Refused { what } => bail!("{what}"),
        }
        Ok(())
    }

    fn change(&mut self, slot: usize, count: u64, is_merged: bool, tally: &mut Tally) -> Result<()> {
        if tally.watchers == 0 {
            return Ok(());
        }
        let account = self.slots.get_mut(slot).context("a change of no component")?;
        let (up, fault) = account.change(count, is_merged, tally.watchers > 1);
        tally.unseen -= up as i64;
        if let Some(fault) = fault {
            let who = self.who;
            tally.fault_of_news(fault, || format!("connection {who}, component {slot}: the count {count}"));
        }
        Ok(())
    }

    /// Does what follows from what was heard.
    pub(crate) fn go_on(&mut self, now: u64, tally: &mut Tally, out: &mut Out) {
        match self.pace {
            Pace::Still => {}
            Pace::Calls => (0..self.again.len()).for_each(|_| self.call(now, now, tally, out)),
            Pace::Schedule { .. } => self.send_due(now, tally, out),
            Pace::Mounts => {
                for at in 0..self.again.len() {
                    let slot = self.again[at];
                    match self.slots[slot].place {
                        Place::Taken => self.unmount(slot, now, tally, out),
                        Place::Empty => self.mount(slot, now, tally, out),
                        Place::Coming | Place::Leaving => {}
                    }
                }
            }
        }
        self.again.clear();
    }

    /// Whether something follows from what was heard.
    pub(crate) fn is_eager(&self) -> bool {
        !self.again.is_empty() && self.pace != Pace::Still
    }

    /// Calls it made of what is mounted.
    pub fn called(&self) -> u64 {
        self.slots.iter().map(|account| account.called).sum()
    }

    /// The highest count it was shown, by slot.
    pub fn counts(&self) -> impl Iterator<Item = u64> {
        self.slots.iter().map(|account| account.count)
    }
}
