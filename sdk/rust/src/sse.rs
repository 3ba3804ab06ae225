//! Server-sent events, read from the pieces in which they come.
//!
//! ```
//! use althing_plugin::sse::Parser;
//!
//! let mut parser = Parser::new();
//! assert!(parser.push(b"data: one\ndata: t").unwrap().is_empty());
//! let events = parser.push(b"wo\n\n: a comment\n").unwrap();
//! assert_eq!(events[0].data, "one\ntwo");
//! ```

use crate::{Error, Result};

/// The most bytes of one event.
const EVENT_BYTES_MAX: usize = 1 << 20;

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its type; empty if it has none.
    pub kind: String,
    /// Its data; what is not UTF-8 is replaced.
    pub data: String,
}

/// Puts events together.
#[derive(Debug, Default)]
pub struct Parser {
    /// What has come of a line.
    line: Vec<u8>,
    /// The last byte was a carriage return, which a line feed may belong to.
    after_return: bool,
    begun: bool,
    event: Event,
    has_data: bool,
}

impl Parser {
    /// One that has got nothing yet.
    pub fn new() -> Parser {
        Parser::default()
    }

    /// The events that end in this piece. `Error::Limited` for one of more than 1 MiB.
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        for &byte in piece {
            let follows_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    events.extend(self.end_line());
                }
                byte => self.line.push(byte),
            }
            if self.line.len() + self.event.data.len() > EVENT_BYTES_MAX {
                return Err(Error::Limited(format!(
                    "an event of more than {EVENT_BYTES_MAX} bytes"
                )));
            }
        }
        Ok(events)
    }

    /// What is left at the end of the answer: an event without the empty line behind it.
    pub fn finish(mut self) -> Option<Event> {
        let ended = self.end_line();
        ended.or_else(|| self.end_line())
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = match std::mem::replace(&mut self.begun, true) {
            false => line.strip_prefix('\u{feff}').unwrap_or(&line),
            true => &line,
        };
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => self.event.kind = value.to_owned(),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(pieces: &[&[u8]]) -> Vec<Event> {
        let mut parser = Parser::new();
        let mut events: Vec<Event> = pieces
            .iter()
            .flat_map(|piece| parser.push(piece).unwrap())
            .collect();
        events.extend(parser.finish());
        events
    }

    #[test]
    fn events_are_the_same_wherever_they_are_split() {
        let text = "\u{feff}: hello\r\n\r\nevent: delta\r\ndata: {\"a\":\"é😀\"}\r\n\r\ndata:one\rdata: two\r\rdata\n\nid: 7\n\ndata: [DONE]\n\n";
        let event = |kind: &str, data: &str| Event {
            kind: kind.into(),
            data: data.into(),
        };
        let expected = [
            event("delta", "{\"a\":\"é😀\"}"),
            event("", "one\ntwo"),
            event("", ""),
            event("", "[DONE]"),
        ];
        let bytes = text.as_bytes();
        for size in 1..bytes.len() {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(parsed(&pieces), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_left_at_the_end_counts() {
        assert_eq!(parsed(&[b"data: x"])[0].data, "x");
        assert_eq!(parsed(&[b"data: x\n"])[0].data, "x");
        assert_eq!(parsed(&[b"data: x\n\n", b""]).len(), 1);
        assert_eq!(parsed(&[b""]), []);
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut parser = Parser::new();
        let piece = vec![b'x'; EVENT_BYTES_MAX];
        assert!(parser.push(&piece).is_ok());
        assert!(matches!(parser.push(b"x"), Err(Error::Limited(_))));
    }
}
