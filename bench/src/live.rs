//! The live server of the measurements.

use anyhow::Result as Anyhow;
use axum::Router;
use fluxstack_live::prelude::*;

/// Lines a room keeps.
const LINES: usize = 64;

/// What everybody says, and how far each has got. It takes nothing out of turn, so that what was lost, done
/// twice or swapped on the way in shows in an answer, and what was on the way out in what a client was told.
#[derive(State)]
pub struct Room {
    /// The last lines.
    pub lines: List<Line>,
    /// Sender → the number of its last line.
    pub said: Map<u32, u32>,
}

/// What somebody said.
#[wire]
pub struct Line {
    /// Who.
    pub from: u32,
    /// Which of theirs, from 1.
    pub number: u32,
    /// What.
    pub text: String,
}

/// Whether it is one for all.
#[wire]
pub struct RoomProps {
    /// The name of the one that is shared; none for one of one's own.
    #[serde(default)]
    pub shared: Option<String>,
}

/// Something that happened, and leaves no trace in a state.
#[wire]
pub struct Shout {
    /// Who shouted.
    pub from: u32,
    /// Which of theirs, from 1.
    pub number: u32,
    /// What.
    pub text: String,
}

impl Component for Room {
    type Props = RoomProps;
    type Event = Shout;

    fn scope(props: &RoomProps) -> Scope {
        props.shared.clone().map_or(Scope::Private, Scope::Shared)
    }

    async fn mount(_props: RoomProps, _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Room { lines: List::new(), said: Map::new() })
    }
}

#[actions]
impl Room {
    /// Says something.
    pub fn say(&mut self, from: u32, number: u32, text: String) -> Result<u32> {
        let last = self.said.get(&from).copied().unwrap_or_default();
        if number != last + 1 {
            return Err(Error::new(Code::Conflict, format!("{from} said {last}, and now {number}")));
        }
        self.said.insert(from, number);
        self.lines.push(Line { from, number, text });
        if self.lines.len() > LINES {
            self.lines.remove(0);
        }
        Ok(number)
    }

    /// Tells all who have this instance.
    pub fn shout(&mut self, cx: &mut Cx<Self>, from: u32, number: u32, text: String) -> u32 {
        cx.emit(Shout { from, number, text });
        number
    }
}

/// An instance for each client, all in one room of events.
#[derive(State)]
pub struct Hall {
    /// A state has at least one field.
    pub open: bool,
}

/// The room they are in.
const HALL: &str = "hall";

impl Component for Hall {
    type Props = ();
    type Event = Shout;

    async fn mount((): (), cx: &mut Cx<Self>) -> Result<Self> {
        cx.room(HALL)?.join();
        Ok(Hall { open: true })
    }
}

#[actions]
impl Hall {
    /// Tells all who are in the room.
    pub fn shout(&mut self, cx: &mut Cx<Self>, from: u32, number: u32, text: String) -> Result<u32> {
        cx.room(HALL)?.emit(Shout { from, number, text });
        Ok(number)
    }
}

/// What is served.
pub(crate) fn router() -> Anyhow<Router> {
    let live = Live::builder().component::<Room>().component::<Hall>().limits(Limits::unlimited).build()?;
    Ok(Router::new().nest("/api/live", live.router()))
}
