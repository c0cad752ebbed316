//! Where the files of a case go.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Memory that is a folder, where there is any: on a disk it would be the disk that is measured.
const MEMORY: &str = "/dev/shm";

/// A folder that goes with its value.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Result<Self> {
        let memory = Path::new(MEMORY);
        let above = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = above.join(format!("bench-files-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is small: whoever finds it may remove it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
