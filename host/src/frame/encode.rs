//! Frames out: header and payload in one piece of memory, which all who get the frame share.

use bytes::Bytes;

use super::CONTROL_BYTES_MAX;
use super::header::{CLOSE, PING, PONG, TEXT};

/// The most bytes of a close frame's reason.
pub const CLOSE_REASON_BYTES_MAX: usize = CONTROL_BYTES_MAX - 2;
const FINAL: u8 = 0x80;
/// Opcode, length, and no mask: what a server puts before a payload at most.
const HEADER_BYTES_MAX: usize = 10;

/// A text message in one frame. `text` must be UTF-8, as JSON is.
pub fn encode_text(text: &[u8]) -> Bytes {
    debug_assert!(std::str::from_utf8(text).is_ok());
    encode(TEXT, text)
}

/// Adds a text message in one frame to others. `text` must be UTF-8, as JSON is.
pub fn append_text(frames: &mut Vec<u8>, text: &[u8]) {
    debug_assert!(std::str::from_utf8(text).is_ok());
    append(frames, TEXT, text);
}

/// A ping with at most 125 bytes; more is cut.
pub fn encode_ping(payload: &[u8]) -> Bytes {
    encode(PING, &payload[..payload.len().min(CONTROL_BYTES_MAX)])
}

/// A pong with at most 125 bytes; more is cut.
pub fn encode_pong(payload: &[u8]) -> Bytes {
    encode(PONG, &payload[..payload.len().min(CONTROL_BYTES_MAX)])
}

/// A close frame. A reason over 123 bytes is cut between two characters.
pub fn encode_close(code: u16, reason: &str) -> Bytes {
    let end = reason.floor_char_boundary(CLOSE_REASON_BYTES_MAX);
    let mut payload = Vec::with_capacity(2 + end);
    payload.extend_from_slice(&code.to_be_bytes());
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    encode(CLOSE, &payload)
}

fn encode(opcode: u8, payload: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(HEADER_BYTES_MAX + payload.len());
    append(&mut frame, opcode, payload);
    frame.into()
}

fn append(frames: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    frames.reserve(HEADER_BYTES_MAX + payload.len());
    frames.push(FINAL | opcode);
    match payload.len() {
        length @ 0..=125 => frames.push(length as u8),
        length @ 126..=0xffff => {
            frames.push(126);
            frames.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frames.push(127);
            frames.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frames.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc() {
        assert_eq!(&encode_text(b"Hello")[..], b"\x81\x05Hello");
        assert_eq!(&encode_ping(b"Hello")[..], b"\x89\x05Hello");
        assert_eq!(&encode_pong(b"Hello")[..], b"\x8a\x05Hello");
        assert_eq!(&encode_text(&[b'a'; 256])[..4], b"\x81\x7e\x01\x00");
        assert_eq!(
            &encode_text(&[b'a'; 65536])[..10],
            b"\x81\x7f\0\0\0\0\0\x01\0\0"
        );
    }

    #[test]
    fn lengths_take_their_shortest_form() {
        for (length, header) in [(0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)] {
            assert_eq!(encode_text(&vec![b'a'; length]).len(), header + length);
        }
    }

    #[test]
    fn a_close_frame_has_a_code_and_a_reason_that_fits() {
        assert_eq!(&encode_close(1000, "")[..], b"\x88\x02\x03\xe8");
        assert_eq!(&encode_close(3001, "slow")[..], b"\x88\x06\x0b\xb9slow");
        let long = encode_close(1002, &"ä".repeat(100));
        assert_eq!(long.len(), 2 + 2 + 122);
        assert!(std::str::from_utf8(&long[4..]).is_ok());
    }

    #[test]
    fn control_frames_stay_small() {
        assert_eq!(encode_ping(&[0; 200]).len(), 2 + CONTROL_BYTES_MAX);
        assert_eq!(encode_pong(&[0; 200]).len(), 2 + CONTROL_BYTES_MAX);
    }
}
