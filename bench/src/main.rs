//! What it costs to have many: a thousand clients of one shared instance, measured from outside.
//!
//! `cargo xtask crowd` builds and starts it. It starts its servers itself, each a program of its own so that the
//! kernel tells whose work is whose, and plays all clients in one thread. What is lost, doubled or out of order
//! fails it; times never do, because they are those of this machine and its neighbours. Beside the live server
//! stands one that does nothing but broadcast, and the ratio to it is the figure that travels.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use tokio::task::LocalSet;

mod bare;
mod cases;
mod child;
mod crowd;
mod live;
mod mirror;
#[expect(dead_code, reason = "the runs that want them are written beside them")]
mod peers;
mod record;
mod report;
mod serve;
mod servers;
mod times;
mod uploads;

use cases::Scale;
use report::Report;
use serve::Role;

/// Measures what many clients of one instance cost
#[derive(Parser)]
struct Options {
    /// Clients
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// A few seconds of each, for a machine that only wants to know that nothing is lost
    #[arg(long)]
    quick: bool,
    /// Only these
    #[arg(long, value_delimiter = ',')]
    only: Vec<Case>,
    /// The core the servers get to themselves, if `taskset` is there to give it to them
    #[arg(long)]
    server_core: Option<usize>,
    /// Uploads instead of a crowd
    #[arg(long)]
    uploads: bool,
    /// What to decide at random by, and what the files are made of; printed, so that it can be had again
    #[arg(long)]
    seed: Option<u64>,
    /// Where the files go; what is there stays, what this program writes is removed
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Be one of the servers
    #[arg(long, hide = true)]
    serve: Option<Role>,
    /// Bytes the kernel keeps for each of the server's connections
    #[arg(long, hide = true)]
    send_buffer: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Case {
    /// Everybody says something once a second, and everybody hears it
    Room,
    /// Calls a second of private instances, and of a shared one
    Ratio,
    /// One message to all, beside a server that only broadcasts
    FanOut,
    /// One of them stops reading
    Stalled,
    /// One large file, cut and killed again and again
    Endurance,
    /// Bytes a second, beside a server that throws them away
    Throughput,
    /// What actions take while a file is sent
    Actions,
    /// Chunks nobody should send, beside a model of what must come of them
    Hostile,
}

impl Case {
    fn is_upload(self) -> bool {
        matches!(self, Self::Endurance | Self::Throughput | Self::Actions | Self::Hostile)
    }
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    if let Some(role) = options.serve {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let folder = options.folder.as_deref();
        role.runtime()?.block_on(serve::serve(role, listen, options.send_buffer, folder))?;
        return Ok(ExitCode::SUCCESS);
    }
    // One thread, like the one core it is given: what several can do is another question.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut report = Report::default();
    let measured = LocalSet::new().block_on(&runtime, measure(&options, &mut report));
    report.print();
    measured?;
    Ok(if report.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let is_chosen = |case: Case| match &options.only[..] {
        [] => case.is_upload() == options.uploads,
        only => only.contains(&case),
    };
    let seconds = |full, quick| Duration::from_secs(if options.quick { quick } else { full });
    let scale = Scale {
        clients: options.clients.max(2),
        room: seconds(30, 3),
        round: seconds(4, 1),
        rounds: if options.quick { 1 } else { 3 },
        core: options.server_core,
    };
    if is_chosen(Case::FanOut) {
        cases::fan_out(&scale, report).await?;
    }
    if is_chosen(Case::Room) {
        cases::room(&scale, report).await?;
    }
    if is_chosen(Case::Ratio) {
        cases::ratio(&scale, report).await?;
    }
    if is_chosen(Case::Stalled) {
        cases::stalled(&scale, report).await?;
    }
    if !Case::value_variants().iter().any(|case| case.is_upload() && is_chosen(*case)) {
        return Ok(());
    }
    let scale =
        uploads::Scale::new(options.quick, options.seed, options.server_core, options.folder.clone())?;
    if is_chosen(Case::Endurance) {
        uploads::endurance(&scale, report).await?;
    }
    if is_chosen(Case::Hostile) {
        uploads::hostile(&scale, report).await?;
    }
    if is_chosen(Case::Throughput) {
        uploads::throughput(&scale, report).await?;
    }
    if is_chosen(Case::Actions) {
        uploads::actions(&scale, report).await?;
    }
    // What went wrong keeps its files.
    if report.wrong.is_empty() { scale.clean() } else { Ok(()) }
}
