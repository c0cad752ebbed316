//! Where a JSON string stops to be plain: eight bytes at a time, because most of a frame is inside of strings.

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;

/// The first byte from `at` on that ends a JSON string, begins an escape or is not allowed in one; the length if there
/// is none.
#[inline]
pub(crate) fn end(text: &[u8], mut at: usize) -> usize {
    let start = at;
    while let Some(eight) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let found = ends(*eight);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    // The last eight once more, of which those before `at` are known to be plain.
    if text.len() >= start + 8
        && at < text.len()
        && let Some(eight) = text.last_chunk::<8>()
    {
        let found = ends(*eight);
        return if found == 0 { text.len() } else { text.len() - 8 + found.trailing_zeros() as usize / 8 };
    }
    while text.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
        at += 1;
    }
    at
}

/// The top bit of the lowest of these bytes that is not plain; what is above it means nothing.
fn ends(eight: [u8; 8]) -> u64 {
    let eight = u64::from_le_bytes(eight);
    let quotes = eight ^ (ONES * 0x22);
    let escapes = eight ^ (ONES * 0x5c);
    // A byte that is 0 borrows into its top bit. What that does to bytes above it does not matter: the lowest counts.
    let found = (quotes.wrapping_sub(ONES) & !quotes)
        | (escapes.wrapping_sub(ONES) & !escapes)
        | (eight.wrapping_sub(ONES * 0x20) & !eight);
    found & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_told_apart_at_every_place() {
        for byte in 0..=u8::MAX {
            let is_end = byte == b'"' || byte == b'\\' || byte < 0x20;
            for place in 0..20 {
                // What is beside it must not change anything.
                for around in [b'a', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xff, b' '] {
                    let mut text = [around; 20];
                    text[place] = byte;
                    assert_eq!(
                        end(&text, 0),
                        if is_end { place } else { 20 },
                        "{byte} at {place} in {around}"
                    );
                    assert_eq!(end(&text, place), if is_end { place } else { 20 });
                }
            }
        }
        assert_eq!(end(b"\"\x01\\", 1), 1);
        assert_eq!(end(b"", 0), 0);
    }
}
