//! Logistic regression by AdaGrad, and its weights made into single bytes.

use crate::fold::Folded;
use crate::random::Random;
use crate::spam::features::{PIECES, TRAITS, capitals, pieces, read, traits};
use crate::spam::score::Weights;

/// How it is learned. All of it is in the model's header.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    pub rounds: usize,
    pub rate: f64,
    /// How strongly weights are drawn to nothing.
    pub decay: f64,
    /// What a line of chat counts beside a labelled message.
    pub chat_weight: f64,
    pub seed: u64,
}

/// The recipe of the model that is shipped.
pub const RECIPE: Recipe = Recipe {
    rounds: 12,
    rate: 0.3,
    decay: 1e-6,
    chat_weight: 0.3,
    seed: 1,
};

/// A message as features.
pub struct Example {
    features: Vec<(usize, f64)>,
    is_spam: bool,
    weight: f64,
}

impl Example {
    pub fn new(text: &str, is_spam: bool, weight: f64) -> Example {
        let folded = Folded::new(text);
        let read = read(folded.text());
        let mut places = Vec::new();
        let count = pieces(&read, |place| places.push(place));
        places.sort_unstable();
        let share = 1.0 / (count.max(1) as f64).sqrt();
        let mut features: Vec<(usize, f64)> = Vec::new();
        for place in places {
            match features.last_mut() {
                Some((last, value)) if *last == place => *value += share,
                _ => features.push((place, share)),
            }
        }
        traits(&read, capitals(text), |place| {
            features.push((PIECES + place, 1.0))
        });
        Example {
            features,
            is_spam,
            weight,
        }
    }
}

/// What was learned, as it is shipped.
pub struct Model {
    pub pieces: Vec<u8>,
    pub traits: Vec<u8>,
    pub units: [f32; 2],
    pub bias: f32,
}

impl Model {
    pub fn weights(&self) -> Weights<'_> {
        Weights {
            pieces: &self.pieces,
            traits: &self.traits,
            units: self.units,
            bias: self.bias,
        }
    }
}

/// Learns from examples.
pub fn fit(examples: &[&Example], recipe: Recipe) -> Model {
    let mut weights = vec![0.0; PIECES + TRAITS];
    let mut slopes = vec![1e-6; PIECES + TRAITS];
    let (mut bias, mut bias_slope) = (0.0, 1e-6);
    let mut order: Vec<usize> = (0..examples.len()).collect();
    let mut random = Random(recipe.seed);
    for _ in 0..recipe.rounds {
        random.shuffle(&mut order);
        for example in order.iter().map(|at| examples[*at]) {
            let sum: f64 = example
                .features
                .iter()
                .map(|(place, value)| weights[*place] * value)
                .sum();
            let likely = 1.0 / (1.0 + (-(sum + bias)).exp());
            let off = (likely - f64::from(u8::from(example.is_spam))) * example.weight;
            for (place, value) in &example.features {
                let slope = off * value + recipe.decay * weights[*place];
                slopes[*place] += slope * slope;
                weights[*place] -= recipe.rate * slope / f64::sqrt(slopes[*place]);
            }
            bias_slope += off * off;
            bias -= recipe.rate * off / f64::sqrt(bias_slope);
        }
    }
    let (pieces, unit) = quantise(&weights[..PIECES]);
    let (traits, traits_unit) = quantise(&weights[PIECES..]);
    Model {
        pieces,
        traits,
        units: [unit, traits_unit],
        bias: bias as f32,
    }
}

/// Weights as signed bytes, and what one unit is worth. The few largest are cut.
fn quantise(weights: &[f64]) -> (Vec<u8>, f32) {
    let mut sizes: Vec<f64> = weights.iter().map(|weight| weight.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let largest = sizes[(sizes.len() - 1) * 999 / 1000].max(1e-9);
    let unit = largest / 127.0;
    let byte = |weight: &f64| (weight / unit).round().clamp(-127.0, 127.0) as i8;
    let bytes = weights.iter().map(byte).map(i8::cast_unsigned).collect();
    (bytes, unit as f32)
}
