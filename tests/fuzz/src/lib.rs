//! Fuzz targets: what each does with one input, and what must hold then. `targets/` hands them to
//! libFuzzer; the tests of this crate run them over the corpus without it. `cargo xtask fuzz` does the
//! rest.
//!
//! A target panics when a promise is broken. The inputs of `output` and `imports` are structures by
//! `arbitrary`; those of `component`, `manifest` and `case` are what an author would upload or write.

#[macro_use]
mod made;

pub mod case;
pub mod component;
pub mod imports;
pub mod manifest;
pub mod output;
mod puppet;
mod sections;
mod text;
mod world;

/// What a target does with an input.
pub type Target = fn(&[u8]);

/// All targets, by the names of their folders in `corpus/`.
pub const TARGETS: [(&str, Target); 5] = [
    ("case", case::run),
    ("component", component::run),
    ("imports", imports::run),
    ("manifest", manifest::run),
    ("output", output::run),
];

/// Makes inputs like those that there are; a size is given back.
pub use sections::mutate;
