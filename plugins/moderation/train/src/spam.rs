//! The plugin's own feature and scoring code, by path: what is learned is what is looked up.

#[path = "../../src/spam/features.rs"]
pub mod features;
#[path = "../../src/spam/score.rs"]
pub mod score;
