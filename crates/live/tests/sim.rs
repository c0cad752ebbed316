#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]
mod ledger;
use fluxstack_live::testing::sim::*;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn first() {
    let sim = ledger::sim(1);
    let tab = sim.tab();
    let handle = tab.mount("Ledger", "l", json!({}));
    sim.settle().await;
    let call = tab.call(handle, "enter", json!({ "entry": "a" }));
    sim.settle().await;
    println!("{:?}", tab.answer(call));
    sim.kill();
    tab.call(handle, "enter", json!({ "entry": "b" }));
    sim.settle().await;
    sim.assert_converged().await;
    println!("{}", sim.trace().join("\n"));
    println!("{}", sim.report());
}

#[test]
fn many() {
    let n: u64 = std::env::var("N").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let s: u64 = std::env::var("S").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let begun = std::time::Instant::now();
    let report = explore(n, s, async |seed| {
        let begun = std::time::Instant::now();
        let report = ledger::flawless(seed).await;
        if begun.elapsed().as_millis() > 30 { println!("{seed} {:?}", begun.elapsed()); }
        report
    });
    println!("{report}\n{:?}", begun.elapsed());
}

#[test]
fn the_same_seed_leaves_the_same_trace() {
    let trace = |seed| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { ledger::schedule(seed).await.0.trace() })
    };
    for seed in 1..=100 {
        let (one, other) = (trace(seed), trace(seed));
        if let Some(at) = (0..one.len().max(other.len())).find(|at| one.get(*at) != other.get(*at)) {
            panic!("seed {seed} parts at line {at}:\n{:#?}\n{:#?}", &one[at.saturating_sub(20)..=at], other.get(at));
        }
    }
}
