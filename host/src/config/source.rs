//! Where settings come from, and the faults found on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::example::{keys, sections};
use super::fault::{Fault, Faults};
use super::value::{Given, NotASetting, Setting};

const PREFIX: &str = "ALTHING_";

/// What is set, by section and key; the section is empty for the keys outside any.
#[derive(Default)]
pub(super) struct Source {
    given: BTreeMap<(String, String), (Given, String)>,
    faults: Vec<Fault>,
    /// The settings among the faults.
    faulty: BTreeSet<String>,
}

impl Source {
    /// Adds what a file sets.
    pub fn add_file(&mut self, path: &Path) {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => self.add_text(&name, &text),
            Err(error) => self.fault(&name, format!("can't be read: {error}"), ""),
        }
    }

    /// Adds what the text of the file `name` sets.
    pub fn add_text(&mut self, name: &str, text: &str) {
        let table = match toml::from_str::<toml::Table>(text) {
            Ok(table) => table,
            Err(error) => {
                // Not the error's own display: it repeats the line, and with it perhaps a password.
                let at = error.span().map_or(0, |span| span.start).min(text.len());
                let before = text.get(..at).unwrap_or("");
                let line = before.matches('\n').count() + 1;
                let message = error.message().replace('\n', ", ");
                return self.fault(name, format!("line {line}: {message}"), "");
            }
        };
        for (section, value) in table {
            match value {
                toml::Value::Table(entries) if sections().any(|known| *known == section) => {
                    for (key, value) in entries {
                        self.give(&section, &key, Given { value, text: None }, name);
                    }
                }
                toml::Value::Table(_) => {
                    let known = sections().filter(|known| !known.is_empty());
                    let text = format!("no such section{}", did_you_mean(&section, known));
                    self.fault(&format!("[{section}]"), text, name);
                }
                _ if sections().any(|known| *known == section) => {
                    let text = format!("is a section: write `[{section}]` and its keys below");
                    self.fault(&section, text, name);
                }
                value => self.give("", &section, Given { value, text: None }, name),
            }
        }
    }

    /// Adds what variables set: `ALTHING_SECTION__KEY`, and `ALTHING_KEY` for a key outside any
    /// section. Others without `__` are passed over: platforms and tools make their own, such as
    /// `ALTHING_PORT` next to a service called `althing`.
    pub fn add_variables(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let path = rest.to_ascii_lowercase();
            let (section, key) = match path.split_once("__") {
                Some((section, key)) if !section.is_empty() => (section, key),
                Some(_) => ("?", path.as_str()),
                None if keys("").any(|known| known == path) => ("", path.as_str()),
                None => continue,
            };
            if path.to_ascii_uppercase() != rest || !keys(section).any(|known| known == key) {
                let known = sections()
                    .flat_map(|section| keys(section).map(move |key| variable(section, key)));
                let known: Vec<String> = known.collect();
                let known = known.iter().map(String::as_str);
                self.fault(
                    &name,
                    format!("no such setting{}", did_you_mean(&name, known)),
                    "",
                );
                continue;
            }
            if text.contains(char::REPLACEMENT_CHARACTER) {
                self.fault(&name, "is not UTF-8".into(), "");
                continue;
            }
            let value = read_variable(&text);
            self.give(
                section,
                key,
                Given {
                    value,
                    text: Some(text),
                },
                &name,
            );
        }
    }

    fn give(&mut self, section: &str, key: &str, given: Given, origin: &str) {
        self.given.insert(
            (section.to_owned(), key.to_owned()),
            (given, origin.to_owned()),
        );
    }

    /// Takes one setting: what is given if it is right, else the default, and a fault if something
    /// else is given.
    pub fn take<T: Setting>(
        &mut self,
        section: &str,
        key: &str,
        default: T,
        check: impl Fn(&T) -> Result<(), NotASetting>,
    ) -> T {
        let Some((given, origin)) = self.given.remove(&(section.to_owned(), key.to_owned())) else {
            return default;
        };
        match T::read(&given).and_then(|value| check(&value).map(|()| value)) {
            Ok(value) => value,
            Err(NotASetting(expected)) => {
                let name = dotted(section, key);
                self.fault(&name, format!("must be {expected}"), &origin);
                self.faulty.insert(name);
                default
            }
        }
    }

    /// Notes a fault if the first setting is above the second, unless one is at fault already.
    pub fn check_at_most(&mut self, small: (&str, u64), large: (&str, u64)) {
        let known = self.faulty.contains(small.0) || self.faulty.contains(large.0);
        if !known && small.1 > large.1 {
            let text = format!(
                "must be at most `{}`, which is {}, not {}",
                large.0, large.1, small.1
            );
            self.fault(small.0, text, "");
        }
    }

    /// Notes what nobody took, and gives the faults if there are any.
    pub fn finish(mut self) -> Result<(), Faults> {
        for ((section, key), (_, origin)) in std::mem::take(&mut self.given) {
            let text = format!("no such setting{}", did_you_mean(&key, keys(&section)));
            self.fault(&dotted(&section, &key), text, &origin);
        }
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Faults(self.faults))
        }
    }

    fn fault(&mut self, key: &str, text: String, origin: &str) {
        self.faults.push(Fault {
            key: key.to_owned(),
            text,
            origin: origin.to_owned(),
        });
    }
}

/// The variable that sets a key.
pub(super) fn variable(section: &str, key: &str) -> String {
    let separator = if section.is_empty() { "" } else { "__" };
    format!("{PREFIX}{section}{separator}{key}").to_ascii_uppercase()
}

fn dotted(section: &str, key: &str) -> String {
    if section.is_empty() {
        key.to_owned()
    } else {
        format!("{section}.{key}")
    }
}

/// A TOML value if the text is one, else the text itself.
fn read_variable(text: &str) -> toml::Value {
    let table = toml::from_str::<toml::Table>(&format!("value = {text}"));
    let value = table
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// The known name that is a slip or two away, if there is one.
fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let name = name.to_ascii_lowercase();
    known
        .map(|known| {
            (
                strsim::osa_distance(&name, &known.to_ascii_lowercase()),
                known,
            )
        })
        .filter(|(slips, _)| *slips <= 1 + name.len() / 8)
        .min_by_key(|(slips, _)| *slips)
        .map_or_else(String::new, |(_, known)| {
            format!("; did you mean `{known}`?")
        })
}
