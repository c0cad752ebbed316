//! A server of the measurements, in a program of its own so that what it takes can be told from what its
//! clients take.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::serve::ListenerExt as _;
use clap::ValueEnum;
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};

use crate::uploads::{intake, sink};
use crate::{bare, live, servers};

/// Connections that may wait to be accepted: all of a crowd.
const BACKLOG: u32 = 4_096;

/// What is missing where files are to go.
const FOLDER: &str = "files need a --folder";

/// How long what is running may take to come to rest when the server is asked to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Live components.
    Live,
    /// Nothing but sockets.
    Bare,
    /// Live components of the bench.
    Ours,
    /// The same, and whoever mounts one is given its state, signed.
    OursSigned,
    /// The same bytes from the socket library that the live server stands on.
    Axum,
    /// The same, with a frame for each action, as if nothing else were waiting.
    AxumEach,
    /// The same bytes from the fastest socket library there is.
    Yawc,
    /// The same bytes from sockets and next to nothing.
    Framed,
    /// Live components that take files and have no use for them.
    Files,
    /// The same from the socket library: bytes are written, hashed and answered.
    AxumFiles,
    /// Live components that take files, and outlive it.
    Intake,
    /// The same, and nothing is waited for to be on the disk.
    IntakeInMemory,
    /// Nothing but sockets, which take bytes.
    Sink,
}

impl Role {
    /// What runs it: one thread for what is given one core, and for files what applications have.
    pub(crate) fn runtime(self) -> std::io::Result<Runtime> {
        let mut builder = match self {
            Self::Live
            | Self::Bare
            | Self::Ours
            | Self::OursSigned
            | Self::Axum
            | Self::AxumEach
            | Self::Yawc
            | Self::Framed
            | Self::Files
            | Self::AxumFiles => Builder::new_current_thread(),
            Self::Intake | Self::IntakeInMemory | Self::Sink => Builder::new_multi_thread(),
        };
        builder.enable_all().build()
    }
}

/// Serves until it is killed, or whoever started it is gone. Says its address in the first line of its output.
pub(crate) async fn serve(
    role: Role,
    listen: SocketAddr,
    send_buffer: Option<u32>,
    folder: Option<&Path>,
) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = send_buffer {
        // Inherited by every connection.
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(listen)?;
    let listener = socket.listen(BACKLOG)?;
    let (app, live) = match role {
        Role::Live => (live::router()?, None),
        Role::Bare => (bare::router(), None),
        Role::Ours => (servers::live::router(false)?, None),
        Role::OursSigned => (servers::live::router(true)?, None),
        Role::Axum => (servers::axum::router(u32::MAX), None),
        Role::AxumEach => (servers::axum::router(2), None),
        Role::Yawc => (servers::yawc::router(), None),
        Role::Framed => (servers::framed::router(), None),
        Role::Files => (servers::files::live(folder.context(FOLDER)?)?, None),
        Role::AxumFiles => (servers::files::floor(folder.context(FOLDER)?), None),
        Role::Intake | Role::IntakeInMemory => {
            let live = intake::live(folder.context(FOLDER)?, role == Role::Intake)?;
            (intake::router(&live), Some(live))
        }
        Role::Sink => (sink::router(folder.context(FOLDER)?), None),
    };
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    // Our input ends when whoever measures does, whatever ended them.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let listener = listener.tap_io(|stream| {
        // That it cannot be set is no reason not to serve.
        let _ = stream.set_nodelay(true);
    });
    let Some(live) = live else { return Ok(axum::serve(listener, app).await?) };
    tokio::select! {
        ended = axum::serve(listener, app) => return Ok(ended?),
        () = asked_to_stop() => {}
    }
    if !live.shutdown(DRAIN).await {
        eprintln!("not everything came to rest: {} tasks are left", live.tasks());
    }
    Ok(())
}

/// SIGTERM, as a deployment sends it.
async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            let _ = terminate.recv().await;
            return;
        }
    }
    std::future::pending().await
}
