//! What it costs to keep a snapshot, beside what the disk itself costs.
//!
//! Times are those of this machine in this minute, so they are printed and never compared with committed ones.
//! The benchmark measures the floor in the same run, and the ratio to it is what can be talked about.

use anyhow::{Result, ensure};

use crate::run::{cargo, transcript};

/// Runs the benchmark, which prints its table.
pub(crate) fn durability() -> Result<()> {
    let mut bench = cargo();
    bench.args(["bench", "-p", "fluxstack-live", "--bench", "durability"]);
    let (status, lines) = transcript(&mut bench)?;
    ensure!(status.success(), "the benchmark failed ({status})");
    ensure!(rows(&lines) > 0, "the benchmark printed no row of its table");
    println!("durability: a plain file with one sync for all that is in flight is 1.00; more is better");
    Ok(())
}

/// How many lines are rows: a size, a number in flight, a name, four figures.
fn rows(lines: &[String]) -> usize {
    let is_row = |line: &&String| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.len() > 6 && words.iter().rev().take(4).all(|word| word.parse::<f64>().is_ok())
    };
    lines.iter().filter(is_row).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_four_figures_at_its_end() {
        let table = [
            " bytes  in flight  store             puts/s    p50 µs    p99 µs  of floor",
            "   300          1  append + sync       3092     260.0    2050.0      1.00",
            "   300          1  disk                1579     481.0    4655.0      0.51",
            "",
        ];
        assert_eq!(rows(&table.map(str::to_owned)), 2);
    }
}
