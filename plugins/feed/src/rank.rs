//! In which order posts and reels come.
//!
//! All of it follows from the candidates, the reader and the time: the same for the same.

use std::collections::BTreeMap;

/// What is known of a candidate.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// Its place among the candidates.
    pub place: u32,
    pub author: String,
    pub age_ms: u64,
    pub likes: u64,
    pub comments: u64,
    pub shares: u64,
    /// Whether the reader likes or shared it.
    pub liked: bool,
    /// Whether the reader has seen it, where that is known.
    pub seen: bool,
}

/// What each post of the same author that came before takes from the weight of the next.
const REPEATED: f64 = 0.7;
/// What is left of the weight of what the reader has seen.
const SEEN: f64 = 0.1;

/// The places, best first. An item weighs
///
/// - more for what others did with it, at first much, then less: the tenth like says more than the
///   thousandth;
/// - more for how much of the same author the reader likes;
/// - half as much after each half-life;
/// - less for each of the same author that comes before it, so that nobody fills a page alone.
pub fn rank(items: Vec<Item>, half_life_ms: u64) -> Vec<u32> {
    let mut liked: BTreeMap<String, u32> = BTreeMap::new();
    for item in items.iter().filter(|item| item.liked) {
        *liked.entry(item.author.clone()).or_default() += 1;
    }
    let mut by_author: BTreeMap<String, Vec<(f64, u32)>> = BTreeMap::new();
    for item in items {
        let affinity = liked.get(&item.author).copied().unwrap_or_default();
        let weight = weigh(&item, affinity, half_life_ms);
        let of_author = by_author.entry(item.author).or_default();
        of_author.push((weight, item.place));
    }
    // Of each author the best last, to be taken from the end.
    let mut queues: Vec<(f64, Vec<(f64, u32)>)> = by_author
        .into_values()
        .map(|mut items| {
            items.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
            (1.0, items)
        })
        .collect();
    let mut ranked = Vec::new();
    while let Some(at) = best(&queues) {
        let (factor, items) = &mut queues[at];
        if let Some((_, place)) = items.pop() {
            ranked.push(place);
        }
        *factor *= REPEATED;
        if items.is_empty() {
            queues.swap_remove(at);
        }
    }
    ranked
}

/// Whose turn it is. Of equal ones the newer.
fn best(queues: &[(f64, Vec<(f64, u32)>)]) -> Option<usize> {
    let heads = queues
        .iter()
        .enumerate()
        .filter_map(|(at, (factor, items))| {
            let (weight, place) = items.last()?;
            Some((factor * weight, *place, at))
        });
    heads
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
        .map(|(_, _, at)| at)
}

fn weigh(item: &Item, affinity: u32, half_life_ms: u64) -> f64 {
    let points = item
        .likes
        .saturating_add(item.comments.saturating_mul(2))
        .saturating_add(item.shares.saturating_mul(3));
    let engagement = 1.0 + (1.0 + points as f64).ln();
    let affinity = 1.0 + (1.0 + f64::from(affinity)).ln();
    let recency = (-(item.age_ms as f64) / half_life_ms.max(1) as f64).exp2();
    engagement * affinity * recency * if item.seen { SEEN } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3_600_000;

    fn item(place: u32, author: &str, hours: u64) -> Item {
        Item {
            place,
            author: author.into(),
            age_ms: hours * 3_600_000,
            ..Item::default()
        }
    }

    #[test]
    fn what_is_new_comes_first() {
        let items = vec![item(0, "a", 1), item(1, "b", 2), item(2, "c", 30)];
        assert_eq!(rank(items, DAY), [0, 1, 2]);
    }

    #[test]
    fn what_is_liked_comes_before_what_is_a_little_newer() {
        let mut items = vec![item(0, "a", 1), item(1, "b", 5), item(2, "c", 200)];
        items[1].likes = 20;
        assert_eq!(rank(items.clone(), DAY), [1, 0, 2]);
        // But not for ever, and the thousandth like says little.
        items[2].likes = 1_000_000;
        assert_eq!(rank(items, DAY), [1, 0, 2]);
    }

    #[test]
    fn those_whom_the_reader_likes_come_first() {
        let mut items = vec![item(0, "a", 1), item(1, "b", 5), item(2, "b", 90)];
        items[2].liked = true;
        assert_eq!(rank(items, DAY), [1, 0, 2]);
    }

    #[test]
    fn nobody_fills_a_page_alone() {
        let mut items: Vec<Item> = (0..5).map(|at| item(at, "a", 0)).collect();
        items.push(item(5, "b", 20));
        let ranked = rank(items, DAY);
        assert_eq!(
            ranked.iter().position(|place| *place == 5),
            Some(2),
            "{ranked:?}"
        );
        assert_eq!(ranked.len(), 6);
    }

    #[test]
    fn what_was_seen_comes_last() {
        let mut items = vec![item(0, "a", 1), item(1, "b", 40)];
        items[0].seen = true;
        assert_eq!(rank(items, DAY), [1, 0]);
    }

    #[test]
    fn strange_numbers_do_no_harm() {
        let mut items = vec![item(0, "a", 0), item(1, "b", 0), item(2, "", 0)];
        (items[0].likes, items[0].shares) = (u64::MAX, u64::MAX);
        items[1].age_ms = u64::MAX;
        assert_eq!(rank(items, 0), [0, 2, 1]);
        assert!(rank(Vec::new(), DAY).is_empty());
    }
}
