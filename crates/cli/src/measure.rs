//! `flux load`: the arguments of a load, and what came of it as people and programs read it.

use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum};
use fluxstack_live_cli::load::live::{Content, Live, Sending, Tell, Words};
use fluxstack_live_cli::load::{self, Latency, Outcome, Plan, Scenario, Target};
use serde_json::Value;

/// What is said in a room.
const TEXT: &str = "what somebody says in a room, in about as many words as people use";

/// What `flux load` is told.
#[derive(Args)]
pub(crate) struct Load {
    /// What to do.
    scenario: Kind,
    /// Such as ws://127.0.0.1:3000/api/live/ws
    #[arg(long)]
    url: String,
    /// The component that is mounted.
    #[arg(long)]
    component: String,
    /// Its props, as JSON.
    #[arg(long, default_value = "{}", value_parser = crate::json)]
    props: Value,
    /// The action that is called.
    #[arg(long, default_value = "")]
    action: String,
    /// Its arguments by name, as JSON.
    #[arg(long, default_value = "{}", value_parser = crate::json)]
    args: Value,
    /// The field of the state that goes up by one with each call: then it is verified that each was done once.
    #[arg(long)]
    counts: Option<String>,
    /// Connections open at once.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Requests of each connection that are unanswered at once.
    #[arg(long, default_value_t = 16)]
    in_flight: usize,
    /// Components mounted on each connection.
    #[arg(long, default_value_t = 1)]
    components: usize,
    /// Calls a second, of all connections together; for `rate`.
    #[arg(long, default_value_t = 1_000.0)]
    rate: f64,
    /// Connections that stop reading; for `slow`.
    #[arg(long, default_value_t = 0)]
    slow: usize,
    /// The action that says something to a room, with `from`, `number` and `text`, which emits an event with the same.
    #[arg(long, default_value = "")]
    tell: String,
    /// Bytes of a file; for `uploads`.
    #[arg(long, default_value_t = 16 << 20)]
    file: usize,
    /// Bytes of a chunk of it.
    #[arg(long, default_value_t = 256 << 10)]
    chunk: usize,
    /// How long it counts, in seconds.
    #[arg(long, default_value_t = 5.0, value_parser = seconds)]
    seconds: f64,
    /// How long it goes on before it counts, in seconds.
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    warm_up: f64,
    /// A mount is done only when the signed snapshot of it has come.
    #[arg(long)]
    snapshots: bool,
    /// The server's process id, to measure its processor time and memory.
    #[arg(long)]
    server_pid: Option<u32>,
    /// One line of JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Load a server that is not on this machine.
    #[arg(long)]
    i_own_this_server: bool,
}

/// A scenario, as it is written in a terminal.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Mount components and end them, so many in flight.
    Mount,
    /// Call an action again as soon as it is answered.
    Actions,
    /// Call an action so many times a second, and time it from when it was due.
    Rate,
    /// Open connections with components, and look at the server's memory.
    Idle,
    /// Connect, mount, disconnect, and again.
    Churn,
    /// Have one say something with --tell, so many at once, and all others hear it.
    Room,
    /// Have all call one instance that --props make theirs together.
    Shared,
    /// The same at a --rate, while --slow of them do not read.
    Slow,
    /// Cut all sockets, and take up again what was mounted.
    Storm,
    /// Send files of --file bytes to a component that takes them.
    Uploads,
    /// Call an action that changes little of a large state.
    BigState,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1e6).contains(&seconds) { Ok(seconds) } else { Err("not a time in seconds".to_owned()) }
}

/// Does it, and prints what came of it. Anything lost, doubled or wrong is an error.
pub(crate) async fn measure(load: &Load) -> Result<()> {
    let target = Target::parse(&load.url)?;
    let plan = plan(load, target.address(load.i_own_this_server).await?)?;
    let words = Words {
        props: load.props.to_string(),
        args: load.args.to_string(),
        is_signed: load.snapshots,
        returns: plan.scenario == Scenario::Storm,
        tell: (!load.tell.is_empty()).then(|| Tell { action: load.tell.clone(), text: TEXT.to_owned() }),
        ..Words::new(&target.path, &load.component, &load.action, load.counts.as_deref())
    };
    let (words, slots) = (Rc::new(words), load.components.max(load.in_flight));
    let mut outcome = if plan.scenario == Scenario::Uploads {
        let file = Rc::new(Content::new(load.file, load.chunk)?);
        let sending = |who| Sending::new(Rc::clone(&words), Rc::clone(&file), who, slots);
        load::run(&plan, sending).await?
    } else {
        load::run(&plan, |who| Live::new(Rc::clone(&words), who, slots)).await?
    };
    outcome.server = "live".to_owned();
    if load.json {
        println!("{}", outcome.line()?);
    } else {
        print!("{}", table(&outcome, plan.is_counted));
    }
    if !outcome.is_right() {
        let Outcome { lost, doubled, wrong, .. } = outcome;
        bail!("the server is not right: {lost} lost, {doubled} doubled, {wrong} wrong");
    }
    Ok(())
}

fn plan(load: &Load, address: std::net::SocketAddr) -> Result<Plan> {
    let scenario = match load.scenario {
        Kind::Mount => Scenario::Mount,
        Kind::Actions => Scenario::Actions,
        Kind::Rate => Scenario::Rate,
        Kind::Idle => Scenario::Idle,
        Kind::Churn => Scenario::Churn,
        Kind::Room => Scenario::Room,
        Kind::Shared => Scenario::Shared,
        Kind::Slow => Scenario::Slow,
        Kind::Storm => Scenario::Storm,
        Kind::Uploads => Scenario::Uploads,
        Kind::BigState => Scenario::BigState,
    };
    let is_calling = matches!(
        scenario,
        Scenario::Actions
            | Scenario::Rate
            | Scenario::Shared
            | Scenario::Slow
            | Scenario::Storm
            | Scenario::BigState
    );
    ensure!(!is_calling || !load.action.is_empty(), "which action? Say --action, such as --action increment");
    ensure!(
        scenario != Scenario::Room || !load.tell.is_empty(),
        "how is something said? Say --tell, such as --tell shout"
    );
    for name in [&load.component, &load.action, &load.tell] {
        ensure!(name.chars().all(|sign| sign.is_alphanumeric() || sign == '_'), "{name:?} is no name");
    }
    if let Some(pid) = load.server_pid {
        load::resident(pid).with_context(|| format!("{pid} is no program whose memory can be read here"))?;
    }
    let mut plan = Plan::new(scenario, address);
    plan.connections = load.connections;
    // A file goes a chunk at a time.
    plan.in_flight = if scenario == Scenario::Uploads { 1 } else { load.in_flight };
    plan.components = load.components;
    plan.rate = load.rate;
    plan.slow = load.slow;
    plan.length = Duration::from_secs_f64(load.seconds);
    plan.warm_up = Duration::from_secs_f64(load.warm_up);
    plan.is_counted = load.counts.is_some() && scenario != Scenario::Uploads;
    plan.server = load.server_pid;
    if load.snapshots {
        plan.mounting =
            "a server signs snapshots for its clients only if it was given a key that another would know";
    }
    Ok(plan)
}

fn table(outcome: &Outcome, is_counted: bool) -> String {
    let Outcome { scenario, connections, in_flight, components, .. } = outcome;
    let mut text = String::new();
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<14}{value}");
    };
    row(
        "load",
        format!("{scenario}: {connections} connections, {in_flight} in flight, {components} components each"),
    );
    row("done", format!("{} in {:.2} s", whole(outcome.operations as f64), outcome.seconds));
    if outcome.per_second > 0.0 {
        row("throughput", format!("{} a second", whole(outcome.per_second)));
    }
    let latency = |latency: Latency| {
        let Latency { p50, p90, p99, p999, max } = latency;
        let [p50, p90, p99, p999, max] = [p50, p90, p99, p999, max].map(time);
        format!("p50 {p50}   p90 {p90}   p99 {p99}   p99.9 {p999}   max {max}")
    };
    if let Some(corrected) = outcome.latency_corrected_us {
        row("from due", latency(corrected));
    }
    if let Some(plain) = outcome.latency_us {
        row("from sent", latency(plain));
    }
    row("bytes", format!("{} out, {} in", bytes(outcome.bytes_out as f64), bytes(outcome.bytes_in as f64)));
    if let Some(cpu) = outcome.server_cpu_us {
        row("server", format!("{cpu:.2} µs of processor time each"));
    }
    if let Some((before, after)) = outcome.rss_before.zip(outcome.rss_after) {
        let each = outcome.rss_each.map(|each| format!(", {} each", bytes(each))).unwrap_or_default();
        let left = outcome.rss_left.map(|left| format!("; {} when all was closed", bytes(left as f64)));
        let (before, after) = (bytes(before as f64), bytes(after as f64));
        row("memory", format!("{before} before, {after} after{each}{}", left.unwrap_or_default()));
    }
    if let Some(busy) = outcome.generator_busy {
        row("generator", format!("{:.0} % of a core", busy * 100.0));
    }
    let Outcome { lost, doubled, wrong, .. } = outcome;
    let what = if is_counted { "answers and counts" } else { "answers; the counts too, with --counts" };
    row("verified", format!("{what}: {lost} lost, {doubled} doubled, {wrong} wrong"));
    for note in &outcome.notes {
        row("note", note.clone());
    }
    text
}

/// With a space between thousands.
fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn time(us: f64) -> String {
    match us {
        0.0..1_000.0 => format!("{us:.0} µs"),
        1_000.0..1e6 => format!("{:.2} ms", us / 1e3),
        _ => format!("{:.2} s", us / 1e6),
    }
}

fn bytes(many: f64) -> String {
    match many.abs() {
        0.0..1_024.0 => format!("{many:.0} B"),
        1_024.0..1_048_576.0 => format!("{:.1} KiB", many / 1_024.0),
        _ => format!("{:.1} MiB", many / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_to_be_read() {
        assert_eq!(["0", "999", "1 000", "-123 456"], [0.0, 999.0, 1e3, -123_456.0].map(whole));
        assert_eq!(["12 µs", "1.50 ms", "2.00 s"], [12.0, 1_500.0, 2e6].map(time));
        assert_eq!(["-5 B", "1.5 KiB", "2.0 MiB"], [-5.0, 1_536.0, 2_097_152.0].map(bytes));
    }

    #[test]
    fn the_table_says_whether_it_is_right() {
        let outcome = Outcome { scenario: "actions".into(), lost: 2, ..Outcome::default() };
        assert!(table(&outcome, true).contains("2 lost, 0 doubled, 0 wrong"));
    }
}
