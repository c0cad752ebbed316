//! Kills a server under load, again and again, and looks for calls that were answered and are gone, or were
//! done twice.
//!
//! Some clients keep calls in flight. At a random moment the server is killed as `kill -9` does it, and
//! started again with the same store: after a while of load, or while it is still reading its store, or while
//! clients are coming back. Every client comes back to what it had mounted and sends what it was not answered
//! again. Because each knows what every call must be answered ([`Plan`]), what is lost or doubled shows at
//! once. Now and then, and at the end, the server is asked to stop instead, which must lose nothing either.
//!
//! A killed program leaves behind what it gave to the system, so this does not show whether the store waits
//! for the disk; it shows that the server gives everything away before it answers, and that its files can be
//! read whenever it ends. `--durability trailing` shows that this test sees what is lost.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::demo;
use crate::dice::Dice;
use crate::run::scratch;
use crate::server::{self, Server, pause};
use crate::spread::Spread;

mod client;

use client::Client;

/// How long there is load before the server is killed, at most.
const LOAD: Duration = Duration::from_millis(250);
/// When a server that has just been started is killed, at the latest.
const EARLY: Duration = Duration::from_millis(100);
/// One in so many is killed early.
const OFTEN: u64 = 3;
/// One in so many of the others is asked to stop instead, as a deployment does it.
const DEPLOYED: u64 = 8;
/// Clients that are not all back after this never will be.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often, and by which dice.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How often to kill
    #[arg(long, default_value_t = 200)]
    points: usize,
    /// Clients, each with a counter and a list
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// What to decide at random by. It is printed, and rolls the same again; what the system makes of it is
    /// another matter
    #[arg(long)]
    seed: Option<u64>,
    /// What the server promises. Anything less than `acknowledged` is expected to lose calls
    #[arg(long, default_value = "acknowledged")]
    durability: String,
    /// Kill this binary instead of building the showcase
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// A few points, for every run of all suites.
pub(crate) fn few() -> Result<()> {
    let durability = "acknowledged".to_owned();
    kill(&Options { points: 10, clients: 8, seed: None, durability, binary: None })
}

/// Kills, prints what came of it, and fails if anything was lost or doubled.
pub(crate) fn kill(options: &Options) -> Result<()> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => demo::showcase()?,
    };
    let seed = options.seed.unwrap_or_else(Dice::seed);
    let folder = scratch()?.join(format!("kill-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    println!(
        "kill: seed {seed}, {} points, {} clients, --durability {}",
        options.points, options.clients, options.durability
    );
    let outcome = points(options, &binary, &folder, &Dice::new(seed));
    match outcome {
        // What it was rebuilt from is the evidence.
        Err(error) => Err(error.context(format!("seed {seed}; store and log are in {}", folder.display()))),
        Ok(()) => std::fs::remove_dir_all(&folder).context("the store cannot be removed"),
    }
}

fn points(options: &Options, binary: &Path, folder: &Path, dice: &Dice) -> Result<()> {
    let address = server::address()?;
    let (store, log) = (folder.join("live.store"), folder.join("server.log"));
    let store = store.to_str().context("the path of the store is not UTF-8")?;
    let flags = ["--store", store, "--durability", &options.durability];
    let spawn = || Server::spawn(binary, address, &log, &flags);
    let board = Board::new(options.clients);
    let (executed, clients) = std::thread::scope(|scope| {
        let play = |number: usize| {
            let (board, dice) = (&board, dice.fork(number));
            scope.spawn(move || Client::new(address, number, dice).play(board))
        };
        let threads: Vec<_> = (0..options.clients).map(play).collect();
        let executed = execute(options.points, &board, dice.fork(options.clients), spawn);
        let joined = threads.into_iter().map(|thread| thread.join());
        let clients: Vec<Result<client::Report>> = joined
            .map(|report| report.unwrap_or_else(|_| Err(anyhow::anyhow!("a client panicked"))))
            .collect();
        (executed, clients)
    });

    let mut sum = client::Report::default();
    let mut failures = Vec::new();
    for client in clients {
        match client {
            Ok(report) => sum.add(report),
            Err(error) => failures.push(error),
        }
    }
    println!(
        "kill: {} points, {} of them while the server was starting or clients were coming back; {} deployments",
        board.points.load(Ordering::Relaxed),
        board.early.load(Ordering::Relaxed),
        board.deployments.load(Ordering::Relaxed)
    );
    println!(
        "kill: {} returns: {} rehydrated, {} resumed or replayed, {} reset",
        sum.returns, sum.rehydrated, sum.waited, sum.reset
    );
    println!("kill: from start to live again: {}", Spread::of(std::mem::take(&mut sum.live)));
    let score = &sum.score;
    println!(
        "kill: {} calls acknowledged, {} times one was in doubt, {} lost, {} doubled",
        score.answered, score.in_doubt, score.lost, score.doubled
    );
    for wrong in score.wrong.iter().take(5) {
        println!("kill: {wrong}");
    }
    // What the clients saw says more than that one of them gave up.
    ensure!(
        score.is_clean(),
        "{} calls lost, {} doubled, {} things wrong",
        score.lost,
        score.doubled,
        score.wrong.len()
    );
    if let Some(error) = failures.into_iter().next() {
        return Err(error);
    }
    executed?;
    ensure!(sum.reset == 0, "{} instances were not in the store", sum.reset);
    Ok(())
}

/// Starts and kills servers, then lets one stop by itself, and has everybody come back once more.
fn execute(points: usize, board: &Board, mut dice: Dice, spawn: impl Fn() -> Result<Server>) -> Result<()> {
    // Once while it makes its store. Nobody has mounted anything yet.
    let mut server = spawn()?;
    pause(dice.within(EARLY));
    server.kill();
    let executed = seasons(points, board, &mut dice, &mut server, spawn);
    if executed.is_err() {
        // Before the server goes with this, so that clients know why.
        board.is_lost.store(true, Ordering::Release);
    }
    executed
}

fn seasons(
    points: usize,
    board: &Board,
    dice: &mut Dice,
    server: &mut Server,
    spawn: impl Fn() -> Result<Server>,
) -> Result<()> {
    *server = spawn()?;
    board.up();
    board.settled(server)?;
    while board.points.load(Ordering::Relaxed) < points {
        if dice.below(OFTEN) == 0 {
            board.early.fetch_add(1, Ordering::Relaxed);
            pause(dice.within(EARLY));
        } else {
            board.settled(server)?;
            pause(dice.within(LOAD));
            if dice.below(DEPLOYED) == 0 {
                deploy(board, server, &spawn)?;
                continue;
            }
        }
        server.lives()?;
        board.down();
        server.kill();
        board.points.fetch_add(1, Ordering::Relaxed);
        ensure!(!board.is_lost(), "a client gave up");
        *server = spawn()?;
        board.up();
    }
    board.settled(server)?;
    deploy(board, server, &spawn)?;
    board.settled(server)?;
    board.is_over.store(true, Ordering::Release);
    // Until the clients have compared everything once more.
    board.finished(server)
}

/// Asks the server to stop, under load as well, and starts the next.
fn deploy(board: &Board, server: &mut Server, spawn: impl Fn() -> Result<Server>) -> Result<()> {
    board.deployments.fetch_add(1, Ordering::Relaxed);
    board.down();
    let (status, _) = server.stop()?;
    ensure!(status.success(), "the server was asked to stop and ended with {status}: {}", server.said());
    *server = spawn()?;
    board.up();
    Ok(())
}

/// What the clients and whoever kills the server tell each other.
struct Board {
    /// Odd while there is no server, or one that is about to be killed.
    life: AtomicU64,
    /// When the present server was started.
    started: Mutex<Instant>,
    /// The life in which each client was last back, with nothing in doubt of what it had before.
    settled: Vec<AtomicU64>,
    finished: AtomicU64,
    /// No more load: settle, compare, end.
    is_over: AtomicBool,
    /// Somebody found something wrong, and there is no point in going on.
    is_lost: AtomicBool,
    points: AtomicUsize,
    deployments: AtomicU64,
    early: AtomicU64,
}

impl Board {
    fn new(clients: usize) -> Self {
        Self {
            life: AtomicU64::new(1),
            started: Mutex::new(Instant::now()),
            settled: (0..clients).map(|_| AtomicU64::new(0)).collect(),
            finished: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            is_lost: AtomicBool::new(false),
            points: AtomicUsize::new(0),
            deployments: AtomicU64::new(0),
            early: AtomicU64::new(0),
        }
    }

    fn up(&self) {
        *self.started() = Instant::now();
        self.life.fetch_add(1, Ordering::AcqRel);
    }

    fn down(&self) {
        self.life.fetch_add(1, Ordering::AcqRel);
    }

    fn life(&self) -> u64 {
        self.life.load(Ordering::Acquire)
    }

    fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Acquire)
    }

    fn started(&self) -> MutexGuard<'_, Instant> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every client is back in this life.
    fn settled(&self, server: &mut Server) -> Result<()> {
        let life = self.life();
        self.wait(server, || self.settled.iter().all(|settled| settled.load(Ordering::Acquire) == life))
    }

    /// Waits until every client has come to its end.
    fn finished(&self, server: &mut Server) -> Result<()> {
        self.wait(server, || self.finished.load(Ordering::Acquire) == self.settled.len() as u64)
    }

    fn wait(&self, server: &mut Server, is_done: impl Fn() -> bool) -> Result<()> {
        let begun = Instant::now();
        while !is_done() {
            server.lives()?;
            ensure!(!self.is_lost(), "a client gave up");
            if begun.elapsed() > PATIENCE {
                bail!("not every client is back after {PATIENCE:?}: {}", server.said());
            }
            pause(Duration::from_millis(1));
        }
        Ok(())
    }
}
