//! What comes back from what was written down: everything that was sent, through every shape it had since then,
//! or an error that says what is in the way.

#![expect(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may unwrap, also where it is not itself the test"
)]

use std::collections::BTreeMap;

use fluxstack_live::prelude::*;
use fluxstack_live::protocol::delta::Writer;
use fluxstack_live::protocol::digest;
use fluxstack_live::state::{FlushError, Pace, RestoreError};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a list holds.
#[wire]
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    id: u8,
    text: String,
}

/// Every kind of field.
#[derive(State)]
pub struct Board {
    pub title: String,
    pub ratio: Option<f64>,
    pub any: Value,
    pub rows: List<Item>,
    pub scores: Map<String, Option<i32>>,
    pub by_number: Map<i16, Item>,
    pub by_flag: Map<bool, char>,
    pub note: Bound<String>,
    secret: u8,
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
        let short = |note: &String| if note.len() > 5 { Err("too long") } else { Ok(()) };
        Self {
            title: "mounted".into(),
            ratio: None,
            any: Value::Null,
            rows: List::from(vec![Item { id: 1, text: "mounted".into() }]),
            scores: Map::from_iter([("mounted".to_owned(), None)]),
            by_number: Map::new(),
            by_flag: Map::new(),
            note: Bound::new("mount".to_owned()).check(short),
            secret: 7,
        }
    }
}

/// What is sent of `state`, after making sure that the digest is that of what is sent.
fn send<S: State>(state: &mut S, sent: &mut S::Sent) -> String {
    state.flush(sent, &mut Pace::default(), usize::MAX, &mut Writer::default()).unwrap();
    let mut snapshot = Vec::new();
    state.snapshot(sent, &mut snapshot);
    assert_eq!(digest::of_json(&snapshot), Some(state.digest(sent)));
    String::from_utf8(snapshot).unwrap()
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

/// The next delta, without its versions.
fn delta<S: State>(state: &mut S, sent: &mut S::Sent) -> Value {
    let mut out = Writer::default();
    state.flush(sent, &mut Pace::default(), usize::MAX, &mut out).unwrap();
    let mut payload = Vec::new();
    out.finish(0, 1, 0, &mut payload);
    let mut found: Value = serde_json::from_slice(&payload).unwrap();
    for key in ["base", "version", "digest"] {
        found.as_object_mut().unwrap().remove(key);
    }
    found
}

#[track_caller]
fn refused(outcome: Result<(), RestoreError>) -> String {
    outcome.unwrap_err().to_string()
}

proptest! {
    #[test]
    fn whatever_was_sent_comes_back_with_the_same_digest(
        title in any::<String>(),
        ratio in any::<f64>().prop_filter("what is null is another value", |ratio| ratio.is_finite()),
        rows in vec((any::<u8>(), any::<String>()), 0..8),
        scores in btree_map(any::<String>(), any::<Option<i32>>(), 0..8),
        by_number in btree_map(any::<i16>(), any::<u8>(), 0..8),
        by_flag in btree_map(any::<bool>(), any::<char>(), 0..3),
        note in any::<String>(),
    ) {
        let mut board = Board::new();
        (board.title, *board.note, board.ratio) = (title, note, Some(ratio));
        board.any = json!({ "a": [1.5, null, "b"], "c": {} });
        board.rows = rows.into_iter().map(|(id, text)| Item { id, text }).collect();
        board.scores = scores.into();
        board.by_number = by_number.into_iter().map(|(at, id)| (at, Item { id, text: "x".into() })).collect();
        board.by_flag = by_flag.into();
        let mut sent = Default::default();
        let snapshot = send(&mut board, &mut sent);

        let mut again = Board::new();
        again.restore(1, snapshot.as_bytes()).unwrap();
        let mut sent_again = Default::default();
        prop_assert_eq!(send(&mut again, &mut sent_again), snapshot);
        prop_assert_eq!(again.digest(&sent_again), board.digest(&sent));
        prop_assert_eq!(again.rows, board.rows.as_ref());
        prop_assert_eq!(again.secret, 7, "private fields are those of the mount");
    }
}

#[test]
fn what_is_done_to_a_restored_list_or_map_is_sent_as_what_was_done() {
    let mut board = Board::new();
    let text = "something to tell it by";
    let rows: Vec<_> = (0..50).map(|id| json!({ "id": id, "text": text })).collect();
    let scores: BTreeMap<_, _> = (0..20).map(|id| (format!("player {id}"), 1)).collect();
    let state = json!({ "rows": rows, "scores": scores }).to_string();
    board.restore(1, state.as_bytes()).unwrap();
    let mut sent = Default::default();
    let whole = delta(&mut board, &mut sent);
    assert_eq!(whole["delta"]["rows"].as_array().unwrap().len(), 50, "a first flush says everything");

    board.rows.remove(3);
    board.rows.push(Item { id: 99, text: String::new() });
    board.scores.insert("player 3".into(), None);
    board.scores.remove("player 4");
    let expected = json!({
        "splice": { "rows": [[3, 1], [49, 0, { "id": 99, "text": "" }]] },
        "merge": { "scores": [{ "player 3": null }, ["player 4"]] },
    });
    assert_eq!(delta(&mut board, &mut sent), expected);
    send(&mut board, &mut sent);
}

#[test]
fn what_the_snapshot_does_not_say_stays_as_mounted_and_what_nobody_knows_is_passed_over() {
    let mut board = Board::new();
    let state =
        r#" { "title": "back", "gone": {"a": [1e999]}, "secret": 1, "by_number": 1, "__proto__": [] } "#;
    board.restore(1, state.as_bytes()).unwrap();
    let state = parsed(&send(&mut board, &mut Default::default()));
    let expected = json!({
        "title": "back", "ratio": null, "any": null, "rows": [{ "id": 1, "text": "mounted" }],
        "scores": { "mounted": null }, "byNumber": {}, "byFlag": {}, "note": "mount",
    });
    assert_eq!(state, expected);
    assert_eq!(board.secret, 7);
}

#[test]
fn a_bound_value_comes_back_without_its_check_and_keeps_it_for_the_next_write() {
    let mut board = Board::new();
    board.restore(1, br#"{"note":"far too long"}"#).unwrap();
    assert_eq!(board.note, "far too long".to_owned());
    assert_eq!(board.write("note", b"\"still too long\"").unwrap_err().code(), Code::Invalid);
    board.write("note", b"\"fine\"").unwrap();
}

#[test]
fn a_state_that_does_not_read_is_refused_by_the_name_of_the_field() {
    for (state, complaint) in [
        (r#"{"title":1}"#, "field `title` does not read: expected a string, found integer"),
        (r#"{"note":null}"#, "field `note` does not read: expected a string, found null"),
        (r#"{"rows":[{"id":1}]}"#, "field `rows` does not read: missing field `text`"),
        (r#"{"rows":{}}"#, "field `rows` does not read: expected a sequence, found map"),
        (r#"{"scores":[]}"#, "field `scores` does not read: expected an object, found sequence"),
        (r#"{"scores":{"a":"b"}}"#, "field `scores` does not read: expected i32, found string"),
        (r#"{"byNumber":{"x":{"id":1,"text":""}}}"#, "field `by_number` does not read: a key is no `i16`"),
        ("[]", "the whole does not read: expected an object, found sequence"),
        ("", "the whole does not read: EOF while parsing a value"),
        (r#"{"title":"a"} x"#, "the whole does not read: trailing characters"),
    ] {
        let error = refused(Board::new().restore(1, state.as_bytes()));
        assert!(error.starts_with("a state of `Board`, written by its version 1: "), "{error}");
        assert!(error.contains(complaint), "{error}");
        assert!(error.contains("raise `version`"), "{error}");
    }
}

#[test]
fn a_value_that_reads_but_cannot_be_sent_is_refused_by_the_name_of_the_field() {
    let error = Board::new().restore(1, br#"{"any":[9007199254740992]}"#).unwrap_err();
    let RestoreError::Unsendable(FlushError::Unsendable { field, .. }) = &error else { panic!("{error}") };
    assert_eq!(*field, "any");
    assert!(error.to_string().contains("send it as a `String`"), "{error}");
}

/// A counter that was another one twice.
#[derive(State)]
#[state(version = 3, migrate(CounterV1, CounterV2))]
pub struct Counter {
    /// `count` until version 2.
    pub clicks: u64,
    pub labels: List<String>,
    pub step: u64,
    #[state(keep)]
    seed: u64,
    #[state(keep)]
    seen: Vec<String>,
    trail: Vec<&'static str>,
}

#[wire]
pub struct CounterV1 {
    count: u64,
}

#[wire]
pub struct CounterV2 {
    count: u64,
    label: String,
}

impl From<CounterV1> for CounterV2 {
    fn from(old: CounterV1) -> Self {
        Self { count: old.count + 1, label: "one".into() }
    }
}

impl Migrate<CounterV2> for Counter {
    fn migrate(&mut self, old: CounterV2) {
        self.clicks = old.count * 10;
        self.labels = List::from(vec![old.label]);
        self.trail = vec!["migrated", if self.seed == 1 { "as mounted" } else { "with what was kept" }];
    }
}

impl Component for Counter {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Self::new())
    }
}

#[actions]
impl Counter {}

impl Counter {
    fn new() -> Self {
        let labels = List::from(vec!["mounted".to_owned()]);
        Self { clicks: 0, labels, step: 5, seed: 1, seen: Vec::new(), trail: vec!["mounted"] }
    }

    fn restored(schema: u32, state: &str) -> Result<Self, RestoreError> {
        let mut counter = Self::new();
        counter.restore(schema, state.as_bytes())?;
        Ok(counter)
    }
}

/// A counter that remembers nothing from before its version 3, and then had the same shape twice.
#[derive(State)]
#[state(version = 5, serves = 2, migrate(from = 3, Same, self::Same))]
pub struct Forgetful {
    pub count: u64,
}

#[wire]
pub struct Same {
    count: u64,
}

impl Migrate<Same> for Forgetful {
    fn migrate(&mut self, old: Same) {
        self.count = old.count;
    }
}

impl Component for Forgetful {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Self { count: 0 })
    }
}

#[actions]
impl Forgetful {}

#[test]
fn a_component_says_its_version_whom_it_serves_and_whether_it_keeps_anything() {
    assert_eq!((Board::VERSION, Board::SERVES, Board::KEEPS), (1, 1, false));
    assert_eq!((Counter::VERSION, Counter::SERVES, Counter::KEEPS), (3, 2, true));
    assert_eq!((Forgetful::VERSION, Forgetful::SERVES, Forgetful::KEEPS), (5, 2, false));
}

#[test]
fn an_older_state_goes_through_every_step_after_it() {
    let counter = Counter::restored(1, r#"{"count":4}"#).unwrap();
    assert_eq!((counter.clicks, counter.step), (50, 5));
    assert_eq!(*counter.labels, ["one"]);
    assert_eq!(counter.trail, ["migrated", "as mounted"]);

    let counter = Counter::restored(2, r#"{"count":4,"label":"two","more":1}"#).unwrap();
    assert_eq!(counter.clicks, 40);
    assert_eq!(*counter.labels, ["two"]);

    let counter = Counter::restored(3, r#"{"clicks":4,"labels":[]}"#).unwrap();
    assert_eq!(counter.clicks, 4);
    assert!(counter.labels.is_empty());
    assert_eq!(counter.trail, ["mounted"], "the present version is read and not migrated");
}

#[test]
fn what_was_migrated_is_sent_like_any_first_state() {
    let mut counter = Counter::restored(1, r#"{"count":4}"#).unwrap();
    let mut sent = Default::default();
    let state = send(&mut counter, &mut sent);
    assert_eq!(parsed(&state), json!({ "clicks": 50, "labels": ["one"], "step": 5 }));
    counter.labels.push("two".into());
    assert_eq!(delta(&mut counter, &mut sent), json!({ "splice": { "labels": [[1, 0, "two"]] } }));
}

#[test]
fn a_version_this_one_does_not_read_is_refused_with_what_to_do() {
    let outcome = |schema| {
        let mut counter = Counter::new();
        counter.restore_kept(schema, b"{}").and_then(|()| counter.restore(schema, b"{}"))
    };
    let error = outcome(4).unwrap_err();
    assert_eq!(error, RestoreError::TooNew { component: "Counter", schema: 4, version: 3 });
    assert!(error.to_string().contains("mount it afresh"), "{error}");
    assert!(matches!(outcome(u32::MAX), Err(RestoreError::TooNew { .. })));
    assert!(refused(outcome(0)).contains("versions begin with 1"));

    let mut forgetful = Forgetful { count: 0 };
    let error = forgetful.restore(2, br#"{"count":1}"#).unwrap_err();
    assert_eq!(error, RestoreError::TooOld { component: "Forgetful", schema: 2, oldest: 3 });
    assert!(error.to_string().contains("list the older shapes again"), "{error}");
    for schema in 3..=5 {
        forgetful.restore(schema, format!("{{\"count\":{schema}}}").as_bytes()).unwrap();
        assert_eq!(forgetful.count, u64::from(schema));
    }
}

#[test]
fn an_older_state_that_is_not_of_its_shape_is_refused_by_the_names_of_both() {
    for (schema, state, complaint) in [
        (1, r#"{"count":"x"}"#, "field `count` of `CounterV1` does not read: expected u64, found string"),
        (2, r#"{"count":1}"#, "field `label` of `CounterV2` does not read: is missing"),
        (2, "7", "`CounterV2` does not read: expected an object, found integer"),
    ] {
        let error = refused(Counter::restored(schema, state).map(drop));
        assert!(error.contains(&format!("written by its version {schema}: {complaint}")), "{error}");
    }
}

#[test]
fn a_migration_to_something_that_cannot_be_sent_is_refused() {
    let error = refused(Counter::restored(2, r#"{"count":900719925474100,"label":""}"#).map(drop));
    assert!(error.starts_with("field `clicks`: 9007199254741000 is beyond"), "{error}");
}

#[test]
fn a_private_field_that_is_kept_comes_back_exactly() {
    let mut counter = Counter::new();
    (counter.seed, counter.seen) = (u64::MAX, vec!["\"a\"".into()]);
    let mut out = b"before ".to_vec();
    counter.kept(&mut out).unwrap();
    assert_eq!(out, br#"before {"seed":18446744073709551615,"seen":["\"a\""]}"#);

    let mut again = Counter::new();
    again.restore_kept(3, &out["before ".len()..]).unwrap();
    assert_eq!((again.seed, again.seen), (u64::MAX, counter.seen));
    assert_eq!(again.trail, ["mounted"]);

    let mut nothing = Vec::new();
    Board::new().kept(&mut nothing).unwrap();
    assert_eq!(nothing, b"{}");
    Board::new().restore_kept(1, br#"{"secret":1}"#).unwrap();
}

#[test]
fn of_what_an_older_version_kept_only_what_still_fits_is_taken() {
    let mut counter = Counter::new();
    counter.restore_kept(2, br#"{"seed":"a word then","seen":["x"],"gone":1}"#).unwrap();
    assert_eq!((counter.seed, counter.seen.as_slice()), (1, &["x".to_owned()][..]));
    assert!(refused(counter.restore_kept(2, b"[]")).contains("the whole does not read"));

    let mut counter = Counter::new();
    counter.restore_kept(3, br#"{"seen":["y"]}"#).unwrap();
    assert_eq!((counter.seed, counter.seen.as_slice()), (1, &["y".to_owned()][..]));
    let error = refused(counter.restore_kept(3, br#"{"seed":"a word now"}"#));
    assert!(error.contains("field `seed` does not read: expected u64, found string"), "{error}");
}

#[test]
fn a_migration_finds_what_was_kept() {
    let mut counter = Counter::new();
    counter.restore_kept(2, br#"{"seed":2}"#).unwrap();
    counter.restore(2, br#"{"count":1,"label":""}"#).unwrap();
    assert_eq!(counter.trail, ["migrated", "with what was kept"]);
}

/// Values of which some fit, some nearly, and some are too deep or too large.
fn values() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        (-3..70_000i64).prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| json!(value).to_string()),
        Just("1e999".to_owned()),
        any::<String>().prop_map(|value| json!(value).to_string()),
        (100..140usize).prop_map(|depth| "[".repeat(depth) + &"]".repeat(depth)),
        "[\\[\\]{}\":,0-9a-z\\\\]{0,12}",
    ];
    scalar.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            objects(&["id", "text", "1", "true"], inner),
        ]
    })
}

/// Objects that mostly have these names.
fn objects(
    names: &'static [&'static str],
    values: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    let name =
        prop_oneof![12 => proptest::sample::select(names).prop_map(str::to_owned), 1 => any::<String>()];
    vec((name, values), 0..6).prop_map(|entries| {
        let entries: Vec<_> =
            entries.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        format!("{{{}}}", entries.join(","))
    })
}

/// What might have been written down of one of the components.
fn written() -> impl Strategy<Value = String> {
    let board = &["title", "ratio", "any", "rows", "scores", "byNumber", "byFlag", "note"];
    prop_oneof![
        8 => objects(board, values()),
        4 => objects(&["clicks", "labels", "step", "seed", "seen"], values()),
        4 => objects(&["count", "label"], values()),
        1 => values(),
        1 => any::<String>(),
    ]
}

/// Whatever is read, it is an error or a state that can be sent.
fn errs_or_can_be_sent<S: State>(mut state: S, schema: u32, json: &str) {
    if state.restore_kept(schema, json.as_bytes()).is_ok() {
        state.kept(&mut Vec::new()).unwrap();
    }
    if state.restore(schema, json.as_bytes()).is_ok() {
        send(&mut state, &mut Default::default());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn whatever_was_written_it_is_refused_or_can_be_sent(
        schema in 0..6u32,
        json in written(),
    ) {
        errs_or_can_be_sent(Board::new(), 1, &json);
        errs_or_can_be_sent(Counter::new(), schema, &json);
        errs_or_can_be_sent(Forgetful { count: 0 }, schema, &json);
    }
}
