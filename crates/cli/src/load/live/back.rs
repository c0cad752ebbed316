//! Coming back: the session is taken up on another socket, and with it what was mounted.
//!
//! What must stay true: nothing is taken up that is not what it was. Another version than the one that was shown, or an
//! instance that was rebuilt or mounted afresh, is wrong here, because nobody acts while the sockets are cut.

use std::io::Write as _;

use anyhow::{Context as _, Result};

use super::{Live, Message};
use crate::load::json::{field, plain, whole};
use crate::load::out::Out;
use crate::load::speech::News;

/// The id of the request that takes up the session.
const SESSION: &[u8] = b"\"session\"";
/// What the ids of requests begin with that take up a component.
const BACK: &[u8] = b"\"back-";

impl Live {
    /// Says who we were, and what we had.
    pub(super) fn take_up(&self, out: &mut Out) {
        out.text(|bytes| {
            bytes.extend_from_slice(br#"[{"type":"SESSION_RESUME","payload":{"token":""#);
            bytes.extend_from_slice(&self.token);
            bytes.extend_from_slice(br#""},"requestId":"session"}"#);
            for (at, slot) in self.slots.iter().enumerate().filter(|(_, slot)| !slot.id.is_empty()) {
                bytes.extend_from_slice(br#",{"type":"COMPONENT_RESUME","componentId":""#);
                bytes.extend_from_slice(&slot.id);
                // Writing into memory cannot fail.
                let _ = write!(
                    bytes,
                    r#"","payload":{{"component":"{}","name":"load:{at}","have":{},"heard":0}},"requestId":"back-{at}"}}"#,
                    self.words.component, slot.version
                );
            }
            bytes.push(b']');
        });
    }

    /// Whether this answers one of the requests with which we came back; if so, what it says.
    pub(super) fn is_back(&mut self, message: &Message<'_>, news: &mut Vec<News>) -> Result<bool> {
        let Some(request) = message.request else { return Ok(false) };
        if request == SESSION {
            if field(message.result, "known") != Some(b"true") {
                let what = "the server does not know the session any more";
                news.push(News::Wrong { what: what.to_owned() });
            }
            return Ok(true);
        }
        let Some(slot) = request.strip_prefix(BACK).and_then(|rest| whole(rest.strip_suffix(b"\"")?)) else {
            return Ok(false);
        };
        let slot = slot as usize;
        let known = self.slots.get_mut(slot).context("a way back to no component")?;
        let outcome = field(message.result, "outcome").and_then(plain).unwrap_or_default();
        let version = field(message.result, "version").and_then(whole);
        if outcome != b"resumed" || version != Some(known.version) {
            let outcome = String::from_utf8_lossy(outcome);
            let what = format!(
                "component {slot} was {outcome} at version {version:?}, and {} was shown when the socket was cut",
                known.version
            );
            news.push(News::Wrong { what });
        }
        // It counts from here on.
        known.began = known.shown;
        news.push(News::Back { slot });
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::super::Words;
    use super::*;
    use crate::load::frame::Frame;
    use crate::load::speech::Speech as _;

    const HELLO: &str = r#"{"type":"CONNECTION_ESTABLISHED","session":{"token":"t-1","grace":60000}}"#;
    const MOUNTED: &str = r#"{"type":"MESSAGE_RESPONSE","success":true,"result":{"componentId":"live-a","initialState":{"count":5},"version":2},"requestId":5}"#;
    const SESSION: &str = r#"{"type":"MESSAGE_RESPONSE","originalType":"SESSION_RESUME","success":true,"result":{"token":"t-2","known":true},"requestId":"session"}"#;

    fn hear(live: &mut Live, text: &str) -> (Vec<News>, String) {
        let (mut news, mut out) = (Vec::new(), Out::default());
        live.hear(Frame::Text(text.as_bytes()), &mut news, &mut out).unwrap();
        (news, String::from_utf8_lossy(out.bytes()).into_owned())
    }

    #[track_caller]
    fn comes_back(answer: &str, expected: fn(&[News]) -> bool) {
        let mut words = Words::new("/ws", "Counter", "add", Some("count"));
        words.returns = true;
        let mut live = Live::new(Rc::new(words), 7, 1);
        hear(&mut live, HELLO);
        live.mount(0, &mut Out::default());
        hear(&mut live, MOUNTED);
        live.cut().unwrap();
        let (news, said) = hear(&mut live, &HELLO.replace("t-1", "t-9"));
        assert_eq!(news, [News::Ready]);
        assert!(said.contains(r#""token":"t-1""#) && said.contains(r#""have":2"#), "{said}");
        assert_eq!(hear(&mut live, SESSION).0, []);
        let answer = format!(
            r#"{{"type":"MESSAGE_RESPONSE","success":true,"result":{{{answer}}},"requestId":"back-0"}}"#
        );
        let (news, _) = hear(&mut live, &answer);
        assert!(expected(&news), "{news:?}");
    }

    #[test]
    fn what_comes_back_is_what_was_there() {
        let is_wrong = |news: &[News]| matches!(news, [News::Wrong { .. }, News::Back { slot: 0 }]);
        comes_back(r#""outcome":"resumed","version":2"#, |news| news == [News::Back { slot: 0 }]);
        comes_back(r#""outcome":"resumed","version":3"#, is_wrong);
        comes_back(r#""outcome":"replayed","frames":1,"version":3"#, is_wrong);
        comes_back(
            r#""outcome":"rehydrated","componentId":"live-b","initialState":{},"version":2"#,
            is_wrong,
        );
    }

    #[test]
    fn nobody_comes_back_to_a_server_that_gives_no_session() {
        let mut live = Live::new(Rc::new(Words::new("/ws", "Counter", "add", None)), 7, 1);
        hear(&mut live, r#"{"type":"CONNECTION_ESTABLISHED"}"#);
        assert!(live.cut().is_err());
    }
}
