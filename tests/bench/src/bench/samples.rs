//! What several rounds gave.

use serde::Serialize;

/// The results of rounds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Samples(pub Vec<f64>);

impl Samples {
    /// Adds a round's result.
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The one in the middle.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[odd / 2],
            even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
        }
    }

    /// How far the rounds are apart, as a share of the median.
    pub fn spread(&self) -> f64 {
        let (min, max) = self
            .0
            .iter()
            .fold((f64::MAX, f64::MIN), |(min, max), value| {
                (min.min(*value), max.max(*value))
            });
        (max - min) / self.median()
    }
}

/// Of values in any order, the one that `share` of them don't exceed.
pub fn percentile(values: &mut [u32], share: f64) -> f64 {
    values.sort_unstable();
    let at = ((values.len() as f64 * share).ceil() as usize).clamp(1, values.len().max(1));
    values
        .get(at - 1)
        .map_or(f64::NAN, |value| f64::from(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles() {
        assert_eq!(Samples(vec![3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(Samples(vec![4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert_eq!(Samples(vec![1.0, 2.0, 3.0]).spread(), 1.0);
        let mut values: Vec<u32> = (1..=100).rev().collect();
        assert_eq!(percentile(&mut values, 0.5), 50.0);
        assert_eq!(percentile(&mut values, 0.99), 99.0);
        assert!(percentile(&mut [], 0.5).is_nan());
    }
}
