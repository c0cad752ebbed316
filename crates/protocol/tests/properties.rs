//! What must hold for any input: the decoder, the digest, deltas and their merging.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]

use std::collections::BTreeMap;

use fluxstack_live_protocol::ClientBody;
use fluxstack_live_protocol::Raw;
use fluxstack_live_protocol::delta::{self, Delta, Mismatch, Writer};
use fluxstack_live_protocol::{Dialect, decode, digest, frame, legacy};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no infinity", |number| number.is_finite()).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(".{0,4}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The protocol page's definition, written a second time: on values, not on text.
fn reference_digest(value: &Value) -> u32 {
    match value {
        Value::Null => 0x6e75_6c6c,
        Value::Bool(false) => 0x6661_6c73,
        Value::Bool(true) => 0x7472_7565,
        Value::Number(number) => digest::of_number(number.as_f64().unwrap()),
        Value::String(text) => {
            let units: Vec<u16> = text.encode_utf16().collect();
            let hash =
                units.iter().fold(0x7374_7230u32, |h, unit| (h ^ u32::from(*unit)).wrapping_mul(0x0100_0193));
            digest::mix(hash ^ units.len() as u32)
        }
        Value::Array(items) => {
            let steps = items.iter().fold(0x6172_7230u32, |h, item| {
                h.wrapping_mul(0x9e37_79b1).wrapping_add(reference_digest(item))
            });
            digest::mix(steps ^ items.len() as u32)
        }
        Value::Object(entries) => {
            let sum = entries.iter().fold(0u32, |sum, (key, value)| {
                let key = reference_digest(&Value::from(key.as_str()));
                let entry = key.wrapping_mul(0x9e37_79b1).wrapping_add(reference_digest(value));
                sum.wrapping_add(digest::mix(entry))
            });
            digest::mix(sum ^ entries.len() as u32 ^ 0x6f62_6a30)
        }
    }
}

/// One turn of a component with a number, a list and a map.
#[derive(Debug, Clone)]
enum Change {
    Count(i64),
    Splice { at: usize, removed: usize, inserted: Vec<i64> },
    Whole(Vec<i64>),
    Put(String, i64),
    Drop(String),
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        any::<i32>().prop_map(|count| Change::Count(count.into())),
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), vec(0i64..100, 0..4)).prop_map(
            |(at, removed, inserted)| Change::Splice {
                at: at.index(1_000),
                removed: removed.index(1_000),
                inserted
            }
        ),
        vec(0i64..100, 0..5).prop_map(Change::Whole),
        ("[a-d]", 0i64..100).prop_map(|(key, value)| Change::Put(key, value)),
        "[a-d]".prop_map(Change::Drop),
    ]
}

#[derive(Debug, Clone, Default)]
struct Model {
    count: i64,
    items: Vec<i64>,
    lines: BTreeMap<String, i64>,
}

impl Model {
    fn state(&self) -> Map<String, Value> {
        let state = json!({ "count": self.count, "items": self.items, "lines": self.lines });
        state.as_object().cloned().unwrap()
    }

    /// Changes the model and writes the payload a server would send.
    fn turn(&mut self, change: &Change, base: u64) -> Vec<u8> {
        let mut writer = Writer::default();
        match change {
            Change::Count(count) => {
                self.count = *count;
                writer.set("count", count.to_string().as_bytes());
            }
            Change::Splice { at, removed, inserted } => {
                let at = at % (self.items.len() + 1);
                let removed = removed % (self.items.len() - at + 1);
                self.items.splice(at..at + removed, inserted.iter().copied());
                let mut edit = vec![json!(at), json!(removed)];
                edit.extend(inserted.iter().map(|item| json!(item)));
                writer.splice("items", json!([edit]).to_string().as_bytes());
            }
            Change::Whole(items) => {
                self.items.clone_from(items);
                writer.set("items", json!(items).to_string().as_bytes());
            }
            Change::Put(key, value) => {
                self.lines.insert(key.clone(), *value);
                writer.merge("lines", json!([{ key.as_str(): value }, []]).to_string().as_bytes());
            }
            Change::Drop(key) => {
                self.lines.remove(key);
                writer.merge("lines", json!([{}, [key]]).to_string().as_bytes());
            }
        }
        let text = serde_json::to_vec(&self.state()).unwrap();
        let mut payload = Vec::new();
        writer.finish(base, base + 1, digest::of_json(&text).unwrap(), &mut payload);
        payload
    }
}

/// Every `type` that a client can send.
const KINDS: [&str; 21] = [
    "COMPONENT_MOUNT",
    "SESSION_RESUME",
    "COMPONENT_RESUME",
    "COMPONENT_UNMOUNT",
    "CALL_ACTION",
    "PROPERTY_UPDATE",
    "PROPS_UPDATE",
    "COMPONENT_EVENT",
    "CALL_BATCH",
    "ROOM_JOIN",
    "ROOM_LEAVE",
    "ROOM_EMIT",
    "ROOM_STATE_SET",
    "ROOM_STATE_GET",
    "AUTH",
    "STATE_RESYNC",
    "COMPONENT_PING",
    "FILE_UPLOAD_START",
    "FILE_UPLOAD_CHUNK",
    "FILE_UPLOAD_COMPLETE",
    "FILE_UPLOAD_CANCEL",
];

/// Whether an older client's data travels as a field of its own, and not as the fields of the event.
fn is_put_aside(content: &Value) -> bool {
    content.as_object().is_none_or(|fields| fields.contains_key("type"))
}

/// Something that is nearly a payload.
fn any_payload() -> impl Strategy<Value = Value> {
    let key =
        "(component|name|rooms|props|calls|atomic|since|history|event|self|roomId|data|state|initialState)";
    let call = btree_map("(componentId|action|payload|callId|acked)", any_json(), 0..5)
        .prop_map(|map| Value::Object(map.into_iter().collect()));
    let value = prop_oneof![
        any_json(),
        any::<bool>().prop_map(Value::from),
        "[a-z]{1,3}".prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        vec(prop_oneof![any_json(), call], 0..4).prop_map(Value::from),
        btree_map("[a-z*]{1,2}", any::<u32>(), 0..4).prop_map(|rooms| json!(rooms)),
    ];
    btree_map(key, value, 0..8).prop_map(|map| Value::Object(map.into_iter().collect()))
}

proptest! {
    #[test]
    fn the_decoder_survives_anything(text in "\\PC{0,200}") {
        if let Ok(messages) = frame::split(&text, true) {
            for message in messages.iter() {
                drop(decode(message, Dialect::NATIVE));
                drop(decode(message, Dialect::LEGACY));
            }
        }
        let _ = digest::of_json(text.as_bytes());
        let _ = Delta::parse(text.as_bytes());
    }

    #[test]
    fn the_decoder_survives_anything_that_looks_like_a_message(
        kind in prop_oneof!["[A-Z_]{0,20}", prop::sample::select(KINDS.as_slice()).prop_map(str::to_owned)],
        fields in btree_map(
            "(componentId|requestId|action|property|roomId|event|data|expectResponse|x)", any_json(), 0..6
        ),
        payload in prop_oneof![any_json(), any_payload()],
    ) {
        let mut message: Map<String, Value> = fields.into_iter().collect();
        message.insert("type".to_owned(), Value::from(kind));
        message.insert("payload".to_owned(), payload);
        let text = Value::Object(message).to_string();
        for dialect in [Dialect::NATIVE, Dialect::LEGACY] {
            match decode(&text, dialect) {
                Ok(_) => {}
                Err(refusal) => {
                    let mut frame = Vec::new();
                    refusal.write(1, &mut frame);
                    prop_assert!(serde_json::from_slice::<Value>(&frame).is_ok(), "{refusal:?}");
                }
            }
        }
    }

    #[test]
    fn a_call_of_a_batch_is_read_like_one_that_comes_alone(
        calls in vec((".{0,8}", ".{0,8}", any_json(), prop::option::of(1u64..1 << 53), any::<u64>()), 0..8),
        atomic: bool,
    ) {
        let spelled: Vec<_> = calls.iter().map(|(component_id, action, payload, number, acked)| {
            let mut call = json!({ "componentId": component_id, "action": action, "payload": payload, "acked": acked });
            if let Some(number) = number {
                call["callId"] = json!(format!("o-{number}"));
            }
            call
        }).collect();
        let text = json!({ "type": "CALL_BATCH", "payload": { "calls": spelled, "atomic": atomic } }).to_string();
        let body = decode(&text, Dialect::NATIVE).unwrap().body;
        let ClientBody::Batch { calls: found, atomic: is_atomic } = body else { panic!("{body:?}") };
        prop_assert_eq!((found.len(), is_atomic), (calls.len(), atomic));
        for (found, mut alone) in found.iter().zip(spelled) {
            alone["type"] = json!("CALL_ACTION");
            let alone = alone.to_string();
            let alone = decode(&alone, Dialect::NATIVE).unwrap();
            prop_assert_eq!(Some(&found.component_id), alone.component_id.as_ref());
            prop_assert_eq!((&found.call, found.acked), (&alone.call, alone.acked));
            let ClientBody::Call { action, args } = alone.body else { panic!("{alone:?}") };
            prop_assert_eq!((&found.action, found.args.map(Raw::get)), (&action, args.map(Raw::get)));
        }
    }

    #[test]
    fn what_one_older_client_says_in_a_room_another_one_hears(name in ".{0,8}", content in any_json()) {
        let event = legacy::event(&name, Some(&content.to_string())).unwrap();
        let (heard, rest) = legacy::named(&event);
        prop_assert_eq!(&heard, &name);
        let expected = match content {
            Value::Null => json!({}),
            // These two look the same in between.
            Value::Object(mut only) if only.len() == 1 && only.get("data").is_some_and(is_put_aside) => {
                only.remove("data").unwrap()
            }
            other => other,
        };
        prop_assert_eq!(serde_json::from_str::<Value>(&rest).unwrap(), expected);
    }

    #[test]
    fn every_event_is_heard_by_older_clients(event in any_json()) {
        let text = event.to_string();
        let (name, content) = legacy::named(&text);
        let content: Value = serde_json::from_str(&content).unwrap();
        match event.get("type").and_then(Value::as_str) {
            Some(kind) => prop_assert_eq!(kind, name.as_ref()),
            None => prop_assert_eq!((name.as_ref(), content), ("event", event)),
        }
    }

    #[test]
    fn the_digest_of_text_is_the_digest_of_its_value(value in any_json()) {
        prop_assert_eq!(digest::of_json(value.to_string().as_bytes()), Some(reference_digest(&value)));
        let pretty = serde_json::to_vec_pretty(&value).unwrap();
        prop_assert_eq!(digest::of_json(&pretty), Some(reference_digest(&value)));
    }

    #[test]
    fn deltas_lead_where_the_server_is(changes in vec(any_change(), 1..20)) {
        let mut model = Model::default();
        let mut shown = model.state();
        for (version, change) in (0u64..).zip(&changes) {
            let delta = Delta::parse(&model.turn(change, version)).unwrap();
            prop_assert_eq!(delta.apply(&mut shown, version), Ok(()));
            prop_assert_eq!(&shown, &model.state());
        }
    }

    #[test]
    fn merged_deltas_do_what_they_did_one_by_one(changes in vec(any_change(), 2..20)) {
        let mut model = Model::default();
        let mut shown = model.state();
        let payloads: Vec<_> = (0u64..).zip(&changes).map(|(version, change)| model.turn(change, version)).collect();
        let merged = payloads.iter().skip(1).fold(payloads[0].clone(), |merged, next| delta::merge(&merged, next).unwrap());
        let merged = Delta::parse(&merged).unwrap();
        prop_assert_eq!((merged.base, merged.version), (0, changes.len() as u64));
        prop_assert_eq!(merged.apply(&mut shown, 0), Ok(()));
        prop_assert_eq!(shown, model.state());
    }

    /// Whatever is dropped, doubled or reordered: the screen is right, or it is known to be wrong.
    #[test]
    fn a_screen_is_right_or_asks(
        changes in vec(any_change(), 1..20),
        deliveries in vec((any::<prop::sample::Index>(), any::<bool>()), 0..40),
    ) {
        let mut model = Model::default();
        let mut at_version = vec![model.state()];
        let mut payloads = Vec::new();
        for (version, change) in (0u64..).zip(&changes) {
            payloads.push(model.turn(change, version));
            at_version.push(model.state());
        }
        let (mut shown, mut version) = (at_version[0].clone(), 0u64);
        for (which, tampered) in deliveries {
            let mut delta = Delta::parse(&payloads[which.index(payloads.len())]).unwrap();
            if tampered {
                delta.digest ^= 1;
            }
            if delta.version <= version {
                continue;
            }
            let mut next = shown.clone();
            match delta.apply(&mut next, version) {
                Ok(()) => (shown, version) = (next, delta.version),
                Err(Mismatch::Gap { .. } | Mismatch::Digest) => {}
                Err(other) => prop_assert!(false, "{other}"),
            }
            prop_assert_eq!(&shown, &at_version[version as usize]);
        }
    }
}
