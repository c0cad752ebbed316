//! Our server, with what every scenario asks of it.
//!
//! What stands here is as small as an application can have it, so that what is measured is the server around it. The
//! floors beside it answer [`Counter`] and [`Room`] with the same bytes.

use anyhow::Result as Anyhow;
use axum::Router;
use fluxstack_live::Keys;
use fluxstack_live::prelude::*;

/// A counter of one's own.
#[derive(State)]
pub struct Counter {
    /// How often it was raised, times the step.
    pub count: i64,
    /// By how much it is raised.
    pub step: i64,
    /// What stands beside it.
    pub label: String,
}

/// What stands beside a counter.
pub(super) const LABEL: &str = "a counter";

impl Component for Counter {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Counter { count: 0, step: 1, label: LABEL.to_owned() })
    }
}

#[actions]
impl Counter {
    /// Raises it, and answers what it is now.
    pub fn increment(&mut self) -> i64 {
        self.count += self.step;
        self.count
    }
}

/// A counter of everybody who names the same key.
#[derive(State)]
pub struct Shared {
    /// How often it was raised, times the step.
    pub count: i64,
    /// By how much it is raised.
    pub step: i64,
    /// What stands beside it.
    pub label: String,
}

/// Whose it is.
#[wire]
pub struct SharedProps {
    /// The name of the one that is shared; none for one of one's own.
    #[serde(default)]
    pub key: Option<String>,
}

impl Component for Shared {
    type Props = SharedProps;
    type Event = ();

    fn scope(props: &SharedProps) -> Scope {
        props.key.clone().map_or(Scope::Private, Scope::Shared)
    }

    async fn mount(_props: SharedProps, _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Shared { count: 0, step: 1, label: LABEL.to_owned() })
    }
}

#[actions]
impl Shared {
    /// Raises it, and answers what it is now.
    pub fn increment(&mut self) -> i64 {
        self.count += self.step;
        self.count
    }
}

/// Something that was said in a room, and leaves no trace in a state.
#[wire]
pub struct Said {
    /// Who said it.
    pub from: u32,
    /// Which of theirs, from 1.
    pub number: u64,
    /// What.
    pub text: String,
}

/// An instance for each client, all in one room of events.
#[derive(State)]
pub struct Room {
    /// A state has at least one field.
    pub open: bool,
}

/// The room they are in.
pub(super) const ROOM: &str = "room";

impl Component for Room {
    type Props = ();
    type Event = Said;

    async fn mount((): (), cx: &mut Cx<Self>) -> Result<Self> {
        cx.room(ROOM)?.join();
        Ok(Room { open: true })
    }
}

#[actions]
impl Room {
    /// Tells all others who are in the room.
    pub fn tell(&mut self, cx: &mut Cx<Self>, from: u32, number: u64, text: String) -> Result<u64> {
        cx.room(ROOM)?.emit_to_others(Said { from, number, text });
        Ok(number)
    }
}

/// A large state of which little changes.
#[derive(State)]
pub struct Rows {
    /// How often something was done.
    pub count: i64,
    /// What makes it large.
    pub rows: List<Row>,
}

/// A hundred bytes or so.
#[wire]
pub struct Row {
    /// Which.
    pub id: u32,
    /// What is counted in it.
    pub value: i64,
    /// What fills it.
    pub text: String,
}

/// How large it is.
#[wire]
pub struct RowsProps {
    /// How many rows.
    #[serde(default)]
    pub rows: u32,
}

/// What fills a row up to a hundred bytes of JSON.
const FILLING: &str = "what a row of a table has to say, in about as many words";

impl Component for Rows {
    type Props = RowsProps;
    type Event = ();

    async fn mount(props: RowsProps, _cx: &mut Cx<Self>) -> Result<Self> {
        let row = |id| Row { id, value: 0, text: format!("{id:>8} {FILLING}") };
        Ok(Rows { count: 0, rows: (0..props.rows).map(row).collect() })
    }
}

#[actions]
impl Rows {
    /// Changes one number, and no row.
    pub fn increment(&mut self) -> i64 {
        self.count += 1;
        self.count
    }

    /// Changes one number and one row, each time another one.
    pub fn touch(&mut self) -> i64 {
        self.count += 1;
        let (count, rows) = (self.count, self.rows.len());
        if rows > 0 {
            self.rows.update(count as usize % rows, |row| row.value = count);
        }
        count
    }
}

/// A plain field beside the one that changes.
#[derive(State)]
pub struct Blob {
    /// How often something was done.
    pub count: i64,
    /// What makes it large.
    pub text: String,
}

/// How large it is.
#[wire]
pub struct BlobProps {
    /// How many bytes.
    #[serde(default)]
    pub bytes: usize,
}

impl Component for Blob {
    type Props = BlobProps;
    type Event = ();

    async fn mount(props: BlobProps, _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Blob { count: 0, text: "x".repeat(props.bytes) })
    }
}

#[actions]
impl Blob {
    /// Changes the number, and not the text.
    pub fn increment(&mut self) -> i64 {
        self.count += 1;
        self.count
    }
}

/// Bytes of a state: the largest that is measured, and room for it.
const LARGEST: usize = 64 << 20;

/// What is served; with keys, if clients are to be given signed snapshots of what they mount.
pub(crate) fn router(is_signed: bool) -> Anyhow<Router> {
    let mut live = Live::builder()
        .component::<Counter>()
        .component::<Shared>()
        .component::<Room>()
        .component::<Rows>()
        .component::<Blob>()
        .limits(Limits::unlimited)
        .limits(|limits| limits.state = LARGEST);
    if is_signed {
        live = live.keys(Keys::new("bench", [7; 32])?);
    }
    Ok(Router::new().nest("/api/live", live.build()?.router()))
}
