//! The whole of what is measured: every case, every server that can do it, a few rounds, and the page at the end.
//!
//! Each line is printed and written down as soon as it is known, so that what is interrupted has not been for nothing. A
//! server that loses something fails the run at its end, when everything else is known; so does one that cannot be started.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::peers::Peers;
use crate::plot;
use crate::results::page;
use crate::results::summary::Summary;
use crate::results::{Line, Results, Run};

mod drive;
mod machine;
mod plan;
mod servers;
mod shape;

use servers::Server;

/// What to measure
#[derive(Args)]
pub(crate) struct Options {
    /// Only these scenarios
    scenarios: Vec<String>,
    /// One short round of ours and of one floor, and nothing is written
    #[arg(long)]
    quick: bool,
    /// Only these servers
    #[arg(long, value_delimiter = ',')]
    servers: Vec<Server>,
    /// The core the servers get to themselves, if `taskset` is there to give it to them
    #[arg(long)]
    server_core: Option<usize>,
    #[command(flatten)]
    place: Place,
    /// What was typed to have this, for the page
    #[arg(long, default_value = "bench run")]
    command: String,
    /// Say what would be measured, and how long it takes
    #[arg(long)]
    list: bool,
}

/// Where pages and pictures are
#[derive(Args)]
pub(crate) struct PageOptions {
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
struct Place {
    /// The folder the page goes to
    #[arg(long, default_value = "bench")]
    folder: PathBuf,
}

impl Place {
    fn lines(&self) -> PathBuf {
        self.folder.join("results").join("results.jsonl")
    }

    fn pictures(&self) -> PathBuf {
        self.folder.join("results")
    }
}

/// Writes the page again.
pub(crate) fn page(options: &PageOptions) -> Result<ExitCode> {
    let results = Results::read(&options.place.lines())?;
    publish(&options.place, &results)?;
    Ok(verdict(&results.violations(), &[]))
}

/// Measures.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let cases = plan::chosen(&options.scenarios, options.quick)?;
    let servers = chosen(options);
    if options.list {
        for case in &cases {
            let able: Vec<&str> = case.servers(&servers).map(Server::name).collect();
            println!(
                "{} {}: {} × {} s, {}",
                case.scenario,
                case.name,
                case.rounds,
                case.seconds,
                able.join(", ")
            );
        }
        println!("about {:.0} minutes", (plan::estimate(&cases, &servers).as_secs_f64() / 60.0).ceil());
        return Ok(ExitCode::SUCCESS);
    }
    let (peers, able) = installed(&servers);
    let begun = machine::now();
    let this = machine::run(begun.clone(), options.command.clone(), options.server_core);
    let mut results = Results::default();
    let mut file = None;
    if !options.quick {
        results = Results::read(&options.place.lines())?;
        results.forget(|line| {
            cases.iter().any(|case| case.is_of(line) && able.iter().any(|one| one.name() == line.server))
        });
        file = Some(Written::over(&options.place.lines(), &results)?);
    }
    results.runs.push(this.clone());
    if let Some(file) = &mut file {
        file.begin(&this)?;
    }
    let already = results.lines.len();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let place = drive::Place { core: options.server_core, peers };
    let mut failed = Vec::new();
    for (case, server, round) in plan::order(&cases, &able) {
        match drive::drive(&runtime, case, server, round, &place) {
            Ok(mut line) => {
                line.run.clone_from(&begun);
                println!("{}", serde_json::to_string(&line)?);
                if let Some(file) = &mut file {
                    file.line(&line)?;
                }
                results.lines.push(line);
            }
            Err(error) => {
                let said =
                    format!("{} {}, {}, round {round}: {error:#}", case.scenario, case.name, server.name());
                println!("bench: {said}");
                failed.push(said);
            }
        }
    }
    let new = Results { runs: vec![this], lines: results.lines.split_off(already) };
    table(&new);
    let violations = new.violations();
    results.lines.extend(new.lines);
    if !options.quick {
        publish(&options.place, &results)?;
        println!("bench: {} is written", options.place.folder.join("RESULTS.md").display());
    }
    Ok(verdict(&violations, &failed))
}

/// The peers, if any of them is wanted and there is a way to have them, and who can be measured.
fn installed(servers: &[Server]) -> (Option<Peers>, Vec<Server>) {
    if servers.iter().all(|server| server.peer().is_none()) {
        return (None, servers.to_vec());
    }
    match Peers::install() {
        Ok(peers) => (Some(peers), servers.to_vec()),
        Err(error) => {
            // Without a registry everything else can still be measured, and the page shows who is not there.
            println!("bench: the peers are not measured: {error:#}");
            (None, servers.iter().copied().filter(|server| server.peer().is_none()).collect())
        }
    }
}

/// All, or what takes a minute.
fn chosen(options: &Options) -> Vec<Server> {
    match &options.servers[..] {
        [] if options.quick => vec![Server::Live, Server::Axum],
        [] => Server::ALL.to_vec(),
        some => some.to_vec(),
    }
}

/// Says what is wrong, if anything is.
fn verdict(violations: &[String], failed: &[String]) -> ExitCode {
    for violation in violations {
        println!("WRONG: {violation}");
    }
    for failure in failed {
        println!("FAILED: {failure}");
    }
    if violations.is_empty() && failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What came of it, for whoever waits in front of it.
fn table(results: &Results) {
    let summary = Summary::new(&results.lines);
    print!("\n{}", page::terminal(&summary));
}

/// The page and its pictures, in place of what was there.
fn publish(place: &Place, results: &Results) -> Result<()> {
    let folder = place.pictures();
    fs::create_dir_all(&folder)?;
    let pictures = plot::pictures(results);
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        // Of a case that is no more.
        if path.extension().is_some_and(|extension| extension == "svg") {
            fs::remove_file(path)?;
        }
    }
    for picture in &pictures {
        fs::write(folder.join(&picture.name), &picture.text)?;
    }
    let names: Vec<String> = pictures.into_iter().map(|picture| picture.name).collect();
    fs::write(place.folder.join("RESULTS.md"), page::page(results, &names))?;
    Ok(())
}

/// The file of lines, while it grows.
struct Written(File);

impl Written {
    /// Begins with what stays. It is whole at any moment: what was there is replaced at once.
    fn over(path: &Path, results: &Results) -> Result<Self> {
        let folder = path.parent().context("a file is in a folder")?;
        fs::create_dir_all(folder)?;
        let beside = path.with_extension("new");
        fs::write(&beside, results.text()?)?;
        fs::rename(&beside, path)?;
        Ok(Self(File::options().append(true).open(path)?))
    }

    fn begin(&mut self, run: &Run) -> Result<()> {
        self.add(serde_json::to_string(run)?)
    }

    fn line(&mut self, line: &Line) -> Result<()> {
        self.add(serde_json::to_string(line)?)
    }

    fn add(&mut self, mut text: String) -> Result<()> {
        ensure!(!text.contains('\n'), "a line is one line");
        text.push('\n');
        self.0.write_all(text.as_bytes())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_interrupted_keeps_its_lines() {
        let folder = std::env::temp_dir().join(format!("bench-lines-{}", std::process::id()));
        let path = folder.join("results").join("results.jsonl");
        let run = Run { begun: "now".to_owned(), ..Run::default() };
        let line = |case: &str| Line { run: run.begun.clone(), case: case.to_owned(), ..Line::default() };
        let mut written = Written::over(&path, &Results::default()).unwrap();
        written.begin(&run).unwrap();
        written.line(&line("one")).unwrap();
        written.line(&line("two")).unwrap();
        let mut read = Results::read(&path).unwrap();
        assert_eq!((read.runs.len(), read.lines.len()), (1, 2));
        read.forget(|line| line.case == "one");
        Written::over(&path, &read).unwrap();
        assert_eq!(Results::read(&path).unwrap().lines[0].case, "two");
        fs::remove_dir_all(folder).unwrap();
    }
}
