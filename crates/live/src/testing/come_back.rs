//! A test client that was away: takes up its session, and what it had mounted.

use serde_json::{Value, json};

use super::client::{Client, Refused};

impl Client {
    /// What the server told this client to present when it comes back; empty if it cannot come back.
    #[must_use]
    pub fn token(&self) -> String {
        self.hello()["session"]["token"].as_str().unwrap_or_default().to_owned()
    }

    /// Takes up the session this token stands for; answers whether the server still had it.
    ///
    /// # Errors
    /// [`Refused`], with what the server said.
    pub async fn resume_session(&mut self, token: &str) -> Result<bool, Refused> {
        let message = json!({ "type": "SESSION_RESUME", "payload": { "token": token } });
        let result = self.ask(message).await?;
        self.keep_token(&result["token"]);
        Ok(result["known"] == true)
    }

    /// Takes up an instance, showing what this client shows of it or nothing. Answers with the outcome as it
    /// came: `{"outcome": "resumed", …}`.
    ///
    /// ```
    /// use fluxstack_live::prelude::*;
    /// use fluxstack_live::testing::Harness;
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
    ///     pub fn increment(&mut self) {
    ///         self.count += 1;
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let harness = Harness::new(Live::builder().component::<Counter>().build().unwrap());
    /// let mut before = harness.connect_with("v=3&caps=delta,batch,resume").await.unwrap();
    /// let id = before.mount("Counter", json!({})).await.unwrap();
    /// before.call(&id, "increment", json!({})).await.unwrap();
    /// let token = before.token();
    /// drop(before); // the connection is lost
    ///
    /// let mut after = harness.connect_with("v=3&caps=delta,batch,resume").await.unwrap();
    /// assert!(after.resume_session(&token).await.unwrap());
    /// after.resume("Counter", &id).await.unwrap();
    /// assert_eq!(after.view(&id), Some(json!({ "count": 1 })));
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Refused`], with the reason of the reset.
    pub async fn resume(&mut self, component: &str, id: &str) -> Result<Value, Refused> {
        self.come_back(component, id, None, None).await
    }

    /// The same for a shared instance, which a client that is no member any more joins again with its props.
    /// What it is called may be another id, which is then in the answer.
    ///
    /// # Errors
    /// [`Refused`], with the reason of the reset.
    pub async fn rejoin(&mut self, component: &str, id: &str, props: Value) -> Result<Value, Refused> {
        self.come_back(component, id, None, Some(props)).await
    }

    /// The same with a snapshot that this client was given to keep.
    ///
    /// # Errors
    /// [`Refused`], with the reason of the reset.
    pub async fn rehydrate(&mut self, component: &str, id: &str, snapshot: &str) -> Result<Value, Refused> {
        self.come_back(component, id, Some(snapshot), None).await
    }

    async fn come_back(
        &mut self,
        component: &str,
        id: &str,
        snapshot: Option<&str>,
        props: Option<Value>,
    ) -> Result<Value, Refused> {
        let mut payload = json!({ "component": component, "name": "test", "heard": 0 });
        match self.version(id) {
            Some(version) => payload["have"] = json!(version),
            None => {
                payload["fresh"] = json!(true);
                self.expect_whole(id);
            }
        }
        if let Some(snapshot) = snapshot {
            payload["snapshot"] = json!(snapshot);
        }
        if let Some(props) = props {
            payload["props"] = props;
        }
        let message = json!({ "type": "COMPONENT_RESUME", "componentId": id, "payload": payload });
        let result = self.ask(message).await?;
        if result["outcome"] == "rehydrated" {
            self.show(&result);
        }
        Ok(result)
    }
}
