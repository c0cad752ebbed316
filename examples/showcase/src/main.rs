//! What FluxStack Live does, on one page, in one binary: `cargo xtask demo`.
//!
//! Each component is a file; [`assets`] serves the built front end, which is embedded in the binary;
//! [`options`] is the command line. Ctrl-C and SIGTERM drain: nobody new is let in, what was mounted comes to
//! rest in the store, clients are told to connect again, and the program ends with 0.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use clap::Parser;
use fluxstack_live::Live;
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing_subscriber::EnvFilter;

mod assets;
mod chat;
mod clock;
mod counter;
mod cursors;
mod easel;
mod gallery;
mod ledger;
mod notebook;
mod options;
mod parcel;
mod profile;
mod shelves;
mod signup;
#[cfg(test)]
mod snapshots;
mod storeroom;
mod tally;
mod till;
mod todos;
mod visitor;

use options::{Options, Served};

/// An action is read by one task and answered by another, which is what this allocator is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long what is running may take to come to rest when the showcase is asked to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// How much longer answers over plain HTTP may take.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let options = Options::parse();

    // The folder goes at the very end, with this.
    let Served { live, counted, scratch: _scratch } = options.live()?;
    let mut app = Router::new()
        .nest("/api/live", live.router())
        .merge(live.file_routes())
        .route("/health", get(async || Redirect::permanent("/api/live/health")))
        .fallback(assets::serve);
    if let Some(folder) = &options.files {
        app = app.nest("/api/static", fluxstack_live::static_files(folder));
    }
    // So that who sends wrong signatures is known by their address.
    let app = app.into_make_service_with_connect_info::<SocketAddr>();

    let listener = tokio::net::TcpListener::bind(options.listen).await.with_context(|| {
        format!("cannot listen on {}: is something else there? Try --listen", options.listen)
    })?;
    println!("showcase on http://{}", listener.local_addr()?);

    let stop = Arc::new(Notify::new());
    let stopping = Arc::clone(&stop);
    let server = axum::serve(listener, app).with_graceful_shutdown(async move { stopping.notified().await });
    let mut server = std::pin::pin!(server.into_future());
    tokio::select! {
        ended = &mut server => return Ok(ended?),
        () = asked_to_stop() => {}
    }
    // From here on nobody new is let in. Sockets that were upgraded are no longer the HTTP server's.
    stop.notify_one();
    let ((), served) = tokio::join!(drain(&live), timeout(DRAIN + LAST_ANSWERS, server));
    match served {
        Ok(served) => served?,
        Err(_) => tracing::warn!("some answers over HTTP were cut short"),
    }
    if let Some(counted) = counted {
        eprintln!("{counted}");
    }
    Ok(())
}

/// Lets everything come to rest, and says what that was.
async fn drain(live: &Live) {
    let (connections, sessions, tasks) = (live.connections(), live.sessions(), live.tasks());
    let instances = tasks.saturating_sub(connections);
    tracing::info!("draining {connections} connections, {sessions} sessions, {instances} instances");
    let begun = Instant::now();
    let is_done = live.shutdown(DRAIN).await;
    let took = begun.elapsed();
    if is_done {
        tracing::info!(
            ?took,
            "drained {connections} connections, {sessions} sessions, {instances} instances"
        );
    } else {
        tracing::warn!(?took, "not everything came to rest: {} tasks are left", live.tasks());
    }
}

/// Ctrl-C, or SIGTERM as a deploy sends it.
async fn asked_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            let _ = interrupt.await;
            return;
        };
        tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
}

fluxstack_live::live_types!("web/src/live.gen.ts");
