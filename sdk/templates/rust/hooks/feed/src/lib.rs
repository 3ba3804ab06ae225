//! A feed of the last message of everybody, the newest first.

use std::collections::BTreeSet;

use althing_plugin::prelude::*;

struct LastWords;

impl Feed for LastWords {
    fn rank(
        _ctx: &Context,
        _feed: &str,
        _argument: &str,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<u32>, String> {
        let senders = candidates.iter().map(|one| one.message.sender.as_str());
        Ok(first_of_each(senders))
    }
}

/// The places of those that are not the same as one before.
fn first_of_each<'a>(senders: impl Iterator<Item = &'a str>) -> Vec<u32> {
    let mut seen = BTreeSet::new();
    (0..)
        .zip(senders)
        .filter(|(_, sender)| seen.insert(*sender))
        .map(|(place, _)| place)
        .collect()
}

althing_plugin::plugin!(LastWords: Feed, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_there_once() {
        let senders = ["ann", "bob", "ann", "carol"];
        assert_eq!(first_of_each(senders.into_iter()), [0, 1, 3]);
    }
}
