//! The transcripts in `conformance/`, played against a real server in memory. The format is described in
//! `conformance/README.md`; the TypeScript client honours the same files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

mod app;
mod screen;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use fluxstack_live::Uploads;
use fluxstack_live::auth::{Credentials, Identity};
use fluxstack_live::testing::{Client, Harness};
use screen::Screen;
use serde_json::Value;

/// Sends the client's lines and compares what comes back with the server's.
async fn check(name: &str, transcript: &str) {
    // Whoever names themselves is believed, unless it is a wrong name.
    let by_name = async |credentials: Credentials| {
        let name = credentials.token().filter(|name| *name != "wrong");
        Ok(name.map(|name| Identity::new(name.to_owned())))
    };
    let folder = Folder::new(name);
    let harness =
        Harness::new(app::live().authenticator(by_name).uploads(Uploads::at(&folder.0)).build().unwrap());
    let caps = transcript.lines().find_map(|line| line.strip_prefix("caps: ")).unwrap_or("delta,batch");
    let query = format!("v=3&caps={caps}&client=page");
    let mut client = harness.connect_with(&query).await.unwrap();
    let mut names = HashMap::new();
    let mut said_hello = false;
    // Where states may come in any number of frames, they are shown instead of compared.
    let is_loose = transcript.lines().any(|line| line.starts_with("soon:"));
    let (mut seen, mut hoped) = (Screen::default(), Screen::default());
    for (index, line) in transcript.lines().enumerate() {
        let place = format!("{name}:{}", index + 1);
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        match kind {
            ">" => {
                let mut frame = fill(parse(rest, &place), &names);
                if is_loose && frame["payload"]["have"].is_u64() {
                    frame["payload"]["have"] = seen.version(&frame["componentId"]).into();
                }
                match frame.as_object_mut().and_then(|header| header.remove("binary")) {
                    Some(part) => client.send_binary(binary(&frame, &part)).await,
                    None => client.send(frame).await,
                }
            }
            "<" | "lose:" => {
                let expected = match parse(rest, &place) {
                    Value::Array(messages) => messages,
                    message => vec![message],
                };
                for expected in expected {
                    let found = loop {
                        let found =
                            if said_hello { next(&mut client, &place).await } else { client.hello().clone() };
                        said_hello = true;
                        if !(is_loose && seen.show(&found)) {
                            break found;
                        }
                    };
                    if is_loose {
                        hoped.show(&expected);
                    }
                    compare(&expected, &found, &mut names).unwrap_or_else(|why| {
                        panic!("{place}: {why}\nexpected {expected}\n   found {found}")
                    });
                }
            }
            "soon:" => {
                let expected = parse(rest, &place);
                assert!(hoped.show(&expected), "{place}: this is no state");
                let id = &expected["componentId"];
                let real = fill(id.clone(), &names);
                loop {
                    // A name that is bound by what is not it yet is not bound.
                    let mut bound = names.clone();
                    match compare(&hoped.state(id), &seen.state(&real), &mut bound) {
                        Ok(()) => {
                            names = bound;
                            break;
                        }
                        Err(why) => {
                            let found = next(&mut client, &format!("{place}: {why}")).await;
                            assert!(seen.show(&found), "{place}: {why}, and then came {found}");
                        }
                    }
                }
            }
            "cut:" => {
                drop(client);
                // Time passes only when everything waits, so the server has seen it by then.
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                client = harness.connect_with(&query).await.unwrap();
                said_hello = false;
            }
            "caps:" | "auth:" | "app:" | "view:" | "bent:" | "lost:" | "" => {}
            _ if kind.starts_with('#') => {}
            _ => panic!("{place}: no such kind of line: {line}"),
        }
    }
    // Nothing may be left that the transcript does not know of.
    tokio::task::yield_now().await;
    let mut left = client.arrived();
    left.retain(|message| !(is_loose && seen.show(message)));
    assert!(left.is_empty(), "{name}: the server said more than the transcript: {left:?}");
}

/// Where files come in while one transcript is played.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("live-conformance-{}-{name}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Where nothing came in there is none.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A binary frame with this part of the text that all files consist of.
fn binary(header: &Value, part: &Value) -> Vec<u8> {
    let header = header.to_string().into_bytes();
    let number = |at: usize| part[at].as_u64().unwrap();
    let bytes = (number(0)..number(0) + number(1)).map(|place| 32 + u8::try_from(place % 95).unwrap());
    let length = u32::try_from(header.len()).unwrap().to_le_bytes();
    length.into_iter().chain(header).chain(bytes).collect()
}

async fn next(client: &mut Client, place: &str) -> Value {
    let patience = std::time::Duration::from_secs(60);
    match tokio::time::timeout(patience, client.next()).await {
        Ok(Some(message)) => message,
        Ok(None) => panic!("{place}: the server closed"),
        Err(_) => panic!("{place}: the server said nothing"),
    }
}

fn parse(text: &str, place: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{place}: {error}"))
}

/// Puts the values that names stand for into a frame.
fn fill(value: Value, names: &HashMap<String, Value>) -> Value {
    match value {
        Value::String(text) if text.starts_with('$') => match names.get(&text) {
            Some(value) => value.clone(),
            // It was the client's to make up.
            None => text[1..].into(),
        },
        Value::Array(items) => items.into_iter().map(|item| fill(item, names)).collect(),
        Value::Object(entries) => entries.into_iter().map(|(key, value)| (key, fill(value, names))).collect(),
        other => other,
    }
}

fn compare(expected: &Value, found: &Value, names: &mut HashMap<String, Value>) -> Result<(), String> {
    match (expected, found) {
        (Value::String(text), _) if text == "$_" => Ok(()),
        (Value::String(text), found) if text.starts_with('$') => match names.get(text) {
            Some(bound) if bound == found => Ok(()),
            Some(bound) => Err(format!("{text} was {bound} and is {found}")),
            None => {
                names.insert(text.clone(), found.clone());
                Ok(())
            }
        },
        (Value::Object(expected), Value::Object(found)) => {
            let named = |key: &&String| key.as_str() != "timestamp";
            if let Some(key) = found.keys().filter(named).find(|key| !expected.contains_key(*key)) {
                return Err(format!("`{key}` was not expected"));
            }
            for (key, expected) in expected.iter().filter(|(key, _)| key.as_str() != "timestamp") {
                let found = found.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
                if let ("caps", Value::Array(expected), Value::Array(found)) = (key.as_str(), expected, found)
                {
                    // A server may be able to do more than the conversation needs.
                    match expected.iter().find(|cap| !found.contains(cap)) {
                        Some(cap) => return Err(format!("caps: {cap} is missing")),
                        None => continue,
                    }
                }
                compare(expected, found, names).map_err(|why| format!("{key}: {why}"))?;
            }
            Ok(())
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            expected.iter().zip(found).try_for_each(|(expected, found)| compare(expected, found, names))
        }
        (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => Ok(()),
        (expected, found) if expected == found => Ok(()),
        (expected, found) => Err(format!("expected {expected}, found {found}")),
    }
}

#[tokio::test(start_paused = true)]
async fn the_server_honours_every_transcript() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance");
    let mut played = 0;
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "txt")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        check(&name, &fs::read_to_string(file).unwrap()).await;
        played += 1;
    }
    assert!(played >= 10, "only {played} transcripts were found");
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "expected 1, found 0")]
async fn a_transcript_that_is_wrong_fails() {
    let transcript = r#"
< "$_"
> {"type":"COMPONENT_MOUNT","componentId":"c","payload":{"component":"Counter","props":{"count":0}},"requestId":"1"}
< {"type":"MESSAGE_RESPONSE","originalType":"COMPONENT_MOUNT","componentId":"c","success":true,"result":{"componentId":"$c","initialState":{"count":0},"version":1,"digest":"$_"},"requestId":"1"}
"#;
    check("inline", transcript).await;
}
