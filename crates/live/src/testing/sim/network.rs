//! The sockets of a simulation, from the server's side: a stream and a sink for each connection.
//!
//! The server's tasks know only these. What they write is taken from here by the world, which decides what
//! becomes of it and when; what is put in here arrives at the server at once. There is a lock because the
//! server's tasks could be on other threads; they never are, and nobody ever waits for it.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::{Sink, Stream};

use crate::server::{Live, Place};
use crate::session::{Arrival, Incoming, Outgoing};

/// Frames that fit between server and tab before the server's writes wait, as in a socket's buffer.
const IN_FLIGHT: usize = 64;

/// See the module. A clone is the same network.
#[derive(Clone, Default)]
pub(super) struct Network(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    pipes: BTreeMap<u32, Pipe>,
    /// Connections of which there is something to take, in the order it came.
    dirty: Vec<u32>,
    driver: Option<Waker>,
    /// The server that has come to its end.
    drained: Option<u32>,
}

#[derive(Default)]
struct Pipe {
    incoming: VecDeque<Incoming>,
    reader: Option<Waker>,
    /// The server sees that the peer is gone.
    is_cut: bool,
    outgoing: VecDeque<Outgoing>,
    writer: Option<Waker>,
    /// Frames that were written and have not reached the tab.
    in_flight: usize,
    /// The server has nothing to do with it any more.
    has_ended: bool,
}

/// What the server wrote.
pub(super) struct Written {
    pub(super) frames: VecDeque<Outgoing>,
    pub(super) has_ended: bool,
}

struct Connection {
    network: Network,
    number: u32,
}

impl Network {
    /// Lets `live` serve a connection under this number.
    pub(super) fn serve(&self, number: u32, live: &Live, place: Place, arrival: Arrival) {
        self.lock().pipes.insert(number, Pipe::default());
        let end = || Connection { network: self.clone(), number };
        let (incoming, outgoing, ended) = (end(), end(), end());
        let live = live.clone();
        tokio::spawn(async move {
            live.serve(place, arrival, incoming, outgoing).await;
            ended.change(|pipe| pipe.has_ended = true);
            ended.ring();
        });
    }

    /// Lets `live` come to its end, and says so under this number when it has.
    pub(super) fn drain(&self, live: &Live, number: u32) {
        let (live, network) = (live.clone(), self.clone());
        tokio::spawn(async move {
            live.shutdown(live.limits().drain * 2).await;
            let mut inner = network.lock();
            inner.drained = Some(number);
            inner.ring();
        });
    }

    /// The server that has drained, told once.
    pub(super) fn take_drained(&self) -> Option<u32> {
        self.lock().drained.take()
    }

    /// The connections of which there is something to take.
    pub(super) fn take_dirty(&self) -> Vec<u32> {
        std::mem::take(&mut self.lock().dirty)
    }

    /// What was written to a connection.
    pub(super) fn take_written(&self, number: u32) -> Written {
        let mut inner = self.lock();
        let Some(pipe) = inner.pipes.get_mut(&number) else {
            return Written { frames: VecDeque::new(), has_ended: false };
        };
        let written = Written { frames: std::mem::take(&mut pipe.outgoing), has_ended: pipe.has_ended };
        if written.has_ended {
            inner.pipes.remove(&number);
        }
        written
    }

    /// Something has reached the server.
    pub(super) fn arrive(&self, number: u32, frame: Incoming) {
        if let Some(pipe) = self.lock().pipes.get_mut(&number) {
            pipe.incoming.push_back(frame);
            wake(&mut pipe.reader);
        }
    }

    /// A frame has left the wire, wherever it went.
    pub(super) fn landed(&self, number: u32) {
        if let Some(pipe) = self.lock().pipes.get_mut(&number) {
            pipe.in_flight = pipe.in_flight.saturating_sub(1);
            wake(&mut pipe.writer);
        }
    }

    /// The server sees that the tab is gone.
    pub(super) fn cut(&self, number: u32) {
        if let Some(pipe) = self.lock().pipes.get_mut(&number) {
            pipe.is_cut = true;
            pipe.incoming.clear();
            wake(&mut pipe.reader);
            wake(&mut pipe.writer);
        }
    }

    /// Nobody will ever hear of this connection again: its server was killed.
    pub(super) fn forget(&self, number: u32) {
        self.lock().pipes.remove(&number);
    }

    /// Ready when the server has said something. Woken through `cx` otherwise.
    pub(super) fn poll_said(&self, cx: &Context<'_>) -> Poll<()> {
        let mut inner = self.lock();
        if !inner.dirty.is_empty() || inner.drained.is_some() {
            return Poll::Ready(());
        }
        inner.driver = Some(cx.waker().clone());
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn ring(&mut self) {
        wake(&mut self.driver);
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl Connection {
    /// Does something to the pipe, if there still is one.
    fn change<T>(&self, change: impl FnOnce(&mut Pipe) -> T) -> Option<T> {
        self.network.lock().pipes.get_mut(&self.number).map(change)
    }

    /// The world is to look here.
    fn ring(&self) {
        let mut inner = self.network.lock();
        if !inner.dirty.contains(&self.number) {
            inner.dirty.push(self.number);
        }
        inner.ring();
    }
}

impl Stream for Connection {
    type Item = Incoming;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        let next = self.change(|pipe| match pipe.incoming.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None if pipe.is_cut => Poll::Ready(None),
            None => {
                pipe.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        });
        next.unwrap_or(Poll::Ready(None))
    }
}

/// The peer is gone.
pub(super) struct Broken;

impl Sink<Outgoing> for Connection {
    type Error = Broken;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let ready = self.change(|pipe| {
            if pipe.is_cut {
                Poll::Ready(Err(Broken))
            } else if pipe.in_flight < IN_FLIGHT {
                Poll::Ready(Ok(()))
            } else {
                pipe.writer = Some(cx.waker().clone());
                Poll::Pending
            }
        });
        ready.unwrap_or(Poll::Ready(Err(Broken)))
    }

    fn start_send(self: Pin<&mut Self>, frame: Outgoing) -> Result<(), Broken> {
        self.change(|pipe| {
            pipe.outgoing.push_back(frame);
            pipe.in_flight += 1;
        })
        .ok_or(Broken)?;
        self.ring();
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }
}
