//! `CALL_BATCH`: several calls in one message.

use crate::raw::Raw;
use serde::Deserialize;

use super::{Fault, MAX_BATCH, bad, call_id, flag, name, number, object};
use crate::code::Code;
use crate::message::{BatchCall, ClientBody};
use crate::pieces::items;

#[derive(Deserialize, Default)]
struct Payload<'a> {
    #[serde(borrow)]
    calls: Option<Raw<'a>>,
    #[serde(borrow)]
    atomic: Option<Raw<'a>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, rename = "componentId")]
    component_id: Option<Raw<'a>>,
    #[serde(borrow)]
    action: Option<Raw<'a>>,
    #[serde(borrow)]
    payload: Option<Raw<'a>>,
    #[serde(borrow, rename = "callId")]
    call_id: Option<Raw<'a>>,
    #[serde(borrow)]
    acked: Option<Raw<'a>>,
    #[serde(borrow)]
    optimistic: Option<Raw<'a>>,
}

pub(super) fn read(payload: Option<Raw<'_>>) -> Result<ClientBody<'_>, Fault> {
    let Payload { calls, atomic } = object(payload)?;
    let atomic = flag(atomic).ok_or(bad("`payload.atomic` must be true or false"))?;
    let calls = calls.and_then(|calls| items(calls.get(), MAX_BATCH));
    let calls = calls.ok_or(bad("`payload.calls` must be a list"))?;
    if calls.total > MAX_BATCH {
        return Err((Code::TooLarge, "a batch has at most 4096 calls"));
    }
    let calls: Result<Vec<_>, Fault> = calls.first.into_iter().map(call).collect();
    Ok(ClientBody::Batch { calls: calls?, atomic })
}

fn call(raw: Raw<'_>) -> Result<BatchCall<'_>, Fault> {
    // A derived struct would also read an array, by position.
    let raw = Some(raw.get()).filter(|text| text.starts_with('{'));
    let call: Option<Call<'_>> = raw.and_then(|text| serde_json::from_str(text).ok());
    let call = call.ok_or(bad("each of `payload.calls` must be an object that has no field twice"))?;
    Ok(BatchCall {
        component_id: name(call.component_id).ok_or(bad("`componentId` of a call must be a short string"))?,
        action: name(call.action).ok_or(bad("`action` of a call must be a short string"))?,
        args: call.payload,
        call: call_id(call.call_id)
            .ok_or(bad("`callId` of a call must be an origin, `-` and a number from 1"))?,
        acked: number(call.acked).ok_or(bad("`acked` of a call must be a number from 0"))?,
        optimistic: flag(call.optimistic).ok_or(bad("`optimistic` of a call must be true or false"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, decode};

    fn message(payload: &str) -> String {
        format!(r#"{{"type":"CALL_BATCH","payload":{payload},"requestId":1}}"#)
    }

    #[track_caller]
    fn check(payload: &str, expected: Result<(usize, bool), Code>) {
        let text = message(payload);
        for dialect in [Dialect::NATIVE, Dialect::LEGACY] {
            let found = match decode(&text, dialect) {
                Ok(message) => match message.body {
                    ClientBody::Batch { calls, atomic } => Ok((calls.len(), atomic)),
                    other => panic!("{text:.80}: {other:?}"),
                },
                Err(refusal) => {
                    assert_eq!(refusal.request_id.as_deref(), Some("1"), "{text:.80}");
                    Err(refusal.code)
                }
            };
            assert_eq!(found, expected, "{text:.80}");
        }
    }

    #[test]
    fn a_batch_is_read_without_touching_any_arguments() {
        let text = message(
            r#"{"calls":[{"componentId":"live-1","action":"add","payload":{"by":1},"callId":"o-2","acked":1,"optimistic":true,"x":[]},
                         {"componentId":"live-2","action":"stop"}],"atomic":true}"#,
        );
        let Ok(ClientBody::Batch { calls, atomic: true }) =
            decode(&text, Dialect::NATIVE).map(|message| message.body)
        else {
            panic!("{text}")
        };
        let named: Vec<_> = calls
            .iter()
            .map(|call| (call.component_id.as_ref(), call.action.as_ref(), call.args.map(Raw::get)))
            .collect();
        assert_eq!(named, [("live-1", "add", Some(r#"{"by":1}"#)), ("live-2", "stop", None)]);
        let names: Vec<_> = calls.iter().map(|call| (call.call.clone(), call.acked)).collect();
        let guesses: Vec<_> = calls.iter().map(|call| call.optimistic).collect();
        assert_eq!(guesses, [true, false]);
        assert_eq!(names, ["o-2".parse().map(|call| (Some(call), 1)), Ok((None, 0))].map(Result::unwrap));
    }

    #[test]
    fn a_batch_is_a_list_of_calls() {
        const CALL: &str = r#"{"componentId":"live-1","action":"add"}"#;
        check(r#"{"calls":[]}"#, Ok((0, false)));
        check(&format!(r#"{{"calls":[{CALL},{CALL}],"atomic":false,"x":1}}"#), Ok((2, false)));
        check(&format!(r#"{{"calls":[{CALL}],"atomic":null}}"#), Ok((1, false)));
        for wrong in [
            "{}",
            "[]",
            "5",
            r#"{"calls":{}}"#,
            r#"{"calls":"x"}"#,
            r#"{"calls":[],"calls":[]}"#,
            r#"{"calls":[],"atomic":1}"#,
            r#"{"calls":[],"atomic":"true"}"#,
            r#"{"calls":[null]}"#,
            r#"{"calls":[["live-1","add",null,null,null]]}"#,
            r#"{"calls":[{"action":"add"}]}"#,
            r#"{"calls":[{"componentId":"live-1"}]}"#,
            r#"{"calls":[{"componentId":1,"action":"add"}]}"#,
            r#"{"calls":[{"componentId":"live-1","action":["add"]}]}"#,
            r#"{"calls":[{"componentId":"live-1","action":"add","action":"sub"}]}"#,
            r#"{"calls":[{"componentId":"live-1","action":"add","callId":"o-0"}]}"#,
            r#"{"calls":[{"componentId":"live-1","action":"add","acked":-1}]}"#,
            r#"{"calls":[{"componentId":"live-1","action":"add","optimistic":1}]}"#,
            r#"{"calls":[{"componentId":"live-1","action":"\ud800"}]}"#,
        ] {
            check(wrong, Err(Code::BadPayload));
        }
        let long = "x".repeat(super::super::MAX_NAME + 1);
        check(
            &format!(r#"{{"calls":[{{"componentId":"live-1","action":"{long}"}}]}}"#),
            Err(Code::BadPayload),
        );
    }

    #[test]
    fn a_batch_that_is_too_long_is_not_read_to_its_end() {
        let calls = |count: usize| vec![r#"{"componentId":"live-1","action":"add"}"#; count].join(",");
        check(&format!(r#"{{"calls":[{}]}}"#, calls(MAX_BATCH)), Ok((MAX_BATCH, false)));
        check(&format!(r#"{{"calls":[{}]}}"#, calls(MAX_BATCH + 1)), Err(Code::TooLarge));
        check(&format!(r#"{{"calls":[{}0]}}"#, "0,".repeat(100_000)), Err(Code::TooLarge));
    }

    #[test]
    fn arguments_may_be_as_deep_as_the_frame() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let call = format!(r#"{{"componentId":"live-1","action":"add","payload":{deep}}}"#);
        check(&format!(r#"{{"calls":[{call}]}}"#), Ok((1, false)));
    }
}
