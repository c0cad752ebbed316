//! One page's half of a session, for load and crash tests: it mounts, calls, loses its connection and comes back.
//!
//! What it checks on the way, it writes into its [`Score`]; what ends a connection is an error. It waits for
//! what it asks, so each lives in a thread that has time for it.

use std::collections::VecDeque;
use std::mem;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::mounted::{Mounted, Score};
use crate::plan::Plan;
use crate::socket::Socket;

/// What became of an instance whose client came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Resumed,
    Replayed,
    Rehydrated,
    Reset,
}

/// See the module.
pub(crate) struct Tab {
    address: SocketAddr,
    path: String,
    /// What it presents when it comes back.
    token: String,
    socket: Socket,
    /// Messages of a frame that nobody has looked at yet.
    waiting: VecDeque<Value>,
    requests: u64,
    pub(crate) mounted: Vec<Mounted>,
    pub(crate) score: Score,
}

impl Tab {
    /// Connects as a page that can come back. `page` is its name for itself, and begins its call ids.
    pub(crate) fn open(address: SocketAddr, page: &str) -> Result<Self> {
        let path = format!("/api/live/ws?v=3&caps=delta,batch,resume&client={page}");
        let (socket, token) = greeted(address, &path)?;
        Ok(Self {
            address,
            path,
            token,
            socket,
            waiting: VecDeque::new(),
            requests: 0,
            mounted: Vec::new(),
            score: Score::default(),
        })
    }

    /// Mounts a component of which `name` is the client's name.
    pub(crate) fn mount(&mut self, plan: Plan, name: String) -> Result<()> {
        let mounted = self.mounts(plan, name)?;
        self.mounted.push(mounted);
        Ok(())
    }

    fn mounts(&mut self, plan: Plan, name: String) -> Result<Mounted> {
        let payload = json!({ "component": plan.component(), "props": plan.props() });
        let reply =
            self.ask(json!({ "type": "COMPONENT_MOUNT", "componentId": name, "payload": payload }))?;
        let result = &reply["result"];
        let id = result["componentId"].as_str().with_context(|| format!("no id in {reply}"))?;
        let version = result["version"].as_u64().with_context(|| format!("no version in {reply}"))?;
        Ok(Mounted::new(plan, name, id.to_owned(), version))
    }

    /// Unmounts the last one.
    pub(crate) fn unmount(&mut self) -> Result<()> {
        if let Some(mounted) = self.mounted.pop() {
            let reply = self.ask(json!({ "type": "COMPONENT_UNMOUNT", "componentId": mounted.id }))?;
            ensure!(reply["success"] == true, "refused: {reply}");
        }
        Ok(())
    }

    /// Makes the next call to one of the instances, without waiting for its answer.
    pub(crate) fn call(&mut self, which: usize) -> Result<()> {
        let call = self.mounted[which].call();
        self.socket.send(&call.to_string())
    }

    /// Makes the next call, of which half arrives.
    pub(crate) fn call_half(&mut self, which: usize) -> Result<()> {
        let call = self.mounted[which].call();
        self.socket.send_half(&call.to_string())
    }

    /// Calls without an answer.
    pub(crate) fn in_doubt(&self) -> usize {
        self.mounted.iter().map(Mounted::in_doubt).sum()
    }

    /// Waits for one message, and does with it what a client does.
    pub(crate) fn hear(&mut self) -> Result<()> {
        match self.next()? {
            None => Ok(()),
            Some(reply) => anyhow::bail!("nobody asked for {reply}"),
        }
    }

    /// Hears until every call is answered.
    pub(crate) fn settle(&mut self) -> Result<()> {
        while self.in_doubt() > 0 {
            self.hear()?;
        }
        Ok(())
    }

    /// The network is gone; whether the server has seen that is another matter.
    pub(crate) fn cut(&self) {
        self.socket.cut();
    }

    /// Connects anew. The answer is the old socket, which is still open on our side.
    pub(crate) fn reconnect(&mut self) -> Result<Socket> {
        let (socket, _) = greeted(self.address, &self.path)?;
        self.waiting.clear();
        self.score.in_doubt += self.in_doubt() as u64;
        Ok(mem::replace(&mut self.socket, socket))
    }

    /// Takes up the session and everything mounted: whether the server knew the session, and what became of
    /// each instance. An instance of which nothing was kept is mounted afresh.
    pub(crate) fn resume(&mut self) -> Result<(bool, Vec<Outcome>)> {
        let reply = self.ask(json!({ "type": "SESSION_RESUME", "payload": { "token": self.token } }))?;
        ensure!(reply["success"] == true, "the session was refused: {reply}");
        let known = reply["result"]["known"] == true;
        reply["result"]["token"].as_str().context("no token")?.clone_into(&mut self.token);
        let outcomes = (0..self.mounted.len()).map(|which| self.resume_one(which)).collect::<Result<_>>()?;
        Ok((known, outcomes))
    }

    fn resume_one(&mut self, which: usize) -> Result<Outcome> {
        let mounted = &self.mounted[which];
        let payload = json!({
            "component": mounted.plan.component(), "name": mounted.name, "have": mounted.version, "heard": 0,
        });
        let reply =
            self.ask(json!({ "type": "COMPONENT_RESUME", "componentId": mounted.id, "payload": payload }))?;
        let (mounted, score, result) = (&mut self.mounted[which], &mut self.score, &reply["result"]);
        let outcome = match result["outcome"].as_str() {
            Some("resumed") => Outcome::Resumed,
            Some("replayed") => Outcome::Replayed,
            Some("rehydrated") => {
                mounted.rebuilt(result, score);
                return Ok(Outcome::Rehydrated);
            }
            _ => {
                ensure!(reply["code"] == "NOTHING_KEPT", "{} was refused: {reply}", mounted.name);
                mounted.forgotten(score);
                let (plan, name) = (mounted.plan, mounted.name.clone());
                self.mounted[which] = self.mounts(plan, name)?;
                return Ok(Outcome::Reset);
            }
        };
        // What was missed came before this answer.
        if result["version"].as_u64() != Some(mounted.version) {
            let (name, shown) = (&mounted.name, mounted.version);
            score.wrong.push(format!("{name} shows version {shown} and was told {result}"));
        }
        Ok(outcome)
    }

    /// Sends the calls in doubt again.
    pub(crate) fn resend(&mut self) -> Result<()> {
        let calls: Vec<Value> = self.mounted.iter().flat_map(Mounted::again).collect();
        calls.iter().try_for_each(|call| self.socket.send(&call.to_string()))
    }

    /// Asks for every state and compares it. Nothing may be in doubt.
    pub(crate) fn check(&mut self) -> Result<()> {
        for which in 0..self.mounted.len() {
            let Mounted { id, version, .. } = &self.mounted[which];
            let ask = json!({ "type": "STATE_RESYNC", "componentId": id, "payload": { "have": version } });
            self.ask(ask)?;
        }
        Ok(())
    }

    /// Sends a request and waits for its reply.
    fn ask(&mut self, mut request: Value) -> Result<Value> {
        self.requests += 1;
        request["requestId"] = json!(self.requests);
        self.socket.send(&request.to_string())?;
        loop {
            if let Some(reply) = self.next()? {
                ensure!(reply["requestId"] == request["requestId"], "{reply} answers nothing we asked");
                return Ok(reply);
            }
        }
    }

    /// Waits for one message and does with it what a client does; a reply to a request that is no call is
    /// left to the caller.
    fn next(&mut self) -> Result<Option<Value>> {
        while self.waiting.is_empty() {
            match serde_json::from_str(&self.socket.receive()?)? {
                Value::Array(batch) => self.waiting.extend(batch),
                single => self.waiting.push_back(single),
            }
        }
        let Some(message) = self.waiting.pop_front() else { return Ok(None) };
        let about = |mounted: &&mut Mounted| message["componentId"] == *mounted.id;
        let mounted = self.mounted.iter_mut().find(about);
        match (message["type"].as_str().unwrap_or_default(), mounted) {
            ("STATE_DELTA", Some(mounted)) => mounted.changed(&message, &mut self.score),
            ("STATE_UPDATE", Some(mounted)) => {
                mounted.changed(&message, &mut self.score);
                mounted.look(&message["payload"]["state"], &mut self.score);
            }
            ("ACTION_RESPONSE", Some(mounted)) => mounted.answered(&message, &mut self.score),
            ("STATE_SNAPSHOT" | "STATE_DELTA" | "STATE_UPDATE" | "COMPONENT_EVENT", _) => {}
            ("ERROR" | "ACTION_RESPONSE", _) => self.score.wrong.push(message.to_string()),
            _ => return Ok(Some(message)),
        }
        Ok(None)
    }
}

/// A socket that was greeted, and the token it was greeted with.
fn greeted(address: SocketAddr, path: &str) -> Result<(Socket, String)> {
    let mut socket = Socket::open(address, path)?;
    let hello: Value = serde_json::from_str(&socket.receive()?)?;
    let token = hello["session"]["token"].as_str().with_context(|| format!("no token in {hello}"))?;
    Ok((socket, token.to_owned()))
}
