//! That whatever goes wrong on the way to a client is found.

use serde_json::json;

use super::*;

/// A record of three clients, of whom each has said so much.
fn record(said: [usize; 3]) -> Record {
    let mut record = Record::new(3, false);
    for (who, times) in said.into_iter().enumerate() {
        for _ in 0..times {
            record.say(who, Kind::State, Instant::now());
        }
    }
    record
}

fn delta(base: u64, version: u64, said: &Value) -> String {
    let payload = json!({ "base": base, "version": version, "merge": { "said": [said, []] } });
    json!({ "type": "STATE_DELTA", "payload": payload }).to_string()
}

fn hear(record: &mut Record, who: usize, frames: &[&str]) {
    for frame in frames {
        record.hear(who, frame.as_bytes(), Instant::now());
    }
}

fn reply(kind: &str, request: u64) -> String {
    format!(r#"{{"type":"{kind}","success":true,"requestId":{request},"timestamp":1}}"#)
}

/// What everybody asks for at the end, and is sent.
fn compared(record: &mut Record, state: &Value) {
    for who in 0..3 {
        let request = record.ask(who);
        let version = record.ears[who].at[0];
        let update = json!({ "type": "STATE_UPDATE", "payload": { "state": state, "version": version } });
        hear(record, who, &[&update.to_string(), &reply("MESSAGE_RESPONSE", request)]);
    }
    record.compare();
}

#[test]
fn who_is_told_everything_once_and_then_answered_has_no_fault() {
    let mut record = record([2, 1, 0]);
    let (one, two) = (delta(0, 1, &json!({ "0": 1 })), delta(1, 2, &json!({ "0": 2, "1": 1 })));
    hear(&mut record, 0, &[&one, &format!("[{two},{}]", reply("ACTION_RESPONSE", 1))]);
    hear(&mut record, 0, &[&reply("ACTION_RESPONSE", 2)]);
    hear(&mut record, 1, &[&format!("[{one},{two},{}]", reply("ACTION_RESPONSE", 1))]);
    hear(&mut record, 2, &[&one, &two]);
    assert_eq!(record.expected(), (record.delivered, record.answered));
    assert_eq!(record.times.count, 9);
    compared(&mut record, &json!({ "lines": [], "said": { "0": 2, "1": 1 } }));
    assert_eq!((record.faults, record.merged), (0, 0), "{:?}", record.shown);
}

#[test]
fn a_delta_that_is_lost_is_a_fault_at_once() {
    let mut record = record([2, 0, 0]);
    hear(&mut record, 1, &[&delta(1, 2, &json!({ "0": 2 }))]);
    assert!(record.shown[0].contains("is at 0"), "{:?}", record.shown);
}

#[test]
fn a_delta_that_comes_twice_is_a_fault() {
    let mut record = record([1, 0, 0]);
    let one = delta(0, 1, &json!({ "0": 1 }));
    hear(&mut record, 1, &[&one, &one]);
    assert_eq!(record.faults, 1);
}

#[test]
fn a_sender_who_is_heard_backwards_or_twice_is_a_fault() {
    let mut record = record([2, 0, 0]);
    hear(&mut record, 1, &[&delta(0, 1, &json!({ "0": 2 })), &delta(1, 2, &json!({ "0": 1 }))]);
    assert!(record.shown[0].contains("has heard 2 of 0 and now 1"), "{:?}", record.shown);
}

#[test]
fn an_answer_before_its_effect_or_out_of_turn_is_a_fault() {
    let mut early = record([1, 0, 0]);
    hear(&mut early, 0, &[&reply("ACTION_RESPONSE", 1)]);
    assert!(early.shown[0].contains("was answered 1 and has been told 0"), "{:?}", early.shown);
    let mut swapped = record([2, 0, 0]);
    hear(&mut swapped, 0, &[&delta(0, 1, &json!({ "0": 2 })), &reply("ACTION_RESPONSE", 2)]);
    assert!(swapped.shown[0].contains("waits for the answer to 1"), "{:?}", swapped.shown);
    let mut twice = record([1, 0, 0]);
    let answer = reply("ACTION_RESPONSE", 1);
    hear(&mut twice, 0, &[&delta(0, 1, &json!({ "0": 1 })), &answer, &answer]);
    assert!(twice.faults > 0);
}

#[test]
fn what_was_merged_for_one_client_is_read_for_it_alone() {
    let mut record = record([3, 0, 0]);
    let each: Vec<String> = (0..3).map(|base| delta(base, base + 1, &json!({ "0": base + 1 }))).collect();
    hear(&mut record, 1, &[&each[0], &each[1], &each[2]]);
    hear(&mut record, 2, &[&each[0], &delta(1, 3, &json!({ "0": 3 }))]);
    assert_eq!((record.faults, record.merged, record.delivered), (0, 1, 6), "{:?}", record.shown);
}

#[test]
fn two_may_be_told_the_same_in_other_words() {
    let mut record = record([2, 0, 0]);
    let merged = delta(0, 2, &json!({ "0": 2 }));
    let later = merged.replacen("STATE_DELTA\"", "STATE_DELTA\",\"timestamp\":7", 1);
    hear(&mut record, 1, &[&merged]);
    hear(&mut record, 2, &[&later]);
    assert_eq!((record.faults, record.merged), (0, 1), "{:?}", record.shown);
}

#[test]
fn a_version_of_which_two_things_are_said_is_a_fault() {
    let mut record = record([2, 0, 0]);
    let digest = |payload: String, digest: u64| {
        payload.replacen("\"base\"", &format!("\"digest\":{digest},\"base\""), 1)
    };
    hear(&mut record, 1, &[&digest(delta(0, 1, &json!({ "0": 1 })), 5), &delta(1, 2, &json!({ "0": 2 }))]);
    hear(&mut record, 2, &[&digest(delta(0, 2, &json!({ "0": 2 })), 6)]);
    assert!(record.shown[0].contains("another version 2"), "{:?}", record.shown);
}

#[test]
fn states_are_compared_with_each_other_if_nobody_was_told_every_step() {
    let mut record = record([4, 0, 0]);
    hear(&mut record, 0, &[&delta(0, 2, &json!({ "0": 2 }))]);
    hear(&mut record, 1, &[&delta(0, 1, &json!({ "0": 1 })), &delta(1, 3, &json!({ "0": 3 }))]);
    hear(&mut record, 0, &[&delta(2, 4, &json!({ "0": 4 }))]);
    (1..5).for_each(|request| hear(&mut record, 0, &[&reply("ACTION_RESPONSE", request)]));
    hear(&mut record, 1, &[&delta(3, 4, &json!({ "0": 4 }))]);
    hear(&mut record, 2, &[&delta(0, 4, &json!({ "0": 4 }))]);
    record.mirror = Mirror::default();
    compared(&mut record, &json!({ "lines": [], "said": { "0": 4 } }));
    assert_eq!(record.faults, 0, "{:?}", record.shown);
}

#[test]
fn two_that_are_told_different_things_at_one_place_are_a_fault() {
    let mut record = record([1, 1, 0]);
    hear(&mut record, 1, &[&delta(0, 1, &json!({ "0": 1 }))]);
    hear(&mut record, 2, &[&delta(0, 1, &json!({ "1": 1 }))]);
    assert_eq!(record.faults, 1);
}

#[test]
fn who_has_not_heard_of_somebody_or_shows_something_else_is_found_at_the_end() {
    let mut record = record([1, 0, 0]);
    let one = delta(0, 1, &json!({ "0": 1 }));
    hear(&mut record, 0, &[&one, &reply("ACTION_RESPONSE", 1)]);
    hear(&mut record, 1, &[&one]);
    compared(&mut record, &json!({ "lines": [], "said": {} }));
    // Nobody has been told what the server shows now, and one has not heard of all.
    assert_eq!(record.faults, 3 + 1, "{:?}", record.shown);
}

#[test]
fn a_room_may_begin_to_count_anywhere() {
    let mut record = Record::new(2, false);
    record.say(0, Kind::Room, Instant::now());
    let first: u64 = 1_795_000_000_000;
    let joined = format!(r#"{{"type":"ROOM_JOINED","payload":{{"seq":{first}}}}}"#);
    let payload = json!({ "event": { "from": 0, "number": 1 }, "seq": first + 1 });
    let event = json!({ "type": "ROOM_EVENT", "payload": payload }).to_string();
    hear(&mut record, 0, &[&joined, &event]);
    hear(&mut record, 1, &[&joined, &event]);
    assert_eq!((record.faults, record.delivered), (0, 2), "{:?}", record.shown);
}

#[test]
fn events_come_one_after_the_other() {
    let mut record = Record::new(2, false);
    record.say(0, Kind::Event, Instant::now());
    record.say(0, Kind::Event, Instant::now());
    let event = |seq: u64| {
        let payload = json!({ "event": { "from": 0, "number": seq }, "seq": seq });
        json!({ "type": "COMPONENT_EVENT", "payload": payload }).to_string()
    };
    hear(&mut record, 0, &[&event(1), &event(2)]);
    hear(&mut record, 1, &[&event(1)]);
    assert_eq!((record.faults, record.delivered), (0, 3));
    hear(&mut record, 1, &[r#"{"type":"COMPONENT_EVENT","payload":{"missed":1}}"#]);
    assert_eq!(record.faults, 1);
}
