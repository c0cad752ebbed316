//! One client of a server that is killed again and again.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Board, PATIENCE};
use crate::dice::Dice;
use crate::mounted::Score;
use crate::plan::Plan;
use crate::server::pause;
use crate::socket::is_gone;
use crate::tab::{Outcome, Tab};

/// Calls that may be without an answer at once, of a counter and of a list.
const IN_FLIGHT: [usize; 2] = [16, 4];

/// What was seen.
#[derive(Default)]
pub(super) struct Report {
    pub(super) score: Score,
    /// From the start of a server until this client showed the right state again.
    pub(super) live: Vec<Duration>,
    pub(super) returns: usize,
    pub(super) rehydrated: usize,
    pub(super) waited: usize,
    pub(super) reset: usize,
}

impl Report {
    pub(super) fn add(&mut self, other: Self) {
        self.score += other.score;
        self.live.extend(other.live);
        self.returns += other.returns;
        self.rehydrated += other.rehydrated;
        self.waited += other.waited;
        self.reset += other.reset;
    }
}

/// Why a client is done with a server that nobody killed under it.
enum Ended {
    /// No more load, and everything is as it should be.
    Over,
    /// It is not the server it was to be.
    Elsewhere,
}

pub(super) struct Client {
    address: SocketAddr,
    number: usize,
    dice: Dice,
    tab: Option<Tab>,
    report: Report,
}

impl Client {
    pub(super) fn new(address: SocketAddr, number: usize, dice: Dice) -> Self {
        Self { address, number, dice, tab: None, report: Report::default() }
    }

    /// Lives through one server after the other, until it is over.
    pub(super) fn play(mut self, board: &Board) -> Result<Report> {
        let played = self.lives(board);
        if played.is_err() {
            board.is_lost.store(true, Ordering::Release);
        }
        board.finished.fetch_add(1, Ordering::AcqRel);
        let Self { tab, mut report, .. } = self;
        if let Some(tab) = tab {
            report.score = tab.score;
        }
        // What is wrong with the calls is in the score, and explains why it gave up.
        if report.score.is_clean() { played.map(|()| report) } else { Ok(report) }
    }

    fn lives(&mut self, board: &Board) -> Result<()> {
        loop {
            let life = board.life();
            if life % 2 == 1 {
                if board.is_lost() {
                    return Ok(());
                }
                pause(Duration::from_millis(1));
                continue;
            }
            match self.live(board, life) {
                Ok(Ended::Over) => return Ok(()),
                Ok(Ended::Elsewhere) => {}
                // It is killed with everything else when somebody has failed.
                Err(error) if is_gone(&error) && board.is_lost() => return Ok(()),
                Err(error) if is_gone(&error) && board.life() != life => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Comes back, settles what is in doubt, and calls until the server is killed.
    fn live(&mut self, board: &Board, life: u64) -> Result<Ended> {
        self.connect(board, life)?;
        if board.life() != life {
            // While we were connecting another server took its place, and who knows which one this is.
            return Ok(Ended::Elsewhere);
        }
        self.arrive(board)?;
        let Some(tab) = &mut self.tab else { return Ok(Ended::Over) };
        tab.settle()?;
        ensure!(tab.score.is_clean(), "something was lost or doubled");
        board.settled[self.number].store(life, Ordering::Release);
        while !board.is_over.load(Ordering::Acquire) {
            for (which, most) in IN_FLIGHT.into_iter().enumerate() {
                // Not always as many as may be: a queue that is always full has only one shape.
                let wanted = 1 + self.dice.below(most as u64) as usize;
                while tab.mounted[which].in_doubt() < wanted {
                    tab.call(which)?;
                }
            }
            tab.hear()?;
            ensure!(tab.score.is_clean(), "something was lost or doubled");
        }
        tab.settle()?;
        tab.check()?;
        Ok(Ended::Over)
    }

    /// Connects as soon as somebody listens.
    fn connect(&mut self, board: &Board, life: u64) -> Result<()> {
        let begun = Instant::now();
        let page = self.page();
        loop {
            let connected = match &mut self.tab {
                Some(tab) => tab.reconnect().map(drop),
                // The first time.
                none => Tab::open(self.address, &page).map(|tab| *none = Some(tab)),
            };
            match connected {
                Ok(()) => return Ok(()),
                Err(error) if is_gone(&error) && board.life() == life && !board.is_lost() => {
                    ensure!(begun.elapsed() < PATIENCE, "nobody listens after {PATIENCE:?}");
                    pause(Duration::from_millis(1));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes up what was mounted, and sends what is in doubt again.
    fn arrive(&mut self, board: &Board) -> Result<()> {
        let page = self.page();
        let Some(tab) = &mut self.tab else { return Ok(()) };
        if tab.mounted.len() < IN_FLIGHT.len() {
            for (plan, kind) in [(Plan::Count, "c"), (Plan::Rows, "r")] {
                tab.mount(plan, format!("{page}{kind}"))?;
            }
            // The answer to a mount promises nothing; the first answer to a call does.
            tab.call(0)?;
            return tab.call(1);
        }
        let (_, outcomes) = tab.resume()?;
        self.report.live.push(board.started().elapsed());
        self.report.returns += 1;
        for outcome in outcomes {
            match outcome {
                Outcome::Rehydrated => self.report.rehydrated += 1,
                Outcome::Resumed | Outcome::Replayed => self.report.waited += 1,
                Outcome::Reset => self.report.reset += 1,
            }
        }
        tab.resend()
    }

    /// The name of its page, which begins its call ids.
    fn page(&self) -> String {
        format!("k{}", self.number)
    }
}
