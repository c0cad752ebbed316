//! One message to everybody, beside a server that does nothing else.
//!
//! Both are asked in bursts: one message, or several whose deliveries a server may write together. A burst is
//! over when everybody has it. Both send the same bytes: the other one is given what the live server sent.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::{Scale, judge, median};
use crate::child::Child;
use crate::crowd::Crowd;
use crate::record::Kind;
use crate::report::Report;
use crate::serve::Role;

/// Messages in a burst.
const BURSTS: [usize; 2] = [1, 16];
/// Of the deliveries a second that the other server makes, at least so many.
const AIM: f64 = 0.8;
const CASES: [(Kind, &str); 3] = [(Kind::State, "delta"), (Kind::Event, "event"), (Kind::Room, "room event")];

/// A server and its clients.
struct Side {
    server: Child,
    crowd: Crowd,
}

/// What came of the rounds of one of them.
#[derive(Default)]
struct Seen {
    /// Deliveries a second.
    rates: Vec<f64>,
    deliveries: f64,
    worked: Duration,
}

pub(crate) async fn fan_out(scale: &Scale, report: &mut Report) -> Result<()> {
    let coming = scale.coming("a line of what somebody says");
    let server = scale.start(Role::Live)?;
    let crowd = Crowd::mount(server.address, &coming, true).await?;
    let live = Side { server, crowd };
    let server = scale.start(Role::Bare)?;
    let crowd = Crowd::come(server.address, &coming).await?;
    let bare = Side { server, crowd };
    for (kind, name) in CASES {
        // Until its parts are as large as they get, and all is warm.
        for burst in [16, 16, 16, 16, 16, 1] {
            live.burst(kind, None, burst).await.with_context(|| format!("fan-out of one {name}"))?;
        }
        let text = live.crowd.record.borrow().newest(kind).context("nobody was told anything")?.to_vec();
        bare.crowd.record.borrow_mut().repeat(&text);
        report.add(format!("fan-out, {name}: bytes"), text.len() as f64);
        for burst in BURSTS {
            let (mut ours, mut theirs) = (Seen::default(), Seen::default());
            for _ in 0..scale.rounds {
                live.round(scale, kind, None, burst, &mut ours).await?;
                bare.round(scale, kind, Some(&text), burst, &mut theirs).await?;
            }
            let (rate, beside) = (median(ours.rates)?, median(theirs.rates)?);
            report
                .add(format!("fan-out, {name}, {burst} at once: deliveries a second"), rate)
                .beside(beside)
                .aim(format!("at least {AIM}"), rate >= AIM * beside);
            let each = |worked: Duration, deliveries: f64| worked.as_secs_f64() * 1e6 / deliveries;
            report
                .add(
                    format!("fan-out, {name}, {burst} at once: server µs each"),
                    each(ours.worked, ours.deliveries),
                )
                .beside(each(theirs.worked, theirs.deliveries));
        }
    }
    judge("fan-out, live", &live.crowd, report);
    judge("fan-out, bare", &bare.crowd, report);
    Ok(())
}

impl Side {
    /// Sends a burst, and waits until everybody has it.
    async fn burst(&self, kind: Kind, text: Option<&[u8]>, burst: usize) -> Result<()> {
        match text {
            Some(text) => self.crowd.tell(0, text, burst)?,
            None => self.crowd.say(0, kind, burst)?,
        }
        self.crowd.settle().await
    }

    async fn round(
        &self,
        scale: &Scale,
        kind: Kind,
        text: Option<&[u8]>,
        burst: usize,
        seen: &mut Seen,
    ) -> Result<()> {
        let (begun, before) = (Instant::now(), self.server.worked()?);
        let mut deliveries = 0;
        while begun.elapsed() < scale.round {
            self.burst(kind, text, burst).await?;
            deliveries += burst as u64 * self.crowd.len();
        }
        let deliveries = deliveries as f64;
        seen.rates.push(deliveries / begun.elapsed().as_secs_f64());
        seen.worked += self.server.worked()? - before;
        seen.deliveries += deliveries;
        Ok(())
    }
}
