//! One file of an [`Upload`](super::Upload), as it is shown.

use std::fmt;

use fluxstack_live_protocol::SessionId;
use serde::{Deserialize, Serialize};

use crate::uploads::{FileId, UploadedFile};

/// One file of an [`Upload`], as clients see it.
#[derive(Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileState {
    /// What it is called here. Clients learn it when they begin to send it.
    pub id: String,
    /// What its client calls it; nothing to make a path of.
    pub name: String,
    /// What its client says that it is, such as `image/png`. Until the file is done nobody has looked.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many bytes it will have.
    pub size: u64,
    /// How many of them are here.
    pub received: u64,
    /// How it stands.
    pub status: FileStatus,
    /// Why it failed, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why it failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where it can be looked at, if the author [says so](Upload::show_at).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Who sends it; nobody knows after a restart, until they go on.
    #[serde(skip)]
    pub(super) owner: Option<SessionId>,
    /// Which beginning of it was the latest; none is known after a restart.
    #[serde(skip)]
    pub(super) turn: u64,
    #[serde(skip)]
    pub(super) file: Option<UploadedFile>,
}

/// How a file of an [`Upload`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FileStatus {
    /// Some of it is still to come.
    Sending,
    /// All of it is here, and looked at.
    Checking,
    /// It can be taken.
    Done,
    /// It was not accepted, or could not be written; its client may send it again.
    Failed,
}

impl FileState {
    pub(super) fn is(&self, id: FileId) -> bool {
        self.file_id() == Some(id)
    }

    pub(super) fn file_id(&self) -> Option<FileId> {
        FileId::parse(&self.id)
    }
}

impl fmt::Debug for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, kind, size, received, status, code, .. } = self;
        f.debug_struct("FileState")
            .field("id", id)
            .field("name", name)
            .field("type", kind)
            .field("size", size)
            .field("received", received)
            .field("status", status)
            .field("code", code)
            .finish_non_exhaustive()
    }
}
