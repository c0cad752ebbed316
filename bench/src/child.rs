//! A server of ours, seen from outside: what the kernel says it takes. Ended when its value goes.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{self, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum as _;
use tokio::time::sleep;

use crate::serve::Role;

/// What the kernel counts a program's time in: a hundredth of a second, on every Linux that speaks to programs.
const TICK: Duration = Duration::from_millis(10);

/// A server that was asked to stop and has not by then never will.
const STOPPING: Duration = Duration::from_secs(30);

/// Bytes from which on glibc asks the kernel for each piece of memory by itself.
const GIVEN_BACK: &str = "16384";

pub(crate) struct Child {
    child: process::Child,
    pub(crate) address: SocketAddr,
}

impl Child {
    /// Starts one, on a core of its own if there is one.
    pub(crate) fn start(role: Role, core: Option<usize>, send_buffer: Option<u32>) -> Result<Self> {
        let mut command = command(role, core)?;
        if let Some(bytes) = send_buffer {
            command.args(["--send-buffer", &bytes.to_string()]);
            // There memory is measured: what was given back goes back to the kernel, so that it is not counted.
            command.env("MALLOC_MMAP_THRESHOLD_", GIVEN_BACK).env("MALLOC_TRIM_THRESHOLD_", GIVEN_BACK);
        }
        Self::spawn(&mut command)
    }

    /// Starts one that keeps its files in `folder`, where another one may have been before, and writes what it has
    /// to say into a log there.
    pub(crate) fn in_folder(role: Role, core: Option<usize>, folder: &Path) -> Result<Self> {
        let log = File::options().append(true).create(true).open(folder.join(LOG))?;
        let mut command = command(role, core)?;
        command.arg("--folder").arg(folder).env("RUST_LOG", "warn").env("NO_COLOR", "1").stderr(log);
        Self::spawn(&mut command)
    }

    /// Starts a program that is not this one, and is a server as ours are: it says its address first, and ends with its
    /// input.
    pub(crate) fn of(command: &mut Command) -> Result<Self> {
        Self::spawn(command)
    }

    fn spawn(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let Ok(address) = line.trim().parse() else {
            let _ = child.kill();
            let status = child.wait()?;
            anyhow::bail!("the server did not say where it is ({status}): {line:?}");
        };
        Ok(Self { child, address })
    }

    /// Ends it as a crash would, and waits until it is gone.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop, as a deployment would.
    pub(crate) fn ask_to_stop(&self) -> Result<()> {
        // The standard library sends no signal but KILL.
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        ensure!(asked.success(), "`kill -TERM` failed ({asked})");
        Ok(())
    }

    /// Waits until it has stopped.
    pub(crate) async fn stopped(mut self) -> Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(begun.elapsed() < STOPPING, "the server was asked to stop {STOPPING:?} ago and runs on");
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// An error if it ended by itself.
    pub(crate) fn lives(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => anyhow::bail!("the server ended by itself ({status})"),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has computed so far, the kernel on its behalf included.
    pub(crate) fn worked(&self) -> Result<Duration> {
        time_of(self.child.id())
    }

    /// Bytes in memory.
    pub(crate) fn resident(&self) -> Result<u64> {
        memory_of(self.child.id(), "VmRSS:")
    }
}

/// Where the servers of a folder write their log.
pub(crate) const LOG: &str = "server.log";

/// What a program has computed so far, the kernel on its behalf included.
pub(crate) fn time_of(id: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    worked(&stat).with_context(|| format!("/proc/…/stat is {stat:?}"))
}

/// Bytes of a program's memory, as the kernel calls them.
pub(crate) fn memory_of(id: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    bytes(&status, name).with_context(|| format!("/proc/…/status has no {name}"))
}

/// This program as a server, on a core of its own if there is one.
fn command(role: Role, core: Option<usize>) -> Result<Command> {
    let own = std::env::current_exe()?;
    let mut command = match core {
        Some(core) => {
            let mut command = Command::new("taskset");
            command.args(["-c", &core.to_string()]).arg(own);
            command
        }
        None => Command::new(own),
    };
    let word = role.to_possible_value().context("a role without a name")?;
    command.args(["serve", word.get_name()]);
    Ok(command)
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn worked(stat: &str) -> Option<Duration> {
    // The name before the parenthesis may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let mut next = || times.next()?.parse::<u32>().ok();
    Some(TICK * (next()? + next()?))
}

fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_that_of_the_program_and_of_the_kernel_for_it() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 98 0 0 0 120 30 5 5 20 0 1 0 100 1000 200";
        assert_eq!(worked(stat), Some(Duration::from_millis(1_500)));
        assert_eq!(worked("7 (crowd) S 1"), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tcrowd\nVmHWM:\t    6144 kB\nVmRSS:\t    5120 kB\n";
        assert_eq!(bytes(status, "VmRSS:"), Some(5_242_880));
        assert_eq!(bytes(status, "VmHWM:"), Some(6_291_456));
        assert_eq!(bytes("Name:\tcrowd\n", "VmRSS:"), None);
    }
}
