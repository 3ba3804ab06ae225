//! Who comes: answers, places and the waiting list.

use althing_plugin::to_json;
use serde::{Deserialize, Serialize};

/// The state of a message may have 64 KiB: this is left for answers.
const BYTES_MAX: usize = 40_000;

/// What somebody answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes,
    Maybe,
    No,
}

impl Answer {
    /// Reads `yes`, `maybe` or `no`.
    pub fn read(text: &str) -> Option<Answer> {
        Some(match text {
            "yes" => Answer::Yes,
            "maybe" => Answer::Maybe,
            "no" => Answer::No,
            _ => return None,
        })
    }
}

/// All answers, each list in the order in which they came. Nobody is in two of them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Answers {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub going: Vec<String>,
    /// Would come, if there were a place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maybe: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no: Vec<String>,
    /// Who has got a place from the waiting list and was not told yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moved_up: Vec<String>,
}

impl Answers {
    /// What a user answered; `None` for nothing.
    pub fn of(&self, user: &str) -> Option<Answer> {
        let has = |list: &[String]| list.iter().any(|known| known == user);
        match () {
            () if has(&self.going) || has(&self.waiting) => Some(Answer::Yes),
            () if has(&self.maybe) => Some(Answer::Maybe),
            () if has(&self.no) => Some(Answer::No),
            () => None,
        }
    }

    /// Takes an answer, or takes one back. The same again changes nothing: whoever has a place keeps
    /// it.
    pub fn set(
        &mut self,
        user: &str,
        answer: Option<Answer>,
        capacity: Option<u32>,
    ) -> Result<(), String> {
        if self.of(user) == answer {
            return Ok(());
        }
        let is_new = self.of(user).is_none();
        let before = is_new.then(|| self.clone());
        self.remove(user);
        let user = user.to_owned();
        match answer {
            Some(Answer::Yes) if self.has_room(capacity) => self.going.push(user),
            Some(Answer::Yes) => self.waiting.push(user),
            Some(Answer::Maybe) => self.maybe.push(user),
            Some(Answer::No) => self.no.push(user),
            None => {}
        }
        self.move_up(capacity);
        match before {
            Some(before) if to_json(self).len() > BYTES_MAX => {
                *self = before;
                Err("This event has as many answers as it can hold.".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Forgets people who left.
    pub fn forget(&mut self, users: &[String], capacity: Option<u32>) {
        for user in users {
            self.remove(user);
        }
        self.move_up(capacity);
    }

    /// Gives free places to those who wait, in their order. Nobody loses a place when there are fewer
    /// of them than before.
    pub fn move_up(&mut self, capacity: Option<u32>) {
        while self.has_room(capacity) && !self.waiting.is_empty() {
            let user = self.waiting.remove(0);
            self.moved_up.push(user.clone());
            self.going.push(user);
        }
    }

    /// Notes who was told of their place.
    pub fn told(&mut self, users: &[String]) {
        self.moved_up.retain(|user| !users.contains(user));
    }

    fn has_room(&self, capacity: Option<u32>) -> bool {
        capacity.is_none_or(|capacity| self.going.len() < capacity as usize)
    }

    fn remove(&mut self, user: &str) {
        let lists = [
            &mut self.going,
            &mut self.waiting,
            &mut self.maybe,
            &mut self.no,
            &mut self.moved_up,
        ];
        for list in lists {
            list.retain(|known| known != user);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whoever_waits_moves_up_in_order() {
        let mut answers = Answers::default();
        for user in ["a", "b", "c", "d"] {
            answers.set(user, Some(Answer::Yes), Some(2)).unwrap();
        }
        assert_eq!((answers.going.len(), answers.waiting.len()), (2, 2));
        answers.set("a", Some(Answer::Yes), Some(2)).unwrap();
        assert_eq!(answers.going, ["a", "b"], "the same again changes nothing");
        answers.set("a", Some(Answer::No), Some(2)).unwrap();
        assert_eq!(answers.going, ["b", "c"]);
        assert_eq!(answers.moved_up, ["c"]);
        answers.told(&["c".into()]);
        answers.forget(&["b".into(), "d".into()], Some(2));
        assert_eq!((answers.going.len(), answers.waiting.len()), (1, 0));
        assert!(answers.moved_up.is_empty());
        answers.set("a", None, Some(2)).unwrap();
        assert_eq!(answers.of("a"), None);
    }

    #[test]
    fn a_full_event_says_so_and_people_can_still_change_their_minds() {
        let mut answers = Answers::default();
        let user = |n: usize| format!("{n:0>128}");
        let full = (0..).find(|n| answers.set(&user(*n), Some(Answer::Yes), None).is_err());
        assert!(full.is_some_and(|many| many > 250), "{full:?}");
        answers.set(&user(0), Some(Answer::No), None).unwrap();
        assert_eq!(answers.no.len(), 1);
        // Everybody moving up at once stays within what the host keeps.
        let mut waiting = Answers::default();
        for n in 0.. {
            if waiting.set(&user(n), Some(Answer::Yes), Some(1)).is_err() {
                break;
            }
        }
        waiting.move_up(None);
        assert!(to_json(&waiting).len() < 2 * BYTES_MAX + 1000);
    }

    proptest! {
        #[test]
        fn everybody_is_counted_once(
            steps in prop::collection::vec((0..12u8, 0..6u8), 0..80), capacity in prop::option::of(1..5u32)
        ) {
            let mut answers = Answers::default();
            for (user, answer) in steps {
                let user = format!("u{user}");
                let before = answers.clone();
                match answer {
                    0 => answers.set(&user, None, capacity).unwrap(),
                    1 => answers.forget(std::slice::from_ref(&user), capacity),
                    2 => answers.set(&user, Some(Answer::Maybe), capacity).unwrap(),
                    3 => answers.set(&user, Some(Answer::No), capacity).unwrap(),
                    _ => answers.set(&user, Some(Answer::Yes), capacity).unwrap(),
                }
                let lists = [&answers.going, &answers.waiting, &answers.maybe, &answers.no];
                let mut all: Vec<&String> = lists.into_iter().flatten().collect();
                let many = all.len();
                all.sort_unstable();
                all.dedup();
                prop_assert_eq!(all.len(), many);
                if let Some(capacity) = capacity {
                    prop_assert!(answers.going.len() <= capacity as usize);
                    prop_assert!(answers.waiting.is_empty() || answers.going.len() == capacity as usize);
                }
                // Nobody else lost a place.
                for other in before.going.iter().filter(|other| **other != user) {
                    prop_assert!(answers.going.contains(other));
                }
                for told in &answers.moved_up {
                    prop_assert!(answers.going.contains(told));
                }
            }
        }
    }
}
