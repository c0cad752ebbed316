//! What actions take while a file is sent: on the connection it is sent on, and on another one.
//!
//! They are made at a fixed rate, and each counts from the moment it was due, whether or not the client had got to
//! it by then. Rounds without a file and with one take turns. Once nothing that an action does has to be on the disk
//! before its answer, and once everything: then they wait for the same disk as the file.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::Scale;
use super::content::Content;
use super::page::Page;
use super::sender::Sender;
use crate::cases::milliseconds;
use crate::child::Child;
use crate::report::Report;
use crate::serve::Role;
use crate::times::Times;

/// Actions a second on each connection.
const RATE: u32 = 200;
/// How much slower a hundredth of them may become.
const AIM: f64 = 2.0;
/// More than can be sent in a round.
const SIZE: u64 = 32 << 30;
/// Bytes that are made beforehand, and sent over and over. Nobody compares this file.
const BLOCK: u64 = 16 << 20;

/// A connection that acts.
struct Actor {
    page: Page,
    times: Times,
    /// Actions without an answer: which request, and when it was due.
    waiting: VecDeque<(u64, Instant)>,
}

pub(crate) async fn actions(scale: &Scale, report: &mut Report) -> Result<()> {
    measure(scale, Role::IntakeInMemory, "", report).await?;
    measure(scale, Role::Intake, ", each synced", report).await
}

async fn measure(scale: &Scale, role: Role, how: &str, report: &mut Report) -> Result<()> {
    let (length, rounds) = if scale.is_quick { (1, 1) } else { (6, 5) };
    let length = Duration::from_secs(length);
    let mut block = vec![0; BLOCK as usize];
    Content { seed: scale.seed, size: BLOCK }.read(0, &mut block);
    let folder = scale.fresh("actions")?;
    let server = Child::in_folder(role, scale.core, &folder)?;
    let mut same = Actor::new(Page::open(server.address, "same").await?);
    let mut other = Actor::new(Page::open(server.address, "other").await?);
    // By connection: without, and with.
    let mut times = [[Times::default(), Times::default()], [Times::default(), Times::default()]];
    let (mut rates, mut chunks) = (Vec::new(), Vec::new());
    // Once for nothing, so that what is made once is made.
    for round in 0..=rounds {
        for with in [false, true] {
            let mut sender = if with { Some(begin(&mut same.page, round).await?) } else { None };
            let begun = Instant::now();
            tokio::try_join!(same.act(length, sender.as_mut(), &block), other.act(length, None, &block))?;
            if let Some(sender) = &sender {
                rates.push(sender.answered as f64 / 1e6 / begun.elapsed().as_secs_f64());
                chunks.push(sender.chunk as f64 / 1024.0);
                same.end(sender).await?;
            }
            for (actor, times) in [&mut same, &mut other].into_iter().zip(&mut times) {
                let seen = std::mem::take(&mut actor.times);
                if round > 0 {
                    times[usize::from(with)].merge(&seen);
                }
            }
        }
    }
    for (name, [without, with]) in ["the same connection", "another connection"].iter().zip(&times) {
        let case = format!("actions{how}, {name}");
        report
            .add(format!("{case}: made with a file under way, beside without"), with.count as f64)
            .beside(without.count as f64);
        for (rank, word) in [(50, "p50"), (99, "p99")] {
            let (without, with) =
                (milliseconds(without.percentile(rank)), milliseconds(with.percentile(rank)));
            let figure =
                report.add(format!("{case}: {word} with a file under way, ms, beside without"), with);
            figure.beside(without);
            if rank == 99 {
                figure.aim(format!("at most {AIM} times"), with <= without * AIM);
            }
        }
        report
            .add(
                format!("{case}: the longest with a file under way, ms, beside without"),
                milliseconds(with.max),
            )
            .beside(milliseconds(without.max));
    }
    report.add(format!("actions{how}: MB/s of the file meanwhile"), super::median(&mut rates[1..])?);
    report.add(format!("actions{how}: KiB of a chunk meanwhile"), super::median(&mut chunks[1..])?);
    drop(server);
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

async fn begin(page: &mut Page, round: usize) -> Result<Sender> {
    let mut sender = Sender::new(&page.id, &format!("round-{round}"), SIZE).beside_actions();
    let reply = page.ask(sender.start(false)).await?;
    sender.started(&reply)?;
    Ok(sender)
}

impl Actor {
    fn new(page: Page) -> Self {
        Self { page, times: Times::default(), waiting: VecDeque::new() }
    }

    /// Makes actions for so long, and sends a file beside if there is one.
    async fn act(&mut self, length: Duration, mut sender: Option<&mut Sender>, block: &[u8]) -> Result<()> {
        let begun = Instant::now();
        let all = (RATE as f64 * length.as_secs_f64()) as u32;
        let due = |number: u32| begun + Duration::from_secs(1) * number / RATE;
        let clock = Clock::start(begun, all);
        let mut number = 0;
        while number < all || !self.waiting.is_empty() {
            while number < all && due(number) <= Instant::now() {
                self.call(due(number)).await?;
                number += 1;
            }
            let frame = sender.as_ref().filter(|_| number < all).and_then(|sender| sender.next());
            tokio::select! {
                biased;
                () = clock.ticked.notified(), if number < all => {}
                text = self.page.line.wait() => self.hear(&text?, sender.as_deref_mut())?,
                () = std::future::ready(()), if frame.is_some() => {
                    let (Some(sender), Some(length)) = (sender.as_deref_mut(), frame) else { continue };
                    let from = (sender.sent % BLOCK).min(BLOCK - length as u64) as usize;
                    let bytes = &block[from..from + length];
                    self.page.line.send_binary(sender.front(length), bytes).await?;
                }
            }
        }
        Ok(())
    }

    async fn call(&mut self, due: Instant) -> Result<()> {
        let number = self.page.number();
        let mut call = self.page.call_frame("touch");
        call["requestId"] = json!(number);
        self.waiting.push_back((number, due));
        self.page.line.send_text(&call.to_string()).await
    }

    fn hear(&mut self, text: &str, sender: Option<&mut Sender>) -> Result<()> {
        let message: Value = serde_json::from_str(text)?;
        match message["type"].as_str() {
            Some("ACTION_RESPONSE") => {
                let (number, due) = self.waiting.pop_front().context("an answer nobody waits for")?;
                ensure!(message["requestId"] == number && message["success"] == true, "{message}");
                self.times.add(due.elapsed());
                Ok(())
            }
            _ => sender.map_or(Ok(()), |sender| sender.hear(&message).map(drop)),
        }
    }

    /// Hears the last answers, and gives the file up.
    async fn end(&mut self, sender: &Sender) -> Result<()> {
        let reply = self.page.ask(sender.cancel()).await?;
        ensure!(reply["success"] == true, "not cancelled: {reply}");
        Ok(())
    }
}

/// Says when an action is due, more precisely than a runtime's timers, which count milliseconds.
struct Clock {
    ticked: Arc<Notify>,
    is_over: Arc<AtomicBool>,
}

impl Clock {
    fn start(begun: Instant, ticks: u32) -> Self {
        let (ticked, is_over) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let clock = Self { ticked: Arc::clone(&ticked), is_over: Arc::clone(&is_over) };
        std::thread::spawn(move || {
            for number in 0..ticks {
                let due = begun + Duration::from_secs(1) * number / RATE;
                pause(due.saturating_duration_since(Instant::now()));
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                ticked.notify_one();
            }
        });
        clock
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "this thread is nobody's runtime")]
fn pause(how_long: Duration) {
    std::thread::sleep(how_long);
}
