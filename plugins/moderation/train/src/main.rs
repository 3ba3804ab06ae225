//! Learns the moderation plugin's spam score and makes its table of look-alikes.
//!
//! `cargo run --release -p moderation-train -- spam <labelled.tsv> <folder of chat logs>` writes
//! `src/spam/model.rs`, `pieces.bin` and `words.bin` of the plugin; the same arguments give the same bytes.
//! `cargo run --release -p moderation-train -- lookalikes` writes `src/lookalikes.rs`.
//!
//! The labelled file has lines of `ham` or `spam`, a tab, and a text: the SMS Spam Collection. The logs
//! have lines of `[12:00] <nick> text`: days of an IRC channel, all of it taken for ham.

mod data;
mod fit;
#[path = "../../src/fold.rs"]
mod fold;
#[path = "../../src/lookalikes.rs"]
mod lookalikes;
mod make_lookalikes;
mod measure;
mod outcome;
mod random;
#[path = "../../src/reveal.rs"]
mod reveal;
mod spam;
mod write;

use std::path::Path;
use std::process::ExitCode;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../src");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["lookalikes"] => write::file("lookalikes.rs", make_lookalikes::source().as_bytes()),
        ["spam", labelled, chat] => train(Path::new(labelled), Path::new(chat)),
        _ => Err("say `lookalikes`, or `spam <labelled.tsv> <folder of chat logs>`".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn train(labelled: &Path, chat: &Path) -> Result<(), String> {
    let corpus = data::Corpus::read(labelled, chat)?;
    println!("{}", corpus.describe());
    println!("Judging unseen messages, each level chosen without them …");
    let honest = measure::nested(&corpus);
    println!("{}", outcome::table(&honest));
    println!("Choosing the levels …");
    let judged = measure::cross_validate(&corpus, measure::SEEDS);
    let times = measure::stretch(&judged);
    let thresholds = measure::thresholds(&judged).map(|threshold| threshold * times);
    println!("Learning from everything …");
    let model = fit::fit(&corpus.examples(), fit::RECIPE).stretched(times);
    let about = write::About {
        corpus: corpus.describe(),
        table: outcome::table(&honest),
        deals: honest.len(),
        thresholds,
    };
    write::model(&about, &model)
}
