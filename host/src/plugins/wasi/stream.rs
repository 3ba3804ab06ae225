//! Standard output and error: they go to the call's log, and never make anybody wait.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi_io::async_trait;
use wasmtime_wasi_io::bytes::Bytes;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{OutputStream, StreamResult};

use super::super::log::Stream;
use super::super::meter::Meter;

/// What a guest may write at once.
const PIECE_BYTES_MAX: usize = 4 << 10;

/// Whose log an instance writes to: that of the call under way.
#[derive(Clone)]
pub(super) struct Written(Arc<Mutex<Arc<Meter>>>);

impl Written {
    pub(super) fn to(meter: &Arc<Meter>) -> Self {
        Self(Arc::new(Mutex::new(Arc::clone(meter))))
    }

    pub(super) fn go_to(&self, meter: &Arc<Meter>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(meter);
    }

    pub(super) fn stream(&self, stream: Stream) -> Lines {
        Lines {
            written: self.clone(),
            stream,
        }
    }
}

/// One of the streams.
#[derive(Clone)]
pub(super) struct Lines {
    written: Written,
    stream: Stream,
}

impl Lines {
    fn add(&self, bytes: &[u8]) {
        let meter = self
            .written
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        meter.write_to_log(self.stream, bytes);
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.add(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PIECE_BYTES_MAX)
    }
}

/// The trait asks for it; WASI 0.2 doesn't use it.
impl AsyncWrite for Lines {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.add(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
