//! Components as benchmarks need them: many of them, that differ in nothing but their names.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// Reads a component that `cargo xtask plugins` has built.
///
/// # Errors
/// It is not there.
pub fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file)
        .with_context(|| format!("can't read {}: run `cargo xtask plugins`", file.display()))
}

/// The component with another text of the same length in the place of `from`, wherever it is.
///
/// # Errors
/// `from` isn't in it, or the lengths differ.
pub fn with(component: &[u8], from: &str, to: &str) -> Result<Vec<u8>> {
    ensure!(
        from.len() == to.len(),
        "`{from}` and `{to}` are not of the same length"
    );
    let mut changed = component.to_vec();
    let mut at = 0;
    let mut found = 0;
    while let Some(next) = changed[at..]
        .windows(from.len())
        .position(|window| window == from.as_bytes())
    {
        at += next;
        changed[at..at + to.len()].copy_from_slice(to.as_bytes());
        at += to.len();
        found += 1;
    }
    ensure!(found > 0, "`{from}` is not in the component");
    Ok(changed)
}

/// The component under another name: `number` takes the place of the two zeros in it.
///
/// # Errors
/// The name isn't in it, or the number has more than two digits.
pub fn numbered(component: &[u8], name: &str, number: usize) -> Result<Vec<u8>> {
    with(
        component,
        &format!("{name}-00"),
        &format!("{name}-{number:02}"),
    )
}

#[cfg(test)]
mod tests {
    use super::{numbered, with};

    #[test]
    fn every_place_is_changed_and_nothing_else() {
        let changed = numbered(b"..a-00.a-00", "a", 7).unwrap();
        assert_eq!(changed, b"..a-07.a-07");
        assert!(with(b"abc", "x", "y").is_err());
        assert!(with(b"abc", "a", "xy").is_err());
        assert!(numbered(b"a-00", "a", 100).is_err());
    }
}
