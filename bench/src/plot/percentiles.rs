//! What most of a server's answers stay under, and what the last thousandth takes: a line for each server.

use super::axis::Logarithmic;
use super::svg::{Anchor, Card, Font, LABEL, NOTE, STRONG, colour};
use crate::results::aims::{FLOOR, OURS};
use crate::results::numbers::{round, time};
use crate::results::sections::Section;
use crate::results::summary::Measured;
use crate::results::{Kind, Percentiles};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 560.0;
const TOP: f64 = 72.0;
const BOTTOM: f64 = 324.0;
/// Two names closer than this cannot be read.
const APART: f64 = 17.0;

/// How many of so many, as an axis says it. Each is as far from the next, as nines are counted.
const SHARES: [&str; 5] = ["50 %", "90 %", "99 %", "99.9 %", "all"];

/// Lines of one kind are told apart by their dashes.
const DASHES: [&str; 4] = ["", "7 4", "2 3", "9 3 2 3"];

/// The picture, if there are times to show.
pub(super) fn percentiles(section: &Section, case: &str, servers: &[Measured<'_>]) -> Option<String> {
    let known = servers.iter().filter_map(|one| Some((one, values(one.percentiles()?))));
    let known: Vec<(&Measured<'_>, [f64; 5])> = known.collect();
    if known.len() < 2 {
        return None;
    }
    let up = Logarithmic::around(known.iter().flat_map(|(_, values)| *values), BOTTOM, TOP).with_room();
    let across =
        |index: usize| LEFT + 20.0 + (RIGHT - LEFT - 40.0) * index as f64 / (SHARES.len() - 1) as f64;
    let each = known.iter().map(|(one, values)| {
        format!(
            "{}: {}",
            name(one),
            SHARES
                .iter()
                .zip(values)
                .map(|(share, value)| format!("{share} within {}", time(*value)))
                .collect::<Vec<_>>()
                .join(", ")
        )
    });
    let description = each.collect::<Vec<_>>().join("; ");
    let title = format!("{}: {}", section.title, section.shown(case));
    let subtitle = "time from when a call was due to its answer — less is better; the axis is logarithmic";
    let mut card = Card::new(WIDTH, HEIGHT, &title, subtitle, &description);
    for mark in up.marks() {
        let y = up.place(mark);
        card.line((LEFT, y), (RIGHT, y), colour::GRID, 1.0, false);
        card.write(LEFT - 8.0, y + 4.0, Anchor::End, NOTE, said(mark));
    }
    for (index, share) in SHARES.iter().enumerate() {
        card.write(across(index), BOTTOM + 18.0, Anchor::Middle, NOTE, share);
    }
    card.line((LEFT, BOTTOM), (RIGHT, BOTTOM), colour::FAINT, 1.0, false);
    card.write(f64::midpoint(LEFT, RIGHT), BOTTOM + 40.0, Anchor::Middle, LABEL, "of all calls");
    let mut names: Vec<(f64, &str, &'static str)> = Vec::new();
    let mut drawn = [0; 3];
    for (one, values) in &known {
        let (fill, width) = match one.kind {
            Kind::Ours => (colour::OURS, 2.5),
            Kind::Floor => (colour::FLOOR, 1.5),
            Kind::Peer => (colour::PEER, 1.5),
        };
        let places = values.iter().enumerate().map(|(index, value)| (across(index), up.place(*value)));
        let places: Vec<(f64, f64)> = places.collect();
        let dashes = DASHES[drawn[one.kind as usize] % DASHES.len()];
        drawn[one.kind as usize] += 1;
        card.path(&places, fill, width, dashes);
        for place in &places {
            card.dot(*place, 3.5, fill);
        }
        names.push((places[places.len() - 1].1, name(one), fill));
    }
    // Names stand at the ends of their lines, and none over another.
    names.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut lowest = f64::NEG_INFINITY;
    for (y, name, fill) in names {
        let place = y.max(lowest + APART);
        lowest = place;
        card.line((across(4) + 6.0, y), (RIGHT + 4.0, place), fill, 1.0, false);
        let font = if name == "ours" { STRONG } else { LABEL };
        card.write(RIGHT + 8.0, place + 4.0, Anchor::Start, Font { colour: fill, ..font }, name);
    }
    Some(card.done())
}

fn values(percentiles: Percentiles) -> [f64; 5] {
    let Percentiles { p50, p90, p99, p999, max } = percentiles;
    [p50, p90, p99, p999, max]
}

fn said(mark: f64) -> String {
    if mark < 1_000.0 { format!("{} µs", round(mark)) } else { format!("{} ms", round(mark / 1e3)) }
}

fn name<'a>(measured: &Measured<'a>) -> &'a str {
    match measured.server {
        OURS => "ours",
        FLOOR => FLOOR,
        other => other,
    }
}
