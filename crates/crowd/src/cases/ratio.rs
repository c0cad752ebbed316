//! How many calls a server answers whose clients each have an instance, and how many if they share one.

use std::time::Instant;

use anyhow::Result;

use super::{Scale, judge, median};
use crate::crowd::{Coming, Crowd};
use crate::report::Report;
use crate::serve::Role;

/// How much slower the shared one may be.
const AIM: f64 = 5.0;

pub(crate) async fn ratio(scale: &Scale, report: &mut Report) -> Result<()> {
    let (mut apart, mut together) = (Vec::new(), Vec::new());
    for _ in 0..scale.rounds {
        apart.push(round(scale, true, report).await?);
        together.push(round(scale, false, report).await?);
    }
    let (apart, together) = (median(apart)?, median(together)?);
    report.add("ratio: calls a second, an instance each", apart);
    report.add("ratio: calls a second, one instance", together);
    report
        .add("ratio: how much faster apart", apart / together)
        .aim(format!("below {AIM}"), apart / together < AIM);
    Ok(())
}

/// Calls a second.
async fn round(scale: &Scale, is_private: bool, report: &mut Report) -> Result<f64> {
    let server = scale.start(Role::Live)?;
    let coming = Coming { is_private, ..scale.coming("a line") };
    let crowd = Crowd::mount(server.address, &coming, false).await?;
    let begun = Instant::now();
    let answered = crowd.chatter(scale.round).await?;
    let took = begun.elapsed();
    let mut failed = crowd.settle().await.err();
    if failed.is_none() && !is_private {
        failed = crowd.compare().await.err();
    }
    let case = if is_private { "ratio, apart" } else { "ratio, together" };
    judge(case, &crowd, report);
    if let Some(failed) = failed {
        report.wrong.push(format!("{case}: {failed:#}"));
    }
    Ok(answered as f64 / took.as_secs_f64())
}
