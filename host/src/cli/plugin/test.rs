//! Runs a component in this process, in the host's own engine with a host's limits, against recorded
//! calls. What a call returns and writes is compared with what the case expects; nothing is stored.

mod case;
mod given;
mod outcome;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::check::{self, Checked};
use super::read_component;
use crate::cli::failure::Failure;
use crate::cli::screen::{Screen, plain, table};
use crate::cli::wait_for;
use crate::plugins::{self, Chat, Install, Linked, Usage};
use case::Case;
use given::Given;
use outcome::{Difference, Outcome};

/// More than a case is; it keeps a wrong file from being read whole.
const CASE_BYTES_MAX: u64 = 4 << 20;

/// What to run.
#[derive(Debug, Args)]
pub struct Test {
    /// The component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// Cases, or folders of them; left out, the folder `cases` beside the component
    #[arg(value_name = "CASE")]
    cases: Vec<PathBuf>,
    /// Show what each call took
    #[arg(long)]
    figures: bool,
}

/// What came of one case.
struct Tried {
    name: String,
    outcome: Outcome,
    differences: Vec<Difference>,
    usage: Usage,
}

/// Runs all cases; fails if one does not give what it expects.
pub fn run(screen: &mut Screen<'_>, test: &Test) -> Result<(), Failure> {
    let bytes = read_component(&test.file)?;
    let cases = read_all(test)?;
    let checked = check::check(screen, &bytes)?;
    let manifest = &checked.inspection.manifest;
    // All are read before the first runs: a typo in the last is told at once.
    let cases = cases
        .into_iter()
        .map(|(path, text)| {
            let shown = plain(&path.display().to_string());
            let wrong = |error| Failure::Usage(format!("{shown}: {error}"));
            let case = Case::read(&path, &text, manifest).map_err(wrong)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            Ok((plain(&name), case))
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let tried = wait_for(async {
        let linked = plugins::link(&checked.engine, &checked.inspection, manifest.requested())
            .await
            .map_err(|refusal| Failure::Other(plain(&refusal.detail)))?;
        let mut tried = Vec::new();
        for (name, case) in cases {
            tried.push(one(&checked, &linked, name, case).await);
        }
        Ok(tried)
    })?;
    let failed = tried.iter().filter(|t| !t.differences.is_empty()).count();
    let documents: Vec<_> = tried.iter().map(Tried::document).collect();
    let document = json!({ "ok": failed == 0, "cases": documents });
    screen.show(&document, || page(&tried, test.figures))?;
    match failed {
        0 => Ok(()),
        1 => Err(Failure::Other("one case failed".into())),
        _ => Err(Failure::Other(format!("{failed} cases failed"))),
    }
}

async fn one(checked: &Checked, linked: &Arc<Linked>, name: String, case: Case) -> Tried {
    let engine = &checked.engine;
    let install = Install::new(engine, linked, "app", &name, case.config.clone());
    // An install of its own has counters of its own; they are set before the call.
    let counters = engine.counters(&name);
    for counter in &case.given.counters {
        counters.add(&counter.key, counter.sum, 1, case.context.now_ms);
    }
    let given = Arc::new(Given::new(&checked.inspection.manifest, &case));
    let chat: Arc<dyn Chat> = given.clone();
    let call = plugins::Call {
        install: &install,
        chat: &chat,
        context: &case.context,
    };
    let (outcome, usage) = outcome::of(call, &case.input, &given).await;
    engine.forget_install(&name);
    Tried {
        name,
        differences: outcome::differences(&case.expect, &outcome.document),
        outcome,
        usage,
    }
}

/// The cases that are named, by their paths.
fn read_all(test: &Test) -> Result<Vec<(PathBuf, String)>, Failure> {
    let beside = test.file.parent().unwrap_or(Path::new("")).join("cases");
    let named = match test.cases.as_slice() {
        [] => &[beside][..],
        named => named,
    };
    let unreadable = |path: &Path, error: std::io::Error| {
        let shown = plain(&path.display().to_string());
        Failure::Usage(format!("{shown}: can't be read: {error}"))
    };
    let mut paths = Vec::new();
    for path in named {
        if !path.is_dir() {
            paths.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path).map_err(|error| unreadable(path, error))?;
        let mut found: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| case::is_case(path))
            .collect();
        found.sort();
        if found.is_empty() {
            let shown = plain(&path.display().to_string());
            return Err(Failure::Usage(format!("{shown}: there are no cases")));
        }
        paths.extend(found);
    }
    paths
        .into_iter()
        .map(|path| {
            let size = fs::metadata(&path).map_err(|error| unreadable(&path, error))?;
            if size.len() > CASE_BYTES_MAX {
                let shown = plain(&path.display().to_string());
                let text = format!("{shown}: a case has at most {CASE_BYTES_MAX} bytes");
                return Err(Failure::Usage(text));
            }
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            Ok((path, text))
        })
        .collect()
}

impl Tried {
    fn document(&self) -> Value {
        let Usage {
            cpu_us,
            wall_us,
            memory_peak_bytes,
            host_calls,
        } = self.usage;
        let differences = self.differences.iter().map(Difference::document);
        json!({
            "name": self.name,
            "ok": self.differences.is_empty(),
            "outcome": self.outcome.document,
            "differences": differences.collect::<Vec<_>>(),
            "log": self.outcome.log,
            "usage": {
                "cpu_us": cpu_us, "wall_us": wall_us, "memory_peak_bytes": memory_peak_bytes,
                "host_calls": host_calls,
            },
        })
    }
}

fn page(tried: &[Tried], figures: bool) -> String {
    let head = ["CASE", "", "CPU", "MEMORY", "HOST CALLS"].map(str::to_owned);
    let mut rows: Vec<_> = figures.then_some(head).into_iter().collect();
    rows.extend(tried.iter().map(|tried| {
        let word = if tried.differences.is_empty() {
            "ok"
        } else {
            "FAILED"
        };
        let taken = if figures {
            [
                format!("{} µs", tried.usage.cpu_us),
                format!("{} KiB", tried.usage.memory_peak_bytes / 1024),
                tried.usage.host_calls.to_string(),
            ]
        } else {
            Default::default()
        };
        let [cpu, memory, calls] = taken;
        [tried.name.clone(), word.to_owned(), cpu, memory, calls]
    }));
    let mut text = table(0, &rows);
    for tried in tried.iter().filter(|tried| !tried.differences.is_empty()) {
        text.push_str(&format!(
            "\n{}: - expected, + what came\n",
            plain(&tried.name)
        ));
        for difference in &tried.differences {
            text.push_str(&difference.lines());
        }
        for line in &tried.outcome.log {
            text.push_str(&format!("  log {}\n", plain(line)));
        }
    }
    text
}
