//! Writes what was made into the plugin's sources.

use std::fs;

use crate::SOURCES;
use crate::fit::{Model, RECIPE};
use crate::measure::LEVELS;

/// What is to be said about a model.
pub struct About<'a> {
    pub date: &'a str,
    pub corpus: String,
    pub table: String,
    pub thresholds: [f32; 3],
}

/// Writes a file of the plugin's sources.
pub fn file(name: &str, bytes: &[u8]) -> Result<(), String> {
    let path = format!("{SOURCES}/{name}");
    fs::write(&path, bytes).map_err(|error| format!("{path}: {error}"))
}

/// Writes a model, with where it comes from and how good it is.
pub fn model(about: &About<'_>, model: &Model) -> Result<(), String> {
    let table = about.table.replace('\n', "\n//! ");
    let levels: String = LEVELS
        .iter()
        .zip(about.thresholds)
        .rev()
        .map(|(level, threshold)| format!("    // {}\n    {threshold:?},\n", level.name))
        .collect();
    let traits: Vec<String> = model.traits.iter().map(u8::to_string).collect();
    let [unit, traits_unit] = model.units;
    let source = format!(
        "\
//! What the spam score was taught: logistic regression, its weights in single bytes.
//!
//! Made by `cargo run --release -p moderation-train -- spam …`; don't edit.
//!
//! Taught on {date} with {corpus}.
//! Labelled messages: SMS Spam Collection v.1, T. Almeida and J. M. Gómez Hidalgo, UCI Machine
//! Learning Repository, CC BY 4.0. Chat: #ubuntu of 2004 to 2017, from J. Kummerfeld et al., “A
//! Large-Scale Corpus for Conversation Disentanglement”, ACL 2019, CC BY 4.0. The weights are learned
//! from them; no text of theirs is in here. {recipe:?}.
//!
//! On messages that were not learned from: five parts, stratified, each judged by what was learned from
//! the other four, with thresholds that were chosen within those four by cross-validation in ten
//! parts. Messages that share half of their pairs of words count as one and are always in the same
//! part; a day of chat is in one part.
//!
//! {table}

use super::features::{{PIECES, TRAITS}};
use super::score::Weights;

static PIECES_LEARNED: [u8; PIECES] = *include_bytes!(\"model.bin\");
#[rustfmt::skip]
static TRAITS_LEARNED: [u8; TRAITS] = [{traits}];

pub static WEIGHTS: Weights<'static> = Weights {{
    pieces: &PIECES_LEARNED,
    traits: &TRAITS_LEARNED,
    units: [{unit:?}, {traits_unit:?}],
    bias: {bias:?},
}};

/// From which score on a message counts as spam, by sensitivity.
pub const THRESHOLDS: [f32; 3] = [
{levels}];
",
        date = about.date,
        corpus = about.corpus,
        recipe = RECIPE,
        traits = traits.join(", "),
        bias = model.bias,
    );
    file("spam/model.bin", &model.pieces)?;
    file("spam/model.rs", source.as_bytes())
}
