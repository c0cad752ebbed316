//! How cost grows: points over decades on both axes, and the line that was fitted through them.

use super::axis::Logarithmic;
use super::svg::{Anchor, Card, LABEL, NOTE, STRONG, colour};
use crate::results::curves::{Curve, Drawn};
use crate::results::numbers::{round, short, whole};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 72.0;
const BOTTOM: f64 = 304.0;

/// The picture.
pub(super) fn curve(curve: &Curve, drawn: &Drawn) -> String {
    let xs = drawn.points.iter().map(|(x, _)| *x);
    // The points keep off the edges.
    let across = Logarithmic::around(xs.clone(), LEFT + 14.0, RIGHT - 14.0);
    let up = Logarithmic::around(drawn.points.iter().map(|(_, y)| *y), BOTTOM, TOP).with_room();
    let points =
        drawn.points.iter().map(|(x, y)| format!("{} {}: {} µs", whole(*x as u64), curve.axis, short(*y)));
    let description = points.collect::<Vec<_>>().join("; ");
    let fitted = drawn.fit.map_or(String::new(), |fit| {
        format!("; cost grows with the power {:.2} of it, {} expected", fit.exponent, curve.expected)
    });
    let title = format!("Cost of {} {} by {}", article(curve.operation), curve.operation, curve.axis);
    let subtitle = "server CPU; both axes are logarithmic, so a straight line is a power";
    let mut card = Card::new(WIDTH, HEIGHT, &title, subtitle, &format!("{description}{fitted}."));
    for mark in up.marks() {
        let y = up.place(mark);
        card.line((LEFT, y), (RIGHT, y), colour::GRID, 1.0, false);
        card.write(LEFT - 8.0, y + 4.0, Anchor::End, NOTE, round(mark));
    }
    for mark in across.marks() {
        let x = across.place(mark);
        card.line((x, TOP), (x, BOTTOM), colour::GRID, 1.0, false);
        card.write(x, BOTTOM + 18.0, Anchor::Middle, NOTE, whole(mark.round() as u64));
    }
    card.line((LEFT, BOTTOM), (RIGHT, BOTTOM), colour::FAINT, 1.0, false);
    card.write(f64::midpoint(LEFT, RIGHT), BOTTOM + 40.0, Anchor::Middle, LABEL, curve.axis);
    card.write_upwards(26.0, f64::midpoint(TOP, BOTTOM), LABEL, &format!("µs per {}", curve.operation));
    if let Some(fit) = drawn.fit {
        let ends = [xs.clone().fold(f64::INFINITY, f64::min), xs.fold(0.0, f64::max)];
        let [from, to] = ends.map(|x| (across.place(x), up.place(fit.at(x)).clamp(TOP, BOTTOM)));
        card.line(from, to, colour::PEER, 1.5, true);
        let text = format!("fitted: exponent {:.2}, expected {}", fit.exponent, curve.expected);
        card.write(RIGHT, 51.0, Anchor::End, STRONG, text.replace("-0.", "−0."));
    }
    let places: Vec<(f64, f64)> =
        drawn.points.iter().map(|(x, y)| (across.place(*x), up.place(*y))).collect();
    card.path(&places, colour::OURS, 1.5, "");
    for place in places {
        card.dot(place, 4.5, colour::OURS);
    }
    card.done()
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}
