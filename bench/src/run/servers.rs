//! Who is measured: ours, floors, and peers; what they are started with, and what is said of them on the page.

use anyhow::Result;
use clap::ValueEnum;

use crate::peers::{Peer, Peers};
use crate::results::Kind;
use crate::serve::Role;

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Server {
    /// The live server of this repository.
    Live,
    /// The same bytes, from the socket library the live server stands on.
    Axum,
    /// The same bytes, from the fastest socket library.
    Yawc,
    /// The same bytes, from sockets and next to nothing.
    Framed,
    /// Socket.IO on Node.
    #[value(name = "socket.io")]
    SocketIo,
    /// Colyseus on Node.
    Colyseus,
    /// The `ws` library on Node, and nothing else.
    Ws,
}

impl Server {
    /// In the order in which a first round takes them.
    pub(crate) const ALL: [Self; 7] =
        [Self::Live, Self::Axum, Self::Yawc, Self::Framed, Self::SocketIo, Self::Colyseus, Self::Ws];

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Axum => "axum",
            Self::Yawc => "yawc",
            Self::Framed => "framed",
            Self::SocketIo => "socket.io",
            Self::Colyseus => "colyseus",
            Self::Ws => "ws",
        }
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Live => Kind::Ours,
            Self::Axum | Self::Yawc | Self::Framed => Kind::Floor,
            Self::SocketIo | Self::Colyseus | Self::Ws => Kind::Peer,
        }
    }

    /// The peer that it is, if it is one.
    pub(crate) fn peer(self) -> Option<Peer> {
        match self {
            Self::SocketIo => Some(Peer::SocketIo),
            Self::Colyseus => Some(Peer::Colyseus),
            Self::Ws => Some(Peer::Ws),
            Self::Live | Self::Axum | Self::Yawc | Self::Framed => None,
        }
    }

    /// The server of ours that it is, if it is one. Snapshots are signed where mounts are what is measured.
    pub(crate) fn role(self, is_signed: bool) -> Option<Role> {
        match self {
            Self::Live if is_signed => Some(Role::OursSigned),
            Self::Live => Some(Role::Ours),
            Self::Axum => Some(Role::Axum),
            Self::Yawc => Some(Role::Yawc),
            Self::Framed => Some(Role::Framed),
            Self::SocketIo | Self::Colyseus | Self::Ws => None,
        }
    }

    /// The server of ours that it is where files are sent, if it takes any.
    pub(crate) fn role_for_files(self) -> Option<Role> {
        match self {
            Self::Live => Some(Role::Files),
            Self::Axum => Some(Role::AxumFiles),
            Self::Yawc | Self::Framed | Self::SocketIo | Self::Colyseus | Self::Ws => None,
        }
    }

    /// What it is, to the last digit.
    pub(crate) fn version(self, peers: Option<&Peers>) -> Result<String> {
        Ok(match self {
            Self::Live => env!("CARGO_PKG_VERSION").to_owned(),
            Self::Axum => format!("axum {}, tungstenite {}", locked("axum"), locked("tungstenite")),
            Self::Yawc => format!("yawc {}", locked("yawc")),
            Self::Framed => format!("axum {} for the upgrade", locked("axum")),
            Self::SocketIo | Self::Colyseus | Self::Ws => match peers.zip(self.peer()) {
                Some((peers, peer)) => peers.version(peer)?,
                None => "not installed".to_owned(),
            },
        })
    }

    /// What it was told beyond its defaults.
    pub(crate) fn settings(self) -> &'static str {
        match self {
            Self::Live => {
                "one thread; defaults, with the limits lifted that would refuse the load; what is mounted is answered with a \
                 signed snapshot where mounts are measured"
            }
            Self::Axum => "one thread; buffers of 4,096 bytes; what was read is answered with one flush",
            Self::Yawc => "one thread; no compression; what was read is answered with one flush",
            Self::Framed => {
                "one thread; a codec of our own behind the upgrade; what was read is answered with one write"
            }
            Self::SocketIo | Self::Colyseus | Self::Ws => self.peer().map_or("", Peer::settings),
        }
    }
}

/// The version that `Cargo.lock` has of a crate.
fn locked(name: &str) -> String {
    let lock = include_str!("../../../Cargo.lock");
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("\nname = \"{name}\"\n")));
    let version = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")));
    version.map_or_else(|| "?".to_owned(), |version| version.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_that_are_locked() {
        assert!(Server::Axum.version(None).unwrap().starts_with("axum 0."));
        assert_eq!(locked("there is no such crate"), "?");
    }

    #[test]
    fn names_are_those_the_command_takes() {
        for server in Server::ALL {
            let value = server.to_possible_value().unwrap();
            assert_eq!(value.get_name(), server.name());
        }
    }
}
