//! Everything that is measured from outside, each by a word: what a server costs beside servers that do nothing else, a
//! thousand clients of one instance, files.
//!
//! `cargo xtask bench`, `crowd` and `uploads` build and start it. It starts its servers itself, each a program of its own so
//! that the kernel tells whose work is whose, and plays all clients in one thread. What is lost, doubled or out of order
//! fails it; times never do, because they are those of this machine and its neighbours. Beside the live server
//! stand others that only send the same bytes, and the ratio to them is the figure that travels.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::task::LocalSet;

mod bare;
mod cases;
mod child;
mod crowd;
mod live;
mod mirror;
mod peers;
mod plot;
mod record;
mod report;
mod results;
mod run;
mod serve;
mod servers;
mod times;
mod uploads;

use cases::Scale;
use report::Report;
use serve::Role;

/// An action is read by one task and answered by another, which is what this allocator is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures servers from outside
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// What each thing costs, beside floors and other frameworks
    Run(run::Options),
    /// Write the page and its pictures again, from what was measured
    Page(run::PageOptions),
    /// What many clients of one instance cost
    Crowd(CrowdOptions),
    /// What becomes of files that are sent, and what they cost
    Uploads(UploadOptions),
    /// Be one of the servers
    #[command(hide = true)]
    Serve(ServeOptions),
}

#[derive(Args)]
struct CrowdOptions {
    /// Clients
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// A few seconds of each, for a machine that only wants to know that nothing is lost
    #[arg(long)]
    quick: bool,
    /// Only these
    #[arg(long, value_delimiter = ',')]
    only: Vec<CrowdCase>,
    /// The core the servers get to themselves, if `taskset` is there to give it to them
    #[arg(long)]
    server_core: Option<usize>,
}

#[derive(Args)]
struct UploadOptions {
    /// A few small files
    #[arg(long)]
    quick: bool,
    /// Only these
    #[arg(long, value_delimiter = ',')]
    only: Vec<UploadCase>,
    /// The core the servers get to themselves, if `taskset` is there to give it to them
    #[arg(long)]
    server_core: Option<usize>,
    /// What to decide at random by, and what the files are made of; printed, so that it can be had again
    #[arg(long)]
    seed: Option<u64>,
    /// Where the files go; what is there stays, what this program writes is removed
    #[arg(long)]
    folder: Option<PathBuf>,
}

#[derive(Args)]
struct ServeOptions {
    /// Which
    role: Role,
    /// Bytes the kernel keeps for each of the server's connections
    #[arg(long)]
    send_buffer: Option<u32>,
    /// Where its files go
    #[arg(long)]
    folder: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CrowdCase {
    /// Everybody says something once a second, and everybody hears it
    Room,
    /// Calls a second of private instances, and of a shared one
    Ratio,
    /// One message to all, beside a server that only broadcasts
    FanOut,
    /// One of them stops reading
    Stalled,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UploadCase {
    /// One large file, cut and killed again and again
    Endurance,
    /// Bytes a second, beside a server that throws them away
    Throughput,
    /// What actions take while a file is sent
    Actions,
    /// Chunks nobody should send, beside a model of what must come of them
    Hostile,
}

fn main() -> Result<ExitCode> {
    match Options::parse().what {
        What::Serve(ServeOptions { role, send_buffer, folder }) => {
            let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            role.runtime()?.block_on(serve::serve(role, listen, send_buffer, folder.as_deref()))?;
            Ok(ExitCode::SUCCESS)
        }
        What::Run(options) => run::run(&options),
        What::Page(options) => run::page(&options),
        What::Crowd(options) => judged(async |report| crowd_cases(&options, report).await),
        What::Uploads(options) => judged(async |report| upload_cases(&options, report).await),
    }
}

/// Measures, prints what came of it, and fails if something was wrong with it.
fn judged(measure: impl AsyncFnOnce(&mut Report) -> Result<()>) -> Result<ExitCode> {
    // One thread, like the one core it is given: what several can do is another question.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut report = Report::default();
    let measured = LocalSet::new().block_on(&runtime, measure(&mut report));
    report.print();
    measured?;
    Ok(if report.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn crowd_cases(options: &CrowdOptions, report: &mut Report) -> Result<()> {
    let is_chosen = |case| options.only.is_empty() || options.only.contains(&case);
    let seconds = |full, quick| Duration::from_secs(if options.quick { quick } else { full });
    let scale = Scale {
        clients: options.clients.max(2),
        room: seconds(30, 3),
        round: seconds(4, 1),
        rounds: if options.quick { 1 } else { 3 },
        core: options.server_core,
    };
    if is_chosen(CrowdCase::FanOut) {
        cases::fan_out(&scale, report).await?;
    }
    if is_chosen(CrowdCase::Room) {
        cases::room(&scale, report).await?;
    }
    if is_chosen(CrowdCase::Ratio) {
        cases::ratio(&scale, report).await?;
    }
    if is_chosen(CrowdCase::Stalled) {
        cases::stalled(&scale, report).await?;
    }
    Ok(())
}

async fn upload_cases(options: &UploadOptions, report: &mut Report) -> Result<()> {
    let is_chosen = |case| options.only.is_empty() || options.only.contains(&case);
    let scale =
        uploads::Scale::new(options.quick, options.seed, options.server_core, options.folder.clone())?;
    if is_chosen(UploadCase::Endurance) {
        uploads::endurance(&scale, report).await?;
    }
    if is_chosen(UploadCase::Hostile) {
        uploads::hostile(&scale, report).await?;
    }
    if is_chosen(UploadCase::Throughput) {
        uploads::throughput(&scale, report).await?;
    }
    if is_chosen(UploadCase::Actions) {
        uploads::actions(&scale, report).await?;
    }
    // What went wrong keeps its files.
    if report.wrong.is_empty() { scale.clean() } else { Ok(()) }
}
