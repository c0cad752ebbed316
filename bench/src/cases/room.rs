//! Everybody in one room says something once a second, and everybody hears it.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Scale, judge, milliseconds};
use crate::crowd::Crowd;
use crate::report::Report;
use crate::serve::Role;

/// How often each says something.
const EVERY: Duration = Duration::from_secs(1);

pub(crate) async fn room(scale: &Scale, report: &mut Report) -> Result<()> {
    let server = scale.start(Role::Live)?;
    let crowd = Crowd::mount(server.address, &scale.coming("a line of what somebody says"), false).await?;
    let (begun, before) = (Instant::now(), server.worked()?);
    let chatted = crowd.chat(scale.clients, EVERY, scale.room).await;
    let (took, worked) = (begun.elapsed(), server.worked()? - before);
    let compared = match &chatted {
        Ok(_) => crowd.compare().await,
        Err(_) => Ok(()),
    };
    judge("room", &crowd, report);
    let record = crowd.record.borrow();
    let (delivered, times) = (record.delivered as f64, &record.times);
    report.add("room: calls answered", record.answered as f64);
    report.add("room: deliveries", delivered);
    report.add("room: deliveries a second", delivered / took.as_secs_f64());
    report.add("room: delivery p50, ms", milliseconds(times.percentile(50)));
    report.add("room: delivery p99, ms", milliseconds(times.percentile(99)));
    report.add("room: delivery max, ms", milliseconds(times.max));
    report.add("room: server busy, share of a core", worked.as_secs_f64() / took.as_secs_f64());
    report.add("room: server time per delivery, µs", worked.as_secs_f64() * 1e6 / delivered);
    report.add("room: deltas merged for one client", record.merged as f64);
    if let Ok(late) = &chatted {
        report.add("room: latest call behind its time, ms", milliseconds(*late));
    }
    // With what was measured until then.
    for failed in [chatted.err(), compared.err()].into_iter().flatten() {
        report.wrong.push(format!("room: {failed:#}"));
    }
    Ok(())
}
