//! Many clients in one thread, so that all times are those of one clock.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use fluxstack_live_cli::load::{Frame, Socket, read_frame, write_frame};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::record::{Kind, Record};

/// What was sent and has not arrived after so long is lost.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes read at once.
const BUFFER: usize = 256 << 10;

/// How the clients of a crowd come.
#[derive(Clone)]
pub(crate) struct Coming {
    pub(crate) clients: usize,
    /// Bytes the kernel keeps for those of them that will not listen, whom it is told of by this.
    pub(crate) receive_buffer: Option<(usize, u32)>,
    /// What is said.
    pub(crate) text: String,
    /// Whether each has an instance of its own.
    pub(crate) is_private: bool,
}

/// Clients that are connected. They go when this does.
pub(crate) struct Crowd {
    all: Rc<All>,
    _listening: JoinSet<()>,
}

impl std::ops::Deref for Crowd {
    type Target = All;

    fn deref(&self) -> &All {
        &self.all
    }
}

pub(crate) struct All {
    sockets: Vec<Socket>,
    pub(crate) record: RefCell<Record>,
    /// By client: the ids of its room and of its hall.
    ids: RefCell<Vec<[String; 2]>>,
    buffer: RefCell<Box<[u8]>>,
    text: String,
    /// Something happened that [`All::until`] may wait for.
    progress: Notify,
    /// Who does not listen.
    deaf: Vec<Cell<bool>>,
    listen_again: Notify,
    /// Until when everybody says the next as soon as the last is answered.
    restless: Cell<Option<Instant>>,
}

impl Crowd {
    /// Connects to a server, and mounts nothing.
    pub(crate) async fn come(address: SocketAddr, coming: &Coming) -> Result<Self> {
        let mut sockets = Vec::with_capacity(coming.clients);
        for who in 0..coming.clients {
            let path = format!("/api/live/ws?v=3&caps=delta,batch,resume&client=c{who}");
            let small = coming.receive_buffer.filter(|(first, _)| who >= *first).map(|(_, bytes)| bytes);
            let socket = Socket::open(address, &path, small).await;
            sockets.push(socket.with_context(|| format!("client {who} cannot connect"))?);
        }
        let clients = sockets.len();
        let all = Rc::new(All {
            sockets,
            record: RefCell::new(Record::new(clients, coming.is_private)),
            ids: RefCell::new(vec![Default::default(); clients]),
            buffer: RefCell::new(vec![0; BUFFER].into()),
            text: coming.text.clone(),
            progress: Notify::new(),
            deaf: vec![Cell::new(false); clients],
            listen_again: Notify::new(),
            restless: Cell::new(None),
        });
        let mut listening = JoinSet::new();
        for who in 0..clients {
            let all = Rc::clone(&all);
            listening.spawn_local(async move {
                if let Err(why) = all.listen(who).await {
                    all.record.borrow_mut().fault(who, &format!("{why:#}"));
                    all.progress.notify_one();
                }
            });
        }
        Ok(Self { all, _listening: listening })
    }

    /// Connects to a live server; all mount the shared room, or one of their own, and a hall if there is one.
    pub(crate) async fn mount(address: SocketAddr, coming: &Coming, with_hall: bool) -> Result<Self> {
        let crowd = Self::come(address, coming).await?;
        let props = if coming.is_private { json!({}) } else { json!({ "shared": "crowd" }) };
        for who in 0..crowd.sockets.len() {
            crowd.until("a greeting", |all| all.take_reply(who).is_some()).await?;
            let room = crowd.mount_one(who, "Room", &props).await?;
            let hall =
                if with_hall { crowd.mount_one(who, "Hall", &json!({})).await? } else { String::new() };
            crowd.ids.borrow_mut()[who] = [room, hall];
        }
        if coming.is_private {
            crowd.record.borrow_mut().begin_private();
        } else {
            let ids = crowd.ids.borrow();
            let is_one = ids.iter().all(|of| of[0] == ids[0][0]);
            ensure!(is_one, "the server gives every client a room of its own: are instances shared yet?");
        }
        Ok(crowd)
    }
}

impl All {
    pub(crate) fn len(&self) -> u64 {
        self.sockets.len() as u64
    }

    async fn mount_one(&self, who: usize, component: &str, props: &Value) -> Result<String> {
        let payload = json!({ "component": component, "props": props });
        let request =
            json!({ "type": "COMPONENT_MOUNT", "componentId": format!("{component}:a"), "payload": payload });
        let reply = self.ask(who, request).await?;
        let (id, version) = (&reply["result"]["componentId"], &reply["result"]["version"]);
        ensure!(component != "Room" || version == 0, "somebody has been in the room before: {reply}");
        id.as_str().map(str::to_owned).with_context(|| format!("no id in {reply}"))
    }

    /// Sends a request and waits for its answer.
    async fn ask(&self, who: usize, mut request: Value) -> Result<Value> {
        request["requestId"] = json!(self.record.borrow_mut().ask(who));
        let mut frame = Vec::new();
        write_frame(0x1, request.to_string().as_bytes(), &mut frame);
        self.sockets[who].write(&frame)?;
        let mut reply = None;
        self.until("an answer", |record| {
            reply = record.take_reply(who);
            reply.is_some()
        })
        .await?;
        let reply = reply.unwrap_or_default();
        ensure!(reply["success"] == true, "refused: {reply}");
        Ok(reply)
    }

    /// Somebody says something so many times at once.
    pub(crate) fn say(&self, who: usize, kind: Kind, times: usize) -> Result<()> {
        let (ids, mut record) = (self.ids.borrow(), self.record.borrow_mut());
        let (id, action) = match kind {
            Kind::State => (&ids[who][0], "say"),
            Kind::Event => (&ids[who][0], "shout"),
            Kind::Room => (&ids[who][1], "shout"),
        };
        let (mut frames, mut call, text) = (Vec::new(), String::new(), &self.text);
        let now = Instant::now();
        for _ in 0..times {
            let (request, number) = record.say(who, kind, now);
            call.clear();
            write!(
                call,
                r#"{{"type":"CALL_ACTION","componentId":"{id}","action":"{action}","payload":{{"from":{who},"number":{number},"text":"{text}"}},"requestId":{request}}}"#
            )?;
            write_frame(0x1, call.as_bytes(), &mut frames);
        }
        self.sockets[who].write(&frames)
    }

    /// Somebody gives the bare server something to tell, so many times at once.
    pub(crate) fn tell(&self, who: usize, text: &[u8], times: usize) -> Result<()> {
        let mut frames = Vec::new();
        let now = Instant::now();
        for _ in 0..times {
            self.record.borrow_mut().tell(who, now);
            write_frame(0x1, text, &mut frames);
        }
        self.sockets[who].write(&frames)
    }

    /// So many of them say something, one after the other, each once in `every`. Answers how late the latest was.
    pub(crate) async fn chat(&self, senders: usize, every: Duration, length: Duration) -> Result<Duration> {
        let begun = Instant::now();
        let (mut late, mut number) = (Duration::ZERO, 0_u32);
        let due = |number: u32| begun + every * number / senders as u32;
        while due(number) < begun + length {
            sleep_until(due(number).into()).await;
            while due(number) <= Instant::now() && due(number) < begun + length {
                self.say(number as usize % senders, Kind::State, 1)?;
                late = late.max(due(number).elapsed());
                number += 1;
            }
        }
        self.settle().await?;
        Ok(late)
    }

    /// Everybody says the next as soon as the last is answered, for so long. Answers how many were answered.
    pub(crate) async fn chatter(&self, length: Duration) -> Result<u64> {
        let end = Instant::now() + length;
        self.restless.set(Some(end));
        for who in 0..self.sockets.len() {
            self.say(who, Kind::State, 1)?;
        }
        sleep_until(end.into()).await;
        self.restless.set(None);
        let answered = self.record.borrow().answered;
        Ok(answered)
    }

    /// Waits until everybody has been told everything that was said, and every call is answered.
    pub(crate) async fn settle(&self) -> Result<()> {
        let goal = self.record.borrow().expected();
        self.reach(goal).await
    }

    /// Waits until so much was delivered and answered.
    pub(crate) async fn reach(&self, goal: (u64, u64)) -> Result<()> {
        self.record.borrow_mut().goal = goal;
        let is_there = |record: &mut Record| record.delivered >= goal.0 && record.answered >= goal.1;
        let waited = self.until("what was sent", is_there).await;
        self.record.borrow_mut().goal = (u64::MAX, u64::MAX);
        waited.with_context(|| {
            let record = self.record.borrow();
            format!(
                "{} of {} were delivered and {} of {} answered",
                record.delivered, goal.0, record.answered, goal.1
            )
        })
    }

    async fn until(&self, what: &str, mut is_done: impl FnMut(&mut Record) -> bool) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            {
                let mut record = self.record.borrow_mut();
                if is_done(&mut record) {
                    return Ok(());
                }
                if record.faults > 0 {
                    bail!("something is wrong: {}", record.shown.join("; "));
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            timeout(left, self.progress.notified())
                .await
                .with_context(|| format!("waited {PATIENCE:?} for {what}"))?;
        }
    }

    /// Everybody asks for the state, and it is compared with what they were told.
    pub(crate) async fn compare(&self) -> Result<()> {
        for who in 0..self.sockets.len() {
            let id = self.ids.borrow()[who][0].clone();
            self.ask(who, json!({ "type": "STATE_RESYNC", "componentId": id, "payload": { "have": 0 } }))
                .await?;
        }
        if !self.record.borrow_mut().compare() {
            println!(
                "crowd: all were so slow that nobody was told every step; their states are compared with each other"
            );
        }
        Ok(())
    }

    /// Somebody stops reading, or reads again.
    pub(crate) fn be_deaf(&self, who: usize, is_deaf: bool) {
        self.record.borrow_mut().is_deaf(who);
        self.deaf[who].set(is_deaf);
        self.listen_again.notify_waiters();
    }

    async fn listen(&self, who: usize) -> Result<()> {
        let socket = &self.sockets[who];
        // What was read of a frame that is not all there.
        let mut rest = Vec::new();
        loop {
            while self.deaf[who].get() {
                self.listen_again.notified().await;
            }
            socket.readable().await?;
            if self.deaf[who].get() {
                continue;
            }
            let answered = {
                let mut buffer = self.buffer.borrow_mut();
                let read = match socket.read(&mut buffer) {
                    Ok(0) => bail!("the server closed the socket"),
                    Ok(read) => &buffer[..read],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                    Err(error) => return Err(error.into()),
                };
                if rest.is_empty() {
                    let (taken, answered) = self.take(who, read)?;
                    rest.extend_from_slice(&read[taken..]);
                    answered
                } else {
                    rest.extend_from_slice(read);
                    let (taken, answered) = self.take(who, &rest)?;
                    rest.drain(..taken);
                    answered
                }
            };
            let now = Instant::now();
            if answered > 0 && self.restless.get().is_some_and(|end| now < end) {
                self.say(who, Kind::State, 1)?;
            }
        }
    }

    /// Takes in all whole frames; their length, and how many calls they answered.
    fn take(&self, who: usize, read: &[u8]) -> Result<(usize, u64)> {
        let mut record = self.record.borrow_mut();
        let now = Instant::now();
        let (mut taken, mut answered) = (0, 0);
        while let Some((frame, length)) = read_frame(&read[taken..]) {
            match frame {
                Frame::Text(text) => answered += record.hear(who, text, now),
                Frame::Ping(payload) => {
                    let mut pong = Vec::new();
                    write_frame(0xA, payload, &mut pong);
                    self.sockets[who].write(&pong)?;
                }
                Frame::Close(code) => bail!("the server closed the socket with {code:?}"),
                Frame::Binary(_) | Frame::Other(_) => bail!("a frame nobody should send: {frame:?}"),
            }
            taken += length;
        }
        if record.take_news() {
            self.progress.notify_one();
        }
        Ok((taken, answered))
    }
}
