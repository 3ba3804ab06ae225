//! What a new version changes for those who run the one before: what it asks for anew, and what it
//! takes from messages, commands and settings that are there.

use std::collections::BTreeSet;

use semver::Version;
use serde_json::{Map, Value, json};

use crate::chat::sees;
use crate::cli::failure::Failure;
use crate::cli::screen::{plain, table};
use crate::plugins::{Hook, Hooks, Manifest};
use crate::wire::Sight;

/// Something that changes.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    /// Whether something that is in use stops working.
    pub breaks: bool,
    /// In a sentence.
    pub detail: String,
}

impl Change {
    /// For programs.
    pub fn document(&self) -> Value {
        json!({ "breaks": self.breaks, "detail": self.detail })
    }
}

/// For people.
pub fn page(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "\nSince the version before: nothing that its users would notice\n".into();
    }
    let rows: Vec<_> = changes
        .iter()
        .map(|change| {
            let mark = if change.breaks { "BREAKS" } else { "" };
            [mark.to_owned(), change.detail.clone()]
        })
        .collect();
    format!("\nSince the version before\n{}", table(2, &rows))
}

/// What changes from the version `old` to another, `new`, each with its hooks; what breaks comes first.
pub fn changes(old: (&Manifest, Hooks), new: (&Manifest, Hooks)) -> Result<Vec<Change>, Failure> {
    let ((old, old_hooks), (new, new_hooks)) = (old, new);
    if old.name != new.name {
        return Err(Failure::Usage(format!(
            "`{}` is no version of `{}`: they are two plugins",
            plain(&new.name),
            plain(&old.name)
        )));
    }
    fn hooks(hooks: Hooks) -> BTreeSet<&'static str> {
        hooks.iter().map(Hook::name).collect()
    }
    fn commands(m: &Manifest) -> BTreeSet<&str> {
        m.commands.iter().map(|c| c.name.as_str()).collect()
    }
    fn kinds(m: &Manifest) -> BTreeSet<&str> {
        m.kinds.iter().map(|kind| kind.name.as_str()).collect()
    }
    fn feeds(m: &Manifest) -> BTreeSet<&str> {
        m.feeds.iter().map(|feed| feed.name.as_str()).collect()
    }
    fn events(m: &Manifest) -> BTreeSet<&str> {
        m.events.iter().map(String::as_str).collect()
    }
    let mut changes = Changes(Vec::new());
    changes.version(&old.version, &new.version);
    changes.permissions(old, new);
    changes.sees(
        &sees::described(old_hooks, old),
        &sees::described(new_hooks, new),
    );
    changes.names("the hook", &hooks(old_hooks), &hooks(new_hooks), "");
    changes.names("the command", &commands(old), &commands(new), "");
    let left = ": messages of it stay as they are, and nobody can act on them";
    changes.names("the message kind", &kinds(old), &kinds(new), left);
    changes.names("the feed", &feeds(old), &feeds(new), "");
    changes.names("the event", &events(old), &events(new), "");
    if old.keep_instances && !new.keep_instances {
        changes.adds("instances are no longer kept between calls".into());
    }
    changes.settings("", &old.config, &new.config);
    changes.0.sort_by_key(|change| !change.breaks);
    Ok(changes.0)
}

struct Changes(Vec<Change>);

impl Changes {
    fn breaks(&mut self, detail: String) {
        let breaks = true;
        self.0.push(Change { breaks, detail });
    }

    fn adds(&mut self, detail: String) {
        let breaks = false;
        self.0.push(Change { breaks, detail });
    }

    fn version(&mut self, old: &str, new: &str) {
        // The manifest's check is stricter than semver's, so both can be read.
        match (Version::parse(old), Version::parse(new)) {
            (Ok(old), Ok(new)) if new > old => {}
            _ if old == new => self.adds(format!("the code is another, but both are {old}")),
            _ => self.adds(format!("its version goes back from {old} to {new}")),
        }
    }

    fn permissions(&mut self, old: &Manifest, new: &Manifest) {
        for request in &new.permissions {
            let name = request.name.name();
            let Some(before) = old.request(request.name) else {
                self.adds(format!(
                    "it asks for the permission `{name}`, which has to be granted: {}",
                    request.reason
                ));
                continue;
            };
            for host in request
                .hosts
                .iter()
                .filter(|host| !before.hosts.contains(host))
            {
                self.adds(format!(
                    "it asks for the host `{host}`, which has to be granted"
                ));
            }
            let opened = request.paths.iter();
            for path in opened.filter(|path| !before.paths.contains(path)) {
                self.adds(format!("it opens the route `{path}` to everybody"));
            }
        }
        for request in &old.permissions {
            let name = request.name.name();
            if new.request(request.name).is_none() {
                self.adds(format!("it no longer asks for the permission `{name}`"));
            }
        }
    }

    fn sees(&mut self, old: &[Sight], new: &[Sight]) {
        for sight in new {
            let Sight { name, allows } = sight;
            if !old.contains(sight) {
                self.adds(format!(
                    "it sees `{name}`, which has to be consented to: {allows}"
                ));
            }
        }
    }

    fn names(&mut self, what: &str, old: &BTreeSet<&str>, new: &BTreeSet<&str>, left: &str) {
        for name in old.difference(new) {
            self.breaks(format!("{what} `{name}` is gone{left}"));
        }
        for name in new.difference(old) {
            self.adds(format!("{what} `{name}` is new"));
        }
    }

    /// Settings that were fine must stay fine: a host refuses to enable a version that the install's
    /// settings don't fit.
    fn settings(&mut self, at: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let none = Map::new();
        let properties = |schema: &Map<String, Value>| {
            let properties = schema.get("properties").and_then(Value::as_object);
            properties.unwrap_or(&none).clone()
        };
        let (before, after) = (properties(old), properties(new));
        let open = new.get("additionalProperties") == Some(&Value::Bool(true));
        for (name, schema) in &before {
            let field = format!("{at}{name}");
            match (schema.as_object(), after.get(name).map(Value::as_object)) {
                (Some(old), Some(Some(new))) => self.setting(&field, old, new),
                (_, None) if !open => self.breaks(format!(
                    "the setting `{field}` is gone: an install that has it can't take this version"
                )),
                _ => {}
            }
        }
        let required = |schema: &Map<String, Value>| -> BTreeSet<String> {
            let names = schema.get("required").and_then(Value::as_array);
            let names = names.into_iter().flatten().filter_map(Value::as_str);
            names.map(str::to_owned).collect()
        };
        let has_default = |name: &str| {
            after
                .get(name)
                .and_then(|schema| schema.get("default"))
                .is_some()
        };
        let newly: Vec<_> = required(new)
            .difference(&required(old))
            .filter(|name| !has_default(name))
            .cloned()
            .collect();
        for name in &newly {
            self.breaks(format!("the setting `{at}{name}` must be set now"));
        }
        for name in after.keys() {
            if !before.contains_key(name) && !newly.contains(name) {
                self.adds(format!("the setting `{at}{name}` is new"));
            }
        }
    }

    fn setting(&mut self, field: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let type_of = |schema: &Map<String, Value>| {
            let name = schema.get("type").and_then(Value::as_str);
            name.unwrap_or_default().to_owned()
        };
        if type_of(old) != type_of(new) {
            return self.breaks(format!(
                "the setting `{field}` is of the type {} and was {}",
                type_of(new),
                type_of(old)
            ));
        }
        if old.get("secret") != new.get("secret") {
            self.breaks(format!(
                "the setting `{field}` has to be entered again: whether it is secret changes"
            ));
        }
        if self.is_narrower(old, new) {
            self.breaks(format!("the setting `{field}` allows less than it did"));
        }
        self.settings(&format!("{field}."), old, new);
        let items = |schema: &Map<String, Value>| schema.get("items")?.as_object().cloned();
        if let (Some(old), Some(new)) = (items(old), items(new)) {
            self.setting(&format!("{field}[]"), &old, &new);
        }
    }

    fn is_narrower(&self, old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
        let number = |schema: &Map<String, Value>, keyword: &str| {
            schema.get(keyword).and_then(Value::as_f64)
        };
        let least = ["minimum", "minLength", "minItems"].iter().any(|keyword| {
            let before = number(old, keyword).unwrap_or(f64::NEG_INFINITY);
            number(new, keyword).is_some_and(|now| now > before)
        });
        let most = ["maximum", "maxLength", "maxItems"].iter().any(|keyword| {
            let before = number(old, keyword).unwrap_or(f64::INFINITY);
            number(new, keyword).is_some_and(|now| now < before)
        });
        let values = |schema: &Map<String, Value>| schema.get("enum")?.as_array().cloned();
        let fewer = match (values(old), values(new)) {
            (Some(old), Some(new)) => old.iter().any(|value| !new.contains(value)),
            (None, Some(_)) => true,
            _ => false,
        };
        least || most || fewer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::parse_manifest;

    const OLD: &str = r#"
        name = "dice"
        version = "1.0.0"
        title = "Dice"
        permissions = [{ name = "kv", reason = "r" }, { name = "http", reason = "r", hosts = ["a.example"] }]
        commands = [{ name = "roll", description = "d" }]
        kinds = [{ name = "throw", title = "t" }]
        events = ["message.new"]
        [config]
        type = "object"
        properties.most = { type = "integer", maximum = 20 }
        properties.words = { type = "array", items = { type = "string", enum = ["a", "b"] } }
        properties.look = { type = "object", properties = { colour = { type = "string" } } }
    "#;

    fn compare(new: &str) -> Vec<(bool, String)> {
        let (old, new) = (manifest(OLD), manifest(new));
        let hooks = Hooks::from_iter([Hook::Events]);
        let found = changes((&old, hooks), (&new, hooks)).unwrap();
        found.into_iter().map(|c| (c.breaks, c.detail)).collect()
    }

    fn manifest(text: &str) -> Manifest {
        parse_manifest(text.as_bytes()).unwrap()
    }

    fn found(new: &str) -> Vec<(bool, String)> {
        compare(&new.replace("1.0.0", "1.1.0"))
    }

    #[test]
    fn the_same_again_changes_nothing() {
        assert_eq!(found(OLD), []);
    }

    #[test]
    fn what_somebody_has_must_not_go() {
        for (from, to, says) in [
            (
                r#"{ name = "roll", description = "d" }"#,
                r#"{ name = "throw", description = "d" }"#,
                "the command `roll` is gone",
            ),
            (
                r#"name = "throw""#,
                r#"name = "toss""#,
                "the message kind `throw` is gone: messages of it stay as they are, and nobody can act on them",
            ),
            (
                r#""message.new""#,
                r#""member.added""#,
                "the event `message.new` is gone",
            ),
            (
                "properties.most",
                "properties.more",
                "the setting `most` is gone: an install that has it can't take this version",
            ),
            (
                r#"{ type = "integer", maximum = 20 }"#,
                r#"{ type = "string" }"#,
                "the setting `most` is of the type string and was integer",
            ),
            (
                "maximum = 20",
                "maximum = 10",
                "the setting `most` allows less than it did",
            ),
            (
                "maximum = 20",
                "minimum = 1, maximum = 20",
                "the setting `most` allows less than it did",
            ),
            (
                r#"["a", "b"]"#,
                r#"["a"]"#,
                "the setting `words[]` allows less than it did",
            ),
            (
                "{ colour =",
                "{ color =",
                "the setting `look.colour` is gone: an install that has it can't take this version",
            ),
            (
                r#"type = "object"
        properties.most"#,
                r#"type = "object"
        required = ["most"]
        properties.most"#,
                "the setting `most` must be set now",
            ),
        ] {
            assert!(OLD.contains(from), "{from}");
            let found = found(&OLD.replace(from, to));
            assert!(found[0].0, "{says}: {found:?}");
            assert_eq!(found[0].1, says);
            assert!(found[1..].iter().all(|(breaks, _)| !breaks), "{found:?}");
        }
    }

    #[test]
    fn what_is_new_is_told_and_breaks_nothing() {
        for (from, to, says) in [
            (
                r#"{ name = "kv", reason = "r" }"#,
                r#"{ name = "kv", reason = "r" }, { name = "timers", reason = "To wake up." }"#,
                "it asks for the permission `timers`, which has to be granted: To wake up.",
            ),
            (
                r#"["a.example"]"#,
                r#"["a.example", "b.example"]"#,
                "it asks for the host `b.example`, which has to be granted",
            ),
            (
                r#"{ name = "kv", reason = "r" }, "#,
                "",
                "it no longer asks for the permission `kv`",
            ),
            ("maximum = 20", "maximum = 30", ""),
            (
                "properties.most",
                "required = [\"new\"]\nproperties.new = { type = \"integer\", default = 1 }\nproperties.most",
                "the setting `new` is new",
            ),
        ] {
            assert!(OLD.contains(from), "{from}");
            let found = found(&OLD.replace(from, to));
            let said: Vec<_> = found.iter().map(|(_, detail)| detail.as_str()).collect();
            let expected: Vec<_> = Some(says)
                .filter(|says| !says.is_empty())
                .into_iter()
                .collect();
            assert_eq!(said, expected);
            assert!(found.iter().all(|(breaks, _)| !breaks));
        }
    }

    #[test]
    fn versions_go_up() {
        let said = |version: &str| compare(&OLD.replace("1.0.0", version));
        assert_eq!(
            said("1.0.0")[0].1,
            "the code is another, but both are 1.0.0"
        );
        assert_eq!(
            said("0.9.0")[0].1,
            "its version goes back from 1.0.0 to 0.9.0"
        );
        assert_eq!(said("1.0.1"), []);
        assert_eq!(
            said("1.0.0-rc.1")[0].1,
            "its version goes back from 1.0.0 to 1.0.0-rc.1"
        );
    }

    #[test]
    fn another_plugin_is_no_version() {
        let (old, new) = (
            manifest(OLD),
            manifest(&OLD.replace("\"dice\"", "\"poll\"")),
        );
        let hooks = Hooks::default();
        assert!(matches!(
            changes((&old, hooks), (&new, hooks)),
            Err(Failure::Usage(_))
        ));
    }
}
