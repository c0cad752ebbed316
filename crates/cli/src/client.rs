//! A small client: one socket, one component, the state as the server proves it.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use fluxstack_live_protocol::Delta;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the server holds of one mounted component, as far as we know.
pub(crate) struct View {
    pub(crate) id: String,
    pub(crate) state: Map<String, Value>,
    version: u64,
}

/// One connection.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    waiting: VecDeque<Value>,
    hello: Value,
    last_request: u64,
}

impl Client {
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let joint = if url.contains('?') { '&' } else { '?' };
        let full = format!("{url}{joint}v=3&caps=delta,batch");
        let connecting = tokio::time::timeout(PATIENCE, connect_async(&full));
        let (socket, _) =
            connecting.await.with_context(|| format!("{url} did not answer in {PATIENCE:?}"))?.with_context(
                || format!("cannot connect to {url}: is the server up, and is this its WebSocket?"),
            )?;
        let mut client = Self { socket, waiting: VecDeque::new(), hello: Value::Null, last_request: 0 };
        client.hello = client.next().await?.context("the server closed before it said hello")?;
        if client.hello["type"] != "CONNECTION_ESTABLISHED" {
            bail!("{url} is a WebSocket, but not a live server: it said {}", client.hello);
        }
        Ok(client)
    }

    pub(crate) fn hello(&self) -> &Value {
        &self.hello
    }

    pub(crate) async fn mount(&mut self, component: &str, props: Value) -> Result<View> {
        let payload = json!({ "component": component, "props": props });
        let message = json!({ "type": "COMPONENT_MOUNT", "componentId": "flux", "payload": payload });
        let result = self.request(message, &mut None).await?;
        Ok(View {
            id: result["componentId"].as_str().unwrap_or_default().to_owned(),
            state: result["initialState"].as_object().cloned().unwrap_or_default(),
            version: result["version"].as_u64().unwrap_or_default(),
        })
    }

    pub(crate) async fn call(&mut self, view: &mut View, action: &str, args: Value) -> Result<Value> {
        let message =
            json!({ "type": "CALL_ACTION", "componentId": view.id, "action": action, "payload": args });
        self.request(message, &mut Some(view)).await
    }

    /// The next message; `None` once the server has closed.
    pub(crate) async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(Some(message));
            }
            match self.socket.next().await.transpose()? {
                Some(Message::Text(text)) => match serde_json::from_str(&text)? {
                    Value::Array(messages) => self.waiting.extend(messages),
                    message => self.waiting.push_back(message),
                },
                Some(Message::Close(_)) | None => return Ok(None),
                Some(_) => {}
            }
        }
    }

    /// Takes a message into the picture; answers whether the picture is another now.
    pub(crate) async fn paint(&mut self, view: &mut View, message: &Value) -> Result<bool> {
        if message["componentId"] != view.id.as_str() {
            return Ok(false);
        }
        let payload = &message["payload"];
        match message["type"].as_str() {
            Some("STATE_UPDATE") => {
                view.state = payload["state"].as_object().cloned().unwrap_or_default();
                view.version = payload["version"].as_u64().unwrap_or_default();
                Ok(true)
            }
            Some("STATE_DELTA") => {
                let delta = Delta::parse(payload.to_string().as_bytes())?;
                if delta.version <= view.version {
                    return Ok(false);
                }
                if delta.apply(&mut view.state, view.version).is_ok() {
                    view.version = delta.version;
                    return Ok(true);
                }
                let ask = json!({ "type": "STATE_RESYNC", "componentId": view.id, "payload": { "have": view.version } });
                self.socket.send(Message::text(ask.to_string())).await?;
                Ok(false)
            }
            Some("ERROR") => bail!("the server says: {}", message["error"].as_str().unwrap_or("an error")),
            _ => Ok(false),
        }
    }

    async fn request(&mut self, mut message: Value, view: &mut Option<&mut View>) -> Result<Value> {
        self.last_request += 1;
        let id = json!(self.last_request.to_string());
        message["requestId"] = id.clone();
        self.socket.send(Message::text(message.to_string())).await?;
        loop {
            let next = tokio::time::timeout(PATIENCE, self.next());
            let next = next.await.with_context(|| format!("no answer in {PATIENCE:?}"))??;
            let next = next.context("the server closed instead of answering")?;
            if next["requestId"] != id {
                if let Some(view) = view {
                    self.paint(view, &next).await?;
                }
                continue;
            }
            if next["success"] == true {
                return Ok(next["result"].clone());
            }
            let fields =
                if next["fields"].is_null() { String::new() } else { format!(" {}", next["fields"]) };
            let text = |field: &str| next[field].as_str().unwrap_or_default().to_owned();
            bail!("{}: {}{fields}", text("code"), text("error"));
        }
    }
}
