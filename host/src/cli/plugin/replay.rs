//! A recorded call, made again in this process by some version of the plugin: the clock, the seed and
//! every answer of the host are those of the recording. Says whether the same comes of it.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::read_component;
use super::test::{self, Tried};
use crate::cli::failure::Failure;
use crate::cli::screen::{Screen, plain, table};

/// What to make again, and by which version.
#[derive(Debug, Args)]
pub struct Replay {
    /// Recorded calls, or folders of them
    #[arg(value_name = "CASE", required = true)]
    cases: Vec<PathBuf>,
    /// The component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
}

/// Makes the calls; fails if something else comes of one.
pub fn run(screen: &mut Screen<'_>, replay: &Replay) -> Result<(), Failure> {
    let bytes = read_component(&replay.file)?;
    let tried = test::try_all(screen, &bytes, &replay.cases)?;
    let others = tried.iter().filter(|tried| !is_same(tried)).count();
    let documents: Vec<_> = tried
        .iter()
        .map(|tried| {
            let mut document = tried.document();
            document["ok"] = is_same(tried).into();
            document
        })
        .collect();
    let document = json!({ "ok": others == 0, "cases": documents });
    screen.show(&document, || page(&tried))?;
    match others {
        0 => Ok(()),
        1 => Err(Failure::Other("one call comes out differently".into())),
        _ => Err(Failure::Other(format!(
            "{others} calls come out differently"
        ))),
    }
}

/// Of a call that asked what nobody knows the answer to, the outcome says nothing.
fn is_same(tried: &Tried) -> bool {
    tried.differences.is_empty() && tried.recorded.unknown.is_empty()
}

fn page(tried: &[Tried]) -> String {
    let rows: Vec<_> = tried
        .iter()
        .map(|tried| {
            let word = match is_same(tried) {
                true => "same output",
                false => "DIFFERS",
            };
            [tried.name.clone(), word.to_owned()]
        })
        .collect();
    let mut text = table(0, &rows);
    for tried in tried.iter().filter(|tried| !is_same(tried)) {
        let name = plain(&tried.name);
        text.push_str(&format!("\n{name}: - recorded, + what came now\n"));
        text.push_str(&tried.details());
    }
    text
}
