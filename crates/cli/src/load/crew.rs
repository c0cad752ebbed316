//! Many connections in one thread, so that all times are those of one clock.
//!
//! Each has a task that waits for its socket. What is read goes into one buffer for all; everything that one read leads to
//! is written at once. The generator must not be the limit, so a call costs it no allocation and no lock.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::frame::{Frame, read_frame};
use super::member::{Member, Pace};
use super::out::Out;
use super::outcome::{BUSY, Outcome};
use super::plan::Plan;
use super::server::{Worked, own, resident};
use super::socket::{Socket, ask};
use super::speech::{News, Speech};
use super::tally::Tally;

/// Bytes read at once.
const BUFFER: usize = 256 << 10;
/// Connections that are opened at once; a server has a queue for those it has not accepted.
const OPENING: usize = 64;
/// Bytes the kernel keeps for a connection that will stop reading, so that the server feels it soon.
const SLOW: u32 = 4 << 10;
/// How often it is looked whether what is waited for goes on.
const LOOK: Duration = Duration::from_millis(20);
/// How long is listened for what comes twice, when all has come once.
const LINGER: Duration = Duration::from_millis(50);
/// However much a server says, what is waited for comes within so many times the patience, or not at all.
const TIMES: u32 = 10;
/// A frame longer than this is no answer to anything we ask.
const LONGEST: usize = 64 << 20;

/// Connections that are open. They close when this goes.
pub struct Crew<S> {
    deck: Rc<Deck<S>>,
    listening: JoinSet<()>,
}

struct Deck<S> {
    begun: Instant,
    posts: RefCell<Vec<Rc<Post<S>>>>,
    tally: RefCell<Tally>,
    scratch: RefCell<Scratch>,
    /// Something was read, or went wrong.
    progress: Notify,
    is_watched: Cell<bool>,
    is_failed: Notify,
    /// When something was read last.
    heard: Cell<u64>,
}

/// A connection and its socket.
struct Post<S> {
    member: RefCell<Member<S>>,
    line: RefCell<Line>,
    is_deaf: Cell<bool>,
}

/// The writing half of a socket, and what is between frames.
struct Line {
    half: OwnedWriteHalf,
    /// What was read of a frame that is not all there.
    rest: Vec<u8>,
    /// What the kernel would not take yet.
    unsent: Out,
    /// The task that listens, and writes what is left.
    waker: Option<Waker>,
}

/// What one turn needs, and no two need at once.
struct Scratch {
    buffer: Box<[u8]>,
    news: Vec<News>,
    out: Out,
}

/// What was measured around the window.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// How long it was.
    pub length: Duration,
    /// What the server computed in it.
    pub worked: Option<Duration>,
    /// What we did.
    pub own: Option<Duration>,
    /// The server's bytes in memory when it began and when it ended.
    pub rss: Option<(u64, u64)>,
}

impl<S: Speech + 'static> Crew<S> {
    /// Nobody yet. Must be called, as all else, where tasks of one thread can be: [`run`](super::run) sees to it.
    #[expect(clippy::new_without_default, reason = "a crew has a clock that begins to run")]
    pub fn new() -> Self {
        let scratch = Scratch { buffer: vec![0; BUFFER].into(), news: Vec::new(), out: Out::default() };
        let deck = Deck {
            begun: Instant::now(),
            posts: RefCell::default(),
            tally: RefCell::default(),
            scratch: RefCell::new(scratch),
            progress: Notify::new(),
            is_watched: Cell::new(false),
            is_failed: Notify::new(),
            heard: Cell::new(0),
        };
        Self { deck: Rc::new(deck), listening: JoinSet::new() }
    }

    /// Opens this many more connections, and waits until the server has greeted each of them.
    ///
    /// # Errors
    ///
    /// The server does not take them.
    pub async fn connect(&mut self, plan: &Plan, many: usize, speech: impl Fn(usize) -> S) -> Result<()> {
        let first = self.len();
        let opened = stream::iter(first..first + many).map(|who| {
            let mut speech = speech(who);
            async move {
                let stream = open(plan, who, &mut speech).await;
                Ok::<_, anyhow::Error>((who, speech, stream.with_context(|| format!("connection {who}"))?))
            }
        });
        let mut opened = opened.buffered(OPENING);
        while let Some((who, speech, stream)) = opened.try_next().await? {
            self.take(Member::new(who, speech, plan.slots()), stream);
        }
        self.until(plan, "a greeting", |tally| tally.ready >= first + many).await
    }

    fn take(&mut self, member: Member<S>, stream: TcpStream) {
        let (mut reader, half) = stream.into_split();
        let line = Line { half, rest: Vec::new(), unsent: Out::default(), waker: None };
        let is_deaf = Cell::new(false);
        let post = Rc::new(Post { member: RefCell::new(member), line: RefCell::new(line), is_deaf });
        self.deck.posts.borrow_mut().push(Rc::clone(&post));
        let deck = Rc::clone(&self.deck);
        self.listening.spawn_local(async move {
            deck.act(&post, |member, out, _, _| member.speech.begin(out));
            if let Err(why) = poll_fn(|cx| deck.turn(&post, &mut reader, cx)).await {
                deck.fail(&format!("connection {}: {why:#}", post.member.borrow().who));
            }
        });
    }

    /// Mounts every component of every connection, and waits until all are there.
    ///
    /// # Errors
    ///
    /// The server would not, or does not answer.
    pub async fn mount(&self, plan: &Plan, components: usize) -> Result<()> {
        let before = self.tally(|tally| tally.mounted);
        for slots in (0..components).collect::<Vec<_>>().chunks(plan.at_once()) {
            self.each(|member, out, now, tally| {
                slots.iter().for_each(|slot| member.mount(*slot, now, tally, out));
            });
            self.wait(plan, |tally| tally.open == 0).await?;
        }
        let missing = before + components * self.len() - self.tally(|tally| tally.mounted);
        if missing > 0 {
            bail!("{missing} components were never mounted; {}", plan.mounting);
        }
        Ok(())
    }

    /// Sets what all do when something is answered.
    pub fn pace(&self, pace: Pace) {
        self.deck.posts.borrow().iter().for_each(|post| post.member.borrow_mut().pace = pace);
    }

    /// Has one connection do something, and writes what it says.
    pub fn one(&self, who: usize, act: impl FnOnce(&mut Member<S>, &mut Out, u64, &mut Tally)) {
        let post = self.deck.posts.borrow().get(who).cloned();
        if let Some(post) = post {
            self.deck.act(&post, act);
        }
    }

    /// Has every connection do something, one after the other.
    pub fn each(&self, mut act: impl FnMut(&mut Member<S>, &mut Out, u64, &mut Tally)) {
        for post in &*self.deck.posts.borrow() {
            self.deck.act(post, &mut act);
        }
    }

    /// Has a connection stop reading, or read again.
    pub fn be_deaf(&self, who: usize, is_deaf: bool) {
        if let Some(post) = self.deck.posts.borrow().get(who) {
            post.is_deaf.set(is_deaf);
            post.line.borrow_mut().wake();
        }
    }

    /// Connections there are.
    pub fn len(&self) -> usize {
        self.deck.posts.borrow().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Nanoseconds since the crew began.
    pub fn now(&self) -> u64 {
        self.deck.now()
    }

    /// Looks at the sums, or changes them.
    pub fn tally<T>(&self, look: impl FnOnce(&mut Tally) -> T) -> T {
        look(&mut self.deck.tally.borrow_mut())
    }

    /// When something was read last, for whoever waits for nothing in particular.
    pub(crate) fn heard(&self) -> u64 {
        self.deck.heard.get()
    }

    /// Why the run cannot go on, if it cannot.
    ///
    /// # Errors
    ///
    /// That is the error.
    pub fn check(&self) -> Result<()> {
        self.tally(|tally| tally.failed.clone()).map_or(Ok(()), |why| bail!(why))
    }

    /// Waits until something is so.
    ///
    /// # Errors
    ///
    /// Nothing was heard for so long that it never will be, or something went wrong.
    pub async fn until(&self, plan: &Plan, what: &str, is_so: impl Fn(&Tally) -> bool) -> Result<()> {
        if self.wait(plan, is_so).await? {
            return Ok(());
        }
        bail!("waited {:?} for {what}, and the server said nothing", plan.patience)
    }

    /// Waits until everything is answered, shown and counted, or nothing has come for as long as the plan has patience.
    /// What is not there then is lost. Then listens a little longer for what should not come.
    ///
    /// # Errors
    ///
    /// Something else went wrong.
    pub async fn settle(&self, plan: &Plan) -> Result<()> {
        self.wait(plan, |tally| tally.open == 0 && tally.unseen <= 0).await?;
        self.pass(LINGER).await
    }

    /// As [`until`](Self::until), and whether it was so in the end.
    pub(crate) async fn wait(&self, plan: &Plan, is_so: impl Fn(&Tally) -> bool) -> Result<bool> {
        let begun = self.now();
        self.deck.is_watched.set(true);
        let waited = loop {
            self.check()?;
            if self.tally(|tally| is_so(tally)) {
                break true;
            }
            let now = self.now();
            let silence = Duration::from_nanos(now - self.heard().max(begun));
            if silence > plan.patience || Duration::from_nanos(now - begun) > plan.patience * TIMES {
                break false;
            }
            let _ = timeout(LOOK, self.deck.progress.notified()).await;
        };
        self.deck.is_watched.set(false);
        Ok(waited)
    }

    /// Lets what is under way go on for the time of warming up, then for the window, and says what was measured around it.
    ///
    /// # Errors
    ///
    /// Something went wrong meanwhile.
    pub async fn window(&self, plan: &Plan) -> Result<Window> {
        self.pass(plan.warm_up).await?;
        let begin = self.begin_window(plan);
        self.pass(plan.length).await?;
        Ok(self.end_window(plan, &begin))
    }

    /// What is done from now on counts.
    pub fn begin_window(&self, plan: &Plan) -> Opening {
        let rss = plan.server.and_then(resident);
        let opening = Opening { worked: plan.server.and_then(Worked::of), own: own(), at: self.now(), rss };
        self.tally(|tally| tally.begin(opening.at));
        opening
    }

    /// What is done from now on does not count any more.
    pub fn end_window(&self, plan: &Plan, opening: &Opening) -> Window {
        let now = self.now();
        self.tally(|tally| tally.end(now));
        let own = own().zip(opening.own).map(|(after, before)| after.saturating_sub(before));
        let worked = plan.server.and_then(Worked::of);
        Window {
            length: Duration::from_nanos(now - opening.at),
            worked: worked.zip(opening.worked).map(|(after, before)| after.since(&before)),
            own,
            rss: opening.rss.zip(plan.server.and_then(resident)),
        }
    }

    /// Lets time pass.
    ///
    /// # Errors
    ///
    /// Something went wrong meanwhile.
    pub async fn pass(&self, time: Duration) -> Result<()> {
        let failed = self.deck.is_failed.notified();
        tokio::select! {
            () = sleep(time) => {}
            () = failed => {}
        }
        self.check()
    }

    /// Puts together what came of it.
    pub fn outcome(&self, plan: &Plan, window: &Window) -> Outcome {
        let mut outcome = plan.outcome();
        self.tally(|tally| tally.write(&mut outcome));
        outcome.seconds = window.length.as_secs_f64();
        outcome.cost(outcome.operations, window);
        if outcome.generator_busy.is_some_and(|busy| busy > 0.95) {
            outcome.notes.push(BUSY.to_owned());
        }
        outcome
    }

    /// Closes all sockets without a word, and gives back who spoke, in their order.
    pub(crate) async fn cut(mut self) -> Vec<S> {
        self.listening.shutdown().await;
        let posts = self.deck.posts.take();
        // Nobody listens any more, so each post is held by nobody else.
        posts.into_iter().filter_map(Rc::into_inner).map(|post| post.member.into_inner().speech).collect()
    }

    /// Says goodbye and closes all connections.
    pub async fn close(mut self) {
        self.each(|_, out, _, _| out.close());
        self.listening.shutdown().await;
    }
}

/// What was measured when the window began.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    worked: Option<Worked>,
    own: Option<Duration>,
    /// When it was, in nanoseconds of the crew.
    pub at: u64,
    rss: Option<u64>,
}

/// Opens a connection, by invitation if there has to be one.
pub(crate) async fn open<S: Speech>(plan: &Plan, who: usize, speech: &mut S) -> Result<TcpStream> {
    let buffer = (who >= plan.connections - plan.slow).then_some(SLOW);
    if let Some(invitation) = speech.invitation() {
        speech.invited(&ask(plan.address, &invitation).await?)?;
    }
    Ok(Socket::open_one_of_many(plan.address, &speech.path(), who, buffer).await?.into_stream())
}

impl<S: Speech> Deck<S> {
    fn now(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }

    fn fail(&self, why: &str) {
        self.tally.borrow_mut().failed.get_or_insert_with(|| why.to_owned());
        self.progress.notify_one();
        self.is_failed.notify_one();
    }

    /// Has a connection do something, and writes what it says.
    fn act(&self, post: &Post<S>, act: impl FnOnce(&mut Member<S>, &mut Out, u64, &mut Tally)) {
        let (mut scratch, mut tally) = (self.scratch.borrow_mut(), self.tally.borrow_mut());
        let now = self.now();
        act(&mut post.member.borrow_mut(), &mut scratch.out, now, &mut tally);
        let written = post.line.borrow_mut().write(&mut scratch.out, now, &mut tally);
        drop(tally);
        if let Err(error) = written {
            self.fail(&format!("connection {}: {error}", post.member.borrow().who));
        }
    }

    /// Takes in all that is there, and does what follows.
    fn turn(&self, post: &Post<S>, reader: &mut OwnedReadHalf, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            let mut scratch = self.scratch.borrow_mut();
            let Scratch { buffer, news, out } = &mut *scratch;
            let mut line = post.line.borrow_mut();
            let mut read = ReadBuf::new(buffer);
            if post.is_deaf.get() || Pin::new(&mut *reader).poll_read(cx, &mut read)?.is_pending() {
                line.rest(cx)?;
                return Poll::Pending;
            }
            let read = read.filled();
            if read.is_empty() {
                return Poll::Ready(Err(anyhow::anyhow!("the server closed the socket")));
            }
            let (mut member, mut tally) = (post.member.borrow_mut(), self.tally.borrow_mut());
            let now = self.now();
            self.heard.set(now);
            tally.read(read.len(), now);
            let mut take = |read: &[u8]| self.take(read, now, &mut member, &mut tally, news, out);
            if line.rest.is_empty() {
                let taken = take(read)?;
                line.rest.extend_from_slice(&read[taken..]);
            } else {
                line.rest.extend_from_slice(read);
                let taken = take(&line.rest)?;
                line.rest.drain(..taken);
            }
            if line.rest.len() > LONGEST {
                return Poll::Ready(Err(anyhow::anyhow!("a frame that is too long for anything asked")));
            }
            if member.is_eager() {
                let now = self.now();
                member.go_on(now, &mut tally, out);
            }
            line.write(out, now, &mut tally)?;
            if self.is_watched.get() {
                self.progress.notify_one();
            }
        }
    }

    /// Takes in all whole frames, and answers their length.
    fn take(
        &self,
        read: &[u8],
        now: u64,
        member: &mut Member<S>,
        tally: &mut Tally,
        news: &mut Vec<News>,
        out: &mut Out,
    ) -> Result<usize> {
        let mut taken = 0;
        while let Some((frame, length)) = read_frame(&read[taken..]) {
            match frame {
                Frame::Text(_) | Frame::Binary(_) => member.speech.hear(frame, news, out)?,
                Frame::Ping(payload) => out.pong(payload),
                Frame::Close(code) => bail!("the server closed the socket{}", why(code)),
                Frame::Other(head) => bail!("a frame nobody should send: {head:#x}"),
            }
            taken += length;
            for news in news.drain(..) {
                // Somebody else's, or its own: then it is borrowed already.
                let sent = |from: u32, number: u64| {
                    let at = usize::try_from(number).ok()?.checked_sub(1)?;
                    let posts = self.posts.borrow();
                    posts.get(from as usize)?.member.try_borrow().ok()?.tells().get(at).copied()
                };
                member.note(news, now, tally, sent)?;
            }
        }
        Ok(taken)
    }
}

/// What a close code of ours means for whoever measures.
fn why(code: Option<u16>) -> String {
    match code {
        Some(4429) => {
            " with 4429: this connection sends more than Limits::rate; raise it for a measurement, or ask \
                       for less with --rate"
                .to_owned()
        }
        Some(4430) => {
            " with 4430: this connection reads too slowly, so the generator is the limit".to_owned()
        }
        Some(code) => format!(" with {code}"),
        None => String::new(),
    }
}

impl Line {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Writes what the kernel takes; the rest is written by the task, as soon as it takes more.
    fn write(&mut self, out: &mut Out, now: u64, tally: &mut Tally) -> Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        tally.wrote(out.bytes().len(), now);
        if self.unsent.is_empty() {
            match self.half.try_write(out.bytes()) {
                Ok(written) => out.sent(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    *out = Out::default();
                    return Err(error).context("the server does not read");
                }
            }
        }
        if !out.is_empty() {
            if self.unsent.is_empty() {
                mem::swap(&mut self.unsent, out);
            } else {
                self.unsent.append(out);
            }
            self.wake();
        }
        Ok(())
    }

    /// There is nothing to read: writes what was left, and has the task woken when there is more to do.
    fn rest(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
        while !self.unsent.is_empty() {
            match Pin::new(&mut self.half).poll_write(cx, self.unsent.bytes())? {
                Poll::Ready(written) => self.unsent.sent(written),
                Poll::Pending => break,
            }
        }
        if self.rest.is_empty() && self.rest.capacity() > BUFFER {
            self.rest = Vec::new();
        }
        Ok(())
    }
}
