//! Commands that ask no host: the settings checked, the operator's key found.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::screen::Screen;
use crate::config::{Config, Faults};
use crate::secrets;

/// Where the settings are.
#[derive(Debug, Default, Args)]
pub struct ConfigFile {
    /// The file with the settings; variables such as ALTHING_SERVER__LISTEN go on top of it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    /// The file named behind the command, or else the one before it.
    pub fn over<'p>(&'p self, before: Option<&'p Path>) -> Option<&'p Path> {
        self.config.as_deref().or(before)
    }
}

/// Which key, and whether to show it.
#[derive(Debug, Args)]
pub struct OperatorKey {
    #[command(flatten)]
    file: ConfigFile,
    /// Print the key itself. Mind who can see the screen
    #[arg(long)]
    show: bool,
}

/// The settings.
pub fn load(path: Option<&Path>) -> Result<Config, Faults> {
    Config::load(path, Config::variables())
}

/// Says `ok`, or every fault.
pub fn check_config(screen: &mut Screen<'_>, path: Option<&Path>) -> Result<(), Failure> {
    let faults = load(path)
        .map(|_| Vec::new())
        .unwrap_or_else(|faults| faults.0);
    if screen.json {
        let list: Vec<_> = faults
            .iter()
            .map(|fault| json!({ "key": fault.key, "text": fault.text, "origin": fault.origin }))
            .collect();
        screen.print_json(&json!({ "ok": faults.is_empty(), "faults": list }))?;
    } else if faults.is_empty() {
        screen.print("ok")?;
    } else {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        screen.print(&lines.join("\n"))?;
    }
    match faults.len() {
        0 => Ok(()),
        1 => Err(Failure::Other("the settings have a fault".into())),
        count => Err(Failure::Other(format!("the settings have {count} faults"))),
    }
}

/// Says where the operator's key is, or what it is.
pub fn operator_key(
    screen: &mut Screen<'_>,
    before: Option<&Path>,
    key: &OperatorKey,
) -> Result<(), Failure> {
    let config =
        load(key.file.over(before)).map_err(|faults| Failure::Other(faults.to_string()))?;
    let path = config.operator_key_file();
    let shown = path.display().to_string();
    let found = secrets::load(&path);
    if key.show {
        let missing = || {
            Failure::Other(format!(
                "{shown} isn't there yet: the host makes it at its first start"
            ))
        };
        let key = found
            .map_err(|error| Failure::Other(error.to_string()))?
            .ok_or_else(missing)?;
        if screen.json {
            screen.print_json(&json!({ "file": shown, "key": key.expose() }))?;
        } else {
            screen.print(key.expose())?;
        }
        return Ok(());
    }
    let exists = !matches!(found, Ok(None));
    screen.show(&json!({ "file": shown, "exists": exists }), || {
        shown.clone()
    })?;
    if screen.json {
        return Ok(());
    }
    let note = match found {
        Ok(Some(_)) => format!("The operator's key is in this file. To use it: --key-file {shown}"),
        Ok(None) => "The file isn't there yet: the host makes it at its first start.".into(),
        Err(error) => format!("The file is there, but: {error}"),
    };
    Ok(screen.note(&note)?)
}
