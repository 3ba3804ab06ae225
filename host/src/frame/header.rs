//! The header of a client's frame: 6 to 14 bytes, checked as early as they arrive.

use super::{CONTROL_BYTES_MAX, FrameError};

pub(super) const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xa;

/// A header that by itself is in order. Its length is only what the client says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    /// The last frame of its message.
    pub is_final: bool,
    /// `CONTINUATION`, `TEXT`, `CLOSE`, `PING` or `PONG`.
    pub opcode: u8,
    /// Of the payload, up to 2^63 − 1.
    pub length: u64,
    pub mask: [u8; 4],
}

impl Header {
    /// The header at the start of `bytes` and how long it is; `None` while it is not all there.
    /// `in_message`: between the frames of a message.
    pub fn read(bytes: &[u8], in_message: bool) -> Result<Option<(Header, usize)>, FrameError> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        let (is_final, opcode) = (first & 0x80 != 0, first & 0x0f);
        let (is_masked, short) = (second & 0x80 != 0, second & 0x7f);
        check_start(*first, is_final, opcode, in_message)?;
        if opcode >= CLOSE && usize::from(short) > CONTROL_BYTES_MAX {
            return Err(FrameError::ControlTooLong);
        }
        if !is_masked {
            return Err(FrameError::Unmasked);
        }
        let Some((length, rest)) = read_length(short, rest)? else {
            return Ok(None);
        };
        let Some((mask, rest)) = rest.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let header = Header {
            is_final,
            opcode,
            length,
            mask: *mask,
        };
        Ok(Some((header, bytes.len() - rest.len())))
    }

    pub fn is_control(self) -> bool {
        self.opcode >= CLOSE
    }
}

fn check_start(first: u8, is_final: bool, opcode: u8, in_message: bool) -> Result<(), FrameError> {
    if first & 0x70 != 0 {
        return Err(FrameError::ReservedBits);
    }
    match opcode {
        CONTINUATION if !in_message => Err(FrameError::NothingToContinue),
        TEXT | BINARY if in_message => Err(FrameError::MessageInMessage),
        BINARY => Err(FrameError::Binary),
        CLOSE | PING | PONG if !is_final => Err(FrameError::FragmentedControl),
        CONTINUATION | TEXT | CLOSE | PING | PONG => Ok(()),
        _ => Err(FrameError::Opcode),
    }
}

/// The payload's length and what follows it; `None` while it is not all there.
fn read_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, FrameError> {
    let (length, least, rest) = match short {
        126 => match rest.split_first_chunk::<2>() {
            Some((bytes, rest)) => (u64::from(u16::from_be_bytes(*bytes)), 126, rest),
            None => return Ok(None),
        },
        127 => match rest.split_first_chunk::<8>() {
            Some((bytes, rest)) => (u64::from_be_bytes(*bytes), 0x1_0000, rest),
            None => return Ok(None),
        },
        _ => (u64::from(short), 0, rest),
    };
    // The RFC wants the shortest form, and the highest bit of the longest one to be 0.
    if length < least || length >> 63 != 0 {
        return Err(FrameError::LengthForm);
    }
    Ok(Some((length, rest)))
}
