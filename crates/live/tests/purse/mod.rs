//! What the tests of batches share: components that can be put back, and how to ask for several calls.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test file takes what it needs")]

use std::time::Duration;

use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Client, Harness};
use serde_json::{Value, json};

use crate::app;

/// What somebody has, and how they came by it.
#[derive(State)]
pub struct Purse {
    pub coins: i64,
    pub lines: List<String>,
    #[state(every_ms = 1_000)]
    pub last: String,
    #[state(keep)]
    spent: i64,
    tries: u32,
    drawer: List<String>,
}

#[wire]
pub enum PurseEvent {
    Spent { coins: i64 },
}

impl Component for Purse {
    type Props = ();
    type Event = PurseEvent;

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        let (lines, drawer) = Default::default();
        Ok(Purse { coins: 10, lines, last: String::new(), spent: 0, tries: 0, drawer })
    }
}

#[actions]
impl Purse {
    pub fn earn(&mut self, coins: i64) -> i64 {
        self.note(format!("earned {coins}"));
        self.coins += coins;
        self.coins
    }

    pub fn spend(&mut self, coins: i64, cx: &mut Cx<Self>) -> Result<i64> {
        self.note(format!("spent {coins}"));
        self.coins -= coins;
        self.spent += coins;
        cx.emit(PurseEvent::Spent { coins });
        if self.coins < 0 {
            return Err(Error::invalid("coins", "there are not as many"));
        }
        Ok(self.coins)
    }

    pub fn explode(&mut self) {
        self.note("exploded".to_owned());
        panic!("this is the test's own panic");
    }

    pub fn grow(&mut self, bytes: usize) {
        self.note("x".repeat(bytes));
    }

    pub fn put_away(&mut self) {
        self.drawer = std::mem::take(&mut self.lines);
    }

    pub fn echo(&mut self, bytes: usize) -> String {
        "x".repeat(bytes)
    }

    pub async fn slow(&mut self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.note("was slow".to_owned());
    }

    /// What no client sees: `[spent, tries]`.
    pub fn private(&mut self) -> Vec<i64> {
        vec![self.spent, self.tries.into()]
    }
}

impl Purse {
    fn note(&mut self, line: String) {
        self.tries += 1;
        self.last.clone_from(&line);
        self.lines.push(line);
    }
}

/// One for all.
#[derive(State)]
pub struct Hall {
    pub lines: List<String>,
}

impl Component for Hall {
    type Props = ();
    type Event = ();

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Hall { lines: List::default() })
    }
}

#[actions]
impl Hall {
    pub fn say(&mut self, text: String) -> usize {
        self.lines.push(text);
        self.lines.len()
    }

    pub fn refuse(&mut self) -> Result<()> {
        Err(Error::forbidden())
    }

    pub async fn later(&mut self) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub fn builder() -> fluxstack_live::Builder {
    // Nobody reads here while time passes, so nobody would answer.
    let quiet = |limits: &mut Limits| limits.ping = Duration::from_secs(3_600);
    app::live().component::<Purse>().component::<Hall>().limits(quiet)
}

pub fn harness() -> Harness {
    Harness::new(builder().build().expect("it is there"))
}

pub fn limited(change: impl FnOnce(&mut Limits)) -> Harness {
    Harness::new(builder().limits(change).build().expect("it is there"))
}

pub async fn purse(client: &mut Client) -> String {
    client.mount("Purse", json!(null)).await.expect("it is there")
}

pub fn call(id: &str, action: &str, args: Value) -> Value {
    json!({ "componentId": id, "action": action, "payload": args })
}

pub fn named(name: &str, mut call: Value) -> Value {
    call["callId"] = json!(name);
    call
}

pub fn earn(id: &str, coins: i64) -> Value {
    call(id, "earn", json!({ "coins": coins }))
}

pub fn spend(id: &str, coins: i64) -> Value {
    call(id, "spend", json!({ "coins": coins }))
}

pub fn say(id: &str, text: &str) -> Value {
    call(id, "say", json!({ "text": text }))
}

pub fn batch(calls: &[Value]) -> Value {
    json!({ "type": "CALL_BATCH", "payload": { "calls": calls } })
}

pub fn atomic(calls: &[Value]) -> Value {
    json!({ "type": "CALL_BATCH", "payload": { "calls": calls, "atomic": true } })
}

/// Asks for a batch, and answers with the result or the code of each of its calls.
pub async fn results(client: &mut Client, batch: Value) -> Value {
    let answer = client.request(batch).await;
    assert_eq!(
        (&answer["type"], &answer["originalType"]),
        (&json!("MESSAGE_RESPONSE"), &json!("CALL_BATCH"))
    );
    outcomes(&answer)
}

pub fn outcomes(answer: &Value) -> Value {
    let results = answer["result"]["results"].as_array().unwrap_or_else(|| panic!("{answer}"));
    results
        .iter()
        .map(|result| {
            let is_well = result["success"].as_bool().expect("it is there");
            assert_eq!(is_well, result.get("code").is_none() && result.get("error").is_none(), "{result}");
            if is_well { result["result"].clone() } else { result["code"].clone() }
        })
        .collect()
}

/// The code of a batch that was refused as a whole.
pub async fn refused(client: &mut Client, batch: Value) -> String {
    client.request(batch).await["code"].as_str().expect("it is there").to_owned()
}

pub async fn private(client: &mut Client, id: &str) -> Value {
    client.call(id, "private", json!({})).await.expect("it is there")
}

pub fn coins(client: &Client, id: &str) -> i64 {
    client.view(id).expect("it is there")["coins"].as_i64().expect("it is there")
}

pub fn lines(client: &Client, id: &str) -> Value {
    client.view(id).expect("it is there")["lines"].clone()
}
