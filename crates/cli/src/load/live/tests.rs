//! What is made of what a server says, without one.

use super::*;

const HELLO: &str = r#"{"type":"CONNECTION_ESTABLISHED","connectionId":"conn-1","timestamp":1}"#;
const MOUNTED: &str = r#"{"type":"MESSAGE_RESPONSE","originalType":"COMPONENT_MOUNT","componentId":"load:0","success":true,"result":{"componentId":"live-a","initialState":{"count":5,"name":"}"},"version":2},"requestId":5,"timestamp":1}"#;

fn live(change: fn(&mut Words)) -> Live {
    let mut words = Words::new("/ws", "Counter", "add", Some("count"));
    change(&mut words);
    Live::new(Rc::new(words), 7, 1)
}

fn hear(live: &mut Live, text: &str) -> Result<Vec<News>> {
    let mut news = Vec::new();
    live.hear(Frame::Text(text.as_bytes()), &mut news, &mut Out::default())?;
    Ok(news)
}

fn mounted(change: fn(&mut Words)) -> Live {
    let mut live = live(change);
    assert_eq!(hear(&mut live, HELLO).unwrap(), [News::Ready]);
    live.mount(0, &mut Out::default());
    live
}

fn said(act: impl FnOnce(&mut Out)) -> String {
    let mut out = Out::default();
    act(&mut out);
    // A frame that is written is masked with zeroes, and otherwise as one that is read.
    let head = if out.bytes()[1] == 0x80 | 126 { 8 } else { 6 };
    String::from_utf8(out.bytes()[head..].to_vec()).unwrap()
}

#[test]
fn an_action_is_called_and_its_change_and_answer_understood() {
    let mut live = mounted(|_| {});
    assert_eq!(hear(&mut live, MOUNTED).unwrap(), [News::Mounted { slot: 0 }]);
    let call = said(|out| live.call(0, 1, out));
    assert_eq!(
        call,
        r#"{"type":"CALL_ACTION","componentId":"live-a","action":"add","payload":{},"requestId":4}"#
    );
    let batch = r#"[{"type":"STATE_DELTA","componentId":"live-a","payload":{"base":2,"version":3,"digest":1,"delta":{"name":"count","count":6}},"timestamp":1},
        {"type":"ACTION_RESPONSE","originalType":"CALL_ACTION","componentId":"live-a","success":true,"result":6,"requestId":4,"timestamp":1}]"#;
    let expected = [News::Changed { slot: 0, count: 1 }, News::Answered { slot: 0, number: 1 }];
    assert_eq!(hear(&mut live, batch).unwrap(), expected);
}

#[test]
fn versions_have_no_holes() {
    let delta = |base: u64, version: u64, count: u64| {
        format!(
            r#"{{"type":"STATE_DELTA","componentId":"live-a","payload":{{"base":{base},"version":{version},"delta":{{"count":{count}}}}}}}"#
        )
    };
    let mut live = mounted(|_| {});
    hear(&mut live, MOUNTED).unwrap();
    assert_eq!(hear(&mut live, &delta(2, 5, 8)).unwrap(), [News::Merged { slot: 0, count: 3 }]);
    let news = hear(&mut live, &delta(6, 7, 9)).unwrap();
    assert!(matches!(&news[..], [News::Wrong { .. }, News::Changed { slot: 0, count: 4 }]), "{news:?}");
    let update =
        r#"{"type":"STATE_UPDATE","componentId":"live-a","payload":{"state":{"count":12},"version":10}}"#;
    assert_eq!(hear(&mut live, update).unwrap(), [News::Merged { slot: 0, count: 7 }]);
    assert_eq!(hear(&mut live, &delta(10, 11, 13)).unwrap(), [News::Changed { slot: 0, count: 8 }]);
}

#[test]
fn a_mount_waits_for_its_signed_snapshot_if_that_is_wanted() {
    let snapshot =
        r#"{"type":"STATE_SNAPSHOT","componentId":"live-a","payload":{"version":2,"snapshot":"x"}}"#;
    let mut live = mounted(|words| words.is_signed = true);
    assert!(live.path().contains(",resume"));
    assert_eq!(hear(&mut live, MOUNTED).unwrap(), []);
    assert_eq!(hear(&mut live, snapshot).unwrap(), [News::Mounted { slot: 0 }]);
    assert_eq!(hear(&mut live, snapshot).unwrap(), []);
}

#[test]
fn what_is_told_has_a_sender_and_a_number() {
    let mut live = mounted(|words| {
        words.tell = Some(Tell { action: "shout".to_owned(), text: "x".to_owned() });
    });
    hear(&mut live, MOUNTED).unwrap();
    assert!(
        said(|out| live.tell(3, out))
            .contains(r#""payload":{"from":7,"number":3,"text":"x"},"requestId":15}"#)
    );
    let event = r#"{"type":"ROOM_EVENT","component":"C","roomId":"r","payload":{"event":{"text":"","from":4,"number":9},"seq":1}}"#;
    assert_eq!(hear(&mut live, event).unwrap(), [News::Told { from: 4, number: 9 }]);
    let missed = r#"{"type":"COMPONENT_EVENT","componentId":"live-a","payload":{"missed":2}}"#;
    assert!(matches!(&hear(&mut live, missed).unwrap()[..], [News::Wrong { .. }]));
}

#[test]
fn a_refusal_says_what_to_do() {
    for (code, expected) in [("RATE_LIMITED", "Limits::unlimited"), ("TOO_MANY_CALLS", "--in-flight")] {
        let text = format!(
            r#"{{"type":"ERROR","requestId":4,"success":false,"error":"no \"x\"","code":"{code}","payload":{{}}}}"#
        );
        let news = hear(&mut mounted(|_| {}), &text).unwrap();
        let [News::Refused { what }] = &news[..] else { panic!("{news:?}") };
        assert!(what.contains(expected) && what.contains(r#"no "x""#), "{what}");
    }
}

#[test]
fn what_is_no_live_server_is_called_that() {
    for text in [r#"{"type":"welcome"}"#, "{}", "hello"] {
        let error = format!("{:#}", hear(&mut live(|_| {}), text).unwrap_err());
        assert!(error.contains("not a live server") || error.contains("no message"), "{error}");
    }
    let mut live = mounted(|words| words.counts = Some("clicks".to_owned()));
    assert!(hear(&mut live, MOUNTED).unwrap_err().to_string().contains("clicks"));
}
