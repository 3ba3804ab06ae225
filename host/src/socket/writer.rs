//! Writes what is in the outbox, many frames at a time, until the outbox is closed.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::timeout;

use crate::frame;
use crate::hub::{Close, Outbox};

/// Pieces in one system call, each of one frame or several.
const AT_ONCE: usize = 64;
/// How long the other side may take to accept a single write.
const STALLED: Duration = Duration::from_secs(20);
/// How long it may take to accept the last frame.
const LAST: Duration = Duration::from_secs(1);

/// Runs until the socket is closed. Gives the reason.
pub async fn run(outbox: Arc<Outbox>, mut stream: OwnedWriteHalf) -> Close {
    let mut frames: Vec<Bytes> = Vec::new();
    loop {
        if let Some(close) = outbox.take(&mut frames, AT_ONCE) {
            // Whether the other side still hears why does not change that it is over.
            let last = frame::encode_close(close.code, close.reason);
            let _ = timeout(LAST, stream.write_all(&last)).await;
            let _ = timeout(LAST, stream.shutdown()).await;
            return close;
        }
        if frames.is_empty() {
            // Between bursts nothing is kept for the next one.
            frames = Vec::new();
            outbox.ready().await;
            continue;
        }
        match timeout(STALLED, write_all(&mut stream, &frames)).await {
            Ok(Ok(())) => frames.clear(),
            Ok(Err(_)) | Err(_) => {
                outbox.close(Close::SLOW);
                return Close::SLOW;
            }
        }
    }
}

async fn write_all(stream: &mut OwnedWriteHalf, frames: &[Bytes]) -> io::Result<()> {
    if let [one] = frames {
        return stream.write_all(one).await;
    }
    let mut slices: Vec<IoSlice<'_>> = frames.iter().map(|frame| IoSlice::new(frame)).collect();
    let mut rest = slices.as_mut_slice();
    while !rest.is_empty() {
        let written = stream.write_vectored(rest).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        IoSlice::advance_slices(&mut rest, written);
    }
    Ok(())
}
