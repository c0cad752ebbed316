//! The folder that files come into, and the only place where the desk touches a disk.
//!
//! What must stay true: every path is made of an id and one of five endings; nothing is followed that is a link; nothing
//! is touched that has no name of ours.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::FileId;
use super::faults::Faults;
use super::note::{self, Note};

/// What there may be of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// What has come of it.
    Part,
    /// All of it, and it is right.
    Done,
    /// What it is.
    Note,
    /// A note that is being written.
    Draft,
    /// The note that says what all of it is, before anybody is told.
    Verdict,
}

impl Piece {
    const ALL: [Self; 5] = [Self::Part, Self::Done, Self::Draft, Self::Verdict, Self::Note];

    fn ending(self) -> &'static str {
        match self {
            Self::Part => "part",
            Self::Done => "done",
            Self::Note => "json",
            Self::Draft => "tmp",
            Self::Verdict => "new",
        }
    }
}

/// See the module.
pub(super) struct Folder {
    parts: PathBuf,
    pub(super) faults: Faults,
}

impl Folder {
    /// Makes the folder if need be, for the account of the server alone.
    pub(super) fn make(root: &Path) -> io::Result<Self> {
        let parts = root.join("parts");
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&parts)?;
        // So that it stays the same folder when the program goes elsewhere.
        Ok(Self { parts: parts.canonicalize()?, faults: Faults::default() })
    }

    pub(super) fn path(&self, id: FileId, piece: Piece) -> PathBuf {
        self.parts.join(format!("{id}.{}", piece.ending()))
    }

    /// How long a piece is; `None` if there is none, or something that is not ours.
    pub(super) fn length(&self, id: FileId, piece: Piece) -> io::Result<Option<u64>> {
        match fs::symlink_metadata(self.path(id, piece)) {
            Ok(found) => Ok(found.is_file().then_some(found.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A part without a byte. What was there is gone.
    pub(super) fn create(&self, id: FileId) -> io::Result<File> {
        let path = self.path(id, Piece::Part);
        remove(&path)?;
        fresh(&path)
    }

    /// The part that is there, for reading and writing.
    pub(super) fn open(&self, id: FileId) -> io::Result<File> {
        if self.length(id, Piece::Part)?.is_none() {
            return Err(ErrorKind::NotFound.into());
        }
        OpenOptions::new().read(true).write(true).open(self.path(id, Piece::Part))
    }

    /// The first bytes of a piece.
    pub(super) fn head(&self, id: FileId, piece: Piece) -> io::Result<Vec<u8>> {
        if self.length(id, piece)?.is_none() {
            return Err(ErrorKind::NotFound.into());
        }
        let mut head = vec![0; super::sniff::HEAD];
        let read = read_at(&mut File::open(self.path(id, piece))?, 0, &mut head)?;
        head.truncate(read);
        Ok(head)
    }

    pub(super) fn read_note(&self, id: FileId) -> io::Result<Option<Note>> {
        if self.length(id, Piece::Note)?.is_none() {
            return Ok(None);
        }
        let mut text = Vec::new();
        File::open(self.path(id, Piece::Note))?.take(note::LONGEST + 1).read_to_end(&mut text)?;
        Ok(Note::read(&text).filter(|_| text.len() as u64 <= note::LONGEST))
    }

    /// Writes a note so that there is the old one or the new one, whatever happens.
    pub(super) fn write_note(&self, id: FileId, note: &Note) -> io::Result<()> {
        drop(self.draft(id, Piece::Draft, note)?);
        fs::rename(self.path(id, Piece::Draft), self.path(id, Piece::Note))
    }

    /// Writes to the disk what is going to be the note of a file that is done. One after another for the same file.
    pub(super) fn write_verdict(&self, id: FileId, note: &Note) -> io::Result<()> {
        let file = self.draft(id, Piece::Verdict, note)?;
        self.faults.sync(&file)
    }

    fn draft(&self, id: FileId, piece: Piece, note: &Note) -> io::Result<File> {
        let path = self.path(id, piece);
        remove(&path)?;
        let mut file = fresh(&path)?;
        self.faults.write(&mut file, &note.write())?;
        Ok(file)
    }

    /// What was written last is its note from now on.
    pub(super) fn take_verdict(&self, id: FileId) -> io::Result<()> {
        fs::rename(self.path(id, Piece::Verdict), self.path(id, Piece::Note))
    }

    /// What was written last is of a file that is not there any more.
    pub(super) fn forget_verdict(&self, id: FileId) {
        if let Err(error) = remove(&self.path(id, Piece::Verdict)) {
            tracing::warn!(%id, %error, "the note of an upload that was given up could not be removed");
        }
    }

    /// The part is all of it, and is on the disk already. When the folder is synced it is done, also after a power failure.
    pub(super) fn finish(&self, id: FileId) -> io::Result<()> {
        fs::rename(self.path(id, Piece::Part), self.path(id, Piece::Done))
    }

    /// Has what was renamed here written to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        // Elsewhere a folder cannot be opened as a file, and its journal does this by itself.
        #[cfg(unix)]
        self.faults.sync(&File::open(&self.parts)?)?;
        Ok(())
    }

    /// Removes all there is of a file.
    pub(super) fn erase(&self, id: FileId) -> Erased {
        let mut erased = Erased { bytes: 0, files: 0, result: Ok(()) };
        // The note is the last: what has none is erased by whoever finds it.
        for piece in Piece::ALL {
            let removed = self.length(id, piece).and_then(|length| match length {
                Some(length) => self.faults.remove(&self.path(id, piece)).map(|()| Some(length)),
                None => Ok(None),
            });
            match removed {
                Ok(Some(length)) if matches!(piece, Piece::Part | Piece::Done) => {
                    erased.bytes += length;
                    erased.files += 1;
                }
                Ok(_) => {}
                Err(error) => {
                    erased.result = Err(error);
                    return erased;
                }
            }
        }
        erased
    }

    /// All that is here and ours, with how long it is and when it was last written, in milliseconds since 1970.
    pub(super) fn pieces(&self) -> io::Result<impl Iterator<Item = Found>> {
        Ok(fs::read_dir(&self.parts)?.filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name();
            let (id, ending) = name.to_str()?.split_once('.')?;
            let piece = Piece::ALL.into_iter().find(|piece| piece.ending() == ending)?;
            let id = FileId::parse(id)?;
            // Of the entry, not of what it may be a link to.
            let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some(Found { id, piece, length: about.len(), written: written(&about) })
        }))
    }

    /// When anything of a file was last written, in milliseconds since 1970.
    pub(super) fn last_written(&self, id: FileId) -> Option<u64> {
        let about =
            Piece::ALL.into_iter().filter_map(|piece| fs::symlink_metadata(self.path(id, piece)).ok());
        about.map(|about| written(&about)).max()
    }
}

/// What was removed, also where not all of it could be.
pub(super) struct Erased {
    pub(super) bytes: u64,
    /// How many of those pieces that count, which is one, unless there was something wrong.
    pub(super) files: usize,
    pub(super) result: io::Result<()>,
}

/// One piece in the folder.
pub(super) struct Found {
    pub(super) id: FileId,
    pub(super) piece: Piece,
    pub(super) length: u64,
    pub(super) written: u64,
}

fn written(about: &fs::Metadata) -> u64 {
    let since = about.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// Makes a file that is not there, for the account of the server alone.
fn fresh(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reads from a place in a file until `buffer` is full or the file ends.
pub(super) fn read_at(file: &mut File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    file.seek(SeekFrom::Start(at))?;
    let mut full = 0;
    while full < buffer.len() {
        match file.read(&mut buffer[full..]) {
            Ok(0) => break,
            Ok(read) => full += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(full)
}

/// Whether the disk is full, or the account has no more of it.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}
