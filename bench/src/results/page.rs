//! `bench/RESULTS.md`: what was measured, for people.
//!
//! All of it comes from the lines. What was not measured is not there, and what was not reached is said first.

use std::fmt::Write as _;

use super::aims::{self, AIMS, Aim, FLOOR, OURS, REACHABLE};
use super::curves::{CURVES, Curve, Drawn, Growth};
use super::fit::Fit;
use super::numbers::{short, times, whole};
use super::sections::{SECTIONS, Section};
use super::summary::{Measure, Measured, Summary};
use super::{Kind, Results, Run};

/// A generator that uses more of its core than this may be what was slow.
const BUSY: f64 = 0.95;
/// Where pictures are, from the page.
const PICTURES: &str = "results";

/// The whole page. `pictures` names those that were drawn.
pub(crate) fn page(results: &Results, pictures: &[String]) -> String {
    let summary = Summary::new(&results.lines);
    let mut page = HEAD.to_owned();
    machine(&mut page, &results.runs);
    violations(&mut page, results);
    page.push_str("## Aims\n\nSet before anything was measured, for a machine with two cores.\n\n");
    judged(&mut page, &AIMS, &summary);
    page.push_str(
        "\nWhat the best of the floors, measured elsewhere on such a machine, showed to be within reach; nobody promised it:\n\n",
    );
    judged(&mut page, &REACHABLE, &summary);
    page.push_str(HOW);
    for section in &SECTIONS {
        scenario(&mut page, section, &summary, pictures);
    }
    curves(&mut page, &summary, pictures);
    servers(&mut page, results);
    page
}

/// The first figure of every case, and the aims, as a terminal has room for them.
pub(crate) fn terminal(summary: &Summary<'_>) -> String {
    let mut text = String::new();
    for section in &SECTIONS {
        for case in summary.cases(section.scenario) {
            let column = section.column(section.first);
            let _ = writeln!(text, "{} {case}: {column}", section.scenario);
            let floor = summary.median(section.scenario, case, FLOOR, section.first);
            for server in summary.servers(section.scenario, case) {
                let Some(value) = server.median(section.first) else { continue };
                let ratio = floor.map_or(String::new(), |floor| times(value / floor));
                let rate = server
                    .median(Measure::PerSecond)
                    .map_or(String::new(), |rate| format!("{} a second", short(rate)));
                let _ = writeln!(
                    text,
                    "  {:<10} {:>12} {ratio:>7} {rate:>20}",
                    server.server,
                    aims::said(section.first, value)
                );
            }
        }
    }
    for (curve, drawn) in CURVES.iter().map(|curve| (curve, curve.drawn(summary))) {
        if let Some(fit) = drawn.fit {
            let (name, expected) = (curve.name, curve.expected);
            let said = |fit: Fit, end: Option<Fit>| {
                let end =
                    end.map_or(String::new(), |end| format!(", {:.2} in the last decade", end.exponent));
                format!("exponent {:.2}{end}", fit.exponent)
            };
            let floor = drawn.floor.as_deref().and_then(|floor| Some(said(floor.fit?, floor.end)));
            let floor = floor.map_or(String::new(), |floor| format!(", {FLOOR}: {floor}"));
            let _ = writeln!(text, "scaling {name}: {}, expected {expected}{floor}", said(fit, drawn.end));
        }
    }
    for judged in AIMS.iter().map(|aim| aim.judge(summary)) {
        if let (Some(ours), Some(is_reached)) = (judged.ours, judged.is_reached) {
            let reached = if is_reached { "reached" } else { "NOT REACHED" };
            let _ = writeln!(text, "{}: {ours}, {}: {reached}", judged.what, judged.aim);
        }
    }
    text
}

const HEAD: &str = "\
# What it costs

Written by `cargo xtask bench`; whoever changes it by hand will lose the change. The lines it is made of are in
[results/results.jsonl](results/results.jsonl), and what was learnt on the way is in [NOTES.md](NOTES.md).

";

const HOW: &str = "
## How to read this

* **Server CPU per operation** is the time the server's program computed, in user code and in the kernel on its behalf,
  divided by what it did. It is the figure that travels: operations a second move with whoever else uses the machine, and a
  server that waits for its clients is not slow. Lower is better.
* **Ratios** are to `axum`, in the same run: a minimal server on the socket library this project is built on, which sends the
  same bytes, keeps the same counter, and does nothing else. Absolute figures are those of this machine; ratios are what to
  compare. `yawc` and `framed` are floors too: the fastest library we found, and a minimal codec of our own behind axum's upgrade.
* **Peers** do the same work by their own means: the counter is kept on the server, what changed is delivered to the client, and the
  reply is awaited. Their bytes differ, because their protocols do; they have the settings that their documentation gives for
  production. A case that a peer has no means for is not shown for it.
* Every server is one program on one core of its own, and one generator with one thread drives all of them from another core.
  Servers are started anew for each case; rounds are interleaved, each begins with another server, and the **median** is shown with
  the least and the most beside it.
* Every answer is checked: each call answered once and in order, each change by exactly one, each word heard once and in
  order by everybody. A run in which that is not so fails, and says so above.
* **Generator busy** above 95 % (marked ⚠) means that the generator may be what was slow: then believe the CPU and not the rate.
* `kB` is a thousand bytes.
";

fn machine(page: &mut String, runs: &[Run]) {
    let Some(last) = runs.last() else {
        page.push_str("Nothing has been measured yet.\n\n");
        return;
    };
    page.push_str("| | |\n|---|---|\n");
    let Run { cpu, cores, memory, kernel, pinned, .. } = last;
    let mut row = |name: &str, value: &str| page.push_str(&format!("| {name} | {} |\n", cell(value)));
    row("processor", cpu);
    row("cores", &cores.to_string());
    row("memory", &format!("{} GB", short(*memory as f64 / 1e9)));
    row("kernel", kernel);
    row("cores in use", pinned);
    for run in runs {
        let other = if run.cpu == last.cpu { "" } else { ", on another machine" };
        row("measured", &format!("{}, at commit `{}`, by `{}`{other}", run.begun, run.commit, run.command));
    }
    page.push('\n');
}

fn violations(page: &mut String, results: &Results) {
    let violations = results.violations();
    if violations.is_empty() {
        let operations = results.lines.iter().map(|line| line.operations).sum();
        let _ = writeln!(page, "Of {} operations none was lost, doubled or wrong.\n", whole(operations));
        return;
    }
    page.push_str("**Something was lost, doubled or wrong, so do not believe the figures of these:**\n\n");
    for violation in violations {
        let _ = writeln!(page, "* {violation}");
    }
    page.push('\n');
}

fn judged(page: &mut String, aims: &[Aim], summary: &Summary<'_>) {
    page.push_str("| what | aim | ours | axum | reached |\n|---|---|---:|---:|---|\n");
    for aim in aims {
        let judged = aim.judge(summary);
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        let reached = match judged.is_reached {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "not measured",
        };
        let (ours, floor) = (or_none(judged.ours), or_none(judged.floor));
        let _ = writeln!(page, "| {} | {} | {ours} | {floor} | {reached} |", judged.what, judged.aim);
    }
}

fn scenario(page: &mut String, section: &Section, summary: &Summary<'_>, pictures: &[String]) {
    let cases = summary.cases(section.scenario);
    if cases.is_empty() {
        return;
    }
    let _ = writeln!(page, "\n## {}\n\n{}\n", section.title, section.text);
    for case in cases {
        let servers = summary.servers(section.scenario, case);
        let shown = section.others.iter().copied();
        let shown: Vec<Measure> =
            shown.filter(|measure| servers.iter().any(|one| one.figure(*measure).is_some())).collect();
        let _ = write!(
            page,
            "### `{} {case}`\n\n| server | {} | × axum | rounds |",
            section.scenario,
            section.column(section.first)
        );
        for measure in &shown {
            let _ = write!(page, " {} |", section.column(*measure));
        }
        let _ = writeln!(page, "\n|---|---:|---:|---:|{}", "---:|".repeat(shown.len()));
        let floor = summary.median(section.scenario, case, FLOOR, section.first);
        for server in servers {
            row(page, section.first, &shown, server, floor);
        }
        page.push('\n');
        notes(page, servers);
        let title = format!("{}: {}", section.title, section.shown(case));
        picture(page, pictures, &format!("{}-{case}", section.scenario), &title);
    }
}

/// What else the generator had to say, once.
fn notes(page: &mut String, servers: &[Measured<'_>]) {
    let mut said: Vec<String> = Vec::new();
    for server in servers {
        for note in server.lines.iter().flat_map(|line| &line.notes) {
            let note = format!("* {}: {}", server.server, cell(note));
            if !said.contains(&note) {
                said.push(note);
            }
        }
    }
    if !said.is_empty() {
        let _ = writeln!(page, "{}\n", said.join("\n"));
    }
}

fn row(page: &mut String, first: Measure, shown: &[Measure], server: &Measured<'_>, floor: Option<f64>) {
    let none = || "–".to_owned();
    let figure = server.figure(first);
    let value = figure.map_or_else(none, |figure| aims::said(first, figure.median));
    let ratio = figure.zip(floor).filter(|(_, floor)| *floor > 0.0);
    let ratio = ratio.map_or_else(none, |(figure, floor)| times(figure.median / floor));
    let rounds = figure.filter(|figure| figure.rounds > 1);
    let rounds = rounds.map_or_else(none, |figure| {
        format!("{} – {}", aims::said(first, figure.least), aims::said(first, figure.most))
    });
    let name = if server.kind == Kind::Ours { "**ours**" } else { server.server };
    let _ = write!(page, "| {name} | {value} | {ratio} | {rounds} |");
    for measure in shown {
        let text = server.median(*measure).map_or_else(none, |value| aims::said(*measure, value));
        let mark = *measure == Measure::Busy && server.median(Measure::Busy).is_some_and(|busy| busy > BUSY);
        let _ = write!(page, " {text}{} |", if mark { " ⚠" } else { "" });
    }
    page.push('\n');
}

fn curves(page: &mut String, summary: &Summary<'_>, pictures: &[String]) {
    let drawn: Vec<_> = CURVES.iter().map(|curve| (curve, curve.drawn(summary))).collect();
    if drawn.iter().all(|(_, drawn)| drawn.points.is_empty()) {
        return;
    }
    page.push_str(CURVES_HEAD);
    let drawn: Vec<_> = drawn.into_iter().filter(|(_, drawn)| !drawn.points.is_empty()).collect();
    for (curve, drawn) in &drawn {
        let growth = match drawn.growth(curve.expected) {
            Growth::AsExpected => "as expected",
            Growth::AsTheFloor => "no more than the floor",
            Growth::Above => "**above what is expected**",
        };
        grown(page, curve.axis, drawn, &curve.expected.to_string(), growth);
        if let Some(floor) = &drawn.floor {
            grown(page, &format!("the same, `{FLOOR}`"), floor, "", "");
        }
    }
    page.push('\n');
    for (curve, drawn) in &drawn {
        points(page, curve, drawn);
        let title = format!("Cost by {}", curve.axis);
        picture(page, pictures, &format!("scaling-{}", curve.name), &title);
    }
}

/// A curve as a row of the table of all.
fn grown(page: &mut String, what: &str, drawn: &Drawn, expected: &str, growth: &str) {
    let (first, last) = (drawn.points[0], drawn.points[drawn.points.len() - 1]);
    let exponent = |fit: Option<Fit>| {
        fit.map_or_else(|| "–".to_owned(), |fit| format!("{:.2}", fit.exponent).replace('-', "−"))
    };
    let _ = writeln!(
        page,
        "| {what} | {} – {} | {} – {} | {} | {} | {} | {expected} | {growth} |",
        whole(first.0 as u64),
        whole(last.0 as u64),
        short(first.1),
        short(last.1),
        exponent(drawn.fit),
        drawn.fit.map_or_else(|| "–".to_owned(), |fit| format!("{:.2}", fit.explained)),
        exponent(drawn.end),
    );
}

/// A curve point by point.
fn points(page: &mut String, curve: &Curve, drawn: &Drawn) {
    let (axis, expected) = (title(curve.axis), curve.expected);
    let _ = writeln!(page, "### {axis}\n\nExpected: exponent {expected}, because {}.\n", curve.because);
    let xs: Vec<String> = drawn.points.iter().map(|(x, _)| whole(*x as u64)).collect();
    let _ = writeln!(page, "| {} | {} |", curve.axis, xs.join(" | "));
    let _ = writeln!(page, "|---|{}", "---:|".repeat(xs.len()));
    let mut costs = |who: &str, points: &[(f64, f64)]| {
        let cost =
            |(x, _): &(f64, f64)| points.iter().find(|(other, _)| other == x).map(|(_, cost)| short(*cost));
        let costs: Vec<String> =
            drawn.points.iter().map(|point| cost(point).unwrap_or_else(|| "–".to_owned())).collect();
        let _ = writeln!(page, "| µs of server CPU per {}{who} | {} |", curve.operation, costs.join(" | "));
    };
    costs("", &drawn.points);
    if let Some(floor) = &drawn.floor {
        costs(&format!(", `{FLOOR}`"), &floor.points);
    }
    page.push('\n');
}

const CURVES_HEAD: &str = "
## How cost grows

One thing is made larger over three decades and the rest stays; the cost is fitted as `factor × size ^ exponent` by least squares
over logarithms. Exponent 0 is a cost that does not depend on the size, 1 one that grows with it. `R²` is how much of what varies the
line explains, which is little where there is nothing to explain. The last decade is fitted once more by itself, because a cost that grows can hide behind one that
does not. What is more than 0.1 above what is expected, in all or at the end, is said to be; beside a floor that grows as well, what is
more than 0.1 above the floor.

| what grows | from – to | µs of server CPU | exponent | R² | last decade | expected | |
|---|---:|---:|---:|---:|---:|---:|---|
";

fn servers(page: &mut String, results: &Results) {
    let mut seen: Vec<(&str, &str, &str)> = Vec::new();
    for line in &results.lines {
        let this = (&*line.server, &*line.version, &*line.settings);
        if !seen.contains(&this) {
            seen.push(this);
        }
    }
    if seen.is_empty() {
        return;
    }
    page.push_str("\n## Who was measured\n\n| server | version | settings |\n|---|---|---|\n");
    let rank = |name: &str| {
        let kind = results.lines.iter().find(|line| line.server == name).map(|line| line.kind as u8);
        kind.unwrap_or(u8::MAX)
    };
    seen.sort_by_key(|(server, ..)| (rank(server), *server));
    for (server, version, settings) in seen {
        let name = if server == OURS { "**ours**" } else { server };
        let _ = writeln!(page, "| {name} | {} | {} |", cell(version), cell(settings));
    }
}

fn picture(page: &mut String, pictures: &[String], name: &str, what: &str) {
    let file = format!("{name}.svg");
    if pictures.contains(&file) {
        let _ = writeln!(page, "![{what}]({PICTURES}/{file})\n");
    }
}

/// Text that ends no cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn title(text: &str) -> String {
    let mut signs = text.chars();
    signs.next().map_or_else(String::new, |first| first.to_uppercase().chain(signs).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = include_str!("golden/lines.jsonl");
    const GOLDEN: &str = "src/results/golden/page.md";

    fn written() -> String {
        let results = Results::parse(LINES).unwrap();
        page(&results, &["actions-64x1.svg".to_owned(), "scaling-list.svg".to_owned()])
    }

    #[test]
    fn the_page_says_what_the_lines_say() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
        let page = written();
        if std::env::var_os("SNAPSHOTS").is_some_and(|word| word == "write") {
            std::fs::write(&path, &page).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap();
        let pairs = page.lines().zip(golden.lines()).enumerate();
        for (index, (ours, theirs)) in pairs {
            assert_eq!(ours, theirs, "line {} of {GOLDEN}; `SNAPSHOTS=write` writes it again", index + 1);
        }
        assert_eq!(page.lines().count(), golden.lines().count(), "{GOLDEN}");
    }

    #[test]
    fn a_page_of_nothing_says_so() {
        let page = page(&Results::default(), &[]);
        assert!(page.contains("Nothing has been measured yet."));
        assert!(page.contains("not measured"));
        assert!(!page.contains("## Who was measured"));
    }

    #[test]
    fn what_was_lost_is_said_before_any_figure() {
        let mut results = Results::parse(LINES).unwrap();
        results.lines[0].lost = 3;
        let page = page(&results, &[]);
        let (at, figures) = (page.find("3 lost").unwrap(), page.find("## Aims").unwrap());
        assert!(at < figures);
    }
}
