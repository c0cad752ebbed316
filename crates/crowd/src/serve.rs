//! A server of the measurements, in a program of its own so that what it takes can be told from what its
//! clients take.

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::Result;
use axum::serve::ListenerExt as _;
use clap::ValueEnum;
use tokio::net::TcpSocket;

use crate::{bare, live};

/// Connections that may wait to be accepted: all of a crowd.
const BACKLOG: u32 = 4_096;

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Live components.
    Live,
    /// Nothing but sockets.
    Bare,
}

/// Serves until it is killed, or whoever started it is gone. Says its address in the first line of its output.
pub(crate) async fn serve(role: Role, listen: SocketAddr, send_buffer: Option<u32>) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = send_buffer {
        // Inherited by every connection.
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(listen)?;
    let listener = socket.listen(BACKLOG)?;
    let app = match role {
        Role::Live => live::router()?,
        Role::Bare => bare::router(),
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
    Ok(axum::serve(listener, app).await?)
}
