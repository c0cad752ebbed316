//! The words of our own protocol, as `docs/protocol.md` has them: what any client of version 3 says.
//!
//! It keeps of each component its id, its version and where its count began, and looks at nothing else of what it hears.
//! Each change must begin at the version before it, so a hole in the versions is found even where nobody counts.

use std::collections::HashMap;
use std::io::Write as _;
use std::rc::Rc;

use anyhow::{Context as _, Result, bail, ensure};

use super::frame::Frame;
use super::json::{Scan, field, plain, signed, whole};
use super::out::Out;
use super::speech::{News, Speech};

mod back;
mod sending;

pub use sending::{Content, Sending};

/// What is said to the server, for all connections alike. What is JSON must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Path of the WebSocket, and a query if the application wants one.
    pub path: String,
    /// The component that is mounted.
    pub component: String,
    /// Its props, as JSON.
    pub props: String,
    /// The action that is called.
    pub action: String,
    /// Its arguments, as JSON.
    pub args: String,
    /// The field of the state that goes up by one with each call, if there is one.
    pub counts: Option<String>,
    /// Whether a mount is done only when the signed snapshot of it has come.
    pub is_signed: bool,
    /// Whether what is mounted is to outlive its socket, and is taken up again on the next.
    pub returns: bool,
    /// What is said to a room: an action with the arguments `from`, `number` and `text` that emits an event with the same.
    pub tell: Option<Tell>,
}

/// How something is said to everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tell {
    /// The action.
    pub action: String,
    /// What is said. Nothing in it needs escaping.
    pub text: String,
}

impl Words {
    /// Those for an action without arguments of a component without props.
    pub fn new(path: &str, component: &str, action: &str, counts: Option<&str>) -> Self {
        Self {
            path: path.to_owned(),
            component: component.to_owned(),
            props: "{}".to_owned(),
            action: action.to_owned(),
            args: "{}".to_owned(),
            counts: counts.map(str::to_owned),
            is_signed: false,
            returns: false,
            tell: None,
        }
    }
}

/// One connection of version 3.
pub struct Live {
    words: Rc<Words>,
    who: usize,
    slots: Vec<Slot>,
    ids: HashMap<Vec<u8>, usize>,
    /// Whose news came last. It is often the next one's, too.
    last: usize,
    is_greeted: bool,
    /// What proves who we were, should the socket be cut.
    token: Vec<u8>,
    /// Whether it was cut, and nothing was taken up since.
    is_cut: bool,
}

#[derive(Default)]
struct Slot {
    /// The server's name for it; empty if it is not there.
    id: Vec<u8>,
    /// All of a call but its number.
    call: Vec<u8>,
    version: u64,
    /// What the state counted when it was mounted.
    began: i64,
    /// What it counted last.
    shown: i64,
    /// How often it was asked for.
    times: u64,
    is_answered: bool,
    is_signed: bool,
}

/// What a request is, in the lowest digits of its id.
const CALL: u64 = 0;
const MOUNT: u64 = 1;
const UNMOUNT: u64 = 2;
const TELL: u64 = 3;
const KINDS: u64 = 4;

/// The fields of a message that somebody looks at.
#[derive(Default)]
struct Message<'a> {
    kind: &'a [u8],
    id: &'a [u8],
    payload: &'a [u8],
    request: Option<&'a [u8]>,
    success: &'a [u8],
    result: &'a [u8],
    error: &'a [u8],
    code: &'a [u8],
    fields: &'a [u8],
    session: &'a [u8],
    arrived: Option<&'a [u8]>,
    hash: Option<&'a [u8]>,
}

impl Live {
    /// What speaks for a connection with room for so many components.
    pub fn new(words: Rc<Words>, who: usize, slots: usize) -> Self {
        let mut all = Vec::new();
        all.resize_with(slots.max(1), Slot::default);
        Self {
            words,
            who,
            slots: all,
            ids: HashMap::new(),
            last: 0,
            is_greeted: false,
            token: Vec::new(),
            is_cut: false,
        }
    }

    /// A number that says which request it is, and is the server's to give back.
    fn request(&self, kind: u64, slot: usize, number: u64) -> u64 {
        (number * self.slots.len() as u64 + slot as u64) * KINDS + kind
    }

    fn slot_of(&mut self, id: &[u8]) -> Option<usize> {
        if self.slots[self.last].id != id {
            self.last = *self.ids.get(id)?;
        }
        Some(self.last)
    }

    fn message(&mut self, message: &Message<'_>, news: &mut Vec<News>) -> Result<()> {
        match message.kind {
            b"\"ACTION_RESPONSE\"" | b"\"MESSAGE_RESPONSE\"" => self.answer(message, news),
            b"\"STATE_DELTA\"" => self.delta(message, news).context("a delta that cannot be read"),
            b"\"STATE_UPDATE\"" => self.update(message, news).context("a state that cannot be read"),
            b"\"ROOM_EVENT\"" | b"\"COMPONENT_EVENT\"" => {
                event(message, news);
                Ok(())
            }
            b"\"STATE_SNAPSHOT\"" => {
                if let Some(slot) = plain(message.id).and_then(|id| self.slot_of(id)) {
                    let known = &mut self.slots[slot];
                    if !known.is_signed && known.is_answered && self.words.is_signed {
                        news.push(News::Mounted { slot });
                    }
                    known.is_signed = true;
                }
                Ok(())
            }
            b"\"CONNECTION_ESTABLISHED\"" if !self.is_greeted => {
                self.is_greeted = true;
                if let Some(token) = field(message.session, "token").and_then(plain)
                    && !self.is_cut
                {
                    self.token = token.to_owned();
                }
                news.push(News::Ready);
                Ok(())
            }
            b"\"ERROR\"" => {
                news.push(refusal(message));
                Ok(())
            }
            kind if !self.is_greeted => bail!(
                "this is a WebSocket, but not a live server: it said {:?} first",
                String::from_utf8_lossy(&kind[..kind.len().min(80)])
            ),
            _ => Ok(()),
        }
    }

    fn answer(&mut self, message: &Message<'_>, news: &mut Vec<News>) -> Result<()> {
        if message.success != b"true" {
            news.push(refusal(message));
            return Ok(());
        }
        if self.words.returns && self.is_back(message, news)? {
            return Ok(());
        }
        let request = message.request.and_then(whole).context("an answer to nothing that was asked")?;
        let slots = self.slots.len() as u64;
        let (kind, rest) = (request % KINDS, request / KINDS);
        let (slot, number) = ((rest % slots) as usize, rest / slots);
        match kind {
            CALL => news.push(News::Answered { slot, number }),
            TELL => news.push(News::Said { number }),
            MOUNT => {
                if number != self.slots[slot].times {
                    news.push(News::Wrong {
                        what: format!("a mount of component {slot} was answered twice"),
                    });
                    return Ok(());
                }
                self.mounted(slot, message, news)?;
            }
            _ => {
                let id = std::mem::take(&mut self.slots[slot].id);
                self.ids.remove(&id);
                news.push(News::Unmounted { slot });
            }
        }
        Ok(())
    }

    fn mounted(&mut self, slot: usize, message: &Message<'_>, news: &mut Vec<News>) -> Result<()> {
        let (mut id, mut state, mut version) = (None, None, None);
        Scan::new(message.result).object(|name, value| match name {
            b"componentId" => id = plain(value),
            b"initialState" => state = Some(value),
            b"version" => version = whole(value),
            _ => {}
        });
        let (id, state) = id.zip(state).context("a mount without an id and a state")?;
        let Words { action, args, counts, component, is_signed, .. } = &*self.words;
        let known = &mut self.slots[slot];
        known.version = version.unwrap_or_default();
        known.began = match counts {
            Some(counts) => {
                let count = field(state, counts).and_then(signed);
                count.with_context(|| {
                    format!("{component} has no whole number in a field {counts:?} to count by")
                })?
            }
            None => 0,
        };
        known.shown = known.began;
        known.call.clear();
        known.call.extend_from_slice(br#"{"type":"CALL_ACTION","componentId":""#);
        known.call.extend_from_slice(id);
        write!(known.call, r#"","action":"{action}","payload":{args},"requestId":"#)?;
        known.is_answered = true;
        if known.is_signed || !is_signed {
            news.push(News::Mounted { slot });
        }
        known.id = id.to_owned();
        self.ids.insert(id.to_owned(), slot);
        Ok(())
    }

    fn delta(&mut self, message: &Message<'_>, news: &mut Vec<News>) -> Option<()> {
        // What was under way when a component was told to go.
        let Some(slot) = self.slot_of(plain(message.id)?) else { return Some(()) };
        let (mut base, mut version, mut delta) = (None, None, None);
        Scan::new(message.payload).object(|name, value| match name {
            b"base" => base = whole(value),
            b"version" => version = whole(value),
            b"delta" => delta = Some(value),
            _ => {}
        })?;
        let (base, version) = (base?, version?);
        let known = &mut self.slots[slot];
        if base != known.version || version <= base {
            let had = known.version;
            let what = format!("a delta of component {slot} from {base} to {version}, when {had} was shown");
            news.push(News::Wrong { what });
        }
        if version <= known.version {
            // What a client would not look at.
            return Some(());
        }
        known.version = version;
        let Some(counts) = &self.words.counts else { return Some(()) };
        let Some(count) = delta.and_then(|delta| field(delta, counts)) else { return Some(()) };
        known.shown = signed(count)?;
        let count = known.shown.saturating_sub(known.began).try_into().ok()?;
        let is_one = version == base + 1;
        news.push(if is_one { News::Changed { slot, count } } else { News::Merged { slot, count } });
        Some(())
    }

    fn update(&mut self, message: &Message<'_>, news: &mut Vec<News>) -> Option<()> {
        let Some(slot) = self.slot_of(plain(message.id)?) else { return Some(()) };
        let known = &mut self.slots[slot];
        known.version = field(message.payload, "version").and_then(whole)?;
        if let Some(counts) = &self.words.counts {
            known.shown = signed(field(field(message.payload, "state")?, counts)?)?;
            let count = known.shown.saturating_sub(known.began).try_into().ok()?;
            news.push(News::Merged { slot, count });
        }
        Some(())
    }
}

impl Speech for Live {
    const SHOWS_FIRST: bool = true;

    fn path(&self) -> String {
        let Words { path, is_signed, returns, .. } = &*self.words;
        let joint = if path.contains('?') { '&' } else { '?' };
        let resume = if *is_signed || *returns { ",resume" } else { "" };
        format!("{path}{joint}v=3&caps=delta,batch{resume}&client=load-{}", self.who)
    }

    // The server speaks first.
    fn begin(&mut self, _out: &mut Out) {}

    fn mount(&mut self, slot: usize, out: &mut Out) {
        let known = &mut self.slots[slot];
        known.times += 1;
        known.is_answered = false;
        known.is_signed = false;
        let request = self.request(MOUNT, slot, self.slots[slot].times);
        let Words { component, props, .. } = &*self.words;
        out.text(|bytes| {
            put(
                bytes,
                format_args!(
                    r#"{{"type":"COMPONENT_MOUNT","componentId":"load:{slot}","payload":{{"component":"{component}","props":{props}}},"requestId":{request}}}"#
                ),
            );
        });
    }

    fn unmount(&mut self, slot: usize, out: &mut Out) {
        let request = self.request(UNMOUNT, slot, self.slots[slot].times);
        out.text(|bytes| {
            bytes.extend_from_slice(br#"{"type":"COMPONENT_UNMOUNT","componentId":""#);
            bytes.extend_from_slice(&self.slots[slot].id);
            put(bytes, format_args!(r#"","requestId":{request}}}"#));
        });
    }

    fn call(&mut self, slot: usize, number: u64, out: &mut Out) {
        let request = self.request(CALL, slot, number);
        out.text(|bytes| {
            bytes.extend_from_slice(&self.slots[slot].call);
            put(bytes, format_args!("{request}}}"));
        });
    }

    fn tell(&mut self, number: u64, out: &mut Out) {
        let Some(Tell { action, text }) = &self.words.tell else { return };
        let (who, request) = (self.who, self.request(TELL, 0, number));
        out.text(|bytes| {
            bytes.extend_from_slice(br#"{"type":"CALL_ACTION","componentId":""#);
            bytes.extend_from_slice(&self.slots[0].id);
            put(
                bytes,
                format_args!(
                    r#"","action":"{action}","payload":{{"from":{who},"number":{number},"text":"{text}"}},"requestId":{request}}}"#
                ),
            );
        });
    }

    fn cut(&mut self) -> Result<()> {
        ensure!(!self.token.is_empty(), "the server gives no session to come back to");
        (self.is_greeted, self.is_cut) = (false, true);
        Ok(())
    }

    fn hear(&mut self, frame: Frame<'_>, news: &mut Vec<News>, out: &mut Out) -> Result<()> {
        let Frame::Text(text) = frame else { return Ok(()) };
        let unreadable =
            || format!("no message: {:?}", String::from_utf8_lossy(&text[..text.len().min(200)]));
        let mut scan = Scan::new(text);
        let is_batch = scan.take(b'[').is_some();
        loop {
            let message = read(&mut scan).with_context(unreadable)?;
            self.message(&message, news)?;
            if !is_batch || scan.take(b',').is_none() {
                break;
            }
        }
        if is_batch {
            scan.take(b']').with_context(unreadable)?;
        }
        ensure!(scan.is_over(), unreadable());
        if self.is_cut && self.is_greeted {
            self.is_cut = false;
            self.take_up(out);
        }
        Ok(())
    }
}

fn read<'a>(scan: &mut Scan<'a>) -> Option<Message<'a>> {
    let mut message = Message::default();
    scan.object(|name, value| match name {
        b"type" => message.kind = value,
        b"componentId" => message.id = value,
        b"payload" => message.payload = value,
        b"requestId" => message.request = Some(value),
        b"success" => message.success = value,
        b"result" => message.result = value,
        b"error" => message.error = value,
        b"code" => message.code = value,
        b"fields" => message.fields = value,
        b"session" => message.session = value,
        b"bytesUploaded" => message.arrived = Some(value),
        b"hash" => message.hash = Some(value),
        _ => {}
    })?;
    Some(message)
}

/// Something that was told, or a number of those that were not.
fn event(message: &Message<'_>, news: &mut Vec<News>) {
    let (mut event, mut missed) = (None, None);
    Scan::new(message.payload).object(|name, value| match name {
        b"event" => event = Some(value),
        b"missed" => missed = whole(value),
        _ => {}
    });
    if let Some(missed) = missed {
        let what = format!("{missed} events were dropped, because this connection reads too slowly");
        news.push(News::Wrong { what });
    }
    let (mut from, mut number) = (None, None);
    Scan::new(event.unwrap_or_default()).object(|name, value| match name {
        b"from" => from = whole(value).and_then(|from| u32::try_from(from).ok()),
        b"number" => number = whole(value),
        _ => {}
    });
    if let Some((from, number)) = from.zip(number) {
        news.push(News::Told { from, number });
    }
}

/// What the server said, and what to do about it.
fn refusal(message: &Message<'_>) -> News {
    let text = |value: &[u8]| match serde_json::from_slice(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::from_utf8_lossy(value).into_owned(),
    };
    let code = text(message.code);
    let advice = match &*code {
        "COMPONENT_NOT_FOUND" => "; a component has the name of its Rust type, such as Counter",
        "NOT_CALLABLE" => "; is it in the `#[actions]` of this component, and `pub`?",
        "BAD_PAYLOAD" | "INVALID" => "; arguments are given with --args, props with --props, both as JSON",
        "RATE_LIMITED" => {
            "; a measurement wants a server without Limits::rate (take Limits::unlimited), or less: the scenario `rate` \
             keeps to --rate"
        }
        "TOO_MANY_CALLS" => "; less --in-flight, or a server with more Limits::calls",
        "TOO_MANY_INSTANCES" => "; fewer --components, or a server with more Limits::instances",
        "BUSY" => "; less --in-flight for each of --components, or a server with more Limits::mailbox",
        "UNAUTHENTICATED" | "FORBIDDEN" => "; `flux load` is nobody, unless the address has a ?token=",
        _ => "",
    };
    let fields = if message.fields.is_empty() { String::new() } else { format!(" {}", text(message.fields)) };
    News::Refused { what: format!("{code}: {}{fields}{advice}", text(message.error)) }
}

fn put(bytes: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing into memory cannot fail.
    let _ = bytes.write_fmt(text);
}

#[cfg(test)]
mod tests;
