//! How often a field is sent: which numbers there are, and on which fields.

use fluxstack_live::prelude::*;

#[derive(State)]
pub struct Canvas {
    #[state(every_ms = 0)]
    pub often: i64,
    #[state(every_ms = 60_001)]
    pub seldom: i64,
    #[state(every_ms = 16.6)]
    pub sixty_times: i64,
    #[state(every_ms = "16")]
    pub text: i64,
    #[state(every_ms = 16ms)]
    pub with_unit: i64,
    #[state(every_ms = -1)]
    pub before: i64,
    #[state(every_ms)]
    pub how_often: i64,
    #[state(every_ms = 16, keep)]
    pub both: i64,
    #[state(every_ms = 16)]
    secret: i64,
    #[state(every_ms = 16)]
    pub fine: Map<String, i64>,
}

#[derive(State)]
#[state(every_ms = 16)]
pub struct Other {
    pub count: i64,
}

#[actions]
impl Canvas {}

impl Component for Canvas {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

#[actions]
impl Other {}

impl Component for Other {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
