//! `docs/protocol.md` says what the code does.

use fluxstack_live_protocol::{CloseCode, Code, Delta, digest};
use serde_json::Value;

const PAGE: &str = include_str!("../../../docs/protocol.md");

/// First column of every table row whose first cell is code in this spelling.
fn cells(is_ours: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let cell =
        |line: &'static str| line.strip_prefix("| ")?.split(" |").next().map(|cell| cell.trim_matches('`'));
    PAGE.lines().filter_map(cell).filter(|cell| is_ours(cell)).collect()
}

#[test]
fn every_code_is_on_the_page_in_the_same_order() {
    let start = PAGE.find("## Errors").expect("the page has a chapter on errors");
    let shouted = |cell: &str| cell.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
    let on_page: Vec<_> =
        cells(shouted).into_iter().filter(|cell| PAGE.find(&format!("| `{cell}` |")) > Some(start)).collect();
    let in_code: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(on_page, in_code);
}

#[test]
fn every_close_code_is_on_the_page() {
    let on_page = cells(|cell| cell.len() == 4 && cell.parse::<u16>().is_ok());
    let all = [
        CloseCode::GoingAway,
        CloseCode::FrameTooLarge,
        CloseCode::SignedOut,
        CloseCode::PeerSilent,
        CloseCode::TakenOver,
        CloseCode::Flood,
        CloseCode::TooSlow,
    ];
    assert_eq!(on_page, all.map(|code| code.number().to_string()));
}

#[test]
fn the_examples_are_real() {
    let frames: Vec<Value> = PAGE.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mounted =
        frames.iter().find(|frame| frame["result"]["initialState"].is_object()).expect("a mount reply");
    let mut state = mounted["result"]["initialState"].as_object().expect("a state").clone();
    let proof = digest::of_json(&serde_json::to_vec(&state).expect("JSON"));
    assert_eq!(mounted["result"]["digest"], Value::from(proof.expect("a digest")));
    let delta = frames.iter().find(|frame| frame["type"] == "STATE_DELTA").expect("a delta");
    let delta = Delta::parse(delta["payload"].to_string().as_bytes()).expect("a payload");
    assert_eq!(delta.apply(&mut state, 0), Ok(()));
}
