//! The showcase's page, and whether it is what its sources say.
//!
//! Contents decide and not times, which change with every checkout; of the sources and of what was built, because
//! somebody may have built it by hand since, from others. To build it always would be simpler, but the server has the
//! page in it, and each time would be built anew.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run::{npm, root, scratch, succeed};

/// What it is made of.
const SOURCES: [&str; 6] = [
    "examples/showcase/web",
    "examples/vanilla",
    "package-lock.json",
    "packages",
    "tsconfig.base.json",
    "tsconfig.json",
];
/// Where it is put.
const BUILT: &str = "examples/showcase/web/dist";
/// Folders among them with nothing in them that a page is made of.
const OTHERS: [&str; 3] = ["dist", "node_modules", "test"];

/// Builds the npm packages and the page, unless they were built from what is there.
pub(crate) fn fresh() -> Result<()> {
    if is_fresh(&root(), &stamp()?)? {
        return Ok(());
    }
    eprintln!("page: building it, and the npm packages in it");
    build()
}

/// Builds the npm packages and the page.
pub(crate) fn build() -> Result<()> {
    // Of before: a file that is changed while this builds may be in it or not.
    let sources = digest(&root(), &SOURCES)?;
    succeed(npm().args(["run", "build"]))?;
    succeed(npm().args(["run", "build", "-w", "examples/showcase/web"]))?;
    write(&root(), &stamp()?, sources)
}

/// Where it is written down what was built last, and from what.
fn stamp() -> Result<PathBuf> {
    Ok(scratch()?.join("page"))
}

fn write(root: &Path, stamp: &Path, sources: u64) -> Result<()> {
    let built = digest(root, &[BUILT])?;
    fs::write(stamp, line(sources, built)).with_context(|| format!("{} cannot be written", stamp.display()))
}

fn is_fresh(root: &Path, stamp: &Path) -> Result<bool> {
    let written = fs::read_to_string(stamp).unwrap_or_default();
    Ok(root.join(BUILT).join("index.html").is_file()
        && written == line(digest(root, &SOURCES)?, digest(root, &[BUILT])?))
}

fn line(sources: u64, built: u64) -> String {
    format!("{built:016x} from {sources:016x}\n")
}

/// The same for the same files with the same contents. Nobody is deceived by it who does not want to be.
fn digest(root: &Path, paths: &[&str]) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        take(root, Path::new(path), &mut hasher)?;
    }
    Ok(hasher.finish())
}

fn take(root: &Path, path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    let there = root.join(path);
    let unread = || format!("{} cannot be read", there.display());
    let piece = |hasher: &mut DefaultHasher, bytes: &[u8]| {
        hasher.write_usize(bytes.len());
        hasher.write(bytes);
    };
    if !there.is_dir() {
        piece(hasher, path.to_string_lossy().as_bytes());
        piece(hasher, &fs::read(&there).with_context(unread)?);
        return Ok(());
    }
    let entries = fs::read_dir(&there).with_context(unread)?;
    let mut names = entries.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
    names.sort_unstable();
    for name in names.iter().filter(|name| !OTHERS.iter().any(|other| *name == *other)) {
        take(root, &path.join(name), hasher)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree with a source in it, and a page.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str) -> Self {
            let tree = Self(std::env::temp_dir().join(format!("xtask-page-{name}-{}", std::process::id())));
            let _ = fs::remove_dir_all(&tree.0);
            for path in
                ["examples/vanilla/page.js", "package-lock.json", "tsconfig.base.json", "tsconfig.json"]
            {
                tree.put(path, "");
            }
            tree.put("examples/showcase/web/src/main.tsx", "page");
            tree.put("packages/client/src/client.ts", "one");
            tree.build();
            tree
        }

        fn put(&self, path: &str, text: &str) {
            let file = self.0.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }

        fn build(&self) {
            self.put("examples/showcase/web/dist/index.html", "built");
            write(&self.0, &self.0.join("stamp"), digest(&self.0, &SOURCES).unwrap()).unwrap();
        }

        fn is_fresh(&self) -> bool {
            is_fresh(&self.0, &self.0.join("stamp")).unwrap()
        }

        /// Is stale after this, and was not before. Fresh again when it returns.
        fn goes_stale(&self, change: impl FnOnce(&Self)) {
            assert!(self.is_fresh());
            change(self);
            assert!(!self.is_fresh());
            self.build();
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_page_is_stale_when_its_sources_are_others_than_it_was_built_from() {
        let tree = Tree::new("stale");
        tree.goes_stale(|tree| tree.put("packages/client/src/client.ts", "two"));
        tree.goes_stale(|tree| tree.put("packages/react/src/new.ts", ""));
        tree.goes_stale(|tree| fs::remove_file(tree.0.join("packages/react/src/new.ts")).unwrap());
        tree.goes_stale(|tree| tree.put("examples/showcase/web/index.html", "head"));
        tree.goes_stale(|tree| tree.put("examples/vanilla/page.js", "more"));
        tree.goes_stale(|tree| tree.put("package-lock.json", "newer"));
        tree.goes_stale(|tree| tree.put("examples/showcase/web/dist/index.html", "by hand, from others"));
        tree.goes_stale(|tree| fs::remove_dir_all(tree.0.join(BUILT)).unwrap());
        tree.goes_stale(|tree| fs::remove_file(tree.0.join("stamp")).unwrap());
    }

    #[test]
    fn a_page_stays_fresh_when_nothing_changes_that_it_is_made_of() {
        let tree = Tree::new("fresh");
        tree.put("packages/client/src/client.ts", "one");
        tree.put("packages/client/dist/client.js", "one");
        tree.put("packages/client/node_modules/other/index.js", "");
        tree.put("packages/client/test/client.test.ts", "");
        tree.put("crates/live/src/lib.rs", "");
        assert!(tree.is_fresh());
    }
}
