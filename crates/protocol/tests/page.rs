//! `docs/protocol.md` says what the code does.

use fluxstack_live_protocol::channel::{self, ChannelFrame};
use fluxstack_live_protocol::message::Failure;
use fluxstack_live_protocol::{
    CloseCode, Code, Delta, Dialect, InstanceId, Reply, ReplyKind, ServerMessage, decode, dialect, digest,
};
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
    let all: Vec<_> = CloseCode::ALL.iter().map(|code| code.number().to_string()).collect();
    assert_eq!(on_page, all);
}

#[test]
fn the_page_shows_channels_as_they_are_read_and_written() {
    let start = PAGE.find("## Channels").expect("the page has a chapter on channels");
    let example = PAGE[start..].split("```").nth(1).expect("with an example");
    let lines: Vec<_> = example.lines().filter_map(|line| line.split_once(" ► ")).collect();
    let (ours, theirs): (Vec<_>, Vec<_>) = lines.into_iter().partition(|(who, _)| who.trim() == "server");
    let heard: Vec<_> = theirs.iter().map(|(_, text)| channel::read(text).expect("a frame")).collect();
    let query = "v=3&caps=delta,batch,resume&client=5f0c…";
    assert_eq!(heard[..2], [(1, ChannelFrame::Open(query)), (2, ChannelFrame::Open("v=3&token=…"))]);
    assert!(matches!(heard[2], (1, ChannelFrame::Text(text)) if text.starts_with('{')), "{heard:?}");
    assert_eq!(heard[3], (1, ChannelFrame::Close));
    let written = [
        channel::greeting(32, 1 << 20),
        channel::frame(1, "{\"type\":\"CONNECTION_ESTABLISHED\",…}".as_bytes()),
        channel::closed(2, 4403),
    ];
    assert_eq!(ours.iter().map(|(_, text)| text.as_bytes().to_vec()).collect::<Vec<_>>(), written);
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

/// Every example on the page, also those of an array that is spelled over several lines.
fn examples() -> impl Iterator<Item = Value> {
    let object = |line: &str| {
        let line = line.trim_matches(|letter: char| " [],".contains(letter));
        serde_json::from_str(line).ok().filter(|example: &Value| example["type"].is_string())
    };
    PAGE.lines().filter_map(object)
}

/// The example that has these values.
#[track_caller]
fn example(kind: &str, original: Option<&str>) -> Value {
    let found = examples().find(|frame| {
        frame["type"] == kind && original.is_none_or(|original| frame["originalType"] == original)
    });
    found.expect("the page has an example of it")
}

#[track_caller]
fn check(message: &ServerMessage<'_>, expected: &Value) {
    let mut frame = Vec::new();
    message.write(1, &mut frame);
    let found: Value = serde_json::from_slice(&frame).expect("a frame is JSON");
    assert_eq!(&found, expected);
}

#[test]
fn every_request_on_the_page_is_known() {
    let start = PAGE.find("## What a client sends").expect("the page has a chapter on requests");
    let end = start + PAGE[start..].find("\n\n`props`").expect("a table is followed by text");
    let rows = PAGE[start..end].lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let kinds: Vec<_> = rows.flat_map(|cell| cell.split(", ")).map(|kind| kind.trim_matches('`')).collect();
    assert!(kinds.contains(&"CALL_ACTION") && kinds.contains(&"ROOM_EMIT"), "{kinds:?}");
    for kind in kinds.into_iter().filter(|kind| *kind != "type") {
        let code =
            decode(&format!("{{\"type\":\"{kind}\"}}"), Dialect::NATIVE).err().map(|refusal| refusal.code);
        assert_ne!(code, Some(Code::UnknownType), "{kind}");
    }
}

#[test]
fn every_request_in_an_example_is_understood() {
    let requests: Vec<_> = examples()
        .filter(|example| example["requestId"].is_string() && example["success"].is_null())
        .map(|example| example.to_string())
        .collect();
    assert!(requests.len() >= 10, "{requests:?}");
    for text in requests {
        assert!(decode(&text, Dialect::NATIVE).is_ok(), "{text}: {:?}", decode(&text, Dialect::NATIVE));
    }
}

#[test]
fn the_examples_about_others_are_written_by_this_code() {
    let reply = |kind, expected: &Value, user| {
        let result = expected["result"].to_string();
        let message = ServerMessage::Reply(Reply {
            kind,
            component_id: expected["componentId"].as_str(),
            request_id: Some(&expected["requestId"].to_string()),
            user,
            room: None,
            upload: None,
            held: false,
            outcome: Ok(Some(result.as_bytes())),
        });
        check(&message, expected);
    };
    reply(ReplyKind::JoinRoom, &example("MESSAGE_RESPONSE", Some("ROOM_JOIN")), None);
    reply(ReplyKind::Auth, &example("AUTH_RESPONSE", Some("AUTH")), Some("ada"));
    let done = example("CALL_DONE", None);
    let calls = ["k3f9a1c2-17".parse().expect("a call")];
    let mut frame = Vec::new();
    ServerMessage::Done { instance: InstanceId::from_u128(0), calls: &calls }.write(1, &mut frame);
    let mut found: Value = serde_json::from_slice(&frame).expect("a frame is JSON");
    // The page's id is cut short.
    found["componentId"] = done["componentId"].clone();
    assert_eq!(found, done);
    let event = Some(br#"{"type":"typing"}"#.as_slice());
    let spoken = ServerMessage::RoomEvent { component: "Chat", room: "lobby", seq: 42, event };
    check(&spoken, &example("ROOM_EVENT", None));
}

#[test]
fn the_answers_about_files_are_written_by_this_code() {
    let kinds = [
        (ReplyKind::UploadStart, "FILE_UPLOAD_START_RESPONSE"),
        (ReplyKind::UploadChunk, "FILE_UPLOAD_PROGRESS"),
        (ReplyKind::UploadComplete, "FILE_UPLOAD_COMPLETE"),
        (ReplyKind::UploadChunk, "FILE_UPLOAD_ERROR"),
    ];
    for (kind, name) in kinds {
        let expected = examples().find(|frame| frame["type"] == name && frame["success"].is_boolean());
        let expected = expected.expect("the page has an example of it");
        let mut rest = expected.as_object().expect("a frame").clone();
        let envelope =
            ["type", "componentId", "uploadId", "success", "error", "code", "requestId", "timestamp"];
        rest.retain(|field, _| !envelope.contains(&field.as_str()));
        let rest = Value::from(rest).to_string();
        let code = Code::ALL.iter().copied().find(|code| expected["code"] == code.as_str());
        let failure = |code| Failure {
            code,
            error: expected["error"].as_str().expect("a sentence"),
            fields: None,
            extra: Some(rest.as_bytes()),
        };
        let message = ServerMessage::Reply(Reply {
            kind,
            component_id: expected["componentId"].as_str(),
            request_id: Some(&expected["requestId"].to_string()),
            user: None,
            room: None,
            upload: expected["uploadId"].as_str(),
            held: false,
            outcome: code.map_or(Ok(Some(rest.as_bytes())), |code| Err(failure(code))),
        });
        check(&message, &expected);
    }
}

#[test]
fn every_cap_is_on_the_page_in_the_same_order() {
    let start = PAGE.find("| word | what it can |").expect("the page has a table of caps");
    let rows = PAGE[start..].lines().skip(2).map_while(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.collect::<Vec<_>>(), dialect::CAPS);
    let listed = dialect::CAPS.iter().map(|cap| format!("\"{cap}\"")).collect::<Vec<_>>().join(",");
    assert!(PAGE.contains(&format!("\"caps\":[{listed}],")), "the hello on the page");
}
