//! A plugin's settings from the command line: a file, or `--set key=value` on top of what is set.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::cli::failure::Failure;
use crate::plugins::SECRET_BYTES_MAX;

/// More than a host takes as settings.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// One `--set`: where, and what.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    path: Vec<String>,
    value: Value,
}

/// Reads `key=value`. A dot in the key leads into an object. A value that is JSON is that; anything
/// else is a text.
pub fn parse(text: &str) -> Result<Setting, String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    let path: Vec<String> = key.split('.').map(str::to_owned).collect();
    if path.iter().any(String::is_empty) {
        return Err("expected KEY=VALUE, with a key such as `words` or `links.allowed`".into());
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok(Setting { path, value })
}

/// The settings with those of the command line on top.
pub fn apply(mut config: Map<String, Value>, settings: &[Setting]) -> Map<String, Value> {
    for setting in settings {
        put(&mut config, &setting.path, &setting.value);
    }
    config
}

fn put(object: &mut Map<String, Value>, path: &[String], value: &Value) {
    match path {
        [] => {}
        [name] => drop(object.insert(name.clone(), value.clone())),
        [name, rest @ ..] => {
            let inner = object.entry(name.clone()).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Map::new().into();
            }
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

/// One `--secret-file`: which setting, and where its value is.
#[derive(Debug, Clone, PartialEq)]
pub struct SecretFile {
    name: String,
    path: PathBuf,
}

/// Reads `key=file`.
pub fn parse_secret(text: &str) -> Result<SecretFile, String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok(SecretFile {
            name: name.to_owned(),
            path: path.into(),
        }),
        _ => Err("expected KEY=FILE".into()),
    }
}

impl SecretFile {
    /// The setting and what is in the file, without the line break that editors put at its end.
    pub fn read(&self) -> Result<(&str, String), Failure> {
        let shown = self.path.display();
        let refuse = |why: String| Failure::Usage(format!("{shown}: {why}"));
        let failed = |error: std::io::Error| refuse(format!("can't be read: {error}"));
        let size = std::fs::metadata(&self.path).map_err(failed)?.len();
        if size > SECRET_BYTES_MAX as u64 + 2 {
            return Err(refuse(format!(
                "a secret has at most {SECRET_BYTES_MAX} bytes"
            )));
        }
        let text = std::fs::read_to_string(&self.path).map_err(failed)?;
        Ok((&self.name, text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// The settings in a file.
pub fn read(path: &Path) -> Result<Map<String, Value>, Failure> {
    let shown = path.display();
    let refuse = |why: String| Failure::Usage(format!("{shown}: {why}"));
    let failed = |error: std::io::Error| refuse(format!("can't be read: {error}"));
    if std::fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(refuse("is larger than any settings".into()));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(settings)) => Ok(settings),
        Ok(_) => Err(refuse("must be a JSON object".into())),
        Err(error) => Err(refuse(format!("is not JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_json_or_text() {
        let set = |text| parse(text).unwrap().value;
        assert_eq!(set("a=5"), json!(5));
        assert_eq!(set("a=true"), json!(true));
        assert_eq!(set("a=[\"x\"]"), json!(["x"]));
        assert_eq!(set("a=\"5\""), json!("5"));
        assert_eq!(set("a=some words = more"), json!("some words = more"));
        assert_eq!(set("a="), json!(""));
        for bad in ["a", "=1", "a.=1", ".a=1"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn settings_go_on_top_of_what_is_there() {
        let Value::Object(before) =
            json!({ "words": ["x"], "links": { "allowed": true, "max": 2 }, "n": 1 })
        else {
            panic!()
        };
        let settings =
            ["links.allowed=false", "n.deep=1", "new=x"].map(|text| parse(text).unwrap());
        let after = Value::Object(apply(before, &settings));
        assert_eq!(
            after,
            json!({ "words": ["x"], "links": { "allowed": false, "max": 2 }, "n": { "deep": 1 }, "new": "x" })
        );
    }
}
