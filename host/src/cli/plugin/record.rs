//! Calls recorded on a host: switched on, listed, and saved as cases.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::KEY;
use crate::cli::answers::{self, RecordedCall, RecordedCalls, Recording};
use crate::cli::client::{Body, Client, Connection};
use crate::cli::failure::Failure;
use crate::cli::keys::id;
use crate::cli::screen::{Screen, plain, table};
use crate::plugins::case;

/// For how long calls are to be recorded.
#[derive(Debug, Args)]
pub struct Record {
    /// The plugin's name
    #[arg(value_parser = id)]
    name: String,
    /// How long, such as 30s, 10m or 2h; left out, as long as the host does by itself
    #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
    for_s: Option<u64>,
    /// Stop recording
    #[arg(long, conflicts_with = "for_s")]
    stop: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Which recorded calls.
#[derive(Debug, Args)]
pub struct Calls {
    /// The plugin's name
    #[arg(value_parser = id)]
    name: String,
    /// Those of this hook
    #[arg(long, value_name = "HOOK")]
    hook: Option<String>,
    /// Those that ended in a fault
    #[arg(long)]
    faults: bool,
    /// Write all of them into this folder, a case each
    #[arg(long, value_name = "FOLDER")]
    save: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

/// A time in words, in seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("is a number with s, m or h behind it, such as 10m".into()),
    };
    let number: u64 = number.parse().map_err(|_| "has no number")?;
    number.checked_mul(unit).ok_or_else(|| "is too long".into())
}

/// Switches recording on or off.
pub async fn record(screen: &mut Screen<'_>, record: &Record) -> Result<(), Failure> {
    let client = record.connection.open(screen, KEY)?;
    let (name, path) = (&record.name, ["plugins", record.name.as_str(), "recording"]);
    if record.stop {
        client.send(Method::DELETE, &path, Body::Empty).await?;
        return Ok(screen.note(&format!("Calls of {name} are no longer recorded."))?);
    }
    let body = Body::Json(json!({ "for_s": record.for_s }));
    let answer = client.send(Method::PUT, &path, body).await?;
    let recording: Recording = answers::read(&answer)?;
    let until = recording.until.unwrap_or_default();
    screen.show(&answer, || {
        format!("Calls of {name} are recorded until {}", plain(&until))
    })?;
    if !screen.json {
        let hint =
            format!("They hold what people write. To see them:\n  althing plugin calls {name}");
        screen.note(&hint)?;
    }
    Ok(())
}

/// Lists recorded calls, or saves them.
pub async fn calls(screen: &mut Screen<'_>, calls: &Calls) -> Result<(), Failure> {
    let client = calls.connection.open(screen, KEY)?;
    if let Some(folder) = &calls.save {
        return save(screen, &client, calls, folder).await;
    }
    let answer = page(&client, calls, None).await?;
    let page: RecordedCalls = answers::read(&answer)?;
    let head = [
        "CALL",
        "AT",
        "HOOK",
        "USER",
        "CHANNEL",
        "CAME",
        "CPU",
        "HOST CALLS",
    ];
    let rows = page.calls.iter().map(|call| {
        [
            call.id.clone(),
            call.at.clone(),
            format!("{} {}", call.hook, call.function),
            call.user_id.clone().unwrap_or_default(),
            call.channel_id.clone().unwrap_or_default(),
            call.outcome.clone(),
            format!("{} µs", call.cpu_us),
            call.host_calls.to_string(),
        ]
    });
    let rows: Vec<_> = std::iter::once(head.map(str::to_owned))
        .chain(rows)
        .collect();
    screen.show(&answer, || table(0, &rows))?;
    if page.calls.is_empty() && !screen.json {
        let name = &calls.name;
        let hint =
            format!("None is recorded. To record some:\n  althing plugin record {name} --for 10m");
        screen.note(&hint)?;
    } else if page.next.is_some() && !screen.json {
        screen.note("These are the newest. With --save you get all.")?;
    }
    Ok(())
}

async fn page(client: &Client, calls: &Calls, next: Option<&str>) -> Result<Value, Failure> {
    let mut query = Vec::new();
    query.extend(calls.hook.as_deref().map(|hook| ("hook", hook)));
    query.extend(calls.faults.then_some(("faults", "true")));
    query.extend(next.map(|next| ("next", next)));
    client.get(&["plugins", &calls.name, "calls"], &query).await
}

async fn save(
    screen: &mut Screen<'_>,
    client: &Client,
    calls: &Calls,
    folder: &Path,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let shown = plain(&folder.display().to_string());
        Failure::Other(format!("{shown}: can't be written: {error}"))
    };
    // What people wrote is for nobody else on this machine.
    let mut maker = fs::DirBuilder::new();
    maker
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    let (mut saved, mut next) = (Vec::new(), None);
    loop {
        let answer = page(client, calls, next.as_deref()).await?;
        let page: RecordedCalls = answers::read(&answer)?;
        for call in &page.calls {
            let path = ["plugins", &calls.name, "calls", &call.id];
            let case = match client.get(&path, &[]).await {
                Ok(case) => case,
                // The oldest go while new ones come.
                Err(Failure::Problem(problem)) if problem.code == "not_found" => continue,
                Err(failure) => return Err(failure),
            };
            let text = case::pretty(&case.to_string()).map_err(|error| {
                Failure::Other(format!("{}: no case: {error}", plain(&call.id)))
            })?;
            let path = folder.join(file_name(call));
            write(&path, &text).map_err(failed)?;
            saved.push(path.display().to_string());
        }
        let before = next;
        next = page.next;
        if next.is_none() || next == before {
            break;
        }
    }
    let (count, shown) = (saved.len(), plain(&folder.display().to_string()));
    screen.show(&json!({ "saved": saved }), || {
        format!("Saved {count} calls in {shown}")
    })?;
    Ok(())
}

/// The newest comes last, as the ids have it.
fn file_name(call: &RecordedCall) -> String {
    let name = format!("{}-{}-{}.json", call.id, call.hook, call.function);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.chars().filter(|c| is_plain(*c)).collect()
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_are_read() {
        assert_eq!(seconds("30s"), Ok(30));
        assert_eq!(seconds("10m"), Ok(600));
        assert_eq!(seconds("2h"), Ok(7200));
        for bad in [
            "",
            "10",
            "m",
            "-1m",
            "1.5h",
            "10 m",
            "99999999999999999999s",
            "9999999999999999999h",
        ] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
