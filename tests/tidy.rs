//! Rules that the sources keep.

use std::path::{Path, PathBuf};

use crate::support::workspace;

/// Every source file of the host, by its module, as `lib.rs` orders them.
fn modules() -> Vec<(String, Vec<(PathBuf, String)>)> {
    let sources = workspace().join("host/src");
    let list = std::fs::read_to_string(sources.join("lib.rs")).expect("lib.rs");
    let names = list
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names
        .map(|name| {
            let mut files = files(&sources.join(name));
            let file = sources.join(name).with_extension("rs");
            files.push((
                file.clone(),
                std::fs::read_to_string(file).expect("a module"),
            ));
            (name.to_owned(), files)
        })
        .collect()
}

fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let Ok(entries) = folder.read_dir() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source");
            found.push((path, text));
        }
    }
    found
}

#[test]
fn a_module_uses_only_those_listed_before_it() {
    let modules = modules();
    let mut faults = Vec::new();
    for (place, (module, files)) in modules.iter().enumerate() {
        for (path, text) in files {
            for (later, _) in &modules[place + 1..] {
                if text.contains(&format!("crate::{later}::"))
                    || text.contains(&format!("crate::{later};"))
                {
                    faults.push(format!(
                        "{} uses {later}, which is above {module}",
                        path.display()
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_belongs_to_one_module_is_nowhere_else() {
    let only = [
        ("sqlx::query", "store"),
        ("wasmtime::", "plugins"),
        ("StatusCode::from_u16(error", "http"),
    ];
    let mut faults = Vec::new();
    for (module, files) in modules() {
        for (path, text) in files {
            for (words, home) in only {
                if module != home && text.contains(words) {
                    faults.push(format!(
                        "{} has `{words}`, which belongs to {home}",
                        path.display()
                    ));
                }
            }
            let maker = path.ends_with("chat/access.rs") || path.ends_with("store/proof.rs");
            if text.contains("::vouch(") && !maker {
                faults.push(format!(
                    "{} makes a proof; only chat/access.rs does",
                    path.display()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_setting_has_an_effect() {
    let example = std::fs::read_to_string(workspace().join("deploy/althing.example.toml"))
        .expect("the example of all settings");
    let keys: Vec<&str> = example
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.trim_start().split_once(" = "))
        .map(|(key, _)| key)
        .filter(|key| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        .collect();
    assert!(keys.len() > 50, "only {keys:?}");
    let main = workspace().join("host/src/main.rs");
    let main = (
        main.clone(),
        std::fs::read_to_string(main).expect("main.rs"),
    );
    let sources: Vec<String> = modules()
        .into_iter()
        .chain([("main".to_owned(), vec![main])])
        .flat_map(|(module, files)| {
            files
                .into_iter()
                .filter(move |(path, _)| module != "config" || path.ends_with("config.rs"))
        })
        // What checks settings against each other is no effect.
        .map(|(_, text)| {
            text.split("fn check_together")
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    for key in keys {
        let used = sources.iter().any(|text| text.contains(&format!(".{key}")));
        assert!(used, "nothing comes of the setting `{key}`");
    }
}

#[test]
fn both_schemas_have_the_same_files_and_tables() {
    let read = |database: &str| {
        let folder = workspace().join("migrations").join(database);
        let mut files: Vec<PathBuf> = folder
            .read_dir()
            .expect("migrations")
            .flatten()
            .map(|e| e.path())
            .collect();
        files.sort();
        let tables = |path: &PathBuf| -> (String, String) {
            let text = std::fs::read_to_string(path).expect("a migration");
            // The four types that differ; all else is one text.
            let text = text
                .replace("TEXT COLLATE \"C\"", "TEXT")
                .replace("BYTEA", "BLOB")
                .replace("INTEGER ", "BIGINT ");
            let words = text
                .lines()
                .filter(|line| !line.starts_with("--"))
                .flat_map(str::split_whitespace);
            (
                path.file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned(),
                words.collect::<Vec<_>>().join(" "),
            )
        };
        files.iter().map(tables).collect::<Vec<_>>()
    };
    assert_eq!(read("sqlite"), read("postgres"));
}

#[test]
fn the_tests_that_features_names_exist() {
    let root = workspace();
    let features =
        std::fs::read_to_string(root.join("docs/features.md")).expect("docs/features.md");
    let mut named = 0;
    for row in features
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains(".rs`") || line.contains(".mjs`"))
    {
        let mut file = None;
        for word in row.split('`').skip(1).step_by(2) {
            let path = match word.split_once('/') {
                Some(("stories" | "bench" | "fuzz", _)) => Some(root.join("tests").join(word)),
                Some(("plugins_engine", _)) => Some(root.join("host/tests").join(word)),
                Some(("browser", _)) => Some(root.join("tests").join(word)),
                _ => None,
            };
            match path {
                Some(path) => {
                    file = Some(
                        std::fs::read_to_string(&path)
                            .unwrap_or_else(|_| panic!("{word} is not there")),
                    )
                }
                None if word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit()) =>
                {
                    if let Some(text) = &file {
                        named += 1;
                        assert!(
                            text.contains(&format!("fn {word}(")),
                            "there is no test {word}"
                        );
                    }
                }
                None => {}
            }
        }
        for name in row.split('"').skip(1).step_by(2) {
            named += 1;
            assert!(
                file.as_ref().is_some_and(|text| text.contains(name)),
                "there is no test \"{name}\""
            );
        }
    }
    assert!(
        named > 40,
        "only {named} tests are named: is the table read as it is written?"
    );
}
