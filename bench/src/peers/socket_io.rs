//! A client of Socket.IO, as far as its own protocol goes: Engine.IO 4 in text frames, Socket.IO 5 in those.
//!
//! `0{…}` opens, `40` connects, `42["name",…]` is an event, digits before the bracket ask for an acknowledgement, which
//! comes as `43` with the same digits. `2` is a ping and `3` its answer.

use std::collections::VecDeque;
use std::io::Write as _;

use anyhow::{Context as _, Result, bail};
use fluxstack_live_cli::load::{Frame, News, Out, Speech};

use super::Place;
use super::read::Rest;

/// What an acknowledgement is of.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Mount { slot: usize },
    Unmount { slot: usize },
    Call { slot: usize, number: u64 },
    Tell { number: u64 },
}

/// One connection.
#[derive(Debug)]
pub(crate) struct SocketIo {
    who: usize,
    place: Place,
    /// What is said to the room, as JSON.
    text: String,
    /// The digits of the next request.
    next: u64,
    /// What was asked for and not acknowledged, by its digits.
    asked: VecDeque<(u64, Asked)>,
}

impl SocketIo {
    /// Connection number `who`.
    pub(crate) fn new(who: usize, place: Place, text: &str) -> Self {
        let text = serde_json::Value::from(text).to_string();
        Self { who, place, text, next: 0, asked: VecDeque::new() }
    }

    /// Asks for something: `write` adds what stands between the brackets.
    fn ask(&mut self, asked: Asked, out: &mut Out, write: impl FnOnce(&mut Vec<u8>)) {
        let id = self.next;
        self.next += 1;
        self.asked.push_back((id, asked));
        out.text(|bytes| {
            // A vector takes all that is written.
            let _ = write!(bytes, "42{id}[");
            write(bytes);
            bytes.push(b']');
        });
    }

    fn acknowledged(&mut self, mut rest: Rest<'_>, news: &mut Vec<News>) -> Option<()> {
        let id = rest.digits()?;
        rest.past(b"[")?;
        // The first, from a server that acknowledges in order.
        let Some(at) = self.asked.iter().position(|(asked, _)| *asked == id) else {
            news.push(wrong(format!("it acknowledged {id}, which nobody waits for")));
            return Some(());
        };
        let (_, asked) = self.asked.remove(at)?;
        match asked {
            Asked::Mount { slot } => news.push(News::Mounted { slot }),
            Asked::Unmount { slot } => news.push(News::Unmounted { slot }),
            Asked::Call { slot, number } => {
                let count = rest.digits()?;
                if count != number {
                    news.push(wrong(format!("call {number} was answered with {count}")));
                }
                news.push(News::Answered { slot, number });
            }
            Asked::Tell { number } => {
                if rest.digits()? != number {
                    news.push(wrong(format!("what was said as number {number} was answered as another")));
                }
                news.push(News::Said { number });
            }
        }
        Some(())
    }
}

impl Speech for SocketIo {
    /// It sends in the order in which it was told to, and its program sends the event first.
    const SHOWS_FIRST: bool = true;

    fn path(&self) -> String {
        "/socket.io/?EIO=4&transport=websocket".to_owned()
    }

    fn begin(&mut self, _out: &mut Out) {}

    fn mount(&mut self, slot: usize, out: &mut Out) {
        let place = self.place;
        self.ask(Asked::Mount { slot }, out, |bytes| match place {
            Place::Counter => drop(write!(bytes, "\"mount\",{slot}")),
            Place::Room => bytes.extend(b"\"join\""),
        });
    }

    fn unmount(&mut self, slot: usize, out: &mut Out) {
        let place = self.place;
        self.ask(Asked::Unmount { slot }, out, |bytes| match place {
            Place::Counter => drop(write!(bytes, "\"unmount\",{slot}")),
            Place::Room => bytes.extend(b"\"leave\""),
        });
    }

    fn call(&mut self, slot: usize, number: u64, out: &mut Out) {
        self.ask(Asked::Call { slot, number }, out, |bytes| drop(write!(bytes, "\"increment\",{slot}")));
    }

    fn tell(&mut self, number: u64, out: &mut Out) {
        let (who, text) = (self.who, std::mem::take(&mut self.text));
        self.ask(Asked::Tell { number }, out, |bytes| {
            drop(write!(bytes, r#""tell",{{"from":{who},"number":{number},"text":{text}}}"#));
        });
        self.text = text;
    }

    fn hear(&mut self, frame: Frame<'_>, news: &mut Vec<News>, out: &mut Out) -> Result<()> {
        let Frame::Text(text) = frame else { bail!("Socket.IO said what is no text: {frame:?}") };
        let understood = match text {
            [b'4', b'2', rest @ ..] => event(Rest(rest), news),
            [b'4', b'3', rest @ ..] => self.acknowledged(Rest(rest), news),
            b"2" => {
                out.text(|bytes| bytes.push(b'3'));
                Some(())
            }
            [b'0', b'{', ..] => {
                out.text(|bytes| bytes.extend(b"40"));
                Some(())
            }
            [b'4', b'0', ..] => {
                news.push(News::Ready);
                Some(())
            }
            [b'4', b'4', rest @ ..] => {
                news.push(News::Refused { what: String::from_utf8_lossy(rest).into_owned() });
                Some(())
            }
            _ => None,
        };
        understood.with_context(|| format!("Socket.IO said {:?}", String::from_utf8_lossy(text)))
    }
}

fn event(mut rest: Rest<'_>, news: &mut Vec<News>) -> Option<()> {
    if rest.past(br#"["state",{"slot":"#).is_some() {
        let slot = usize::try_from(rest.digits()?).ok()?;
        rest.past(br#","count":"#)?;
        news.push(News::Changed { slot, count: rest.digits()? });
        return rest.past(b"}]");
    }
    rest.past(br#"["said",{"from":"#)?;
    let from = u32::try_from(rest.digits()?).ok()?;
    rest.past(br#","number":"#)?;
    news.push(News::Told { from, number: rest.digits()? });
    rest.past(br#","text":""#)
}

fn wrong(what: String) -> News {
    News::Wrong { what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hears(speech: &mut SocketIo, text: &str) -> (Vec<News>, Vec<u8>) {
        let (mut news, mut out) = (Vec::new(), Out::default());
        speech.hear(Frame::Text(text.as_bytes()), &mut news, &mut out).unwrap();
        (news, out.bytes().to_vec())
    }

    /// What was said, without the six bytes before a short frame's payload.
    fn said(say: impl FnOnce(&mut Out)) -> String {
        let mut out = Out::default();
        say(&mut out);
        String::from_utf8(out.bytes()[6..].to_vec()).unwrap()
    }

    #[test]
    fn a_recorded_counter_is_understood() {
        let mut speech = SocketIo::new(7, Place::Counter, "");
        let open = r#"0{"sid":"GdZLrhUfvuevE4GzAAAA","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        assert_eq!(hears(&mut speech, open), (vec![], b"\x81\x82\0\0\0\x0040".to_vec()));
        assert_eq!(hears(&mut speech, r#"40{"sid":"H6ifu2a2KVGT0SI3AAAA"}"#).0, [News::Ready]);
        assert_eq!(said(|out| speech.mount(3, out)), r#"420["mount",3]"#);
        assert_eq!(
            hears(&mut speech, r#"430[{"count":0,"step":1,"label":"a counter"}]"#).0,
            [News::Mounted { slot: 3 }]
        );
        assert_eq!(said(|out| speech.call(3, 1, out)), r#"421["increment",3]"#);
        assert_eq!(said(|out| speech.call(3, 2, out)), r#"422["increment",3]"#);
        let state = hears(&mut speech, r#"42["state",{"slot":3,"count":1}]"#).0;
        assert_eq!(state, [News::Changed { slot: 3, count: 1 }]);
        assert_eq!(hears(&mut speech, "431[1]").0, [News::Answered { slot: 3, number: 1 }]);
        assert_eq!(hears(&mut speech, "2"), (vec![], b"\x81\x81\0\0\0\x003".to_vec()));
        assert_eq!(hears(&mut speech, "432[2]").0, [News::Answered { slot: 3, number: 2 }]);
        assert_eq!(said(|out| speech.unmount(3, out)), r#"423["unmount",3]"#);
        assert_eq!(hears(&mut speech, "433[]").0, [News::Unmounted { slot: 3 }]);
    }

    #[test]
    fn a_recorded_room_is_understood() {
        let mut speech = SocketIo::new(7, Place::Room, "h\"i");
        assert_eq!(said(|out| speech.mount(0, out)), r#"420["join"]"#);
        assert_eq!(hears(&mut speech, "430[]").0, [News::Mounted { slot: 0 }]);
        assert_eq!(said(|out| speech.tell(1, out)), r#"421["tell",{"from":7,"number":1,"text":"h\"i"}]"#);
        assert_eq!(hears(&mut speech, "431[1]").0, [News::Said { number: 1 }]);
        let said = hears(&mut speech, r#"42["said",{"from":9,"number":12,"text":"hi"}]"#).0;
        assert_eq!(said, [News::Told { from: 9, number: 12 }]);
    }

    #[test]
    fn an_answer_that_counts_wrongly_or_comes_twice_is_wrong() {
        let mut speech = SocketIo::new(0, Place::Counter, "");
        said(|out| speech.call(0, 1, out));
        let news = hears(&mut speech, "430[2]").0;
        assert!(matches!(&news[..], [News::Wrong { .. }, News::Answered { number: 1, .. }]), "{news:?}");
        let news = hears(&mut speech, "430[1]").0;
        assert!(matches!(&news[..], [News::Wrong { .. }]), "{news:?}");
    }

    #[test]
    fn what_it_never_says_fails_the_run() {
        let mut speech = SocketIo::new(0, Place::Counter, "");
        for text in ["", "1", "41", r#"42["other",1]"#, r#"42["state",{"count":1}]"#, "43x[1]"] {
            let heard = speech.hear(Frame::Text(text.as_bytes()), &mut Vec::new(), &mut Out::default());
            assert!(heard.is_err(), "{text}");
        }
        assert!(speech.hear(Frame::Binary(b"0{"), &mut Vec::new(), &mut Out::default()).is_err());
    }
}
