//! What we read of WebSocket frames beside what the library reads of them that we used before, and that everybody uses:
//! the same messages, and the same end.

use std::io::{self, Cursor, Read, Write};

use bytes::Bytes;
use fluxstack_live_protocol::websocket::{Reader, Received, unmask};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Bytes of the largest message.
const MOST: usize = 200;

/// What was read, and the code it ends with.
type Outcome = (Vec<Received>, Option<u16>);

fn ours(sent: &[u8]) -> Outcome {
    let mut reader = Reader::new(MOST);
    reader.feed(sent);
    let mut received = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(Received::Piece)) => {}
            Ok(Some(Received::Close(code))) => {
                received.push(Received::Close(code));
                return (received, None);
            }
            Ok(Some(message)) => received.push(message),
            Ok(None) => return (received, None),
            Err(violation) => return (received, Some(violation.code())),
        }
    }
}

/// Bytes that come, and then nothing for a while; what is written is gone.
struct Wire(Cursor<Vec<u8>>);

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            read => Ok(read),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn theirs(sent: &[u8]) -> Outcome {
    let config = WebSocketConfig::default().max_message_size(Some(MOST)).max_frame_size(Some(MOST));
    let wire = Wire(Cursor::new(sent.to_vec()));
    let mut socket = WebSocket::from_raw_socket(wire, Role::Server, Some(config));
    let mut received = Vec::new();
    loop {
        received.push(match socket.read() {
            Ok(Message::Text(text)) => Received::Text(Bytes::from(text)),
            Ok(Message::Binary(bytes)) => Received::Binary(bytes),
            Ok(Message::Ping(bytes)) => Received::Ping(bytes),
            Ok(Message::Pong(_)) => Received::Pong,
            Ok(Message::Close(frame)) => {
                // A code that nobody may send it replaces by this one.
                match frame.map(|frame| u16::from(frame.code)) {
                    Some(1002) => return (received, Some(1002)),
                    code => received.push(Received::Close(code)),
                }
                return (received, None);
            }
            Ok(Message::Frame(_)) => panic!("it reads messages"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return (received, None),
            Err(Error::Protocol(_)) => return (received, Some(1002)),
            Err(Error::Utf8(_)) => return (received, Some(1007)),
            Err(Error::Capacity(_)) => return (received, Some(1009)),
            Err(other) => panic!("{other}"),
        });
    }
}

/// How a length is spelled.
#[derive(Debug, Clone, Copy)]
enum Spelling {
    Shortest,
    InTwo,
    InEight,
}

fn frame(first: u8, payload: &[u8], mask: [u8; 4], spelling: Spelling, is_masked: bool) -> Vec<u8> {
    let len = u16::try_from(payload.len()).expect("payloads are short");
    // A control frame has one spelling with us; the library takes all three.
    let spelling = if first & 0x08 == 0 { spelling } else { Spelling::Shortest };
    let masked = u8::from(is_masked) << 7;
    let mut frame = vec![first];
    match (spelling, u8::try_from(len)) {
        (Spelling::Shortest, Ok(len @ ..=125)) => frame.push(masked | len),
        (Spelling::Shortest | Spelling::InTwo, _) => {
            frame.push(masked | 126);
            frame.extend(len.to_be_bytes());
        }
        (Spelling::InEight, _) => {
            frame.push(masked | 127);
            frame.extend(u64::from(len).to_be_bytes());
        }
    }
    if is_masked {
        frame.extend(mask);
    }
    let begin = frame.len();
    frame.extend(payload);
    if is_masked {
        unmask(&mut frame[begin..], mask);
    }
    frame
}

/// What a frame begins with, and what it carries. A text in pieces is cut between letters only: the library looks at
/// each piece, we at the whole.
fn kinds() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let letters = || "[a-z€]{0,12}".prop_map(String::into_bytes);
    let codes = [999, 1000, 1001, 1003, 1004, 1005, 1006, 1007, 1011, 1015, 1016, 2999, 3000, 4999, 5000_u16];
    let close = (prop::sample::select(codes.to_vec()), letters())
        .prop_map(|(code, reason)| [code.to_be_bytes().as_slice(), &reason].concat());
    prop_oneof![
        10 => (prop::sample::select(vec![0x81, 0x82, 0x01, 0x02, 0x00, 0x00, 0x80, 0x80, 0x89, 0x8a]), letters()),
        2 => (Just(0x82), vec(any::<u8>(), 0..2 * MOST)),
        2 => (prop::sample::select(vec![0x00, 0x80]), letters().prop_map(|letters| letters.repeat(9))),
        1 => (Just(0x81), vec(any::<u8>(), 0..6)),
        1 => (Just(0x88), prop_oneof![close, vec(any::<u8>(), 0..2)]),
        1 => (any::<u8>(), letters()),
    ]
}

fn frames() -> impl Strategy<Value = Vec<u8>> {
    let spelling = prop_oneof![
        8 => Just(Spelling::Shortest),
        1 => Just(Spelling::InTwo),
        1 => Just(Spelling::InEight),
    ];
    let one = (kinds(), any::<[u8; 4]>(), spelling, prop::bool::weighted(0.98)).prop_map(
        |((first, payload), mask, spelling, is_masked)| frame(first, &payload, mask, spelling, is_masked),
    );
    vec(one, 0..12).prop_map(|frames| frames.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn both_read_the_same_and_refuse_the_same(sent in frames()) {
        let (ours, theirs) = (ours(&sent), theirs(&sent));
        prop_assert_eq!(&ours.0, &theirs.0);
        // Of two faults in one frame, each names the one it sees first: a length stands behind the rest of a head.
        let is_large = ours.1.is_some() && theirs.1 == Some(1009);
        prop_assert!(is_large || ours.1 == theirs.1, "we end with {:?}, they with {:?}", ours.1, theirs.1);
    }
}
