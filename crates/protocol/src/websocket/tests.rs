//! The rules one by one, and what must be true of any bytes. `crates/live/tests/websocket_twin.rs` puts the reader beside
//! another one.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ ..=125 => frame.push(0x80 | u8::try_from(len).expect("it is short")),
        len @ ..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(len).expect("it is no longer than that").to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    let begin = frame.len();
    frame.extend(payload);
    unmask(&mut frame[begin..], MASK);
    frame
}

/// Everything that is read of these parts, and how it ends.
fn read<'a>(most: usize, parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Received>, Option<Violation>) {
    let mut reader = Reader::new(most);
    let mut received = Vec::new();
    for part in parts {
        reader.feed(part);
        loop {
            match reader.next() {
                Ok(Some(message)) => received.push(message),
                Ok(None) => break,
                Err(violation) => {
                    assert_eq!(reader.next(), Ok(None), "nothing is read after a violation");
                    return (received, Some(violation));
                }
            }
        }
    }
    (received, None)
}

fn text(text: &str) -> Received {
    Received::Text(Bytes::copy_from_slice(text.as_bytes()))
}

fn check(sent: &[&[u8]], received: &[Received], violation: Option<u16>) {
    let sent = sent.concat();
    let whole = read(1_000, [&*sent]);
    assert_eq!((&*whole.0, whole.1.map(Violation::code)), (received, violation), "{sent:x?}");
    assert_eq!(read(1_000, sent.chunks(1)), whole, "byte by byte: {sent:x?}");
}

#[test]
fn messages_come_out_as_they_were_sent() {
    check(&[&frame(0x81, b"Hello")], &[text("Hello")], None);
    check(&[&frame(0x81, b"")], &[text("")], None);
    check(&[&frame(0x82, &[0xff])], &[Received::Binary(Bytes::from_static(&[0xff]))], None);
    for len in [125, 126, 127, 1_000] {
        let long = "x".repeat(len);
        check(&[&frame(0x81, long.as_bytes()), &frame(0x81, b"y")], &[text(&long), text("y")], None);
    }
}

#[test]
fn a_length_may_be_spelled_longer_than_it_needs_to_be() {
    check(&[&[0x81, 0xfe, 0, 1, 0, 0, 0, 0, b'a']], &[text("a")], None);
    check(&[&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, b'a']], &[text("a")], None);
}

#[test]
fn what_comes_in_pieces_is_one_message_and_control_frames_may_come_between() {
    let ping = || Received::Ping(Bytes::from_static(b"p"));
    check(
        &[
            &frame(0x01, b"Hel"),
            &frame(0x89, b"p"),
            &frame(0x00, b""),
            &frame(0x8a, b""),
            &frame(0x80, b"lo"),
        ],
        &[Received::Piece, ping(), Received::Piece, Received::Pong, text("Hello")],
        None,
    );
    // A letter may be cut in two.
    check(&[&frame(0x01, &[0xc3]), &frame(0x80, &[0xa9])], &[Received::Piece, text("é")], None);
    check(
        &[&frame(0x02, b"a"), &frame(0x80, b"b")],
        &[Received::Piece, Received::Binary(Bytes::from_static(b"ab"))],
        None,
    );
}

#[test]
fn a_client_that_breaks_a_rule_is_told_which_kind() {
    let masked = |first: u8, second: u8| [first, second, 0, 0, 0, 0];
    check(&[&[0x81, 0x02]], &[], Some(1002));
    for reserved in [0xc1, 0xa1, 0x91] {
        check(&[&masked(reserved, 0x80)], &[], Some(1002));
    }
    for opcode in [0x83, 0x84, 0x85, 0x86, 0x87, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f] {
        check(&[&masked(opcode, 0x80)], &[], Some(1002));
    }
    for in_pieces in [0x08, 0x09, 0x0a] {
        check(&[&masked(in_pieces, 0x80)], &[], Some(1002));
    }
    for long in [0xfe, 0xff] {
        check(&[&[0x89, long]], &[], Some(1002));
    }
    check(&[&frame(0x80, b"a")], &[], Some(1002));
    check(&[&frame(0x01, b"a"), &frame(0x81, b"b")], &[Received::Piece], Some(1002));
    check(&[&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]], &[], Some(1002));
    check(&[&frame(0x81, &[0xff])], &[], Some(1007));
    check(&[&frame(0x01, &[0xc3]), &frame(0x80, b"a")], &[Received::Piece], Some(1007));
    check(&[&frame(0x81, b"a"), &frame(0x81, &[0xed, 0xa0, 0x80])], &[text("a")], Some(1007));
}

#[test]
fn a_message_beyond_the_limit_is_refused_by_its_length() {
    check(&[&frame(0x81, &[b'x'; 1_000])], &[text(&"x".repeat(1_000))], None);
    check(&[&[0x81, 0xfe, 0x03, 0xe9, 0, 0, 0, 0]], &[], Some(1009));
    check(&[&[0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]], &[], Some(1009));
    // Also in pieces, none of which is.
    check(
        &[&frame(0x02, &[0; 600]), &frame(0x00, &[0; 400]), &[0x80, 0x81, 0, 0, 0, 0]],
        &[Received::Piece, Received::Piece],
        Some(1009),
    );
    // What is about the connection is no message.
    let pinged = Ok(Some(Received::Ping(Bytes::from_static(b"ab"))));
    let mut reader = Reader::new(1);
    reader.feed(&frame(0x89, b"ab"));
    assert_eq!(reader.next(), pinged);
}

#[test]
fn nothing_is_read_after_a_close() {
    let close =
        |payload: &[u8], code| check(&[&frame(0x88, payload), &[0xff]], &[Received::Close(code)], None);
    close(&[], None);
    close(&[0x03, 0xe8], Some(1000));
    close(&[0x03, 0xe9, b'b', b'y', b'e'], Some(1001));
    for code in [1003, 1007, 1014, 3000, 4999_u16] {
        close(&code.to_be_bytes(), Some(code));
    }
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 0xffff_u16] {
        check(&[&frame(0x88, &code.to_be_bytes())], &[], Some(1002));
    }
    check(&[&frame(0x88, &[0x03])], &[], Some(1002));
    check(&[&frame(0x88, &[0x03, 0xe8, 0xff])], &[], Some(1007));
}

#[test]
fn a_length_alone_makes_nobody_allocate() {
    let mut reader = Reader::new(1 << 40);
    let announced: u64 = 1 << 39;
    reader.feed(&[&[0x82, 0xff], announced.to_be_bytes().as_slice(), &MASK].concat());
    assert_eq!(reader.next(), Ok(None));
    assert_eq!(reader.missing() as u64, announced);
    let mut come = reader.arrived.len();
    while come < 10 << 20 {
        let room = reader.room();
        assert!(room.remaining_mut() <= 2 * come, "room for {} bytes after {come}", room.remaining_mut());
        let bytes = vec![0; room.remaining_mut()];
        reader.room().put_slice(&bytes);
        come += bytes.len();
        assert!(reader.arrived.capacity() <= 8 * come, "{come}");
        assert_eq!(reader.next(), Ok(None));
    }
}

#[test]
fn a_large_frame_is_read_to_where_it_stays() {
    let payload: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let sent = frame(0x82, &payload);
    let (begin, mut rest) = sent.split_at(20_000);
    let mut reader = Reader::new(1 << 20);
    reader.feed(begin);
    assert_eq!(reader.next(), Ok(None));
    while !rest.is_empty() {
        assert_eq!(reader.missing(), rest.len());
        let mut room = reader.room();
        let (now, later) = rest.split_at(room.remaining_mut().min(70_001));
        room.put_slice(now);
        rest = later;
        if !rest.is_empty() {
            assert_eq!(reader.next(), Ok(None));
        }
    }
    assert_eq!(reader.next(), Ok(Some(Received::Binary(payload.into()))));
    assert_eq!((reader.missing(), reader.is_empty()), (0, true));
}

#[test]
fn the_beginning_of_a_frame_keeps_no_more_than_itself() {
    let mut reader = Reader::new(1 << 20);
    reader.feed(&[frame(0x82, &[0; 10_000]), vec![0x81, 0x85, 1, 2, 3, 4, 5]].concat());
    assert!(matches!(reader.next(), Ok(Some(Received::Binary(_)))));
    assert_eq!(reader.next(), Ok(None));
    assert_eq!(reader.arrived.capacity(), 7);
    let mut reader = Reader::new(1 << 20);
    reader.feed(&[frame(0x81, b"a"), frame(0x81, b"b")].concat());
    assert!(matches!((reader.next(), reader.next()), (Ok(Some(_)), Ok(Some(_)))));
    assert_eq!(reader.arrived.capacity(), 0, "and what was read keeps nothing");
}

/// Bytes of the block that a message lies in.
fn block(message: Option<Received>) -> usize {
    let (Some(Received::Text(bytes) | Received::Ping(bytes)), len) = (message, 64) else {
        panic!("a message")
    };
    let mut alone = bytes.try_into_mut().expect("nobody else has a part of its block");
    alone.clear();
    // Grows into the block, from its very beginning, as long as that is large enough.
    (len..).take_while(|len| alone.try_reclaim(*len)).last().unwrap_or_default()
}

#[test]
fn a_short_message_does_not_keep_the_large_one_before_it() {
    for short in [frame(0x81, b"0123456789"), frame(0x89, b"ping")] {
        let large = frame(0x81, &vec![b'x'; 1 << 20]);
        let (begin, end) = large.split_at(large.len() - 100);
        let mut reader = Reader::new(1 << 20);
        reader.feed(begin);
        assert_eq!(reader.next(), Ok(None));
        reader.feed(&[end, &short, &frame(0x81, b"and more")].concat());
        assert!(matches!(reader.next(), Ok(Some(Received::Text(large))) if large.len() == 1 << 20));
        let short = reader.next().expect("it is allowed");
        assert!(matches!(reader.next(), Ok(Some(Received::Text(_)))));
        drop(reader);
        let block = block(short);
        assert!(block <= 1_000, "it keeps {block} bytes");
    }
}

#[test]
fn what_a_server_sends_has_the_shortest_head_there_is() {
    let heads: [(usize, &[u8]); 6] = [
        (0, &[0x81, 0]),
        (125, &[0x81, 125]),
        (126, &[0x81, 126, 0, 126]),
        (0xffff, &[0x81, 126, 0xff, 0xff]),
        (0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        (0x1_0000_0001, &[0x81, 127, 0, 0, 0, 1, 0, 0, 0, 1]),
    ];
    for (len, head) in heads {
        let mut out = Vec::new();
        write_head(Opcode::Text, len, &mut out);
        assert_eq!(out, head);
    }
    for (opcode, first) in
        [(Opcode::Binary, 0x82), (Opcode::Close, 0x88), (Opcode::Ping, 0x89), (Opcode::Pong, 0x8a)]
    {
        let mut out = Vec::new();
        write_head(opcode, 0, &mut out);
        assert_eq!(out, [first, 0]);
    }
}

#[test]
fn a_reason_is_cut_where_a_letter_ends() {
    let close = |code, reason: &str| {
        let mut out = Vec::new();
        write_close(code, reason, &mut out);
        out
    };
    assert_eq!(close(None, "never said"), [0x88, 0]);
    assert_eq!(close(Some(1000), "ok"), [0x88, 4, 0x03, 0xe8, b'o', b'k']);
    let long = close(Some(1000), &"é".repeat(100));
    assert_eq!((long.len(), long[1]), (2 + 2 + 122, 124));
    assert!(str::from_utf8(&long[4..]).is_ok());
}

/// Frames that are mostly right, so that what comes after the first is read as well.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![8 => prop::sample::select(vec![0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a]), 1 => any::<u8>()];
    let payload =
        prop_oneof![4 => "[a-zé€]{0,9}".prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..300)];
    let one = (first, payload).prop_map(|(first, payload)| frame(first, &payload));
    let bytes = prop_oneof![9 => one, 1 => vec(any::<u8>(), 0..20)];
    vec(bytes, 0..12).prop_map(|frames| frames.concat())
}

proptest! {
    #[test]
    fn it_does_not_matter_how_the_network_cuts_them(sent in frames(), cuts in vec(1_usize..40, 1..20)) {
        let mut parts = Vec::new();
        let (mut rest, mut cuts) = (&*sent, cuts.iter().cycle());
        while !rest.is_empty() {
            let (part, later) = rest.split_at((*cuts.next().expect("there are cuts")).min(rest.len()));
            parts.push(part);
            rest = later;
        }
        prop_assert_eq!(read(200, parts), read(200, [&*sent]));
    }

    #[test]
    fn a_mask_that_is_put_on_comes_off(bytes in vec(any::<u8>(), 0..100), mask: [u8; 4]) {
        let mut masked = bytes.clone();
        unmask(&mut masked, mask);
        let by_hand: Vec<u8> = bytes.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        prop_assert_eq!(&masked, &by_hand);
        unmask(&mut masked, mask);
        prop_assert_eq!(masked, bytes);
    }
}
