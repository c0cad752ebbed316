//! Pictures of what was measured, as SVG written by hand: bars beside the floor, curves with what was fitted, percentiles.
//!
//! A picture stands on a card of its own, so that it can be read wherever the page is shown, light or dark. All that it says
//! is also in a table of the page; title and description say it to those who do not see it.

use crate::results::Results;
use crate::results::curves::CURVES;
use crate::results::sections::SECTIONS;
use crate::results::summary::{Measure, Summary};

mod axis;
mod bars;
mod curve;
mod percentiles;
mod svg;

/// A file of the folder of pictures.
pub(crate) struct Picture {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Everything there is to draw.
pub(crate) fn pictures(results: &Results) -> Vec<Picture> {
    let summary = Summary::new(&results.lines);
    let mut pictures = Vec::new();
    for section in &SECTIONS {
        for case in summary.cases(section.scenario) {
            let servers = summary.servers(section.scenario, case);
            // What stands alone is beside nothing.
            let drawn = match (section.scenario, servers.len()) {
                (_, 0 | 1) => None,
                ("rate", _) => percentiles::percentiles(section, case, servers),
                _ => bars::bars(section, case, servers),
            };
            let name = format!("{}-{case}.svg", section.scenario);
            pictures.extend(drawn.map(|text| Picture { name, text }));
        }
    }
    for curve in &CURVES {
        let drawn = curve.drawn(&summary);
        if drawn.points.len() > 1 {
            let name = format!("scaling-{}.svg", curve.name);
            pictures.push(Picture { name, text: curve::curve(curve, &drawn) });
        }
    }
    pictures
}

/// What a measure is in, as an axis says it.
fn unit(measure: Measure) -> &'static str {
    match measure {
        Measure::Cpu => "µs",
        Measure::P50 | Measure::P99 | Measure::P999 => "µs",
        Measure::Each | Measure::Left => "bytes",
        Measure::PerSecond => "a second",
        Measure::Busy => "of a core",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An element that is open, or an error: the little of XML that our writer uses.
    fn check(text: &str) {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find('<') {
            let between = &rest[..start];
            assert!(!between.contains('>'), "{between:?}");
            for entity in between.split('&').skip(1) {
                let known = ["amp;", "lt;", "gt;", "quot;"].iter().any(|name| entity.starts_with(name));
                assert!(known, "&{entity}");
            }
            let end = rest[start..].find('>').expect("a tag ends") + start;
            let tag = &rest[start + 1..end];
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
            } else {
                assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
                assert!(!tag.contains("NaN") && !tag.contains("inf"), "{tag}");
                if !tag.ends_with('/') {
                    open.push(tag.split_whitespace().next().expect("a tag has a name"));
                }
            }
            rest = &rest[end + 1..];
        }
        assert_eq!(open, [""; 0]);
        assert_eq!(rest.trim(), "");
        let first = text.lines().next().unwrap_or_default();
        assert!(first.contains("xmlns=\"http://www.w3.org/2000/svg\"") && first.contains("role=\"img\""));
        assert!(text.contains("<title ") && text.contains("<desc "));
    }

    #[test]
    fn every_picture_is_well_formed_and_says_what_it_shows() {
        let results = Results::parse(include_str!("results/golden/lines.jsonl")).unwrap();
        let pictures = pictures(&results);
        let names: Vec<&str> = pictures.iter().map(|picture| &*picture.name).collect();
        for name in ["actions-64x1.svg", "rate-20000.svg", "idle-10000x1.svg", "scaling-list.svg"] {
            assert!(names.contains(&name), "{name} is not in {names:?}");
        }
        for picture in &pictures {
            check(&picture.text);
        }
    }

    #[test]
    fn a_name_with_signs_of_its_own_is_escaped() {
        let mut results = Results::parse(include_str!("results/golden/lines.jsonl")).unwrap();
        for line in results.lines.iter_mut().filter(|line| line.server == "axum") {
            line.server = "a<x>&\"m".to_owned();
        }
        for picture in pictures(&results) {
            check(&picture.text);
            assert!(!picture.text.contains("a<x>"));
        }
    }

    #[test]
    fn what_stands_alone_is_not_drawn() {
        let mut results = Results::parse(include_str!("results/golden/lines.jsonl")).unwrap();
        results.lines.retain(|line| line.server == "live" && line.scenario == "actions");
        assert!(pictures(&results).is_empty());
    }
}
