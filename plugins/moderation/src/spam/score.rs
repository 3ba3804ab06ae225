//! From features to a score. The training program measures with this very file.

use super::features::{PIECES, TRAITS, WORDS, capitals, pieces, read, traits, words};
use crate::reveal::Letter;

/// A part this long is scored for itself, so that harmless words around it don't help.
const WINDOW: usize = 160;

/// What was learned: how much each feature speaks for spam.
pub struct Weights<'w> {
    /// A signed byte for each place of a piece.
    pub pieces: &'w [u8; PIECES],
    /// A signed byte for each place of a word.
    pub words: &'w [u8; WORDS],
    /// A signed byte for each place of a trait.
    pub traits: &'w [u8; TRAITS],
    /// What one unit of a weight is worth: of a piece, of a word, of a trait.
    pub units: [f32; 3],
    /// What speaks for spam before anything was seen.
    pub bias: f32,
}

/// How much a message looks like spam: as it is written, and as it is meant where letters were
/// disguised; the higher of the two.
pub fn score(
    weights: &Weights<'_>,
    original: &str,
    folded: &str,
    revealed: Option<&[Letter]>,
) -> f32 {
    let capitals = capitals(original);
    let written = score_text(weights, folded, capitals);
    match revealed {
        Some(letters) if letters.iter().any(|letter| letter.hidden) => {
            let meant: String = letters.iter().map(|letter| letter.char).collect();
            written.max(score_text(weights, &meant, capitals))
        }
        _ => written,
    }
}

/// The highest score of a text and of its parts.
fn score_text(weights: &Weights<'_>, text: &str, capitals: [usize; 2]) -> f32 {
    let read = read(text);
    let whole = score_part(weights, &read, capitals);
    let step = WINDOW / 2;
    if read.len() <= WINDOW + step {
        return whole;
    }
    (0..read.len() - step)
        .step_by(step)
        .map(|start| &read[start..read.len().min(start + WINDOW)])
        .map(|part| score_part(weights, part, capitals))
        .fold(whole, f32::max)
}

fn score_part(weights: &Weights<'_>, part: &[u8], capitals: [usize; 2]) -> f32 {
    let (mut of_pieces, mut of_words, mut of_traits) = (0, 0, 0);
    let weight = |byte: u8| i32::from(byte.cast_signed());
    let pieces = pieces(part, |place| of_pieces += weight(weights.pieces[place]));
    let words = words(part, |place| of_words += weight(weights.words[place]));
    traits(part, capitals, |place| {
        of_traits += weight(weights.traits[place]);
    });
    // Of a longer text there is more to add up; the root keeps it from deciding by its length.
    let mean = |sum: i32, count: usize| sum as f32 / (count.max(1) as f32).sqrt();
    let [piece, word, of_trait] = weights.units;
    weights.bias
        + mean(of_pieces, pieces) * piece
        + mean(of_words, words) * word
        + of_traits as f32 * of_trait
}
