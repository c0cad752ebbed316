//! Connections that do not stay: each opens, mounts one component, says goodbye, and another one comes in its place.
//!
//! What a server keeps of those that are gone shows as memory that grows, so the two halves of the window are looked at
//! apart: in the first the server may still be getting its memory together, in the second it must not grow.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::load::account::Times;
use crate::load::crew::{Crew, open};
use crate::load::frame::{Frame, read_frame};
use crate::load::out::Out;
use crate::load::outcome::Outcome;
use crate::load::plan::Plan;
use crate::load::server::resident;
use crate::load::speech::{News, Speech};

use super::idle::at_rest;

/// Bytes read at once.
const BUFFER: usize = 64 << 10;

/// What all cycles have in one place.
struct Mill<S, F> {
    plan: Plan,
    speech: F,
    crew: Crew<S>,
    buffer: RefCell<Box<[u8]>>,
    is_over: Cell<bool>,
    begun: Cell<usize>,
}

/// An operation is a cycle; its time is that of the whole cycle. `rss_each` is by how much memory grew in the second half
/// of the window, for each cycle of that half.
pub(super) async fn churn<S: Speech + 'static>(plan: &Plan, speech: impl Fn(usize) -> S) -> Result<Outcome> {
    let mill = Mill {
        plan: plan.clone(),
        speech,
        crew: Crew::new(),
        buffer: RefCell::new(vec![0; BUFFER].into()),
        is_over: Cell::new(false),
        begun: Cell::new(0),
    };
    let mill = Rc::new(mill);
    let crew = &mill.crew;
    let cycles = futures_util::future::try_join_all((0..plan.connections).map(|_| mill.turn()));
    let measure = async {
        crew.pass(plan.warm_up).await?;
        let opening = crew.begin_window(plan);
        crew.pass(plan.length / 2).await?;
        let half = (plan.server.and_then(resident), crew.tally(|tally| tally.operations()));
        crew.pass(plan.length / 2).await?;
        let window = crew.end_window(plan, &opening);
        mill.is_over.set(true);
        Ok::<_, anyhow::Error>((half, window))
    };
    let (_, ((half, half_done), window)) = futures_util::future::try_join(cycles, measure).await?;
    let mut outcome = crew.outcome(plan, &window);
    let second = outcome.operations - half_done;
    outcome.rss_each = half
        .zip(outcome.rss_after)
        .filter(|_| second > 0)
        .map(|(half, after)| (after as f64 - half as f64) / second as f64);
    outcome.rss_left = at_rest(plan).await;
    if let Some((before, (half, after))) = outcome.rss_before.zip(half.zip(outcome.rss_after)) {
        let grown = |from: u64, to: u64| (to as f64 - from as f64) / 1024.0;
        outcome.notes.push(format!(
            "memory grew by {:.0} KiB in the first half of the window, and by {:.0} KiB in the second",
            grown(before, half),
            grown(half, after)
        ));
    }
    Ok(outcome)
}

impl<S: Speech + 'static, F: Fn(usize) -> S> Mill<S, F> {
    /// One cycle after the other.
    async fn turn(&self) -> Result<()> {
        while !self.is_over.get() {
            let who = self.begun.replace(self.begun.get() + 1);
            let begun = self.crew.now();
            let cycle = timeout(self.plan.patience, self.cycle(who)).await;
            let Ok(cycle) = cycle else {
                self.crew.tally(|tally| tally.lose(1, || format!("cycle {who} did not end")));
                continue;
            };
            cycle.with_context(|| format!("cycle {who}"))?;
            let times = Times { sent: begun, due: begun };
            self.crew.tally(|tally| tally.done(times, self.crew.now()));
        }
        Ok(())
    }

    async fn cycle(&self, who: usize) -> Result<()> {
        let mut speech = (self.speech)(who);
        let stream = open(&self.plan, 0, &mut speech).await?;
        // Closed by both sides before it goes, so there is nothing for the kernel to keep the port for.
        stream.set_zero_linger()?;
        let mut out = Out::default();
        speech.begin(&mut out);
        self.write(&stream, &mut out)?;
        let (mut rest, mut news) = (Vec::new(), Vec::new());
        let mut is_leaving = false;
        loop {
            stream.readable().await?;
            let mut buffer = self.buffer.borrow_mut();
            match stream.try_read(&mut buffer) {
                Ok(0) if is_leaving => return Ok(()),
                Ok(0) => bail!("the server closed the socket"),
                Ok(read) => {
                    self.crew.tally(|tally| tally.read(read, self.crew.now()));
                    rest.extend_from_slice(&buffer[..read]);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(_) if is_leaving => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            drop(buffer);
            let mut taken = 0;
            while let Some((frame, length)) = read_frame(&rest[taken..]) {
                taken += length;
                match frame {
                    Frame::Text(_) | Frame::Binary(_) => speech.hear(frame, &mut news, &mut out)?,
                    Frame::Ping(payload) => out.pong(payload),
                    Frame::Close(_) if is_leaving => return Ok(()),
                    Frame::Close(code) => bail!("the server closed the socket ({code:?})"),
                    Frame::Other(head) => bail!("a frame nobody should send: {head:#x}"),
                }
                for news in news.drain(..) {
                    match news {
                        News::Ready => speech.mount(0, &mut out),
                        News::Mounted { .. } if is_leaving => {
                            self.crew.tally(|tally| tally.wrong(|| format!("cycle {who} was mounted twice")));
                        }
                        News::Mounted { .. } => {
                            is_leaving = true;
                            out.close();
                        }
                        News::Refused { what } => bail!("{what}"),
                        News::Wrong { what } => self.crew.tally(|tally| tally.wrong(|| what)),
                        _ => {}
                    }
                }
            }
            rest.drain(..taken);
            self.write(&stream, &mut out)?;
        }
    }

    fn write(&self, stream: &TcpStream, out: &mut Out) -> Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        let written = stream.try_write(out.bytes()).context("the server does not read")?;
        self.crew.tally(|tally| tally.wrote(written, self.crew.now()));
        out.sent(written);
        ensure!(out.is_empty(), "the server has stopped reading");
        Ok(())
    }
}
