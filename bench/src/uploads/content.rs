//! A file that nobody has to keep: its bytes come from a seed, from any place on, the same each time.
//!
//! So a client can send hundreds of megabytes again from wherever the server wants them, and what the server has
//! kept can be compared byte by byte, both with a few hundred kilobytes of memory.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};

/// Bytes that are made, hashed or compared at once.
const PIECE: usize = 256 << 10;

/// With this byte begins no kind of file that somebody knows, and no text.
pub(super) const NOTHING: u8 = 0x9c;

/// See the module.
#[derive(Clone, Copy)]
pub(super) struct Content {
    pub(super) seed: u64,
    pub(super) size: u64,
}

impl Content {
    /// Fills `bytes` with what the file has from `offset` on.
    pub(super) fn read(&self, offset: u64, mut bytes: &mut [u8]) {
        let (mut number, inside) = (offset / 8, (offset % 8) as usize);
        if inside > 0 {
            let first = bytes.len().min(8 - inside);
            bytes[..first].copy_from_slice(&self.word(number)[inside..inside + first]);
            (number, bytes) = (number + 1, &mut bytes[first..]);
        }
        for word in bytes.chunks_mut(8) {
            word.copy_from_slice(&self.word(number)[..word.len()]);
            number += 1;
        }
    }

    fn word(&self, number: u64) -> [u8; 8] {
        let mut word = mix(self.seed.wrapping_add(number.wrapping_mul(STEP))).to_le_bytes();
        if number == 0 {
            word[0] = NOTHING;
        }
        word
    }

    /// The SHA-256 of all of it.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        self.pieces(|piece| {
            digest.update(piece);
            Ok(())
        })
        .unwrap_or_default();
        digest.finalize().into()
    }

    /// That a file is this one, byte by byte, and by its digest.
    pub(super) fn compare(&self, path: &Path) -> Result<[u8; 32]> {
        let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let (mut digest, mut kept, mut offset) = (Sha256::new(), vec![0; PIECE], 0);
        self.pieces(|piece| {
            let kept = &mut kept[..piece.len()];
            file.read_exact(kept).with_context(|| format!("it ends before byte {}", self.size))?;
            digest.update(&*kept);
            let differs = kept.iter().zip(piece).position(|(kept, sent)| kept != sent);
            ensure!(differs.is_none(), "byte {} differs", offset + differs.unwrap_or_default());
            offset += piece.len();
            Ok(())
        })?;
        ensure!(file.read(&mut [0])? == 0, "it goes on after byte {}", self.size);
        Ok(digest.finalize().into())
    }

    fn pieces(&self, mut with: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let (mut piece, mut offset) = (vec![0; PIECE], 0);
        while offset < self.size {
            let length = (self.size - offset).min(PIECE as u64) as usize;
            self.read(offset, &mut piece[..length]);
            with(&piece[..length])?;
            offset += length as u64;
        }
        Ok(())
    }
}

/// As digests are written.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Chance that can be had again (SplitMix64).
pub(super) struct Dice(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// Less than `sides`, which is not 0.
    pub(super) fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0) % sides
    }

    /// One of these, which are not none.
    pub(super) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_same_from_wherever_it_is_read() {
        let content = Content { seed: 7, size: 1_000 };
        let mut whole = [0; 1_000];
        content.read(0, &mut whole);
        for (from, length) in [(0, 1), (1, 3), (3, 5), (5, 20), (8, 8), (13, 987), (999, 1)] {
            let mut part = vec![0; length];
            content.read(from as u64, &mut part);
            assert_eq!(part, whole[from..from + length], "from {from}, {length} bytes");
        }
        assert_eq!(content.digest(), <[u8; 32]>::from(Sha256::digest(whole)));
        assert_ne!(Content { seed: 8, size: 1_000 }.digest(), content.digest());
    }

    #[test]
    fn a_file_that_is_not_the_one_is_told_from_it() {
        let folder = std::env::temp_dir().join(format!("crowd-content-{}", std::process::id()));
        let content = Content { seed: 7, size: 300_001 };
        let mut bytes = vec![0; 300_001];
        content.read(0, &mut bytes);
        let check = |bytes: &[u8], expected: &str| {
            std::fs::write(&folder, bytes).unwrap();
            let said =
                content.compare(&folder).map_or_else(|error| format!("{error:#}"), |digest| hex(&digest));
            assert!(said.contains(expected), "{said}");
        };
        check(&bytes, &hex(&content.digest()));
        check(&bytes[..300_000], "ends before");
        check(&[&bytes[..], b"x"].concat(), "goes on after");
        bytes[299_999] ^= 1;
        check(&bytes, "byte 299999 differs");
        std::fs::remove_file(&folder).unwrap();
    }
}
