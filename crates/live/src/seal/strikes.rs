//! Who sent wrong signatures, and is not looked at for a while.
//!
//! Guessing a signature is hopeless; this is about what the guessing costs us. Sessions ask before they
//! open what a client sent, and report afterwards. Shared between sessions, because whoever guesses
//! connects again. It follows tokio's clock, so tests can stop it.
//!
//! A peer is an address, and what is behind one may be many people: one genuine signature from there and
//! all is forgiven.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Peers that are remembered, about 50 bytes each. Beyond, the one is forgotten that has been quiet for
/// longest: who has that many addresses is stopped by the rate of each connection.
const PEERS: usize = 4_096;

/// Wrong signatures in a row until a peer is out. Tabs that come back with tokens of a wrong server make a few.
const ENOUGH: u32 = 8;

/// How long a peer is out at first. Every further wrong signature doubles it.
const SHORTEST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// After that long without a wrong signature the next one is the first again.
const FORGOTTEN: Duration = Duration::from_secs(60 * 60);

/// The peers of a server that sent wrong signatures.
#[derive(Default)]
pub(crate) struct Strikes {
    peers: Mutex<HashMap<IpAddr, Row>>,
}

/// Wrong signatures without a right one between them.
struct Row {
    strikes: u32,
    /// When the peer is looked at again; when it was struck last if it is not out.
    until: Instant,
}

impl Strikes {
    /// Whether to refuse what this peer sent without a look.
    pub(crate) fn is_out(&self, peer: IpAddr) -> bool {
        self.peers().get(&network(peer)).is_some_and(|row| row.until > Instant::now())
    }

    /// A wrong signature came from this peer.
    pub(crate) fn strike(&self, peer: IpAddr) {
        let (peer, now) = (network(peer), Instant::now());
        let mut peers = self.peers();
        if peers.len() >= PEERS && !peers.contains_key(&peer) {
            // Looks at all of them, in less time than the signature took.
            let quiet = peers.iter().min_by_key(|(_, row)| row.until).map(|(peer, _)| *peer);
            quiet.and_then(|peer| peers.remove(&peer));
        }
        let row = peers.entry(peer).or_insert(Row { strikes: 0, until: now });
        if row.until > now {
            // Was looked at before it was out: of one volley, only the first to land makes it worse.
            return;
        }
        if now - row.until >= FORGOTTEN {
            row.strikes = 0;
        }
        row.strikes = row.strikes.saturating_add(1);
        row.until = now + pause(row.strikes);
    }

    /// A genuine signature came from this peer.
    pub(crate) fn forgive(&self, peer: IpAddr) {
        self.peers().remove(&network(peer));
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<IpAddr, Row>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a peer is out after so many strikes in a row.
fn pause(strikes: u32) -> Duration {
    match strikes.checked_sub(ENOUGH) {
        None => Duration::ZERO,
        Some(more) => SHORTEST.saturating_mul(2_u32.saturating_pow(more)).min(LONGEST),
    }
}

/// What one customer of a network gets: an address of the old kind, the first half of one of the new.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        old => old,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Strikes so often, each time as soon as the peer is looked at again.
    async fn strike(strikes: &Strikes, peer: IpAddr, times: u32) {
        for _ in 0..times {
            while strikes.is_out(peer) {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            strikes.strike(peer);
        }
    }

    /// For how many seconds the peer is out from now on.
    async fn seconds_out(strikes: &Strikes, peer: IpAddr) -> u32 {
        let mut seconds = 0;
        while strikes.is_out(peer) {
            tokio::time::advance(Duration::from_secs(1)).await;
            seconds += 1;
        }
        seconds
    }

    #[tokio::test(start_paused = true)]
    async fn eight_in_a_row_and_a_peer_is_out_for_longer_every_time() {
        let (strikes, peer) = (Strikes::default(), peer("192.0.2.1"));
        assert!(!strikes.is_out(peer));
        strike(&strikes, peer, 7).await;
        assert!(!strikes.is_out(peer));
        for seconds in [30, 60, 120, 240, 480, 600, 600, 600] {
            strikes.strike(peer);
            assert_eq!(seconds_out(&strikes, peer).await, seconds);
        }
        strike(&strikes, peer, 100).await;
        assert_eq!(seconds_out(&strikes, peer).await, 600);
    }

    #[tokio::test(start_paused = true)]
    async fn a_genuine_signature_ends_the_row() {
        let (strikes, peer) = (Strikes::default(), peer("192.0.2.1"));
        strike(&strikes, peer, 7).await;
        strikes.forgive(peer);
        strike(&strikes, peer, 7).await;
        assert!(!strikes.is_out(peer));
        strike(&strikes, peer, 5).await;
        assert!(strikes.is_out(peer));
        strikes.forgive(peer);
        assert!(!strikes.is_out(peer));
        strike(&strikes, peer, 8).await;
        assert_eq!(seconds_out(&strikes, peer).await, 30);
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_of_quiet_ends_it_too() {
        let (strikes, peer) = (Strikes::default(), peer("192.0.2.1"));
        strike(&strikes, peer, 7).await;
        tokio::time::advance(FORGOTTEN).await;
        strike(&strikes, peer, 7).await;
        assert!(!strikes.is_out(peer));
        tokio::time::advance(FORGOTTEN - Duration::from_secs(1)).await;
        strike(&strikes, peer, 1).await;
        assert!(strikes.is_out(peer));
    }

    #[tokio::test(start_paused = true)]
    async fn a_volley_counts_as_it_lands_and_no_worse() {
        let (strikes, peer) = (Strikes::default(), peer("192.0.2.1"));
        (0..1_000).for_each(|_| strikes.strike(peer));
        assert_eq!(seconds_out(&strikes, peer).await, 30);
    }

    #[tokio::test(start_paused = true)]
    async fn one_peer_is_not_punished_for_another() {
        /// Whether one who is out takes the other along.
        async fn check(one: &str, other: &str, same: bool) {
            let strikes = Strikes::default();
            strike(&strikes, peer(one), 8).await;
            assert_eq!(strikes.is_out(peer(other)), same, "{one} {other}");
        }
        check("192.0.2.1", "192.0.2.2", false).await;
        check("192.0.2.1", "::ffff:192.0.2.1", true).await;
        check("::ffff:192.0.2.1", "::ffff:192.0.2.2", false).await;
        // Whoever has one address of the new kind has the 2^64 beside it.
        check("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true).await;
        check("2001:db8:0:1::1", "2001:db8:0:2::1", false).await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_been_quiet_for_longest_is_forgotten_first() {
        let strikes = Strikes::default();
        let (bad, first) = (peer("192.0.2.1"), peer("10.0.0.0"));
        strike(&strikes, bad, 8).await;
        strike(&strikes, first, 7).await;
        tokio::time::advance(Duration::from_secs(1)).await;
        for number in 1..u32::try_from(PEERS).unwrap() {
            strikes.strike(IpAddr::V4((0x0a00_0000 + number).into()));
        }
        assert_eq!(strikes.peers().len(), PEERS);
        assert!(strikes.is_out(bad));
        // `first` had to go, so this is its first again.
        strikes.strike(first);
        assert_eq!(strikes.peers()[&first].strikes, 1);
        assert_eq!(strikes.peers().len(), PEERS);
    }
}
