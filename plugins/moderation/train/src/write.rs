//! Writes what was made into the plugin's sources.

use std::fs;

use crate::SOURCES;
use crate::fit::{Model, RECIPE};
use crate::measure::LEVELS;

/// What is to be said about a model.
pub struct About {
    pub corpus: String,
    pub table: String,
    /// In how many ways messages were dealt out for it.
    pub deals: usize,
    pub thresholds: [f32; 3],
}

/// Writes a file of the plugin's sources.
pub fn file(name: &str, bytes: &[u8]) -> Result<(), String> {
    let path = format!("{SOURCES}/{name}");
    fs::write(&path, bytes).map_err(|error| format!("{path}: {error}"))
}

/// Writes a model, with where it comes from and how good it is.
pub fn model(about: &About, model: &Model) -> Result<(), String> {
    let table = about.table.replace('\n', "\n//! ");
    let levels: String = LEVELS
        .iter()
        .zip(about.thresholds)
        .rev()
        .map(|(level, threshold)| format!("    // {}\n    {threshold:?},\n", level.name))
        .collect();
    let traits: Vec<String> = model.traits.iter().map(u8::to_string).collect();
    let source = format!(
        "\
//! What the spam score was taught: a linear support vector machine, its weights in
//! single bytes.
//!
//! Made by `cargo run --release -p moderation-train -- spam …`; don't edit.
//!
//! Taught with {corpus}.
//! Labelled messages: SMS Spam Collection v.1, T. Almeida and J. M. Gómez Hidalgo, UCI Machine
//! Learning Repository, CC BY 4.0. Chat: #ubuntu of 2004 to 2017, from J. Kummerfeld et al., “A
//! Large-Scale Corpus for Conversation Disentanglement”, ACL 2019, CC BY 4.0. The weights are learned
//! from them; no text of theirs is in here. {recipe:?}.
//!
//! On messages that were not learned from: five parts, stratified, each judged by what was learned from
//! the other four, with thresholds that were chosen within those four by cross-validation in ten
//! parts. Messages that share half of their pairs of words count as one and are always in the same
//! part; a day of chat is in one part. Done anew with messages dealt out in {deals} ways: the mean, and
//! from the least to the most.
//!
//! {table}

use super::score::Weights;

pub static WEIGHTS: Weights<'static> = Weights {{
    pieces: include_bytes!(\"pieces.bin\"),
    words: include_bytes!(\"words.bin\"),
    #[rustfmt::skip]
    traits: &[{traits}],
    units: {units:?},
    bias: {bias:?},
}};

/// From which score on a message counts as spam, by sensitivity.
pub const THRESHOLDS: [f32; 3] = [
{levels}];
",
        corpus = about.corpus,
        deals = about.deals,
        recipe = RECIPE,
        traits = traits.join(", "),
        units = model.units,
        bias = model.bias,
    );
    file("spam/pieces.bin", &model.pieces)?;
    file("spam/words.bin", &model.words)?;
    file("spam/model.rs", source.as_bytes())
}
