//! What one call logs, within its limits: lines through the host's `log`, and what it writes to the
//! standard streams of WASI, line by line. What doesn't fit is dropped.

use super::fault::LogLine;
use super::limits::Limits;
use super::output::cut;
use super::types::Level;

/// A standard stream that a guest may write to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Out,
    Err,
}

/// The lines of a call.
pub(super) struct Log {
    lines: Vec<LogLine>,
    bytes: usize,
    bytes_max: usize,
    line_bytes_max: usize,
    /// The line under way of each stream.
    begun: [Vec<u8>; 2],
}

impl Log {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            lines: Vec::new(),
            bytes: 0,
            bytes_max: limits.log_bytes_max as usize,
            line_bytes_max: limits.log_line_bytes_max as usize,
            begun: Default::default(),
        }
    }

    pub(super) fn add(&mut self, level: Level, mut message: String) {
        cut(&mut message, self.line_bytes_max);
        let bytes = self.bytes + message.len();
        if bytes <= self.bytes_max {
            self.bytes = bytes;
            self.lines.push(LogLine { level, message });
        }
    }

    /// Adds the lines that end within `bytes`; the rest waits for its end.
    pub(super) fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        let rest = parts.next_back().unwrap_or_default();
        for part in parts {
            self.go_on(stream, part);
            self.end(stream);
        }
        self.go_on(stream, rest);
    }

    /// All of them; lines that never ended end here.
    pub(super) fn take(&mut self) -> Vec<LogLine> {
        for stream in [Stream::Out, Stream::Err] {
            if !self.begun[stream as usize].is_empty() {
                self.end(stream);
            }
        }
        std::mem::take(&mut self.lines)
    }

    /// One byte more than is kept, so that `cut` sees that there was more.
    fn go_on(&mut self, stream: Stream, bytes: &[u8]) {
        let line = &mut self.begun[stream as usize];
        let room = (self.line_bytes_max + 1).saturating_sub(line.len());
        line.extend(bytes.iter().take(room));
    }

    fn end(&mut self, stream: Stream) {
        let line = std::mem::take(&mut self.begun[stream as usize]);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches('\r');
        if self.bytes < self.bytes_max && !text.is_empty() {
            let level = match stream {
                Stream::Out => Level::Info,
                Stream::Err => Level::Warn,
            };
            self.add(level, text.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Log, Stream};
    use crate::plugins::{Level, Limits};

    fn log() -> Log {
        Log::new(&Limits {
            log_bytes_max: 100,
            log_line_bytes_max: 8,
            ..Limits::default()
        })
    }

    #[test]
    fn streams_become_lines_however_they_are_written() {
        let mut log = log();
        for piece in ["on", "e\r\n\ntw", "o\nthree"] {
            log.write(Stream::Out, piece.as_bytes());
            log.write(Stream::Err, b"!");
        }
        let lines = log.take();
        let told: Vec<_> = lines
            .iter()
            .map(|line| (line.level, line.message.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (Level::Info, "one"),
                (Level::Info, "two"),
                (Level::Info, "three"),
                (Level::Warn, "!!!")
            ]
        );
        assert!(log.take().is_empty());
    }

    #[test]
    fn a_flood_takes_no_more_than_its_limits() {
        let mut log = log();
        log.write(Stream::Out, &[b'x'; 1 << 20]);
        assert!(log.begun[0].len() <= 9);
        log.write(Stream::Out, &[b'\n'; 1 << 10]);
        log.write(Stream::Out, b"yyyyyyy\n".repeat(1 << 10).as_slice());
        log.add(Level::Error, "zzzzzzz".into());
        let lines = log.take();
        assert!(lines.iter().map(|line| line.message.len()).sum::<usize>() <= 100);
        assert_eq!(lines.len(), 14);
        assert_eq!(lines[0].message.len(), 8);
    }
}
