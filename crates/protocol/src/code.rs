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
    /// The session's token is too old.
    SessionExpired = "SESSION_EXPIRED",
    /// The token is not one of this server's, or somebody else's.
    SessionRefused = "SESSION_REFUSED",
    /// Another page is connected with this token.
    SessionInUse = "SESSION_IN_USE",
    /// There is no such instance and no snapshot of it.
    NothingKept = "NOTHING_KEPT",
    /// The snapshot is not one of this server's, or was changed.
    SnapshotCorrupt = "SNAPSHOT_CORRUPT",
    /// The snapshot is of another component, or of somebody else.
    SnapshotForeign = "SNAPSHOT_FOREIGN",
    /// The snapshot is too old.
    SnapshotExpired = "SNAPSHOT_EXPIRED",
    /// The snapshot is larger than this server unpacks.
    SnapshotTooLarge = "SNAPSHOT_TOO_LARGE",
    /// The server has seen a newer state of this instance.
    SnapshotStale = "SNAPSHOT_STALE",
    /// The snapshot was written by a newer version of the component.
    SnapshotTooNew = "SNAPSHOT_TOO_NEW",
    /// The snapshot is genuine, but what is in it does not fit the component.
    SnapshotUnreadable = "SNAPSHOT_UNREADABLE",
    /// Too many wrong signatures came from this peer.
    SnapshotThrottled = "SNAPSHOT_THROTTLED",
    /// The call was done or given up long ago; it was not done again.
    CallForgotten = "CALL_FORGOTTEN",
    /// The call was done, but could not be written to the store.
    NotStored = "NOT_STORED",
    /// The page is too old for this server.
    ClientOutdated = "CLIENT_OUTDATED",
    /// The page is newer than this server.
    ServerOutdated = "SERVER_OUTDATED",
    /// Somebody has to be signed in for this, and nobody is.
    Unauthenticated = "UNAUTHENTICATED",
    /// The credentials are not good.
    AuthFailed = "AUTH_FAILED",
    /// Too many wrong credentials came from this peer.
    AuthThrottled = "AUTH_THROTTLED",
    /// The room is not one this instance is in.
    NotAMember = "NOT_A_MEMBER",
    /// The instance is in as many rooms as the limit allows, or the room is full.
    TooManyRooms = "TOO_MANY_ROOMS",
    /// Another call of the batch failed, so this one was undone.
    RolledBack = "ROLLED_BACK",
    /// The server takes no files, or not here, or not so many.
    UploadRefused = "UPLOAD_REFUSED",
    /// The file is of a kind that is not accepted, or not of the kind it is said to be.
    UploadType = "UPLOAD_TYPE",
    /// The file is larger than is accepted, or than was announced.
    UploadTooLarge = "UPLOAD_TOO_LARGE",
    /// The user has sent as much as they may for now.
    UploadQuota = "UPLOAD_QUOTA",
    /// Bytes before these have not arrived.
    UploadGap = "UPLOAD_GAP",
    /// No such upload is under way on this connection.
    UploadGone = "UPLOAD_GONE",
    /// What arrived is not what was sent.
    UploadCorrupt = "UPLOAD_CORRUPT",
    /// The server has no place for it at present.
    UploadNoSpace = "UPLOAD_NO_SPACE",
    /// The file was looked at and found to do harm.
    UploadUnsafe = "UPLOAD_UNSAFE",
    /// The frame carries no chunk, or none that can be read.
    BadChunk = "BAD_CHUNK",
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
    /// A frame was for no channel, on a socket that carries channels.
    Malformed,
    /// A frame was larger than the limit.
    FrameTooLarge,
    /// The user was signed out everywhere.
    SignedOut,
    /// A channel was not opened: who asked for it may not connect.
    Refused,
    /// The peer missed two pings.
    PeerSilent,
    /// The session goes on with another connection.
    TakenOver,
    /// The peer kept sending far beyond its rate.
    Flood,
    /// The peer reads too slowly.
    TooSlow,
    /// A channel was not opened: there is no place for another connection.
    NoPlace,
}

impl CloseCode {
    /// Every code, by number.
    pub const ALL: &'static [Self] = &[
        Self::GoingAway,
        Self::Malformed,
        Self::FrameTooLarge,
        Self::SignedOut,
        Self::Refused,
        Self::PeerSilent,
        Self::TakenOver,
        Self::Flood,
        Self::TooSlow,
        Self::NoPlace,
    ];

    /// The number in the close frame.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::Malformed => 1002,
            Self::FrameTooLarge => 1009,
            Self::SignedOut => 4401,
            Self::Refused => 4403,
            Self::TakenOver => 4409,
            Self::PeerSilent => 4408,
            Self::Flood => 4429,
            Self::TooSlow => 4430,
            Self::NoPlace => 4503,
        }
    }

    /// The sentence in the close frame, at most 123 bytes as the WebSocket standard demands.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "the server is going away, connect again",
            Self::Malformed => "a frame was for no channel",
            Self::FrameTooLarge => "a frame was larger than this server accepts",
            Self::SignedOut => "the user was signed out, begin another session",
            Self::Refused => "who asked for this channel may not connect",
            Self::TakenOver => "the session goes on with another connection",
            Self::PeerSilent => "two pings went unanswered",
            Self::Flood => "far more messages than this connection may send",
            Self::TooSlow => "too much was waiting to be read",
            Self::NoPlace => "there is no place for another connection",
        }
    }
}
