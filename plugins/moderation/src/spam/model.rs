//! What the spam score was taught: a linear support vector machine, its weights in
//! single bytes.
//!
//! Made by `cargo run --release -p moderation-train -- spam …`; don't edit.
//!
//! Taught with 3613 ham (3371 that differ) and 567 spam (379 that differ); 36568 lines of chat from 29 days.
//! Labelled messages: SMS Spam Collection v.1, T. Almeida and J. M. Gómez Hidalgo, UCI Machine
//! Learning Repository, CC BY 4.0. Chat: #ubuntu of 2004 to 2017, from J. Kummerfeld et al., “A
//! Large-Scale Corpus for Conversation Disentanglement”, ACL 2019, CC BY 4.0. The weights are learned
//! from them; no text of theirs is in here. Recipe { cost: 10.0, trait_size: 0.1, chat_weight: 0.3, tolerance: 0.05, seed: 1 }.
//!
//! On messages that were not learned from: five parts, stratified, each judged by what was learned from
//! the other four, with thresholds that were chosen within those four by cross-validation in ten
//! parts. Messages that share half of their pairs of words count as one and are always in the same
//! part; a day of chat is in one part. Done anew with messages dealt out in 8 ways: the mean, and
//! from the least to the most.
//!
//! | sensitivity | precision | recall | spam found | ham mistaken | with copies: precision | recall | chat mistaken |
//! | --- | --- | --- | --- | --- | --- | --- | --- |
//! | low | 99.81 (99.7–100.0) % | 88.06 (87.1–89.2) % | 333.8 (330–338) of 379 | 0.6 (0–1) of 3371 | 99.59 (99.4–100.0) % | 90.52 (89.9–91.5) % | 0.1 (0–1) of 36568 |
//! | medium | 98.88 (97.8–99.4) % | 92.84 (91.8–93.9) % | 351.9 (348–356) of 379 | 4.0 (2–8) of 3371 | 98.71 (97.8–99.1) % | 94.38 (93.1–95.8) % | 1.6 (1–3) of 36568 |
//! | high | 95.07 (94.3–96.3) % | 96.04 (95.8–96.3) % | 364.0 (363–365) of 379 | 18.9 (14–22) of 3371 | 95.69 (94.7–96.8) % | 97.27 (97.0–97.5) % | 22.8 (15–30) of 36568 |

use super::score::Weights;

pub static WEIGHTS: Weights<'static> = Weights {
    pieces: include_bytes!("pieces.bin"),
    words: include_bytes!("words.bin"),
    #[rustfmt::skip]
    traits: &[134, 240, 232, 17, 49, 26, 129, 214, 30, 252, 80, 129, 43, 13, 143, 20, 15, 7, 167, 244, 24, 5, 156, 30, 16, 238, 160, 24],
    units: [0.024669107, 0.03519657, 0.010401525],
    bias: -4.6231694,
};

/// From which score on a message counts as spam, by sensitivity.
pub const THRESHOLDS: [f32; 3] = [
    // high
    -4.3291736,
    // medium
    -2.515076,
    // low
    -0.76951957,
];
