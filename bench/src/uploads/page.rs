//! One page's half of a session: it mounts the component that takes files, calls it, loses its connection and comes
//! back, to the same server or to one that was started in its place.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::line::{Cut, Line};

/// A server that is not ready for somebody who comes back is asked again after this.
const AGAIN: Duration = Duration::from_millis(20);
/// And not for longer than this.
const PATIENCE: Duration = Duration::from_secs(20);
/// Reasons to ask again that say themselves that they pass.
const PASSING: [&str; 3] = ["BUSY", "REHYDRATION_REQUIRED", "SESSION_IN_USE"];

/// See the module.
pub(super) struct Page {
    address: SocketAddr,
    path: String,
    token: String,
    pub(super) line: Line,
    /// The instance.
    pub(super) id: String,
    requests: u64,
    /// Sockets that nobody has closed.
    silent: Vec<TcpStream>,
}

/// The component that takes files.
const COMPONENT: &str = "Intake";

impl Page {
    /// Connects as a page that can come back, and mounts the component. `name` is its name for itself.
    pub(super) async fn open(address: SocketAddr, name: &str) -> Result<Self> {
        let path = format!("/api/live/ws?v=3&caps=delta,resume&client={name}");
        let (line, token) = greeted(address, &path).await?;
        let (requests, silent) = (0, Vec::new());
        let mut page = Self { address, path, token, line, id: String::new(), requests, silent };
        let mount = json!({ "type": "COMPONENT_MOUNT", "componentId": COMPONENT,
            "payload": { "component": COMPONENT, "props": {} } });
        let reply = page.ask(mount).await?;
        let id = reply["result"]["componentId"].as_str();
        id.with_context(|| format!("not mounted: {reply}"))?.clone_into(&mut page.id);
        // The answer to a mount promises nothing; that to a call does.
        page.call("touch").await?;
        Ok(page)
    }

    /// Comes back with a new connection: what the session was, and what was mounted in it. Answers what became of it.
    pub(super) async fn come_back(&mut self, address: SocketAddr, lost: Cut) -> Result<String> {
        let (line, _) = greeted(address, &self.path).await?;
        self.address = address;
        self.silent.extend(std::mem::replace(&mut self.line, line).cut(lost)?);
        let token = self.token.clone();
        let known = self.insist(json!({ "type": "SESSION_RESUME", "payload": { "token": token } })).await?;
        known["token"].as_str().context("no token")?.clone_into(&mut self.token);
        let payload =
            json!({ "component": COMPONENT, "name": COMPONENT, "have": 0, "heard": 0, "fresh": true });
        let id = self.id.clone();
        let back =
            self.insist(json!({ "type": "COMPONENT_RESUME", "componentId": id, "payload": payload })).await?;
        back["outcome"].as_str().map(str::to_owned).with_context(|| format!("no outcome in {back}"))
    }

    /// Calls an action without arguments.
    pub(super) async fn call(&mut self, action: &str) -> Result<Value> {
        let call = self.call_frame(action);
        let mut reply = self.ask(call).await?;
        ensure!(reply["success"] == true, "{action} was refused: {reply}");
        Ok(reply["result"].take())
    }

    pub(super) fn call_frame(&self, action: &str) -> Value {
        json!({ "type": "CALL_ACTION", "componentId": self.id, "action": action, "payload": {} })
    }

    /// Asks until there is an answer, for as long as the server asks for patience.
    async fn insist(&mut self, request: Value) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let mut reply = self.ask(request.clone()).await?;
            if reply["success"] == true {
                return Ok(reply["result"].take());
            }
            let passes = reply["code"].as_str().is_some_and(|code| PASSING.contains(&code));
            ensure!(passes && begun.elapsed() < PATIENCE, "refused: {reply}");
            sleep(AGAIN).await;
        }
    }

    /// Sends a request and answers its answer, good or not. What comes in between is not looked at.
    pub(super) async fn ask(&mut self, mut request: Value) -> Result<Value> {
        let number = self.number();
        request["requestId"] = json!(number);
        self.line.send_text(&request.to_string()).await?;
        loop {
            let message = self.hear().await?;
            if message["requestId"] == number {
                return Ok(message);
            }
        }
    }

    /// The number of the next request.
    pub(super) fn number(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    /// The next message.
    pub(super) async fn hear(&mut self) -> Result<Value> {
        let text = self.line.next().await?;
        serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))
    }
}

/// A connection whose server has said hello, and the token it gave.
async fn greeted(address: SocketAddr, path: &str) -> Result<(Line, String)> {
    let mut line = Line::open(address, path).await?;
    let hello: Value = serde_json::from_str(&line.next().await?)?;
    let Some(token) = hello["session"]["token"].as_str() else { bail!("no token in {hello}") };
    Ok((line, token.to_owned()))
}
