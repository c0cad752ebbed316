//! [`Upload`] as a field: sent whole when something of it changed, which for a file that is on its way is seldom.
//!
//! Which entries went shows when a turn is committed, and with them which files nobody wants.

use std::sync::Arc;

use fluxstack_live_protocol::SessionId;
use fluxstack_live_protocol::delta::Writer;
use serde::{Deserialize, Serialize};

use super::file::{FileState, FileStatus};
use super::{Rules, Upload};
use crate::field::{Field, Staged, Unsendable, plain};
use crate::typescript::Types;
use crate::uploads::{FileId, UploadedFile};
use crate::wire::{digest_of, from_json, write_json};

/// As it travels.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    accept: &'a [String],
    max_bytes: u64,
    max_files: usize,
    files: &'a [FileState],
}

/// What is read of that again: the rules are those of the server that reads.
#[derive(Deserialize)]
struct Written {
    files: Vec<FileState>,
}

/// What was last sent.
#[derive(Default)]
pub struct Sent {
    shown: plain::Sent,
    rules: Option<Arc<Rules>>,
    /// Whose each file is.
    owners: Vec<(FileId, Option<SessionId>)>,
}

impl Field for Upload {
    type Sent = Sent;

    const IS_UPLOAD: bool = true;

    fn stage(&self, sent: &Sent, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable> {
        let Rules { shown: accept, max_bytes, max_files, .. } = &*self.rules;
        let (max_bytes, max_files) = (*max_bytes, *max_files);
        let shown = Shown { accept, max_bytes, max_files, files: &self.files };
        let start = scratch.len();
        write_json(&shown, scratch)?;
        let new = &scratch[start..];
        let size = new.len();
        if new == sent.shown.json {
            scratch.truncate(start);
            return Ok(Staged::same(size));
        }
        let digest = digest_of(new)?;
        Ok(Staged { range: Some(start..scratch.len()), whole: true, digest, ..Staged::same(size) })
    }

    fn commit(&mut self, name: &str, sent: &mut Sent, staged: &Staged, scratch: &[u8], out: &mut Writer) {
        if sent.rules.as_ref().is_none_or(|rules| !Arc::ptr_eq(rules, &self.rules)) {
            sent.rules = Some(Arc::clone(&self.rules));
        }
        if staged.range.is_some() {
            let gone = sent.owners.iter().map(|(id, _)| *id).filter(|id| !self.has(*id));
            let gone: Vec<FileId> = gone.collect();
            self.gone.extend(gone);
        }
        let owners = self.files.iter().filter_map(|entry| Some((entry.file_id()?, entry.owner)));
        if !owners.clone().eq(sent.owners.iter().copied()) {
            sent.owners.clear();
            sent.owners.extend(owners);
        }
        plain::commit::<Self>(name, &mut sent.shown, staged, scratch, out);
    }

    fn digest(&self, sent: &Sent) -> u32 {
        plain::digest(&sent.shown)
    }

    fn snapshot(&self, sent: &Sent, out: &mut Vec<u8>) {
        out.extend_from_slice(&sent.shown.json);
    }

    fn salvage(&mut self, broken: &mut Self, _: &Sent) {
        self.rescued = broken.let_go();
        self.gone.append(&mut broken.gone);
    }

    fn evict(&mut self, _: &Sent) {
        self.rescued = self.let_go();
    }

    fn recover(&mut self, sent: &Sent) -> Result<(), Unsendable> {
        let rescued = std::mem::take(&mut self.rescued);
        self.restore(&sent.shown.json)?;
        if let Some(rules) = &sent.rules {
            self.rules = Arc::clone(rules);
        }
        for (id, owner) in &sent.owners {
            if let Some(entry) = self.entry(*id) {
                entry.owner = *owner;
            }
        }
        for (id, file) in rescued {
            if let Some(entry) = self.entry(id).filter(|entry| entry.status == FileStatus::Done) {
                entry.file = Some(file);
            }
        }
        Ok(())
    }

    // Whoever restores it looks for the files.
    fn restore(&mut self, json: &[u8]) -> Result<(), Unsendable> {
        self.files = from_json::<Written>(json).map_err(Unsendable)?.files;
        self.taken.clear();
        Ok(())
    }

    fn departed(&mut self, session: SessionId) {
        self.files.retain(|entry| entry.owner != Some(session));
    }

    fn upload_mut(&mut self) -> Option<&mut Upload> {
        Some(self)
    }

    fn typescript(types: &mut Types) -> String {
        types.import("UploadState");
        "UploadState".to_owned()
    }
}

impl Upload {
    /// The finished files.
    fn let_go(&mut self) -> Vec<(FileId, UploadedFile)> {
        self.files.iter_mut().filter_map(|entry| Some((entry.file_id()?, entry.file.take()?))).collect()
    }
}
