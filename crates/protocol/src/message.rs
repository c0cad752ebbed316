//! The whole vocabulary: what a client says, what a server says.

use std::borrow::Cow;

use crate::raw::Raw;

use crate::code::Code;
use crate::dialect::Hello;
use crate::id::{CallId, InstanceId};
use crate::upload::{UploadChunk, UploadStart};

/// One message of a client, borrowed from its frame.
#[derive(Debug)]
pub struct ClientMessage<'a> {
    /// Set if the client wants an answer; comes back as it was.
    pub request_id: Option<Raw<'a>>,
    /// An older client's wish for the result of an action; ours rely on `request_id` alone.
    pub expect_response: bool,
    /// What it is about, as the client spelled it.
    pub component_id: Option<Cow<'a, str>>,
    /// Its name, if it may be sent again after a lost connection.
    pub call: Option<CallId>,
    /// Calls of the same origin to the same instance, up to this number, whose answers have arrived.
    pub acked: u64,
    /// Whether the client shows already what the call will do. Older clients never do.
    pub optimistic: bool,
    /// On how many levels brackets are open in it, itself included.
    pub levels: usize,
    /// What it asks.
    pub body: ClientBody<'a>,
}

/// What a client can ask.
#[derive(Debug)]
pub enum ClientBody<'a> {
    /// `COMPONENT_MOUNT`
    Mount {
        /// The component's name.
        component: Cow<'a, str>,
        /// Its props, not yet looked at.
        props: Option<Raw<'a>>,
        /// The version of the component that the client was made for.
        schema: u32,
    },
    /// `SESSION_RESUME`
    ResumeSession {
        /// What the session was told to present.
        token: Cow<'a, str>,
    },
    /// `COMPONENT_RESUME`
    Resume(Box<Resume<'a>>),
    /// `COMPONENT_UNMOUNT`
    Unmount,
    /// `CALL_ACTION`
    Call {
        /// The action's name.
        action: Cow<'a, str>,
        /// The arguments by name, not yet looked at.
        args: Option<Raw<'a>>,
    },
    /// `PROPERTY_UPDATE`
    Write {
        /// The field's name.
        property: Cow<'a, str>,
        /// Its new value, not yet looked at. `None` is JSON's `null`.
        value: Option<Raw<'a>>,
    },
    /// `PROPS_UPDATE`
    Props {
        /// All props anew.
        props: Option<Raw<'a>>,
    },
    /// `COMPONENT_EVENT`
    Event {
        /// The event, not yet looked at.
        event: Raw<'a>,
    },
    /// `LIST_READ`
    ReadList {
        /// The field's name.
        property: Cow<'a, str>,
        /// The place of the first row that is wanted.
        from: usize,
        /// How many rows are wanted.
        count: usize,
    },
    /// `STATE_RESYNC`
    Resync,
    /// `COMPONENT_PING`
    Ping,
    /// `QUIET`
    Quiet {
        /// Whether state and events are to wait until somebody looks again.
        on: bool,
    },
    /// `AUTH`
    Auth {
        /// The payload, not yet looked at; whoever reads it refuses what is no object.
        credentials: Option<Raw<'a>>,
    },
    /// `CALL_BATCH`
    Batch {
        /// The calls in their order, at most [`crate::decode::MAX_BATCH`] of them.
        calls: Vec<BatchCall<'a>>,
        /// Whether each component does all of its calls or none.
        atomic: bool,
    },
    /// `ROOM_JOIN`
    JoinRoom {
        /// The room's name, which is one.
        room: Cow<'a, str>,
        /// The number of the last event that was heard in it, if any was.
        since: Option<u64>,
        /// How many of its last events are wanted.
        history: usize,
        /// From an older client: the state of a room that has none yet, a JSON object.
        initial: Option<Raw<'a>>,
    },
    /// `ROOM_LEAVE`
    LeaveRoom {
        /// The room's name, which is one.
        room: Cow<'a, str>,
    },
    /// `ROOM_EMIT`
    EmitRoom {
        /// The room's name, which is one.
        room: Cow<'a, str>,
        /// JSON text of the event, not yet looked at. What an older client names beside its data has been
        /// put into it, see [`crate::legacy::event`].
        event: Cow<'a, str>,
        /// Whether the sender wants to hear it as well.
        also_self: bool,
    },
    /// `ROOM_STATE_SET`, from older clients only.
    SetRoomState {
        /// The room's name, which is one.
        room: Cow<'a, str>,
        /// What is to be set, a JSON object.
        patch: Raw<'a>,
    },
    /// `ROOM_STATE_GET`, from older clients only.
    GetRoomState {
        /// The room's name, which is one.
        room: Cow<'a, str>,
    },
    /// `FILE_UPLOAD_START`
    UploadStart(Box<UploadStart<'a>>),
    /// `FILE_UPLOAD_CHUNK`, from a text frame or a binary one.
    UploadChunk(UploadChunk<'a>),
    /// `FILE_UPLOAD_COMPLETE`
    UploadComplete {
        /// Of which file.
        upload: Cow<'a, str>,
        /// SHA-256 of the whole file. Older clients do not say.
        hash: Option<[u8; 32]>,
    },
    /// `FILE_UPLOAD_CANCEL`
    UploadCancel {
        /// Of which file.
        upload: Cow<'a, str>,
    },
}

/// One call of a `CALL_BATCH`.
#[derive(Debug)]
pub struct BatchCall<'a> {
    /// Whose action.
    pub component_id: Cow<'a, str>,
    /// The action's name.
    pub action: Cow<'a, str>,
    /// The arguments by name, not yet looked at.
    pub args: Option<Raw<'a>>,
    /// Its name, if it may be sent again after a lost connection.
    pub call: Option<CallId>,
    /// As in [`ClientMessage::acked`].
    pub acked: u64,
    /// As in [`ClientMessage::optimistic`].
    pub optimistic: bool,
}

/// Where a client that came back stands with one instance.
#[derive(Debug)]
pub struct Resume<'a> {
    /// The component's name.
    pub component: Cow<'a, str>,
    /// The client's own name for the instance.
    pub name: Cow<'a, str>,
    /// The version of the component that the client was made for.
    pub schema: u32,
    /// The version of the state it shows; `None` if it shows nothing.
    pub have: Option<u64>,
    /// The number of the last event it was told.
    pub heard: u64,
    /// The newest snapshot it was given, as text.
    pub snapshot: Option<Cow<'a, str>>,
    /// Its props, not yet looked at, if it can join a shared instance anew with them.
    pub props: Option<Raw<'a>>,
    /// The rooms it is in, each with the number of the last event it heard there; none twice, and at most
    /// [`crate::decode::MAX_ROOMS`].
    pub rooms: Vec<(Cow<'a, str>, u64)>,
    /// Calls that it shows already and has no answer to, at most [`crate::decode::MAX_DOUBT`].
    pub doubt: Vec<CallId>,
}

/// One frame of the server, before it is written. `STATE_DELTA`, the hot one, is written by
/// [`crate::encode::write_delta`] without passing through here.
#[derive(Debug)]
pub enum ServerMessage<'a> {
    /// `CONNECTION_ESTABLISHED`
    Hello(&'a Hello),
    /// `MESSAGE_RESPONSE` or `ACTION_RESPONSE`
    Reply(Reply<'a>),
    /// `COMPONENT_PONG`
    Pong {
        /// The id that was asked about, if any.
        component_id: Option<&'a str>,
        /// Echoed.
        request_id: Option<&'a str>,
        /// Whether this connection has that instance.
        success: bool,
    },
    /// `STATE_UPDATE`
    Update {
        /// Whose state.
        instance: InstanceId,
        /// The state as a JSON object.
        state: &'a [u8],
        /// Its version.
        version: u64,
        /// Its digest.
        digest: u32,
    },
    /// `CALL_DONE`: what these calls did is in the state that follows directly.
    Done {
        /// Whose state.
        instance: InstanceId,
        /// The calls, each of which its client shows already.
        calls: &'a [CallId],
    },
    /// `COMPONENT_EVENT`
    Event {
        /// Who emitted it.
        instance: InstanceId,
        /// Its number, from 1.
        seq: u64,
        /// The event as JSON.
        event: &'a [u8],
    },
    /// `STATE_SNAPSHOT`
    Snapshot {
        /// Whose state.
        instance: InstanceId,
        /// The version it was taken at.
        version: u64,
        /// The sealed text.
        snapshot: &'a str,
    },
    /// `COMPONENT_EVENT` that says how many were dropped.
    Missed {
        /// Whose events.
        instance: InstanceId,
        /// How many.
        count: u64,
    },
    /// `ROOM_EVENT`. It names no instance, so that all who hear it get the same bytes.
    RoomEvent {
        /// Whose room.
        component: &'a str,
        /// The room's name.
        room: &'a str,
        /// Its number, from 1.
        seq: u64,
        /// The event as JSON; `None` if it was not meant for this client.
        event: Option<&'a [u8]>,
    },
    /// `ROOM_EVENT` that says how many were dropped.
    RoomMissed {
        /// Whose room.
        component: &'a str,
        /// The room's name.
        room: &'a str,
        /// How many.
        count: u64,
    },
    /// `ROOM_JOINED`: the server took an instance into a room, or says after a resume that it is in one.
    RoomJoined {
        /// Who is in it.
        instance: InstanceId,
        /// The room's name.
        room: &'a str,
        /// The number of the event before the first one that follows.
        seq: u64,
        /// Whether all events since the number that the client said follow; `None` if it said none.
        recovered: Option<bool>,
    },
    /// `ROOM_LEFT`: the server took an instance out of a room.
    RoomLeft {
        /// Who was in it.
        instance: InstanceId,
        /// The room's name.
        room: &'a str,
    },
    /// `ROOM_EVENT` as older clients know it: a name, and data beside it.
    LegacyRoomEvent {
        /// Who hears it.
        instance: InstanceId,
        /// The room's name.
        room: &'a str,
        /// The whole event as JSON; see [`crate::legacy::named`] for what becomes of it.
        event: &'a str,
    },
    /// `ROOM_STATE`, for older clients.
    LegacyRoomState {
        /// Who is told.
        instance: InstanceId,
        /// The room's name.
        room: &'a str,
        /// Which change it is, such as [`crate::legacy::STATE_UPDATE`].
        event: &'a str,
        /// What was set, a JSON object.
        content: &'a [u8],
    },
    /// `ROOM_SYSTEM`, for older clients: somebody came or went.
    LegacyRoomSystem {
        /// Who is told.
        instance: InstanceId,
        /// The room's name.
        room: &'a str,
        /// [`crate::legacy::SUB_JOIN`] or [`crate::legacy::SUB_LEAVE`].
        event: &'a str,
        /// Who it was.
        subscriber: &'a str,
        /// How many are in the room now.
        count: usize,
    },
    /// `ERROR`
    Error {
        /// What it concerns, if anything.
        component_id: Option<&'a str>,
        /// Echoed if it could be read.
        request_id: Option<&'a str>,
        /// The code.
        code: Code,
        /// The sentence.
        error: &'a str,
        /// The action that failed, for older clients.
        action: Option<&'a str>,
    },
}

/// The one answer to a request.
#[derive(Debug)]
pub struct Reply<'a> {
    /// Which frame to answer with.
    pub kind: ReplyKind,
    /// As the request spelled it.
    pub component_id: Option<&'a str>,
    /// The request's id as JSON text; `None` only towards older clients that asked without one.
    pub request_id: Option<&'a str>,
    /// Who is signed in now. Only the answer of [`ReplyKind::Auth`] says so, also if it is a refusal.
    pub user: Option<&'a str>,
    /// Which room the answer is about; only towards older clients. For them the result of
    /// [`ReplyKind::JoinRoom`] and [`ReplyKind::GetRoomState`] is the room's state, a JSON object.
    pub room: Option<&'a str>,
    /// Which upload the answer is about. The members of the result, a JSON object, are then fields of the frame.
    pub upload: Option<&'a str>,
    /// Whether a part of what it changed is held back for now. Said only of what the client shows already.
    pub held: bool,
    /// JSON text of the result, or why there is none.
    pub outcome: Result<Option<&'a [u8]>, Failure<'a>>,
}

/// Why a request was not done.
#[derive(Debug)]
pub struct Failure<'a> {
    /// The stable code.
    pub code: Code,
    /// The sentence for people.
    pub error: &'a str,
    /// Complaints by field, as a JSON object; `None` if there are none.
    pub fields: Option<&'a [u8]>,
    /// What else a client should know, as a JSON object. Only answers about uploads have it, as fields of the frame.
    pub extra: Option<&'a [u8]>,
}

/// Which request is being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyKind {
    /// A mount.
    Mount,
    /// A session taken up.
    ResumeSession,
    /// An instance taken up.
    Resume,
    /// An unmount.
    Unmount,
    /// A call.
    Call,
    /// A call by an older client that did not ask for the result.
    QuietCall,
    /// A property write.
    Write,
    /// New props.
    Props,
    /// An event.
    Event,
    /// A part of a list.
    ReadList,
    /// A resync.
    Resync,
    /// Credentials.
    Auth,
    /// Whether somebody looks.
    Quiet,
    /// Several calls.
    Batch,
    /// A room joined.
    JoinRoom,
    /// A room left.
    LeaveRoom,
    /// An event for a room.
    EmitRoom,
    /// An older client's change of a room's state.
    SetRoomState,
    /// An older client's question for a room's state.
    GetRoomState,
    /// A file announced.
    UploadStart,
    /// A part of a file.
    UploadChunk,
    /// The end of a file.
    UploadComplete,
    /// A file given up.
    UploadCancel,
}

impl ReplyKind {
    /// The `type` of the request.
    #[must_use]
    pub const fn original(self) -> &'static str {
        match self {
            Self::Mount => "COMPONENT_MOUNT",
            Self::ResumeSession => "SESSION_RESUME",
            Self::Resume => "COMPONENT_RESUME",
            Self::Unmount => "COMPONENT_UNMOUNT",
            Self::Call | Self::QuietCall => "CALL_ACTION",
            Self::Write => "PROPERTY_UPDATE",
            Self::Props => "PROPS_UPDATE",
            Self::Event => "COMPONENT_EVENT",
            Self::ReadList => "LIST_READ",
            Self::Resync => "STATE_RESYNC",
            Self::Auth => "AUTH",
            Self::Quiet => "QUIET",
            Self::Batch => "CALL_BATCH",
            Self::JoinRoom => "ROOM_JOIN",
            Self::LeaveRoom => "ROOM_LEAVE",
            Self::EmitRoom => "ROOM_EMIT",
            Self::SetRoomState => "ROOM_STATE_SET",
            Self::GetRoomState => "ROOM_STATE_GET",
            Self::UploadStart => "FILE_UPLOAD_START",
            Self::UploadChunk => "FILE_UPLOAD_CHUNK",
            Self::UploadComplete => "FILE_UPLOAD_COMPLETE",
            Self::UploadCancel => "FILE_UPLOAD_CANCEL",
        }
    }

    /// The `type` of the answer. Older clients are answered about rooms in frames of their own, and what is asked about an
    /// upload and not done is answered with `FILE_UPLOAD_ERROR`.
    #[must_use]
    pub const fn answer(self) -> &'static str {
        match self {
            Self::Call => "ACTION_RESPONSE",
            Self::Auth => "AUTH_RESPONSE",
            Self::UploadStart => "FILE_UPLOAD_START_RESPONSE",
            Self::UploadChunk => "FILE_UPLOAD_PROGRESS",
            Self::UploadComplete | Self::UploadCancel => self.original(),
            _ => "MESSAGE_RESPONSE",
        }
    }

    /// Whether a request was about an upload.
    #[must_use]
    pub const fn is_about_upload(self) -> bool {
        matches!(self, Self::UploadStart | Self::UploadChunk | Self::UploadComplete | Self::UploadCancel)
    }
}
