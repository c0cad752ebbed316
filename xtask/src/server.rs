//! A running showcase that a chore looks at from outside, ended when its value goes, whatever the reason.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::dice::Dice;
use crate::run::scratch;
use crate::socket::get;

/// A server that is not up after this is down.
const STARTING: Duration = Duration::from_secs(20);
/// A server that was asked to stop and has not by then does not drain in bounded time: its own bound is 10 s.
const STOPPING: Duration = Duration::from_secs(15);

/// Where ports are taken from: below those that systems give to outgoing connections. A client that tries a
/// port of theirs until somebody listens there may one day be connected to itself.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// What has the allocator of our programs hold what is needed and no more: it gives back a second late, in case that it is
/// asked for the same again, and then only if somebody asks.
const FRUGAL: [(&str, &str); 1] = [("MIMALLOC_PURGE_DELAY", "0")];

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it says on standard error.
    pub(crate) log: PathBuf,
}

impl Server {
    /// Starts a showcase for `chore` and waits until it answers.
    pub(crate) fn start(binary: &Path, chore: &str, flags: &[&str]) -> Result<Self> {
        Self::begin(binary, chore, flags, &[])
    }

    /// The same, for a chore that looks at its memory.
    pub(crate) fn start_frugal(binary: &Path, chore: &str, flags: &[&str]) -> Result<Self> {
        Self::begin(binary, chore, flags, &FRUGAL)
    }

    fn begin(binary: &Path, chore: &str, flags: &[&str], settings: &[(&str, &str)]) -> Result<Self> {
        let log = log(chore)?;
        drop(File::create(&log)?);
        let mut server = Self::spawn_with(binary, address()?, &log, flags, settings)?;
        server.ready()?;
        Ok(server)
    }

    /// Starts one and does not wait. It adds to the log.
    pub(crate) fn spawn(binary: &Path, address: SocketAddr, log: &Path, flags: &[&str]) -> Result<Self> {
        Self::spawn_with(binary, address, log, flags, &[])
    }

    fn spawn_with(
        binary: &Path,
        address: SocketAddr,
        log: &Path,
        flags: &[&str],
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let child = Command::new(binary)
            .args(["--listen", &address.to_string(), "--unlimited"])
            .args(flags)
            .envs(settings.iter().copied())
            .env("RUST_LOG", "warn")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::options().append(true).create(true).open(log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        Ok(Self { child, address, log: log.to_owned() })
    }

    /// Waits until it answers.
    pub(crate) fn ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        while get(self.address, "/api/live/health").is_err() {
            self.lives()?;
            ensure!(begun.elapsed() < STARTING, "the showcase does not answer /api/live/health");
            pause(Duration::from_millis(50));
        }
        Ok(())
    }

    /// An error if it ended by itself.
    pub(crate) fn lives(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the showcase ended by itself ({status}): {}", self.said()),
        }
    }

    /// Ends it as a crash would, and waits until it is gone. Fine if it is gone already.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop, as a deployment would, and answers how it ended and how long that took.
    pub(crate) fn stop(&mut self) -> Result<(ExitStatus, Duration)> {
        let begun = Instant::now();
        // The standard library sends no signal but KILL.
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        ensure!(asked.success(), "`kill -TERM` failed ({asked})");
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok((status, begun.elapsed()));
            }
            ensure!(
                begun.elapsed() < STOPPING,
                "the showcase was asked to stop {STOPPING:?} ago and runs on"
            );
            pause(Duration::from_millis(5));
        }
    }

    /// Bytes in memory, as the kernel counts them, once they have come to rest.
    pub(crate) fn resident(&self) -> Result<i64> {
        pause(Duration::from_secs(1));
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        resident(&status).context("/proc/…/status has no VmRSS")
    }

    /// The end of its log.
    pub(crate) fn said(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port of this machine that was free a moment ago; nobody else is that quick on loopback.
pub(crate) fn address() -> Result<SocketAddr> {
    let mut dice = Dice::new(Dice::seed() ^ u64::from(std::process::id()));
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let ports = u64::from(PORTS.end - PORTS.start);
    let mut tried = (0..100).map(|_| PORTS.start + u16::try_from(dice.below(ports)).unwrap_or_default());
    let port = tried.find(free).context("no port is free")?;
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// Where the servers of a chore write their log.
pub(crate) fn log(chore: &str) -> Result<PathBuf> {
    Ok(scratch()?.join(format!("{chore}.log")))
}

fn resident(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[expect(clippy::disallowed_methods, reason = "this program has no runtime whose threads could be stopped")]
pub(crate) fn pause(how_long: Duration) {
    std::thread::sleep(how_long);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        assert_eq!(resident("Name:\tshowcase\nVmRSS:\t    5120 kB\nThreads:\t3\n"), Some(5_242_880));
        assert_eq!(resident("Name:\tshowcase\n"), None);
    }
}
