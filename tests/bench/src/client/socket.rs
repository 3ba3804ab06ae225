//! A WebSocket client: frames out are masked with zeros, which costs us nothing and the host as much
//! as any other mask; frames in are cut out of one growing buffer.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::{Buf as _, BytesMut};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// Read at once while a lot comes in.
const READ_BYTES: usize = 64 << 10;

/// What the host sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Text(BytesMut),
    Ping(BytesMut),
    /// The code.
    Close(u16),
}

/// The receiving half.
#[derive(Debug)]
pub struct Reader {
    stream: OwnedReadHalf,
    buffer: BytesMut,
    /// What a read makes room for; small as long as little comes in.
    room: usize,
}

/// The sending half. Frames go out with the next [`Writer::flush`].
#[derive(Debug)]
pub struct Writer {
    stream: OwnedWriteHalf,
    out: Vec<u8>,
}

/// Opens a socket and presents the token. Gives the host's answer to it, too.
///
/// # Errors
/// The host can't be reached, or does not want us.
pub async fn connect(address: SocketAddr, token: &str) -> Result<(Reader, Writer, Value)> {
    open(TcpStream::connect(address).await?, token).await
}

/// The same over a connection that is there.
///
/// # Errors
/// As for [`connect`].
pub async fn open(mut stream: TcpStream, token: &str) -> Result<(Reader, Writer, Value)> {
    let address = stream.peer_addr()?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /v1/socket HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let (read, write) = stream.into_split();
    let (mut reader, mut writer) = (Reader::new(read), Writer::new(write));
    reader.skip_head().await?;
    let connect = json!({ "id": 0, "method": "connect", "params": { "token": token } });
    writer.text(&connect.to_string());
    writer.flush().await?;
    match reader.next().await? {
        Frame::Text(text) => {
            let mut answer: Value = serde_json::from_slice(&text)?;
            ensure!(
                answer["error"].is_null(),
                "the host refused the connection: {answer}"
            );
            Ok((reader, writer, answer["result"].take()))
        }
        other => bail!("the host answered `connect` with {other:?}"),
    }
}

impl Reader {
    /// Reads frames from a stream that is past its handshake.
    pub fn new(stream: OwnedReadHalf) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            room: 1 << 10,
        }
    }

    /// Waits for more bytes.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn fill(&mut self) -> io::Result<()> {
        self.buffer.reserve(self.room);
        let read = self.stream.read_buf(&mut self.buffer).await?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if read >= self.room {
            self.room = READ_BYTES;
        }
        Ok(())
    }

    /// The next frame.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn next(&mut self) -> Result<Frame> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(frame);
            }
            self.fill().await?;
        }
    }

    /// The next frame, if it is here.
    ///
    /// # Errors
    /// It is none that a host sends.
    pub fn take(&mut self) -> Result<Option<Frame>> {
        let Some((opcode, header, length)) = self.header() else {
            return Ok(None);
        };
        if self.buffer.len() < header + length {
            return Ok(None);
        }
        self.buffer.advance(header);
        let payload = self.buffer.split_to(length);
        Ok(Some(match opcode {
            TEXT => Frame::Text(payload),
            PING => Frame::Ping(payload),
            CLOSE => Frame::Close(
                payload
                    .first_chunk()
                    .map_or(1005, |code| u16::from_be_bytes(*code)),
            ),
            other => bail!("a frame with opcode {other}"),
        }))
    }

    /// Drops all whole text frames that are here and gives how many there were, and how many bytes
    /// in all. Pings stay unanswered: the host is to be set to patience.
    ///
    /// # Errors
    /// The host closes.
    pub fn count(&mut self) -> Result<(u64, u64)> {
        let (mut count, mut bytes) = (0, 0);
        while let Some((opcode, header, length)) = self.header() {
            if self.buffer.len() < header + length {
                break;
            }
            match opcode {
                TEXT => {
                    count += 1;
                    bytes += (header + length) as u64;
                }
                PING => {}
                _ => bail!("the host closed: {:?}", self.take()?),
            }
            self.buffer.advance(header + length);
        }
        Ok((count, bytes))
    }

    /// Opcode, length of the header, length of the payload.
    fn header(&self) -> Option<(u8, usize, usize)> {
        let opcode = self.buffer.first()? & 0x0f;
        Some(match self.buffer.get(1)? & 0x7f {
            126 => (
                opcode,
                4,
                usize::from(u16::from_be_bytes(*self.buffer.get(2..4)?.first_chunk()?)),
            ),
            127 => (
                opcode,
                10,
                u64::from_be_bytes(*self.buffer.get(2..10)?.first_chunk()?) as usize,
            ),
            short => (opcode, 2, usize::from(short)),
        })
    }

    async fn skip_head(&mut self) -> Result<()> {
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.fill().await.context("no answer to the handshake")?;
        };
        let head = self.buffer.split_to(end);
        ensure!(
            head.starts_with(b"HTTP/1.1 101 "),
            "{}",
            String::from_utf8_lossy(&head)
        );
        Ok(())
    }
}

impl Writer {
    /// Writes frames to a stream that is past its handshake.
    pub fn new(stream: OwnedWriteHalf) -> Self {
        Self {
            stream,
            out: Vec::new(),
        }
    }

    /// Queues a text frame.
    pub fn text(&mut self, text: &str) {
        encode(TEXT, text.as_bytes(), &mut self.out);
    }

    /// Queues the answer to a ping.
    pub fn pong(&mut self, payload: &[u8]) {
        encode(PONG, payload, &mut self.out);
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn flush(&mut self) -> Result<()> {
        let sent = self.stream.write_all(&self.out).await;
        self.out.clear();
        Ok(sent?)
    }
}

/// A text frame of a client, for those who write it themselves.
pub fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(TEXT, text.as_bytes(), &mut frame);
    frame
}

fn encode(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}
