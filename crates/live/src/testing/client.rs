//! A client without a browser: speaks the real protocol, shows what a page would show, and can misbehave.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use fluxstack_live_protocol::{CloseCode, Delta, Dialect};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::session::{Incoming, Outgoing, join};

/// A request the server did not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The stable code.
    pub code: String,
    /// The sentence.
    pub error: String,
    /// Complaints by field, `null` if there are none.
    pub fields: Value,
}

/// What a page would show of one instance.
#[derive(Debug, Default)]
struct Picture {
    state: Map<String, Value>,
    version: u64,
    /// Waiting for a whole state.
    is_stale: bool,
}

/// See the module. Made by [`Harness::connect`](super::Harness::connect).
pub struct Client {
    to_server: mpsc::Sender<Incoming>,
    from_server: mpsc::Receiver<Outgoing>,
    dialect: Dialect,
    hello: Value,
    waiting: VecDeque<Value>,
    pictures: HashMap<String, Picture>,
    snapshots: HashMap<String, String>,
    last_request: u64,
    lose: usize,
    /// Whether a state frame was lost since the pictures were last whole; only then may one not fit.
    has_lost: bool,
    resyncs: usize,
    close_code: Option<Option<CloseCode>>,
}

impl Client {
    pub(super) fn new(
        to_server: mpsc::Sender<Incoming>,
        from_server: mpsc::Receiver<Outgoing>,
        dialect: Dialect,
    ) -> Self {
        Self {
            to_server,
            from_server,
            dialect,
            hello: Value::Null,
            waiting: VecDeque::new(),
            pictures: HashMap::new(),
            snapshots: HashMap::new(),
            last_request: 0,
            lose: 0,
            has_lost: false,
            resyncs: 0,
            close_code: None,
        }
    }

    pub(super) async fn greet(&mut self) {
        self.hello = self.next().await.unwrap_or_default();
    }

    /// The server's first frame.
    #[must_use]
    pub fn hello(&self) -> &Value {
        &self.hello
    }

    /// The server has a newer token for this client.
    pub(super) fn keep_token(&mut self, token: &Value) {
        self.hello["session"]["token"] = token.clone();
    }

    /// Sends one message; waits while the server does not read.
    pub async fn send(&mut self, message: Value) {
        self.send_frame(Incoming::Text(message.to_string().into())).await;
    }

    /// Sends several messages in one frame.
    pub async fn send_batch(&mut self, messages: Vec<Value>) {
        self.send(Value::Array(messages)).await;
    }

    /// Sends any text at all, unless the server does not read.
    pub fn send_text(&mut self, text: &str) -> bool {
        self.to_server.try_send(Incoming::Text(Bytes::copy_from_slice(text.as_bytes()))).is_ok()
    }

    /// Sends a frame that is text already, and reads nothing of it: for measuring.
    pub async fn send_bytes(&mut self, frame: Bytes) {
        self.send_frame(Incoming::Text(frame)).await;
    }

    /// The next text frame as it came, unread: for measuring. Pictures are not painted from it.
    pub async fn next_bytes(&mut self) -> Option<Bytes> {
        loop {
            match self.from_server.recv().await? {
                Outgoing::Text(text) => return Some(text),
                Outgoing::Texts(texts) => return Some(join(&texts)),
                Outgoing::Ping => {}
                Outgoing::Close(_) => return None,
            }
        }
    }

    /// Sends a binary frame; any bytes at all.
    pub async fn send_binary(&mut self, frame: impl Into<Bytes>) {
        self.send_frame(Incoming::Binary(frame.into())).await;
    }

    /// Loses the next `count` state frames on their way here.
    pub fn lose(&mut self, count: usize) {
        self.lose += count;
    }

    /// How often this client had to ask for a whole state.
    #[must_use]
    pub fn resyncs(&self) -> usize {
        self.resyncs
    }

    /// The next message, state frames included; `None` when the server has closed.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Some(message);
            }
            let frame = self.from_server.recv().await;
            self.receive(frame)?;
        }
    }

    /// What has arrived already.
    pub fn arrived(&mut self) -> Vec<Value> {
        while let Ok(frame) = self.from_server.try_recv() {
            if self.receive(Some(frame)).is_none() {
                break;
            }
        }
        self.waiting.drain(..).collect()
    }

    /// Why the server closed, once it has; `Some(None)` if it did not say.
    #[must_use]
    pub fn close_code(&self) -> Option<Option<CloseCode>> {
        self.close_code
    }

    /// Sends a request and waits for its answer. Other messages stay to be read.
    ///
    /// # Panics
    /// If the server closes instead of answering.
    pub async fn request(&mut self, mut message: Value) -> Value {
        let id = self.next_request();
        message["requestId"] = id.clone();
        self.send(message).await;
        self.answer_to(&id).await
    }

    /// An id for a request.
    pub fn next_request(&mut self) -> Value {
        self.last_request += 1;
        json!(self.last_request.to_string())
    }

    /// Waits for the answer to the request with this id. Other messages stay to be read.
    ///
    /// # Panics
    /// If the server closes instead of answering.
    pub async fn answer_to(&mut self, id: &Value) -> Value {
        let mut before = VecDeque::new();
        loop {
            let next = self.next().await.expect("the server answers every request");
            if next["requestId"] == *id {
                before.append(&mut self.waiting);
                self.waiting = before;
                return next;
            }
            before.push_back(next);
        }
    }

    /// The same, and its result.
    ///
    /// # Errors
    /// [`Refused`], with what the server said.
    pub async fn ask(&mut self, message: Value) -> Result<Value, Refused> {
        outcome(self.request(message).await)
    }

    /// Mounts a component and answers with its id.
    ///
    /// # Errors
    /// [`Refused`], with what the server said.
    pub async fn mount(&mut self, component: &str, props: Value) -> Result<String, Refused> {
        let payload = json!({ "component": component, "props": props });
        let message = json!({ "type": "COMPONENT_MOUNT", "componentId": "test", "payload": payload });
        let result = self.ask(message).await?;
        Ok(self.show(&result))
    }

    /// Shows the whole state in the answer to a mount, and answers whose it is.
    pub(super) fn show(&mut self, result: &Value) -> String {
        let id = result["componentId"].as_str().unwrap_or_default().to_owned();
        let state = result["initialState"].as_object().cloned().unwrap_or_default();
        let version = result["version"].as_u64().unwrap_or_default();
        // What came in one frame with the reply was painted before anybody read it.
        if self.pictures.get(&id).is_some_and(|picture| !picture.is_stale && picture.version >= version) {
            return id;
        }
        // Frames that were read before the reply are about other instances.
        self.pictures.insert(id.clone(), Picture { state, version, is_stale: false });
        id
    }

    /// The version of what is shown of an instance.
    pub(super) fn version(&self, id: &str) -> Option<u64> {
        self.pictures.get(id).map(|picture| picture.version)
    }

    /// A whole state of this instance is on its way.
    pub(super) fn expect_whole(&mut self, id: &str) {
        self.pictures.insert(id.to_owned(), Picture { is_stale: true, ..Picture::default() });
    }

    /// The newest snapshot this client was given to keep.
    #[must_use]
    pub fn snapshot(&self, id: &str) -> Option<&str> {
        self.snapshots.get(id).map(AsRef::as_ref)
    }

    /// Calls an action and waits for its result, `null` if it returns nothing.
    ///
    /// # Errors
    /// [`Refused`], with what the server said.
    pub async fn call(&mut self, id: &str, action: &str, args: Value) -> Result<Value, Refused> {
        let message = json!({ "type": "CALL_ACTION", "componentId": id, "action": action, "payload": args, "expectResponse": true });
        self.ask(message).await
    }

    /// Writes a field.
    ///
    /// # Errors
    /// [`Refused`], with what the server said.
    pub async fn write(&mut self, id: &str, field: &str, value: Value) -> Result<Value, Refused> {
        let payload = json!({ "value": value });
        let message =
            json!({ "type": "PROPERTY_UPDATE", "componentId": id, "property": field, "payload": payload });
        self.ask(message).await
    }

    /// Unmounts.
    pub async fn unmount(&mut self, id: &str) {
        self.request(json!({ "type": "COMPONENT_UNMOUNT", "componentId": id })).await;
        self.pictures.remove(id);
    }

    /// What a page would show of an instance now.
    #[must_use]
    pub fn view(&self, id: &str) -> Option<Value> {
        self.pictures.get(id).map(|picture| Value::Object(picture.state.clone()))
    }

    /// Everything that was on its way has arrived, and the picture is whole again if frames were lost.
    /// Asks for a whole state only then; otherwise what is shown is what the deltas made of it.
    pub async fn settle(&mut self, id: &str) {
        // Answered by the instance itself, after all that was before it, and changes nothing.
        let barrier =
            json!({ "type": "CALL_ACTION", "componentId": id, "action": "no such action", "payload": {} });
        self.request(barrier).await;
        // Whatever was still to be lost is not any more.
        self.lose = 0;
        while self.has_lost {
            self.has_lost = false;
            // What comes before the answer may be lost, and the whole state with it: then ask again.
            if let Some(picture) = self.pictures.get_mut(id) {
                picture.is_stale = true;
            }
            self.request(json!({ "type": "STATE_RESYNC", "componentId": id, "payload": { "have": 0 } }))
                .await;
            self.has_lost |= self.pictures.get(id).is_some_and(|picture| picture.is_stale);
        }
    }

    async fn send_frame(&mut self, frame: Incoming) {
        // A server that has closed reads nothing; `next` will tell.
        let _ = self.to_server.send(frame).await;
    }

    fn receive(&mut self, frame: Option<Outgoing>) -> Option<()> {
        let text = match frame {
            Some(Outgoing::Text(text)) => text,
            Some(Outgoing::Texts(texts)) => join(&texts),
            Some(Outgoing::Ping) => {
                // As a browser would, unless the server does not read.
                let _ = self.to_server.try_send(Incoming::Pong);
                return Some(());
            }
            Some(Outgoing::Close(code)) => {
                self.close_code = Some(code);
                return None;
            }
            None => return None,
        };
        let message: Value = serde_json::from_slice(&text).expect("the server sends JSON");
        match message {
            Value::Array(messages) => {
                assert!(self.dialect.batch, "a batch was sent to a client that did not ask for them");
                messages.into_iter().for_each(|message| self.take(message));
            }
            message => self.take(message),
        }
        Some(())
    }

    fn take(&mut self, message: Value) {
        let kind = message["type"].as_str().unwrap_or_default();
        if kind == "STATE_DELTA" || kind == "STATE_UPDATE" {
            if self.lose > 0 {
                self.lose -= 1;
                self.has_lost = true;
                return;
            }
            self.paint(&message);
        }
        if kind == "STATE_SNAPSHOT" {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            self.snapshots.insert(text(&message["componentId"]), text(&message["payload"]["snapshot"]));
        }
        if message["result"]["initialState"].is_object() {
            self.show(&message["result"]);
        }
        self.waiting.push_back(message);
    }

    fn paint(&mut self, message: &Value) {
        let id = message["componentId"].as_str().unwrap_or_default();
        let payload = &message["payload"];
        let Some(picture) = self.pictures.get_mut(id) else { return };
        if message["type"] == "STATE_UPDATE" {
            picture.state = payload["state"].as_object().cloned().unwrap_or_default();
            picture.version = payload["version"].as_u64().unwrap_or_default();
            picture.is_stale = false;
            return;
        }
        let delta =
            Delta::parse(payload.to_string().as_bytes()).expect("the server sends deltas that can be read");
        if picture.is_stale || delta.version <= picture.version {
            return;
        }
        match delta.apply(&mut picture.state, picture.version) {
            Ok(()) => {
                picture.version = delta.version;
                return;
            }
            Err(mismatch) => assert!(self.has_lost, "nothing was lost, and yet: {mismatch}\n{message}"),
        }
        picture.is_stale = true;
        self.resyncs += 1;
        let have = json!({ "have": picture.version });
        let ask = json!({ "type": "STATE_RESYNC", "componentId": id, "payload": have });
        let _ = self.to_server.try_send(Incoming::Text(ask.to_string().into()));
    }
}

/// The result of an answer, or why there is none.
fn outcome(answer: Value) -> Result<Value, Refused> {
    if answer["success"] == true {
        return Ok(answer["result"].clone());
    }
    Err(Refused::from_answer(&answer))
}

impl Refused {
    pub(super) fn from_answer(answer: &Value) -> Self {
        let text = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        Self { code: text("code"), error: text("error"), fields: answer["fields"].clone() }
    }
}
