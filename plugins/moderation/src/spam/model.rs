//! What the spam score was taught: logistic regression, its weights in single bytes.
//!
//! Made by `cargo run --release -p moderation-train -- spam …`; don't edit.
//!
//! Taught on 2026-11-27 with 3613 ham (3371 that differ) and 567 spam (379 that differ); 36568 lines of chat from 29 days.
//! Labelled messages: SMS Spam Collection v.1, T. Almeida and J. M. Gómez Hidalgo, UCI Machine
//! Learning Repository, CC BY 4.0. Chat: #ubuntu of 2004 to 2017, from J. Kummerfeld et al., “A
//! Large-Scale Corpus for Conversation Disentanglement”, ACL 2019, CC BY 4.0. The weights are learned
//! from them; no text of theirs is in here. Recipe { rounds: 12, rate: 0.3, decay: 1e-6, chat_weight: 0.3, seed: 1 }.
//!
//! On messages that were not learned from: five parts, stratified, each judged by what was learned from
//! the other four, with thresholds that were chosen within those four by cross-validation in ten
//! parts. Messages that share half of their pairs of words count as one and are always in the same
//! part; a day of chat is in one part.
//!
//! | sensitivity | precision | recall | spam found | ham mistaken | with copies: precision | recall | chat mistaken |
//! | --- | --- | --- | --- | --- | --- | --- | --- |
//! | low | 99.38 % | 85.2 % | 323 of 379 | 2 of 3371 | 99.40 % | 88.4 % | 1 of 36568 |
//! | medium | 98.53 % | 88.7 % | 336 of 379 | 5 of 3371 | 98.48 % | 91.4 % | 11 of 36568 |
//! | high | 93.12 % | 92.9 % | 352 of 379 | 26 of 3371 | 94.54 % | 94.7 % | 60 of 36568 |

use super::features::{PIECES, TRAITS};
use super::score::Weights;

static PIECES_LEARNED: [u8; PIECES] = *include_bytes!("model.bin");
#[rustfmt::skip]
static TRAITS_LEARNED: [u8; TRAITS] = [129, 214, 239, 33, 48, 44, 178, 193, 8, 209, 81, 230, 97, 71, 173, 22, 43, 5, 153, 232, 44, 54, 225, 24, 233, 129, 227, 83];

pub static WEIGHTS: Weights<'static> = Weights {
    pieces: &PIECES_LEARNED,
    traits: &TRAITS_LEARNED,
    units: [0.032264046, 0.019143123],
    bias: 0.38456738,
};

/// From which score on a message counts as spam, by sensitivity.
pub const THRESHOLDS: [f32; 3] = [
    // high
    -2.60858,
    // medium
    -0.85261106,
    // low
    0.86049044,
];
