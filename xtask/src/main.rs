//! The chores of this repository, one file each. `cargo xtask --help` lists them.
//!
//! CI says the same words as people do: everything it runs is a line in `suites.rs`.

mod bench;
mod cores;
mod costs;
mod counts;
mod crowd;
mod demo;
mod dice;
mod durability;
mod files;
mod fuzz;
mod kill;
mod lists;
mod memory;
mod mounted;
mod node;
mod page;
mod plan;
mod run;
mod server;
mod setup;
mod sim;
mod socket;
mod spread;
mod storm;
mod suites;
mod tab;
mod tidy;
mod types;
mod uploads;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::run::{cargo, npm};

/// The chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build the showcase and serve it
    Demo(demo::Options),
    /// Run every suite and count: the whole of what CI runs
    Test {
        /// The name of a suite, or a part of the names of the tests to run
        filter: Option<String>,
    },
    /// The suites of `test`, stopping at the first that fails
    Ci {
        /// Only what answers in a minute: fmt, lint, tidy, types, clippy
        #[arg(long)]
        fast: bool,
    },
    /// Format Rust and TypeScript
    Fmt,
    /// Write the TypeScript of the examples' components
    Types {
        /// Only say whether the committed files are up to date
        #[arg(long)]
        check: bool,
    },
    /// Hold the tree to the rules no linter has
    Tidy,
    /// Bytes of the npm packages against their budgets
    Size,
    /// Allocations, bytes, instructions and system calls per action against the committed numbers
    Costs(costs::Options),
    /// Puts a second into the stores of snapshots, beside a plain file that is synced
    Durability,
    /// Memory of a connection, and what is left after many mounts
    Memory(memory::Options),
    /// Kill a server under load, again and again: no call that was answered may be lost, none done twice
    Kill(kill::Options),
    /// Thousands of clients are cut and come back: nothing lost, nothing doubled, and how long it took
    Storm(storm::Options),
    /// A thousand clients of one shared instance: nothing lost, and what it costs beside a bare broadcast
    Crowd(crowd::Options),
    /// Files that are cut, killed and attacked on their way: nothing wrong, and what it costs beside a bare socket
    Uploads(uploads::Options),
    /// What each thing costs beside floors and other frameworks, written to bench/RESULTS.md
    Bench(bench::Options),
    /// A list of a hundred thousand rows in a browser: what it costs in part, and whole
    Lists,
    /// Simulated networks, tabs and deployments from a seed: nothing lost, nothing doubled, every screen right
    Sim(sim::Options),
    /// Feed the protocol's reader random bytes
    Fuzz {
        /// How long
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Fetch what the other chores need; they call it themselves
    Setup,
}

fn main() -> ExitCode {
    match perform(Arguments::parse().chore) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(chore: Chore) -> anyhow::Result<ExitCode> {
    match chore {
        Chore::Demo(options) => demo::demo(&options)?,
        Chore::Test { filter } => return suites::test(filter.as_deref()),
        Chore::Ci { fast } => return suites::ci(fast),
        Chore::Fmt => {
            run::succeed(cargo().arg("fmt"))?;
            setup::packages()?;
            run::succeed(npm().args(["run", "format"]))?;
        }
        Chore::Types { check } => types::types(check)?,
        Chore::Tidy => tidy::tidy()?,
        Chore::Size => {
            setup::packages()?;
            run::succeed(npm().args(["run", "build"]))?;
            run::succeed(npm().args(["run", "size"]))?;
        }
        Chore::Costs(options) => {
            if costs::costs(&options)?.failed > 0 {
                return Ok(ExitCode::FAILURE);
            }
        }
        Chore::Durability => durability::durability()?,
        Chore::Memory(options) => memory::memory(&options)?,
        Chore::Kill(options) => kill::kill(&options)?,
        Chore::Storm(options) => storm::storm(&options)?,
        Chore::Crowd(options) => crowd::crowd(&options)?,
        Chore::Uploads(options) => uploads::uploads(&options)?,
        Chore::Bench(options) => bench::bench(&options)?,
        Chore::Lists => lists::lists()?,
        Chore::Sim(options) => sim::sim(&options)?,
        Chore::Fuzz { seconds } => fuzz::fuzz(seconds)?,
        Chore::Setup => setup::everything()?,
    }
    Ok(ExitCode::SUCCESS)
}
