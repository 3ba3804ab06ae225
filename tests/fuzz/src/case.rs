//! A case of a plugin, written by hand or recorded, is refused or read, and says the same when it is
//! written down with a line for each field. What it expects is met by what it expects.
//!
//! An input is a case as JSON, or as TOML.

use std::path::Path;
use std::sync::LazyLock;

use althing::plugins::case::{Case, pretty};
use althing::plugins::{Manifest, parse_manifest};

static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| {
    let text = include_bytes!("../../guests/puppet/plugin.toml");
    parse_manifest(text).expect("a manifest")
});

/// Reads a case both ways.
pub fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(case) = read("case.toml", text) {
        check(&case);
    }
    let Ok(case) = read("case.json", text) else {
        return;
    };
    check(&case);
    let lines = pretty(text).expect("was read");
    let again = read("case.json", &lines).unwrap_or_else(|error| panic!("{error}\n{lines}"));
    assert_eq!(again.context, case.context);
    assert_eq!(again.config, case.config);
    assert_eq!(again.expect, case.expect);
    assert_eq!(again.served, case.served);
    assert_eq!(again.grants(&MANIFEST), case.grants(&MANIFEST));
    assert_eq!(pretty(&lines).as_ref(), Ok(&lines));
}

fn read(name: &str, text: &str) -> Result<Case, String> {
    Case::read(Path::new(name), text, &MANIFEST)
}

fn check(case: &Case) {
    assert!(case.differences(&case.expect).is_empty());
    let beyond = case.grants(&MANIFEST).without(MANIFEST.requested());
    assert!(beyond.is_empty(), "{beyond:?}");
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_there_is_to_begin_with_is_read() {
        let folder = crate::world::workspace().join("tests/fuzz/corpus/case");
        for name in ["answered", "asked", "given", "will-close"] {
            let text = std::fs::read_to_string(folder.join(name)).expect(name);
            let case = read("case.json", &text).err();
            assert_eq!(case, None, "{name}");
        }
        for name in ["sends", "three", "written"] {
            let text = std::fs::read_to_string(folder.join(name)).expect(name);
            let case = read("case.toml", &text).err();
            assert_eq!(case, None, "{name}");
        }
    }
}
