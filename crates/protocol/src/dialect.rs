//! What a connection said it understands, and what it is told in return.

use crate::VERSION;
use crate::id::ConnectionId;

/// How frames to one connection are written. Decided once, from the URL, and never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// The version the client speaks; 0 for a client that did not say.
    pub version: u32,
    /// State travels as deltas.
    pub delta: bool,
    /// A frame may hold an array of messages.
    pub batch: bool,
    /// What was mounted outlives the connection for a while.
    pub resume: bool,
}

impl Dialect {
    /// An older client: whole states, one message a frame.
    pub const LEGACY: Self = Self { version: 0, delta: false, batch: false, resume: false };
    /// Our own client.
    pub const NATIVE: Self = Self { version: VERSION, delta: true, batch: true, resume: true };

    /// Reads the query string of the upgrade request. What is unknown is ignored; what is broken makes a
    /// legacy connection, which always works.
    ///
    /// ```
    /// use fluxstack_live_protocol::Dialect;
    /// assert_eq!(Dialect::from_query("v=3&caps=delta,batch,resume"), Dialect::NATIVE);
    /// assert_eq!(Dialect::from_query("token=x"), Dialect::LEGACY);
    /// ```
    #[must_use]
    pub fn from_query(query: &str) -> Self {
        let pairs = || query.split('&').filter_map(|pair| pair.split_once('='));
        let version =
            pairs().find(|(key, _)| *key == "v").and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
        if version < VERSION {
            return Self::LEGACY;
        }
        let caps = pairs().find(|(key, _)| *key == "caps").map_or("", |(_, value)| value);
        // A browser may write the comma as it is or escaped.
        let has = |cap: &str| caps.split(',').flat_map(|part| part.split("%2C")).any(|word| word == cap);
        Self { version: VERSION, delta: has("delta"), batch: has("batch"), resume: has("resume") }
    }

    /// Whether this is a client from before version 3.
    #[must_use]
    pub const fn is_legacy(self) -> bool {
        self.version < VERSION
    }
}

/// The `client` parameter of a query string, if it is a plausible id.
///
/// ```
/// use fluxstack_live_protocol::dialect::client_id;
/// assert_eq!(client_id("v=3&client=tab-1"), Some("tab-1"));
/// assert_eq!(client_id("client=%00"), None);
/// ```
#[must_use]
pub fn client_id(query: &str) -> Option<&str> {
    let (_, value) =
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == "client")?;
    let plausible = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    (!value.is_empty() && value.len() <= 64 && value.bytes().all(plausible)).then_some(value)
}

/// What this server can beyond what every one of version 3 can, as its hello says. A client that depends on one of
/// these looks here, and not at a version.
pub const CAPS: &[&str] = &["optimistic", "quiet", "window", CHANNELS, UPLOAD];
/// One that a server may be told not to have.
pub(crate) const CHANNELS: &str = "channels";
/// One that a server has if it was told where to put files.
pub(crate) const UPLOAD: &str = "upload";

/// What a client is told first.
#[derive(Debug, Clone)]
pub struct Hello {
    /// The connection's id.
    pub connection: ConnectionId,
    /// The id of who is signed in, if anybody is.
    pub user: Option<Box<str>>,
    /// For a client that can come back: what to present then, and how long it is usually waited for, in ms.
    pub session: Option<(Box<str>, u64)>,
    /// How this connection is spoken to.
    pub dialect: Dialect,
    /// Bytes in a frame.
    pub frame: usize,
    /// Messages in a batch.
    pub batch: usize,
    /// Unanswered requests.
    pub calls: usize,
    /// Mounted instances.
    pub instances: usize,
    /// Messages a second; 0 is unlimited.
    pub rate: u32,
    /// Messages at once.
    pub burst: u32,
    /// Whether a socket may carry several connections.
    pub channels: bool,
    /// Whether the server takes files.
    pub uploads: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: Dialect) {
        assert_eq!(Dialect::from_query(query), expected, "{query}");
    }

    #[test]
    fn a_connection_gets_what_it_announced_and_nothing_more() {
        check("", Dialect::LEGACY);
        check("v=2&caps=delta,batch", Dialect::LEGACY);
        check("v=x&caps=delta", Dialect::LEGACY);
        let plain = Dialect { version: 3, delta: false, batch: false, resume: false };
        check("v=3", plain);
        check("caps=delta%2Cbatch%2Cresume&v=4&client=a", Dialect::NATIVE);
        check("v=3&caps=teleport,delta", Dialect { delta: true, ..plain });
    }
}
