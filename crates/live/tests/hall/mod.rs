//! Components that speak in rooms, and the words the tests about rooms use.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test file takes what it needs")]

use std::time::Duration;

use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Client, Harness, Refused};
use serde_json::{Value, json};

pub const CAPS: &str = "v=3&caps=delta,batch,resume";

#[wire]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said {
    Said { text: String },
}

fn said(text: impl Into<String>) -> Said {
    Said::Said { text: text.into() }
}

/// Lets its clients join what is not secret, and say what is not rude.
#[derive(State)]
pub struct Chat {
    pub said: u32,
}

impl Component for Chat {
    type Props = ();
    type Event = Said;
    const ROOM_HISTORY: usize = 3;

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Chat { said: 0 })
    }

    fn may_join(&self, room: &str, _cx: &Cx<Self>) -> Result<()> {
        match room {
            "secret" => Err(Error::forbidden()),
            "broken" => panic!("this is the test's own panic"),
            _ => Ok(()),
        }
    }

    fn may_emit(&self, _room: &str, event: &Said, _cx: &Cx<Self>) -> Result<()> {
        let Said::Said { text } = event;
        if text == "rude" { Err(Error::forbidden()) } else { Ok(()) }
    }
}

#[actions]
impl Chat {
    pub fn enter(&mut self, room: String, cx: &mut Cx<Self>) -> Result<()> {
        cx.room(&room)?.join();
        Ok(())
    }

    pub fn exit(&mut self, room: String, cx: &mut Cx<Self>) -> Result<()> {
        cx.room(&room)?.leave();
        Ok(())
    }

    pub fn exit_later(&mut self, room: String, cx: &mut Cx<Self>) -> Result<()> {
        cx.after(Duration::from_secs(1), move |_: &mut Self, cx| {
            if let Ok(mut room) = cx.room(&room) {
                room.leave();
            }
        })?;
        Ok(())
    }

    pub fn say(&mut self, room: String, text: String, cx: &mut Cx<Self>) -> Result<()> {
        self.said += 1;
        cx.room(&room)?.emit(said(text));
        Ok(())
    }

    pub fn say_to_others(&mut self, room: String, text: String, cx: &mut Cx<Self>) -> Result<()> {
        self.said += 1;
        cx.room(&room)?.emit_to_others(said(text));
        Ok(())
    }

    pub fn say_and_panic(&mut self, room: String, text: String, cx: &mut Cx<Self>) -> Result<()> {
        cx.room(&room)?.emit(said(text));
        panic!("this is the test's own panic");
    }

    pub fn cry(&mut self, text: String, cx: &mut Cx<Self>) {
        cx.emit_all::<Crier>(said(text.clone()));
        // This one does not hear it.
        cx.emit_all::<Chat>(said(text));
    }
}

/// Lets nobody do anything by itself.
#[derive(State)]
pub struct Game {
    pub round: u32,
}

impl Component for Game {
    type Props = ();
    type Event = Said;

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Game { round: 0 })
    }
}

#[actions]
impl Game {
    pub fn enter(&mut self, room: String, cx: &mut Cx<Self>) -> Result<()> {
        cx.room(&room)?.join();
        Ok(())
    }
}

/// Is told what is said to everybody.
#[derive(State)]
pub struct Crier {
    pub cries: u32,
}

impl Component for Crier {
    type Props = ();
    type Event = Said;
    const HEARS_ALL: bool = true;

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Crier { cries: 0 })
    }
}

#[actions]
impl Crier {}

/// One for all, and it hears what they hear.
#[derive(State)]
pub struct Listener {
    pub heard: List<String>,
}

impl Component for Listener {
    type Props = ();
    type Event = Said;
    const HEARS_ROOMS: bool = true;

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Listener { heard: List::default() })
    }

    fn on_event(&mut self, event: Said, from: &Source, _cx: &mut Cx<Self>) -> Result<()> {
        let (Said::Said { text }, Source::Room(room)) = (event, from) else { return Err(Error::forbidden()) };
        self.heard.push(format!("{room} {text}"));
        Ok(())
    }

    fn may_join(&self, _room: &str, _cx: &Cx<Self>) -> Result<()> {
        Ok(())
    }

    fn may_emit(&self, _room: &str, _event: &Said, _cx: &Cx<Self>) -> Result<()> {
        Ok(())
    }
}

#[actions]
impl Listener {
    pub fn say(&mut self, room: String, text: String, cx: &mut Cx<Self>) -> Result<()> {
        cx.room(&room)?.emit(said(text));
        Ok(())
    }

    pub fn listen_later(&mut self, room: String, cx: &mut Cx<Self>) -> Result<()> {
        cx.after(Duration::from_secs(1), move |_: &mut Self, cx| {
            if let Ok(mut room) = cx.room(&room) {
                room.join();
            }
        })?;
        Ok(())
    }
}

/// One for all, in which everything is allowed.
#[derive(State)]
pub struct Club {
    pub said: u32,
}

impl Component for Club {
    type Props = ();
    type Event = Said;
    const ROOM_HISTORY: usize = 8;

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Club { said: 0 })
    }

    fn may_join(&self, _room: &str, _cx: &Cx<Self>) -> Result<()> {
        Ok(())
    }

    fn may_emit(&self, _room: &str, _event: &Said, _cx: &Cx<Self>) -> Result<()> {
        Ok(())
    }
}

#[actions]
impl Club {
    pub fn enter(&mut self, room: String, cx: &mut Cx<Self>) -> Result<()> {
        cx.room(&room)?.join();
        Ok(())
    }

    pub fn exit(&mut self, room: String, cx: &mut Cx<Self>) -> Result<()> {
        cx.room(&room)?.leave();
        Ok(())
    }

    pub fn say(&mut self, room: String, text: String, cx: &mut Cx<Self>) -> Result<()> {
        self.said += 1;
        cx.room(&room)?.emit(said(text));
        Ok(())
    }

    pub fn say_to_others(&mut self, room: String, text: String, cx: &mut Cx<Self>) -> Result<()> {
        self.said += 1;
        cx.room(&room)?.emit_to_others(said(text));
        Ok(())
    }
}

/// One for all, which takes everybody in and says so.
#[derive(State)]
pub struct Salon {
    pub guests: u32,
}

impl Component for Salon {
    type Props = ();
    type Event = Said;

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Salon { guests: 0 })
    }

    async fn on_join(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        let mut room = cx.room("salon")?;
        room.join();
        room.emit(said("welcome"));
        Ok(())
    }

    async fn on_leave(&mut self, cx: &mut Cx<Self>) {
        if let Ok(mut room) = cx.room("salon") {
            room.emit(said("goodbye"));
        }
    }
}

#[actions]
impl Salon {}

/// A server with all of them.
pub fn server(limits: impl FnOnce(&mut Limits)) -> Harness {
    let live = Live::builder()
        .component::<Chat>()
        .component::<Game>()
        .component::<Crier>()
        .component::<Listener>()
        .component::<Salon>()
        .component::<Club>();
    Harness::new(live.limits(limits).build().unwrap())
}

/// Asks for something in a room.
pub async fn ask(
    client: &mut Client,
    kind: &str,
    id: &str,
    room: &str,
    payload: Value,
) -> Result<Value, Refused> {
    client.ask(json!({ "type": kind, "componentId": id, "roomId": room, "payload": payload })).await
}

/// What was pushed, in few words: `lobby 2 hi` is event 2, `lobby 2` one that was not for this client.
pub fn heard(frames: &[Value]) -> String {
    let words = frames.iter().map(|frame| {
        let (payload, room) = (&frame["payload"], frame["roomId"].as_str().unwrap_or_default());
        let seq = &payload["seq"];
        match frame["type"].as_str().unwrap_or_default() {
            "ROOM_EVENT" => match (&payload["missed"], &payload["event"]) {
                (Value::Number(missed), _) => format!("{room} missed {missed}"),
                (_, Value::Null) => format!("{room} {seq}"),
                (_, event) => format!("{room} {seq} {}", event["text"].as_str().unwrap_or_default()),
            },
            "ROOM_JOINED" => match payload["recovered"].as_bool() {
                Some(recovered) => format!("in {room} at {seq} {recovered}"),
                None => format!("in {room} at {seq}"),
            },
            "ROOM_LEFT" => format!("out of {room}"),
            "STATE_DELTA" | "STATE_UPDATE" => "state".to_owned(),
            kind => kind.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}
