//! Where a value lies on an axis, and which values are written beside it.

/// From a value to a place; by its logarithm, because what we draw is over decades.
pub(super) struct Logarithmic {
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Logarithmic {
    /// An axis on which all values fit, from one place to another.
    pub(super) fn around(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0f64);
        for value in values.filter(|value| *value > 0.0) {
            (least, most) = (least.min(value), most.max(value));
        }
        if !least.is_finite() {
            (least, most) = (1.0, 10.0);
        }
        Self { least, most, from, to }
    }

    /// The same with room at its ends, and a decade at least, so that noise does not look like a mountain.
    pub(super) fn with_room(mut self) -> Self {
        (self.least, self.most) = (self.least / 1.3, self.most * 1.3);
        let short = (10.0 * self.least / self.most).max(1.0).sqrt();
        (self.least, self.most) = (self.least / short, self.most * short);
        self
    }

    pub(super) fn place(&self, value: f64) -> f64 {
        let share = (value / self.least).ln() / (self.most / self.least).ln().max(f64::EPSILON);
        self.from + share * (self.to - self.from)
    }

    /// Powers of ten; where there are few of them, also what is between.
    pub(super) fn marks(&self) -> Vec<f64> {
        let (first, last) = (self.least.log10().floor() as i32, self.most.log10().ceil() as i32);
        let steps: &[f64] = if self.most / self.least > 500.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let all = (first..=last).flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)));
        all.filter(|mark| *mark >= self.least * 0.999 && *mark <= self.most * 1.001).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decades_are_as_far_apart_as_each_other() {
        let axis = Logarithmic::around([1.0, 1_000.0].into_iter(), 0.0, 300.0);
        assert_eq!(
            [1.0, 10.0, 100.0, 1_000.0].map(|value| axis.place(value).round()),
            [0.0, 100.0, 200.0, 300.0]
        );
        assert_eq!(axis.marks(), [1.0, 10.0, 100.0, 1_000.0]);
    }

    #[test]
    fn noise_is_no_mountain() {
        let axis = Logarithmic::around([9.0, 10.0].into_iter(), 0.0, 100.0).with_room();
        assert!(axis.place(10.0) - axis.place(9.0) < 6.0);
        assert!(axis.marks().len() >= 2);
    }

    #[test]
    fn an_axis_of_nothing_is_one() {
        let axis = Logarithmic::around(std::iter::empty(), 0.0, 100.0).with_room();
        assert!(axis.place(1.0).is_finite());
    }
}
