//! What one action costs, in things that repeat: allocations, allocated bytes, bytes on the wire.
//!
//! `cargo xtask costs` compares what this prints with `costs.snap`. One thread, no socket: the whole path from
//! a text frame in to text frames out. Every figure is the mean over [`ROUNDS`] after a warm-up of as many.
//!
//! The same program counts for itself only what can be counted from inside. For the rest it does as it is told
//! and somebody else counts: `--instructions CASE --rounds N` does one thing N times, for callgrind
//! ([`instructions`]), and `--serve` answers on a socket, for strace ([`serve`]). It is one program so that what
//! takes longest, to link it as a release is, is done once.

#![allow(missing_docs, unreachable_pub, reason = "a program, not a library")]

use bytes::Bytes;
use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Client, Harness};
use serde_json::{Value, json};

#[path = "costs/components.rs"]
mod components;
#[path = "costs/instructions.rs"]
mod instructions;
#[path = "costs/serve.rs"]
mod serve;

use components::{Large, Small, Together};

const ROUNDS: u64 = 1_024;
/// The same where each is told to a thousand.
const TELLINGS: u64 = 64;

/// What happened in one case.
struct Cost {
    allocations: u64,
    bytes: u64,
    frame: usize,
    payload: usize,
}

async fn connect<C: Component>() -> Client {
    let live =
        Live::builder().component::<C>().limits(|limits| limits.rate = 0).build().expect("one component");
    Harness::new(live).connect().await
}

fn frame(id: &str, action: &str, args: &Value) -> Bytes {
    let message = json!({ "type": "CALL_ACTION", "componentId": id, "action": action, "payload": args, "requestId": "123" });
    message.to_string().into()
}

fn measure<C: Component>(action: &str, args: Value) -> Cost {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let (mut client, frame) = runtime.block_on(async {
        let mut client = connect::<C>().await;
        let id = client.mount(C::NAME, json!({})).await.expect("mounts");
        let frame = frame(&id, action, &args);
        (client, frame)
    });
    let mut last = Bytes::new();
    let mut round = |client: &mut Client| {
        runtime.block_on(async {
            client.send_bytes(frame.clone()).await;
            loop {
                last = client.next_bytes().await.expect("the server answers");
                if memchr(&last, b"ACTION_RESPONSE") {
                    break;
                }
            }
        });
    };
    (0..ROUNDS).for_each(|_| round(&mut client));
    let counted = allocation_counter::measure(|| (0..ROUNDS).for_each(|_| round(&mut client)));
    let payload = serde_json::from_slice::<Value>(&last).ok().map_or(0, |message| {
        let messages = message.as_array().cloned().unwrap_or_else(|| vec![message]);
        let delta = messages.into_iter().find(|message| message["type"] == "STATE_DELTA");
        delta.map_or(0, |delta| delta["payload"].to_string().len())
    });
    // The client's own share: one frame taken out of a channel, nothing allocated.
    Cost {
        allocations: counted.count_total / ROUNDS,
        bytes: counted.bytes_total / ROUNDS,
        frame: last.len(),
        payload,
    }
}

/// What it took to tell so many of one change.
struct Told {
    allocations: u64,
    bytes: u64,
    /// How often the change was written. Who is told of it by the same bytes as somebody else cost nothing.
    encodings: usize,
}

/// The caller is not counted as told: it gets its reply in the same frame.
fn tell(members: usize) -> Told {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let (mut caller, mut others, frame) = runtime.block_on(async {
        let live = Live::builder().component::<Together>().limits(Limits::unlimited).build();
        let harness = Harness::new(live.expect("one component"));
        let mut clients = Vec::new();
        let mut frame = Bytes::new();
        for _ in 0..=members {
            let mut client = harness.connect().await;
            let id = client.mount(Together::NAME, json!({})).await.expect("mounts");
            frame = self::frame(&id, "act", &json!({ "by": 1 }));
            clients.push(client);
        }
        (clients.remove(0), clients, frame)
    });
    let mut written = std::collections::BTreeSet::new();
    let mut round = || {
        written.clear();
        runtime.block_on(async {
            caller.send_bytes(frame.clone()).await;
            caller.next_bytes().await.expect("the server answers");
            for other in &mut others {
                written.insert(other.next_bytes().await.expect("everybody is told").as_ptr() as usize);
            }
        });
    };
    (0..TELLINGS).for_each(|_| round());
    let counted = allocation_counter::measure(|| (0..TELLINGS).for_each(|_| round()));
    Told {
        allocations: counted.count_total / TELLINGS,
        bytes: counted.bytes_total / TELLINGS,
        encodings: written.len(),
    }
}

fn report_told(members: usize) {
    let Told { allocations, bytes, encodings } = tell(members);
    println!("tell_{members}_of_one_change allocations={allocations} bytes={bytes} encodings={encodings}");
}

fn memchr(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn report(name: &str, cost: &Cost) {
    let Cost { allocations, bytes, frame, payload } = cost;
    println!("{name} allocations={allocations} bytes={bytes} frame={frame} payload={payload}");
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--cases"] => instructions::list(),
        ["--instructions", case, "--rounds", rounds] => {
            instructions::run(case, rounds.parse().expect("--rounds wants a number"));
        }
        ["--serve"] => serve::serve(),
        // Cargo says this to every benchmark.
        [] | ["--bench"] => allocations(),
        _ => panic!("{words:?}? there are --cases, --instructions CASE --rounds N, and --serve"),
    }
}

fn allocations() {
    report("small_state_one_number", &measure::<Small>("act", json!({ "by": 1 })));
    report("small_state_no_change", &measure::<Small>("nothing", json!({})));
    report("35_kb_state_one_number", &measure::<Large>("act", json!({ "by": 1 })));
    report("35_kb_state_push", &measure::<Large>("push", json!({ "text": "one more row" })));
    report("35_kb_state_change_row", &measure::<Large>("change", json!({ "at": 200 })));
    // What each of them adds is the difference between these, and hardly anything.
    [1, 500, 1_000].into_iter().for_each(report_told);
}
