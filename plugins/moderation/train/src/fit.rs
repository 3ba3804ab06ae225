//! A linear support vector machine by dual coordinate descent, and its weights made into single bytes.
//!
//! Of all weights that tell spam from ham it finds those that leave the widest gap between them: what
//! is learned hangs on the few messages that are hard to tell, not on the many that are easy.

use crate::fold::Folded;
use crate::random::Random;
use crate::spam::features::{PIECES, TRAITS, WORDS, capitals, pieces, read, traits, words};
use crate::spam::score::Weights;

/// How it is learned. All of it is in the model's header.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// What a message on the wrong side costs, beside wide weights.
    pub cost: f64,
    /// What a trait measures, where all pieces measure 1 together and all words as well. What measures
    /// more is believed more.
    pub trait_size: f64,
    /// What a line of chat counts beside a labelled message.
    pub chat_weight: f64,
    /// How far a message may be from where it belongs when learning ends.
    pub tolerance: f64,
    pub seed: u64,
}

/// The recipe of the model that is shipped.
pub const RECIPE: Recipe = Recipe {
    cost: 10.0,
    trait_size: 0.1,
    chat_weight: 0.3,
    tolerance: 0.05,
    seed: 1,
};
/// Learning ends after so many looks at everything, come what may.
const ROUNDS_MAX: usize = 100;
/// How often the hard messages are gone through between two looks at everything.
const ROUNDS_OF_HARD: usize = 10;
/// Where words, traits and the bias stand among the weights: behind pieces.
const FIRST_WORD: usize = PIECES;
const FIRST_TRAIT: usize = FIRST_WORD + WORDS;
const BIAS: usize = FIRST_TRAIT + TRAITS;
const BIAS_SIZE: f64 = 0.25;

/// A message as features.
pub struct Example {
    /// Places among the weights that count alike, and what each of them measures.
    features: [(Vec<u32>, f64); 4],
    is_spam: bool,
    weight: f64,
}

impl Example {
    pub fn new(text: &str, is_spam: bool, weight: f64) -> Example {
        let folded = Folded::new(text);
        let read = read(folded.text());
        let (mut of_pieces, mut of_words, mut of_traits) = (Vec::new(), Vec::new(), Vec::new());
        pieces(&read, |place| of_pieces.push(place as u32));
        words(&read, |place| of_words.push((FIRST_WORD + place) as u32));
        traits(&read, capitals(text), |place| {
            of_traits.push((FIRST_TRAIT + place) as u32);
        });
        let mean = |places: &[u32]| 1.0 / (places.len().max(1) as f64).sqrt();
        let (piece, word) = (mean(&of_pieces), mean(&of_words));
        Example {
            features: [
                (of_pieces, piece),
                (of_words, word),
                (of_traits, RECIPE.trait_size),
                (vec![BIAS as u32], BIAS_SIZE),
            ],
            is_spam,
            weight,
        }
    }

    /// The square of its length.
    fn square(&self) -> f64 {
        let features = self.features.iter();
        features
            .map(|(places, size)| places.len() as f64 * size * size)
            .sum()
    }

    fn side(&self) -> f64 {
        if self.is_spam { 1.0 } else { -1.0 }
    }

    fn score(&self, weights: &[f64]) -> f64 {
        let sum = |places: &[u32]| -> f64 { places.iter().map(|at| weights[*at as usize]).sum() };
        let features = self.features.iter();
        features.map(|(places, size)| sum(places) * size).sum()
    }

    /// Draws the weights towards its side.
    fn pull(&self, weights: &mut [f64], by: f64) {
        for (places, size) in &self.features {
            for place in places {
                weights[*place as usize] += by * size * self.side();
            }
        }
    }
}

/// What was learned, as it is shipped.
pub struct Model {
    pub pieces: [u8; PIECES],
    pub words: [u8; WORDS],
    pub traits: [u8; TRAITS],
    pub units: [f32; 3],
    pub bias: f32,
}

impl Model {
    pub fn weights(&self) -> Weights<'_> {
        Weights {
            pieces: &self.pieces,
            words: &self.words,
            traits: &self.traits,
            units: self.units,
            bias: self.bias,
        }
    }

    /// The same with every score so many times as large.
    pub fn stretched(self, times: f32) -> Model {
        Model {
            units: self.units.map(|unit| unit * times),
            bias: self.bias * times,
            ..self
        }
    }
}

/// Learns from examples.
pub fn fit(examples: &[&Example], recipe: Recipe) -> Model {
    let mut weights = vec![0.0; BIAS + 1];
    let mut pulls = vec![0.0; examples.len()];
    let mut random = Random(recipe.seed);
    // Sets how strongly an example pulls to what is best while the others stay. Gives by how far it
    // was off.
    let mut settle = |at: usize, pulls: &mut [f64]| {
        let example = examples[at];
        let give = 1.0 / (2.0 * recipe.cost * example.weight);
        let slope = example.side() * example.score(&weights) - 1.0 + give * pulls[at];
        let before = pulls[at];
        if before == 0.0 && slope >= 0.0 {
            return 0.0;
        }
        pulls[at] = f64::max(before - slope / (example.square() + give), 0.0);
        example.pull(&mut weights, pulls[at] - before);
        slope.abs()
    };
    let mut all: Vec<usize> = (0..examples.len()).collect();
    for _ in 0..ROUNDS_MAX {
        random.shuffle(&mut all);
        let off = all
            .iter()
            .map(|at| settle(*at, &mut pulls))
            .fold(0.0, f64::max);
        if off < recipe.tolerance {
            break;
        }
        let mut hard: Vec<usize> = (0..examples.len()).filter(|at| pulls[*at] > 0.0).collect();
        for _ in 0..ROUNDS_OF_HARD {
            random.shuffle(&mut hard);
            for at in &hard {
                settle(*at, &mut pulls);
            }
        }
    }
    let (pieces, piece) = quantise(&weights[..FIRST_WORD]);
    let (words, word) = quantise(&weights[FIRST_WORD..FIRST_TRAIT]);
    let (traits, of_trait) = quantise(&weights[FIRST_TRAIT..BIAS]);
    let units = [piece, word, of_trait * recipe.trait_size];
    Model {
        pieces,
        words,
        traits,
        units: units.map(|unit| unit as f32),
        bias: (weights[BIAS] * BIAS_SIZE) as f32,
    }
}

/// Weights as signed bytes, and what one unit is worth. The few largest are cut.
fn quantise<const N: usize>(weights: &[f64]) -> ([u8; N], f64) {
    let mut sizes: Vec<f64> = weights.iter().map(|weight| weight.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let largest = sizes[(sizes.len() - 1) * 999 / 1000].max(1e-9);
    let unit = largest / 127.0;
    let byte = |weight: f64| (weight / unit).round().clamp(-127.0, 127.0) as i8;
    (
        std::array::from_fn(|at| byte(weights[at]).cast_unsigned()),
        unit,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spam::score::score;

    #[test]
    fn what_is_learned_tells_spam_from_ham() {
        let example = |(text, is_spam): &(&str, bool)| Example::new(text, *is_spam, 1.0);
        let known = [
            ("win a cash prize now", true),
            ("claim your prize", true),
            ("are you at home now", false),
            ("see you there", false),
        ];
        let examples = known.each_ref().map(example);
        let model = fit(&examples.each_ref(), RECIPE);
        let score = |model: &Model, text: &str| score(&model.weights(), text, text, None);
        for (text, is_spam) in known {
            assert_eq!(score(&model, text) > 0.0, is_spam, "{text}");
        }
        assert!(score(&model, "a prize to claim") > score(&model, "are you there"));
        let once = score(&model, "claim");
        let thrice = score(&model.stretched(3.0), "claim");
        assert!((thrice - 3.0 * once).abs() < 1e-4);
    }
}
