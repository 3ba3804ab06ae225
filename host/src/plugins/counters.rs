//! Counts over sliding windows, in memory, one set for each install. A count is exact while few
//! additions fall into the window; after that the oldest are merged, which blurs the window's far
//! edge by some per cent. The number of counters is bounded: the longest unused go first.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// The longest window.
const WINDOW_MS_MAX: u32 = 60 * 60 * 1_000;

/// Additions that one counter keeps apart.
const SPANS_MAX: usize = 48;

/// A clock that jumps back further than this makes a counter start anew, lest old additions stay in
/// the window until the clock has caught up.
const CLOCK_BACK_MS_MAX: u64 = 60 * 1_000;

/// The counters of one install. Shared by its calls; locked for well under a microsecond.
pub struct Counters {
    hasher: RandomState,
    counters_max: usize,
    by_key: Mutex<HashMap<u64, Counter>>,
}

#[derive(Default)]
struct Counter {
    window_ms: u32,
    used_ms: u64,
    spans: Vec<Span>,
}

/// Additions from the first to the last moment, both included.
#[derive(Clone, Copy)]
struct Span {
    first_ms: u64,
    last_ms: u64,
    amount: u32,
}

impl Counters {
    pub(super) fn new(counters_max: u32) -> Self {
        Self {
            hasher: RandomState::new(),
            counters_max: counters_max.max(1) as usize,
            by_key: Mutex::default(),
        }
    }

    /// Adds `amount` under `key` and gives the sum over the last `window_ms` milliseconds.
    pub fn add(&self, key: &str, amount: u32, window_ms: u32, now_ms: u64) -> u32 {
        // Keys are kept as keyed hashes: a long key costs no more than a short one.
        let key = self.hasher.hash_one(key);
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if by_key.len() >= self.counters_max && !by_key.contains_key(&key) {
            make_room(&mut by_key, now_ms);
        }
        by_key
            .entry(key)
            .or_default()
            .add(amount, window_ms, now_ms)
    }

    /// The sum over the last `window_ms` milliseconds.
    pub(super) fn sum(&self, key: &str, window_ms: u32, now_ms: u64) -> u32 {
        let key = self.hasher.hash_one(key);
        let by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        by_key
            .get(&key)
            .map_or(0, |counter| counter.sum(window_ms, now_ms))
    }
}

/// Drops what no window reaches any more, and if that is little, the eighth longest unused.
fn make_room(by_key: &mut HashMap<u64, Counter>, now_ms: u64) {
    let wanted = by_key.len() - by_key.len().div_ceil(8);
    by_key.retain(|_, counter| counter.used_ms + u64::from(counter.window_ms) > now_ms);
    if by_key.len() > wanted {
        let mut used: Vec<_> = by_key
            .iter()
            .map(|(key, counter)| (counter.used_ms, *key))
            .collect();
        used.sort_unstable();
        for (_, key) in used.iter().take(by_key.len() - wanted) {
            by_key.remove(key);
        }
    }
}

impl Counter {
    fn add(&mut self, amount: u32, window_ms: u32, now_ms: u64) -> u32 {
        let window_ms = window_ms.min(WINDOW_MS_MAX);
        self.window_ms = self.window_ms.max(window_ms);
        // Calls overlap, so one that began earlier may count later.
        let mut now_ms = now_ms;
        if let Some(last) = self.spans.last().map(|span| span.last_ms) {
            if last > now_ms.saturating_add(CLOCK_BACK_MS_MAX) {
                self.spans.clear();
            } else {
                now_ms = now_ms.max(last);
            }
        }
        self.used_ms = now_ms;
        let reach = now_ms.saturating_sub(self.window_ms.into());
        self.spans.retain(|span| span.last_ms > reach);
        match self.spans.last_mut() {
            Some(span) if span.first_ms == now_ms => {
                span.amount = span.amount.saturating_add(amount);
            }
            _ => self.spans.push(Span {
                first_ms: now_ms,
                last_ms: now_ms,
                amount,
            }),
        }
        if self.spans.len() > SPANS_MAX {
            self.merge(now_ms);
        }
        self.sum(window_ms, now_ms)
    }

    /// Merges the two neighbours whose gap is smallest for their age.
    fn merge(&mut self, now_ms: u64) {
        let blur = |pair: &[Span]| {
            let age = now_ms - pair[1].last_ms + 1;
            (pair[1].last_ms - pair[0].first_ms).saturating_mul(1_000_000) / age
        };
        let at = (0..self.spans.len() - 1).min_by_key(|&at| blur(&self.spans[at..at + 2]));
        if let Some(at) = at {
            let newer = self.spans.remove(at + 1);
            let older = &mut self.spans[at];
            older.last_ms = newer.last_ms;
            older.amount = older.amount.saturating_add(newer.amount);
        }
    }

    fn sum(&self, window_ms: u32, now_ms: u64) -> u32 {
        let edge = now_ms.saturating_sub(window_ms.min(WINDOW_MS_MAX).into());
        self.spans
            .iter()
            .map(|span| span.amount_after(edge))
            .fold(0, u32::saturating_add)
    }
}

impl Span {
    /// What was added after `edge`: of merged additions the share that an even spread would give.
    fn amount_after(&self, edge: u64) -> u32 {
        if self.first_ms > edge {
            self.amount
        } else if self.last_ms <= edge {
            0
        } else {
            let share = u128::from(self.amount) * u128::from(self.last_ms - edge);
            let all = u128::from(self.last_ms - self.first_ms);
            u32::try_from(share.div_ceil(all)).unwrap_or(self.amount)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counters, SPANS_MAX};

    #[test]
    fn counts_slide_out_of_the_window() {
        let counters = Counters::new(10);
        assert_eq!(counters.add("a", 1, 1_000, 10_000), 1);
        assert_eq!(counters.add("a", 2, 1_000, 10_500), 3);
        assert_eq!(counters.sum("a", 1_000, 10_999), 3);
        assert_eq!(counters.sum("a", 1_000, 11_000), 2);
        assert_eq!(counters.sum("a", 100, 10_550), 2);
        assert_eq!(counters.sum("a", 1_000, 11_500), 0);
        assert_eq!(counters.sum("b", 1_000, 10_500), 0);
    }

    #[test]
    fn one_counter_answers_for_several_windows() {
        let counters = Counters::new(10);
        for second in 0..60 {
            counters.add("a", 1, 60_000, 100_000 + second * 1_000);
        }
        let now = 100_000 + 59_000;
        let minute = counters.sum("a", 60_000, now);
        assert!((57..=60).contains(&minute), "{minute}");
        assert_eq!(counters.sum("a", 10_000, now), 10);
    }

    #[test]
    fn a_flood_is_counted_nearly_right_in_little_memory() {
        let counters = Counters::new(10);
        let mut sum = 0;
        for millisecond in 0..30_000 {
            sum = counters.add("a", 1, 10_000, 1_000_000 + millisecond);
        }
        assert!((9_500..=10_500).contains(&sum), "{sum}");
        let by_key = counters.by_key.lock().unwrap();
        assert!(
            by_key
                .values()
                .all(|counter| counter.spans.len() <= SPANS_MAX)
        );
    }

    #[test]
    fn the_longest_unused_counters_go_first() {
        let counters = Counters::new(8);
        for key in 0..8 {
            counters.add(&format!("k{key}"), 1, 60_000, 1_000 + key);
        }
        counters.add("k0", 1, 60_000, 2_000);
        counters.add("new", 1, 60_000, 2_001);
        assert_eq!(counters.sum("k0", 60_000, 2_001), 2);
        assert_eq!(counters.sum("k1", 60_000, 2_001), 0);
        assert_eq!(counters.sum("new", 60_000, 2_001), 1);
        assert!(counters.by_key.lock().unwrap().len() <= 8);
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_lock_anybody_out() {
        let counters = Counters::new(8);
        counters.add("a", 5, 60_000, 10_000_000);
        assert_eq!(counters.add("a", 1, 60_000, 9_999_000), 6);
        assert_eq!(counters.add("a", 1, 60_000, 5_000_000), 1);
    }
}
