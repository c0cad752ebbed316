//! What a server asks of the kernel for an action, for a frame full of them, and for an event that a hundred are
//! told, counted by strace. Figures are for a round, so that each of them is whole: 101 writes are one for the
//! answer and one for each delivered message.
//!
//! The server is the benchmark itself with `--serve`: one thread, a real socket. The clients are here, and in lock
//! step: nothing is sent before everything that was sent has been answered, so that the server meets the same work in
//! the same order each time. Before the first round a connection is opened, and after the last another one: what
//! stands in strace's log between the two is the rounds, and hardly anything else. How a hundred connections are
//! opened and closed does not repeat, and is not in it.
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
        for (figure, calls) in kinds(&traced(bench, case)?) {
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

/// How many calls there are of each kind.
fn kinds(calls: &Calls) -> BTreeMap<&'static str, u64> {
    let mut kinds: BTreeMap<_, u64> = FIGURES.into_iter().map(|figure| (figure, 0)).collect();
    for (name, calls) in calls {
        *kinds.entry(kind(name)).or_default() += calls;
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

/// The calls of a server in [`ROUNDS`].
fn traced(bench: &Path, case: &Case) -> Result<Calls> {
    let log = scratch()?.join("calls.log");
    let mut strace = Command::new("strace");
    strace.args(["--follow-forks", "--quiet=all", "--string-limit=0"]).arg("--output").arg(&log).arg(bench);
    let mut server = Server::start(&mut strace)?;
    play(server.address, case, || Ok(()))?;
    server.end()?;
    let calls = between(&fs::read_to_string(&log)?);
    calls.with_context(|| format!("strace did not see {} begin and end", case.name))
}

/// How often the threads of a server fell asleep in [`ROUNDS`].
fn slept(bench: &Path, case: &Case) -> Result<u64> {
    let mut server = Server::start(&mut Command::new(bench))?;
    let tasks = PathBuf::from(format!("/proc/{}/task", server.child.id()));
    let mut before = 0;
    play(server.address, case, || {
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
fn play(address: SocketAddr, case: &Case, ready: impl FnOnce() -> Result<()>) -> Result<()> {
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
    for _ in 0..ROUNDS {
        speaker.send(&frame)?;
        let answer = until(&mut speaker, &last)?;
        ensure!(!answer.contains("\"success\":false"), "refused: {answer}");
        for listener in &mut listeners {
            until(listener, "ROOM_EVENT")?;
        }
    }
    // Says in the log where the rounds end, while all the others are still open.
    Socket::open(address, PATH).map(drop)
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

/// The calls behind the last connection but one that was accepted, and before the last.
fn between(log: &str) -> Option<Calls> {
    let is_accepted = |line: &&str| call(line) == Some("accept4") && !line.contains("= -1");
    let lines: Vec<&str> = log.lines().collect();
    let mut accepted = lines.iter().enumerate().rev().filter(|(_, line)| is_accepted(line)).map(|(at, _)| at);
    let (end, begin) = (accepted.next()?, accepted.next()?);
    let mut calls = Calls::new();
    for name in lines[begin + 1..end].iter().filter_map(|line| call(line)) {
        *calls.entry(name.to_owned()).or_default() += 1;
    }
    Some(calls)
}

/// The call that begins in a line like `123 sendto(9, ""..., 5, 0, NULL, 0) = 5`. Signals, exits and the second
/// halves of calls that others came between are none.
fn call(line: &str) -> Option<&str> {
    let (_thread, rest) = line.split_once(' ')?;
    let (name, _) = rest.trim_start().split_once('(')?;
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(name)
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

    const LOG: &str = "7 accept4(5, {sa_family=AF_INET}, [128 => 16], SOCK_CLOEXEC) = 9
7 recvfrom(9, \"\"..., 8192, 0, NULL, NULL) = 100
7 accept4(5, {sa_family=AF_INET}, [128 => 16], SOCK_CLOEXEC) = 10
7 accept4(5, NULL, NULL, SOCK_CLOEXEC) = -1 EAGAIN (Resource temporarily unavailable)
7 recvfrom(9, \"\"..., 8192, 0, NULL, NULL) = 100
7 sendto(9, \"\"..., 5, MSG_NOSIGNAL, NULL, 0) = 5
7 epoll_wait(3,  <unfinished ...>
8 read(0,  <unfinished ...>
7 <... epoll_wait resumed>[], 1024, -1) = 1
7 --- SIGCHLD {si_signo=SIGCHLD} ---
7 accept4(5, {sa_family=AF_INET}, [128 => 16], SOCK_CLOEXEC) = 11
7 close(9) = 0
7 +++ exited with 0 +++
";

    #[test]
    fn what_counts_is_between_the_last_two_connections() {
        let calls = between(LOG).unwrap();
        let counted: Vec<(&str, u64)> = calls.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        assert_eq!(counted, [("accept4", 1), ("epoll_wait", 1), ("read", 1), ("recvfrom", 1), ("sendto", 1)]);
        assert_eq!(kinds(&calls), BTreeMap::from([("others", 1), ("reads", 2), ("waits", 1), ("writes", 1)]));
    }

    #[test]
    fn a_log_without_a_beginning_and_an_end_counts_nothing() {
        assert_eq!(between(""), None);
        assert_eq!(between(LOG.lines().next().unwrap()), None);
    }

    #[test]
    fn a_few_calls_more_in_all_rounds_are_not_a_call_more_in_each() {
        let whole = Number::new(2.0);
        assert_eq!(a_round(2 * ROUNDS + 20), whole);
        assert_eq!(a_round(2 * ROUNDS - 20), whole);
        assert_ne!(a_round(2 * ROUNDS + ROUNDS / 10), whole);
    }
}
