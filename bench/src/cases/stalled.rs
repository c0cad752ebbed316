//! Somebody in the room stops reading. The others should not notice, and the server should not remember much.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use super::{Scale, judge, median, milliseconds};
use crate::child::Child;
use crate::crowd::{Coming, Crowd};
use crate::report::Report;
use crate::serve::Role;
use crate::times::Times;

/// One of so many says something once a second, so that the server is busy and not more than that.
const SPEAKING: usize = 10;
const EVERY: Duration = Duration::from_secs(1);
/// What the kernel keeps for each, on either side: little, so that the server soon notices.
const KERNEL: u32 = 16 << 10;
/// One of so many stops reading when memory is measured, so that what they cost is more than what the allocator
/// had left over.
const DEAF: usize = 5;
/// How much slower a hundredth of the deliveries may become for the others.
const SLOWER: f64 = 1.1;
/// Bytes the server may keep for one that does not read.
const MEMORY: f64 = 256.0 * 1024.0;

pub(crate) async fn stalled(scale: &Scale, report: &mut Report) -> Result<()> {
    let server = Child::start(Role::Live, scale.core, Some(KERNEL))?;
    let first = scale.clients - scale.clients.div_ceil(DEAF);
    let coming = Coming { receive_buffer: Some((first, KERNEL)), ..scale.coming(&"x".repeat(400)) };
    let crowd = Crowd::mount(server.address, &coming, false).await?;
    for who in first..scale.clients {
        crowd.be_deaf(who, false);
    }
    let speaking = (first / SPEAKING).max(1);
    let round = async || -> Result<f64> {
        crowd.record.borrow_mut().times = Times::default();
        crowd.chat(speaking, EVERY, scale.round).await?;
        let times = &crowd.record.borrow().times;
        Ok(milliseconds(times.percentile(99)))
    };
    // So much that the kernel has had its share, and all that is made once is made.
    let begin = async || crowd.chat(speaking, EVERY / 4, scale.round).await;
    begin().await?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..scale.rounds {
        without.push(round().await?);
        crowd.be_deaf(first, true);
        begin().await?;
        with.push(round().await?);
        crowd.be_deaf(first, false);
        sleep(Duration::from_millis(200)).await;
    }
    let (without, with) = (median(without)?, median(with)?);
    report
        .add("stalled: delivery p99 for the others, ms", with)
        .beside(without)
        .aim(format!("at most {SLOWER}"), with <= without * SLOWER);

    begin().await?;
    let before = settled(&server).await?;
    for who in first..scale.clients {
        crowd.be_deaf(who, true);
    }
    begin().await?;
    let while_deaf = settled(&server).await?;
    let each = (while_deaf - before) / (scale.clients - first) as f64;
    for who in first..scale.clients {
        crowd.be_deaf(who, false);
    }
    report
        .add("stalled: server memory for each that does not read, KiB", each / 1024.0)
        .aim("at most 256", each <= MEMORY);
    let compared = crowd.compare().await;
    report.add("stalled: deltas merged for those who did not read", crowd.record.borrow().merged as f64);
    judge("stalled", &crowd, report);
    if let Err(failed) = compared {
        report.wrong.push(format!("stalled: {failed:#}"));
    }
    Ok(())
}

/// Bytes in memory once all has come to rest.
async fn settled(server: &Child) -> Result<f64> {
    let begun = Instant::now();
    let mut last = server.resident()?;
    loop {
        sleep(Duration::from_millis(300)).await;
        let now = server.resident()?;
        if now == last || begun.elapsed() > Duration::from_secs(3) {
            return Ok(now as f64);
        }
        last = now;
    }
}
