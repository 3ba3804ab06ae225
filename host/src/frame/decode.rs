//! Frames in, from pieces of any size.

use bytes::Bytes;

use super::header::{CLOSE, Header, PING};
use super::text::{Text, unmask};
use super::{CloseFrame, FRAGMENTS_MAX, FrameError, Message, is_close_code};

/// The room for reading that an idle connection keeps, in bytes.
pub const READ_BYTES_MIN: usize = 512;
/// The most room for reading that a busy connection gets, in bytes.
pub const READ_BYTES_MAX: usize = 16 * 1024;

/// Turns what a client sends into messages. Read into [`Decoder::room`], then take messages from
/// [`Decoder::next_message`] until there is none.
#[derive(Debug)]
pub struct Decoder {
    message_bytes_max: usize,
    /// What was read and is not decoded yet, from `decoded` on.
    buffer: Vec<u8>,
    decoded: usize,
    /// The message that has begun and not ended.
    text: Option<Text>,
    /// The frame that has begun and not ended.
    frame: Option<Frame>,
    end: Option<End>,
}

#[derive(Debug)]
struct Frame {
    header: Header,
    /// How much of its payload has arrived.
    arrived: usize,
    /// How much there will be; checked against the limits.
    length: usize,
    /// The payload of a control frame.
    control: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Closed,
    Failed(FrameError),
}

impl Decoder {
    /// A decoder of messages up to `message_bytes_max` bytes, however many frames they come in.
    pub fn new(message_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            buffer: Vec::new(),
            decoded: 0,
            text: None,
            frame: None,
            end: None,
        }
    }

    /// Where to append what is read next: its spare capacity is what to read at most. It grows
    /// while reads fill it and shrinks at the first that doesn't.
    pub fn room(&mut self) -> &mut Vec<u8> {
        let was_full = !self.buffer.is_empty() && self.buffer.len() == self.buffer.capacity();
        let capacity = if was_full {
            (self.buffer.capacity() * 2).min(READ_BYTES_MAX)
        } else {
            READ_BYTES_MIN
        };
        // At most a header's beginning is left: payloads are taken out as they come.
        let left = self.buffer.len() - self.decoded;
        if self.buffer.capacity() == capacity || left >= capacity {
            self.buffer.drain(..self.decoded);
            self.buffer.reserve(1);
        } else {
            let mut buffer = Vec::with_capacity(capacity);
            buffer.extend_from_slice(&self.buffer[self.decoded..]);
            self.buffer = buffer;
        }
        self.decoded = 0;
        &mut self.buffer
    }

    /// The next whole message, `None` if more has to be read first. After a close frame there is
    /// none any more, and after an error only that error.
    pub fn next_message(&mut self) -> Result<Option<Message>, FrameError> {
        match self.end {
            None => {}
            Some(End::Closed) => {
                self.decoded = self.buffer.len();
                return Ok(None);
            }
            Some(End::Failed(error)) => return Err(error),
        }
        let decoded = self.decode();
        match &decoded {
            Ok(Some(Message::Close(_))) => self.finish(End::Closed),
            Err(error) => self.finish(End::Failed(*error)),
            Ok(_) => {}
        }
        decoded
    }

    fn finish(&mut self, end: End) {
        *self = Self {
            end: Some(end),
            ..Self::new(self.message_bytes_max)
        };
    }

    fn decode(&mut self) -> Result<Option<Message>, FrameError> {
        loop {
            let Some(mut frame) = self.frame.take() else {
                let unread = &self.buffer[self.decoded..];
                let Some((header, length)) = Header::read(unread, self.text.is_some())? else {
                    return Ok(None);
                };
                self.decoded += length;
                self.frame = Some(self.begin(header)?);
                continue;
            };
            let is_whole = self.take_payload(&mut frame);
            if !frame.header.is_control()
                && let Some(text) = &mut self.text
                && !(is_whole && frame.header.is_final)
            {
                text.check()?;
            }
            if !is_whole {
                self.frame = Some(frame);
                return Ok(None);
            }
            if let Some(message) = self.complete(frame)? {
                return Ok(Some(message));
            }
        }
    }

    /// Checks a frame's length against the limits, and makes room for it.
    fn begin(&mut self, header: Header) -> Result<Frame, FrameError> {
        let length = usize::try_from(header.length).map_err(|_| FrameError::TooLarge)?;
        if !header.is_control() {
            let text = self.text.get_or_insert_default();
            let total = text.len().checked_add(length).ok_or(FrameError::TooLarge)?;
            if total > self.message_bytes_max {
                return Err(FrameError::TooLarge);
            }
            text.fragments += 1;
            if text.fragments > FRAGMENTS_MAX {
                return Err(FrameError::TooManyFragments);
            }
            text.expect(length);
        }
        Ok(Frame {
            header,
            arrived: 0,
            length,
            control: Vec::new(),
        })
    }

    /// Moves what has arrived of the payload to where it belongs. True if that is all of it.
    fn take_payload(&mut self, frame: &mut Frame) -> bool {
        let unread = &self.buffer[self.decoded..];
        let piece = &unread[..unread.len().min(frame.length - frame.arrived)];
        match &mut self.text {
            Some(text) if !frame.header.is_control() => {
                text.push(piece, frame.header.mask, frame.arrived);
            }
            _ => frame.control.extend_from_slice(piece),
        }
        frame.arrived += piece.len();
        self.decoded += piece.len();
        frame.arrived == frame.length
    }

    /// What a frame, now whole, means: the end of a message, or nothing yet.
    fn complete(&mut self, frame: Frame) -> Result<Option<Message>, FrameError> {
        let Frame {
            header,
            mut control,
            ..
        } = frame;
        if !header.is_control() {
            return match self.text.take_if(|_| header.is_final) {
                Some(text) => text.finish().map(|text| Some(Message::Text(text))),
                None => Ok(None),
            };
        }
        unmask(&mut control, header.mask, 0);
        Ok(Some(match header.opcode {
            CLOSE => Message::Close(read_close(&control)?),
            PING => Message::Ping(Bytes::from(control)),
            _ => Message::Pong(Bytes::from(control)),
        }))
    }
}

fn read_close(body: &[u8]) -> Result<Option<CloseFrame>, FrameError> {
    if body.is_empty() {
        return Ok(None);
    }
    let (code, reason) = body.split_first_chunk::<2>().ok_or(FrameError::CloseBody)?;
    let code = u16::from_be_bytes(*code);
    let reason = std::str::from_utf8(reason).map_err(|_| FrameError::CloseBody)?;
    if !is_close_code(code) {
        return Err(FrameError::CloseBody);
    }
    Ok(Some(CloseFrame {
        code,
        reason: reason.to_owned(),
    }))
}

#[cfg(test)]
mod tests;
