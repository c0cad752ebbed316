//! The files of the repository that people write.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Folders that are built, fetched, or not ours.
const SKIPPED: [&str; 7] = ["target", "node_modules", "dist", ".git", "output", "corpus", "artifacts"];

pub(crate) struct File {
    /// From the root, with `/` on every system.
    pub(crate) path: String,
    pub(crate) text: String,
}

pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
}

impl Tree {
    /// Everything below `root` that is text.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        visit(root, "", &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// A made-up tree, for testing a rule.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| File { path: (*path).into(), text: (*text).into() });
        Self { files: files.collect() }
    }

    pub(crate) fn get(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    pub(crate) fn under<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(move |file| file.path.starts_with(folder))
    }
}

impl File {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(crate) fn is_typescript(&self) -> bool {
        (self.path.ends_with(".ts") || self.path.ends_with(".tsx")) && !self.is_generated()
    }

    /// Written by a program, so held to no rule about how people write.
    pub(crate) fn is_generated(&self) -> bool {
        self.path.ends_with(".gen.ts") || self.path.ends_with(".d.ts")
    }
}

fn visit(folder: &Path, prefix: &str, files: &mut Vec<File>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        // Folders, and the file that stands for one of them: `.git` in a second working tree.
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if kind.is_dir() {
            visit(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file()
            && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
        {
            files.push(File { path, text });
        }
    }
    Ok(())
}
