//! A client of Colyseus 0.18, as far as its own protocol goes: a seat by HTTP, then binary frames.
//!
//! The first byte of a frame is its kind. `10` from the server is a place in the room and the shape of its state, and
//! from the client that it has understood; `14` is the whole state and `15` what changed of it, in the encoding of
//! `@colyseus/schema`; `21` is a request and `22` its answer, `13` a message, both with msgpack in them. Numbers of
//! the protocol and of the state are little-endian, those of msgpack big-endian.
//!
//! A room is a connection, so there is one component, in slot 0. What must stay true: the answer's count is checked
//! against the call's number here, for each call; the state's patches are reported as merged, because they are.

use anyhow::{Context as _, Result, bail, ensure};
use fluxstack_live_cli::load::{Frame, Invitation, News, Out, Speech};
use serde::Deserialize;

use super::Place;
use super::read::Rest;

const JOIN_ROOM: u8 = 10;
const ERROR: u8 = 11;
const LEAVE_ROOM: u8 = 12;
const ROOM_MESSAGE: u8 = 13;
const ROOM_STATE: u8 = 14;
const ROOM_STATE_PATCH: u8 = 15;
const ROOM_REQUEST: u8 = 21;
const ROOM_RESPONSE: u8 = 22;

/// An answer that is not a refusal.
const OK: u8 = 0;
/// Before the number of another part of the state, of which ours has none.
const ANOTHER: u8 = 0xff;
/// Of an operation's byte, which field it is about; the rest is whether that was there before.
const FIELD: u8 = 0x3f;

/// A seat in a room.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seat {
    session_id: String,
    room_id: String,
    #[serde(rename = "processId")]
    server: String,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Colyseus {
    place: Place,
    seat: Option<Seat>,
    /// What it says to the room, as msgpack up to the number.
    before: Vec<u8>,
    /// And after it.
    after: Vec<u8>,
    /// What the state counted when it was last sent.
    count: u64,
    /// The call that was answered last.
    answered: u64,
}

impl Colyseus {
    /// Connection number `who`.
    pub(crate) fn new(who: usize, place: Place, text: &str) -> Self {
        let mut before = vec![0x83];
        pack_text("from", &mut before);
        before.push(0xce);
        before.extend((who as u32).to_be_bytes());
        pack_text("number", &mut before);
        let mut after = Vec::new();
        pack_text("text", &mut after);
        pack_text(text, &mut after);
        Self { place, seat: None, before, after, count: 0, answered: 0 }
    }

    fn message(&mut self, text: &[u8], news: &mut Vec<News>, frame: &mut Rest<'_>) -> Option<()> {
        match frame.byte()? {
            JOIN_ROOM => news.push(News::Ready),
            ROOM_STATE => {
                self.state(frame)?;
                news.push(News::Mounted { slot: 0 });
            }
            ROOM_STATE_PATCH => {
                let before = self.count;
                self.state(frame)?;
                // What was not there when the room was made may come in the first patch as well as in the whole state.
                if self.count < before {
                    news.push(wrong(format!("the state went from {before} to {}", self.count)));
                } else if self.count > before {
                    news.push(News::Merged { slot: 0, count: self.count });
                }
            }
            ROOM_RESPONSE => self.response(frame, news)?,
            ROOM_MESSAGE => {
                frame.past(b"\xa4said")?;
                news.push(told(frame)?);
            }
            ERROR => {
                let code = number(frame)?;
                news.push(News::Refused { what: format!("{code}: {}", String::from_utf8_lossy(text)) });
            }
            _ => return None,
        }
        Some(())
    }

    /// The fields that are sent of the state.
    fn state(&mut self, frame: &mut Rest<'_>) -> Option<()> {
        while !frame.is_over() {
            let operation = frame.byte()?;
            if operation == ANOTHER {
                return None;
            }
            match (self.place, operation & FIELD) {
                (Place::Counter, 0) => self.count = number(frame)?,
                (Place::Counter, 1) => drop(number(frame)?),
                (Place::Counter, 2) => skip_text(frame)?,
                (Place::Room, 0) => drop(frame.byte()?),
                _ => return None,
            }
        }
        Some(())
    }

    fn response(&mut self, frame: &mut Rest<'_>, news: &mut Vec<News>) -> Option<()> {
        let asked = number(frame)?;
        if frame.byte()? != OK {
            let what = String::from_utf8_lossy(frame.0).into_owned();
            news.push(News::Refused { what });
            return Some(());
        }
        let counted = unpack(frame)?;
        if counted != asked || asked <= self.answered {
            news.push(wrong(format!("call {asked} was answered with {counted}, after {}", self.answered)));
        }
        self.answered = asked;
        news.push(match self.place {
            Place::Counter => News::Answered { slot: 0, number: asked },
            Place::Room => News::Said { number: asked },
        });
        Some(())
    }
}

impl Speech for Colyseus {
    fn invitation(&self) -> Option<Invitation> {
        let path = match self.place {
            Place::Counter => "/matchmake/create/counter",
            Place::Room => "/matchmake/joinOrCreate/hall",
        };
        Some(Invitation { method: "POST", path: path.to_owned(), body: b"{}".to_vec() })
    }

    fn invited(&mut self, answer: &[u8]) -> Result<()> {
        let seat = serde_json::from_slice(answer);
        self.seat = Some(seat.with_context(|| format!("no seat: {}", String::from_utf8_lossy(answer)))?);
        Ok(())
    }

    fn path(&self) -> String {
        self.seat.as_ref().map_or_else(String::new, |seat| {
            let Seat { session_id, room_id, server } = seat;
            format!("/{server}/{room_id}?sessionId={session_id}")
        })
    }

    fn begin(&mut self, _out: &mut Out) {}

    fn mount(&mut self, _slot: usize, out: &mut Out) {
        out.binary(|bytes| bytes.push(JOIN_ROOM));
    }

    fn unmount(&mut self, _slot: usize, out: &mut Out) {
        // It closes the connection then.
        out.binary(|bytes| bytes.push(LEAVE_ROOM));
    }

    fn call(&mut self, _slot: usize, number: u64, out: &mut Out) {
        out.binary(|bytes| {
            bytes.push(ROOM_REQUEST);
            write_number(number, bytes);
            pack_text("increment", bytes);
        });
    }

    fn tell(&mut self, number: u64, out: &mut Out) {
        let Self { before, after, .. } = self;
        out.binary(|bytes| {
            bytes.push(ROOM_REQUEST);
            write_number(number, bytes);
            pack_text("tell", bytes);
            bytes.extend_from_slice(before);
            pack(number, bytes);
            bytes.extend_from_slice(after);
        });
    }

    fn hear(&mut self, frame: Frame<'_>, news: &mut Vec<News>, _out: &mut Out) -> Result<()> {
        let Frame::Binary(bytes) = frame else { bail!("Colyseus said what are no bytes: {frame:?}") };
        ensure!(!bytes.is_empty(), "Colyseus said nothing");
        self.message(bytes, news, &mut Rest(bytes)).with_context(|| format!("Colyseus said {bytes:x?}"))
    }
}

/// `{ from, number, text }`, a map whose length npm's msgpack writes with two bytes.
fn told(frame: &mut Rest<'_>) -> Option<News> {
    if frame.past(b"\xde\x00\x03").is_none() {
        frame.past(b"\x83")?;
    }
    frame.past(b"\xa4from")?;
    let from = u32::try_from(unpack(frame)?).ok()?;
    frame.past(b"\xa6number")?;
    let number = unpack(frame)?;
    frame.past(b"\xa4text")?;
    Some(News::Told { from, number })
}

/// A whole number as the protocol and the state have it.
fn number(frame: &mut Rest<'_>) -> Option<u64> {
    Some(match frame.byte()? {
        small @ 0..0x80 => small.into(),
        0xcb => {
            // What is no whole number below 2^31 is a float. Ours are whole.
            let float = f64::from_le_bytes(frame.array()?);
            whole(float)?
        }
        0xca => whole(f32::from_le_bytes(frame.array()?).into())?,
        0xcc => frame.byte()?.into(),
        0xcd => u16::from_le_bytes(frame.array()?).into(),
        0xce => u32::from_le_bytes(frame.array()?).into(),
        0xcf => u64::from_le_bytes(frame.array()?),
        _ => return None,
    })
}

/// A whole number as msgpack has it.
fn unpack(frame: &mut Rest<'_>) -> Option<u64> {
    Some(match frame.byte()? {
        small @ 0..0x80 => small.into(),
        0xcb => whole(f64::from_be_bytes(frame.array()?))?,
        0xcc => frame.byte()?.into(),
        0xcd => u16::from_be_bytes(frame.array()?).into(),
        0xce => u32::from_be_bytes(frame.array()?).into(),
        0xcf => u64::from_be_bytes(frame.array()?),
        _ => return None,
    })
}

fn whole(float: f64) -> Option<u64> {
    (float >= 0.0 && float.fract() == 0.0 && float <= 9_007_199_254_740_992.0).then_some(float as u64)
}

fn write_number(number: u64, out: &mut Vec<u8>) {
    match number {
        small @ 0..0x80 => out.push(small as u8),
        0x80..0x1_0000 => {
            out.push(0xcd);
            out.extend((number as u16).to_le_bytes());
        }
        0x1_0000..0x1_0000_0000 => {
            out.push(0xce);
            out.extend((number as u32).to_le_bytes());
        }
        long => {
            out.push(0xcf);
            out.extend(long.to_le_bytes());
        }
    }
}

fn pack(number: u64, out: &mut Vec<u8>) {
    match u32::try_from(number) {
        Ok(small @ 0..0x80) => out.push(small as u8),
        Ok(short) => {
            out.push(0xce);
            out.extend(short.to_be_bytes());
        }
        Err(_) => {
            out.push(0xcf);
            out.extend(number.to_be_bytes());
        }
    }
}

/// A text as msgpack has it, and the protocol, too, if it is short.
fn pack_text(text: &str, out: &mut Vec<u8>) {
    match text.len() {
        short @ 0..32 => out.push(0xa0 | short as u8),
        long => {
            out.push(0xda);
            out.extend((long as u16).to_be_bytes());
        }
    }
    out.extend(text.as_bytes());
}

/// Goes past a text of the state.
fn skip_text(frame: &mut Rest<'_>) -> Option<()> {
    let length = match frame.byte()? {
        short @ 0xa0..0xc0 => usize::from(short & 0x1f),
        0xd9 => frame.byte()?.into(),
        0xda => u16::from_le_bytes(frame.array()?).into(),
        _ => return None,
    };
    frame.bytes(length).map(drop)
}

fn wrong(what: String) -> News {
    News::Wrong { what }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a recorder shows frames.
    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.split_whitespace().collect::<String>();
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    }

    fn hears(speech: &mut Colyseus, hex: &str) -> Vec<News> {
        let mut news = Vec::new();
        speech.hear(Frame::Binary(&bytes(hex)), &mut news, &mut Out::default()).unwrap();
        news
    }

    /// What was said, without the six bytes before a short frame's payload.
    fn said(say: impl FnOnce(&mut Out)) -> Vec<u8> {
        let mut out = Out::default();
        say(&mut out);
        out.bytes()[6..].to_vec()
    }

    /// Of the counter: its place, and the shape of `count`, `step` and `label`.
    const JOINED: &str =
        "0a0961356b31737767534806736368656d614a8001ff01800002ff0280008203ff03800004800105800206ff
        0480a5636f756e7481a66e756d626572ff0580a47374657081a66e756d626572ff0680a56c6162656c81a6737472696e67";

    #[test]
    fn a_recorded_counter_is_understood() {
        let mut speech = Colyseus::new(7, Place::Counter, "");
        assert_eq!(speech.invitation().unwrap().path, "/matchmake/create/counter");
        let seat =
            br#"{"name":"counter","sessionId":"4Qy9CNsha","roomId":"Ageys_6CD","processId":"-NPJ8rC4G"}"#;
        speech.invited(seat).unwrap();
        assert_eq!(speech.path(), "/-NPJ8rC4G/Ageys_6CD?sessionId=4Qy9CNsha");
        assert_eq!(hears(&mut speech, JOINED), [News::Ready]);
        assert_eq!(said(|out| speech.mount(0, out)), [10]);
        assert_eq!(hears(&mut speech, "0e8000810182a96120636f756e746572"), [News::Mounted { slot: 0 }]);
        assert_eq!(said(|out| speech.call(0, 1, out)), b"\x15\x01\xa9increment");
        assert_eq!(hears(&mut speech, "16010001"), [News::Answered { slot: 0, number: 1 }]);
        assert_eq!(hears(&mut speech, "16020002"), [News::Answered { slot: 0, number: 2 }]);
        assert_eq!(hears(&mut speech, "0f8002"), [News::Merged { slot: 0, count: 2 }]);
        assert_eq!(hears(&mut speech, "0f80cc85"), [News::Merged { slot: 0, count: 0x85 }]);
        assert_eq!(hears(&mut speech, "0f80cd0102"), [News::Merged { slot: 0, count: 0x201 }]);
        assert_eq!(said(|out| speech.unmount(0, out)), [12]);
    }

    #[test]
    fn a_recorded_hall_is_understood() {
        let mut speech = Colyseus::new(7, Place::Room, "hi");
        assert_eq!(speech.invitation().unwrap().path, "/matchmake/joinOrCreate/hall");
        assert_eq!(hears(&mut speech, "0e8001"), [News::Mounted { slot: 0 }]);
        let tell = said(|out| speech.tell(1, out));
        assert_eq!(tell, b"\x15\x01\xa4tell\x83\xa4from\xce\0\0\0\x07\xa6number\x01\xa4text\xa2hi");
        assert_eq!(hears(&mut speech, "16010001"), [News::Said { number: 1 }]);
        let heard = hears(&mut speech, "0da473616964de0003a466726f6d07a66e756d62657201a474657874a26869");
        assert_eq!(heard, [News::Told { from: 7, number: 1 }]);
    }

    #[test]
    fn the_whole_state_may_come_again_as_the_first_patch() {
        let mut speech = Colyseus::new(0, Place::Counter, "");
        hears(&mut speech, "0e8000810182a96120636f756e746572");
        assert_eq!(hears(&mut speech, "0f8000810182a96120636f756e746572"), []);
        assert_eq!(hears(&mut speech, "0f8005"), [News::Merged { slot: 0, count: 5 }]);
        assert!(matches!(&hears(&mut speech, "0f8004")[..], [News::Wrong { .. }]));
    }

    #[test]
    fn an_answer_that_counts_wrongly_or_comes_twice_is_wrong() {
        let mut speech = Colyseus::new(0, Place::Counter, "");
        assert_eq!(hears(&mut speech, "16010001"), [News::Answered { slot: 0, number: 1 }]);
        for hex in ["16010001", "16020003"] {
            let news = hears(&mut speech, hex);
            assert!(matches!(&news[..], [News::Wrong { .. }, News::Answered { .. }]), "{news:?}");
        }
    }

    #[test]
    fn what_it_never_says_fails_the_run() {
        let mut speech = Colyseus::new(0, Place::Counter, "");
        for hex in ["", "63", "0fff01", "0f8004800180", "0f83", "1601", "0da473616964"] {
            let heard = speech.hear(Frame::Binary(&bytes(hex)), &mut Vec::new(), &mut Out::default());
            assert!(heard.is_err(), "{hex}");
        }
        assert!(speech.hear(Frame::Text(b"x"), &mut Vec::new(), &mut Out::default()).is_err());
    }

    #[test]
    fn numbers_of_any_length_are_read_as_they_are_written() {
        for value in [0, 1, 127, 128, 255, 256, 65_535, 65_536, u64::from(u32::MAX), 1 << 32, (1 << 53) - 1] {
            let (mut schema, mut packed) = (Vec::new(), Vec::new());
            write_number(value, &mut schema);
            pack(value, &mut packed);
            assert_eq!(number(&mut Rest(&schema)), Some(value), "{value}");
            assert_eq!(unpack(&mut Rest(&packed)), Some(value), "{value}");
        }
        assert_eq!(number(&mut Rest(&[0xcb, 0, 0, 0, 0, 0, 0, 0xe8, 0x41])), Some(3 << 30));
        assert_eq!(number(&mut Rest(&[0xcb, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f])), None);
    }
}
