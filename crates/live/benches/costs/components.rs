//! The components whose costs are measured.

use fluxstack_live::Keys;
use fluxstack_live::prelude::*;

/// Three fields, one of which changes.
#[derive(State)]
pub struct Small {
    pub count: i64,
    pub step: i64,
    pub label: String,
}

impl Component for Small {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Small { count: 0, step: 1, label: "clicks".to_owned() })
    }
}

#[actions]
impl Small {
    pub fn act(&mut self, by: i64) {
        self.count += by;
    }

    pub fn nothing(&mut self) {}
}

/// 35 kB of state, of which one number changes.
#[derive(State)]
pub struct Large {
    pub count: i64,
    pub rows: List<String>,
    pub table: Map<String, String>,
}

impl Component for Large {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        let rows =
            (0..400).map(|row| format!("row number {row:04} with some text in it, as rows have")).collect();
        let mut table = Map::default();
        for key in 0..200 {
            table.insert(
                format!("key-{key:04}"),
                format!("value number {key:04} with some text in it, as values have"),
            );
        }
        Ok(Large { count: 0, rows, table })
    }
}

#[actions]
impl Large {
    pub fn act(&mut self, by: i64) {
        self.count += by;
    }

    pub fn push(&mut self, text: String) {
        self.rows.push(text);
    }

    pub fn pop(&mut self) {
        self.rows.pop();
    }

    pub fn change(&mut self, at: usize) {
        self.rows.update(at, |row| {
            // Back and forth, so that the row does not grow from round to round.
            if row.ends_with('!') {
                row.pop();
            } else {
                row.push('!');
            }
        });
    }
}

/// One number, of which all who have it are told.
#[derive(State)]
pub struct Together {
    pub count: i64,
}

impl Component for Together {
    type Props = ();
    type Event = ();

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Together { count: 0 })
    }
}

#[actions]
impl Together {
    pub fn act(&mut self, by: i64) {
        self.count += by;
    }
}

/// Nothing but an event, of which all who are in the room are told.
#[derive(State)]
pub struct Hall {
    pub open: bool,
}

/// The room they are all in.
const HALL: &str = "hall";

/// What is said in it.
#[wire]
pub struct Shout {
    pub number: u32,
    pub text: String,
}

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
    pub fn shout(&mut self, cx: &mut Cx<Self>, number: u32, text: String) -> Result<()> {
        cx.room(HALL)?.emit_to_others(Shout { number, text });
        Ok(())
    }
}

/// What seals the snapshots: always the same, so that they are as long.
pub fn keys() -> Keys {
    Keys::new("costs", [7; 32]).expect("a key of 32 bytes")
}
