//! A new project: small, whole, and with all that it is built from, so that it needs no copy of
//! Althing's sources. The SDK and the interfaces are those that this program was built with.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use include_dir::{Dir, include_dir};
use toml::Table;

use crate::cli::failure::Failure;
use crate::cli::screen::{Screen, plain};
use crate::plugins::{self, Hook};

static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../sdk/templates");
static SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../sdk/rust");
const JAVASCRIPT_SDK: &str = include_str!("../../../../sdk/javascript/althing.js");
const PYTHON_SDK: &str = include_str!("../../../../sdk/python/althing.py");
static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../wit");
/// Where the SDK's `Cargo.toml` takes what it doesn't say itself.
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");

/// That of both.
const LICENSE: &str = include_str!("../../../../LICENSE");

/// What to make.
#[derive(Debug, Args)]
pub struct New {
    /// The plugin's name, and that of its folder: lower-case letters, digits and `-`
    name: String,
    /// The language
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    language: Language,
    /// What it begins with; more can be added
    #[arg(long, value_name = "HOOK", value_parser = hook_names(), default_value = "commands")]
    hook: String,
    /// Where to make the folder
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    into: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    Javascript,
    Python,
    C,
}

impl Language {
    /// The folder of its templates.
    fn folder(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Javascript => "javascript",
            Self::Python => "python",
            Self::C => "c",
        }
    }

    /// Its own SDK, which a project gets as one file. That of Rust is a crate.
    fn sdk(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Javascript => Some(("src/althing.js", JAVASCRIPT_SDK)),
            Self::Python => Some(("althing.py", PYTHON_SDK)),
            Self::Rust | Self::C => None,
        }
    }
}

fn hook_names() -> clap::builder::PossibleValuesParser {
    Hook::ALL.map(Hook::name).into()
}

/// A file to be written, by its path within the project.
type File = (PathBuf, String);

/// Writes the project, or nothing.
pub fn run(screen: &mut Screen<'_>, new: &New) -> Result<(), Failure> {
    let files = files(&new.name, new.language, &new.hook)?;
    let folder = new.into.join(&new.name);
    let shown = plain(&folder.display().to_string());
    if folder.symlink_metadata().is_ok() {
        return Err(Failure::Usage(format!(
            "{shown} is there already; nothing was written"
        )));
    }
    write_all(&new.into, &new.name, &files)
        .map_err(|error| Failure::Other(format!("{shown}: can't be written: {error}")))?;
    if screen.json {
        let paths = files.iter().map(|(path, _)| path.display().to_string());
        let paths: Vec<_> = paths.collect();
        return Ok(screen.print_json(
            &serde_json::json!({ "folder": folder.display().to_string(), "files": paths }),
        )?);
    }
    screen.print(&shown)?;
    let name = &new.name;
    let unit_tests = match new.language {
        Language::Rust => "\n  cargo test",
        _ => "",
    };
    Ok(screen.note(&format!(
        "\nMade the plugin `{name}` with the hook `{}`. Next:\n  cd {shown}{unit_tests}\n  \
         althing plugin build\n  althing plugin test {name}.wasm",
        new.hook
    ))?)
}

/// Whole or not at all: into a folder beside it, which then gets its name.
fn write_all(into: &Path, name: &str, files: &[File]) -> std::io::Result<()> {
    let unfinished = into.join(format!(".{name}.{}.part", std::process::id()));
    fs::create_dir(&unfinished)?;
    let written = files
        .iter()
        .try_for_each(|(path, text)| {
            let path = unfinished.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&unfinished))?;
            fs::write(path, text)
        })
        .and_then(|()| fs::rename(&unfinished, into.join(name)));
    if written.is_err() {
        let _ = fs::remove_dir_all(&unfinished);
    }
    written
}

fn files(name: &str, language: Language, hook: &str) -> Result<Vec<File>, Failure> {
    let fill = |text: &str| text.replace("{{name}}", name).replace("{{hook}}", hook);
    let folder = language.folder();
    let of_hook = TEMPLATES.get_dir(format!("{folder}/hooks/{hook}"));
    let (Some(template), Some(of_hook)) = (TEMPLATES.get_dir(folder), of_hook) else {
        return Err(no_template(language, hook));
    };
    let mut files = Vec::new();
    for file in template.files() {
        let path = file.path().strip_prefix(folder).unwrap_or(file.path());
        let path = match path.to_str() {
            Some("Cargo.toml.in") => "Cargo.toml".into(),
            Some("gitignore") => ".gitignore".into(),
            _ => path.to_owned(),
        };
        let text = file.contents_utf8().unwrap_or_default();
        files.push((path, fill(text)));
    }
    let mut own = Vec::new();
    collect(of_hook, of_hook.path(), &mut own);
    if language != Language::Rust {
        own.extend(shared(hook));
    }
    files.extend(own.into_iter().map(|(path, text)| (path, fill(&text))));
    let manifest = files
        .iter()
        .find(|(path, _)| path == Path::new("plugin.toml"))
        .ok_or_else(|| lost("manifest"))?;
    plugins::parse_manifest(manifest.1.as_bytes()).map_err(|refusal| {
        Failure::Usage(format!("{}: {}", plain(name), plain(&refusal.detail)))
    })?;
    files.extend(
        language
            .sdk()
            .map(|(path, text)| (path.into(), text.to_owned())),
    );
    match language {
        Language::Rust => vendor(&mut files)?,
        // Where the standard's tools look for them.
        _ => interfaces("wit/deps/althing-plugin", &mut files),
    }
    Ok(files)
}

fn lost(what: &str) -> Failure {
    Failure::Other(format!("this program was built without its {what}"))
}

fn no_template(language: Language, hook: &str) -> Failure {
    let language = language.folder();
    let hooks = TEMPLATES.get_dir(format!("{language}/hooks"));
    let there_are: Vec<_> = hooks
        .into_iter()
        .flat_map(Dir::dirs)
        .filter_map(|dir| dir.path().file_name()?.to_str())
        .collect();
    Failure::Usage(format!(
        "there is no project in {language} that begins with the hook `{hook}`, but with these: {}. \
         Others can be added to it",
        there_are.join(", ")
    ))
}

/// The manifest and the cases of a hook: what its projects do is the same in every language.
fn shared(hook: &str) -> Vec<File> {
    let mut files = Vec::new();
    if let Some(dir) = TEMPLATES.get_dir(format!("rust/hooks/{hook}")) {
        collect(dir, dir.path(), &mut files);
    }
    files.retain(|(path, _)| path == Path::new("plugin.toml") || path.starts_with("cases"));
    files
}

/// The SDK of Rust and the interfaces, which it finds by the way from one to the other: that stays
/// the same.
fn vendor(files: &mut Vec<File>) -> Result<(), Failure> {
    let mut vendored = Vec::new();
    collect(&SDK, Path::new(""), &mut vendored);
    for (path, text) in vendored {
        let text = match path == Path::new("Cargo.toml") {
            true => standalone(&text, WORKSPACE).ok_or_else(|| lost("SDK"))?,
            false => text,
        };
        files.push((Path::new("vendor/sdk/rust").join(path), text));
    }
    interfaces("vendor/wit", files);
    files.push(("vendor/LICENSE".into(), LICENSE.to_owned()));
    Ok(())
}

fn interfaces(folder: &str, files: &mut Vec<File>) {
    let mut interfaces = Vec::new();
    collect(&WIT, Path::new(""), &mut interfaces);
    let placed = |(path, text)| (Path::new(folder).join(path), text);
    files.extend(interfaces.into_iter().map(placed));
}

/// The text files of a folder, by their paths below `top`.
fn collect(dir: &Dir<'_>, top: &Path, files: &mut Vec<File>) {
    for file in dir.files() {
        let path = file.path().strip_prefix(top).unwrap_or(file.path());
        files.extend(
            file.contents_utf8()
                .map(|text| (path.to_owned(), text.to_owned())),
        );
    }
    for dir in dir.dirs() {
        collect(dir, top, files);
    }
}

/// A package's `Cargo.toml` with what it takes from its workspace written out.
fn standalone(package: &str, workspace: &str) -> Option<String> {
    let mut manifest: Table = toml::from_str(package).ok()?;
    let workspace: Table = toml::from_str(workspace).ok()?;
    let workspace = workspace.get("workspace")?.as_table()?;
    let shared = workspace.get("package")?.as_table()?;
    for (key, value) in manifest.get_mut("package")?.as_table_mut()? {
        if value.get("workspace").is_some() {
            *value = shared.get(key)?.clone();
        }
    }
    manifest.insert("lints".into(), workspace.get("lints")?.clone());
    toml::to_string(&manifest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'f>(files: &'f [File], path: &str) -> &'f str {
        let found = files.iter().find(|(known, _)| known == Path::new(path));
        &found.unwrap_or_else(|| panic!("no {path}")).1
    }

    #[test]
    fn every_hook_has_a_project_with_code_and_two_cases() {
        for hook in Hook::ALL.map(Hook::name) {
            let files =
                files("my-plugin-2", Language::Rust, hook).unwrap_or_else(|_| panic!("{hook}"));
            let manifest = text(&files, "plugin.toml");
            assert!(manifest.contains("name = \"my-plugin-2\""), "{manifest}");
            assert!(text(&files, "src/lib.rs").contains("#[test]"), "{hook}");
            let cases = files.iter().filter(|(path, _)| path.starts_with("cases"));
            assert_eq!(cases.count(), 2, "{hook}");
            for (path, text) in &files {
                assert!(!text.contains("{{name}}"), "{}", path.display());
            }
        }
    }

    #[test]
    fn the_sdk_goes_along_whole_and_needs_no_workspace() {
        fn count(folder: &Path) -> usize {
            let entries = folder.read_dir().unwrap().flatten();
            entries
                .map(|entry| match entry.path() {
                    path if path.is_dir() => count(&path),
                    _ => 1,
                })
                .sum()
        }
        let files = files("dice", Language::Rust, "commands").unwrap_or_else(|_| panic!());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (vendored, source) in [("vendor/sdk/rust", "sdk/rust"), ("vendor/wit", "wit")] {
            let written = files.iter().filter(|(path, _)| path.starts_with(vendored));
            assert_eq!(written.count(), count(&root.join(source)), "{source}");
        }
        let manifest = text(&files, "vendor/sdk/rust/Cargo.toml");
        assert!(!manifest.contains("workspace"), "{manifest}");
        assert!(manifest.contains("unsafe_code = \"deny\""), "{manifest}");
    }

    #[test]
    fn other_languages_have_the_same_projects_for_some_hooks() {
        for language in [Language::Javascript, Language::Python, Language::C] {
            for hook in ["commands", "message-guard"] {
                let files = files("my-plugin-2", language, hook)
                    .unwrap_or_else(|_| panic!("{language:?}: {hook}"));
                assert!(text(&files, "wit/world.wit").contains(&format!("plugin/{hook}@")));
                assert!(text(&files, "wit/deps/althing-plugin/types.wit").contains("package"));
                assert!(text(&files, "plugin.toml").contains("my-plugin-2"));
                let cases = files.iter().filter(|(path, _)| path.starts_with("cases"));
                assert_eq!(cases.count(), 2, "{language:?}: {hook}");
                for (path, text) in &files {
                    assert!(!text.contains("{{name}}"), "{}", path.display());
                }
            }
            let Err(Failure::Usage(said)) = files("dice", language, "feed") else {
                panic!("{language:?} has no project with a feed");
            };
            assert!(
                said.contains("`feed`") && said.contains("commands, message-guard"),
                "{said}"
            );
        }
    }
}
