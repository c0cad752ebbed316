//! How many tests passed and failed, read from what the runners say.

use std::ops::AddAssign;

use anyhow::{Context, Result};
use serde_json::Value;

/// What came out of a suite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// The result of a suite that is one check.
    pub(crate) fn check(passed: bool) -> Self {
        Self { passed: passed.into(), failed: (!passed).into(), skipped: 0 }
    }

    /// A runner that gave up without a failed test (a crash, a file that does not compile) failed once.
    pub(crate) fn with_exit(mut self, success: bool) -> Self {
        if !success && self.failed == 0 {
            self.failed = 1;
        }
        self
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// What `cargo test` says at the end of each binary, added up.
pub(crate) fn cargo_test(lines: &[String]) -> Counts {
    let mut sum = Counts::default();
    for line in lines {
        // A test that prints without a newline pushes the result off the start of the line.
        let Some((_, result)) = line.split_once("test result: ") else {
            continue;
        };
        sum += Counts {
            passed: before(result, " passed"),
            failed: before(result, " failed"),
            skipped: before(result, " ignored"),
        };
    }
    sum
}

/// The number in front of a word.
fn before(line: &str, word: &str) -> u64 {
    let Some((front, _)) = line.split_once(word) else {
        return 0;
    };
    front.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// What vitest's JSON reporter wrote.
pub(crate) fn vitest(report: &str) -> Result<Counts> {
    let report: Value = serde_json::from_str(report).context("vitest's report is not JSON")?;
    let number = |name: &str| report[name].as_u64().with_context(|| format!("vitest's report has no {name}"));
    Ok(Counts {
        passed: number("numPassedTests")?,
        failed: number("numFailedTests")?,
        skipped: number("numPendingTests")? + number("numTodoTests").unwrap_or(0),
    }
    .with_exit(report["success"].as_bool().unwrap_or(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn results_of_all_binaries_are_added_up() {
        let out = lines(
            "running 3 tests\n\
             test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             noise test result: FAILED. 4 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        assert_eq!(cargo_test(&out), Counts { passed: 6, failed: 1, skipped: 1 });
    }

    #[test]
    fn a_crash_without_a_failed_test_is_one_failure() {
        assert_eq!(cargo_test(&[]).with_exit(false).failed, 1);
        assert_eq!(Counts { passed: 1, failed: 2, skipped: 0 }.with_exit(false).failed, 2);
    }

    #[test]
    fn vitest_counts_are_read_by_name() {
        let report =
            r#"{"numPassedTests":7,"numFailedTests":0,"numPendingTests":1,"numTodoTests":1,"success":true}"#;
        assert_eq!(vitest(report).unwrap(), Counts { passed: 7, failed: 0, skipped: 2 });
    }

    #[test]
    fn a_test_file_that_does_not_load_is_a_failure() {
        let report = r#"{"numPassedTests":7,"numFailedTests":0,"numPendingTests":0,"success":false}"#;
        assert_eq!(vitest(report).unwrap().failed, 1);
    }
}
