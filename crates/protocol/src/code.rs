//! What can go wrong, as both sides know it: stable codes, not sentences.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a request was not done, or a frame not understood. The text is part of the protocol.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in the order of the protocol page.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as it travels.
            ///
            /// ```
            /// use fluxstack_live_protocol::Code;
            /// assert_eq!(Code::BadJson.as_str(), "BAD_JSON");
            /// ```
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// The values are not acceptable to the application; the fields say which.
    Invalid = "INVALID",
    /// The caller may not do this.
    Forbidden = "FORBIDDEN",
    /// What the call was about does not exist.
    NotFound = "NOT_FOUND",
    /// It was changed meanwhile, or exists already.
    Conflict = "CONFLICT",
    /// Something failed on the server; the log knows what.
    Internal = "INTERNAL",
    /// The action panicked; the instance was put back to its last good state.
    ActionFailed = "ACTION_FAILED",
    /// The instance could not be put back and is gone.
    InstanceLost = "INSTANCE_LOST",
    /// The text is not JSON.
    BadJson = "BAD_JSON",
    /// JSON, but not a message.
    BadMessage = "BAD_MESSAGE",
    /// A field or argument is missing or of the wrong type.
    BadPayload = "BAD_PAYLOAD",
    /// No such message type.
    UnknownType = "UNKNOWN_TYPE",
    /// No such component can be mounted.
    ComponentNotFound = "COMPONENT_NOT_FOUND",
    /// This connection has no such instance.
    RehydrationRequired = "REHYDRATION_REQUIRED",
    /// The component has no such action.
    NotCallable = "NOT_CALLABLE",
    /// The component has no such writable field.
    NotWritable = "NOT_WRITABLE",
    /// More messages than the limit allows.
    RateLimited = "RATE_LIMITED",
    /// More unanswered requests than the limit allows.
    TooManyCalls = "TOO_MANY_CALLS",
    /// More mounted instances than the limit allows.
    TooManyInstances = "TOO_MANY_INSTANCES",
    /// A batch, props or a state is larger than the limit allows.
    TooLarge = "TOO_LARGE",
    /// The instance's mailbox is full, or the server has too much to do.
    Busy = "BUSY",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a connection was closed by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCode {
    /// The server is going away; connect again.
    GoingAway,
    /// A frame was larger than the limit.
    FrameTooLarge,
    /// The peer missed two pings.
    PeerSilent,
    /// The peer kept sending far beyond its rate.
    Flood,
    /// The peer reads too slowly.
    TooSlow,
}

impl CloseCode {
    /// The number in the close frame.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::FrameTooLarge => 1009,
            Self::PeerSilent => 4408,
            Self::Flood => 4429,
            Self::TooSlow => 4430,
        }
    }

    /// The sentence in the close frame, at most 123 bytes as the WebSocket standard demands.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "the server is going away, connect again",
            Self::FrameTooLarge => "a frame was larger than this server accepts",
            Self::PeerSilent => "two pings went unanswered",
            Self::Flood => "far more messages than this connection may send",
            Self::TooSlow => "too much was waiting to be read",
        }
    }
}
