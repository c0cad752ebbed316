//! Frames are written where there is room already, and take as much as they are long.

use std::cell::Cell;

use bytes::Bytes;

thread_local! {
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Room beyond this is given back.
const KEPT: usize = 64 << 10;

/// What `write` writes: one allocation, of its own length, where growing a `Vec` and handing it over would be two or
/// more. It may write other frames meanwhile, which then get room of their own.
pub(crate) fn written(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    made(write).0
}

/// The same, and what `write` answers.
pub(crate) fn made<T>(write: impl FnOnce(&mut Vec<u8>) -> T) -> (Bytes, T) {
    // Where the thread is ending there is none, and a ticket that is dropped there is answered all the same.
    let mut room = ROOM.try_with(Cell::take).unwrap_or_default();
    room.clear();
    let answer = write(&mut room);
    let frame = Bytes::copy_from_slice(&room);
    if room.capacity() <= KEPT {
        let _ = ROOM.try_with(|kept| kept.set(room));
    }
    (frame, answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_written_meanwhile_is_another() {
        let (outer, inner) = made(|out| {
            out.extend_from_slice(b"out");
            let inner = written(|out| out.extend_from_slice(b"inside"));
            out.extend_from_slice(b"er");
            inner
        });
        assert_eq!((&outer[..], &inner[..]), (&b"outer"[..], &b"inside"[..]));
        assert_eq!(written(|out| out.resize(2 * KEPT, 7)).len(), 2 * KEPT);
        assert_eq!(written(|_| {}).len(), 0);
    }

    #[test]
    fn a_frame_costs_one_allocation() {
        written(|out| out.resize(500, 1));
        let counted = allocation_counter::measure(|| drop(written(|out| out.resize(400, 1))));
        assert_eq!((counted.count_total, counted.bytes_total), (1, 400));
    }
}
