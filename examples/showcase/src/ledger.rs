//! A hundred thousand rows, of which a page holds those it shows.

use std::time::Duration;

use fluxstack_live::prelude::*;

/// Rows it starts with, unless its props say otherwise.
const ROWS: u32 = 100_000;
/// Rows it may have.
const MOST: usize = 150_000;
/// How often it changes by itself, if it is to.
const TICK: Duration = Duration::from_millis(100);

/// A ledger that is read in part.
#[derive(State)]
pub struct Ledger {
    /// The entries, newest first.
    #[state(window)]
    pub rows: List<Entry>,
    /// Whether it changes by itself.
    pub ticking: bool,
    /// What has been done to it so far.
    pub changes: u32,
    #[state(keep)]
    last: u32,
    #[state(keep)]
    dice: Dice,
    timer: Option<TimerId>,
}

/// One entry.
#[wire]
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Never given twice.
    pub id: u32,
    /// What it is for.
    pub label: String,
    /// What is to be said about it, which may be nothing or a lot.
    pub note: String,
    /// In cents; what was spent is below 0.
    pub amount: i64,
}

/// What a ledger is opened with.
#[wire]
#[derive(Default)]
pub struct LedgerProps {
    /// How many rows it starts with; a hundred thousand if nothing is said.
    #[serde(default)]
    pub rows: Option<u32>,
    /// Whoever says the same name shares one ledger; without a name it is one's own.
    #[serde(default)]
    pub name: Option<String>,
}

impl Component for Ledger {
    type Props = LedgerProps;
    type Event = ();

    /// Some megabytes are not written down before every answer, but when nobody is there any more.
    const DURABILITY: Option<Durability> = Some(Durability::Resting);

    fn scope(props: &LedgerProps) -> Scope {
        props.name.as_ref().map_or(Scope::Private, |name| Scope::Shared(name.clone()))
    }

    async fn mount(props: LedgerProps, _cx: &mut Cx<Self>) -> Result<Self> {
        let last = props.rows.unwrap_or(ROWS);
        if last as usize > MOST {
            return Err(Error::invalid("rows", "there may be 150,000 rows"));
        }
        let mut dice = Dice(u64::from(last) + 1);
        let rows = (1..=last).rev().map(|id| entry(id, &mut dice)).collect();
        Ok(Ledger { rows, ticking: false, changes: 0, last, dice, timer: None })
    }

    async fn on_rehydrate(&mut self, _rehydrated: Rehydrated, cx: &mut Cx<Self>) -> Result<()> {
        // Timers are not state.
        if self.ticking { self.start(cx) } else { Ok(()) }
    }
}

#[actions]
impl Ledger {
    /// Adds an entry at the top, and answers its id.
    pub fn add(&mut self, label: String) -> Result<u32> {
        self.insert(0, label)
    }

    /// Adds an entry at a place, or at the end, and answers its id.
    pub fn insert(&mut self, at: usize, label: String) -> Result<u32> {
        let label = checked(&label)?;
        if self.rows.len() >= MOST {
            return Err(Error::new(Code::Conflict, "the ledger is full: remove something first"));
        }
        self.last += 1;
        self.changes += 1;
        let entry = Entry { label, ..entry(self.last, &mut self.dice) };
        self.rows.insert(at.min(self.rows.len()), entry);
        Ok(self.last)
    }

    /// Names an entry anew.
    pub fn rename(&mut self, id: u32, label: String) -> Result<()> {
        let (at, label) = (self.find(id)?, checked(&label)?);
        self.changes += 1;
        self.rows.update(at, |entry| entry.label = label);
        Ok(())
    }

    /// Removes an entry.
    pub fn remove(&mut self, id: u32) -> Result<()> {
        let at = self.find(id)?;
        self.changes += 1;
        self.rows.remove(at);
        Ok(())
    }

    /// Moves an entry to a place, or to the end.
    pub fn r#move(&mut self, id: u32, to: usize) -> Result<()> {
        let at = self.find(id)?;
        self.changes += 1;
        let entry = self.rows.remove(at);
        self.rows.insert(to.min(self.rows.len()), entry);
        Ok(())
    }

    /// Gives every tenth entry another amount, and answers how many there are.
    pub fn shuffle_amounts(&mut self) -> usize {
        self.changes += 1;
        let places = (0..self.rows.len()).step_by(10);
        let count = places.len();
        for at in places {
            let amount = self.dice.amount();
            self.rows.update(at, |entry| entry.amount = amount);
        }
        count
    }

    /// Has it change by itself, or no more: ten times a second an entry comes, another goes, and some change.
    pub fn tick(&mut self, on: bool, cx: &mut Cx<Self>) -> Result<()> {
        if let Some(timer) = self.timer.take() {
            cx.cancel(timer);
        }
        self.ticking = on;
        if on { self.start(cx) } else { Ok(()) }
    }
}

impl Ledger {
    fn find(&self, id: u32) -> Result<usize> {
        self.rows
            .iter()
            .position(|entry| entry.id == id)
            .ok_or_else(|| Error::not_found("that entry is gone"))
    }

    fn start(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        self.timer = Some(cx.every(TICK, |ledger: &mut Self, _| ledger.turn())?);
        Ok(())
    }

    /// What happens by itself. The top of a list is where most happens.
    fn turn(&mut self) {
        self.changes += 1;
        let len = self.rows.len();
        if len == 0 {
            return;
        }
        for _ in 0..3 {
            let (at, amount) = (self.dice.below(len), self.dice.amount());
            self.rows.update(at, |entry| entry.amount = amount);
        }
        self.rows.remove(self.dice.below(len));
        let at = self.dice.below(len.min(100));
        self.last += 1;
        let entry = entry(self.last, &mut self.dice);
        self.rows.insert(at.min(self.rows.len()), entry);
    }
}

fn checked(label: &str) -> Result<String> {
    let label = label.trim();
    if label.is_empty() {
        return Err(Error::invalid("label", "what is it for?"));
    }
    if label.chars().count() > 100 {
        return Err(Error::invalid("label", "at most 100 characters"));
    }
    Ok(label.to_owned())
}

/// An entry that is always the same for the same dice.
fn entry(id: u32, dice: &mut Dice) -> Entry {
    const WHAT: [&str; 8] =
        ["Rent", "Tea", "Train to the sea", "A bicycle", "Postage", "Wool", "Repairs to the roof", "Ink"];
    const WORDS: [&str; 8] = [
        "paid in cash",
        "as agreed",
        "for two",
        "second half follows in spring",
        "see the letter",
        "by hand",
        "not what was ordered",
        "with thanks",
    ];
    let label = format!("{} no. {id}", WHAT[dice.below(WHAT.len())]);
    // Most notes are short, some are missing, and a few are long: rows are of all heights.
    let words = dice.below(3) * dice.below(3) * (1 + dice.below(3));
    let note: Vec<&str> = (0..words).map(|_| WORDS[dice.below(WORDS.len())]).collect();
    Entry { id, label, note: note.join(", "), amount: dice.amount() }
}

/// Numbers that look like chance and are the same every time (xorshift64*, as in the literature).
#[wire]
#[derive(Clone, Copy, Debug)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next()).unwrap_or(0) % count.max(1)
    }

    fn amount(&mut self) -> i64 {
        i64::try_from(self.next() % 200_001).unwrap_or(0) - 100_000
    }
}

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::{Harness, Mounted};
    use serde_json::{Value, json};

    use super::*;

    async fn ledger() -> Mounted<Ledger> {
        let props = LedgerProps { rows: Some(100), name: None };
        Mounted::on(Live::builder(), props).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_done_to_it_is_told_by_places() {
        let mut ledger = ledger().await;
        assert_eq!(ledger.state()["rows"], json!({ "length": 100, "rev": 0, "edits": [] }));
        assert_eq!(ledger.call("add", json!({ "label": " a pen " })).await, Ok(json!(101)));
        ledger.call("insert", json!({ "at": 50, "label": "ink" })).await.unwrap();
        ledger.call("rename", json!({ "id": 101, "label": "a pencil" })).await.unwrap();
        ledger.call("move", json!({ "id": 101, "to": 9 })).await.unwrap();
        ledger.call("remove", json!({ "id": 101 })).await.unwrap();
        let edits =
            json!([[1, 0, 0, 1], [2, 50, 0, 1], [3, 0, 1, 1], [4, 0, 1, 0], [4, 9, 0, 1], [5, 9, 1, 0]]);
        assert_eq!(ledger.state()["rows"], json!({ "length": 101, "rev": 5, "edits": edits }));
        assert_eq!(
            ledger.call("rename", json!({ "id": 101, "label": "x" })).await.unwrap_err().code,
            "NOT_FOUND"
        );
        assert_eq!(ledger.call("add", json!({ "label": " " })).await.unwrap_err().code, "INVALID");
    }

    #[tokio::test(start_paused = true)]
    async fn it_changes_by_itself_if_it_is_to() {
        let mut ledger = ledger().await;
        ledger.advance(TICK * 5).await;
        assert_eq!(ledger.state()["changes"], json!(0));
        ledger.call("tick", json!({ "on": true })).await.unwrap();
        ledger.advance(TICK * 5).await;
        ledger.call("tick", json!({ "on": false })).await.unwrap();
        ledger.advance(TICK * 5).await;
        let state = ledger.state();
        assert_eq!((&state["changes"], &state["rows"]["length"]), (&json!(5), &json!(100)));
        assert_eq!(ledger.call("shuffleAmounts", json!({})).await, Ok(json!(10)));
    }

    #[tokio::test]
    async fn a_hundred_thousand_rows_are_the_same_every_time() {
        let live = Live::builder().discover().limits(|limits| limits.state = 32 << 20).build().unwrap();
        let harness = Harness::new(live);
        let mut client = harness.connect().await;
        let mut read = Vec::new();
        for _ in 0..2 {
            let id = client.mount("Ledger", json!({})).await.unwrap();
            assert_eq!(client.view(&id).unwrap()["rows"]["length"], json!(ROWS));
            let part = json!({ "from": 70_000, "count": 40 });
            let ask = json!({ "type": "LIST_READ", "componentId": id, "property": "rows", "payload": part });
            read.push(client.ask(ask).await.unwrap()["rows"].clone());
        }
        assert_eq!(read[0], read[1]);
        let notes = read[0].as_array().unwrap().iter().map(|row| row["note"].as_str().unwrap().len());
        let (short, long) = (notes.clone().min(), notes.max());
        assert!(short == Some(0) && long > Some(100), "{short:?} to {long:?}");
        assert_eq!(read[0][0]["id"], Value::from(30_000));
    }
}
