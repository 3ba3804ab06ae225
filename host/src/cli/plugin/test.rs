//! Runs a component in this process, in the host's own engine with a host's limits, against cases. What
//! a call returns and writes is compared with what the case expects; nothing is stored.

mod given;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::check::{self, Checked};
use super::read_component;
use crate::admission::Holder;
use crate::cli::failure::Failure;
use crate::cli::screen::{Screen, plain, table};
use crate::cli::wait_for;
use crate::model::{AppId, OrgId};
use crate::plugins::case::{self, Case, Difference, Recorded, Tape};
use crate::plugins::{self, Chat, Install, Usage};
use given::Given;

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
pub(super) struct Tried {
    pub name: String,
    pub recorded: Recorded,
    pub differences: Vec<Difference>,
    /// Calls that the instance had served before the call that was recorded.
    pub served: u64,
}

/// Runs all cases; fails if one does not give what it expects.
pub fn run(screen: &mut Screen<'_>, test: &Test) -> Result<(), Failure> {
    let bytes = read_component(&test.file)?;
    let beside = test.file.parent().unwrap_or(Path::new("")).join("cases");
    let named = match test.cases.as_slice() {
        [] => &[beside][..],
        named => named,
    };
    let tried = try_all(screen, &bytes, named)?;
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

/// Makes the calls of all cases in these files and folders.
pub(super) fn try_all(
    screen: &mut Screen<'_>,
    component: &[u8],
    paths: &[PathBuf],
) -> Result<Vec<Tried>, Failure> {
    let cases = read_all(paths)?;
    let checked = check::check(screen, component)?;
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
    wait_for(async {
        let mut tried = Vec::new();
        for (name, case) in cases {
            tried.push(one(&checked, name, case).await?);
        }
        Ok(tried)
    })
}

async fn one(checked: &Checked, name: String, mut case: Case) -> Result<Tried, Failure> {
    let (engine, inspection) = (&checked.engine, &checked.inspection);
    let linked = plugins::link(engine, inspection, case.grants(&inspection.manifest))
        .await
        .map_err(|refusal| Failure::Other(plain(&refusal.detail)))?;
    let nobody = Holder {
        org: OrgId(0),
        app: AppId(0),
    };
    let install = Install::new(engine, &linked, nobody, &name, case.config.clone());
    // An install of its own has counters of its own; they are set before the call.
    let counters = engine.counters(&name);
    for counter in &case.given.counters {
        counters.add(&counter.key, counter.sum, 1, case.context.now_ms);
    }
    let given = Arc::new(Given::new(&inspection.manifest, &case));
    let tape = Arc::new(match case.answers.take() {
        Some(answers) => Tape::playing(given, answers),
        None => Tape::recording(given, usize::MAX),
    });
    let chat: Arc<dyn Chat> = tape.clone();
    let call = plugins::Call {
        install: &install,
        chat: &chat,
        context: &case.context,
    };
    let recorded = tape.end(&case.input.make(call).await);
    Ok(Tried {
        name,
        differences: case.differences(&recorded.outcome),
        recorded,
        served: case.served,
    })
}

/// The cases that are named, by their paths.
fn read_all(named: &[PathBuf]) -> Result<Vec<(PathBuf, String)>, Failure> {
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
    /// Where it differs, and what else may say why, a line each.
    pub fn details(&self) -> String {
        let mut text: String = self.differences.iter().map(lines).collect();
        let line = |what: &str, detail: &str| format!("  {what} {}\n", plain(detail));
        for question in &self.recorded.unknown {
            text.push_str(&line("no answer to", question));
        }
        for logged in &self.recorded.log {
            text.push_str(&line("log", logged));
        }
        if self.served > 0 && !self.differences.is_empty() {
            let detail = format!("an instance that had served {} calls before", self.served);
            text.push_str(&line("recorded in", &detail));
        }
        text
    }

    /// For programs.
    pub fn document(&self) -> Value {
        let Usage {
            cpu_us,
            wall_us,
            memory_peak_bytes,
            host_calls,
        } = self.recorded.usage;
        let differences = self.differences.iter().map(Difference::document);
        json!({
            "name": self.name,
            "ok": self.differences.is_empty(),
            "outcome": self.recorded.brief(),
            "differences": differences.collect::<Vec<_>>(),
            "log": self.recorded.log,
            "unknown": self.recorded.unknown,
            "usage": {
                "cpu_us": cpu_us, "wall_us": wall_us, "memory_peak_bytes": memory_peak_bytes,
                "host_calls": host_calls,
            },
        })
    }
}

/// A difference for people: at most two lines.
fn lines(difference: &Difference) -> String {
    let line = |mark: char, value: &Value| {
        let text = format!("{} = {value}", difference.place);
        format!("  {mark} {}\n", plain(&text))
    };
    let expected = difference.expected.as_ref().map(|value| line('-', value));
    let came = difference.came.as_ref().map(|value| line('+', value));
    expected.into_iter().chain(came).collect()
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
                format!("{} µs", tried.recorded.usage.cpu_us),
                format!("{} KiB", tried.recorded.usage.memory_peak_bytes / 1024),
                tried.recorded.usage.host_calls.to_string(),
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
        text.push_str(&tried.details());
    }
    text
}
