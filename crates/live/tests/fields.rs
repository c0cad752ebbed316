//! What a field promises, whatever is done to it: the deltas lead a client from one snapshot to the next,
//! the digest is the snapshot's, a recovery gives back what was last sent, and two deltas merged do what
//! both do. A field with a pace promises the same of what was last sent, however much is held back.
//!
//! An instance is played here without its task: turns of random operations, some flushed, some failed.

#![expect(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may unwrap, also where it is not itself the test"
)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fluxstack_live::prelude::*;
use fluxstack_live::protocol::delta::{Writer, merge};
use fluxstack_live::protocol::{Delta, digest};
use fluxstack_live::state::{FlushError, Pace};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a list holds.
#[wire]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    id: u8,
    text: String,
}

/// Every kind of field.
#[derive(State)]
pub struct Board {
    pub title: String,
    #[state(every_ms = 60_000)]
    pub left: List<Item>,
    pub right: List<Item>,
    #[state(every_ms = 60_000)]
    pub scores: Map<String, Option<i32>>,
    #[state(every_ms = 60_000)]
    pub by_number: Map<i16, Item>,
    #[state(every_ms = 60_000)]
    pub note: Bound<String>,
    drawer: List<Item>,
    cellar: Map<i16, Item>,
}

impl Component for Board {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Self::new())
    }
}

#[actions]
impl Board {}

impl Board {
    fn new() -> Self {
        Self {
            title: String::new(),
            left: List::new(),
            right: List::new(),
            scores: Map::new(),
            by_number: Map::new(),
            note: Bound::new(String::new()),
            drawer: List::new(),
            cellar: Map::new(),
        }
    }

    fn list(&mut self, left: bool) -> &mut List<Item> {
        if left { &mut self.left } else { &mut self.right }
    }
}

/// The same without any cleverness.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    title: String,
    left: Vec<Item>,
    right: Vec<Item>,
    scores: BTreeMap<String, Option<i32>>,
    by_number: BTreeMap<i16, Item>,
    note: String,
    drawer: Vec<Item>,
}

impl Model {
    fn list(&mut self, left: bool) -> &mut Vec<Item> {
        if left { &mut self.left } else { &mut self.right }
    }

    fn json(&self) -> Value {
        let Self { title, left, right, scores, by_number, note, .. } = self;
        let items = |items: &[Item]| items.iter().map(item).collect::<Vec<_>>();
        let by_number: BTreeMap<_, _> =
            by_number.iter().map(|(number, found)| (number.to_string(), item(found))).collect();
        json!({
            "title": title, "left": items(left), "right": items(right), "scores": scores,
            "byNumber": by_number, "note": note,
        })
    }
}

fn item(Item { id, text }: &Item) -> Value {
    json!({ "id": id, "text": text })
}

#[derive(Clone, Debug)]
enum Edit {
    Push(Item),
    Insert(usize, Item),
    Extend(Vec<Item>),
    Set(usize, Item),
    Rename(usize, String),
    Touch(usize),
    Remove(usize),
    Pop,
    Truncate(usize),
    Clear,
    Retain(u8),
    Swap(usize, usize),
    Sort,
    SortByText,
    Assign(Vec<Item>),
    ToDrawer,
    FromDrawer,
    IntoVec,
}

#[derive(Clone, Debug)]
enum Op {
    Title(String),
    Note(String),
    List(bool, Edit),
    SwapLists,
    Score(String, Option<i32>),
    Unscore(String),
    Raise(String),
    Number(i16, Item),
    Renumber(i16, String),
    KeepNumbers(i16),
    AssignNumbers(BTreeMap<i16, Item>),
    NumbersToCellar,
    ClearScores,
}

/// How a turn ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Flush,
    /// So soon after another that fields with a pace are held back.
    Hold,
    Panic,
    PanicInside,
    TooLarge,
    Undo,
}

fn items() -> impl Strategy<Value = Item> {
    (0..20u8, "[a-z\"é😀]{0,6}").prop_map(|(id, text)| Item { id, text })
}

fn edits() -> impl Strategy<Value = Edit> {
    let at = || 0..24usize;
    prop_oneof![
        4 => items().prop_map(Edit::Push),
        3 => (at(), items()).prop_map(|(at, item)| Edit::Insert(at, item)),
        1 => vec(items(), 0..6).prop_map(Edit::Extend),
        3 => (at(), items()).prop_map(|(at, item)| Edit::Set(at, item)),
        3 => (at(), "[a-z]{0,3}").prop_map(|(at, text)| Edit::Rename(at, text)),
        1 => at().prop_map(Edit::Touch),
        3 => at().prop_map(Edit::Remove),
        2 => Just(Edit::Pop),
        1 => at().prop_map(Edit::Truncate),
        1 => Just(Edit::Clear),
        2 => (1..5u8).prop_map(Edit::Retain),
        2 => (at(), at()).prop_map(|(left, right)| Edit::Swap(left, right)),
        2 => Just(Edit::Sort),
        1 => Just(Edit::SortByText),
        1 => vec(items(), 0..12).prop_map(Edit::Assign),
        1 => Just(Edit::ToDrawer),
        1 => Just(Edit::FromDrawer),
        1 => Just(Edit::IntoVec),
    ]
}

fn ops() -> impl Strategy<Value = Op> {
    let name = || "[a-c]{1,2}";
    prop_oneof![
        1 => "[a-zé\\\\]{0,8}".prop_map(Op::Title),
        1 => "[a-z]{0,8}".prop_map(Op::Note),
        12 => (any::<bool>(), edits()).prop_map(|(left, edit)| Op::List(left, edit)),
        1 => Just(Op::SwapLists),
        2 => (name(), any::<Option<i32>>()).prop_map(|(name, score)| Op::Score(name, score)),
        2 => name().prop_map(Op::Unscore),
        2 => name().prop_map(Op::Raise),
        2 => (-5..5i16, items()).prop_map(|(number, item)| Op::Number(number, item)),
        1 => (-5..5i16, "[a-z]{0,3}").prop_map(|(number, text)| Op::Renumber(number, text)),
        1 => (-5..5i16).prop_map(Op::KeepNumbers),
        1 => proptest::collection::btree_map(-5..5i16, items(), 0..5).prop_map(Op::AssignNumbers),
        1 => Just(Op::NumbersToCellar),
        1 => Just(Op::ClearScores),
    ]
}

fn turns() -> impl Strategy<Value = Vec<(Vec<Op>, End)>> {
    let end = prop_oneof![
        6 => Just(End::Flush),
        3 => Just(End::Hold),
        1 => Just(End::Panic),
        1 => Just(End::PanicInside),
        1 => Just(End::TooLarge),
        3 => Just(End::Undo),
    ];
    vec((vec(ops(), 0..8), end), 1..12)
}

fn edit_list(edit: Edit, list: &mut List<Item>, drawer: &mut List<Item>) {
    let len = list.len();
    let at = |at: usize| at % len.max(1);
    match edit {
        Edit::Push(item) => list.push(item),
        Edit::Insert(at, item) => list.insert(at % (len + 1), item),
        Edit::Extend(items) => list.extend(items),
        Edit::Assign(items) => *list = items.into_iter().collect(),
        Edit::Truncate(len) => list.truncate(len),
        Edit::Clear => list.clear(),
        Edit::Retain(every) => list.retain(|item| item.id % every != 0),
        Edit::Sort => list.sort_by(Ord::cmp),
        Edit::SortByText => list.sort_by_key(|item| item.text.clone()),
        Edit::Pop => drop(list.pop()),
        Edit::ToDrawer => *drawer = std::mem::take(list),
        Edit::FromDrawer => std::mem::swap(list, drawer),
        Edit::IntoVec => *list = List::from(std::mem::take(list).into_vec()),
        _ if len == 0 => {}
        Edit::Set(to, item) => list.set(at(to), item),
        Edit::Rename(to, text) => list.update(at(to), |item| item.text = text),
        Edit::Touch(to) => list.update(at(to), |item| item.text += ""),
        Edit::Remove(from) => drop(list.remove(at(from))),
        Edit::Swap(left, right) => list.swap(at(left), at(right)),
    }
}

fn edit_model(edit: Edit, list: &mut Vec<Item>, drawer: &mut Vec<Item>) {
    let len = list.len();
    let at = |at: usize| at % len.max(1);
    match edit {
        Edit::Push(item) => list.push(item),
        Edit::Insert(at, item) => list.insert(at % (len + 1), item),
        Edit::Extend(items) => list.extend(items),
        Edit::Assign(items) => *list = items,
        Edit::Truncate(len) => list.truncate(len),
        Edit::Clear => list.clear(),
        Edit::Retain(every) => list.retain(|item| item.id % every != 0),
        Edit::Sort => list.sort(),
        Edit::SortByText => list.sort_by_key(|item| item.text.clone()),
        Edit::Pop => drop(list.pop()),
        Edit::ToDrawer => *drawer = std::mem::take(list),
        Edit::FromDrawer => std::mem::swap(list, drawer),
        Edit::IntoVec | Edit::Touch(_) => {}
        _ if len == 0 => {}
        Edit::Set(to, item) => list[at(to)] = item,
        Edit::Rename(to, text) => {
            let to = at(to);
            list[to].text = text;
        }
        Edit::Remove(from) => drop(list.remove(at(from))),
        Edit::Swap(left, right) => {
            let (left, right) = (at(left), at(right));
            list.swap(left, right);
        }
    }
}

fn play(op: Op, board: &mut Board, model: &mut Model) {
    match op {
        Op::Title(text) => (board.title, model.title) = (text.clone(), text),
        Op::Note(text) => {
            let json = serde_json::to_vec(&text).unwrap();
            assert_eq!(board.write("note", &json).unwrap(), "note");
            model.note = text;
        }
        Op::List(left, edit) => {
            let mut drawer = std::mem::take(&mut board.drawer);
            edit_list(edit.clone(), board.list(left), &mut drawer);
            board.drawer = drawer;
            let mut drawer = std::mem::take(&mut model.drawer);
            edit_model(edit, model.list(left), &mut drawer);
            model.drawer = drawer;
        }
        Op::SwapLists => {
            std::mem::swap(&mut board.left, &mut board.right);
            std::mem::swap(&mut model.left, &mut model.right);
        }
        Op::Score(name, score) => {
            assert_eq!(board.scores.insert(name.clone(), score), model.scores.insert(name, score));
        }
        Op::Unscore(name) => assert_eq!(board.scores.remove(&name), model.scores.remove(&name)),
        Op::Raise(name) => {
            board.scores.upsert(name.clone(), || Some(1), |score| *score = score.map(|score| score / 2));
            let score = model.scores.entry(name).or_insert(Some(1));
            *score = score.map(|score| score / 2);
        }
        Op::Number(number, item) => {
            board.by_number.insert(number, item.clone());
            model.by_number.insert(number, item);
        }
        Op::Renumber(number, text) => {
            board.by_number.update(&number, |item| item.text.clone_from(&text));
            if let Some(item) = model.by_number.get_mut(&number) {
                item.text = text;
            }
        }
        Op::KeepNumbers(below) => {
            board.by_number.retain(|number, _| *number < below);
            model.by_number.retain(|number, _| *number < below);
        }
        Op::AssignNumbers(entries) => {
            board.by_number = Map::from(entries.clone());
            model.by_number = entries;
        }
        Op::NumbersToCellar => {
            board.cellar = std::mem::take(&mut board.by_number);
            model.by_number.clear();
        }
        Op::ClearScores => {
            board.scores.clear();
            model.scores.clear();
        }
    }
}

/// An instance, and a client that believes its deltas.
struct World {
    board: Board,
    sent: <Board as State>::Sent,
    /// In which every field was sent a moment ago.
    pace: Pace,
    model: Model,
    committed: Model,
    version: u64,
    client: serde_json::Map<String, Value>,
    /// Whether at most one thing was changed since the last flush.
    exact: bool,
    is_held: bool,
    /// The last delta, and what the client showed before it.
    last: Option<(Vec<u8>, serde_json::Map<String, Value>)>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            board: Board::new(),
            sent: Default::default(),
            pace: Pace::default(),
            model: Model::default(),
            committed: Model::default(),
            version: 0,
            client: serde_json::Map::new(),
            exact: true,
            is_held: false,
            last: None,
        };
        world.board.flush(&mut world.sent, &mut world.pace, usize::MAX, &mut Writer::default()).unwrap();
        world.client = serde_json::from_slice(&world.snapshot()).unwrap();
        world
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.board.snapshot(&self.sent, &mut out);
        out
    }

    fn flush(&mut self) {
        let mut out = Writer::default();
        self.board.flush(&mut self.sent, &mut Pace::default(), usize::MAX, &mut out).unwrap();
        let differs = self.committed.json() != self.model.json();
        // What was changed and changed back, or moved away and back, may be sent as if it was changed.
        if differs || self.exact {
            assert_eq!(!out.is_empty(), differs, "there is a delta if there is a difference");
        }
        self.deliver(&mut out);
        self.committed = self.model.clone();
        self.is_held = false;
        self.check();
    }

    /// As a flush, but what was sent a moment ago may stay as it was.
    fn hold(&mut self) {
        let mut out = Writer::default();
        self.board.flush(&mut self.sent, &mut self.pace, usize::MAX, &mut out).unwrap();
        self.deliver(&mut out);
        let snapshot: Value = serde_json::from_slice(&self.snapshot()).unwrap();
        let (old, new) = (self.committed.json(), self.model.json());
        let is_held = |field: &str| snapshot[field] == old[field] && snapshot[field] != new[field];
        let Model { left, scores, by_number, note, .. } = self.committed.clone();
        self.committed = self.model.clone();
        self.is_held = ["left", "scores", "byNumber", "note"].into_iter().any(is_held);
        assert!(!self.is_held || self.pace.next().is_some(), "what is held back is due some time");
        if is_held("left") {
            self.committed.left = left;
        }
        if is_held("scores") {
            self.committed.scores = scores;
        }
        if is_held("byNumber") {
            self.committed.by_number = by_number;
        }
        if is_held("note") {
            self.committed.note = note;
        }
        self.check();
    }

    /// To the client.
    fn deliver(&mut self, out: &mut Writer) {
        let digest = self.board.digest(&self.sent);
        let mut payload = Vec::new();
        out.finish(self.version, self.version + 1, digest, &mut payload);
        let before = self.client.clone();
        Delta::parse(&payload).unwrap().apply(&mut self.client, self.version).unwrap();
        if let Some((first, mut shown)) = self.last.take() {
            let merged = Delta::parse(&merge(&first, &payload).unwrap()).unwrap();
            merged.apply(&mut shown, self.version - 1).unwrap();
            assert_eq!(shown, self.client, "two deltas merged do what both do");
        }
        self.last = Some((payload, before));
        self.version += 1;
    }

    /// The action failed: a fresh instance takes over what was last sent.
    fn recover(&mut self) {
        let broken = std::mem::replace(&mut self.board, Board::new());
        self.board.recover(broken, &self.sent).unwrap();
        // The drawer is private and not restored.
        self.model = Model { drawer: Vec::new(), ..self.committed.clone() };
        self.check();
        let mut out = Writer::default();
        self.board.flush(&mut self.sent, &mut Pace::default(), usize::MAX, &mut out).unwrap();
        assert!(out.is_empty(), "what was recovered has been sent");
        self.is_held = false;
        self.check();
    }

    /// The calls are undone: the instance itself is put back, unless what was sent has been moved into the drawer.
    fn undo(&mut self, is_moved: bool) {
        if let Err(why) = self.board.undo(&self.sent) {
            assert!(is_moved, "{why}");
            return self.recover();
        }
        self.model = Model { drawer: self.model.drawer.clone(), ..self.committed.clone() };
        self.check();
        let mut out = Writer::default();
        self.board.flush(&mut self.sent, &mut Pace::default(), usize::MAX, &mut out).unwrap();
        assert!(out.is_empty(), "what was put back has been sent");
        self.is_held = false;
        self.check();
    }

    /// What the instance holds, what it would send, what the client shows: one and the same.
    fn check(&self) {
        let Board { title, left, right, scores, by_number, note, drawer, .. } = &self.board;
        assert_eq!(title, &self.model.title);
        assert_eq!(left, &self.model.left);
        assert_eq!(right, &self.model.right);
        assert_eq!(drawer, &self.model.drawer);
        assert_eq!(**scores, self.model.scores);
        assert_eq!(**by_number, self.model.by_number);
        assert_eq!(**note, self.model.note);
        self.check_sent();
    }

    fn check_sent(&self) {
        let snapshot = self.snapshot();
        assert_eq!(serde_json::from_slice::<Value>(&snapshot).unwrap(), self.committed.json());
        assert_eq!(Value::Object(self.client.clone()), self.committed.json());
        assert_eq!(digest::of_json(&snapshot), Some(self.board.digest(&self.sent)));
    }

    fn play(&mut self, ops: Vec<Op>) {
        let moved = |op: &Op| {
            matches!(op, Op::SwapLists | Op::NumbersToCellar | Op::List(_, Edit::ToDrawer | Edit::FromDrawer))
        };
        self.exact = !self.is_held && ops.len() < 2 && !ops.iter().any(moved);
        for op in ops {
            play(op, &mut self.board, &mut self.model);
        }
    }

    fn turn(&mut self, ops: Vec<Op>, end: End) {
        let is_moved = ops
            .iter()
            .any(|op| matches!(op, Op::NumbersToCellar | Op::List(_, Edit::ToDrawer | Edit::FromDrawer)));
        self.play(ops);
        match end {
            End::Flush => self.flush(),
            End::Hold => self.hold(),
            End::Panic => self.recover(),
            End::Undo => self.undo(is_moved),
            End::PanicInside => {
                panic_inside(&mut self.board);
                self.recover();
            }
            End::TooLarge => {
                let error = self
                    .board
                    .flush(&mut self.sent, &mut Pace::default(), 10, &mut Writer::default())
                    .unwrap_err();
                assert!(matches!(error, FlushError::TooLarge { limit: 10, .. }));
                self.recover();
            }
        }
    }
}

/// The author's closures fail while the fields are changing.
fn panic_inside(board: &mut Board) {
    let quiet = |broken: &mut dyn FnMut()| assert!(catch_unwind(AssertUnwindSafe(broken)).is_err());
    let die = || -> ! { std::panic::resume_unwind(Box::new("on purpose")) };
    for left in [true, false] {
        let list = board.list(left);
        if list.len() > 1 {
            quiet(&mut || {
                list.update(1, |item| {
                    item.id = 99;
                    die()
                })
            });
            quiet(&mut || list.retain(|item| if item.id == 99 { die() } else { false }));
            // A list that was never sent may have lost items by now, as a `Vec` does.
            if list.len() > 1 {
                quiet(&mut || list.sort_by(|_, _| die()));
            }
        }
    }
    if let Some(name) = board.scores.keys().next().cloned() {
        quiet(&mut || {
            board.scores.update(&name, |score| {
                *score = Some(-1);
                die()
            });
        });
        quiet(&mut || board.scores.retain(|_, _| die()));
    }
}

proptest! {
    #[test]
    fn whatever_happens_client_and_server_agree(turns in turns()) {
        let mut world = World::new();
        for (ops, end) in turns {
            world.turn(ops, end);
        }
    }

    #[test]
    fn the_limit_is_on_the_bytes_of_the_snapshot(ops in vec(vec(ops(), 0..6), 1..5)) {
        let mut world = World::new();
        for ops in ops {
            world.play(ops);
            let size = {
                let mut fresh = Board::new();
                let Model { title, left, right, scores, by_number, note, .. } = world.model.clone();
                (fresh.title, fresh.note) = (title, note.into());
                (fresh.left, fresh.right) = (left.into(), right.into());
                (fresh.scores, fresh.by_number) = (scores.into(), by_number.into());
                let mut sent = Default::default();
                fresh.flush(&mut sent, &mut Pace::default(), usize::MAX, &mut Writer::default()).unwrap();
                let mut out = Vec::new();
                fresh.snapshot(&sent, &mut out);
                out.len()
            };
            let error = world.board.flush(&mut world.sent, &mut Pace::default(), size - 1, &mut Writer::default()).unwrap_err();
            prop_assert_eq!(error, FlushError::TooLarge { size, limit: size - 1 });
            world.flush();
        }
    }
}
