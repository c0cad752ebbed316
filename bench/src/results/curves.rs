//! How cost grows: one thing is made larger over three decades, and everything else stays.

use super::aims::OURS;
use super::fit::Fit;
use super::summary::{Measure, Summary};

/// The scenario that lines of curves have; the case is the curve and its `x`.
pub(crate) const SCALING: &str = "scaling";

/// Exponents that differ by less are taken for the same: rounds of one point differ by some hundredths.
const TOLERANCE: f64 = 0.1;

/// One thing that grows.
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    /// What is made larger.
    pub(crate) axis: &'static str,
    /// What is counted.
    pub(crate) operation: &'static str,
    /// The exponent that the design has: 0 is a cost that does not depend on it.
    pub(crate) expected: f64,
    /// Why it is so.
    pub(crate) because: &'static str,
    pub(crate) points: &'static [u32],
}

/// Every curve that is measured.
pub(crate) const CURVES: [Curve; 5] = [
    Curve {
        name: "components",
        axis: "components on a connection",
        operation: "action",
        expected: 0.0,
        because: "a session finds its component in a table of its own, and nobody looks at the others",
        points: &[1, 3, 10, 30, 100, 300, 1_000],
    },
    Curve {
        name: "connections",
        axis: "connections",
        operation: "action",
        expected: 0.0,
        because: "connections know nothing of each other; what is left is memory that no longer fits the caches",
        points: &[4, 13, 40, 128, 400, 1_300, 4_096],
    },
    Curve {
        name: "state",
        axis: "bytes of state beside what changes",
        operation: "action",
        expected: 1.0,
        because: "plain fields are compared by their bytes after each action, so a large one is read each time; \
                  what is large belongs in a `List` or a `Map`, which know what was done to them",
        points: &[100, 316, 1_000, 3_160, 10_000, 31_600, 100_000],
    },
    Curve {
        name: "list",
        axis: "rows of a list of which one changes",
        operation: "action",
        expected: 0.0,
        because: "a `List` sends what was done to it and is not compared",
        points: &[10, 31, 100, 316, 1_000, 3_160, 10_000, 100_000],
    },
    Curve {
        name: "room",
        axis: "members of a room",
        operation: "delivery",
        expected: 0.0,
        because: "what is said is encoded once; each member costs its own write. With one member the word itself is in the figure",
        points: &[1, 3, 10, 30, 100, 300, 1_000],
    },
];

/// A curve as it was measured.
#[derive(Debug, PartialEq)]
pub(crate) struct Drawn {
    /// Microseconds of server CPU for an operation, by what was made larger.
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) fit: Option<Fit>,
    /// The same for the last decade alone.
    pub(crate) end: Option<Fit>,
}

impl Curve {
    /// Where a point of the curve finds its lines.
    pub(crate) fn case(&self, x: u32) -> String {
        format!("{}-{x}", self.name)
    }

    pub(crate) fn drawn(&self, summary: &Summary<'_>) -> Drawn {
        let point = |case: String| {
            let measured = summary.server(SCALING, &case, OURS)?;
            Some((measured.x()?, measured.median(Measure::Cpu)?))
        };
        let points: Vec<(f64, f64)> = self.points.iter().filter_map(|x| point(self.case(*x))).collect();
        Drawn { fit: Fit::through(&points), end: Fit::at_the_end(&points), points }
    }
}

impl Drawn {
    /// Whether it grows faster than it should, in all or where it is largest.
    pub(crate) fn is_above(&self, expected: f64) -> bool {
        [self.fit, self.end].into_iter().flatten().any(|fit| fit.exponent > expected + TOLERANCE)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Line;
    use super::*;

    fn measured(curve: &Curve, exponent: f64) -> Vec<Line> {
        let line = |x: &u32| Line {
            scenario: SCALING.to_owned(),
            case: curve.case(*x),
            server: OURS.to_owned(),
            server_cpu_us: Some(f64::from(*x).powf(exponent)),
            x: Some(f64::from(*x)),
            ..Line::default()
        };
        curve.points.iter().map(line).collect()
    }

    #[test]
    fn every_curve_has_seven_points_over_three_decades() {
        for curve in &CURVES {
            assert!(curve.points.len() >= 7, "{}", curve.name);
            assert!(curve.points.is_sorted(), "{}", curve.name);
            let (first, last) = (curve.points[0], curve.points[curve.points.len() - 1]);
            assert!(last >= first * 1_000, "{}", curve.name);
        }
    }

    #[test]
    fn a_curve_that_grows_faster_than_it_should_is_told_from_one_that_does_not() {
        for curve in &CURVES {
            for (exponent, is_above) in [(curve.expected, false), (curve.expected + 0.3, true)] {
                let lines = measured(curve, exponent);
                let drawn = curve.drawn(&Summary::new(&lines));
                assert_eq!(drawn.points.len(), curve.points.len());
                assert_eq!(drawn.is_above(curve.expected), is_above, "{} {exponent}", curve.name);
            }
        }
    }
}
