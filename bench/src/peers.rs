//! Other people's servers, which do the same work as ours in the same run: what they are, where they come from, how
//! they are started and who speaks to them.
//!
//! Their programs are in `bench/peers`, an npm folder of its own that is installed when it is first wanted. Each has
//! the defaults its documentation gives for production. What must stay true: whoever reads a figure is told version
//! and settings, and where the registry cannot be reached the rest of a run goes on without peers and says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

use anyhow::{Context as _, Result, bail, ensure};
use fluxstack_live_cli::load::live::{Live, Tell, Words};
use fluxstack_live_cli::load::{self, Outcome, Plan, Scenario};
use serde_json::Value;

use crate::child::Child;

mod colyseus;
mod read;
mod socket_io;

pub(crate) use colyseus::Colyseus;
pub(crate) use socket_io::SocketIo;

/// A server that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Events and acknowledgements, rooms; the most used.
    SocketIo,
    /// Rooms with a state that is sent as patches; the nearest to ours.
    Colyseus,
    /// A socket library, and the words of our protocol written by hand.
    Ws,
}

/// All of them.
#[cfg(test)]
pub(crate) const ALL: [Peer; 3] = [Peer::SocketIo, Peer::Colyseus, Peer::Ws];

/// What a client of a peer mounts in its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Counters of its own.
    Counter,
    /// The room in which everybody hears what the others say.
    Room,
}

/// What is installed: the folder, and nobody has it who has not seen to it that it is there.
#[derive(Debug)]
pub(crate) struct Peers {
    folder: PathBuf,
}

/// In the folder of what is installed: the lock file it was installed from.
const INSTALLED: &str = "node_modules/.installed-from.json";

impl Peers {
    /// Sees to it that the peers are installed.
    ///
    /// # Errors
    ///
    /// They are not, and cannot be: there is no npm, or it cannot reach its registry. The message is for the report.
    pub(crate) fn install() -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let lock = fs::read(folder.join("package-lock.json"))?;
        let peers = Self { folder };
        let mark = peers.folder.join(INSTALLED);
        if fs::read(&mark).is_ok_and(|installed| installed == lock) {
            return Ok(peers);
        }
        eprintln!("installing the peers with npm, once");
        // What npm itself runs on is too old for one of them, which it says at length. They run on what it installs.
        let ran = Command::new("npm")
            .args(["ci", "--loglevel=error", "--prefer-offline"])
            .current_dir(&peers.folder)
            .stdin(Stdio::null())
            .output()
            .context("there is no npm, so there are no peers")?;
        if !ran.status.success() {
            let said = String::from_utf8_lossy(&ran.stderr);
            bail!("the peers could not be installed with `npm ci` ({}): {}", ran.status, first_error(&said));
        }
        fs::write(mark, lock)?;
        Ok(peers)
    }

    /// Starts one, on a core of its own if there is one.
    pub(crate) fn start(&self, peer: Peer, core: Option<usize>) -> Result<Child> {
        // By its own path: what `.bin` has may be a script that starts another program, which would be the one to measure.
        let node = self.folder.join("node_modules/node/bin/node");
        let mut words = vec![node.into_os_string(), peer.program().into()];
        if let Some(core) = core {
            let pinned = ["taskset", "-c", &core.to_string()].map(Into::into);
            words.splice(0..0, pinned);
        }
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(&self.folder).env("NODE_ENV", "production");
        Child::of(&mut command).with_context(|| format!("{} does not start", peer.name()))
    }

    /// Which version is measured, and of what it consists.
    pub(crate) fn version(&self, peer: Peer) -> Result<String> {
        let mut parts = Vec::new();
        for name in peer.packages() {
            let manifest = fs::read(self.folder.join("node_modules").join(name).join("package.json"))?;
            let manifest: Value = serde_json::from_slice(&manifest)?;
            let version = manifest["version"].as_str().with_context(|| format!("{name} has no version"))?;
            let (_, name) = name.rsplit_once("node_modules/").unwrap_or(("", name));
            parts.push(format!("{name} {version}"));
        }
        Ok(parts.join(", "))
    }
}

impl Peer {
    /// What it is called in results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SocketIo => "socket.io",
            Self::Colyseus => "colyseus",
            Self::Ws => "ws",
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::SocketIo => "socket-io.mjs",
            Self::Colyseus => "colyseus.mjs",
            Self::Ws => "ws.mjs",
        }
    }

    /// What of its packages decides how fast it is, the first being itself.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::SocketIo => &["socket.io", "engine.io", "engine.io/node_modules/ws", "node"],
            Self::Colyseus => {
                &["@colyseus/core", "@colyseus/schema", "@colyseus/ws-transport", "msgpackr", "ws", "node"]
            }
            Self::Ws => &["ws", "node"],
        }
    }

    /// How it is set, for the report.
    pub(crate) fn settings(self) -> &'static str {
        match self {
            Self::SocketIo => {
                "NODE_ENV=production; defaults (pingInterval 25 s, pingTimeout 20 s, perMessageDeflate off, engine ws); \
                 clients come by WebSocket at once; backlog 4096"
            }
            Self::Colyseus => {
                "NODE_ENV=production; defaults (patchRate 50 ms, pingInterval 3 s, perMessageDeflate off, local presence \
                 and driver); one room for each counter; a request is answered at once, its change comes with the next \
                 patch, together with those of other calls; backlog 4096"
            }
            Self::Ws => {
                "NODE_ENV=production; defaults (perMessageDeflate off); JSON as ours, parsed and written by V8; backlog 4096"
            }
        }
    }

    /// Whether it has what a scenario wants: a Colyseus client has a connection for each room it is in, so there is nothing
    /// to mount and end within one.
    pub(crate) fn can(self, scenario: Scenario, components: usize) -> bool {
        self != Self::Colyseus || (scenario != Scenario::Mount && components <= 1)
    }

    /// Does to it what the plan says, and puts its name into what came of it. `text` is what is said to a room.
    ///
    /// # Errors
    ///
    /// As [`load::run`], and if it is none of what it [can](Self::can) do.
    pub(crate) async fn load(self, plan: &Plan, place: Place, text: &str) -> Result<Outcome> {
        ensure!(self.can(plan.scenario, plan.components), "{} has no such thing as {plan:?}", self.name());
        let mut outcome = match self {
            Self::SocketIo => load::run(plan, |who| SocketIo::new(who, place, text)).await?,
            Self::Colyseus => load::run(plan, |who| Colyseus::new(who, place, text)).await?,
            Self::Ws => {
                let words = Rc::new(words(place, text));
                let slots = plan.components.max(plan.in_flight);
                load::run(plan, |who| Live::new(Rc::clone(&words), who, slots)).await?
            }
        };
        outcome.server = self.name().to_owned();
        outcome.kind = "peer".to_owned();
        outcome.settings = self.settings().to_owned();
        Ok(outcome)
    }
}

/// What is said to the one that has our words.
pub(crate) fn words(place: Place, text: &str) -> Words {
    const PATH: &str = "/api/live/ws";
    match place {
        Place::Counter => Words::new(PATH, "Counter", "increment", Some("count")),
        Place::Room => {
            let tell = Tell { action: "tell".to_owned(), text: text.to_owned() };
            Words { tell: Some(tell), ..Words::new(PATH, "Room", "tell", None) }
        }
    }
}

/// Of all that npm says, the line that says why.
fn first_error(said: &str) -> &str {
    let errors = || said.lines().filter_map(|line| line.strip_prefix("npm error ")).map(str::trim);
    errors()
        .find(|line| line.contains(' ') && !line.starts_with("code "))
        .or_else(|| said.lines().next())
        .unwrap_or("it said nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npm_is_quoted_with_its_reason() {
        let said = "npm error code ENOTFOUND\nnpm error syscall getaddrinfo\nnpm error network request failed, reason: x\n";
        assert_eq!(first_error(said), "syscall getaddrinfo");
        assert_eq!(first_error("segmentation fault\n"), "segmentation fault");
        assert_eq!(first_error(""), "it said nothing");
    }

    #[test]
    fn every_peer_has_a_program_and_its_packages_are_locked() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let lock: Value =
            serde_json::from_slice(&fs::read(folder.join("package-lock.json")).unwrap()).unwrap();
        for peer in ALL {
            assert!(folder.join(peer.program()).is_file(), "{peer:?}");
            for name in peer.packages() {
                assert!(lock["packages"][format!("node_modules/{name}")]["version"].is_string(), "{name}");
            }
        }
    }
}
