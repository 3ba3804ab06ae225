//! Many people, in little room: how many there are, and which of the last thousand.
//!
//! A post may be liked by a hundred thousand, and all that is kept of it goes to the plugin with each
//! like and each feed. So only a mark of six letters is kept of a person, and of the last
//! [`KEPT_MAX`] only. Who is further back counts, but is not known any more: they could come in once
//! more, and can't leave.

use serde::{Deserialize, Serialize};

/// How many people are known.
pub const KEPT_MAX: usize = 1_000;
const MARK: usize = 6;
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Some people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Crowd {
    /// How many.
    #[serde(rename = "n")]
    count: u64,
    /// The marks of the last of them, old to new.
    #[serde(rename = "m")]
    marks: String,
}

impl Crowd {
    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether the user is among the last of them.
    pub fn has(&self, user: &str) -> bool {
        self.place(user).is_some()
    }

    /// Takes the user in. False if they are in already.
    pub fn add(&mut self, user: &str) -> bool {
        if self.has(user) {
            return false;
        }
        self.count += 1;
        self.marks.extend(mark(user).map(char::from));
        if self.marks.len() > KEPT_MAX * MARK {
            self.marks.drain(..MARK);
        }
        true
    }

    /// Lets the user go. False if they are not known.
    pub fn remove(&mut self, user: &str) -> bool {
        let Some(place) = self.place(user) else {
            return false;
        };
        self.count = self.count.saturating_sub(1);
        self.marks.drain(place..place + MARK);
        true
    }

    /// Where their mark begins.
    fn place(&self, user: &str) -> Option<usize> {
        let mark = mark(user);
        let mut marks = self.marks.as_bytes().chunks_exact(MARK);
        marks.position(|known| known == mark).map(|at| at * MARK)
    }
}

/// 36 bits of a user's id: two of a thousand are the same once in a hundred thousand posts.
fn mark(user: &str) -> [u8; MARK] {
    // FNV-1a, its upper bits folded in.
    let hash = user.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut hash = hash ^ (hash >> 36);
    [(); MARK].map(|()| {
        let letter = LETTERS[(hash & 63) as usize];
        hash >>= 6;
        letter
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_come_once_and_go() {
        let mut crowd = Crowd::default();
        assert!(crowd.add("alice") && crowd.add("bob"));
        assert!(!crowd.add("alice"));
        assert!(crowd.has("bob") && !crowd.has("carol"));
        assert_eq!(crowd.count(), 2);
        assert!(crowd.remove("alice") && !crowd.remove("alice"));
        assert!(!crowd.has("alice") && crowd.has("bob"));
        assert_eq!(crowd.count(), 1);
    }

    #[test]
    fn many_take_little_room() {
        let mut crowd = Crowd::default();
        for number in 0..10_000 {
            assert!(crowd.add(&format!("user-{number}")), "{number}");
        }
        assert_eq!(crowd.count(), 10_000);
        assert!(althing_plugin::to_json(&crowd).len() < 6_100);
        assert!(crowd.has("user-9999") && crowd.has("user-9000"));
        // Who is further back is not known any more, and can't leave.
        assert!(!crowd.has("user-8999") && !crowd.remove("user-0"));
        assert_eq!(crowd.count(), 10_000);
    }

    #[test]
    fn marks_differ() {
        let mut marks: Vec<_> = (0..20_000).map(|at| mark(&format!("u{at}"))).collect();
        marks.sort_unstable();
        marks.dedup();
        assert!(marks.len() >= 19_998, "{}", marks.len());
        assert_ne!(mark("ab"), mark("ba"));
    }
}
