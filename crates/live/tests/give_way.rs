//! What one instance does over and over takes nothing from the others.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use fluxstack_live::prelude::*;
use fluxstack_live::testing::Harness;
use serde_json::json;

/// Writes to itself, and again for each letter that comes.
#[derive(State)]
pub struct Echo {
    /// Whether it has begun.
    pub is_calling: bool,
    heard: u64,
}

/// What it writes.
#[wire]
pub enum Letter {
    /// Nothing in particular.
    Again,
}

impl Component for Echo {
    type Props = ();
    type Event = Letter;

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Echo { is_calling: false, heard: 0 })
    }

    fn on_event(&mut self, _event: Letter, _from: &Source, cx: &mut Cx<Self>) -> Result<()> {
        self.heard += 1;
        let me = cx.address();
        cx.emit_to(&me, Letter::Again);
        Ok(())
    }
}

#[actions]
impl Echo {
    /// Begins.
    pub fn call(&mut self, cx: &mut Cx<Self>) {
        self.is_calling = true;
        let me = cx.address();
        cx.emit_to(&me, Letter::Again);
    }

    /// How often it has heard itself.
    pub fn heard(&mut self) -> u64 {
        self.heard
    }
}

/// How long an answer may take. Nobody has a turn to ring on the thread that is to be kept from turning.
const PATIENCE: Duration = Duration::from_secs(60);

/// Once its task did not end its turn as long as there was mail, and this stood still, as did all else on its thread.
#[test]
fn an_instance_that_writes_to_itself_lets_others_have_their_turn() {
    let (answered, answers) = mpsc::sync_channel(2);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime of one thread").block_on(async {
            let harness = Harness::new(Live::builder().component::<Echo>().build().expect("one component"));
            let mut client = harness.connect().await;
            let id = client.mount("Echo", json!({})).await.expect("it mounts");
            client.call(&id, "call", json!({})).await.expect("it begins");
            // The answers come through tasks that have to have their turn.
            for _ in 0..2 {
                let heard = client.call(&id, "heard", json!({})).await.expect("it answers");
                answered.send(heard.as_u64()).expect("somebody waits");
            }
        });
    });
    let answer = || answers.recv_timeout(PATIENCE).expect("nobody else on the thread has had a turn");
    let (first, then) = (answer(), answer());
    assert!(then > first, "{first:?}, then {then:?}");
}
