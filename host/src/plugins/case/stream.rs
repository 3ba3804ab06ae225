//! An answer from the outside that a call reads as it comes, written down piece by piece, or played back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answers::Answered;
use super::tape::{Reel, Tape};
use super::texts::{Body, Headers};
use super::things::request_document;
use crate::plugins::{Answer, HostError, HttpRequest, Incoming};

/// What there is of an answer before anything of its body is read.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Head {
    status: u16,
    headers: Headers,
}

/// What a read gave: nothing after the end.
struct Piece(Option<Vec<u8>>);

/// One that is written down, and read from the outside unless it is played back.
struct Stream {
    head: Head,
    /// Which of the call's it is, from 1.
    number: usize,
    reel: Arc<Reel>,
    live: Option<Box<dyn Incoming>>,
}

/// Opens one.
pub(super) async fn open(
    tape: &Tape,
    request: HttpRequest,
    until: Option<Instant>,
) -> Result<Box<dyn Incoming>, HostError> {
    let question = request_document(&request);
    let mut live = None;
    let opened = || -> Answer<'_, Head> {
        Box::pin(async {
            let incoming = live.insert(tape.chat.open(request, until).await?);
            Ok(Head {
                status: incoming.status(),
                headers: incoming.headers().as_slice().into(),
            })
        })
    };
    let head = tape.reel.ask("http.open", question, opened).await?;
    Ok(Box::new(Stream {
        head,
        number: tape.reel.count("http.open"),
        reel: Arc::clone(&tape.reel),
        live,
    }))
}

impl Incoming for Stream {
    fn status(&self) -> u16 {
        self.head.status
    }

    fn headers(&self) -> Vec<(String, String)> {
        self.head.headers.clone().into()
    }

    fn read(&mut self, wait: Duration, gather: Duration) -> Answer<'_, Option<Vec<u8>>> {
        // How long it would wait is no part of the question: the pieces come as they came then.
        let question = json!({ "answer": self.number });
        let Self { reel, live, .. } = self;
        Box::pin(async move {
            let read = || -> Answer<'_, Piece> {
                Box::pin(async move {
                    match live {
                        Some(live) => live.read(wait, gather).await.map(Piece),
                        None => Ok(Piece(None)),
                    }
                })
            };
            Ok(reel.ask("http.read", question, read).await?.0)
        })
    }
}

impl Answered for Head {
    const AGAIN: bool = false;

    fn write(&self) -> Value {
        json!(self)
    }

    fn read(noted: Value) -> Result<Self, String> {
        Self::deserialize(noted).map_err(|error| error.to_string())
    }
}

impl Answered for Piece {
    fn write(&self) -> Value {
        json!(self.0.as_deref().map(Body::from))
    }

    fn read(noted: Value) -> Result<Self, String> {
        let body = Option::<Body>::deserialize(noted).map_err(|error| error.to_string())?;
        body.map(|body| body.read()).transpose().map(Self)
    }
}
