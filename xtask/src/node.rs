//! Which Node the packages are built with.

use anyhow::{Result, bail};

use crate::run::{answer, program};

/// The oldest Node that vite, our bundler, runs on.
const OLDEST: (u32, u32) = (20, 19);

/// Complains when there is no Node, or an old one.
pub(crate) fn check() -> Result<()> {
    let Some(version) = answer(program("node").arg("--version")) else {
        bail!("Node is not installed. Install Node {}.{} or newer, with npm", OLDEST.0, OLDEST.1);
    };
    match read(&version) {
        Some(found) if found >= OLDEST => Ok(()),
        _ => bail!("Node {version} is too old. Install Node {}.{} or newer", OLDEST.0, OLDEST.1),
    }
}

/// Major and minor of `v20.19.4`.
fn read(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(read("v20.19.0").unwrap() >= OLDEST);
        assert!(read("v22.3.1").unwrap() >= OLDEST);
        assert!(read("v20.2.0").unwrap() < OLDEST);
        assert_eq!(read("20"), None);
    }
}
