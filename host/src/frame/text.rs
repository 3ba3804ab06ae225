//! The text of a message while it arrives: unmasked, and checked to be UTF-8 up to its last whole
//! character, so that a bad byte ends the connection at once and not after a megabyte more.

use super::FrameError;

/// The most memory that is taken on the word of a header.
const TRUST_BYTES_MAX: usize = 4096;

/// A message that is not whole yet.
#[derive(Debug, Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
    /// How many of them are known to be UTF-8.
    checked: usize,
    /// How many frames it came in so far.
    pub fragments: u32,
}

impl Text {
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Makes room for a frame of `length` bytes, within reason.
    pub fn expect(&mut self, length: usize) {
        self.bytes.reserve(length.min(TRUST_BYTES_MAX));
    }

    /// Adds a piece of a frame's payload that begins `offset` bytes into it.
    pub fn push(&mut self, piece: &[u8], mask: [u8; 4], offset: usize) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(piece);
        unmask(&mut self.bytes[start..], mask, offset);
    }

    /// Fails as soon as no continuation could make it UTF-8.
    pub fn check(&mut self) -> Result<(), FrameError> {
        match std::str::from_utf8(&self.bytes[self.checked..]) {
            Ok(_) => self.checked = self.bytes.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(FrameError::Utf8),
        }
        Ok(())
    }

    /// The whole message.
    pub fn finish(self) -> Result<String, FrameError> {
        String::from_utf8(self.bytes).map_err(|_| FrameError::Utf8)
    }
}

/// Applies the mask to a piece of a payload that begins `offset` bytes into it, eight bytes at a
/// time.
pub(super) fn unmask(bytes: &mut [u8], mask: [u8; 4], offset: usize) {
    let mask: [u8; 8] = std::array::from_fn(|at| mask[(offset + at) % 4]);
    let word = u64::from_ne_bytes(mask);
    let (words, tail) = bytes.as_chunks_mut::<8>();
    for chunk in words {
        *chunk = (u64::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    for (byte, mask) in tail.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn unmasking_is_what_the_rfc_says(
            bytes in proptest::collection::vec(any::<u8>(), 0..100), mask: [u8; 4], offset in 0usize..9
        ) {
            let mut fast = bytes.clone();
            unmask(&mut fast, mask, offset);
            let slow: Vec<u8> =
                bytes.iter().enumerate().map(|(at, byte)| byte ^ mask[(at + offset) % 4]).collect();
            prop_assert_eq!(fast, slow);
        }

        /// The check fails at the byte that spoils it: never on a text that could still be right,
        /// and no later than the first byte after which it can't.
        #[test]
        fn a_bad_byte_is_found_at_once(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut text = Text::default();
            for (at, byte) in bytes.iter().enumerate() {
                text.push(&[*byte], [0; 4], 0);
                let could_be_right = match std::str::from_utf8(&bytes[..=at]) {
                    Ok(_) => true,
                    Err(error) => error.error_len().is_none(),
                };
                prop_assert_eq!(text.check().is_ok(), could_be_right);
                if !could_be_right {
                    break;
                }
            }
        }
    }

    #[test]
    fn little_memory_is_taken_on_trust() {
        let mut text = Text::default();
        text.expect(usize::MAX);
        assert!(text.bytes.capacity() <= 2 * TRUST_BYTES_MAX);
    }
}
