//! What a turn sends: the change and nothing else, in few bytes, or nothing at all and the reason why.

#![expect(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may unwrap, also where it is not itself the test"
)]

use fluxstack_live::prelude::*;
use fluxstack_live::protocol::delta::Writer;
use fluxstack_live::state::Pace;
use serde_json::{Value, json};

/// What a list holds.
#[wire]
#[derive(Clone)]
pub struct Item {
    id: u8,
    text: String,
}

/// Every kind of field.
#[derive(State)]
pub struct Board {
    pub title: String,
    pub left: List<Item>,
    pub scores: Map<String, Option<i32>>,
    pub by_number: Map<i16, Item>,
    pub note: Bound<String>,
    secret: u8,
}

impl Component for Board {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Err(Error::forbidden())
    }
}

#[actions]
impl Board {}

/// A board that was sent, with something in it.
fn board() -> (Board, <Board as State>::Sent) {
    let short = |note: &String| if note.len() > 5 { Err("too long") } else { Ok(()) };
    let mut board = Board {
        title: "first".into(),
        left: (0..50).map(|id| Item { id, text: "something to tell it by".into() }).collect(),
        scores: (0..20).map(|id| (format!("player {id}"), Some(1))).collect(),
        by_number: Map::new(),
        note: Bound::new(String::from("note")).check(short),
        secret: 0,
    };
    let mut sent = Default::default();
    board.flush(&mut sent, &mut Pace::default(), usize::MAX, &mut Writer::default()).unwrap();
    (board, sent)
}

#[track_caller]
fn check_delta(change: impl FnOnce(&mut Board), expected: Value) {
    let (mut board, mut sent) = board();
    change(&mut board);
    let mut out = Writer::default();
    board.flush(&mut sent, &mut Pace::default(), usize::MAX, &mut out).unwrap();
    let mut payload = Vec::new();
    out.finish(0, 0, 0, &mut payload);
    let mut found: Value = serde_json::from_slice(&payload).unwrap();
    for key in ["base", "version", "digest"] {
        found.as_object_mut().unwrap().remove(key);
    }
    assert_eq!(found, expected);
}

#[test]
fn a_delta_holds_what_changed_and_nothing_else() {
    let new = |id| Item { id, text: String::new() };
    let sent = |id: u8| json!({ "id": id, "text": "" });
    check_delta(|board| board.title = "first".into(), json!({}));
    check_delta(|board| board.title = "second".into(), json!({ "delta": { "title": "second" } }));
    check_delta(|board| board.left.push(new(1)), json!({ "splice": { "left": [[50, 0, sent(1)]] } }));
    check_delta(|board| board.left.set(3, new(1)), json!({ "splice": { "left": [[3, 1, sent(1)]] } }));
    check_delta(|board| board.left.update(3, |item| item.id = 3), json!({}));
    check_delta(|board| board.left.clear(), json!({ "splice": { "left": [[0, 50]] } }));
    check_delta(|board| board.left.retain(|item| item.id != 9), json!({ "splice": { "left": [[9, 1]] } }));
    // Assigned, and yet only the difference is sent.
    let again = |board: &mut Board| {
        let items: Vec<Item> = board.left.iter().filter(|item| item.id != 9).cloned().collect();
        board.left = items.into();
    };
    check_delta(again, json!({ "splice": { "left": [[9, 1]] } }));
    let set = |board: &mut Board| assert_eq!(board.scores.insert("a".into(), None), None);
    check_delta(set, json!({ "merge": { "scores": [{ "a": null }, []] } }));
    let same = |board: &mut Board| assert!(board.scores.insert("player 3".into(), Some(1)).is_some());
    check_delta(same, json!({}));
    let again = |board: &mut Board| {
        let entries = board.scores.iter().filter(|(name, _)| *name != "player 3");
        board.scores = entries.map(|(name, score)| (name.clone(), *score)).collect();
    };
    check_delta(again, json!({ "merge": { "scores": [{}, ["player 3"]] } }));
    check_delta(|board| board.secret += 1, json!({}));
}

#[test]
fn an_integer_javascript_would_round_stops_the_flush_and_names_the_field() {
    mod big {
        use fluxstack_live::prelude::*;

        /// A large number.
        #[derive(State)]
        pub struct Big {
            /// Small.
            pub small: i64,
            /// Large.
            pub user_id: u64,
        }

        impl Component for Big {
            type Props = ();
            type Event = ();

            async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
                Err(Error::forbidden())
            }
        }

        #[actions]
        impl Big {}
    }
    let mut state = big::Big { small: 1, user_id: 2 };
    let mut sent = Default::default();
    state.flush(&mut sent, &mut Pace::default(), usize::MAX, &mut Writer::default()).unwrap();
    (state.small, state.user_id) = (5, 1 << 53);
    let mut out = Writer::default();
    let error = state.flush(&mut sent, &mut Pace::default(), usize::MAX, &mut out).unwrap_err().to_string();
    assert!(error.starts_with("field `user_id`: 9007199254740992 is beyond"), "{error}");
    assert!(out.is_empty(), "nothing is committed if anything fails");
    state.user_id = 3;
    state.flush(&mut sent, &mut Pace::default(), usize::MAX, &mut out).unwrap();
    let mut payload = Vec::new();
    out.finish(0, 1, 2, &mut payload);
    assert!(String::from_utf8(payload).unwrap().ends_with(r#""delta":{"small":5,"userId":3}}"#));
}

#[test]
fn only_a_bound_field_can_be_written_and_the_others_cannot_be_told_from_none() {
    let (mut board, _) = board();
    let refused = |board: &mut Board, field, json: &str| board.write(field, json.as_bytes()).unwrap_err();
    for field in ["title", "left", "scores", "byNumber", "by_number", "secret", "nothing", "__proto__", ""] {
        let error = refused(&mut board, field, "\"x\"");
        assert_eq!((error.code(), error.message()), (Code::NotWritable, "not writable"), "{field}");
        assert_eq!(error.fields().count(), 0);
    }
    let error = refused(&mut board, "note", "7");
    assert_eq!(error.code(), Code::BadPayload);
    assert_eq!(error.field("note"), Some("expected a string, found integer"));
    let error = refused(&mut board, "note", "\"far too long\"");
    assert_eq!((error.code(), error.field("note")), (Code::Invalid, Some("too long")));
    assert_eq!(board.write("note", b"\"fine\"").unwrap(), "note");
    assert_eq!(*board.note, "fine");
    board.revert("note");
    assert_eq!(*board.note, "note", "a refused write is taken back");
    assert_eq!(refused(&mut board, "note", "\"far too long\"").code(), Code::Invalid, "and the check stays");
}
