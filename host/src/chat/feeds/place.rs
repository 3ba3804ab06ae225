//! How far somebody has read in a feed: what its cursor holds.
//!
//! The messages that were shown are named by their positions in the log, each by how far it is from the
//! one before, in as few bytes as that takes: a cursor of 500 messages has about 2 KiB.

use crate::clock;
use crate::model::Millis;

/// A place in a feed.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// Where the log ended for the first page.
    pub upto: i64,
    /// When it was asked for.
    pub now: Millis,
    /// Chance, the same for all pages.
    pub seed: u64,
    /// The positions of what was shown, in order.
    pub shown: Vec<i64>,
}

impl Place {
    /// Before the first page.
    pub fn first(now: Millis) -> Self {
        Self {
            upto: i64::MAX,
            now,
            seed: clock::random_u64(),
            shown: Vec::new(),
        }
    }

    /// Takes note of what is shown now.
    pub fn add(&mut self, positions: impl Iterator<Item = i64>) {
        self.shown.extend(positions);
        self.shown.sort_unstable();
        self.shown.dedup();
    }

    /// As bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(24 + 3 * self.shown.len());
        bytes.extend_from_slice(&self.seed.to_le_bytes());
        put(&mut bytes, self.now.unsigned_abs());
        put(&mut bytes, self.upto.unsigned_abs());
        let mut last = self.upto;
        for position in self.shown.iter().rev() {
            put(&mut bytes, (last - position).unsigned_abs());
            last = *position;
        }
        bytes
    }

    /// From bytes, if these are such.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (seed, mut bytes) = bytes.split_first_chunk()?;
        let now = get(&mut bytes)?;
        let upto = get(&mut bytes)?;
        let mut shown = Vec::new();
        let mut last = upto;
        while !bytes.is_empty() {
            last = last.checked_sub(get(&mut bytes)?).filter(|at| *at >= 0)?;
            shown.push(last);
        }
        shown.reverse();
        Some(Self {
            upto,
            now,
            seed: u64::from_le_bytes(*seed),
            shown,
        })
    }
}

/// Seven bits a byte, the lowest first; the eighth says that there are more.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn get(bytes: &mut &[u8]) -> Option<i64> {
    let mut number = 0u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return i64::try_from(number).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let mut place = Place {
            upto: 1_000_000,
            now: 1_795_176_000_000,
            seed: u64::MAX - 7,
            shown: Vec::new(),
        };
        assert_eq!(
            Place::read(&place.write()),
            Some(Place { ..place_of(&place) })
        );
        place.add([5, 1_000_000, 70_000, 5].into_iter());
        assert_eq!(place.shown, [5, 70_000, 1_000_000]);
        assert_eq!(Place::read(&place.write()), Some(place_of(&place)));
        place.upto = i64::MAX;
        assert_eq!(Place::read(&place.write()), Some(place_of(&place)));
    }

    fn place_of(place: &Place) -> Place {
        Place {
            shown: place.shown.clone(),
            ..*place
        }
    }

    #[test]
    fn five_hundred_take_little_room() {
        let mut place = Place::first(1_795_176_000_000);
        place.upto = 50_000_000;
        place.add((0..500).map(|at| at * 100_000));
        assert!(place.write().len() < 1600, "{}", place.write().len());
    }

    #[test]
    fn what_is_no_place_is_none() {
        for bytes in [
            &[][..],
            &[0; 7],
            &[0; 8],
            &[0xff; 30],
            &[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2],
        ] {
            assert_eq!(Place::read(bytes), None, "{bytes:?}");
        }
    }
}
