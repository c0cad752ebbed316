//! Thousands of clients lose their connection at once and come back within seconds.
//!
//! Each has a counter, and calls in doubt when it is cut: some the server has got and the client has no answer
//! to, one of which half arrived, one that never left. Of every second client the server has not noticed the
//! end, so that the new connection takes over from one that is open. Nothing may be lost or done twice, and
//! nothing may be read from the store: what waits in memory is taken up in memory.
//!
//! Clients and server share this machine, so the times are those of both.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::dice::Dice;
use crate::mounted::Score;
use crate::plan::Plan;
use crate::server::{Server, pause};
use crate::spread::Spread;
use crate::tab::{Outcome, Tab};
use crate::{demo, files};

/// Threads that play clients, each one client at a time.
const PLAYERS: usize = 250;
/// Calls that are answered before the cut.
const CALLS: u64 = 4;
/// Calls the server gets whole before the cut. Two more it does not.
const SENT: u64 = 3;
/// How long it takes until all have been cut.
const CUTTING: Duration = Duration::from_millis(500);
/// What we aim at: 99 of 100 are live again within this, not counting the wait they were told to.
const AIM: Duration = Duration::from_secs(3);
/// The close code of a connection that was taken over.
const TAKEN_OVER: Option<u16> = Some(4409);

/// How heavy it is.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Clients, each with a mounted counter
    #[arg(long, default_value_t = 5_000)]
    clients: usize,
    /// Seconds after the cut within which each comes back, at a moment of its own
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// What to decide at random by; printed, so that it can be had again
    #[arg(long)]
    seed: Option<u64>,
    /// Play with this binary instead of building the showcase
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Set in the second life of this program, which may open enough files
    #[arg(long, hide = true)]
    raised: bool,
}

/// Plays it, prints what it was like, and fails if anything was lost, doubled, read or slow.
pub(crate) fn storm(options: &Options) -> Result<()> {
    let seed = options.seed.unwrap_or_else(Dice::seed);
    if !options.raised {
        let binary = match &options.binary {
            Some(binary) => binary.clone(),
            None => demo::showcase()?,
        };
        let words = ["--clients", &options.clients.to_string(), "--seconds", &options.seconds.to_string()];
        let words = words.into_iter().map(str::to_owned).chain(["--seed".to_owned(), seed.to_string()]);
        // Half of them have two sockets for a moment.
        let sockets = options.clients * 2;
        return files::again("storm", &binary, sockets, "--clients", &words.collect::<Vec<_>>());
    }
    let binary = options.binary.as_deref().context("--raised comes with --binary")?;
    let clients = options.clients.max(1);
    let within = Duration::from_secs(options.seconds);
    println!(
        "storm: seed {seed}, {clients} clients, cut within {CUTTING:?}, back within {within:?}; \
         of {} the server has not seen the end",
        clients / 2
    );
    play(binary, clients, within, &Dice::new(seed)).with_context(|| format!("seed {seed}"))
}

fn play(binary: &Path, clients: usize, within: Duration, dice: &Dice) -> Result<()> {
    let mut server = Server::start(binary, "storm", &["--count-store"])?;
    let players = PLAYERS.min(clients);
    let all = Barrier::new(players);
    let address = server.address;
    let tables: Vec<Result<Table>> = std::thread::scope(|scope| {
        let play = |player: usize| {
            let (all, dice) = (&all, dice.fork(player));
            let clients = (player..clients).step_by(players);
            scope.spawn(move || Player { dice, within }.play(address, clients, all))
        };
        let threads: Vec<_> = (0..players).map(play).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|table| table.unwrap_or_else(|_| Err(anyhow::anyhow!("a player panicked")))).collect()
    });
    let mut sum = Table::default();
    for table in tables {
        sum.add(table.with_context(|| format!("the server says: {}", server.said()))?);
    }
    let (status, took) = server.stop()?;
    let log = std::fs::read_to_string(&server.log)?;
    let count = log.lines().rev().find_map(|line| line.strip_prefix("store ")).unwrap_or("is not counted");
    let live = sum.report(clients);
    println!("storm: store {count}");
    println!("storm: drained in {:.2} s, {status}", took.as_secs_f64());

    for wrong in sum.score.wrong.iter().take(5) {
        println!("storm: {wrong}");
    }
    ensure!(
        sum.score.is_clean(),
        "{} calls lost, {} doubled, {} things wrong",
        sum.score.lost,
        sum.score.doubled,
        sum.score.wrong.len()
    );
    ensure!(sum.resumed + sum.replayed == clients, "not every instance waited for its client");
    ensure!(sum.known == clients, "the server knew only {} of {clients} sessions", sum.known);
    ensure!(
        sum.taken_over == clients / 2,
        "{} of {} old sockets were closed with 4409",
        sum.taken_over,
        clients / 2
    );
    ensure!(
        count.starts_with("reads=0 "),
        "clients that were waited for must not be read from the store: {count}"
    );
    ensure!(
        live.p99 < AIM,
        "the slowest of a hundred took {:?} to be live again, {AIM:?} is the aim",
        live.p99
    );
    ensure!(status.success(), "the server ended with {status}");
    Ok(())
}

/// What was seen.
#[derive(Default)]
struct Table {
    score: Score,
    /// From the moment a client wanted to come back until its state was right.
    live: Vec<Duration>,
    /// From the cut until then, so with the wait.
    live_since_cut: Vec<Duration>,
    /// From the moment a client wanted to come back until its last call in doubt was answered.
    settled: Vec<Duration>,
    known: usize,
    resumed: usize,
    replayed: usize,
    others: usize,
    taken_over: usize,
}

impl Table {
    fn add(&mut self, other: Self) {
        self.score += other.score;
        self.live.extend(other.live);
        self.live_since_cut.extend(other.live_since_cut);
        self.settled.extend(other.settled);
        self.known += other.known;
        self.resumed += other.resumed;
        self.replayed += other.replayed;
        self.others += other.others;
        self.taken_over += other.taken_over;
    }

    /// Prints it; the times until live again.
    fn report(&mut self, clients: usize) -> Spread {
        let live = Spread::of(std::mem::take(&mut self.live));
        println!("storm: live again, from when it came back:    {live}");
        println!(
            "storm: live again, from when it was cut:      {}",
            Spread::of(std::mem::take(&mut self.live_since_cut))
        );
        println!(
            "storm: all answered, from when it came back:  {}",
            Spread::of(std::mem::take(&mut self.settled))
        );
        println!(
            "storm: {clients} came back: {} resumed, {} replayed, {} neither; {} old sockets closed with 4409",
            self.resumed, self.replayed, self.others, self.taken_over
        );
        let Score { answered, in_doubt, lost, doubled, .. } = self.score;
        println!(
            "storm: {answered} calls answered, {in_doubt} of them in doubt for a while, {lost} lost, {doubled} doubled"
        );
        live
    }
}

/// One thread and the clients it plays.
struct Player {
    dice: Dice,
    within: Duration,
}

/// What a client does next.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Cut,
    Return { was_cut: Instant },
}

impl Player {
    fn play(
        mut self,
        address: SocketAddr,
        clients: impl Iterator<Item = usize>,
        all: &Barrier,
    ) -> Result<Table> {
        let tabs = clients.map(|client| begin(address, client)).collect::<Result<Vec<_>>>();
        // Also if something went wrong: the others wait for us.
        all.wait();
        let played = tabs.and_then(|mut tabs| Ok((self.through(&mut tabs)?, tabs)));
        // All stay until the last is done: who is alone finds it easy.
        all.wait();
        let (mut table, tabs) = played?;
        for (_, tab) in tabs {
            table.score += tab.score;
        }
        Ok(table)
    }

    /// Cuts each and brings it back, each at its moment.
    fn through(&mut self, tabs: &mut [(usize, Tab)]) -> Result<Table> {
        let now = Instant::now();
        let mut steps: Vec<(Instant, usize, Step)> = Vec::new();
        for place in 0..tabs.len() {
            let was_cut = now + self.dice.within(CUTTING);
            steps.push((was_cut, place, Step::Cut));
            steps.push((was_cut + self.dice.within(self.within), place, Step::Return { was_cut }));
        }
        steps.sort_unstable();
        let mut table = Table::default();
        for (due, place, step) in steps {
            pause(due.saturating_duration_since(Instant::now()));
            let (client, tab) = &mut tabs[place];
            let is_late = *client % 2 == 1;
            match step {
                Step::Cut => cut(tab, is_late)?,
                Step::Return { was_cut } => back(tab, due, was_cut, is_late, &mut table)?,
            }
        }
        for (_, tab) in tabs {
            tab.call(0)?;
            tab.settle()?;
            tab.check()?;
        }
        Ok(table)
    }
}

/// Connects, mounts and makes some calls.
fn begin(address: SocketAddr, client: usize) -> Result<(usize, Tab)> {
    let mut tab = Tab::open(address, &format!("s{client}"))?;
    tab.mount(Plan::Count, format!("s{client}"))?;
    for _ in 0..CALLS {
        tab.call(0)?;
        tab.settle()?;
    }
    Ok((client, tab))
}

/// Leaves calls in doubt, and the connection.
fn cut(tab: &mut Tab, is_late: bool) -> Result<()> {
    for _ in 0..SENT {
        tab.call(0)?;
    }
    tab.call_half(0)?;
    // This one never leaves.
    tab.mounted[0].call();
    if !is_late {
        tab.cut();
    }
    Ok(())
}

/// Comes back.
fn back(tab: &mut Tab, due: Instant, was_cut: Instant, is_late: bool, table: &mut Table) -> Result<()> {
    let mut old = tab.reconnect()?;
    let (known, outcomes) = tab.resume()?;
    let live = Instant::now();
    tab.resend()?;
    tab.settle()?;
    table.settled.push(due.elapsed());
    table.live.push(live - due);
    table.live_since_cut.push(live - was_cut);
    table.known += usize::from(known);
    match outcomes[..] {
        [Outcome::Resumed] => table.resumed += 1,
        [Outcome::Replayed] => table.replayed += 1,
        _ => table.others += 1,
    }
    table.taken_over += usize::from(is_late && old.last_code() == TAKEN_OVER);
    Ok(())
}
