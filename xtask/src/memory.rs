//! What a connection costs in memory, and what is left of many mounts.
//!
//! Runs the release showcase on a free port, from the outside: the numbers are those of the
//! operating system, with sockets, tasks and the allocator's slack in them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::run::{answer, npm, program, status, succeed};
use crate::socket::{Socket, get};
use crate::{demo, setup};

/// Bytes a connection with one mounted counter may cost.
const PER_CONNECTION: i64 = 16 * 1024;
/// Bytes the server may grow over all the mounts.
const GROWTH: i64 = 1024 * 1024;
/// Mounts before growth is measured: caches fill and the allocator takes what it needs.
const WARM_UP: usize = 2_000;
/// Connections the mounts are spread over.
const FEW: usize = 4;
/// Files beside the sockets: libraries, the listener, the log.
const OTHER_FILES: usize = 256;

const PATH: &str = "/api/live/ws?v=3&caps=delta,batch";

/// How much of it.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Connections to open, each with a mounted counter
    #[arg(long, default_value_t = 5_000)]
    connections: usize,
    /// Mounts and unmounts after that
    #[arg(long, default_value_t = 20_000)]
    cycles: usize,
    /// Measure this binary instead of building the showcase
    #[arg(long)]
    binary: Option<std::path::PathBuf>,
    /// Set in the second life of this program, which may open enough files
    #[arg(long, hide = true)]
    raised: bool,
}

/// Measures, prints and compares with the limits.
pub(crate) fn memory(options: &Options) -> Result<()> {
    if cfg!(not(target_os = "linux")) {
        bail!("memory is read from /proc, which only Linux has");
    }
    let files = options.connections + OTHER_FILES;
    if !options.raised {
        let binary = match &options.binary {
            Some(binary) => binary.clone(),
            None => build()?,
        };
        return again(options, &binary, files);
    }
    let binary = options.binary.as_deref().context("--raised comes with --binary")?;
    let server = Server::start(binary)?;

    // One connection first: what is made once is not the cost of a connection.
    let mut first = connect(server.address)?;
    cycle(&mut first, 100)?;
    let idle = server.resident()?;
    let mut open = Vec::with_capacity(options.connections);
    for _ in 0..options.connections {
        let mut socket = connect(server.address)?;
        mount(&mut socket)?;
        open.push(socket);
    }
    let full = server.resident()?;
    let each = (full - idle) / options.connections.max(1) as i64;
    println!(
        "memory: {} connections, {} → {} KiB, {each} bytes each",
        options.connections,
        idle / 1024,
        full / 1024
    );
    drop(open);

    let mut few = Vec::new();
    for _ in 0..FEW {
        few.push(connect(server.address)?);
    }
    spread(&mut few, WARM_UP)?;
    let before = server.resident()?;
    spread(&mut few, options.cycles)?;
    let after = server.resident()?;
    let growth = after - before;
    println!("memory: {} mounts and unmounts, {} → {} KiB", options.cycles, before / 1024, after / 1024);

    ensure!(each <= PER_CONNECTION, "a connection costs {each} bytes, more than {PER_CONNECTION}");
    ensure!(
        growth <= GROWTH,
        "the server grew by {growth} bytes over {} mounts, more than {GROWTH}",
        options.cycles
    );
    Ok(())
}

fn build() -> Result<std::path::PathBuf> {
    setup::packages()?;
    succeed(npm().args(["run", "build"]))?;
    demo::page()?;
    demo::showcase()
}

/// Starts this program again through a shell that may open enough files, for itself and the server.
fn again(options: &Options, binary: &Path, files: usize) -> Result<()> {
    let hard = answer(program("sh").args(["-c", "ulimit -Hn"])).unwrap_or_default();
    if hard.parse().is_ok_and(|hard: usize| hard < files) {
        bail!(
            "{} connections need {files} open files and this account may have {hard}: raise `ulimit -Hn` or ask for fewer with --connections",
            options.connections
        );
    }
    let mut shell = program("sh");
    // A soft limit that is high enough already stays as it is.
    shell.args(["-c", r#"[ "$(ulimit -Sn)" = unlimited ] || [ "$(ulimit -Sn)" -ge "$1" ] || ulimit -Sn "$1" || exit 1; shift; exec "$@""#]);
    shell
        .arg("xtask-memory")
        .arg(files.to_string())
        .arg(std::env::current_exe()?)
        .arg("memory")
        .arg("--raised");
    shell.arg("--connections").arg(options.connections.to_string());
    shell.arg("--cycles").arg(options.cycles.to_string());
    shell.arg("--binary").arg(binary);
    // It has said what is wrong.
    ensure!(status(&mut shell)?.success(), "memory is not what it should be");
    Ok(())
}

/// A running showcase, ended when this value goes, whatever the reason.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(binary: &Path) -> Result<Self> {
        // The port is free again between here and there; nobody else is that quick on loopback.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let child = Command::new(binary)
            .args(["--listen", &address.to_string(), "--unlimited"])
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let mut server = Self { child, address };
        let begun = Instant::now();
        while get(address, "/api/live/health").is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("the showcase ended at once ({status})");
            }
            ensure!(
                begun.elapsed() < Duration::from_secs(20),
                "the showcase does not answer /api/live/health"
            );
            pause(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// Bytes in memory, as the kernel counts them, once they have come to rest.
    fn resident(&self) -> Result<i64> {
        pause(Duration::from_secs(1));
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        resident(&status).context("/proc/…/status has no VmRSS")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn resident(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[expect(clippy::disallowed_methods, reason = "this program has one thread and no runtime")]
fn pause(how_long: Duration) {
    std::thread::sleep(how_long);
}

/// A connection that has been greeted.
fn connect(address: SocketAddr) -> Result<Socket> {
    let mut socket = Socket::open(address, PATH)?;
    let hello: Value = serde_json::from_str(&socket.receive()?)?;
    ensure!(hello["type"] == "CONNECTION_ESTABLISHED", "the first frame is {hello}");
    Ok(socket)
}

/// Mounts a counter; the id it was given.
fn mount(socket: &mut Socket) -> Result<String> {
    let reply = ask(
        socket,
        &json!({"type": "COMPONENT_MOUNT", "componentId": "Counter:memory", "requestId": "m",
                "payload": {"component": "Counter", "props": {"count": 0}}}),
    )?;
    reply["result"]["componentId"].as_str().map(str::to_owned).with_context(|| format!("no id in {reply}"))
}

/// Mounts and unmounts, `times` times.
fn cycle(socket: &mut Socket, times: usize) -> Result<()> {
    for _ in 0..times {
        let id = mount(socket)?;
        ask(socket, &json!({"type": "COMPONENT_UNMOUNT", "componentId": id, "requestId": "u"}))?;
    }
    Ok(())
}

fn spread(sockets: &mut [Socket], times: usize) -> Result<()> {
    let each = times / sockets.len().max(1);
    sockets.iter_mut().try_for_each(|socket| cycle(socket, each))
}

/// Sends a request and waits for its reply, passing over what is pushed meanwhile.
fn ask(socket: &mut Socket, request: &Value) -> Result<Value> {
    socket.send(&request.to_string())?;
    loop {
        let frame: Value = serde_json::from_str(&socket.receive()?)?;
        let messages = match frame {
            Value::Array(batch) => batch,
            single => vec![single],
        };
        let Some(reply) = messages.into_iter().find(|message| message["requestId"] == request["requestId"])
        else {
            continue;
        };
        ensure!(reply["success"] == true, "refused: {reply}");
        return Ok(reply);
    }
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
