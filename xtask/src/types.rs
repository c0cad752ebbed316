//! `live.gen.ts`: the examples' components as TypeScript sees them.
//!
//! The files are written by a test of each example, the same test that fails when one is stale, so
//! an application needs no program of ours to have the same.

use anyhow::Result;

use crate::run::{cargo, succeed};

/// Writes the files, or checks them.
pub(crate) fn types(check: bool) -> Result<()> {
    let mut tests = cargo();
    tests.args(["test", "--quiet", "-p", "counter", "-p", "showcase", "--test", "types"]);
    if check {
        tests.env_remove("LIVE_TYPES");
    } else {
        tests.env("LIVE_TYPES", "write");
    }
    succeed(&mut tests)
}
