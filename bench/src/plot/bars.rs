//! One figure of several servers: a bar each, and how many times the floor it is.

use super::svg::{Anchor, Card, LABEL, NOTE, STRONG, colour};
use super::unit;
use crate::results::Kind;
use crate::results::aims::{FLOOR, said};
use crate::results::numbers::times;
use crate::results::sections::Section;
use crate::results::summary::{Figure, Measure, Measured};

const WIDTH: f64 = 720.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 38.0;
const STEP: f64 = 30.0;
const THICK: f64 = 18.0;
/// Where bars begin and where the longest ends: names are left of them, figures right of them.
const FROM: f64 = 110.0;
const TO: f64 = 540.0;

/// The picture, if there is anything to show on it.
pub(super) fn bars(section: &Section, case: &str, servers: &[Measured<'_>]) -> Option<String> {
    let measure = section.first;
    let figures = servers.iter().filter_map(|one| Some((one, one.figure(measure)?)));
    let figures: Vec<(&Measured<'_>, Figure)> = figures.collect();
    let longest = figures.iter().map(|(_, figure)| figure.most).fold(0.0, f64::max);
    if figures.len() < 2 || longest <= 0.0 {
        return None;
    }
    let floor = figures.iter().find(|(one, _)| one.server == FLOOR).map(|(_, figure)| figure.median);
    let ratio = |figure: &Figure| floor.map(|floor| times(figure.median / floor));
    let each = figures.iter().map(|(one, figure)| {
        let ratio = ratio(figure).map_or(String::new(), |ratio| format!(" ({ratio} {FLOOR})"));
        format!("{}: {}{ratio}", name(one), said(measure, figure.median))
    });
    let description = each.collect::<Vec<_>>().join("; ");
    let direction = if measure == Measure::PerSecond { "more is better" } else { "less is better" };
    let height = TOP + figures.len() as f64 * STEP + BOTTOM;
    let title = format!("{}: {}", section.title, section.shown(case));
    let subtitle = format!("{}, {} — {direction}", section.column(measure), unit(measure));
    let mut card = Card::new(WIDTH, height, &title, &subtitle, &description);
    let length = |value: f64| (TO - FROM) * value / longest;
    let bottom = height - BOTTOM;
    if let Some(floor) = floor {
        // Where the floor is, through everybody.
        let x = FROM + length(floor);
        card.line((x, TOP - 6.0), (x, bottom + 2.0), colour::FAINT, 1.0, true);
        card.write(x, bottom + 18.0, Anchor::Middle, NOTE, format!("{FLOOR} = 1×"));
    }
    for (index, (one, figure)) in figures.iter().enumerate() {
        let y = TOP + index as f64 * STEP;
        let (fill, font) = match one.kind {
            Kind::Ours => (colour::OURS, STRONG),
            Kind::Floor => (colour::FLOOR, LABEL),
            Kind::Peer => (colour::PEER, LABEL),
        };
        card.write(FROM - 10.0, y + 14.0, Anchor::End, font, name(one));
        card.bar(FROM, y, length(figure.median).max(1.0), THICK, fill);
        // How far the rounds were apart.
        let (least, most) = (FROM + length(figure.least), FROM + length(figure.most));
        if most - least > 1.0 {
            card.line((least, y + THICK / 2.0), (most, y + THICK / 2.0), colour::TEXT, 1.5, false);
        }
        let ratio = ratio(figure).map_or(String::new(), |ratio| format!(" · {ratio}"));
        let text = format!("{}{ratio}", said(measure, figure.median));
        card.write(most.max(FROM + length(figure.median)) + 8.0, y + 14.0, Anchor::Start, font, text);
    }
    Some(card.done())
}

fn name<'a>(measured: &Measured<'a>) -> &'a str {
    if measured.kind == Kind::Ours { "ours" } else { measured.server }
}
