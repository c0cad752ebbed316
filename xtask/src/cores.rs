//! Who computes where while something is measured: the clients on one core, whatever they talk to on another, so that
//! neither takes the other's time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::run::{cargo, program, succeed, target, which};

/// What measures from outside, built as it is used.
pub(crate) fn bench() -> Result<PathBuf> {
    succeed(cargo().args(["build", "--release", "-p", "bench"]))?;
    Ok(target().join("release").join(format!("bench{}", std::env::consts::EXE_SUFFIX)))
}

/// The program on a core of its own, told of another one for its servers. `words` is what it is told to do.
pub(crate) fn pinned(chore: &str, binary: &Path, words: &[&str]) -> Command {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let Some(((ours, theirs), taskset)) = cores(&status).zip(which("taskset")) else {
        println!("{chore}: without two cores and `taskset`, clients and servers share what there is");
        let mut command = program(binary);
        command.args(words);
        return command;
    };
    println!("{chore}: clients on core {ours}, servers on core {theirs}");
    let mut command = program(taskset);
    command.args(["-c", &ours]).arg(binary).args(words).args(["--server-core", &theirs]);
    command
}

/// The first and the last core this program may use, if there are two.
fn cores(status: &str) -> Option<(String, String)> {
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?.trim();
    let (first, last) = (line.split(['-', ',']).next()?, line.rsplit(['-', ',']).next()?);
    (first != last).then(|| (first.to_owned(), last.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_core_are_taken() {
        let cores = |list: &str| cores(&format!("Name:\tx\nCpus_allowed_list:\t{list}\nThreads:\t1\n"));
        assert_eq!(cores("0-1"), Some(("0".to_owned(), "1".to_owned())));
        assert_eq!(cores("2,5-7"), Some(("2".to_owned(), "7".to_owned())));
        assert_eq!(cores("3"), None);
    }
}
