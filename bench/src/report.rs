//! What was measured: a line of JSON for programs as soon as it is known, a table for people at the end.

use serde_json::json;

/// One figure.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    /// The same of what it is compared with.
    pub(crate) beside: Option<f64>,
    /// What it should be, and whether it is. Said and not insisted on: times are those of a machine in a minute.
    pub(crate) aim: Option<(String, bool)>,
}

#[derive(Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    /// What must not be, whatever the machine.
    pub(crate) wrong: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, name: impl Into<String>, value: f64) -> &mut Figure {
        self.say();
        self.figures.push(Figure { name: name.into(), value, beside: None, aim: None });
        let last = self.figures.len() - 1;
        &mut self.figures[last]
    }

    /// Prints the last one, which is complete once there is another.
    fn say(&self) {
        if let Some(Figure { name, value, beside, aim }) = self.figures.last() {
            let mut line = json!({ "figure": name, "value": value });
            if let Some(beside) = beside {
                line["beside"] = json!(beside);
            }
            if let Some((aim, is_met)) = aim {
                line["aim"] = json!(aim);
                line["met"] = json!(is_met);
            }
            println!("{line}");
        }
    }

    pub(crate) fn print(&self) {
        self.say();
        println!("\n{:<58} {:>12} {:>12} {:>7}  aim", "figure", "value", "beside", "ratio");
        for Figure { name, value, beside, aim } in &self.figures {
            let (beside, ratio) = match beside {
                Some(beside) => (number(*beside), format!("{:.2}", value / beside)),
                None => Default::default(),
            };
            let aim = aim.as_ref().map_or(String::new(), |(aim, is_met)| {
                format!("{aim}: {}", if *is_met { "yes" } else { "NO" })
            });
            println!("{name:<58} {:>12} {beside:>12} {ratio:>7}  {aim}", number(*value));
        }
        for wrong in &self.wrong {
            println!("WRONG: {wrong}");
        }
    }
}

impl Figure {
    pub(crate) fn beside(&mut self, other: f64) -> &mut Self {
        self.beside = Some(other);
        self
    }

    pub(crate) fn aim(&mut self, aim: impl Into<String>, is_met: bool) {
        self.aim = Some((aim.into(), is_met));
    }
}

/// As many digits as mean something.
fn number(value: f64) -> String {
    match value.abs() {
        0.0..1.0 => format!("{value:.3}"),
        1.0..100.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_keep_their_digits() {
        assert_eq!([0.1234, 12.345, 1_234.5].map(number), ["0.123", "12.35", "1234"]);
    }
}
