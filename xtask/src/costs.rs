//! What an action costs, compared with what we said it costs.
//!
//! Allocations and bytes are the same on every machine, so they can be committed and compared;
//! times are not. The benchmark prints a line for each case, `name allocations=1 bytes=64 frame=180`,
//! and those lines, sorted, are the committed file.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::run::{cargo, root, transcript};

const COMMITTED: &str = "crates/live/benches/costs.snap";

/// Case → figure → number.
type Costs = BTreeMap<String, BTreeMap<String, u64>>;

/// Runs the benchmark and compares, or writes the new numbers down.
pub(crate) fn costs(update: bool) -> Result<()> {
    let (status, lines) = transcript(cargo().args(["bench", "-p", "fluxstack-live", "--bench", "costs"]))?;
    if !status.success() {
        bail!("the benchmark failed ({status})");
    }
    let measured = read(lines.iter().map(String::as_str));
    if measured.is_empty() {
        bail!("the benchmark printed no line like `name allocations=1 bytes=64 frame=180`");
    }
    let file = root().join(COMMITTED);
    if update {
        fs::write(&file, write(&measured)).with_context(|| format!("{COMMITTED} cannot be written"))?;
        println!("costs: wrote {} cases to {COMMITTED}", measured.len());
        return Ok(());
    }
    let committed = fs::read_to_string(&file)
        .with_context(|| format!("{COMMITTED} cannot be read; `cargo xtask costs --update` writes it"))?;
    let differences = differences(&read(committed.lines()), &measured);
    if !differences.is_empty() {
        bail!(
            "costs changed:\n  {}\nIf that is meant, run `cargo xtask costs --update`, commit {COMMITTED} and say why",
            differences.join("\n  ")
        );
    }
    println!("costs: {} cases as committed", measured.len());
    Ok(())
}

/// The lines that are costs; benchmarks print other things too.
fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Costs {
    lines
        .filter_map(|line| {
            let (name, figures) = line.trim().split_once(' ')?;
            let figures: Option<BTreeMap<String, u64>> = figures
                .split_whitespace()
                .map(|figure| {
                    figure
                        .split_once('=')
                        .and_then(|(name, number)| Some((name.into(), number.parse().ok()?)))
                })
                .collect();
            Some((name.to_owned(), figures?))
        })
        .collect()
}

fn write(costs: &Costs) -> String {
    let mut text = String::new();
    for (name, figures) in costs {
        text.push_str(name);
        // In the order the benchmark prints them, which a map forgets.
        for figure in ["allocations", "bytes", "frame"] {
            if let Some(number) = figures.get(figure) {
                text.push_str(&format!(" {figure}={number}"));
            }
        }
        for (figure, number) in figures {
            if !["allocations", "bytes", "frame"].contains(&figure.as_str()) {
                text.push_str(&format!(" {figure}={number}"));
            }
        }
        text.push('\n');
    }
    text
}

/// A sentence for each number that moved.
fn differences(committed: &Costs, measured: &Costs) -> Vec<String> {
    let mut found = Vec::new();
    for (name, now) in measured {
        let Some(before) = committed.get(name) else {
            found.push(format!("{name}: new"));
            continue;
        };
        for (figure, now) in now {
            match before.get(figure) {
                Some(before) if before == now => {}
                Some(before) => {
                    found.push(format!(
                        "{name}: {figure} {before} → {now} ({:+})",
                        i128::from(*now) - i128::from(*before)
                    ));
                }
                None => found.push(format!("{name}: {figure} is new ({now})")),
            }
        }
    }
    for name in committed.keys().filter(|name| !measured.contains_key(*name)) {
        found.push(format!("{name}: gone"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED_TEXT: &str =
        "counter allocations=4 bytes=210 frame=152\nchat allocations=9 bytes=800 frame=240\n";

    #[test]
    fn what_is_written_is_read_back() {
        let costs = read(COMMITTED_TEXT.lines());
        assert_eq!(costs.len(), 2);
        assert_eq!(read(write(&costs).lines()), costs);
        assert!(write(&costs).contains("chat allocations=9 bytes=800 frame=240\n"));
    }

    #[test]
    fn other_output_of_a_benchmark_is_not_a_cost() {
        assert!(read(["running 1 test", "", "costs ok"].into_iter()).is_empty());
    }

    #[test]
    fn each_number_that_moved_is_named() {
        let before = read(COMMITTED_TEXT.lines());
        let now =
            read("counter allocations=5 bytes=210 frame=152\nform allocations=1 bytes=1 frame=1".lines());
        assert_eq!(
            differences(&before, &now),
            ["counter: allocations 4 → 5 (+1)", "form: new", "chat: gone"]
        );
        assert!(differences(&before, &before).is_empty());
    }
}
