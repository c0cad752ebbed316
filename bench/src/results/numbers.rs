//! Numbers as people read them: three digits that mean something, thousands apart, a unit that fits.

/// Three significant digits, and thousands set apart.
pub(crate) fn short(value: f64) -> String {
    let digits = match value.abs() {
        0.0..0.000_5 => return "0".to_owned(),
        0.000_5..0.1 => 3,
        0.1..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    // Beyond four digits the rest is noise.
    let step = if value.abs() >= 10_000.0 { 10f64.powf(value.abs().log10().floor() - 2.0) } else { 1.0 };
    let rounded = if digits == 0 { (value / step).round() * step } else { value };
    apart(&format!("{rounded:.digits$}"))
}

/// A round number, as axes have them.
pub(crate) fn round(value: f64) -> String {
    let text = short(value);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A whole number, thousands apart.
pub(crate) fn whole(value: u64) -> String {
    apart(&value.to_string())
}

/// A ratio.
pub(crate) fn times(value: f64) -> String {
    format!("{}×", if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") })
}

/// Microseconds, in the unit that fits.
pub(crate) fn time(microseconds: f64) -> String {
    if microseconds < 1_000.0 {
        format!("{} µs", short(microseconds))
    } else if microseconds < 1e6 {
        format!("{} ms", short(microseconds / 1e3))
    } else {
        format!("{} s", short(microseconds / 1e6))
    }
}

/// Bytes, in the unit that fits; a kilobyte is a thousand of them.
pub(crate) fn bytes(bytes: f64) -> String {
    if bytes.abs() < 1_000.0 {
        format!("{} B", short(bytes))
    } else if bytes.abs() < 1e6 {
        format!("{} kB", short(bytes / 1e3))
    } else {
        format!("{} MB", short(bytes / 1e6))
    }
}

fn apart(number: &str) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |rest| ("−", rest));
    let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut text = String::new();
    for (index, digit) in integer.chars().enumerate() {
        if index > 0 && (integer.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if fraction.is_empty() { format!("{sign}{text}") } else { format!("{sign}{text}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_kept() {
        let shown = [0.000_1, 0.012_3, 1.234, 12.34, 123.4, 1_234.4, 123_456.0, -2_500.0].map(short);
        assert_eq!(shown, ["0", "0.012", "1.23", "12.3", "123", "1,234", "123,000", "−2,500"]);
    }

    #[test]
    fn units_fit_what_is_said() {
        assert_eq!([999.0, 1_500.0, 2_000_000.0].map(time), ["999 µs", "1.50 ms", "2.00 s"]);
        assert_eq!([999.0, 10_500.0, 2.5e6].map(bytes), ["999 B", "10.5 kB", "2.50 MB"]);
        assert_eq!([1.3, 12.0].map(times), ["1.30×", "12×"]);
        assert_eq!([50.0, 0.2, 100.0].map(round), ["50", "0.2", "100"]);
        assert_eq!(whole(1_234_567), "1,234,567");
    }
}
