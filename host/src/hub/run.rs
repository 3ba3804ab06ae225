//! Entries of one channel's log that go out together.

use std::sync::Arc;

use bytes::Bytes;

/// Frames of consecutive entries, one behind the other in one piece of memory: whoever gets them all
/// gets them with one push to its queue, and one slice of one system call.
#[derive(Debug, Clone)]
pub struct Run {
    /// The `seq` of the first entry; each of the others is one more than that before it.
    first: i64,
    bytes: Bytes,
    /// Where each frame ends in `bytes`.
    ends: Arc<[usize]>,
}

impl Run {
    /// Encodes entries that begin with `first`: `append` adds the frame of each.
    pub fn encode<T>(
        first: i64,
        entries: impl IntoIterator<Item = T>,
        mut append: impl FnMut(&mut Vec<u8>, T),
    ) -> Self {
        let mut bytes = Vec::new();
        let ends = entries
            .into_iter()
            .map(|entry| {
                append(&mut bytes, entry);
                bytes.len()
            })
            .collect();
        Self {
            first,
            bytes: bytes.into(),
            ends,
        }
    }

    /// How many frames there are.
    pub fn frames(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes they have.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The `seq` of the last entry.
    pub fn last(&self) -> i64 {
        self.first + self.ends.len() as i64 - 1
    }

    /// The frames of the entries after `seq`, and how many these are; `None` when there is none.
    pub fn after(&self, seq: i64) -> Option<(Bytes, usize)> {
        let known = usize::try_from(seq - self.first + 1).unwrap_or(0);
        if known >= self.ends.len() {
            return None;
        }
        let from = known.checked_sub(1).map_or(0, |last| self.ends[last]);
        Some((self.bytes.slice(from..), self.ends.len() - known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_after_is_given() {
        let run = Run::encode(5, ["five", "six", "seven"], |bytes, text| {
            bytes.extend_from_slice(text.as_bytes());
        });
        assert_eq!((run.frames(), run.bytes(), run.last()), (3, 12, 7));
        for (seq, rest, frames) in [
            (i64::MIN + 9, "fivesixseven", 3),
            (4, "fivesixseven", 3),
            (5, "sixseven", 2),
            (6, "seven", 1),
        ] {
            assert_eq!(run.after(seq), Some((Bytes::from(rest), frames)), "{seq}");
        }
        assert!(run.after(7).is_none() && run.after(100).is_none());
    }
}
