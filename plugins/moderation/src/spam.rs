//! The learned spam score: what was taught (`model`), what it looks at (`features`), and what the
//! score means for a tenant.

mod features;
mod model;
mod score;

use serde::Deserialize;

use crate::judge::Reading;

/// How easily a message is taken for spam. `docs/plugins/moderation.md` says what each costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    High,
    Medium,
    Low,
}

impl Sensitivity {
    /// The lowest score that counts as spam, of 100.
    pub fn points(self) -> u32 {
        points(model::THRESHOLDS[self as usize])
    }
}

/// How much a message looks like spam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score(f32);

impl Score {
    /// That of a text.
    pub fn of(original: &str, reading: &Reading) -> Score {
        Score(score::score(
            &model::WEIGHTS,
            original,
            reading.folded.text(),
            reading.revealed.as_deref(),
        ))
    }

    /// The least sensitive level at which it counts as spam.
    pub fn level(self) -> Option<Sensitivity> {
        [Sensitivity::Low, Sensitivity::Medium, Sensitivity::High]
            .into_iter()
            .find(|level| self.0 >= model::THRESHOLDS[*level as usize])
    }

    /// For people: 0 to 100, of which 90 counts as spam at the lowest sensitivity.
    pub fn points(self) -> u32 {
        points(self.0)
    }
}

fn points(score: f32) -> u32 {
    let above = score - model::THRESHOLDS[Sensitivity::Low as usize] + 9_f32.ln();
    (100.0 / (1.0 + (-above).exp())).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_that_the_guide_names() {
        let guide = include_str!("../../../docs/plugins/moderation.md");
        for (name, level) in [
            ("low", Sensitivity::Low),
            ("medium", Sensitivity::Medium),
            ("high", Sensitivity::High),
        ] {
            let row = format!("| `{name}` | {} |", level.points());
            assert!(guide.contains(&row), "{row}");
        }
    }
}
