//! Answers that are read as they come.

use std::time::Duration;

use crate::bindings::http;
use crate::{Error, Result};

/// An answer of which the head is there. It is given up when it is dropped, and with the call.
#[derive(Debug)]
pub struct Incoming(http::Incoming);

impl Incoming {
    pub(super) fn new(answer: http::Incoming) -> Incoming {
        Incoming(answer)
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.0.status()
    }

    /// Whether the status is 200 to 299.
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status())
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<String> {
        let mut headers = self.0.headers().into_iter();
        headers
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// What comes of the body, at most 64 KiB at once: waits up to `wait` for the first of it, and
    /// `gather` more for what comes right behind. Empty if nothing came, `None` after the end.
    /// `Error::Unavailable` when it breaks off, is silent for too long or the time for it is over,
    /// `Error::Limited` when it is too large; nothing more comes then.
    pub fn read(&self, wait: Duration, gather: Duration) -> Result<Option<Vec<u8>>> {
        Ok(self.0.read(millis(wait), millis(gather))?)
    }

    /// The rest of the body, if it has at most `bytes_max` bytes, else `Error::Limited`.
    pub fn rest(&self, bytes_max: usize) -> Result<Vec<u8>> {
        let mut rest = Vec::new();
        while let Some(piece) = self.read(Duration::from_secs(60), Duration::ZERO)? {
            rest.extend(piece);
            if rest.len() > bytes_max {
                return Err(Error::Limited(format!("an answer of {bytes_max} bytes")));
            }
        }
        Ok(rest)
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
