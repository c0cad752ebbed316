//! What FluxStack Live does, on one page, in one binary: `cargo xtask demo`.
//!
//! Each component is a file; [`assets`] serves the built front end, which is embedded in the binary.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use clap::Parser;
use fluxstack_live::prelude::*;
use tracing_subscriber::EnvFilter;

mod assets;
mod clock;
mod counter;
mod profile;
#[cfg(test)]
mod snapshots;
mod todos;

/// Serves the showcase.
#[derive(Parser)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Lift the limits on rate and connections, for load tests.
    #[arg(long)]
    unlimited: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let options = Options::parse();

    let live = Live::builder().discover();
    let live = if options.unlimited { live.limits(Limits::unlimited) } else { live };
    let live = live.build()?;
    let app = Router::new()
        .nest("/api/live", live.router())
        .route("/health", get(async || Redirect::permanent("/api/live/health")))
        .fallback(assets::serve);

    let listener = tokio::net::TcpListener::bind(options.listen).await.with_context(|| {
        format!("cannot listen on {}: is something else there? Try --listen", options.listen)
    })?;
    println!("showcase on http://{}", listener.local_addr()?);
    let closing = live.clone();
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            asked_to_stop().await;
            tracing::info!("closing {} connections", closing.connections());
            closing.shutdown(Duration::from_secs(5)).await;
        })
        .await?;
    Ok(())
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
