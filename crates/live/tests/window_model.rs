//! What a list that is read in part promises: whatever is done to it, a client that holds a few rows, shifts them with
//! the edits it is told and reads what it misses shows what the server has, and never a row from before an edit.
//!
//! An instance is played here without its task: turns of random edits, some flushed, some held back, some failed.

#![expect(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may unwrap, also where it is not itself the test"
)]

use fluxstack_live::field::Part;
use fluxstack_live::prelude::*;
use fluxstack_live::protocol::delta::Writer;
use fluxstack_live::protocol::{Delta, digest};
use fluxstack_live::state::Pace;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map as Object, Value, json};

#[wire]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    amount: u8,
    label: String,
}

#[derive(State)]
pub struct Book {
    pub title: u32,
    #[state(window)]
    pub rows: List<Row>,
    #[state(window, every_ms = 60_000)]
    pub slow_rows: List<Row>,
    drawer: List<Row>,
}

impl Component for Book {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Self::default())
    }
}

#[actions]
impl Book {}

impl Default for Book {
    fn default() -> Self {
        Self { title: 0, rows: List::new(), slow_rows: List::new(), drawer: List::new() }
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Push(Vec<Row>),
    Insert(usize, Row),
    Set(usize, Row),
    Rename(usize, String),
    Remove(usize),
    Move(usize, usize),
    Truncate(usize),
    Retain(u8),
    UpdateMany(usize, u8),
    Sort,
    Assign(usize, Vec<Row>),
    ToDrawer,
    FromDrawer,
    SwapLists,
}

/// How a turn ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Flush,
    /// So soon after another that what has a pace is held back.
    Hold,
    Panic,
    TooLarge,
    Undo,
}

/// One turn, and what the client is about to show after it; it may not look after every turn.
#[derive(Clone, Debug)]
struct Turn {
    edits: Vec<(bool, Edit)>,
    end: End,
    look: Option<(usize, usize)>,
}

fn row() -> impl Strategy<Value = Row> {
    (any::<u8>(), "[a-z\"é😀]{0,6}").prop_map(|(amount, label)| Row { amount, label })
}

fn edits() -> impl Strategy<Value = Edit> {
    let at = || 0..400usize;
    prop_oneof![
        3 => vec(row(), 1..40).prop_map(Edit::Push),
        4 => (at(), row()).prop_map(|(at, row)| Edit::Insert(at, row)),
        2 => (at(), row()).prop_map(|(at, row)| Edit::Set(at, row)),
        3 => (at(), "[a-z]{0,3}").prop_map(|(at, label)| Edit::Rename(at, label)),
        4 => at().prop_map(Edit::Remove),
        3 => (at(), at()).prop_map(|(from, to)| Edit::Move(from, to)),
        1 => (50..400usize).prop_map(Edit::Truncate),
        1 => (2..9u8).prop_map(Edit::Retain),
        2 => (1..30usize, any::<u8>()).prop_map(|(every, amount)| Edit::UpdateMany(every, amount)),
        1 => Just(Edit::Sort),
        2 => (at(), vec(row(), 0..12)).prop_map(|(at, rows)| Edit::Assign(at, rows)),
        1 => Just(Edit::ToDrawer),
        1 => Just(Edit::FromDrawer),
        1 => Just(Edit::SwapLists),
    ]
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let end = prop_oneof![
        8 => Just(End::Flush),
        5 => Just(End::Hold),
        1 => Just(End::Panic),
        1 => Just(End::TooLarge),
        2 => Just(End::Undo),
    ];
    let look = prop_oneof![2 => (0..400usize, 0..60usize).prop_map(Some), 1 => Just(None)];
    let turn = (vec((any::<bool>(), edits()), 0..6), end, look);
    vec(turn.prop_map(|(edits, end, look)| Turn { edits, end, look }), 1..24)
}

fn edit(book: &mut Book, slow: bool, edit: Edit) {
    if matches!(edit, Edit::SwapLists) {
        return std::mem::swap(&mut book.rows, &mut book.slow_rows);
    }
    let list = if slow { &mut book.slow_rows } else { &mut book.rows };
    let len = list.len();
    let at = |at: usize| at % len.max(1);
    match edit {
        Edit::Push(rows) => list.extend(rows),
        Edit::Insert(at, row) => list.insert(at % (len + 1), row),
        Edit::Truncate(len) => list.truncate(len),
        Edit::Retain(every) => list.retain(|row| row.amount % every != 0),
        Edit::UpdateMany(every, amount) => {
            (0..len).step_by(every).for_each(|at| list.update(at, |row| row.amount = amount));
        }
        Edit::Sort => list.sort_by(Ord::cmp),
        Edit::Assign(keep, rows) => {
            *list = list.iter().take(keep).cloned().chain(rows).collect();
        }
        Edit::ToDrawer => book.drawer = std::mem::take(list),
        Edit::FromDrawer => std::mem::swap(list, &mut book.drawer),
        _ if len == 0 => {}
        Edit::Set(to, row) => list.set(at(to), row),
        Edit::Rename(to, label) => list.update(at(to), |row| row.label = label),
        Edit::Remove(from) => drop(list.remove(at(from))),
        Edit::Move(from, to) => {
            let row = list.remove(at(from));
            list.insert(to % len, row);
        }
        Edit::SwapLists => {}
    }
}

/// What a client holds of one list.
#[derive(Default)]
struct Held {
    rev: u64,
    from: usize,
    rows: Vec<Option<Value>>,
    /// How often all of them had to be forgotten.
    forgotten: usize,
}

impl Held {
    /// The list is this now: the rows that are held stand where the edits brought them.
    fn follow(&mut self, list: &Value) {
        let edits: Vec<[u64; 4]> = serde_json::from_value(list["edits"].clone()).unwrap();
        let rev = list["rev"].as_u64().unwrap();
        assert!(edits.len() <= 16 && edits.is_sorted_by_key(|[rev, ..]| *rev), "{list}");
        let news: Vec<_> = edits.iter().filter(|[rev, ..]| *rev > self.rev).collect();
        let explained = (self.rev + 1..=rev).all(|rev| news.iter().any(|[of, ..]| *of == rev));
        if self.rev > rev || !explained {
            self.rows.clear();
            self.forgotten += 1;
        } else {
            news.into_iter().for_each(|[_, index, removed, inserted]| {
                self.shift(*index as usize, *removed as usize, *inserted as usize);
            });
        }
        self.rev = rev;
    }

    fn shift(&mut self, index: usize, removed: usize, inserted: usize) {
        if index + removed <= self.from {
            self.from = self.from + inserted - removed;
            return;
        }
        if index >= self.from + self.rows.len() {
            return;
        }
        // What is held before the edit stays, what comes with it is not known, and what is behind it moves.
        let start = index.max(self.from) - self.from;
        let end = (index + removed - self.from).min(self.rows.len());
        let before = self.from.saturating_sub(index);
        self.rows.splice(start..end, std::iter::repeat_n(None, inserted));
        self.from -= before;
    }

    /// The rows of a place that are not held.
    fn missing(&self, place: std::ops::Range<usize>) -> Vec<usize> {
        place.filter(|at| self.row(*at).is_none()).collect()
    }

    fn row(&self, at: usize) -> Option<&Value> {
        at.checked_sub(self.from).and_then(|at| self.rows.get(at)?.as_ref())
    }

    fn show(&mut self, place: std::ops::Range<usize>, mut read: impl FnMut(usize, usize) -> Value) {
        let mut kept: Vec<Option<Value>> = place.clone().map(|at| self.row(at).cloned()).collect();
        let missing = self.missing(place.clone());
        if let (Some(first), Some(last)) = (missing.first(), missing.last()) {
            let mut at = *first;
            while at <= *last {
                let answer = read(at, last - at + 1);
                assert_eq!((&answer["from"], &answer["rev"]), (&json!(at), &json!(self.rev)));
                let rows = answer["rows"].as_array().unwrap();
                assert!(!rows.is_empty(), "rows that are there are told");
                for row in rows {
                    kept[at - place.start] = Some(row.clone());
                    at += 1;
                }
            }
        }
        (self.from, self.rows) = (place.start, kept);
    }
}

const LISTS: [&str; 2] = ["rows", "slowRows"];

struct World {
    book: Book,
    sent: <Book as State>::Sent,
    /// In which every field was sent a moment ago.
    pace: Pace,
    version: u64,
    client: Object<String, Value>,
    held: [Held; 2],
    /// The rows as last sent, as JSON.
    committed: [Vec<Value>; 2],
}

impl World {
    fn new() -> Self {
        let rows = || (0..150).map(|at| Row { amount: at, label: at.to_string() }).collect();
        let book = Book { title: 0, rows: rows(), slow_rows: rows(), drawer: List::new() };
        let (sent, pace) = (Default::default(), Pace::default());
        let held = [Held::default(), Held::default()];
        let committed = [Vec::new(), Vec::new()];
        let mut world = Self { book, sent, pace, version: 0, client: Object::new(), held, committed };
        world.committed = world.present();
        world.book.flush(&mut world.sent, &mut world.pace, usize::MAX, &mut Writer::default()).unwrap();
        world.client = serde_json::from_slice(&world.snapshot()).unwrap();
        world
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.book.snapshot(&self.sent, &mut out);
        out
    }

    fn whole(&self) -> Value {
        let mut out = Vec::new();
        self.book.whole(&self.sent, &mut out);
        serde_json::from_slice(&out).unwrap()
    }

    fn present(&self) -> [Vec<Value>; 2] {
        let json = |rows: &List<Row>| rows.iter().map(|row| serde_json::to_value(row).unwrap()).collect();
        [json(&self.book.rows), json(&self.book.slow_rows)]
    }

    fn flush(&mut self, holds: bool) {
        let mut out = Writer::default();
        let mut now = Pace::default();
        let pace = if holds { &mut self.pace } else { &mut now };
        self.book.flush(&mut self.sent, pace, usize::MAX, &mut out).unwrap();
        let present = self.present();
        let whole = self.whole();
        for (at, name) in LISTS.iter().enumerate() {
            let is_held = holds && at == 1 && whole[name] == json!(self.committed[at]);
            if !is_held {
                self.committed[at].clone_from(&present[at]);
            }
        }
        let mut payload = Vec::new();
        out.finish(self.version, self.version + 1, self.book.digest(&self.sent), &mut payload);
        assert!(payload.len() < 1_500, "a delta holds no rows: {} bytes", payload.len());
        Delta::parse(&payload).unwrap().apply(&mut self.client, self.version).unwrap();
        self.version += 1;
    }

    fn recover(&mut self) {
        let broken = std::mem::take(&mut self.book);
        self.book.recover(broken, &self.sent).unwrap();
    }

    fn undo(&mut self) {
        // What was moved to a private field is brought back only by a recovery.
        if self.book.undo(&self.sent).is_err() {
            self.recover();
        }
    }

    fn check(&self) {
        let snapshot = self.snapshot();
        assert_eq!(digest::of_json(&snapshot), Some(self.book.digest(&self.sent)));
        assert_eq!(serde_json::from_slice::<Value>(&snapshot).unwrap(), json!(self.client));
        let whole = self.whole();
        for (at, name) in LISTS.iter().enumerate() {
            assert_eq!(whole[name], json!(self.committed[at]), "what is written down is what was sent");
            assert_eq!(self.client[*name]["length"], json!(self.committed[at].len()));
        }
    }

    fn look(&mut self, from: usize, count: usize) {
        for (at, name) in LISTS.iter().enumerate() {
            let held = &mut self.held[at];
            held.follow(&self.client[*name]);
            let committed = &self.committed[at];
            for (offset, row) in held.rows.iter().enumerate() {
                if let Some(row) = row {
                    assert_eq!(Some(row), committed.get(held.from + offset), "an old row in a new place");
                }
            }
            let from = from.min(committed.len());
            let place = from..(from + count).min(committed.len());
            let (book, sent) = (&self.book, &self.sent);
            held.show(place.clone(), |from, count| {
                let mut out = Vec::new();
                // So that now and then not everything fits.
                book.read(sent, name, Part { from, count, bytes: 600 }, &mut out).unwrap();
                serde_json::from_slice(&out).unwrap()
            });
            let shown: Vec<Value> = held.rows.iter().cloned().map(Option::unwrap).collect();
            assert_eq!(shown, committed[place]);
        }
    }

    fn turn(&mut self, Turn { edits, end, look }: Turn) {
        self.book.title += 1;
        for (slow, op) in edits {
            edit(&mut self.book, slow, op);
        }
        match end {
            End::Flush => self.flush(false),
            End::Hold => self.flush(true),
            End::Panic => self.recover(),
            End::Undo => self.undo(),
            End::TooLarge => {
                let none = &mut Writer::default();
                self.book.flush(&mut self.sent, &mut Pace::default(), 10, none).unwrap_err();
                self.recover();
            }
        }
        self.check();
        if let Some((from, count)) = look {
            self.look(from, count);
        }
    }
}

proptest! {
    // A case is a whole history.
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn a_client_that_shifts_what_it_holds_and_reads_the_rest_shows_the_list(turns in turns()) {
        let mut world = World::new();
        for turn in turns {
            world.turn(turn);
        }
    }
}

#[test]
fn a_client_that_looks_often_enough_forgets_nothing() {
    let mut world = World::new();
    world.book.rows = (0..1_000).map(|at| Row { amount: 0, label: at.to_string() }).collect();
    world.flush(false);
    world.look(400, 50);
    let forgotten = world.held[0].forgotten;
    for at in 0..200 {
        // Every eighth turn changes rows all over the list, in more places than are told.
        match at % 8 {
            0 => (0..1_000)
                .step_by(23)
                .for_each(|row| world.book.rows.update(row, |row| row.amount = row.amount.wrapping_add(1))),
            1 => drop(world.book.rows.remove(10)),
            _ => world.book.rows.insert(0, Row { amount: 1, label: at.to_string() }),
        }
        world.flush(false);
        world.look(400 + at, 50);
    }
    assert_eq!(world.held[0].forgotten, forgotten);
}

#[test]
fn the_limit_is_on_the_bytes_of_all_rows() {
    let rows = (0..100).map(|at| Row { amount: at, label: "row".to_owned() }).collect();
    let mut book = Book { rows, ..Book::default() };
    let (mut sent, mut pace) = Default::default();
    book.flush(&mut sent, &mut pace, usize::MAX, &mut Writer::default()).unwrap();
    let mut whole = Vec::new();
    book.whole(&sent, &mut whole);
    let mut tight = |book: &mut Book, limit| {
        let mut out = Writer::default();
        book.flush(&mut sent, &mut Pace::default(), limit, &mut out).is_ok()
    };
    assert!(tight(&mut book, whole.len()));
    assert!(!tight(&mut book, whole.len() - 1));
    book.rows.insert(50, Row { amount: 1, label: String::new() });
    assert!(!tight(&mut book, whole.len()));
}
