//! The answer to most requests, the short way.

use super::last::push_id;
use super::{begin_reply, end, held_field};
use crate::id::InstanceId;
use crate::message::ReplyKind;

/// Appends the answer to a request that was done, about an instance: what [`ServerMessage::Reply`] would be, shorter to
/// write because everything in it is known to need no escaping. Not for answers about uploads or credentials, nor about
/// rooms for older clients, which have frames of their own.
///
/// ```
/// use fluxstack_live_protocol::{encode::write_answer, InstanceId, ReplyKind};
/// let mut out = Vec::new();
/// write_answer(ReplyKind::Call, InstanceId::from_u128(0), Some(b"7"), false, b"1", 5, &mut out);
/// assert!(String::from_utf8(out).unwrap().ends_with(r#","success":true,"result":7,"requestId":1,"timestamp":5}"#));
/// ```
pub fn write_answer(
    kind: ReplyKind,
    instance: InstanceId,
    result: Option<&[u8]>,
    held: bool,
    request_id: &[u8],
    now: u64,
    out: &mut Vec<u8>,
) {
    out.reserve(192 + result.map_or(0, <[u8]>::len) + request_id.len());
    if kind == ReplyKind::Call {
        // Nearly all of them are.
        out.extend_from_slice(
            b"{\"type\":\"ACTION_RESPONSE\",\"originalType\":\"CALL_ACTION\",\"componentId\":\"",
        );
    } else {
        begin_reply(kind, out);
        out.extend_from_slice(b",\"componentId\":\"");
    }
    push_id(out, instance);
    out.extend_from_slice(b"\",\"success\":true");
    if let Some(result) = result {
        out.extend_from_slice(b",\"result\":");
        out.extend_from_slice(result);
    }
    held_field(out, held);
    out.extend_from_slice(b",\"requestId\":");
    out.extend_from_slice(request_id);
    end(out, now);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Reply, ServerMessage};

    #[test]
    fn an_answer_is_the_reply_that_says_the_same() {
        use ReplyKind::{Batch, Call, Event, Mount, Props, ReadList, Resume, Resync, Unmount, Write};
        let results: [Option<&[u8]>; 3] = [None, Some(b"7"), Some(b"{\"a\":\"\\n\"}")];
        // One after the other and again, because the last id is remembered.
        for instance in [1, 1, 2, 1].map(InstanceId::from_u128) {
            let id = instance.to_string();
            for kind in [Call, Batch, Write, Props, Event, Mount, Resume, Resync, Unmount, ReadList] {
                for result in results {
                    for held in [false, true] {
                        let reply = ServerMessage::Reply(Reply {
                            kind,
                            component_id: Some(&id),
                            request_id: Some("\"r\""),
                            user: None,
                            room: None,
                            upload: None,
                            held,
                            outcome: Ok(result),
                        });
                        let (mut expected, mut found) = (Vec::new(), Vec::new());
                        reply.write(9, &mut expected);
                        write_answer(kind, instance, result, held, b"\"r\"", 9, &mut found);
                        assert_eq!(String::from_utf8(found), String::from_utf8(expected));
                    }
                }
            }
        }
    }
}
