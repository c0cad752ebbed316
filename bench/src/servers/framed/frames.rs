//! As much of RFC 6455 as a floor needs: whole frames, masked by the client and not by us.

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Text,
    Close,
    Ping,
    Pong,
    /// Bytes, a fragment, or what nobody should send.
    Other,
}

/// Bytes of the longest head, without a mask.
pub(super) const HEAD: usize = 10;

/// The first frame of what was read, without its mask, and its length, if all of it is there.
pub(super) fn next_frame(read: &mut [u8]) -> Option<(Opcode, &[u8], usize)> {
    let head = read.first_chunk::<2>()?;
    let opcode = match head[0] {
        0x81 => Opcode::Text,
        0x88 => Opcode::Close,
        0x89 => Opcode::Ping,
        0x8A => Opcode::Pong,
        _ => Opcode::Other,
    };
    let (length, at) = match head[1] & 0x7f {
        126 => (u64::from(u16::from_be_bytes(*read[2..].first_chunk()?)), 4),
        127 => (u64::from_be_bytes(*read[2..].first_chunk()?), 10),
        short => (u64::from(short), 2),
    };
    let mask = if head[1] & 0x80 == 0 { None } else { Some(*read[at..].first_chunk::<4>()?) };
    let at = at + if mask.is_some() { 4 } else { 0 };
    let end = at.checked_add(usize::try_from(length).ok()?)?;
    let payload = read.get_mut(at..end)?;
    if let Some(mask) = mask {
        unmask(mask, payload);
    }
    Some((opcode, payload, end))
}

fn unmask(mask: [u8; 4], payload: &mut [u8]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut chunks = payload.chunks_exact_mut(8);
    for chunk in &mut chunks {
        if let Some(eight) = chunk.first_chunk_mut::<8>() {
            *eight = (u64::from_ne_bytes(*eight) ^ wide).to_ne_bytes();
        }
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Writes the head of the frame whose payload begins at `at`, directly before it; where the frame begins. There have to
/// be [`HEAD`] bytes free.
pub(super) fn write_head(opcode: Opcode, at: usize, bytes: &mut [u8]) -> usize {
    let length = bytes.len() - at;
    let (length_code, long) = match length {
        short @ 0..126 => (short as u8, 0),
        126..0x1_0000 => (126, 2),
        _ => (127, 8),
    };
    // The last bytes of the number are the lowest ones.
    bytes[at - long..at].copy_from_slice(&(length as u64).to_be_bytes()[8 - long..]);
    let begin = at - long - 2;
    bytes[begin] = match opcode {
        Opcode::Text => 0x81,
        Opcode::Close => 0x88,
        Opcode::Ping => 0x89,
        Opcode::Pong => 0x8A,
        Opcode::Other => 0x82,
    };
    bytes[begin + 1] = length_code;
    begin
}

/// Adds a frame.
pub(super) fn write_frame(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    let mut bytes = vec![0; HEAD];
    bytes.extend_from_slice(payload);
    let begin = write_head(opcode, HEAD, &mut bytes);
    out.extend_from_slice(&bytes[begin..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 250];
        let mut frame = vec![0x81];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | short as u8),
            long => {
                frame.push(0x80 | 126);
                frame.extend((long as u16).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    #[test]
    fn what_a_client_masks_is_read_once_all_of_it_is_there() {
        for length in [0, 1, 7, 8, 125, 126, 4_097] {
            let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let frame = masked(&payload);
            assert_eq!(next_frame(&mut frame.clone()[..frame.len() - 1]), None);
            assert_eq!(next_frame(&mut frame.clone()), Some((Opcode::Text, &payload[..], frame.len())));
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let mut out = b"before".to_vec();
            write_frame(Opcode::Text, &vec![b'x'; length], &mut out);
            let Some((Opcode::Text, payload, taken)) = next_frame(&mut out[6..]) else { panic!("no text") };
            assert!(payload.iter().all(|byte| *byte == b'x'));
            assert_eq!((payload.len(), taken), (length, out.len() - 6));
        }
    }
}
