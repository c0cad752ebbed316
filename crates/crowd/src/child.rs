//! A server of ours, seen from outside: what the kernel says it takes. Ended when its value goes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{self, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::serve::Role;

/// What the kernel counts a program's time in: a hundredth of a second, on every Linux that speaks to programs.
const TICK: Duration = Duration::from_millis(10);

/// Bytes from which on glibc asks the kernel for each piece of memory by itself.
const GIVEN_BACK: &str = "16384";

pub(crate) struct Child {
    child: process::Child,
    pub(crate) address: SocketAddr,
}

impl Child {
    /// Starts one, on a core of its own if there is one.
    pub(crate) fn start(role: Role, core: Option<usize>, send_buffer: Option<u32>) -> Result<Self> {
        let own = std::env::current_exe()?;
        let mut command = match core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &core.to_string()]).arg(own);
                command
            }
            None => Command::new(own),
        };
        command.args(["--serve", if role == Role::Live { "live" } else { "bare" }]);
        if let Some(bytes) = send_buffer {
            command.args(["--send-buffer", &bytes.to_string()]);
            // There memory is measured: what was given back goes back to the kernel, so that it is not counted.
            command.env("MALLOC_MMAP_THRESHOLD_", GIVEN_BACK).env("MALLOC_TRIM_THRESHOLD_", GIVEN_BACK);
        }
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

    /// What it has computed so far, the kernel on its behalf included.
    pub(crate) fn worked(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        worked(&stat).with_context(|| format!("/proc/…/stat is {stat:?}"))
    }

    /// Bytes in memory.
    pub(crate) fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        resident(&status).context("/proc/…/status has no VmRSS")
    }
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

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
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
        assert_eq!(resident("Name:\tcrowd\nVmRSS:\t    5120 kB\n"), Some(5_242_880));
        assert_eq!(resident("Name:\tcrowd\n"), None);
    }
}
