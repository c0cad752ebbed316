//! What a connection costs in memory, and what is left of many mounts; [`away`] is what those cost who are
//! gone and may come back.
//!
//! Runs the release showcase on a free port, from the outside: the numbers are those of the
//! operating system, with sockets, tasks and the allocator's slack in them.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::server::Server;
use crate::socket::Socket;
use crate::{demo, files, page, setup};

mod away;

/// Bytes a connection with one mounted counter may cost.
const PER_CONNECTION: i64 = 8 * 1024;
/// Bytes each further counter on the same connection may cost.
const PER_COMPONENT: i64 = 2_560;
/// Connections that mount further ones, and how many each.
const BUSY: (usize, usize) = (50, 100);
/// Bytes the server may grow over all the mounts.
const GROWTH: i64 = 256 * 1024;
/// Mounts before growth is measured: caches fill and the allocator takes what it needs.
const WARM_UP: usize = 2_000;
/// Connections the mounts are spread over.
const FEW: usize = 4;

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
    if !options.raised {
        let binary = match &options.binary {
            Some(binary) => binary.clone(),
            None => build()?,
        };
        let Options { connections, cycles, .. } = options;
        let words =
            ["--connections".to_owned(), connections.to_string(), "--cycles".to_owned(), cycles.to_string()];
        return files::again("memory", &binary, *connections, "--connections", &words);
    }
    let binary = options.binary.as_deref().context("--raised comes with --binary")?;
    let server = Server::start_frugal(binary, "memory", &[])?;

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
    let busy = open.len().min(BUSY.0);
    for socket in &mut open[..busy] {
        for _ in 0..BUSY.1 {
            mount(socket)?;
        }
    }
    let further = (server.resident()? - full) / i64::try_from((busy * BUSY.1).max(1))?;
    println!("memory: {} further components on each of {busy} of them, {further} bytes each", BUSY.1);
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

    drop((few, server));
    let away = away::measure(binary, options.connections);

    ensure!(each <= PER_CONNECTION, "a connection costs {each} bytes, more than {PER_CONNECTION}");
    ensure!(further <= PER_COMPONENT, "a further component costs {further} bytes, more than {PER_COMPONENT}");
    ensure!(
        growth <= GROWTH,
        "the server grew by {growth} bytes over {} mounts, more than {GROWTH}",
        options.cycles
    );
    away
}

fn build() -> Result<std::path::PathBuf> {
    setup::packages()?;
    page::fresh()?;
    demo::showcase()
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
