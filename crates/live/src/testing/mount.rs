//! One component, run for real: its own instance, its own clock, no socket.

use std::marker::PhantomData;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::client::{Client, Refused};
use super::folder::Folder;
use super::harness::Harness;
use super::upload::TestFile;
use crate::component::Component;
use crate::server::{Builder, Live};
use crate::uploads::Uploads;

/// Mounts `C` alone. For services, build the server yourself: [`Mounted::on`].
///
/// ```
/// use fluxstack_live::prelude::*;
/// use fluxstack_live::testing::mount;
/// use serde_json::json;
///
/// #[derive(State)]
/// pub struct Counter {
///     pub count: i64,
/// }
///
/// impl Component for Counter {
///     type Props = ();
///     type Event = ();
///     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
///         Ok(Counter { count: 0 })
///     }
/// }
///
/// #[actions]
/// impl Counter {
///     pub fn add(&mut self, by: i64) {
///         self.count += by;
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut counter = mount::<Counter>(()).await.unwrap();
/// counter.call("add", json!({ "by": 2 })).await.unwrap();
/// assert_eq!(counter.delta(), json!({ "count": 2 }));
/// assert_eq!(counter.delta(), json!({}));
/// # }
/// ```
///
/// # Errors
/// What the component's `mount` answered.
pub async fn mount<C: Component>(props: C::Props) -> Result<Mounted<C>, Refused> {
    Mounted::on(Live::builder(), props).await
}

/// A mounted component, and a client that watches it.
pub struct Mounted<C> {
    harness: Harness,
    client: Client,
    id: String,
    shown: Value,
    events: Vec<Value>,
    /// Where its files are, if it takes any. Goes last.
    _folder: Option<Folder>,
    component: PhantomData<C>,
}

impl<C: Component> Mounted<C> {
    /// Mounts `C` on a server of your making, with services or other limits.
    ///
    /// # Errors
    /// What the component's `mount` answered.
    ///
    /// # Panics
    /// If the server cannot be built, or the props are no JSON.
    pub async fn on(builder: Builder, props: C::Props) -> Result<Self, Refused> {
        let folder = (C::UPLOADS > 0 && !builder.takes_files()).then(Folder::new);
        let builder = match &folder {
            Some(folder) => builder.uploads(Uploads::at(folder.path())),
            None => builder,
        };
        let live = builder.component::<C>().build().expect("the server can be built");
        let harness = Harness::new(live);
        let mut client = harness.connect().await;
        let props = crate::wire::to_json(&props).expect("props are JSON");
        let props = serde_json::from_slice(&props).expect("props are JSON");
        let id = client.mount(C::NAME, props).await?;
        let shown = client.view(&id).unwrap_or_default();
        Ok(Self { harness, client, id, shown, events: Vec::new(), _folder: folder, component: PhantomData })
    }

    /// Calls an action by its name on the wire; `null` if it returns nothing.
    ///
    /// # Errors
    /// What the action answered.
    pub async fn call(&mut self, action: &str, args: Value) -> Result<Value, Refused> {
        self.client.call(&self.id, action, args).await
    }

    /// Writes a field by its name on the wire, as a client would.
    ///
    /// # Errors
    /// What the field, or [`Component::written`], answered.
    pub async fn write(&mut self, field: &str, value: Value) -> Result<(), Refused> {
        self.client.write(&self.id, field, value).await.map(drop)
    }

    /// Sends a whole file to a field, by its name on the wire; answers with the last word of the server. A component
    /// that takes files is given a folder for the time of the test, unless its server has one.
    ///
    /// # Errors
    /// What was wrong with it, or what [`Component::on_upload`] answered.
    pub async fn upload(&mut self, field: &str, file: &TestFile) -> Result<Value, Refused> {
        self.client.upload(&self.id, field, file).await
    }

    /// The whole visible state.
    pub fn state(&mut self) -> Value {
        self.read();
        self.client.view(&self.id).unwrap_or_default()
    }

    /// The fields whose values changed since the last `delta`, as they are now.
    pub fn delta(&mut self) -> Value {
        let now = self.state();
        let before = std::mem::replace(&mut self.shown, now.clone());
        let Value::Object(now) = now else { return json!({}) };
        let changed: Map<String, Value> =
            now.into_iter().filter(|(field, value)| before[field] != *value).collect();
        Value::Object(changed)
    }

    /// The events emitted since the last `events`.
    pub fn events(&mut self) -> Vec<Value> {
        self.read();
        std::mem::take(&mut self.events)
    }

    /// Lets time pass and everything due happen. Use with `#[tokio::test(start_paused = true)]`, where it
    /// takes no time at all.
    pub async fn advance(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
        // A stopped clock moves only when every task waits; so after this, all that was due has run.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// Unmounts, and waits until the instance and all it had running are gone.
    pub async fn unmount(mut self) {
        let before = self.harness.live().tasks();
        self.client.unmount(&self.id).await;
        while self.harness.live().tasks() >= before {
            tokio::task::yield_now().await;
        }
    }

    fn read(&mut self) {
        for message in self.client.arrived() {
            if message["type"] == "COMPONENT_EVENT" {
                self.events.push(message["payload"]["event"].clone());
            }
        }
    }
}
