//! A server on a socket, whose system calls somebody else counts.
//!
//! One thread does all of it, so that what it asks of the kernel depends only on what its clients say. It prints
//! its address first, and ends when its input does: whoever started it is gone.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use fluxstack_live::prelude::*;
use tokio::net::TcpListener;

use crate::components::{self, Hall, Small};

/// A traced program is slow; no ping of ours, and no second snapshot, may come between.
const NEVER: Duration = Duration::from_secs(3_600);

/// Serves until its input ends.
pub(crate) fn serve() {
    let live =
        Live::builder().component::<Small>().component::<Hall>().keys(components::keys()).limits(|limits| {
            limits.unlimited();
            limits.ping = NEVER;
            limits.snapshot_every = NEVER;
        });
    let app = Router::new().nest("/api/live", live.build().expect("two components").router());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        println!("{}", listener.local_addr().expect("a bound socket has an address"));
        std::io::stdout().flush().expect("somebody reads the address");
        std::thread::spawn(|| {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            std::process::exit(0);
        });
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("a TCP socket"));
        axum::serve(listener, app).await.expect("it serves until it is ended");
    });
}
