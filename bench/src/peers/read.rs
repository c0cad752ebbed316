//! Reads what a server always writes the same way, from the front on.

/// What is left of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rest<'a>(pub(super) &'a [u8]);

impl<'a> Rest<'a> {
    /// Goes past these bytes, if they are the next.
    pub(super) fn past(&mut self, bytes: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(bytes)?;
        Some(())
    }

    /// A whole number in digits.
    pub(super) fn digits(&mut self) -> Option<u64> {
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(length);
        let mut number = 0_u64;
        for digit in digits {
            number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        }
        self.0 = rest;
        (length > 0).then_some(number)
    }

    /// One byte.
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// So many bytes.
    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// So many bytes as they are, for a number of that size.
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_read() {
        let mut rest = Rest(b"ab12,");
        assert_eq!(rest.past(b"b"), None);
        assert_eq!(rest.past(b"ab"), Some(()));
        assert_eq!(rest.digits(), Some(12));
        assert_eq!(rest.digits(), None);
        assert_eq!((rest.bytes(2), rest.byte(), rest.byte()), (None, Some(b','), None));
        assert!(rest.is_over());
        assert_eq!(Rest(b"18446744073709551616").digits(), None);
    }
}
