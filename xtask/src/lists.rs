//! What a list of a hundred thousand rows costs a browser that shows a part of it, beside what it costs whole.
//!
//! The scripted scroll is a test of the browser suite (`e2e/lists.test.ts`), which holds it to its bounds in every run;
//! this prints what it measured.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run::{npm, scratch, status};
use crate::{demo, page, setup};

/// Builds what is needed, scrolls, and prints.
pub(crate) fn lists() -> Result<()> {
    setup::packages()?;
    let chromium = setup::chromium()?;
    page::fresh()?;
    let showcase = demo::showcase()?;
    let report = scratch()?.join("lists.json");
    let _ = fs::remove_file(&report);
    let mut tests = npm();
    tests.env("SHOWCASE_BIN", showcase).env("CHROMIUM", chromium).env("LISTS_REPORT", &report);
    tests.args(["test", "-w", "e2e", "--", "lists", "-t", "a scripted scroll"]);
    if !status(&mut tests)?.success() {
        bail!("the scroll is not within its bounds");
    }
    let text = fs::read_to_string(&report).context("the scroll left no report")?;
    print(&serde_json::from_str(&text).context("the report is no JSON")?);
    Ok(())
}

fn print(report: &Value) {
    let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let kib = |pointer: &str| number(pointer) / 1024.0;
    println!();
    println!("a list of {} rows, scrolled by {} px", number("/rows"), number("/scrolled/pixels"));
    println!("{:<34} {:>14} {:>14}", "", "in part", "whole");
    let row = |what: &str, part: f64, whole: f64| println!("{what:<34} {part:>14.0} {whole:>14.0}");
    row("KiB received", kib("/scrolled/bytes"), kib("/whole/bytes"));
    row("KiB of heap", kib("/heapBytes"), kib("/whole/heapBytes"));
    row("rows held", number("/scrolled/rowsHeld"), number("/rows"));
    row("ms until it can be shown", number("/firstRowsMs"), number("/whole/ms"));
    println!("{:<34} {:>14.0}", "reads", number("/scrolled/reads"));
    println!(
        "{:<34} {:>14}",
        "ms a frame, median / p95 / longest",
        format!(
            "{:.1} / {:.1} / {:.1}",
            number("/frameMs/median"),
            number("/frameMs/p95"),
            number("/frameMs/longest")
        )
    );
    println!(
        "{:<34} {:>14}",
        "tasks over 50 ms, and their ms",
        format!("{:.0}, {:.0}", number("/longTasks/count"), number("/longTasks/totalMs"))
    );
}
