//! A clock that ticks on the server: a timer that lives and dies with its instance.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fluxstack_live::prelude::*;

/// The server's time, pushed once a second, and a stopwatch.
#[derive(State)]
pub struct Clock {
    /// Milliseconds since 1970.
    pub now: i64,
    /// Seconds since it was mounted.
    pub ticks: u32,
    /// Whether the stopwatch runs.
    pub running: bool,
    /// Tenths of a second on the stopwatch.
    pub tenths: u32,
    stopwatch: Option<TimerId>,
}

impl Component for Clock {
    type Props = ();
    type Event = ();

    async fn mount((): (), cx: &mut Cx<Self>) -> Result<Self> {
        cx.every(Duration::from_secs(1), |clock: &mut Self, _| {
            clock.now = now();
            clock.ticks += 1;
        })?;
        Ok(Clock { now: now(), ticks: 0, running: false, tenths: 0, stopwatch: None })
    }

    async fn on_rehydrate(&mut self, _rehydrated: Rehydrated, cx: &mut Cx<Self>) -> Result<()> {
        // Timers are not state. `mount` has started the clock's; the stopwatch goes on where it was.
        if self.running {
            self.start(cx)?;
        }
        Ok(())
    }
}

#[actions]
impl Clock {
    /// Starts the stopwatch, or stops it.
    pub fn toggle(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        self.running = !self.running;
        if let Some(timer) = self.stopwatch.take() {
            cx.cancel(timer);
        }
        if self.running {
            self.start(cx)?;
        }
        Ok(())
    }

    /// Sets the stopwatch to zero.
    pub fn clear(&mut self) {
        self.tenths = 0;
    }
}

impl Clock {
    fn start(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        let tick = |clock: &mut Self, _: &mut Cx<Self>| clock.tenths += 1;
        self.stopwatch = Some(cx.every(Duration::from_millis(100), tick)?);
        Ok(())
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::mount;
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_ticks_once_a_second_and_the_stopwatch_ten_times() {
        let mut clock = mount::<Clock>(()).await.unwrap();
        clock.advance(Duration::from_millis(2_500)).await;
        assert_eq!(clock.state()["ticks"], json!(2));
        clock.call("toggle", json!({})).await.unwrap();
        clock.advance(Duration::from_millis(1_050)).await;
        clock.call("toggle", json!({})).await.unwrap();
        clock.advance(Duration::from_secs(5)).await;
        assert_eq!(clock.state()["tenths"], json!(10));
    }
}
