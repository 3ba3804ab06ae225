//! An answer that is read as it comes, within limits on its size, its silence and its time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::time::{Instant, timeout_at};

use super::exchange::Answer;
use super::{Client, Error, Request, Slot, slot};
use crate::address::Hosts;
use crate::admission::Holder;

/// The most that one read gives.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// An answer of which the head is there. Dropped, it ends the connection.
pub struct Incoming {
    answer: Answer,
    host: String,
    _slot: Slot,
    /// What a read left to the next one.
    rest: Bytes,
    bytes_left: usize,
    bytes_max: usize,
    silence_max: Duration,
    heard_at: Instant,
    until: Instant,
    /// How it ended.
    end: Option<Result<(), Error>>,
}

impl Client {
    /// Sends a request for an app to one of `hosts`, follows redirects among them, and gives the
    /// answer when its head is there. It ends at `until`, if that is sooner than it would anyway.
    ///
    /// # Errors
    /// If anything but an answer comes of it. Whether the request has arrived is then unknown.
    pub async fn open(
        &self,
        holder: Holder,
        hosts: &Hosts,
        request: Request,
        until: Option<std::time::Instant>,
    ) -> Result<Incoming, Error> {
        let settings = &self.settings;
        self.check(&request)?;
        let slot = slot(&self.streams, holder)?;
        let now = Instant::now();
        let last = now + Duration::from_millis(settings.stream_timeout_ms);
        let until = until.map_or(last, |until| last.min(until.into()));
        let silence_max = Duration::from_millis(settings.stream_silence_ms);
        let head = request
            .timeout
            .map_or(silence_max, |time| time.min(silence_max));
        let followed = self.follow(hosts, request, &slot);
        let (answer, target) = match timeout_at(until.min(now + head), followed).await {
            Ok(followed) => followed?,
            Err(_) => return Err(Error::Timeout),
        };
        let bytes_max = settings.stream_bytes_max;
        if answer.body.size_hint().lower() > bytes_max as u64 {
            return Err(too_large(bytes_max));
        }
        Ok(Incoming {
            answer,
            host: target.authority(),
            _slot: slot,
            rest: Bytes::new(),
            bytes_left: bytes_max,
            bytes_max,
            silence_max,
            heard_at: Instant::now(),
            until,
            end: None,
        })
    }
}

fn too_large(max: usize) -> Error {
    Error::TooLarge { part: "body", max }
}

/// What waiting for a piece came to.
enum Next {
    Piece(Bytes),
    Nothing,
    End(Result<(), Error>),
}

impl Incoming {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.answer.head.status
    }

    /// The headers as they came.
    pub fn headers(&self) -> &HeaderMap {
        &self.answer.head.headers
    }

    /// What comes of the body, at most 64 KiB: waits up to `wait` for the first of it and `gather`
    /// more for what comes behind. Empty if nothing came, `None` after the end.
    ///
    /// # Errors
    /// How it ended, if not well: at this read and at each further one.
    pub async fn read(&mut self, wait: Duration, gather: Duration) -> Result<Option<Bytes>, Error> {
        let mut read = BytesMut::new();
        let mut patience = Instant::now() + wait;
        while read.len() < PIECE_BYTES_MAX && self.end.is_none() {
            let piece = match self.next(patience).await {
                Next::Piece(piece) => piece,
                Next::Nothing => break,
                Next::End(end) => {
                    self.end = Some(end);
                    break;
                }
            };
            if read.is_empty() {
                patience = Instant::now() + gather;
            }
            read.extend_from_slice(&piece);
        }
        if !read.is_empty() {
            // How it ended is for the next read.
            let mut read = read.freeze();
            self.rest = read.split_off(read.len().min(PIECE_BYTES_MAX));
            return Ok(Some(read));
        }
        match &self.end {
            None => Ok(Some(Bytes::new())),
            Some(end) => end.clone().map(|()| None),
        }
    }

    async fn next(&mut self, patience: Instant) -> Next {
        if !self.rest.is_empty() {
            return Next::Piece(std::mem::take(&mut self.rest));
        }
        let over = self.until.min(self.heard_at + self.silence_max);
        let frame = match timeout_at(patience.min(over), self.answer.body.frame()).await {
            Err(_) if Instant::now() >= over => return Next::End(Err(Error::Timeout)),
            Err(_) => return Next::Nothing,
            Ok(None) => return Next::End(Ok(())),
            Ok(Some(Err(_))) => {
                let host = self.host.clone();
                return Next::End(Err(Error::NotHttp { host }));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        self.heard_at = Instant::now();
        // Trailers are for nobody.
        let piece = frame.into_data().unwrap_or_default();
        if piece.len() > self.bytes_left {
            return Next::End(Err(too_large(self.bytes_max)));
        }
        self.bytes_left -= piece.len();
        Next::Piece(piece)
    }
}
