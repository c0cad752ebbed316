//! The rules no linter has. Each is a function from the tree to complaints; what it knows is a
//! table at the top of its file, and every table entry has a reason beside it.

mod layers;
mod names;
mod rooms;
mod shape;
mod tokens;
mod tree;
mod units;
mod uses;
mod words;

use anyhow::{Result, bail};

use crate::run::root;
use tree::Tree;

/// What a rule has to say about one place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    path: String,
    /// 0 when it is about the whole file.
    line: usize,
    /// What is wrong, and what to do.
    text: String,
}

impl Complaint {
    fn new(path: &str, line: usize, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, text: text.into() }
    }
}

/// Holds the tree to all rules.
pub(crate) fn tidy() -> Result<()> {
    let tree = Tree::read(&root())?;
    let complaints: Vec<Complaint> = [
        layers::inside_live(&tree),
        units::between(&tree),
        shape::lengths(&tree),
        shape::headers(&tree),
        shape::exceptions_have_reasons(&tree),
        shape::addresses(&tree),
        words::banned(&tree),
        rooms::map(&tree),
    ]
    .into_iter()
    .flatten()
    .collect();
    for note in shape::long_files(&tree) {
        println!("note: {note}");
    }
    for Complaint { path, line, text } in &complaints {
        match line {
            0 => println!("{path}: {text}"),
            line => println!("{path}:{line}: {text}"),
        }
    }
    if !complaints.is_empty() {
        bail!("tidy has {} complaints", complaints.len());
    }
    println!("tidy: {} files, nothing to complain about", tree.files.len());
    Ok(())
}
