//! WebSocket frames out of random bytes. Nothing may panic; it does not matter where the network cuts them; and no more
//! is kept than a small multiple of what has come.

#![no_main]

use fluxstack_live_protocol::websocket::{Reader, Received, Violation, unmask};
use libfuzzer_sys::fuzz_target;

/// Bytes of the largest message.
const MOST: usize = 1_000;

fuzz_target!(|bytes: &[u8]| {
    let Some((&seed, sent)) = bytes.split_first() else { return };
    check(sent, seed);
    // Random bytes are seldom a frame, so this makes frames of them: a first byte, a length, a payload.
    let mut frames = Vec::new();
    let mut rest = sent;
    while let [first, len, payload @ ..] = rest {
        let (payload, later) = payload.split_at(usize::from(len & 0x7f).min(payload.len()));
        let mask = [seed, *first, *len, 1];
        match u8::try_from(payload.len()) {
            Ok(short @ ..=125) => frames.extend([*first, 0x80 | short]),
            _ => frames.extend([*first, 0x80 | 126, 0, 126 + u8::from(payload.len() == 127)]),
        }
        frames.extend(mask);
        let begin = frames.len();
        frames.extend(payload);
        unmask(&mut frames[begin..], mask);
        rest = later;
    }
    check(&frames, seed);
});

fn check(sent: &[u8], seed: u8) {
    let whole = read([sent].into_iter());
    let mut seed = u32::from(seed) + 1;
    let mut rest = sent;
    let parts = std::iter::from_fn(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = usize::try_from(seed >> 26).unwrap_or_default() + 1;
        let (part, later) = rest.split_at(size.min(rest.len()));
        rest = later;
        (!part.is_empty()).then_some(part)
    });
    assert_eq!(read(parts), whole, "cut or not, it says the same");
}

fn read<'a>(parts: impl Iterator<Item = &'a [u8]>) -> (Vec<Received>, Option<Violation>) {
    let mut reader = Reader::new(MOST);
    let mut received = Vec::new();
    for part in parts {
        reader.feed(part);
        loop {
            match reader.next() {
                Ok(Some(Received::Text(text))) => {
                    assert!(str::from_utf8(&text).is_ok() && text.len() <= MOST);
                    received.push(Received::Text(text));
                }
                Ok(Some(message)) => received.push(message),
                Ok(None) => break,
                Err(violation) => return (received, Some(violation)),
            }
        }
    }
    (received, None)
}
