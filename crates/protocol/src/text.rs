//! Numbers and names as text, without the machinery of `fmt`: they are most of what a frame is made of.

/// Two digits for every number below a hundred.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        // In order, so the cast loses nothing.
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Digits of the largest number.
const LONGEST: usize = 20;

/// A number in decimal digits.
#[derive(Clone, Copy)]
pub(crate) struct Digits {
    /// They begin at `at`, and end where [`LONGEST`] do.
    bytes: [u8; LONGEST],
    at: usize,
}

impl Digits {
    /// Of no number but 0.
    pub(crate) const ZERO: Self = Self { bytes: [b'0'; LONGEST], at: LONGEST - 1 };

    /// Those of a number.
    pub(crate) fn of(mut number: u64) -> Self {
        let mut bytes = [0; LONGEST];
        let mut at = LONGEST;
        // Two pairs at a time: to divide is most of the work.
        while number >= 10_000 {
            let four = number % 10_000;
            let ([ten, one], [thousand, hundred]) = (pair(four % 100), pair(four / 100));
            // One by one: a copy of two bytes would be a call.
            bytes[at - 1] = one;
            bytes[at - 2] = ten;
            bytes[at - 3] = hundred;
            bytes[at - 4] = thousand;
            at -= 4;
            number /= 10_000;
        }
        if number >= 100 {
            let [ten, one] = pair(number % 100);
            bytes[at - 1] = one;
            bytes[at - 2] = ten;
            at -= 2;
            number /= 100;
        }
        let [ten, one] = pair(number);
        at -= 1;
        bytes[at] = one;
        if number >= 10 {
            at -= 1;
            bytes[at] = ten;
        }
        Self { bytes, at }
    }

    /// Appends them.
    pub(crate) fn push(&self, out: &mut Vec<u8>) {
        let mut room = [0; 2 * LONGEST];
        room[..LONGEST].copy_from_slice(&self.bytes);
        // As many as the longest has, and then fewer: a length that is known is copied without a call.
        if let Some(digits) = room[self.at..].first_chunk::<LONGEST>() {
            let end = out.len() + LONGEST - self.at;
            out.extend_from_slice(digits);
            out.truncate(end);
        }
    }
}

/// Appends a number in decimal digits.
pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    Digits::of(number).push(out);
}

fn pair(number: u64) -> [u8; 2] {
    PAIRS[usize::try_from(number).unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_everybody_writes_it() {
        let around =
            (0..20).map(|power| 10_u64.pow(power)).flat_map(|ten| [ten - 1, ten, ten + 1, ten + ten / 8]);
        for number in around.chain(0..1_100).chain([u64::MAX, u64::MAX - 1, u64::from(u32::MAX)]) {
            let mut out = b"x".to_vec();
            push_number(&mut out, number);
            assert_eq!(String::from_utf8(out).ok(), Some(format!("x{number}")));
        }
    }
}
