//! The showcase, built and served.

use std::path::PathBuf;

use anyhow::Result;

use crate::run::{cargo, program, succeed, target};
use crate::{page, setup};

/// How to serve it.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: String,
    /// Without rate limits and instance limits: for load tests, not for the internet
    #[arg(long)]
    unlimited: bool,
}

/// Builds the packages, the showcase's page and its server, and becomes that server.
pub(crate) fn demo(options: &Options) -> Result<()> {
    setup::packages()?;
    page::fresh()?;
    eprintln!("demo: building the server (the first time takes a few minutes)");
    let showcase = showcase()?;
    let mut server = program(showcase);
    server.arg("--listen").arg(&options.listen);
    if options.unlimited {
        server.arg("--unlimited");
    }
    eprintln!("demo: http://{} (Ctrl-C ends it)", options.listen);
    become_it(server)
}

/// The release build of the showcase's server. Its page must have been built.
pub(crate) fn showcase() -> Result<PathBuf> {
    succeed(cargo().args(["build", "--release", "-p", "showcase"]))?;
    Ok(target().join("release").join(format!("showcase{}", std::env::consts::EXE_SUFFIX)))
}

/// The server takes our place, so that it gets the signals meant for us.
#[cfg(unix)]
fn become_it(mut server: std::process::Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(server.exec().into())
}

#[cfg(not(unix))]
fn become_it(mut server: std::process::Command) -> Result<()> {
    succeed(&mut server)
}
