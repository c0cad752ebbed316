//! `live.gen.ts`: the examples' components as TypeScript sees them.
//!
//! The files are written by a test of each example, the same test that fails when one is stale
//! (`live_types!`), so an application needs no program of ours to have the same.

use anyhow::{Result, ensure};

use crate::counts;
use crate::run::{cargo, root, transcript};

/// Those with a page.
const EXAMPLES: [&str; 2] = ["counter", "showcase"];
/// What `live_types!` calls its test.
const TEST: &str = "the_types_of_the_client_are_those_of_the_server";

/// Writes the files, or checks them.
pub(crate) fn types(check: bool) -> Result<()> {
    let mut tests = cargo();
    if check {
        tests.env_remove("LIVE_TYPES");
    } else {
        tests.env("LIVE_TYPES", "write");
    }
    // The whole workspace, so that what is built is what the other suites need as well.
    tests.args(["test", "--workspace", "--bins"]);
    if EXAMPLES.iter().any(|name| root().join("examples").join(name).join("tests/types.rs").is_file()) {
        tests.args(["--test", "types"]);
    }
    let (status, lines) = transcript(tests.arg(TEST))?;
    ensure!(
        status.success(),
        "{}",
        if check { "run `cargo xtask types` and commit what it writes" } else { "see above" }
    );
    let ran = counts::cargo_test(&lines).passed;
    let all = EXAMPLES.len() as u64;
    ensure!(ran >= all, "{ran} of {all} examples have `live_types!`: without it nobody notices a stale file");
    Ok(())
}
