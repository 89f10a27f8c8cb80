//! Statistics: what many measurements of one thing say. Pure.

/// Measurements of one thing, in ascending order; never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// The measurements, unless there are none.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        (!values.is_empty()).then_some(Self(values))
    }

    /// The measurements in ascending order.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The smallest value that this share (0 to 1) of the measurements does not exceed.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a length is one of its positions"
    )]
    pub fn quantile(&self, share: f64) -> f64 {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1]
    }

    /// The value in the middle; of an even number the mean of the two there.
    #[must_use]
    pub fn median(&self) -> f64 {
        let half = self.0.len() / 2;
        match self.0.len() % 2 {
            0 => f64::midpoint(self.0[half - 1], self.0[half]),
            _ => self.0[half],
        }
    }

    /// Where nine of ten measurements lie, the outermost twentieths left out.
    #[must_use]
    pub fn spread(&self) -> (f64, f64) {
        (self.quantile(0.05), self.quantile(0.95))
    }
}

/// What of a sample is the figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The value in the middle.
    Median,
    /// What 99 of 100 do not exceed.
    P99,
}

impl Statistic {
    /// The figure.
    #[must_use]
    pub fn of(self, sample: &Sample) -> f64 {
        match self {
            Self::Median => sample.median(),
            Self::P99 => sample.quantile(0.99),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Median => "median",
            Self::P99 => "p99",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let hundred = Sample::of((1..=100).rev().map(f64::from).collect()).unwrap();
        assert_eq!(hundred.values()[0], 1.0);
        assert_eq!(hundred.quantile(0.99), 99.0);
        assert_eq!(hundred.quantile(1.0), 100.0);
        assert_eq!(hundred.quantile(0.0), 1.0);
        assert_eq!(hundred.spread(), (5.0, 95.0));
        assert_eq!(hundred.median(), 50.5);
        assert_eq!(Statistic::P99.of(&hundred), 99.0);
    }

    #[test]
    fn few_measurements_are_enough_and_none_are_not() {
        assert_eq!(Sample::of(Vec::new()), None);
        let one = Sample::of(vec![2.5]).unwrap();
        assert_eq!((one.median(), one.quantile(0.99), one.spread()), (2.5, 2.5, (2.5, 2.5)));
        assert_eq!(Sample::of(vec![3.0, 1.0, 9.0]).unwrap().median(), 3.0);
    }
}
