//! How many bytes a second the server takes, beside servers that do less with them.
//!
//! All take turns in the same minutes, with the same frames of the same client, which has made the bytes beforehand
//! and writes them from where they lie. What the client itself costs is said, because on two cores it takes part of
//! them from the server.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Scale;
use super::content::{Content, hex};
use super::line::Line;
use super::page::Page;
use super::sender::Sender;
use super::window::{LARGEST, STEP};
use crate::child::{Child, time_of};
use crate::report::Report;
use crate::serve::Role;

/// What the live server should reach of a server that only counts.
const AIM: f64 = 0.8;
/// Bytes that are made beforehand, and sent over and over.
const BLOCK: u64 = 64 << 20;
/// Chunks of these sizes: what a client comes to on a fast line, and what it begins with.
const CHUNKS: [u64; 2] = [LARGEST, 64 << 10];

/// Whom the bytes go to, and what it does with them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Live,
    Sink,
    Pour,
    File,
    Hash,
}

const ALL: [(To, &str); 5] = [
    (To::Live, "live"),
    (To::Sink, "counts and answers"),
    (To::Pour, "counts, nothing is answered or waited for"),
    (To::File, "writes to a file and answers"),
    (To::Hash, "writes, hashes and answers"),
];

/// What was seen of one of them.
#[derive(Default)]
struct Seen {
    /// Bytes a second.
    rates: Vec<f64>,
    bytes: u64,
    worked: Duration,
    ours: Duration,
    /// What the end of a file takes: the digest is compared, the disk is synced, the author is called.
    ends: Vec<f64>,
}

/// The file: one block, so many times.
struct Bytes {
    block: Vec<u8>,
    size: u64,
    digest: String,
}

pub(crate) async fn throughput(scale: &Scale, report: &mut Report) -> Result<()> {
    let (blocks, rounds) = if scale.is_quick { (1, 1) } else { (4, 5) };
    let bytes = Bytes::new(scale.seed, blocks);
    let folder = scale.fresh("throughput")?;
    let live = Child::in_folder(Role::Intake, scale.core, &folder)?;
    let sink = Child::in_folder(Role::Sink, scale.core, &folder)?;
    for chunk in CHUNKS {
        let mut seen = ALL.map(|_| Seen::default());
        // Once for nothing, so that what is made once is made.
        for round in 0..=rounds {
            for ((to, name), seen) in ALL.iter().zip(&mut seen) {
                let server = if *to == To::Live { &live } else { &sink };
                let name = format!("f-{chunk}-{round}-{}", name.len());
                let mut now = Seen::default();
                let (worked, ours) = (server.worked()?, time_of(std::process::id())?);
                turn(*to, server.address, &name, chunk, &bytes, &mut now).await?;
                if round > 0 {
                    seen.rates.extend(now.rates);
                    seen.ends.extend(now.ends);
                    seen.bytes += bytes.size;
                    seen.worked += server.worked()? - worked;
                    seen.ours += time_of(std::process::id())? - ours;
                }
            }
        }
        tell(chunk, &seen, report)?;
    }
    drop((live, sink));
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

fn tell(chunk: u64, all: &[Seen], report: &mut Report) -> Result<()> {
    let frame = (chunk / 4).max(STEP) >> 10;
    let case = format!("throughput, chunks of {} KiB in frames of {frame}", chunk >> 10);
    let (live, sink) = (&all[0], &all[1]);
    for ((_, name), seen) in ALL.iter().zip(all) {
        let (least, middle, most) = spread(&seen.rates)?;
        report.add(format!("{case}: MB/s, {name} ({least:.0} to {most:.0})"), middle);
        report.add(format!("{case}: server µs for a MB, {name}"), each(seen.worked, seen.bytes));
        report.add(format!("{case}: client µs for a MB, {name}"), each(seen.ours, seen.bytes));
    }
    let ratios: Vec<f64> = live.rates.iter().zip(&sink.rates).map(|(live, sink)| live / sink).collect();
    let (least, middle, most) = spread(&ratios)?;
    report
        .add(format!("{case}: live of what only counts and answers ({least:.2} to {most:.2})"), middle)
        .aim(format!("at least {AIM}"), middle >= AIM);
    for (other, (_, name)) in all.iter().zip(ALL).skip(2) {
        let ratios: Vec<f64> =
            live.rates.iter().zip(&other.rates).map(|(live, other)| live / other).collect();
        let (least, middle, most) = spread(&ratios)?;
        report.add(format!("{case}: live of what {name} ({least:.2} to {most:.2})"), middle);
    }
    let (_, middle, most) = spread(&live.ends)?;
    report.add(format!("{case}: ms from the last byte to the end of the file (at most {most:.0})"), middle);
    Ok(())
}

/// Sends the file once.
async fn turn(
    to: To,
    address: SocketAddr,
    name: &str,
    chunk: u64,
    bytes: &Bytes,
    seen: &mut Seen,
) -> Result<()> {
    if to == To::Live {
        let mut page = Page::open(address, name).await?;
        let mut sender = Sender::new(&page.id, name, bytes.size).fixed(chunk);
        let reply = page.ask(sender.start(false)).await?;
        sender.started(&reply)?;
        let begun = Instant::now();
        bytes.send(&mut page.line, &mut sender, |sender, answer| sender.hear(answer)).await?;
        seen.rates.push(bytes.size as f64 / begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        let reply = page.ask(sender.complete(&bytes.digest)).await?;
        ensure!(reply["success"] == true, "not completed: {reply}");
        seen.ends.push(begun.elapsed().as_secs_f64() * 1e3);
        page.call("forget").await?;
        return Ok(());
    }
    let path = match to {
        To::Pour => "/pour",
        To::File => "/file",
        To::Hash => "/hash",
        To::Live | To::Sink => "/sink",
    };
    let mut line = Line::open(address, path).await?;
    let mut sender = Sender::new("live-00000000-0000-4000-8000-000000000000", name, bytes.size);
    sender = sender.fixed(chunk);
    let begun = Instant::now();
    if to == To::Pour {
        bytes.pour(&mut line, &mut sender).await?;
    } else {
        let take = |sender: &mut Sender, answer: &Value| {
            sender.advance(answer["bytesUploaded"].as_u64().unwrap_or_default())
        };
        bytes.send(&mut line, &mut sender, take).await?;
    }
    seen.rates.push(bytes.size as f64 / begun.elapsed().as_secs_f64());
    line.send_text("how much").await?;
    let said: Value = serde_json::from_str(&line.next().await?)?;
    ensure!(said["bytesUploaded"] == json!(bytes.size), "of {} bytes {said} were taken", bytes.size);
    Ok(())
}

impl Bytes {
    fn new(seed: u64, blocks: u64) -> Self {
        let mut block = vec![0; BLOCK as usize];
        Content { seed, size: BLOCK }.read(0, &mut block);
        let mut digest = Sha256::new();
        (0..blocks).for_each(|_| digest.update(&block));
        Self { size: BLOCK * blocks, digest: hex(&digest.finalize()), block }
    }

    fn part(&self, offset: u64, length: usize) -> &[u8] {
        let from = (offset % BLOCK) as usize;
        &self.block[from..from + length]
    }

    async fn send(
        &self,
        line: &mut Line,
        sender: &mut Sender,
        mut hear: impl FnMut(&mut Sender, &Value) -> Result<bool>,
    ) -> Result<()> {
        while !sender.is_over() {
            while let Some(length) = sender.next() {
                let bytes = self.part(sender.sent, length);
                line.send_binary(sender.front(length), bytes).await?;
            }
            let answer = serde_json::from_str(&line.next().await?)?;
            hear(sender, &answer)?;
        }
        Ok(())
    }

    /// Sends all of it in the same frames, without waiting for anything but the last.
    async fn pour(&self, line: &mut Line, sender: &mut Sender) -> Result<()> {
        while sender.sent < self.size {
            let Some(length) = sender.next() else {
                let sent = sender.sent;
                sender.answered = sent;
                continue;
            };
            let bytes = self.part(sender.sent, length);
            line.send_binary(sender.front(length), bytes).await?;
        }
        line.send_text("how much").await?;
        line.next().await.map(drop)
    }
}

/// Microseconds for a megabyte.
fn each(time: Duration, bytes: u64) -> f64 {
    time.as_secs_f64() * 1e12 / bytes as f64
}

/// The least, the middle one and the most; of rates in megabytes if they are large.
fn spread(values: &[f64]) -> Result<(f64, f64, f64)> {
    ensure!(!values.is_empty(), "nothing was measured");
    let mut values: Vec<f64> =
        values.iter().map(|value| if *value > 1e6 { value / 1e6 } else { *value }).collect();
    values.sort_unstable_by(f64::total_cmp);
    Ok((values[0], values[values.len() / 2], values[values.len() - 1]))
}
