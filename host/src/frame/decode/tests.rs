//! Vectors of RFC 6455, every refusal, and the property that pieces don't matter.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{encode_close, encode_pong, encode_text};
use super::*;

const MAX: usize = 64 * 1024;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// What a decoder gave before it wanted more, closed or failed.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    messages: Vec<Message>,
    error: Option<FrameError>,
}

/// A client's frame: `first` is its first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            bytes.push(0xfe);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0xff);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(
        payload
            .iter()
            .enumerate()
            .map(|(at, byte)| byte ^ MASK[at % 4]),
    );
    bytes
}

fn read(decoder: &mut Decoder, piece: &[u8], outcome: &mut Outcome) {
    decoder.room().extend_from_slice(piece);
    while outcome.error.is_none() {
        match decoder.next_message() {
            Ok(Some(message)) => outcome.messages.push(message),
            Ok(None) => break,
            Err(error) => outcome.error = Some(error),
        }
    }
}

fn read_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = Decoder::new(MAX);
    let mut outcome = Outcome::default();
    for piece in pieces {
        read(&mut decoder, piece, &mut outcome);
    }
    outcome
}

fn read_all(bytes: &[u8]) -> Outcome {
    let whole = read_pieces([bytes]);
    assert_eq!(whole, read_pieces(bytes.chunks(1)), "byte by byte");
    whole
}

fn messages(bytes: &[u8]) -> Vec<Message> {
    let outcome = read_all(bytes);
    assert_eq!(outcome.error, None);
    outcome.messages
}

fn error(bytes: &[u8]) -> Option<FrameError> {
    read_all(bytes).error
}

fn text(text: &str) -> Message {
    Message::Text(text.to_owned())
}

#[test]
fn the_examples_of_the_rfc() {
    let hello = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    assert_eq!(messages(&hello), [text("Hello")]);
    let pong = [
        0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    assert_eq!(
        messages(&pong),
        [Message::Pong(Bytes::from_static(b"Hello"))]
    );
    let fragments = [frame(0x01, b"Hel"), frame(0x80, b"lo")].concat();
    assert_eq!(messages(&fragments), [text("Hello")]);
    assert_eq!(
        messages(&frame(0x81, &[b'a'; 256])),
        [text(&"a".repeat(256))]
    );
    assert_eq!(
        messages(&frame(0x81, &[b'a'; MAX])),
        [text(&"a".repeat(MAX))]
    );
}

#[test]
fn control_frames_may_come_within_a_message() {
    let bytes = [
        frame(0x01, "gr\u{fc}".as_bytes()),
        frame(0x89, b"are you there"),
        frame(0x00, b""),
        frame(0x8a, b""),
        frame(0x80, "\u{df}e".as_bytes()),
        frame(0x81, b""),
    ];
    let expected = [
        Message::Ping(Bytes::from_static(b"are you there")),
        Message::Pong(Bytes::new()),
        text("gr\u{fc}\u{df}e"),
        text(""),
    ];
    assert_eq!(messages(&bytes.concat()), expected);
}

#[test]
fn frames_that_break_the_protocol_are_refused() {
    use FrameError::*;
    let mut unmasked = frame(0x81, b"Hello");
    unmasked[1] &= 0x7f;
    let continued_twice = [frame(0x81, b"a"), frame(0x80, b"b")].concat();
    let message_in_message = [frame(0x01, b"a"), frame(0x81, b"b")].concat();
    let binary_in_message = [frame(0x01, b"a"), frame(0x82, b"b")].concat();
    let cases: [(&[u8], FrameError, u16); 19] = [
        (&unmasked, Unmasked, 1002),
        (&encode_text(b"from a server"), Unmasked, 1002),
        (&encode_pong(b""), Unmasked, 1002),
        (&frame(0xc1, b"x"), ReservedBits, 1002),
        (&frame(0xa1, b"x"), ReservedBits, 1002),
        (&frame(0x91, b"x"), ReservedBits, 1002),
        (&frame(0x83, b"x"), Opcode, 1002),
        (&frame(0x87, b"x"), Opcode, 1002),
        (&frame(0x8b, b"x"), Opcode, 1002),
        (&frame(0x8f, b"x"), Opcode, 1002),
        (&frame(0x09, b"x"), FragmentedControl, 1002),
        (&frame(0x08, b""), FragmentedControl, 1002),
        (&frame(0x89, &[0; 126]), ControlTooLong, 1002),
        (&frame(0x88, &[0; 70_000]), ControlTooLong, 1002),
        (&frame(0x80, b"x"), NothingToContinue, 1002),
        (&continued_twice, NothingToContinue, 1002),
        (&message_in_message, MessageInMessage, 1002),
        (&binary_in_message, MessageInMessage, 1002),
        (&frame(0x82, b"x"), Binary, 1003),
    ];
    for (bytes, expected, close_code) in cases {
        assert_eq!(error(bytes), Some(expected), "{bytes:02x?}");
        assert_eq!(expected.close_code(), close_code);
    }
}

#[test]
fn lengths_must_be_in_their_shortest_form() {
    let start = |length: &[u8]| [&[0x81][..], length, &MASK].concat();
    for length in [
        &[0xfe, 0, 125][..],
        &[0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
        &[0xff, 0x80, 0, 0, 0, 0, 0, 0, 0],
        &[0xff; 9],
    ] {
        assert_eq!(
            error(&start(length)),
            Some(FrameError::LengthForm),
            "{length:02x?}"
        );
    }
}

#[test]
fn a_huge_length_is_refused_before_any_memory_is_taken() {
    let huge = [&[0x81, 0xff, 0x7f][..], &[0xff; 7], &MASK].concat();
    assert_eq!(error(&huge), Some(FrameError::TooLarge));
    assert_eq!(FrameError::TooLarge.close_code(), 1009);
    // After a first fragment the sum must not wrap around either.
    let sum = [
        frame(0x01, b"abc"),
        [&[0x80, 0xff, 0x7f][..], &[0xff; 7], &MASK].concat(),
    ];
    assert_eq!(error(&sum.concat()), Some(FrameError::TooLarge));
}

#[test]
fn the_limit_is_on_the_whole_message() {
    assert_eq!(
        error(&frame(0x81, &[b'a'; MAX + 1])),
        Some(FrameError::TooLarge)
    );
    let fits = [frame(0x01, &[b'a'; MAX - 1]), frame(0x80, b"b")].concat();
    assert_eq!(messages(&fits).len(), 1);
    let fits_not = [frame(0x01, &[b'a'; MAX - 1]), frame(0x80, b"bc")].concat();
    assert_eq!(error(&fits_not), Some(FrameError::TooLarge));
    // The limit is for one message: many may follow.
    assert_eq!(messages(&frame(0x81, &[b'a'; MAX]).repeat(3)).len(), 3);
}

#[test]
fn a_message_of_very_many_fragments_is_refused() {
    let many = |count: usize| [frame(0x01, b""), frame(0x00, b"").repeat(count - 1)].concat();
    assert_eq!(error(&many(FRAGMENTS_MAX as usize)), None);
    assert_eq!(
        error(&many(FRAGMENTS_MAX as usize + 1)),
        Some(FrameError::TooManyFragments)
    );
}

#[test]
fn bad_utf8_is_refused_also_over_fragments() {
    for bad in [
        &b"\xff"[..],
        b"a\x80",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x82",
    ] {
        assert_eq!(
            error(&frame(0x81, bad)),
            Some(FrameError::Utf8),
            "{bad:02x?}"
        );
        let (head, tail) = bad.split_at(bad.len() / 2);
        let split = [frame(0x01, head), frame(0x80, tail)].concat();
        assert_eq!(
            error(&split),
            Some(FrameError::Utf8),
            "{bad:02x?} in fragments"
        );
    }
    // A character may be split anywhere.
    for at in 0..4 {
        let (head, tail) = "🦀".as_bytes().split_at(at);
        let split = [frame(0x01, head), frame(0x80, tail)].concat();
        assert_eq!(messages(&split), [text("🦀")]);
    }
}

#[test]
fn bad_utf8_is_refused_before_the_frame_ends() {
    let bytes = frame(0x81, &[b"good \xff".as_slice(), &[b'a'; 60_000]].concat());
    assert_eq!(read_pieces([&bytes[..14]]).error, Some(FrameError::Utf8));
    let fragment = frame(0x01, b"\xf8");
    assert_eq!(
        error(&fragment),
        Some(FrameError::Utf8),
        "no waiting for the message's end"
    );
}

#[test]
fn close_frames_are_checked() {
    let close = |code: u16, reason: &[u8]| frame(0x88, &[&code.to_be_bytes(), reason].concat());
    let given = |code, reason: &str| {
        vec![Message::Close(Some(CloseFrame {
            code,
            reason: reason.into(),
        }))]
    };
    assert_eq!(messages(&frame(0x88, b"")), [Message::Close(None)]);
    for code in [
        1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999,
    ] {
        assert_eq!(
            messages(&close(code, "tschüß".as_bytes())),
            given(code, "tschüß")
        );
    }
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
    ] {
        assert_eq!(
            error(&close(code, b"")),
            Some(FrameError::CloseBody),
            "{code}"
        );
    }
    assert_eq!(
        error(&frame(0x88, b"\x03")),
        Some(FrameError::CloseBody),
        "one byte"
    );
    assert_eq!(
        error(&close(1000, b"\xff")),
        Some(FrameError::CloseBody),
        "reason not UTF-8"
    );
    assert_eq!(
        messages(&close(1000, &[b'a'; 123])),
        given(1000, &"a".repeat(123))
    );
    assert_eq!(
        error(&close(1000, &[b'a'; 124])),
        Some(FrameError::ControlTooLong)
    );
}

#[test]
fn nothing_is_read_after_the_end() {
    let bytes = [
        frame(0x81, b"a"),
        frame(0x88, b""),
        frame(0x81, b"b"),
        vec![0xff; 5000],
    ]
    .concat();
    assert_eq!(messages(&bytes), [text("a"), Message::Close(None)]);

    let mut decoder = Decoder::new(MAX);
    let mut outcome = Outcome::default();
    read(&mut decoder, &frame(0x82, b""), &mut outcome);
    decoder.room().extend(frame(0x81, b"later"));
    assert_eq!(decoder.next_message(), Err(FrameError::Binary));
    assert_eq!(decoder.next_message(), Err(FrameError::Binary));
}

#[test]
fn the_buffer_grows_with_use_and_an_idle_one_is_small() {
    let mut decoder = Decoder::new(MAX);
    assert_eq!(decoder.buffer.capacity(), 0);
    let bytes = frame(0x81, &[b'a'; MAX]).repeat(2);
    let (mut at, mut rooms, mut count) = (0, Vec::new(), 0);
    while at < bytes.len() {
        let room = decoder.room();
        rooms.push(room.capacity());
        let take = (room.capacity() - room.len()).min(bytes.len() - at);
        room.extend_from_slice(&bytes[at..at + take]);
        at += take;
        while decoder.next_message().unwrap().is_some() {
            count += 1;
        }
    }
    assert_eq!(count, 2);
    assert_eq!(rooms[..6], [512, 1024, 2048, 4096, 8192, 16384]);
    assert!(rooms.iter().all(|room| *room <= READ_BYTES_MAX));
    assert_eq!(
        decoder.room().capacity(),
        READ_BYTES_MIN,
        "the last read did not fill it"
    );
    assert!(decoder.text.is_none());
}

#[test]
fn a_header_split_over_reads_is_kept() {
    let bytes = frame(0x81, &[b'a'; 70_000 - 6000]);
    for at in 0..14 {
        assert_eq!(
            read_pieces([&bytes[..at], &[], &bytes[at..]])
                .messages
                .len(),
            1,
            "at {at}"
        );
    }
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        "[a-zé🦀]{0,40}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..10),
        (100usize..300).prop_map(|length| vec![b'x'; length]),
    ];
    let first = prop_oneof![
        4 => Just(0x81), 3 => Just(0x01), 3 => Just(0x00), 3 => Just(0x80),
        2 => Just(0x89), 2 => Just(0x8a), 1 => Just(0x88), 1 => any::<u8>(),
    ];
    (first, payload).prop_map(|(first, payload)| frame(first, &payload))
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        frames in vec(any_frame(), 0..12), cuts in vec(any::<prop::sample::Index>(), 0..6)
    ) {
        let bytes = frames.concat();
        let whole = read_all(&bytes);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]);
        prop_assert_eq!(read_pieces(pieces), whole);
    }

    #[test]
    fn any_bytes_are_answered(bytes in vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn fragments_are_one_message(
        words in ".{0,300}", cuts in vec(any::<prop::sample::Index>(), 0..5)
    ) {
        let bytes = words.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let last = cuts.len() - 2;
        let frames = cuts.windows(2).enumerate().map(|(at, ends)| {
            let first = if at == 0 { 0x01 } else { 0x00 } | if at == last { 0x80 } else { 0x00 };
            frame(first, &bytes[ends[0]..ends[1]])
        });
        let frames: Vec<u8> = frames.flatten().collect();
        prop_assert_eq!(messages(&frames), [text(&words)]);
    }
}

/// Against another implementation, through a pipe that is full all the time.
#[tokio::test]
async fn it_talks_with_tungstenite() {
    use futures_util::{SinkExt, StreamExt};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_tungstenite::WebSocketStream;
    use tokio_tungstenite::tungstenite::Message as Theirs;
    use tokio_tungstenite::tungstenite::protocol::Role;

    let (client, mut server) = tokio::io::duplex(700);
    let echo = tokio::spawn(async move {
        let mut decoder = Decoder::new(MAX);
        while server.read_buf(decoder.room()).await.unwrap() > 0 {
            while let Some(message) = decoder.next_message().unwrap() {
                let answer = match message {
                    Message::Text(text) => encode_text(text.as_bytes()),
                    Message::Ping(payload) => encode_pong(&payload),
                    Message::Pong(_) => continue,
                    Message::Close(_) => encode_close(1000, "bye"),
                };
                server.write_all(&answer).await.unwrap();
            }
        }
    });
    let mut client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    for length in [0, 1, 125, 126, 1000, 65_000, 65_535, MAX] {
        let sent = Theirs::text("ä".repeat(length / 2));
        client.send(sent.clone()).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), sent);
    }
    client
        .send(Theirs::Ping(Bytes::from_static(b"hi")))
        .await
        .unwrap();
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Theirs::Pong(Bytes::from_static(b"hi"))
    );
    client.close(None).await.unwrap();
    let Theirs::Close(Some(close)) = client.next().await.unwrap().unwrap() else {
        panic!("expected a close frame");
    };
    assert_eq!(
        (u16::from(close.code), close.reason.as_str()),
        (1000, "bye")
    );
    drop(client);
    echo.await.unwrap();
}
