//! What the floors have in common: the words, and a counter behind them.
//!
//! A floor is what a server would cost that knew nothing but this one application: it reads the envelope with typed
//! serde, counts, and sends the bytes that the live server sends: all that waits for a connection in one frame. The three
//! floors differ in their sockets only. They serve clients that announce `batch`. What must stay true: whatever runs against the live server of `live.rs` runs against a floor, as long
//! as it keeps to [`Counter`](super::live::Counter) and [`Room`](super::live::Room), and hears the same.

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::batch::Batch;
use super::live::{LABEL, ROOM};

/// The first frame's number of the room, which is a time in the live server.
static SEQ: AtomicU64 = AtomicU64::new(1_700_000_000_000);
/// Connections so far.
static CONNECTIONS: AtomicU32 = AtomicU32::new(0);

/// As long as a session's token of the live server.
const TOKEN: &str = "AQAFc3RvcmUBAAAAAAAAAAAAAAAAAAAAAAAAAADUuJOpaa5Apa0c0wfPlZAOAAAAAAAAAAAAAAAAAAAAAAAAAaIFB9xLEOyCVw5eeSRiceS_jKeeQBU9AHTHUOPlJAVW_a1phTo";
/// As long as a signed snapshot of a counter. Floors sign nothing.
const SNAPSHOT: &str = "AQAFYmVuY2gCAAAAB0NvdW50ZXJGpmNZYdFFn5Gts3JBf2e-DSVWCEeuSvih04fTiM7AJQAAAAAAAAAAAAAAAQAAAAEAAAGiBRLLr3sidmVyc2lvbiI6MCwicHJvcHMiOnt9LCJzdGF0ZSI6eyJjb3VudCI6MCwic3RlcCI6MSwibGFiZWwiOiJhIGNvdW50ZXIifSwic2VlbiI6W10sImV2ZW50cyI6MH3EXbYDs4FYo0YdRiyRmPJuK-CN7eQZhkdmhPcZvyrnYw";
/// The state of a component that takes files, with none.
const FILES: &str = r#"{"file":{"accept":[],"maxBytes":1073741824,"maxFiles":1,"files":[]}}"#;
/// A state's digest. Floors compute none.
const DIGEST: &str = "2583777045";

/// What a client wants.
#[derive(Deserialize)]
enum Kind {
    #[serde(rename = "COMPONENT_MOUNT")]
    Mount,
    #[serde(rename = "COMPONENT_UNMOUNT")]
    Unmount,
    #[serde(rename = "CALL_ACTION")]
    Call,
    #[serde(rename = "COMPONENT_PING")]
    Ping,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(rename = "componentId", borrow, default)]
    component: Cow<'a, str>,
    #[serde(borrow, default)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(rename = "requestId", borrow)]
    id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Mount<'a> {
    #[serde(borrow)]
    component: Cow<'a, str>,
}

/// Arguments of an action that has none.
#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
struct Tell<'a> {
    from: u32,
    number: u64,
    #[serde(borrow, default)]
    text: Cow<'a, str>,
}

/// What one connection has mounted.
enum Mounted {
    Counter { state: Counter, version: u64 },
    Room,
    Files,
}

/// A counter, as a page sees it.
#[derive(Serialize)]
struct Counter {
    count: i64,
    step: i64,
    label: String,
}

/// One connection, as far as it is no socket.
pub(super) struct Floor {
    number: u32,
    /// Whether its client wants to be able to come back. Then the hello has a token and a counter a snapshot, as those
    /// of a live server that signs have.
    resumes: bool,
    mounted: Vec<Option<Mounted>>,
    free: Vec<u32>,
    /// How many of what is mounted are in the room.
    rooms: u32,
}

impl Floor {
    /// A connection that came with these words behind the `?`.
    pub(super) fn new(query: &str) -> Self {
        let resumes = query.split('&').any(|pair| {
            pair.strip_prefix("caps=").is_some_and(|caps| caps.split(',').any(|cap| cap == "resume"))
        });
        let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        Self { number, resumes, mounted: Vec::new(), free: Vec::new(), rooms: 0 }
    }

    /// Which connection it is.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// The first frame.
    pub(super) fn hello(&self, out: &mut Vec<u8>) {
        let Self { number, .. } = self;
        add(out, &["{\"type\":\"CONNECTION_ESTABLISHED\",\"connectionId\":\"conn-"]);
        let _ = write!(out, "{number:08x}-21f1-457e-b90d-0e1f0e5253ae");
        add(
            out,
            &[
                "\",\"authenticated\":false,\"protocol\":{\"version\":3,\"max\":3},",
                "\"features\":{\"delta\":true,\"batch\":true,\"compression\":false,\"encryption\":false,",
                "\"offlineQueue\":false,\"loadBalancing\":false},",
                "\"limits\":{\"frame\":1048576,\"batch\":64,\"calls\":1048576,\"instances\":1048576,\"rate\":0,\"burst\":1000},",
                "\"caps\":[\"optimistic\",\"quiet\",\"window\",\"channels\"]",
            ],
        );
        if self.resumes {
            add(out, &[",\"session\":{\"token\":\"", TOKEN, "\",\"grace\":60000}"]);
        }
        end(out, now());
    }

    /// Whether what others tell the room is for it.
    pub(super) fn is_in_room(&self) -> bool {
        self.rooms > 0
    }

    /// Does what a frame asks for: adds the answer to `reply`, and to `told` what everybody else in the room is to be
    /// sent. `now` is that of everything that was read together.
    /// What is nothing that a floor understands is passed over.
    pub(super) fn hear(&mut self, frame: &[u8], now: u64, reply: &mut Batch, told: &mut Batch) {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(frame) else { return };
        let id = request.id.map_or("null", RawValue::get);
        let _ = match request.kind {
            Kind::Mount => self.mount(&request, id, now, reply),
            Kind::Unmount => {
                self.unmount(&request, id, now, reply.next());
                Some(())
            }
            Kind::Call => self.call(&request, id, now, reply, told),
            Kind::Ping => {
                let out = reply.next();
                add(out, &["{\"type\":\"COMPONENT_PONG\",\"success\":true,\"requestId\":", id]);
                end(out, now);
                Some(())
            }
        };
    }

    fn mount(&mut self, request: &Request<'_>, id: &str, now: u64, reply: &mut Batch) -> Option<()> {
        let mount: Mount<'_> = serde_json::from_str(request.payload?.get()).ok()?;
        let mounted = match &*mount.component {
            "Counter" => {
                let state = Counter { count: 0, step: 1, label: LABEL.to_owned() };
                Mounted::Counter { state, version: 0 }
            }
            "Room" => Mounted::Room,
            "Files" => Mounted::Files,
            _ => return None,
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.mounted.push(None);
            self.mounted.len() as u32 - 1
        });
        let out = reply.next();
        add(out, &["{\"type\":\"MESSAGE_RESPONSE\",\"originalType\":\"COMPONENT_MOUNT\",\"componentId\":\""]);
        add(out, &[&request.component, "\",\"success\":true,\"result\":{\"componentId\":\""]);
        self.write_name(slot, out);
        add(out, &["\",\"initialState\":"]);
        match &mounted {
            // A vector takes all that is written.
            Mounted::Counter { state, .. } => drop(serde_json::to_writer(&mut *out, state)),
            Mounted::Room => add(out, &["{\"open\":true}"]),
            Mounted::Files => add(out, &[FILES]),
        }
        add(out, &[",\"version\":0,\"digest\":", DIGEST, "},\"requestId\":", id]);
        end(out, now);
        match &mounted {
            Mounted::Room => {
                self.rooms += 1;
                let out = reply.next();
                add(out, &["{\"type\":\"ROOM_JOINED\",\"componentId\":\""]);
                self.write_name(slot, out);
                add(out, &["\",\"roomId\":\"", ROOM, "\",\"payload\":{\"seq\":"]);
                number(SEQ.load(Ordering::Relaxed), out);
                out.push(b'}');
                end(out, now);
            }
            Mounted::Counter { .. } if self.resumes => {
                let out = reply.next();
                add(out, &["{\"type\":\"STATE_SNAPSHOT\",\"componentId\":\""]);
                self.write_name(slot, out);
                add(out, &["\",\"payload\":{\"version\":0,\"snapshot\":\"", SNAPSHOT, "\"}"]);
                end(out, now);
            }
            Mounted::Counter { .. } | Mounted::Files => {}
        }
        self.mounted[slot as usize] = Some(mounted);
        Some(())
    }

    fn unmount(&mut self, request: &Request<'_>, id: &str, now: u64, out: &mut Vec<u8>) {
        if let Some(slot) = self.slot(&request.component)
            && let Some(mounted) = self.mounted[slot].take()
        {
            self.free.push(slot as u32);
            self.rooms -= u32::from(matches!(mounted, Mounted::Room));
        }
        add(
            out,
            &["{\"type\":\"MESSAGE_RESPONSE\",\"originalType\":\"COMPONENT_UNMOUNT\",\"componentId\":\""],
        );
        add(out, &[&request.component, "\",\"success\":true,\"requestId\":", id]);
        end(out, now);
    }

    fn call(
        &mut self,
        request: &Request<'_>,
        id: &str,
        now: u64,
        reply: &mut Batch,
        told: &mut Batch,
    ) -> Option<()> {
        let slot = self.slot(&request.component)?;
        let payload = request.payload.map_or("{}", RawValue::get);
        match (self.mounted[slot].as_mut()?, &*request.action) {
            (Mounted::Counter { state, version }, "increment") => {
                let Nothing {} = serde_json::from_str(payload).ok()?;
                state.count += state.step;
                let base = *version;
                *version += 1;
                let count = state.count as u64;
                let out = reply.next();
                add(out, &["{\"type\":\"STATE_DELTA\",\"componentId\":\"", &request.component]);
                add(out, &["\",\"payload\":{\"base\":"]);
                number(base, out);
                add(out, &[",\"version\":"]);
                number(base + 1, out);
                add(out, &[",\"digest\":", DIGEST, ",\"delta\":{\"count\":"]);
                number(count, out);
                add(out, &["}}"]);
                end(out, now);
                answer(request, id, count, now, reply.next());
            }
            (Mounted::Room, "tell") => {
                let tell: Tell<'_> = serde_json::from_str(payload).ok()?;
                answer(request, id, tell.number, now, reply.next());
                tell.write_event(now, told.next());
            }
            _ => return None,
        }
        Some(())
    }

    /// What a component of this connection is called: as long as in the live server, and found without a search.
    fn write_name(&self, slot: u32, out: &mut Vec<u8>) {
        let _ = write!(out, "live-{:08x}-0000-4000-8000-0000{slot:08x}", self.number);
    }

    fn slot(&self, name: &str) -> Option<usize> {
        let (number, rest) = name.strip_prefix("live-")?.split_at_checked(8)?;
        let slot = rest.strip_prefix("-0000-4000-8000-0000")?;
        let is_own = u32::from_str_radix(number, 16).ok()? == self.number;
        let slot = u32::from_str_radix(slot, 16).ok()? as usize;
        (is_own && slot < self.mounted.len()).then_some(slot)
    }
}

impl Tell<'_> {
    /// What everybody else is sent: made once.
    fn write_event(&self, now: u64, out: &mut Vec<u8>) {
        add(out, &["{\"type\":\"ROOM_EVENT\",\"component\":\"Room\",\"roomId\":\"", ROOM]);
        add(out, &["\",\"payload\":{\"event\":{\"from\":"]);
        number(self.from.into(), out);
        add(out, &[",\"number\":"]);
        number(self.number, out);
        add(out, &[",\"text\":"]);
        let _ = serde_json::to_writer(&mut *out, &self.text);
        add(out, &["},\"seq\":"]);
        number(SEQ.fetch_add(1, Ordering::Relaxed) + 1, out);
        out.push(b'}');
        end(out, now);
    }
}

fn answer(request: &Request<'_>, id: &str, result: u64, now: u64, out: &mut Vec<u8>) {
    add(out, &["{\"type\":\"ACTION_RESPONSE\",\"originalType\":\"CALL_ACTION\",\"componentId\":\""]);
    add(out, &[&request.component, "\",\"success\":true,\"result\":"]);
    number(result, out);
    add(out, &[",\"requestId\":", id]);
    end(out, now);
}

/// Milliseconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// The end of every message.
fn end(out: &mut Vec<u8>, now: u64) {
    add(out, &[",\"timestamp\":"]);
    number(now, out);
    out.push(b'}');
}

fn add(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

fn number(value: u64, out: &mut Vec<u8>) {
    // serde_json's digits are faster than those of `write!`. A vector takes them all.
    let _ = serde_json::to_writer(out, &value);
}
