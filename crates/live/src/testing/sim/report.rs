//! What a simulation counted, for one run or for a million.

use std::collections::BTreeMap;
use std::fmt;

use super::corrupt::Corruption;

/// What happened, in numbers. [`Report::add`] makes one of many.
///
/// ```
/// use fluxstack_live::testing::sim::Report;
/// let mut all = Report::default();
/// all.add(&Report { calls: 2, acknowledged: 1, ..Report::default() });
/// assert_eq!((all.calls, all.acknowledged), (2, 1));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Simulations that were run to their end.
    pub schedules: u64,
    /// Calls and writes made by tabs.
    pub calls: u64,
    /// Of these, answered with success.
    pub acknowledged: u64,
    /// Refused, by the application or by the server.
    pub refused: u64,
    /// Rejected by the tab: whether they happened is not known to it.
    pub in_doubt: u64,
    /// Rejected by the tab: they were not sent.
    pub not_sent: u64,
    /// Times a call was sent again because its answer had not come.
    pub resent: u64,
    /// Events that were told.
    pub events: u64,
    /// Events that the server, or the tab, said were lost.
    pub missed: u64,
    /// Whole states asked for because something did not fit.
    pub resyncs: u64,
    /// What was done to the network, the tabs and the server, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// How instances came back: `resumed`, `replayed`, `rehydrated`, or `reset` and the reason.
    pub outcomes: BTreeMap<String, u64>,
    /// What became of frames that were changed on their way.
    pub corrupted: BTreeMap<Corruption, u64>,
    /// Instances whose tab showed something else than the server held.
    pub divergences: u64,
    /// Acknowledged calls whose effect was not there.
    pub lost: u64,
    /// Calls whose effect was there twice.
    pub doubled: u64,
    /// Acknowledged calls of one tab whose effects were not in the order of the calls.
    pub disordered: u64,
    /// Other promises that were broken.
    pub broken: u64,
}

impl Report {
    /// Adds what another run counted.
    ///
    /// See [`Report`] for an example.
    pub fn add(&mut self, other: &Self) {
        let Self { schedules, calls, acknowledged, refused, in_doubt, not_sent, resent, .. } = other;
        self.schedules += schedules;
        self.calls += calls;
        self.acknowledged += acknowledged;
        self.refused += refused;
        self.in_doubt += in_doubt;
        self.not_sent += not_sent;
        self.resent += resent;
        self.events += other.events;
        self.missed += other.missed;
        self.resyncs += other.resyncs;
        for (kind, count) in &other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += count;
        }
        for (class, count) in &other.corrupted {
            *self.corrupted.entry(*class).or_default() += count;
        }
        self.divergences += other.divergences;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.disordered += other.disordered;
        self.broken += other.broken;
    }

    /// Frames that were changed on their way and reached a tab.
    ///
    /// ```
    /// # use fluxstack_live::testing::sim::Report;
    /// assert_eq!(Report::default().corrupted_frames(), 0);
    /// ```
    #[must_use]
    pub fn corrupted_frames(&self) -> u64 {
        self.corrupted.values().sum()
    }

    /// Of the frames that were changed where something is to prove them, how many were found out by the tab, and how
    /// many there were. Those that say the same as before are not among them, nor those that were changed where
    /// only a server could find out, or nobody.
    ///
    /// ```
    /// # use fluxstack_live::testing::sim::Report;
    /// assert_eq!(Report::default().detected(), (0, 0));
    /// ```
    #[must_use]
    pub fn detected(&self) -> (u64, u64) {
        let of = |class| self.corrupted.get(&class).copied().unwrap_or(0);
        let found = of(Corruption::Unreadable)
            + of(Corruption::Digest)
            + of(Corruption::Base)
            + of(Corruption::Astray);
        (found, found + of(Corruption::Undetected))
    }

    /// Whether every promise was kept.
    ///
    /// ```
    /// # use fluxstack_live::testing::sim::Report;
    /// assert!(Report::default().is_flawless());
    /// ```
    #[must_use]
    pub fn is_flawless(&self) -> bool {
        let Self { divergences, lost, doubled, disordered, broken, .. } = self;
        divergences + lost + doubled + disordered + broken == 0
    }

    pub(super) fn fault(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    pub(super) fn corruption(&mut self, class: Corruption) {
        *self.corrupted.entry(class).or_default() += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schedules, calls, acknowledged, refused, in_doubt, not_sent, resent, .. } = self;
        writeln!(f, "schedules     {schedules}")?;
        writeln!(
            f,
            "calls         {calls}: acknowledged {acknowledged}, refused {refused}, in doubt {in_doubt}, not sent {not_sent}; sent again {resent}"
        )?;
        writeln!(f, "events        {}, counted as missed {}", self.events, self.missed)?;
        write!(f, "faults       ")?;
        self.faults.iter().try_for_each(|(kind, count)| write!(f, " {kind} {count},"))?;
        write!(f, "\noutcomes     ")?;
        self.outcomes.iter().try_for_each(|(outcome, count)| write!(f, " {outcome} {count},"))?;
        write!(f, "\ncorrupted     {}:", self.corrupted_frames())?;
        for class in Corruption::ALL {
            write!(f, " {} {},", class.name(), self.corrupted.get(&class).copied().unwrap_or(0))?;
        }
        let (found, of) = self.detected();
        writeln!(
            f,
            "\ndetected      {found} of {of} that could be; whole states asked for {}",
            self.resyncs
        )?;
        write!(
            f,
            "divergences {}, lost {}, doubled {}, out of order {}, other promises broken {}",
            self.divergences, self.lost, self.doubled, self.disordered, self.broken
        )
    }
}
