//! The floor of fan-out: each byte on a control connection sends one prepared frame to every
//! subscriber, through a queue for each and many frames in one write. No history, no rights, nothing
//! is stored or encoded.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Frames in one system call, as many as the host takes.
const AT_ONCE: usize = 64;
/// The first byte of a connection that controls.
pub const CONTROL: u8 = b'c';
/// The first byte of a connection that subscribes.
pub const SUBSCRIBE: u8 = b's';

#[derive(Default)]
struct Subscriber {
    queue: Mutex<VecDeque<Bytes>>,
    wake: Notify,
}

type Subscribers = Arc<Mutex<Vec<Arc<Subscriber>>>>;

/// Serves until it is killed. Prints its port.
///
/// # Errors
/// It can't listen.
pub fn run(frame_bytes: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{}", listener.local_addr()?.port());
        let (frame, subscribers) = (frame(frame_bytes), Subscribers::default());
        loop {
            let (stream, _) = listener.accept().await?;
            // A connection that ends takes nothing with it.
            tokio::spawn(serve(stream, subscribers.clone(), frame.clone()));
        }
    })
}

/// A text frame of `bytes` bytes, header and all.
fn frame(bytes: usize) -> Bytes {
    let payload = bytes.saturating_sub(4).max(126);
    let mut frame = vec![0x81, 126];
    frame.extend_from_slice(&(payload as u16).to_be_bytes());
    frame.resize(4 + payload, b'x');
    frame.into()
}

async fn serve(mut stream: TcpStream, subscribers: Subscribers, frame: Bytes) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match stream.read_u8().await? {
        CONTROL => {
            let mut buffer = [0; 4096];
            loop {
                match stream.read(&mut buffer).await? {
                    0 => return Ok(()),
                    frames => publish(&subscribers, &frame, frames),
                }
            }
        }
        _ => {
            let (mut read, write) = stream.into_split();
            let subscriber = Arc::new(Subscriber::default());
            subscribers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(subscriber.clone());
            tokio::select! {
                ended = write_queue(&subscriber, write) => ended,
                ended = read.read_u8() => ended.map(drop),
            }
        }
    }
}

fn publish(subscribers: &Subscribers, frame: &Bytes, count: usize) {
    for subscriber in subscribers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
    {
        let mut queue = subscriber
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let was_empty = queue.is_empty();
        queue.extend(std::iter::repeat_n(frame, count).cloned());
        drop(queue);
        if was_empty {
            subscriber.wake.notify_one();
        }
    }
}

async fn write_queue(subscriber: &Subscriber, mut stream: OwnedWriteHalf) -> io::Result<()> {
    let mut frames: Vec<Bytes> = Vec::with_capacity(AT_ONCE);
    loop {
        {
            let mut queue = subscriber
                .queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let count = queue.len().min(AT_ONCE);
            frames.extend(queue.drain(..count));
        }
        if frames.is_empty() {
            subscriber.wake.notified().await;
            continue;
        }
        let mut slices: Vec<IoSlice<'_>> = frames.iter().map(|frame| IoSlice::new(frame)).collect();
        let mut rest = slices.as_mut_slice();
        while !rest.is_empty() {
            let written = stream.write_vectored(rest).await?;
            IoSlice::advance_slices(&mut rest, written);
        }
        frames.clear();
    }
}
