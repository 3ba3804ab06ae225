//! The example file, made from the settings themselves, and the names of all settings.

use std::sync::LazyLock;

use super::section::{Described, Section};
use super::{Egress, Files, Limits, Log, Paths, Plugins, Server, Sessions, Socket, Store};

struct Part {
    name: &'static str,
    doc: &'static [&'static str],
    settings: Vec<Described>,
}

static PARTS: LazyLock<[Part; 10]> = LazyLock::new(|| {
    fn part<S: Section>() -> Part {
        Part {
            name: S::NAME,
            doc: S::DOC,
            settings: S::describe(),
        }
    }
    [
        part::<Paths>(),
        part::<Server>(),
        part::<Store>(),
        part::<Log>(),
        part::<Limits>(),
        part::<Sessions>(),
        part::<Socket>(),
        part::<Plugins>(),
        part::<Egress>(),
        part::<Files>(),
    ]
});

/// The names of the sections; the first is empty.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    PARTS.iter().map(|part| part.name)
}

/// The keys of a section.
pub(super) fn keys(section: &str) -> impl Iterator<Item = &'static str> {
    let part = PARTS.iter().find(|part| part.name == section);
    part.into_iter()
        .flat_map(|part| part.settings.iter().map(|setting| setting.key))
}

const HEAD: &str = "\
# Settings of an Althing host. It reads the file that it is told on its command line.
#
# Every setting is here with its default, behind a `#`. Remove the `#` to change one; those left
# alone follow the defaults of later versions. A key that is not in this list is an error.
#
# Variables go on top of the file: ALTHING_SOCKET__FRAME_BYTES_MAX=131072 sets `frame_bytes_max`
# in `[socket]`, ALTHING_DATA_DIR=/data sets `data_dir`.
";

/// The text of `deploy/althing.example.toml`. Settings are behind `#`; those without a default
/// show an example behind `# `.
pub fn example() -> String {
    let mut text = HEAD.to_owned();
    for part in PARTS.iter() {
        text.push('\n');
        for line in part.doc {
            text.push_str(&format!("#{line}\n"));
        }
        if !part.name.is_empty() {
            text.push_str(&format!("[{}]\n", part.name));
        }
        for Described {
            key,
            doc,
            default,
            example,
        } in &part.settings
        {
            text.push('\n');
            for line in *doc {
                text.push_str(&format!("#{line}\n"));
            }
            match (default, example) {
                (Some(default), _) => text.push_str(&format!("#{key} = {default}\n")),
                (None, example) => {
                    text.push_str(&format!("# {key} = {}\n", example.unwrap_or("…")));
                }
            }
        }
    }
    text
}
