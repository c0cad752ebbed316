//! How many tests passed and failed, and which, read from what the runners say.

use std::ops::AddAssign;

use anyhow::{Context, Result};
use serde_json::Value;

/// What came out of a suite.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    /// Which failed, a line each, with why where the runner says it in a line.
    pub(crate) names: Vec<String>,
}

impl Counts {
    /// The result of a suite that is one check.
    pub(crate) fn check(passed: bool) -> Self {
        Self { passed: passed.into(), failed: (!passed).into(), ..Self::default() }
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
        self.names.extend(other.names);
    }
}

/// What `cargo test` says at the end of each binary, added up.
pub(crate) fn cargo_test(lines: &[String]) -> Counts {
    let mut sum = Counts::default();
    for line in lines {
        if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            sum.names.push(name.to_owned());
        }
        // A test that prints without a newline pushes the result off the start of the line.
        let Some((_, result)) = line.split_once("test result: ") else {
            continue;
        };
        sum += Counts {
            passed: before(result, " passed"),
            failed: before(result, " failed"),
            skipped: before(result, " ignored"),
            names: Vec::new(),
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
        names: items(&report["testResults"]).iter().flat_map(failures).collect(),
    }
    .with_exit(report["success"].as_bool().unwrap_or(false)))
}

/// What failed in a file of tests, with the first line of why.
fn failures(file: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let first = |why: &Value| text(why).lines().next().unwrap_or_default().to_owned();
    let path = text(&file["name"]);
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let tests = items(&file["assertionResults"]);
    let failed: Vec<String> = tests
        .iter()
        .filter(|test| test["status"] == "failed")
        .map(|test| format!("{name}: {}: {}", text(&test["fullName"]), first(&test["failureMessages"][0])))
        .collect();
    // One that does not load has no tests, and a hook that fails may fail none.
    if failed.is_empty() && file["status"] == "failed" {
        return vec![format!("{name}: {}", first(&file["message"]))];
    }
    failed
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64, skipped: u64, names: &[&str]) -> Counts {
        Counts { passed, failed, skipped, names: names.iter().map(|name| (*name).to_owned()).collect() }
    }

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn results_of_all_binaries_are_added_up() {
        let out = lines(
            "running 3 tests\n\
             test a::works ... ok\n\
             test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             test b::breaks ... FAILED\n\
             test src/lib.rs - doc (line 3) ... FAILED\n\
             noise test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        assert_eq!(cargo_test(&out), counts(6, 2, 1, &["b::breaks", "src/lib.rs - doc (line 3)"]));
    }

    #[test]
    fn a_crash_without_a_failed_test_is_one_failure() {
        assert_eq!(cargo_test(&[]).with_exit(false).failed, 1);
        assert_eq!(counts(1, 2, 0, &[]).with_exit(false).failed, 2);
    }

    #[test]
    fn vitest_counts_are_read_by_name() {
        let report =
            r#"{"numPassedTests":7,"numFailedTests":0,"numPendingTests":1,"numTodoTests":1,"success":true}"#;
        assert_eq!(vitest(report).unwrap(), counts(7, 0, 2, &[]));
    }

    #[test]
    fn what_vitest_says_of_a_failed_test_is_said_again_in_a_line() {
        let report = r#"{"numPassedTests":1,"numFailedTests":1,"numPendingTests":0,"success":false,"testResults":[
            {"name":"/tree/e2e/one.test.ts","status":"failed","assertionResults":[
                {"fullName":"works","status":"passed","failureMessages":[]},
                {"fullName":"breaks","status":"failed","failureMessages":["Error: 1 is not 2\n  at line 3"]}]},
            {"name":"/tree/e2e/two.test.ts","status":"failed","message":"cannot be loaded\nat all",
                "assertionResults":[]}]}"#;
        let names = ["one.test.ts: breaks: Error: 1 is not 2", "two.test.ts: cannot be loaded"];
        assert_eq!(vitest(report).unwrap(), counts(1, 1, 0, &names));
    }

    #[test]
    fn a_test_file_that_does_not_load_is_a_failure() {
        let report = r#"{"numPassedTests":7,"numFailedTests":0,"numPendingTests":0,"success":false}"#;
        assert_eq!(vitest(report).unwrap().failed, 1);
    }
}
