//! How many calls a server answers whose clients each have an instance, and how many if they share one.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Scale, judge, median};
use crate::crowd::{Coming, Crowd};
use crate::report::Report;
use crate::serve::Role;

/// How much slower the shared one may be.
const AIM: f64 = 5.0;

/// What came of the rounds of one of them.
#[derive(Default)]
struct Seen {
    /// Calls a second.
    rates: Vec<f64>,
    calls: f64,
    worked: Duration,
}

pub(crate) async fn ratio(scale: &Scale, report: &mut Report) -> Result<()> {
    let (mut apart, mut together) = (Seen::default(), Seen::default());
    for _ in 0..scale.rounds {
        round(scale, true, &mut apart, report).await?;
        round(scale, false, &mut together, report).await?;
    }
    let each = |seen: &Seen| seen.worked.as_secs_f64() * 1e6 / seen.calls;
    report
        .add("ratio: server µs for a call, one instance, beside one each", each(&together))
        .beside(each(&apart));
    let (apart, together) = (median(apart.rates)?, median(together.rates)?);
    report.add("ratio: calls a second, one instance, beside one each", together).beside(apart);
    report
        .add("ratio: how much faster apart", apart / together)
        .aim(format!("below {AIM}"), apart / together < AIM);
    Ok(())
}

async fn round(scale: &Scale, is_private: bool, seen: &mut Seen, report: &mut Report) -> Result<()> {
    let server = scale.start(Role::Live)?;
    let coming = Coming { is_private, ..scale.coming("a line") };
    let crowd = Crowd::mount(server.address, &coming, false).await?;
    let (begun, before) = (Instant::now(), server.worked()?);
    let answered = crowd.chatter(scale.round).await? as f64;
    seen.rates.push(answered / begun.elapsed().as_secs_f64());
    seen.calls += answered;
    seen.worked += server.worked()? - before;
    let mut failed = crowd.settle().await.err();
    if failed.is_none() && !is_private {
        failed = crowd.compare().await.err();
    }
    let case = if is_private { "ratio, apart" } else { "ratio, together" };
    judge(case, &crowd, report);
    if let Some(failed) = failed {
        report.wrong.push(format!("{case}: {failed:#}"));
    }
    Ok(())
}
