//! What a server asks of the kernel for an action, for a frame full of them, and for an event that a hundred are
//! told, counted by strace. Figures are for a round, so that each of them is whole: 101 writes are one for the
//! answer and one for each delivered message.
//!
//! The server is the benchmark itself with `--serve`: one thread, a real socket. The clients are here, and in lock
//! step: nothing is sent before everything that was sent has been answered, so that the server meets the same work in
//! the same order each time. It runs twice, once with twice the rounds; the difference is rounds and nothing else.
//!
//! How often the server fell asleep is counted as well, in a run without strace, which would wake it: a client that
//! answers before the server has lain down leaves it awake, so that number is shown and not compared. What is
//! compared is how often it asked the kernel what there is to do (`waits`), which is what a wake-up costs at most.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::figures::{Costs, Number};
use crate::run::scratch;
use crate::server::pause;
use crate::socket::Socket;

/// What such figures are called.
pub(super) const FIGURES: [&str; 4] = ["reads", "writes", "waits", "others"];

const PATH: &str = "/api/live/ws?v=3&caps=delta,batch,resume&client=page";

/// Enough that two dozen wake-ups more or less in a run do not show.
const ROUNDS: u64 = 500;

/// A server whose input has ended and that has not by then never will.
const ENDING: Duration = Duration::from_secs(20);

/// What is done in lock step.
struct Case {
    name: &'static str,
    component: &'static str,
    /// Who listens, beside the one that speaks.
    listeners: usize,
    /// Actions in the one frame of a round.
    calls: u64,
    action: &'static str,
}

const CASES: [Case; 3] = [
    Case { name: "socket_action", component: "Small", listeners: 0, calls: 1, action: "act" },
    Case { name: "socket_16_actions_in_a_frame", component: "Small", listeners: 0, calls: 16, action: "act" },
    Case { name: "socket_room_event_to_100", component: "Hall", listeners: 100, calls: 1, action: "shout" },
];

/// Counts every case.
pub(super) fn measure(bench: &Path) -> Result<Costs> {
    let mut costs = Costs::default();
    for case in &CASES {
        let (once, twice) = (traced(bench, case, ROUNDS)?, traced(bench, case, 2 * ROUNDS)?);
        for (figure, calls) in difference(&once, &twice) {
            costs.set(case.name, figure, a_round(calls));
        }
        let slept = slept(bench, case)? as f64 / ROUNDS as f64;
        print!("{}", costs.only_case(case.name).write());
        println!("  fell asleep {slept:.2} times a round (not compared)");
    }
    Ok(costs)
}

/// To one digit behind the point: on a busy machine a handful of calls come to all the rounds together.
fn a_round(calls: u64) -> Number {
    Number::new((calls as f64 * 10.0 / ROUNDS as f64).round() / 10.0)
}

/// Kinds of calls and how many of each are in the second run and not in the first.
fn difference(once: &Calls, twice: &Calls) -> BTreeMap<&'static str, u64> {
    let mut kinds: BTreeMap<_, u64> = FIGURES.into_iter().map(|figure| (figure, 0)).collect();
    for (name, calls) in twice {
        let more = calls.saturating_sub(once.get(name).copied().unwrap_or_default());
        *kinds.entry(kind(name)).or_default() += more;
    }
    kinds
}

/// Name of a system call → how often.
type Calls = BTreeMap<String, u64>;

fn kind(call: &str) -> &'static str {
    match call {
        "read" | "readv" | "recv" | "recvfrom" | "recvmsg" => "reads",
        "write" | "writev" | "send" | "sendto" | "sendmsg" => "writes",
        "epoll_wait" | "epoll_pwait" | "epoll_pwait2" => "waits",
        _ => "others",
    }
}

/// All the calls of a server that was there for so many rounds.
fn traced(bench: &Path, case: &Case, rounds: u64) -> Result<Calls> {
    let summary = scratch()?.join("calls.txt");
    let mut strace = Command::new("strace");
    strace.args(["--follow-forks", "--summary-only", "--quiet=all"]).arg("--output").arg(&summary).arg(bench);
    let mut server = Server::start(&mut strace)?;
    play(server.address, case, rounds, || Ok(()))?;
    server.end()?;
    table(&fs::read_to_string(&summary)?).with_context(|| format!("strace wrote no table for {}", case.name))
}

/// How often the threads of a server fell asleep in [`ROUNDS`].
fn slept(bench: &Path, case: &Case) -> Result<u64> {
    let mut server = Server::start(&mut Command::new(bench))?;
    let tasks = PathBuf::from(format!("/proc/{}/task", server.child.id()));
    let mut before = 0;
    play(server.address, case, ROUNDS, || {
        before = switches(&tasks)?;
        Ok(())
    })?;
    let after = switches(&tasks)?;
    server.end()?;
    Ok(after.saturating_sub(before))
}

fn switches(tasks: &Path) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(tasks)? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        sum += line.and_then(|number| number.trim().parse::<u64>().ok()).unwrap_or_default();
    }
    Ok(sum)
}

/// Connects, mounts, says that it is ready, and does the rounds.
fn play(address: SocketAddr, case: &Case, rounds: u64, ready: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut listeners = Vec::new();
    for _ in 0..case.listeners {
        listeners.push(mounted(address, case)?.0);
    }
    let (mut speaker, id) = mounted(address, case)?;
    let calls: Vec<Value> = (1..=case.calls)
        .map(|number| {
            json!({ "type": "CALL_ACTION", "componentId": id, "action": case.action, "requestId": number.to_string(),
                    "payload": { "by": 1, "number": 1, "text": "as long as what people say in one line" } })
        })
        .collect();
    let frame = match &calls[..] {
        [call] => call.to_string(),
        calls => json!(calls).to_string(),
    };
    let last = format!("\"requestId\":\"{}\"", case.calls);
    ready()?;
    for _ in 0..rounds {
        speaker.send(&frame)?;
        let answer = until(&mut speaker, &last)?;
        ensure!(!answer.contains("\"success\":false"), "refused: {answer}");
        for listener in &mut listeners {
            until(listener, "ROOM_EVENT")?;
        }
    }
    Ok(())
}

/// A connection with the component mounted, everything that comes of it read.
fn mounted(address: SocketAddr, case: &Case) -> Result<(Socket, String)> {
    let mut socket = Socket::open(address, PATH)?;
    until(&mut socket, "CONNECTION_ESTABLISHED")?;
    let mount = json!({ "type": "COMPONENT_MOUNT", "componentId": "page", "requestId": "m",
                        "payload": { "component": case.component, "props": {} } });
    socket.send(&mount.to_string())?;
    let told = until(&mut socket, "STATE_SNAPSHOT")?;
    let behind = &told[told.find("STATE_SNAPSHOT").unwrap_or_default()..];
    let id = behind.split_once("\"componentId\":\"").and_then(|(_, rest)| rest.split_once('"'));
    Ok((socket, id.with_context(|| format!("no id in {told}"))?.0.to_owned()))
}

/// The next frame with this in it.
fn until(socket: &mut Socket, word: &str) -> Result<String> {
    loop {
        let frame = socket.receive()?;
        if frame.contains(word) {
            return Ok(frame);
        }
    }
}

/// The table strace writes: share, seconds, each, calls, errors if there were any, name.
fn table(text: &str) -> Option<Calls> {
    let is_line = |line: &&str| line.starts_with("------");
    let rows = text.lines().skip_while(|line| !is_line(line)).skip(1).take_while(|line| !is_line(line));
    let calls: Option<Calls> = rows
        .map(|row| {
            let words: Vec<&str> = row.split_whitespace().collect();
            Some(((*words.last()?).to_owned(), words.get(3)?.parse().ok()?))
        })
        .collect();
    calls.filter(|calls| !calls.is_empty())
}

/// The benchmark as a server, or strace with it inside. It ends when its input does.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(command: &mut Command) -> Result<Self> {
        command.arg("--serve").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let Ok(address) = line.trim().parse() else {
            let _ = child.kill();
            bail!("the server did not say where it is ({}): {line:?}", child.wait()?);
        };
        Ok(Self { child, address })
    }

    /// Ends it, and waits until it is gone.
    fn end(&mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(begun.elapsed() < ENDING, "the server does not end");
            pause(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its input ends, which reaches a server that strace would leave behind. It may have ended by itself.
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.000600           1       501           sendto
 40.00    0.000400           1       700       199 recvfrom
  0.00    0.000000           0         9           epoll_wait
------ ----------- ----------- --------- --------- ----------------
100.00    0.001000           1      1210       199 total
";

    #[test]
    fn the_table_of_strace_is_read_with_and_without_errors() {
        let calls = table(TABLE).unwrap();
        assert_eq!(calls.len(), 3);
        assert_eq!((calls["sendto"], calls["recvfrom"], calls["epoll_wait"]), (501, 700, 9));
        assert_eq!(table(""), None);
        assert_eq!(table("strace: Cannot find executable"), None);
    }

    #[test]
    fn a_few_calls_more_in_all_rounds_are_not_a_call_more_in_each() {
        let whole = Number::new(2.0);
        assert_eq!(a_round(2 * ROUNDS + 20), whole);
        assert_eq!(a_round(2 * ROUNDS - 20), whole);
        assert_ne!(a_round(2 * ROUNDS + ROUNDS / 10), whole);
    }

    #[test]
    fn what_both_runs_did_is_in_no_figure() {
        let calls = |pairs: &[(&str, u64)]| pairs.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        let once = calls(&[("sendto", 501), ("mmap", 40), ("epoll_wait", 9), ("munmap", 3)]);
        let twice = calls(&[("sendto", 1_001), ("write", 2), ("mmap", 41), ("epoll_wait", 9)]);
        let found = difference(&once, &twice);
        assert_eq!(found, BTreeMap::from([("others", 1), ("reads", 0), ("waits", 0), ("writes", 502)]));
    }
}
