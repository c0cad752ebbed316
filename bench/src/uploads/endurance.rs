//! One large file whose connection is cut again and again, and whose server ends once in the middle of it.
//!
//! Where it is cut, how, and whether inside a frame, is decided by dice. What the client had sent beyond what the
//! server says it has is what the cut has cost; it may be one chunk. In the end the file has to be the one that was
//! sent, byte by byte.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use super::content::{Content, Dice, hex};
use super::line::{Cut, is_gone};
use super::memory::{Seen, Watching};
use super::page::Page;
use super::sender::Sender;
use super::window::LARGEST;
use super::{MIB, Scale};
use crate::child::Child;
use crate::report::Report;
use crate::serve::Role;

/// Mebibytes the server's memory may grow by, whatever the file.
const GROWTH: f64 = 8.0;

/// How the server ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Killed,
    Deployed,
}

/// What happens when so much has been sent.
#[derive(Clone, Copy)]
enum Event {
    Cut(Cut),
    End(End),
}

/// What came of a file.
#[derive(Default)]
struct Outcome {
    /// For each time it was taken up: bytes that had to be sent again, and how many were a chunk then.
    again: Vec<(u64, u64)>,
    /// Of those, how many followed a frame that was not sent whole.
    torn: usize,
    rebuilt: usize,
    lives: Vec<Seen>,
}

pub(crate) async fn endurance(scale: &Scale, report: &mut Report) -> Result<()> {
    for (end, name) in [(End::Killed, "killed"), (End::Deployed, "deployed")] {
        let begun = Instant::now();
        let mut outcome = Outcome::default();
        let content = Content { seed: scale.seed, size: scale.size };
        let sent = send(scale, content, end, &mut outcome).await;
        let case = format!("endurance, {name}");
        if let Err(why) = sent {
            let why = why.context(format!("{case} (seed {}, log in {})", scale.seed, scale.folder.display()));
            report.wrong.push(format!("{why:#}"));
        }
        outcome.report(&case, content.size as f64 / MIB, begun.elapsed().as_secs_f64(), report);
    }
    Ok(())
}

impl Outcome {
    fn report(&self, case: &str, size: f64, took: f64, report: &mut Report) {
        report.add(format!("{case}: MiB sent"), size);
        report.add(format!("{case}: seconds it took, with everything"), took);
        report.add(format!("{case}: times it was taken up again"), self.again.len() as f64);
        report.add(format!("{case}: of them after half a frame"), self.torn as f64);
        report.add(format!("{case}: of them by a server that was started anew"), self.rebuilt as f64);
        let chunks = |(bytes, chunk): &(u64, u64)| *bytes as f64 / *chunk as f64;
        let most = self.again.iter().map(chunks).fold(0.0, f64::max);
        report
            .add(format!("{case}: sent again after one cut at most, chunks"), most)
            .aim("at most 1", most <= 1.0);
        let bytes = self.again.iter().map(|(bytes, _)| *bytes).max().unwrap_or_default();
        let is_small = bytes <= LARGEST;
        report
            .add(format!("{case}: sent again after one cut at most, KiB"), bytes as f64 / 1024.0)
            .aim("at most 1024", is_small);
        let sum: u64 = self.again.iter().map(|(bytes, _)| bytes).sum();
        report.add(format!("{case}: sent again in all, MiB"), sum as f64 / MIB);
        if most > 1.0 || !is_small {
            report.wrong.push(format!("{case}: {bytes} bytes were sent again after a cut, {most:.2} chunks"));
        }
        for (life, seen) in self.lives.iter().enumerate() {
            let life = format!("{case}: server {} of {}", life + 1, self.lives.len());
            report.add(format!("{life}: MiB of memory before"), seen.before as f64 / MIB);
            report
                .add(format!("{life}: MiB it grew by ({} looks)", seen.looks), seen.growth())
                .aim(format!("below {GROWTH}"), seen.growth() < GROWTH);
        }
    }
}

/// Sends it through everything.
async fn send(scale: &Scale, content: Content, end: End, outcome: &mut Outcome) -> Result<()> {
    let mut dice = Dice::new(scale.seed ^ end as u64);
    let mut events = events(scale, end, &mut dice);
    let folder = scale.fresh("endurance")?;
    let mut server = Child::in_folder(Role::Intake, scale.core, &folder)?;
    let mut watching = Watching::begin(server.id())?;
    let mut page = Page::open(server.address, "endurance").await?;
    let mut sender = Sender::new(&page.id, "large", content.size);
    let reply = page.ask(sender.start(false)).await?;
    sender.started(&reply)?;
    let mut bytes = vec![0; LARGEST as usize];
    let mut is_ending = false;
    while !sender.is_over() {
        let due =
            events.last().filter(|(at, _)| *at < sender.sent + sender.next().unwrap_or_default() as u64);
        let lost = match due.copied() {
            Some((_, Event::End(End::Deployed))) => {
                events.pop();
                server.ask_to_stop()?;
                is_ending = true;
                None
            }
            Some((_, event)) => {
                events.pop();
                match tear(&content, &mut page, &mut sender, &mut bytes, &mut dice).await {
                    Err(error) if is_ending && is_gone(&error) => {}
                    is_torn => outcome.torn += usize::from(is_torn?),
                }
                // Nobody can come back to a server that is about to end: it listens no more.
                Some(if is_ending { Event::End(End::Deployed) } else { event })
            }
            None => match step(&content, &mut page, &mut sender, &mut bytes).await {
                Err(error) if is_ending && is_gone(&error) => Some(Event::End(End::Deployed)),
                stepped => {
                    stepped?;
                    None
                }
            },
        };
        let cut = match lost {
            None => continue,
            Some(Event::Cut(cut)) => cut,
            Some(Event::End(end)) => {
                outcome.lives.push(watching.seen());
                match end {
                    End::Killed => server.kill()?,
                    End::Deployed => {
                        let status = server.stopped().await?;
                        ensure!(status.success(), "the server ended with {status}");
                    }
                }
                is_ending = false;
                server = Child::in_folder(Role::Intake, scale.core, &folder)?;
                watching = Watching::begin(server.id())?;
                outcome.rebuilt += 1;
                Cut::Ended
            }
        };
        page.come_back(server.address, cut).await.context("coming back")?;
        let chunk = sender.chunk;
        let reply = page.ask(sender.start(true)).await?;
        outcome.again.push((sender.started(&reply)?, chunk));
        server.lives()?;
    }
    let digest = hex(&content.digest());
    if end == End::Killed {
        // Nobody hears the answer to the end, and it is asked for again.
        page.line.send_text(&sender.complete(&digest).to_string()).await?;
        page.come_back(server.address, Cut::Ended).await.context("coming back after the end")?;
        let reply = page.ask(sender.start(true)).await?;
        ensure!(sender.started(&reply)? == 0, "what was sent whole has to be sent again: {reply}");
    }
    let mut reply = page.ask(sender.complete(&digest)).await?;
    if reply["code"] == "UPLOAD_GONE" {
        // It was done while the connection was being made; whoever asks again is told so.
        let again = page.ask(sender.start(true)).await?;
        ensure!(sender.started(&again)? == 0, "what was sent whole has to be sent again: {again}");
        reply = page.ask(sender.complete(&digest)).await?;
    }
    ensure!(reply["success"] == true && reply["hash"] == digest.as_str(), "not completed: {reply}");
    outcome.lives.push(watching.seen());
    let kept = page.call("kept").await?;
    let path = kept[0]["path"].as_str().with_context(|| format!("nothing was kept: {kept}"))?;
    ensure!(kept[0]["sha256"] == digest.as_str(), "kept was {kept}");
    ensure!(hex(&content.compare(path.as_ref())?) == digest, "the file differs");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Sends the next frame, or waits for an answer if none may be sent.
async fn step(content: &Content, page: &mut Page, sender: &mut Sender, bytes: &mut [u8]) -> Result<()> {
    let Some(length) = sender.next() else {
        let message = page.hear().await?;
        return sender.hear(&message).map(drop);
    };
    let bytes = &mut bytes[..length];
    content.read(sender.sent, bytes);
    page.line.send_binary(sender.front(length), bytes).await
}

/// Sends the last frame before a cut: whole, or as much of it as the dice say. Whether it was torn.
async fn tear(
    content: &Content,
    page: &mut Page,
    sender: &mut Sender,
    bytes: &mut [u8],
    dice: &mut Dice,
) -> Result<bool> {
    let Some(length) = sender.next() else { return Ok(false) };
    let from = sender.sent;
    let bytes = &mut bytes[..length];
    content.read(from, bytes);
    if dice.below(3) == 0 {
        page.line.send_binary(sender.front(length), bytes).await?;
        return Ok(false);
    }
    let front = sender.front(length).to_vec();
    let most = dice.below((front.len() + length) as u64);
    page.line.begin_binary(&front, bytes, most as usize).await?;
    sender.sent = from + most.saturating_sub(front.len() as u64);
    Ok(true)
}

/// What happens, the last first.
fn events(scale: &Scale, end: End, dice: &mut Dice) -> Vec<(u64, Event)> {
    let kinds = [Cut::Ended, Cut::Reset, Cut::Silent];
    let cuts: Vec<_> =
        (0..scale.cuts).map(|_| (dice.below(scale.size), Event::Cut(*dice.one(&kinds)))).collect();
    // Somewhere in the middle, so that both servers have enough to do.
    let middle = scale.size / 3 + dice.below(scale.size / 3);
    let mut events = cuts;
    events.push((middle, Event::End(end)));
    events.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    events
}
