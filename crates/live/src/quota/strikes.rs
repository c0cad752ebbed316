//! Who made wrong guesses, and is not looked at for a while.
//!
//! Guessing a signature is hopeless, and there it is about what the guessing costs us; guessing a password is not.
//! Whoever is to judge a guess asks before, and reports afterwards. Shared between sessions, because whoever
//! guesses connects again. It follows tokio's clock, so tests can stop it.
//!
//! What is behind an address may be many people: one right guess from there and all is forgiven.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Whose;

/// Peers that are remembered, about 50 bytes each. Beyond, the one is forgotten that has been quiet for
/// longest: who has that many addresses is stopped by the rate of each connection.
const PEERS: usize = 4_096;

/// How long one is out at first. Every further wrong guess doubles it.
const SHORTEST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// After that long without a wrong guess the next one is the first again.
const FORGOTTEN: Duration = Duration::from_secs(60 * 60);

/// Those who made wrong guesses of one kind.
pub(crate) struct Strikes {
    /// Wrong guesses in a row until one is out; 0 for never.
    enough: u32,
    rows: Mutex<HashMap<Whose, Row>>,
}

/// Wrong guesses without a right one between them.
struct Row {
    strikes: u32,
    /// When the peer is looked at again; when it was struck last if it is not out.
    until: Instant,
}

impl Strikes {
    /// Lets everybody make so many wrong guesses in a row; 0 for as many as they like.
    pub(crate) fn new(enough: u32) -> Self {
        Self { enough, rows: Mutex::default() }
    }

    /// For how long to refuse what this one sends without a look.
    pub(crate) fn out_for(&self, whose: &Whose) -> Option<Duration> {
        let until = self.rows().get(whose)?.until;
        Some(until.saturating_duration_since(Instant::now())).filter(|time| !time.is_zero())
    }

    /// Whether to refuse what this one sends without a look.
    pub(crate) fn is_out(&self, whose: &Whose) -> bool {
        self.out_for(whose).is_some()
    }

    /// A wrong guess.
    pub(crate) fn strike(&self, whose: Whose) {
        if self.enough == 0 {
            return;
        }
        let now = Instant::now();
        let mut rows = self.rows();
        if rows.len() >= PEERS && !rows.contains_key(&whose) {
            // Looks at all of them, in less time than the guess took.
            let quiet = rows.iter().min_by_key(|(_, row)| row.until).map(|(whose, _)| whose.clone());
            quiet.and_then(|whose| rows.remove(&whose));
        }
        let row = rows.entry(whose).or_insert(Row { strikes: 0, until: now });
        if row.until > now {
            // Was looked at before it was out: of one volley, only the first to land makes it worse.
            return;
        }
        if now - row.until >= FORGOTTEN {
            row.strikes = 0;
        }
        row.strikes = row.strikes.saturating_add(1);
        row.until = now + pause(row.strikes, self.enough);
    }

    /// A right guess.
    pub(crate) fn forgive(&self, whose: &Whose) {
        self.rows().remove(whose);
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<Whose, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long one is out after so many strikes in a row.
fn pause(strikes: u32, enough: u32) -> Duration {
    match strikes.checked_sub(enough) {
        None => Duration::ZERO,
        Some(more) => SHORTEST.saturating_mul(2_u32.saturating_pow(more)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Whose {
        Whose::network(text.parse().unwrap())
    }

    /// Strikes so often, each time as soon as the peer is looked at again.
    async fn strike(strikes: &Strikes, peer: &Whose, times: u32) {
        for _ in 0..times {
            while strikes.is_out(peer) {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            strikes.strike(peer.clone());
        }
    }

    /// For how many seconds the peer is out from now on.
    async fn seconds_out(strikes: &Strikes, peer: &Whose) -> u32 {
        let mut seconds = 0;
        while strikes.is_out(peer) {
            tokio::time::advance(Duration::from_secs(1)).await;
            seconds += 1;
        }
        seconds
    }

    #[tokio::test(start_paused = true)]
    async fn eight_in_a_row_and_a_peer_is_out_for_longer_every_time() {
        let (strikes, peer) = (Strikes::new(8), peer("192.0.2.1"));
        assert!(!strikes.is_out(&peer));
        strike(&strikes, &peer, 7).await;
        assert!(!strikes.is_out(&peer));
        for seconds in [30, 60, 120, 240, 480, 600, 600, 600] {
            strikes.strike(peer.clone());
            assert_eq!(seconds_out(&strikes, &peer).await, seconds);
        }
        strike(&strikes, &peer, 100).await;
        assert_eq!(seconds_out(&strikes, &peer).await, 600);
    }

    #[tokio::test(start_paused = true)]
    async fn a_genuine_signature_ends_the_row() {
        let (strikes, peer) = (Strikes::new(8), peer("192.0.2.1"));
        strike(&strikes, &peer, 7).await;
        strikes.forgive(&peer);
        strike(&strikes, &peer, 7).await;
        assert!(!strikes.is_out(&peer));
        strike(&strikes, &peer, 5).await;
        assert!(strikes.is_out(&peer));
        strikes.forgive(&peer);
        assert!(!strikes.is_out(&peer));
        strike(&strikes, &peer, 8).await;
        assert_eq!(seconds_out(&strikes, &peer).await, 30);
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_of_quiet_ends_it_too() {
        let (strikes, peer) = (Strikes::new(8), peer("192.0.2.1"));
        strike(&strikes, &peer, 7).await;
        tokio::time::advance(FORGOTTEN).await;
        strike(&strikes, &peer, 7).await;
        assert!(!strikes.is_out(&peer));
        tokio::time::advance(FORGOTTEN - Duration::from_secs(1)).await;
        strike(&strikes, &peer, 1).await;
        assert!(strikes.is_out(&peer));
    }

    #[tokio::test(start_paused = true)]
    async fn a_volley_counts_as_it_lands_and_no_worse() {
        let (strikes, peer) = (Strikes::new(8), peer("192.0.2.1"));
        (0..1_000).for_each(|_| strikes.strike(peer.clone()));
        assert_eq!(seconds_out(&strikes, &peer).await, 30);
    }

    #[tokio::test(start_paused = true)]
    async fn one_peer_is_not_punished_for_another() {
        /// Whether one who is out takes the other along.
        async fn check(one: &str, other: &str, same: bool) {
            let strikes = Strikes::new(8);
            strike(&strikes, &peer(one), 8).await;
            assert_eq!(strikes.is_out(&peer(other)), same, "{one} {other}");
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
        let strikes = Strikes::new(8);
        let (bad, first) = (peer("192.0.2.1"), peer("10.0.0.0"));
        strike(&strikes, &bad, 8).await;
        strike(&strikes, &first, 7).await;
        tokio::time::advance(Duration::from_secs(1)).await;
        for number in 1..u32::try_from(PEERS).unwrap() {
            strikes.strike(Whose::network(std::net::IpAddr::V4((0x0a00_0000 + number).into())));
        }
        assert_eq!(strikes.rows().len(), PEERS);
        assert!(strikes.is_out(&bad));
        // `first` had to go, so this is its first again.
        strikes.strike(first.clone());
        assert_eq!(strikes.rows()[&first].strikes, 1);
        assert_eq!(strikes.rows().len(), PEERS);
    }
}
