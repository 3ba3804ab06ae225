//! WebSocket frames (RFC 6455) on the server's side.
//!
//! Frames out are encoded once into shared bytes, for one event goes to thousands of connections.
//! Frames in are decoded from whatever pieces arrive: no byte is believed before it is checked, no
//! memory is taken on the word of a header, and an idle connection keeps half a kilobyte.
//!
//! No extensions, no binary messages.

mod decode;
mod encode;
mod header;
mod text;

use bytes::Bytes;
pub use decode::{Decoder, READ_BYTES_MAX, READ_BYTES_MIN};
pub use encode::{
    CLOSE_REASON_BYTES_MAX, append_text, encode_close, encode_ping, encode_pong, encode_text,
};

/// The most payload of a ping, pong or close frame, in bytes.
pub const CONTROL_BYTES_MAX: usize = 125;
/// The most frames that one message may come in.
pub const FRAGMENTS_MAX: u32 = 1024;

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A whole text message.
    Text(String),
    /// To be answered with a pong of the same payload.
    Ping(Bytes),
    /// An answer to a ping.
    Pong(Bytes),
    /// The last message; `None` without a code. Nothing after it is read.
    Close(Option<CloseFrame>),
}

/// The body of a close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame {
    /// 1000–1003, 1007–1014 or 3000–4999.
    pub code: u16,
    /// At most 123 bytes.
    pub reason: String,
}

/// Why a connection has to be closed. The text is the close frame's reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// 1002.
    #[error("client frames must be masked")]
    Unmasked,
    /// 1002.
    #[error("a reserved bit is set, and no extension was agreed on")]
    ReservedBits,
    /// 1002.
    #[error("unknown opcode")]
    Opcode,
    /// 1002.
    #[error("control frames can't be fragmented")]
    FragmentedControl,
    /// 1002.
    #[error("control frames have at most 125 bytes")]
    ControlTooLong,
    /// 1002.
    #[error("a continuation without a message to continue")]
    NothingToContinue,
    /// 1002.
    #[error("a new message before the last one has ended")]
    MessageInMessage,
    /// 1002.
    #[error("a length is not in its shortest form")]
    LengthForm,
    /// 1002.
    #[error("not a valid close frame")]
    CloseBody,
    /// 1003.
    #[error("binary messages are not supported")]
    Binary,
    /// 1007.
    #[error("a text message is not valid UTF-8")]
    Utf8,
    /// 1009.
    #[error("a message is larger than this server takes")]
    TooLarge,
    /// 1009.
    #[error("a message has more than {FRAGMENTS_MAX} frames")]
    TooManyFragments,
}

impl FrameError {
    /// The close code for it: 1002, 1003, 1007 or 1009.
    pub fn close_code(self) -> u16 {
        match self {
            FrameError::Binary => 1003,
            FrameError::Utf8 => 1007,
            FrameError::TooLarge | FrameError::TooManyFragments => 1009,
            _ => 1002,
        }
    }

    /// The stable code of this error.
    pub fn code(self) -> &'static str {
        match self.close_code() {
            1003 => "frame_binary",
            1007 => "frame_not_utf8",
            1009 => "frame_too_large",
            _ => "frame_protocol",
        }
    }
}

/// Whether a close frame may carry this code: neither those that only stand for the lack of one
/// (1005, 1006, 1015) nor those that nobody has defined.
pub fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
