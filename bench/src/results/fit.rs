//! The exponent of a curve: the slope of the straight line through the logarithms, by least squares.

/// `y ≈ factor · x ^ exponent`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fit {
    pub(crate) exponent: f64,
    pub(crate) factor: f64,
    /// The share of what varies that the line explains: 1 is all of it. Of a curve that does not rise it says nothing.
    pub(crate) explained: f64,
}

impl Fit {
    /// Through points with both coordinates above nothing; two at least.
    pub(crate) fn through(points: &[(f64, f64)]) -> Option<Self> {
        let logs = points.iter().filter(|(x, y)| *x > 0.0 && *y > 0.0).map(|(x, y)| (x.ln(), y.ln()));
        let logs: Vec<(f64, f64)> = logs.collect();
        let count = logs.len() as f64;
        let (sum_x, sum_y) = logs.iter().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x, sum.1 + y));
        let (mean_x, mean_y) = (sum_x / count, sum_y / count);
        let (mut spread_x, mut spread_y, mut both) = (0.0, 0.0, 0.0);
        for (x, y) in &logs {
            spread_x += (x - mean_x).powi(2);
            spread_y += (y - mean_y).powi(2);
            both += (x - mean_x) * (y - mean_y);
        }
        if logs.len() < 2 || spread_x <= f64::EPSILON {
            return None;
        }
        let exponent = both / spread_x;
        let explained = if spread_y <= f64::EPSILON { 1.0 } else { both * both / (spread_x * spread_y) };
        Some(Self { exponent, factor: (mean_y - exponent * mean_x).exp(), explained })
    }

    /// Through the points of the last decade alone: where a cost that grows hides behind one that does not, it shows there.
    pub(crate) fn at_the_end(points: &[(f64, f64)]) -> Option<Self> {
        let last = points.iter().map(|(x, _)| *x).fold(0.0, f64::max);
        let end: Vec<(f64, f64)> =
            points.iter().copied().filter(|(x, _)| *x * 10.0 >= last * 0.999).collect();
        Self::through(&end)
    }

    pub(crate) fn at(&self, x: f64) -> f64 {
        self.factor * x.powf(self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const XS: [f64; 7] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0];

    fn check(exponent: f64) {
        // A hundredth of noise, the same in every run of the test.
        let points = XS.map(|x| (x, 2.5 * x.powf(exponent) * (1.0 + 0.01 * (x * 7.0).sin())));
        let fit = Fit::through(&points).unwrap();
        assert!((fit.exponent - exponent).abs() < 0.01, "{exponent}: {fit:?}");
        assert!((fit.factor / 2.5 - 1.0).abs() < 0.02, "{exponent}: {fit:?}");
        assert!(exponent < 0.5 || fit.explained > 0.999, "{exponent}: {fit:?}");
        assert!((fit.at(50.0) / (2.5 * 50f64.powf(exponent)) - 1.0).abs() < 0.05);
    }

    #[test]
    fn an_exponent_is_recovered_from_points_that_have_it() {
        for exponent in [0.0, 0.5, 1.0, 1.5, 2.0] {
            check(exponent);
        }
    }

    #[test]
    fn what_grows_behind_what_does_not_shows_at_the_end() {
        let points = XS.map(|x| (x, 100.0 + x * 2.0));
        assert!(Fit::through(&points).unwrap().exponent < 0.5);
        assert!(Fit::at_the_end(&points).unwrap().exponent > 0.75);
    }

    #[test]
    fn nothing_is_fitted_through_too_little() {
        assert_eq!(Fit::through(&[(1.0, 1.0)]), None);
        assert_eq!(Fit::through(&[(2.0, 1.0), (2.0, 3.0)]), None);
        assert_eq!(Fit::through(&[(0.0, 1.0), (2.0, 3.0)]), None);
    }
}
