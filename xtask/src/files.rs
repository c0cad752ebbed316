//! How many files this program may have open, for chores that open thousands of sockets.
//!
//! The limit of a running program can be raised only by a system call, so the chore is started a second time
//! by a shell that has raised its own.

use std::path::Path;

use anyhow::{Result, bail, ensure};

use crate::run::{answer, program, status};

/// Files beside the sockets: libraries, the listener, the log.
const OTHERS: usize = 256;

/// Starts this program again through a shell that may open enough files for `sockets`, for itself and the
/// server, with `chore --raised --binary BINARY` and then `words`.
pub(crate) fn again(chore: &str, binary: &Path, sockets: usize, fewer: &str, words: &[String]) -> Result<()> {
    let files = sockets + OTHERS;
    let hard = answer(program("sh").args(["-c", "ulimit -Hn"])).unwrap_or_default();
    if hard.parse().is_ok_and(|hard: usize| hard < files) {
        bail!(
            "{sockets} sockets need {files} open files and this account may have {hard}: raise `ulimit -Hn` or ask for fewer with {fewer}"
        );
    }
    let mut shell = program("sh");
    // A soft limit that is high enough already stays as it is.
    shell.args(["-c", r#"[ "$(ulimit -Sn)" = unlimited ] || [ "$(ulimit -Sn)" -ge "$1" ] || ulimit -Sn "$1" || exit 1; shift; exec "$@""#]);
    shell.arg(format!("xtask-{chore}")).arg(files.to_string()).arg(std::env::current_exe()?);
    shell.args([chore, "--raised", "--binary"]).arg(binary).args(words);
    // It has said what is wrong.
    ensure!(status(&mut shell)?.success(), "{chore} is not what it should be");
    Ok(())
}
