//! What the kernel says of a server, or of ourselves: the time it computed, and the bytes it holds.
//!
//! Only where there is a `/proc`. Elsewhere every figure is absent, and nothing fails.

use std::fs;
use std::time::Duration;

/// What the kernel counts a program's time in: a hundredth of a second, on every Linux that speaks to programs.
const TICK: Duration = Duration::from_millis(10);
/// As fine as ticks are, twice: one at each end.
const COARSE: Duration = TICK.saturating_mul(2);

/// The time a program has computed, the kernel on its behalf included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worked {
    /// Of the threads that are there, to the nanosecond.
    fine: Duration,
    /// Of all there ever were, in ticks.
    coarse: Duration,
}

impl Worked {
    /// What a program has computed so far.
    pub fn of(pid: u32) -> Option<Self> {
        let coarse = ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
        let fine = threads
            .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
            .filter_map(|text| nanoseconds(&text))
            .sum();
        Some(Self { fine, coarse })
    }

    /// What it has computed since.
    pub fn since(&self, before: &Self) -> Duration {
        // A thread that ended in between took its time with it. The ticks still have it.
        let coarse = self.coarse.saturating_sub(before.coarse);
        self.fine.saturating_sub(before.fine).max(coarse.saturating_sub(COARSE))
    }
}

/// What this thread has computed so far.
pub(crate) fn own() -> Option<Duration> {
    nanoseconds(&fs::read_to_string("/proc/thread-self/schedstat").ok()?)
}

/// Bytes of a program in memory.
pub fn resident(pid: u32) -> Option<u64> {
    kibibytes(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "VmRSS:").map(|many| many * 1024)
}

/// Files and sockets this program may have open.
pub(crate) fn open_files() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let soft = line.split_whitespace().next()?;
    if soft == "unlimited" { Some(u64::MAX) } else { soft.parse().ok() }
}

fn ticks(stat: &str) -> Option<Duration> {
    // The name before the parenthesis may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let mut next = || times.next()?.parse::<u32>().ok();
    Some(TICK * (next()? + next()?))
}

fn nanoseconds(schedstat: &str) -> Option<Duration> {
    schedstat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_that_of_the_program_and_of_the_kernel_for_it() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 98 0 0 0 120 30 5 5 20 0 1 0 100 1000 200";
        assert_eq!(ticks(stat), Some(Duration::from_millis(1_500)));
        assert_eq!(ticks("7 (flux) S 1"), None);
        assert_eq!(nanoseconds("12345 67 8\n"), Some(Duration::from_nanos(12_345)));
    }

    #[test]
    fn a_thread_that_ended_does_not_take_its_time_with_it() {
        let at = |fine, coarse| Worked {
            fine: Duration::from_millis(fine),
            coarse: Duration::from_millis(coarse),
        };
        assert_eq!(at(150, 150).since(&at(100, 100)), Duration::from_millis(50));
        assert_eq!(at(60, 1_100).since(&at(100, 100)), Duration::from_millis(980));
    }

    #[test]
    fn memory_is_read_in_kibibytes() {
        let status = "Name:\tflux\nVmHWM:\t    6144 kB\nVmRSS:\t    5120 kB\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(5_120));
        assert_eq!(kibibytes("Name:\tflux\n", "VmRSS:"), None);
    }
}
