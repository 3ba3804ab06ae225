//! The numbers that a plugin keeps for those who run it: counters and gauges of an install, in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A name, as the contract has it.
const NAME_BYTES_MAX: usize = 64;

/// One number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Only grows.
    Counter(u64),
    /// What was set last.
    Gauge(i64),
}

/// The figures of one install. Shared by its calls; locked for well under a microsecond.
#[derive(Debug, Default)]
pub struct Figures {
    names_max: usize,
    by_name: Mutex<BTreeMap<String, Figure>>,
}

impl Figures {
    pub(super) fn new(names_max: u32) -> Self {
        Self {
            names_max: names_max as usize,
            by_name: Mutex::default(),
        }
    }

    /// All there are, by name.
    pub fn all(&self) -> BTreeMap<String, Figure> {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        by_name.clone()
    }

    /// Adds to a counter. The error says why not.
    pub(super) fn add(&self, name: &str, amount: u64) -> Result<(), String> {
        self.change(name, Figure::Counter(0), |figure| match figure {
            Figure::Counter(count) => {
                *count = count.saturating_add(amount);
                true
            }
            Figure::Gauge(_) => false,
        })
    }

    /// Sets a gauge. The error says why not.
    pub(super) fn set(&self, name: &str, value: i64) -> Result<(), String> {
        self.change(name, Figure::Gauge(value), |figure| match figure {
            Figure::Gauge(before) => {
                *before = value;
                true
            }
            Figure::Counter(_) => false,
        })
    }

    fn change(
        &self,
        name: &str,
        new: Figure,
        change: impl Fn(&mut Figure) -> bool,
    ) -> Result<(), String> {
        let is_plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_plain) {
            let what = format!("1 to {NAME_BYTES_MAX} lower-case letters, digits and `_`");
            return Err(format!("a metric's name is {what}"));
        }
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if !by_name.contains_key(name) {
            if by_name.len() >= self.names_max {
                return Err(format!("metrics of an install: at most {}", self.names_max));
            }
            by_name.insert(name.to_owned(), new);
        }
        match by_name.get_mut(name).is_some_and(change) {
            true => Ok(()),
            false => Err(format!("the metric {name} is of the other sort")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Figures};

    #[test]
    fn counters_count_and_gauges_are_set() {
        let figures = Figures::new(2);
        figures.add("spam", 2).unwrap();
        figures.add("spam", u64::MAX).unwrap();
        figures.set("words", -3).unwrap();
        figures.set("words", 7).unwrap();
        let all = figures.all();
        assert_eq!(all["spam"], Figure::Counter(u64::MAX));
        assert_eq!(all["words"], Figure::Gauge(7));
        assert!(figures.set("spam", 1).unwrap_err().contains("sort"));
        assert!(figures.add("words", 1).unwrap_err().contains("sort"));
        assert!(figures.add("third", 1).unwrap_err().contains("at most 2"));
        for bad in ["", "Spam", "a b", &"a".repeat(65)] {
            assert!(figures.add(bad, 1).unwrap_err().contains("name"), "{bad}");
        }
        assert_eq!(figures.all().len(), 2);
    }
}
