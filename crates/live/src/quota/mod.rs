//! How much one connection, one user or one address may have of the server.
//!
//! A connection has a [`Rate`] of its own. Users and addresses have [`Share`]s of it, however many connections
//! they have; and [`Strikes`] are for those who guess signatures or credentials.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

mod rate;
mod shares;
pub(crate) mod strikes;

pub(crate) use rate::Rate;
pub(crate) use shares::{Share, Shares};
pub(crate) use strikes::Strikes;

/// Who has a share, or strikes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Whose {
    /// What one customer of a network has.
    Network(IpAddr),
    /// A user, or the account that somebody says is theirs.
    User(Arc<str>),
}

impl Whose {
    /// An address counts as a whole if it is of the old kind; of the new kind one customer gets the first half.
    pub(crate) fn network(peer: IpAddr) -> Self {
        Self::Network(match peer.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
            old => old,
        })
    }
}
