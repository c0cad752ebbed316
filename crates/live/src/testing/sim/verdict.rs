//! What came of a simulation: what was wrong, what was counted, what happened.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::desk::Rule;
use super::report::Report;
use super::steer::{SETTLING, Sim};

/// Lines of the trace that a failure shows.
const TAIL: usize = 60;

impl Sim {
    /// How the effects of calls are found, so that they can be counted: what the arguments of a call say its
    /// effect will be called, and which effects are in a state, in the order in which they came.
    ///
    /// The component has to keep them, and be stored before it answers
    /// ([`Durability::Acknowledged`](crate::Durability)).
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// sim.effects(
    ///     "Ledger",
    ///     |args| args["entry"].as_str().map(str::to_owned),
    ///     |state| state["entries"].as_array().into_iter().flatten().map(|entry| entry.to_string()).collect(),
    /// );
    /// # }
    /// ```
    pub fn effects(
        &self,
        component: &str,
        of_call: impl Fn(&Value) -> Option<String> + 'static,
        in_state: impl Fn(&Map<String, Value>) -> Vec<String> + 'static,
    ) {
        let component = component.to_owned();
        let rule = Rule { component, of_call: Rc::new(of_call), in_state: Rc::new(in_state) };
        self.world.borrow_mut().desk.rules.push(rule);
    }

    /// Compares what every tab shows with what the server holds, and the effects in it with what was called.
    /// Answers with everything that was found wrong since the simulation began. Settle before.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// sim.settle().await;
    /// assert_eq!(sim.check().await, [""; 0]);
    /// # }
    /// ```
    pub async fn check(&self) -> Vec<String> {
        self.on_handles(|page, handle, _| page.handles[handle].is_compared = false);
        let until = self.world.borrow_mut().look_at_clock() + SETTLING;
        loop {
            self.on_handles(|page, handle, desk| {
                if !page.handles[handle].is_compared {
                    page.probe(handle, desk);
                }
            });
            self.run_while(until, |world| !world.is_quiet()).await;
            let world = self.world.borrow();
            let mut handles =
                world.tabs.iter().filter(|tab| !tab.page.is_closed).flat_map(|tab| &tab.page.handles);
            // Whoever noticed just now that something is missing is compared when it has come.
            if handles.all(|handle| handle.is_compared) || world.desk.now >= until {
                break;
            }
        }
        self.world.borrow().desk.wrong.clone()
    }

    /// The same, for a test.
    ///
    /// See the [module](super) for an example.
    ///
    /// # Panics
    /// With the seed, what is wrong and what happened last, if anything is.
    pub async fn assert_converged(&self) {
        let wrong = self.check().await;
        if !wrong.is_empty() {
            self.fail(&wrong.join("\n"));
        }
    }

    pub(super) fn fail(&self, what: &str) -> ! {
        let tail = self.world.borrow().desk.trace.tail(TAIL);
        panic!("with seed {}: {what}\nwhat led to it:\n{tail}", self.seed());
    }

    /// What was counted.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// assert_eq!(sim.report().calls, 0);
    /// # }
    /// ```
    #[must_use]
    pub fn report(&self) -> Report {
        Report { schedules: 1, ..self.world.borrow().desk.report.clone() }
    }

    /// What happened: milliseconds of virtual time, who, what. The same lines for the same seed. The last one is a
    /// number made of when every frame arrived and how long it was, so that nothing is left out.
    ///
    /// ```
    /// # use fluxstack_live::{Live, testing::sim::Sim};
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let sim = Sim::new(1, Live::builder);
    /// assert_eq!(sim.trace()[0], "       0 server  starts");
    /// # }
    /// ```
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        let desk = &self.world.borrow().desk;
        let mut lines = desk.trace.lines();
        lines.push(format!("{:>8} frames  {:016x}", desk.now, desk.fingerprint));
        lines
    }
}
