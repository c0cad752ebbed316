//! Bodies made smaller where that is worth it: raw deflate (RFC 1951).
//!
//! What unpacks is genuine by then, but may be of a server with other limits, or of one whose key was
//! stolen: what comes out is bounded while it comes out.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::Unsealed;

/// Bytes up to which a body travels as it is: packing would save less than a network packet.
const SMALL: usize = 1024;

/// The body packed, or `None` if it is small or would not become smaller by a tenth.
pub(super) fn pack(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() <= SMALL {
        return None;
    }
    // The fastest level: snapshots are written often and read rarely, and JSON shrinks at any level.
    let mut packing = DeflateEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    packing.write_all(body).expect("a Vec takes whatever is written to it");
    let packed = packing.finish().expect("a Vec takes whatever is written to it");
    (packed.len() < body.len() / 10 * 9).then_some(packed)
}

/// What was packed, unless it is longer than `most`. No more than that is unpacked to find out.
pub(super) fn unpack(packed: &[u8], most: usize) -> Result<Vec<u8>, Unsealed> {
    let stop = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut body = Vec::new();
    let mut unpacking = DeflateDecoder::new(packed).take(stop);
    unpacking.read_to_end(&mut body).map_err(|_| Unsealed::Corrupt)?;
    if body.len() > most {
        return Err(Unsealed::TooLarge);
    }
    let rest = unpacking.into_inner().into_inner();
    rest.is_empty().then_some(body).ok_or(Unsealed::Corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_packed_only_where_that_is_worth_it() {
        /// Whether this body is packed, and that it comes back if it is.
        fn check(body: &[u8], worth: bool) {
            let packed = pack(body);
            assert_eq!(packed.is_some(), worth, "{} bytes", body.len());
            if let Some(packed) = packed {
                assert!(packed.len() * 10 < body.len() * 9);
                assert_eq!(unpack(&packed, body.len()), Ok(body.to_vec()));
            }
        }
        let mut noise = vec![0; 4_096];
        getrandom::fill(&mut noise).unwrap();
        check(b"", false);
        check(&[0; SMALL], false);
        check(&[0; SMALL + 1], true);
        check(&noise, false);
        check(&[&noise[..], &noise[..200]].concat(), false);
        check(&[&noise[..], &noise].concat(), true);
    }

    #[test]
    fn what_is_packed_ends_where_it_ends() {
        let packed = pack(&[7; 2_000]).unwrap();
        assert_eq!(unpack(&[&packed[..], &[0]].concat(), 2_000), Err(Unsealed::Corrupt));
        for length in 0..packed.len() {
            assert_eq!(unpack(&packed[..length], 2_000), Err(Unsealed::Corrupt), "{length}");
        }
        assert_eq!(unpack(b"this is not packed", 2_000), Err(Unsealed::Corrupt));
    }

    #[test]
    fn a_bomb_goes_off_no_further_than_it_may() {
        let bomb = pack(&vec![0; 8 << 20]).unwrap();
        assert!(bomb.len() < 64 << 10);
        let used =
            allocation_counter::measure(|| assert_eq!(unpack(&bomb, 100_000), Err(Unsealed::TooLarge)));
        assert!(used.bytes_max < 500_000, "{} bytes", used.bytes_max);
    }
}
