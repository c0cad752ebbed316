//! Who comes in: places for connections, and what is to be known of whoever takes one.
//!
//! In this order, so that what is cheap to refuse is refused first: is there a place, has the address too many
//! connections, who is it, has the user too many.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Live;
use crate::auth::{Credentials, Identity};
use crate::error::{Code, Error};
use crate::quota::{Share, Whose};
use crate::session::{Host, Standing, Unknown};

/// One of the connections a server may have; gives its place back when dropped.
pub(crate) struct Place {
    host: Arc<Host>,
    standing: Standing,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// The server is going away.
    Draining,
    /// It has as many connections as it may.
    Full,
    /// The address has.
    Address,
    /// The user has.
    User,
}

impl Place {
    /// The place is this user's.
    ///
    /// # Errors
    /// [`NoPlace::User`], if they have too many.
    pub(crate) fn belong_to(&mut self, identity: &Identity) -> Result<(), NoPlace> {
        self.standing.user = self.host.share_of_user(identity.id()).ok_or(NoPlace::User)?;
        Ok(())
    }

    /// What the connection has a share of.
    pub(super) fn take_standing(&mut self) -> Standing {
        std::mem::take(&mut self.standing)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.host.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Live {
    /// A place for one more connection, if there is one.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn place(&self, peer: Option<IpAddr>) -> Result<Place, NoPlace> {
        if self.is_draining() {
            return Err(NoPlace::Draining);
        }
        let host = &self.host;
        let taken = host.connections.fetch_add(1, Ordering::Relaxed);
        let mut place = Place { host: Arc::clone(host), standing: Standing::default() };
        if host.is_closing() {
            return Err(NoPlace::Draining);
        }
        if taken >= host.limits.connections {
            return Err(NoPlace::Full);
        }
        if let Some(peer) = peer {
            place.standing.address = host.share_of_address(peer).ok_or(NoPlace::Address)?;
        }
        Ok(place)
    }

    /// Who wants to connect.
    ///
    /// # Errors
    /// Why that is not known, or why whoever it is may not.
    pub(crate) async fn admit(&self, credentials: &Credentials) -> Result<Option<Identity>, Unknown> {
        let identity = self.host.judge(credentials).await?;
        if identity.is_none() && self.host.refuses_anonymous {
            let said = "sign in first: this server is for users it knows";
            return Err(Unknown { error: Error::new(Code::Unauthenticated, said), wait: None });
        }
        Ok(identity)
    }
}

impl Host {
    /// A share for one more connection of this user, unless they have too many.
    pub(crate) fn share_of_user(&self, user: &str) -> Option<Share> {
        let limits = &self.limits;
        self.share(limits.connections_per_user, limits.rate_per_user, || Whose::User(user.into()))
    }

    fn share_of_address(&self, peer: IpAddr) -> Option<Share> {
        let limits = &self.limits;
        self.share(limits.connections_per_address, limits.rate_per_address, || Whose::network(peer))
    }

    fn share(&self, most: usize, rate: u32, whose: impl FnOnce() -> Whose) -> Option<Share> {
        if most == usize::MAX && rate == 0 {
            return Some(Share::default());
        }
        self.shares.take(whose(), most)
    }
}

/// Where a request comes from that came through so many proxies: the address that the outermost of them saw, counted
/// from the right, because everything to the left of it is what a client may have made up.
pub(crate) fn forwarded<'a>(
    lines: impl DoubleEndedIterator<Item = &'a str>,
    proxies: usize,
) -> Option<IpAddr> {
    let back = proxies.checked_sub(1)?;
    let text = lines.rev().flat_map(|line| line.rsplit(',')).nth(back)?.trim();
    let address = text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_counted_from_the_right() {
        #[track_caller]
        fn check(lines: &[&str], proxies: usize, address: Option<&str>) {
            let found = forwarded(lines.iter().copied(), proxies).map(|address| address.to_string());
            assert_eq!(found.as_deref(), address, "{lines:?} {proxies}");
        }
        check(&["203.0.113.9"], 1, Some("203.0.113.9"));
        check(&["6.6.6.6, 203.0.113.9"], 1, Some("203.0.113.9"));
        check(&["6.6.6.6, 203.0.113.9,10.0.0.1"], 2, Some("203.0.113.9"));
        check(&["6.6.6.6", "203.0.113.9", "10.0.0.1"], 2, Some("203.0.113.9"));
        check(&["203.0.113.9:4711"], 1, Some("203.0.113.9"));
        check(&["2001:db8::1"], 1, Some("2001:db8::1"));
        check(&["[2001:db8::1]:4711"], 1, Some("2001:db8::1"));
        check(&["[2001:db8::1]"], 1, Some("2001:db8::1"));
        // Without a proxy the line is anybody's.
        check(&["203.0.113.9"], 0, None);
        check(&["203.0.113.9"], 2, None);
        check(&["unknown"], 1, None);
        check(&["203.0.113.9,"], 1, None);
        check(&[], 1, None);
    }
}
