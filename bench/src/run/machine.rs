//! What the figures are figures of: the machine, the program, the minute. Never the machine's name, nor a path on it.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::results::Run;

/// What begins now.
pub(crate) fn run(begun: String, command: String, core: Option<usize>) -> Run {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let kernel =
        format!("{} {}", read("/proc/sys/kernel/ostype").trim(), read("/proc/sys/kernel/osrelease").trim());
    let pinned = match core {
        Some(core) => format!("the generator on one of its own, servers on core {core}"),
        None => "not pinned: generator and servers share what there is".to_owned(),
    };
    Run {
        begun,
        commit: commit(),
        command,
        cpu: cpu(&cpuinfo),
        cores: cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
        memory: memory(&read("/proc/meminfo")).unwrap_or_default(),
        kernel: kernel.trim().to_owned(),
        pinned,
    }
}

/// The minute, in the one time zone everybody knows.
pub(crate) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date(since.as_secs())
}

/// The processor, and whether its cores are whole ones.
fn cpu(cpuinfo: &str) -> String {
    let field = |name: &str| {
        let line =
            cpuinfo.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field("model name").unwrap_or_else(|| "unknown".to_owned());
    let threads = field("siblings").zip(field("cpu cores")).filter(|(siblings, cores)| siblings != cores);
    let threads = threads.map_or(String::new(), |(siblings, cores)| {
        let of =
            if cores == "1" { "one physical core".to_owned() } else { format!("{cores} physical cores") };
        format!(" ({siblings} threads of {of})")
    });
    let virtual_one = field("flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor"));
    format!("{model}{threads}{}", if virtual_one { ", virtual" } else { "" })
}

fn memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The commit, and whether anything was changed since.
fn commit() -> String {
    let git = |words: &[&str]| {
        let output = Command::new("git").args(words).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    // What a run writes itself is no change.
    let changes = git(&[
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        ".",
        ":!bench/results",
        ":!bench/RESULTS.md",
    ]);
    if changes.is_some_and(|changes| changes.is_empty()) { commit } else { format!("{commit}, with changes") }
}

/// Seconds since 1970 as a date.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March have their odd day at the end; 719,468 days lie between such a year 0 and 1970.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + later;
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3_600, rest / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_a_date() {
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_826_140), "2000-02-29 12:09 UTC");
        assert_eq!(date(1_798_761_599), "2026-12-31 23:59 UTC");
    }

    #[test]
    fn threads_of_a_core_are_not_called_cores() {
        let text = "processor\t: 0\nmodel name\t: A B\nsiblings\t: 2\ncpu cores\t: 1\nflags\t\t: fpu hypervisor lm\n";
        assert_eq!(cpu(text), "A B (2 threads of one physical core), virtual");
        assert_eq!(cpu("model name\t: A B\nsiblings\t: 4\ncpu cores\t: 4\nflags\t: fpu\n"), "A B");
        assert_eq!(cpu(""), "unknown");
    }

    #[test]
    fn memory_is_in_bytes() {
        assert_eq!(memory("MemTotal:        1000 kB\nMemFree: 1 kB\n"), Some(1_024_000));
    }
}
