//! What happened, line by line: when, to whom, what. No ids that were drawn at random, so that two runs of one
//! seed leave the same lines.

use std::fmt::{Arguments, Write as _};

/// What a line has that tells of something wrong.
pub(super) const WRONG: &str = "WRONG: ";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Trace(String);

impl Trace {
    pub(super) fn line(&mut self, ms: u64, actor: &str, what: Arguments<'_>) {
        // A String takes every character.
        let _ = writeln!(self.0, "{ms:>8} {actor:<7} {what}");
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lines().map(str::to_owned).collect()
    }

    /// The lines that led to the first thing that was found wrong, or to the end.
    pub(super) fn tail(&self, count: usize) -> String {
        let lines: Vec<&str> = self.0.lines().collect();
        let end = lines.iter().position(|line| line.contains(WRONG)).map_or(lines.len(), |at| at + 1);
        lines[end.saturating_sub(count)..end].join("\n")
    }
}
