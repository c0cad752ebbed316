//! Which names rooms have.

/// The room of all who have mounted a component. Only the server puts an instance into it.
pub const EVERYBODY: &str = "*";

/// The longest name of a room in bytes.
const LONGEST: usize = 64;

/// Whether a room that is joined by name can be called `name`: 1 to 64 of `A–Z a–z 0–9 _ . : -`.
///
/// ```
/// use fluxstack_live_protocol::room::is_name;
/// assert!(is_name("chat:lobby"));
/// assert!(!is_name("*") && !is_name("two words"));
/// ```
#[must_use]
pub fn is_name(name: &str) -> bool {
    let plausible = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    !name.is_empty() && name.len() <= LONGEST && name.bytes().all(plausible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: bool) {
        assert_eq!(is_name(name), expected, "{name:?}");
    }

    #[test]
    fn a_room_is_called_by_a_short_plain_name() {
        check("lobby", true);
        check("A.b_c:1-2", true);
        check(&"x".repeat(64), true);
        check(&"x".repeat(65), false);
        check("", false);
        check(EVERYBODY, false);
        check("ä", false);
        check("a b", false);
        check("a/b", false);
        check("a\0", false);
    }
}
