//! From features to a score. The training program measures with this very file.

use super::features::{capitals, pieces, read, traits};
use crate::reveal::Letter;

/// A part this long is scored for itself, so that harmless words around it don't help.
const WINDOW: usize = 160;

/// What was learned: how much each feature speaks for spam.
pub struct Weights<'w> {
    /// A signed byte for each place of a piece.
    pub pieces: &'w [u8],
    /// A signed byte for each place of a trait.
    pub traits: &'w [u8],
    /// What one unit of a weight is worth: of a piece, of a trait.
    pub units: [f32; 2],
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
    let weight = |weights: &[u8], place: usize| {
        let weight = weights.get(place).copied().unwrap_or_default();
        i32::from(weight.cast_signed())
    };
    let (mut sum, mut traits_sum) = (0, 0);
    let count = pieces(part, |place| sum += weight(weights.pieces, place));
    traits(part, capitals, |place| {
        traits_sum += weight(weights.traits, place);
    });
    let [unit, traits_unit] = weights.units;
    let of_pieces = sum as f32 * unit / (count.max(1) as f32).sqrt();
    weights.bias + of_pieces + traits_sum as f32 * traits_unit
}
