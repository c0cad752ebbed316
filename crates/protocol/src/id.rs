//! Names that travel: opaque strings on the wire, 16 bytes in memory.
//!
//! Ids are made at random (122 bits), because knowing one is part of what lets a client use it. Nothing
//! here says who owns an id; that is the session's table.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// The text is not an id this server could have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id made by this server")]
pub struct NotAnId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// A new, unguessable id.
            #[must_use]
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// Its 128 bits.
            #[must_use]
            pub const fn to_u128(self) -> u128 {
                self.0.as_u128()
            }

            /// The id with these 128 bits; for tests and for stores that keep the bits.
            #[must_use]
            pub const fn from_u128(bits: u128) -> Self {
                Self(Uuid::from_u128(bits))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.hyphenated())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let uuid = text.strip_prefix($prefix).ok_or(NotAnId)?;
                // Only the form we write: one id has one spelling.
                if uuid.len() != 36 || uuid.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    return Err(NotAnId);
                }
                Uuid::try_parse(uuid).map(Self).map_err(|_| NotAnId)
            }
        }
    };
}

id!(
    /// One mounted component. On the wire it is called `componentId`.
    ///
    /// ```
    /// use fluxstack_live_protocol::InstanceId;
    /// let id = InstanceId::random();
    /// assert_eq!(id.to_string().parse(), Ok(id));
    /// ```
    InstanceId,
    "live-"
);

id!(
    /// One connection, from upgrade to close.
    ConnectionId,
    "conn-"
);

id!(
    /// One tab's stay, over as many connections as it takes. Known to nobody but the server and, sealed in
    /// a token, to the tab.
    SessionId,
    "sess-"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = InstanceId::random();
        let text = id.to_string();
        assert_eq!(text.len(), 41);
        assert_eq!(text.parse::<InstanceId>(), Ok(id));
        let shouted =
            format!("live-{}", text[5..].to_uppercase().replace(|digit: char| digit.is_ascii_digit(), "A"));
        for wrong in
            [shouted.as_str(), &text[5..], "live-", "conn-x", "", "live-00000000000000000000000000000000"]
        {
            assert_eq!(wrong.parse::<InstanceId>(), Err(NotAnId), "{wrong:?}");
        }
    }
}
