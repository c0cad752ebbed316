//! The committed file of costs: a line for each case, `name allocations=4 instructions=5200±2%`.
//!
//! A figure is a word of the program that measured it; this module knows none of them. One with a tolerance may
//! move by so much before it counts as another number; one without may not move at all. Tolerances are
//! written by people, who measured how far a figure moves by itself (`cargo xtask costs --spread 10`).

use std::collections::BTreeMap;
use std::fmt;

/// Case → figure → number.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Costs(BTreeMap<String, BTreeMap<String, Number>>);

/// Something counted, to two digits behind the point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    hundredths: u64,
    /// Percent.
    tolerance: Option<u64>,
}

impl Number {
    /// Rounds to what is written down.
    pub(super) fn new(value: f64) -> Self {
        Self { hundredths: (value * 100.0).round() as u64, tolerance: None }
    }

    /// A number that may move by so many percent.
    pub(super) fn within(self, percent: u64) -> Self {
        Self { tolerance: Some(percent), ..self }
    }

    pub(super) fn value(self) -> f64 {
        self.hundredths as f64 / 100.0
    }

    fn read(text: &str) -> Option<Self> {
        let (value, tolerance) = match text.split_once('±') {
            Some((value, tolerance)) => (value, Some(tolerance.strip_suffix('%')?.parse().ok()?)),
            None => (text, None),
        };
        if !value.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        Some(Self { tolerance, ..Self::new(value.parse().ok()?) })
    }

    /// Whether `now` is what was committed, as far as that can be said.
    fn covers(self, now: Self) -> bool {
        let allowed = u128::from(self.hundredths) * u128::from(self.tolerance.unwrap_or_default());
        u128::from(self.hundredths.abs_diff(now.hundredths)) * 100 <= allowed
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value())?;
        self.tolerance.map_or(Ok(()), |percent| write!(f, "±{percent}%"))
    }
}

/// What stands first in a line, in this order; other figures follow by name.
const FIRST: [&str; 3] = ["allocations", "bytes", "frame"];

impl Costs {
    /// The lines that are costs; benchmarks print other things too.
    pub(super) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let line = |line: &'a str| {
            let (name, figures) = line.trim().split_once(' ')?;
            let figures: Option<BTreeMap<_, _>> = figures
                .split_whitespace()
                .map(|figure| {
                    let (name, number) = figure.split_once('=')?;
                    Some((name.to_owned(), Number::read(number)?))
                })
                .collect();
            Some((name.to_owned(), figures?))
        };
        Self(lines.filter_map(line).collect())
    }

    pub(super) fn write(&self) -> String {
        let mut text = String::new();
        for (name, figures) in &self.0 {
            text.push_str(name);
            let first = FIRST.iter().filter_map(|figure| figures.get_key_value(*figure));
            let rest = figures.iter().filter(|(figure, _)| !FIRST.contains(&figure.as_str()));
            for (figure, number) in first.chain(rest) {
                text.push_str(&format!(" {figure}={number}"));
            }
            text.push('\n');
        }
        text
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many cases there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn set(&mut self, case: &str, figure: &str, number: Number) {
        self.0.entry(case.to_owned()).or_default().insert(figure.to_owned(), number);
    }

    /// Each number with its case and its name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str, Number)> {
        self.0.iter().flat_map(|(case, figures)| {
            figures.iter().map(move |(figure, number)| (case.as_str(), figure.as_str(), *number))
        })
    }

    /// Only the figures of these names.
    pub(super) fn only(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let mut part = Self::default();
        self.iter().filter(|(_, figure, _)| wanted(figure)).for_each(|(case, figure, number)| {
            part.set(case, figure, number);
        });
        part
    }

    pub(super) fn only_case(&self, case: &str) -> Self {
        let figures = self.0.get(case).cloned().unwrap_or_default();
        Self(BTreeMap::from([(case.to_owned(), figures)]))
    }

    /// The least and the most of each number in these runs, with its case and its name.
    pub(super) fn spread(runs: &[Self]) -> Vec<(String, String, f64, f64)> {
        let mut found: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
        for (case, figure, number) in runs.iter().flat_map(Self::iter) {
            let value = number.value();
            let (least, most) = found.entry((case.to_owned(), figure.to_owned())).or_insert((value, value));
            *least = least.min(value);
            *most = most.max(value);
        }
        found.into_iter().map(|((case, figure), (least, most))| (case, figure, least, most)).collect()
    }

    pub(super) fn add(&mut self, other: &Self) {
        other.iter().for_each(|(case, figure, number)| self.set(case, figure, number));
    }

    /// What may move may move by as much as before.
    pub(super) fn keep_tolerances(&mut self, committed: &Self) {
        for (case, figures) in &mut self.0 {
            for (figure, number) in figures {
                let before = committed.number(case, figure).and_then(|number| number.tolerance);
                number.tolerance = before.or(number.tolerance);
            }
        }
    }

    fn number(&self, case: &str, figure: &str) -> Option<Number> {
        self.0.get(case)?.get(figure).copied()
    }

    /// A sentence for each number that moved on the way from here to `measured`.
    pub(super) fn differences(&self, measured: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for name in measured.0.keys().filter(|name| !self.0.contains_key(*name)) {
            found.push(format!("{name}: new"));
        }
        for (case, figure, now) in measured.iter().filter(|(case, ..)| self.0.contains_key(*case)) {
            match self.number(case, figure) {
                None => found.push(format!("{case}: {figure} is new ({})", now.value())),
                Some(before) if before.covers(now) => {}
                Some(before) => found.push(moved(case, figure, before, now)),
            }
        }
        for (case, figure, _) in self.iter().filter(|(case, ..)| measured.0.contains_key(*case)) {
            if measured.number(case, figure).is_none() {
                found.push(format!("{case}: {figure} is gone"));
            }
        }
        for name in self.0.keys().filter(|name| !measured.0.contains_key(*name)) {
            found.push(format!("{name}: gone"));
        }
        found
    }
}

fn moved(case: &str, figure: &str, before: Number, now: Number) -> String {
    let by = now.value() - before.value();
    match before.tolerance {
        // Rounded, because 0.3 - 0.1 is not 0.2.
        None => {
            format!("{case}: {figure} {before} → {now} ({:+})", (by * 100.0).round() / 100.0)
        }
        Some(tolerance) => format!(
            "{case}: {figure} {} → {} ({:+.1} %, more than {tolerance} %)",
            before.value(),
            now.value(),
            by / before.value().max(0.01) * 100.0
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED: &str = "counter allocations=4 bytes=210 frame=152\nchat allocations=9 bytes=800 frame=240\n\
                             action instructions=5000±2% reads=1 writes=1.25\n";

    fn read(text: &str) -> Costs {
        Costs::read(text.lines())
    }

    #[test]
    fn what_is_written_is_read_back() {
        let costs = read(COMMITTED);
        assert_eq!(costs.len(), 3);
        assert_eq!(read(&costs.write()), costs);
        assert!(costs.write().contains("chat allocations=9 bytes=800 frame=240\n"));
        assert!(costs.write().contains("action instructions=5000±2% reads=1 writes=1.25\n"));
    }

    #[test]
    fn other_output_of_a_benchmark_is_not_a_cost() {
        for line in ["running 1 test", "", "costs ok", "a b=-1", "a b=inf", "a b=1±", "a b=1±x%"] {
            assert!(read(line).is_empty(), "{line:?} was read");
        }
    }

    #[test]
    fn each_number_that_moved_is_named() {
        let before = read(COMMITTED);
        let now = read(
            "counter allocations=5 bytes=210 frame=152\nform allocations=1\n\
             action instructions=5200 reads=1 polls=2 writes=1.5",
        );
        assert_eq!(
            before.differences(&now),
            [
                "form: new",
                "action: instructions 5000 → 5200 (+4.0 %, more than 2 %)",
                "action: polls is new (2)",
                "action: writes 1.25 → 1.5 (+0.25)",
                "counter: allocations 4 → 5 (+1)",
                "chat: gone",
            ]
        );
        assert_eq!(now.differences(&before).last().map(String::as_str), Some("form: gone"));
        assert!(now.differences(&before).contains(&"action: polls is gone".to_owned()));
        assert!(before.differences(&before).is_empty());
    }

    #[test]
    fn a_number_with_a_tolerance_moves_within_it_and_not_beyond() {
        let committed = read("action instructions=5000±2%");
        for (now, is_same) in [(5_000, true), (5_100, true), (4_900, true), (5_101, false), (4_899, false)] {
            let measured = read(&format!("action instructions={now}"));
            assert_eq!(committed.differences(&measured).is_empty(), is_same, "{now}");
        }
    }

    #[test]
    fn a_number_without_a_tolerance_does_not_move() {
        let committed = read("action reads=1.25");
        assert!(committed.differences(&read("action reads=1.25")).is_empty());
        assert_eq!(committed.differences(&read("action reads=1.26")).len(), 1);
    }

    #[test]
    fn new_numbers_keep_the_tolerance_somebody_wrote() {
        let mut measured = Costs::default();
        measured.set("action", "instructions", Number::new(5_001.4).within(3));
        measured.set("resume", "instructions", Number::new(9_000.0).within(3));
        measured.keep_tolerances(&read(COMMITTED));
        assert_eq!(measured.write(), "action instructions=5001.4±2%\nresume instructions=9000±3%\n");
    }

    #[test]
    fn a_spread_is_from_the_least_to_the_most() {
        let runs = ["a x=3 y=1", "a x=1 y=1", "a x=2"].map(read);
        let named = |figure: &str, least, most| ("a".to_owned(), figure.to_owned(), least, most);
        assert_eq!(Costs::spread(&runs), [named("x", 1.0, 3.0), named("y", 1.0, 1.0)]);
    }

    #[test]
    fn a_part_is_the_figures_one_asks_for() {
        let part = read(COMMITTED).only(|figure| figure == "instructions");
        assert_eq!(part.write(), "action instructions=5000±2%\n");
    }
}
