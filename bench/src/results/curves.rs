//! How cost grows: one thing is made larger over three decades, and everything else stays.

use super::aims::{FLOOR, OURS};
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
    /// Whether the floor is measured in the same run, because what the kernel and the caches do grows as well.
    pub(crate) is_beside_floor: bool,
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
        is_beside_floor: false,
        points: &[1, 3, 10, 30, 100, 300, 1_000],
    },
    Curve {
        name: "connections",
        axis: "connections",
        operation: "action",
        expected: 0.0,
        because: "connections know nothing of each other; what is left is memory that no longer fits the \
                  caches, and the floor has that as well",
        is_beside_floor: true,
        points: &[4, 13, 40, 128, 400, 1_300, 4_096],
    },
    Curve {
        name: "state",
        axis: "bytes of state beside what changes",
        operation: "action",
        expected: 1.0,
        because: "plain fields are compared by their bytes after each action, so a large one is read each time; \
                  what is large belongs in a `List` or a `Map`, which know what was done to them",
        is_beside_floor: false,
        points: &[100, 316, 1_000, 3_160, 10_000, 31_600, 100_000],
    },
    Curve {
        name: "list",
        axis: "rows of a list of which one changes",
        operation: "action",
        expected: 0.0,
        because: "a `List` sends what was done to it and is not compared, and in its digest one row is exchanged \
                  without a look at the others",
        is_beside_floor: false,
        points: &[10, 31, 100, 316, 1_000, 3_160, 10_000, 100_000],
    },
    Curve {
        name: "room",
        axis: "members of a room",
        operation: "delivery",
        expected: 0.0,
        because: "what is said is encoded once; each member costs its own write. With one member the word itself is in the figure",
        is_beside_floor: false,
        points: &[1, 3, 10, 30, 100, 300, 1_000],
    },
];

/// A curve as it was measured.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Drawn {
    /// Microseconds of server CPU for an operation, by what was made larger.
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) fit: Option<Fit>,
    /// The same for the last decade alone.
    pub(crate) end: Option<Fit>,
    /// What the floor has, where it was measured beside it.
    pub(crate) floor: Option<Box<Drawn>>,
}

/// How a curve grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    AsExpected,
    /// Faster than expected, and so does the floor.
    AsTheFloor,
    Above,
}

impl Curve {
    /// Where a point of the curve finds its lines.
    pub(crate) fn case(&self, x: u32) -> String {
        format!("{}-{x}", self.name)
    }

    pub(crate) fn drawn(&self, summary: &Summary<'_>) -> Drawn {
        let floor = self.drawn_of(FLOOR, summary);
        let floor = (self.is_beside_floor && floor.fit.is_some()).then(|| Box::new(floor));
        Drawn { floor, ..self.drawn_of(OURS, summary) }
    }

    fn drawn_of(&self, server: &str, summary: &Summary<'_>) -> Drawn {
        let point = |case: String| {
            let measured = summary.server(SCALING, &case, server)?;
            Some((measured.x()?, measured.median(Measure::Cpu)?))
        };
        let points: Vec<(f64, f64)> = self.points.iter().filter_map(|x| point(self.case(*x))).collect();
        Drawn { fit: Fit::through(&points), end: Fit::at_the_end(&points), points, floor: None }
    }
}

impl Drawn {
    /// How it grows, in all or where it is largest, whichever is worse.
    pub(crate) fn growth(&self, expected: f64) -> Growth {
        let over = |ours: Option<Fit>, than: f64| ours.is_some_and(|fit| fit.exponent > than + TOLERANCE);
        let allowed = |floor: Option<Fit>| floor.map_or(expected, |fit| fit.exponent.max(expected));
        let floor = self.floor.as_deref();
        let (fit, end) = floor.map_or((expected, expected), |floor| (allowed(floor.fit), allowed(floor.end)));
        if over(self.fit, fit) || over(self.end, end) {
            Growth::Above
        } else if over(self.fit, expected) || over(self.end, expected) {
            Growth::AsTheFloor
        } else {
            Growth::AsExpected
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Line;
    use super::*;

    fn measured(curve: &Curve, server: &str, exponent: f64) -> Vec<Line> {
        let line = |x: &u32| Line {
            scenario: SCALING.to_owned(),
            case: curve.case(*x),
            server: server.to_owned(),
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
            for (exponent, growth) in
                [(curve.expected, Growth::AsExpected), (curve.expected + 0.3, Growth::Above)]
            {
                let lines = measured(curve, OURS, exponent);
                let drawn = curve.drawn(&Summary::new(&lines));
                assert_eq!(drawn.points.len(), curve.points.len());
                assert_eq!(drawn.growth(curve.expected), growth, "{} {exponent}", curve.name);
            }
        }
    }

    #[test]
    fn what_the_floor_has_as_well_is_not_ours() {
        let beside = CURVES.iter().find(|curve| curve.is_beside_floor).expect("one is");
        let alone = CURVES.iter().find(|curve| !curve.is_beside_floor).expect("one is not");
        // Ours, the floor's, what is said where both count and what where only ours does.
        let cases = [
            (0.05, -0.3, Growth::AsExpected, Growth::AsExpected),
            (0.3, 0.25, Growth::AsTheFloor, Growth::Above),
            (0.3, 0.15, Growth::Above, Growth::Above),
        ];
        for (ours, floor, with, without) in cases {
            for (curve, growth) in [(beside, with), (alone, without)] {
                let mut lines = measured(curve, OURS, curve.expected + ours);
                lines.extend(measured(curve, FLOOR, curve.expected + floor));
                let drawn = curve.drawn(&Summary::new(&lines));
                assert_eq!(drawn.growth(curve.expected), growth, "{} {ours} {floor}", curve.name);
            }
        }
    }
}
