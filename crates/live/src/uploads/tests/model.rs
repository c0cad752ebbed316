//! Stories of one file, told by dice, and a model that knows how each of them goes on.
//!
//! A story has chunks that are repeated, overlap, leave gaps, are too much or of another file; two ways of counting; cut
//! connections and late ones, restarts, full disks, wrong hashes, changes of mind. After every step the disk has exactly
//! what was answered. `UPLOAD_STORIES` says how many stories there are, `UPLOAD_SEED` with which they begin.

use super::*;

/// The largest file of a story: two blocks of what is hashed at once would make no other stories.
const LARGEST: u64 = 3_000;

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Counts {
    Unknown,
    Bytes,
    Chunks(u64),
}

/// What there must be of the file.
#[derive(Debug, Clone, PartialEq)]
enum State {
    Nothing,
    Part { received: Vec<u8>, counts: Counts },
    Done { bytes: Vec<u8> },
}

struct Story {
    dice: Dice,
    scratch: Scratch,
    desk: Arc<Desk>,
    state: State,
    sending: Option<Arc<Sending>>,
    late: Vec<Arc<Sending>>,
    held: Vec<UploadedFile>,
    /// The file as it is, and as a liar sends it.
    bytes: Vec<u8>,
    lies: Vec<u8>,
    successes: u64,
    steps: Vec<String>,
}

const ID: &str = "the file";

impl Story {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let size = match dice.below(6) {
            0 => 0,
            1 => dice.below(8),
            _ => dice.below(LARGEST),
        };
        // Nothing that begins so does anything.
        let bytes: Vec<u8> =
            (0..size).map(|at| if at < 4 { at as u8 + 1 } else { dice.next() as u8 }).collect();
        let lies = bytes.iter().enumerate().map(|(at, byte)| if at < 4 { *byte } else { !byte }).collect();
        let scratch = Scratch::new();
        fs::create_dir_all(&scratch.0).unwrap();
        fs::write(scratch.0.join("canary"), "alive").unwrap();
        let desk = scratch.desk();
        let (late, held, steps) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            dice,
            scratch,
            desk,
            state: State::Nothing,
            sending: None,
            late,
            held,
            bytes,
            lies,
            successes: 0,
            steps,
        }
    }

    async fn play(&mut self) {
        self.open(false).await;
        for _ in 0..4 + self.dice.below(24) {
            match self.dice.below(40) {
                0..=15 => self.put().await,
                16..=17 => self.put_many().await,
                18..=21 => self.next_all().await,
                22..=25 => self.complete().await,
                26..=29 => self.cut().await,
                30 => self.restart().await,
                31 => self.cancel().await,
                32 => self.remove().await,
                33..=34 => self.late().await,
                35 => self.sweep(),
                36 => self.claim().await,
                37 => self.full_disk().await,
                38 => self.move_away().await,
                _ => self.other_file().await,
            }
            self.check();
        }
        self.end().await;
    }

    fn note(&mut self, step: impl Into<String>) {
        self.steps.push(step.into());
    }

    fn ask(&mut self, is_resumed: bool) -> Opening {
        let name = if self.dice.one_in(2) { "../../canary.bin" } else { "/etc/canary.bin" };
        Opening { name: name.into(), kind: String::new(), is_resumed, ..asks(ID, self.bytes.len()) }
    }

    async fn open(&mut self, is_resumed: bool) {
        self.note(format!("open, resumed {is_resumed}"));
        let ask = self.ask(is_resumed);
        let opened = self.desk.open(ask).await;
        self.late.extend(self.sending.take());
        match (&self.state, is_resumed) {
            (State::Part { received, .. }, true) => {
                let opened = opened.unwrap();
                assert_eq!(opened.received, received.len() as u64);
                self.sending = Some(opened.sending);
            }
            (State::Done { bytes }, true) => {
                let opened = opened.unwrap();
                assert_eq!(opened.received, bytes.len() as u64);
                self.sending = Some(opened.sending);
            }
            (State::Done { .. }, false) if !self.held.is_empty() => {
                assert_eq!(code(opened), Code::UploadRefused)
            }
            _ => {
                let opened = opened.unwrap();
                assert_eq!(opened.received, 0);
                self.sending = Some(opened.sending);
                self.state = State::Part { received: Vec::new(), counts: Counts::Unknown };
            }
        }
    }

    /// A chunk that is right, or nearly.
    fn chunk(&mut self) -> (At, Vec<u8>) {
        let (received, counts) = match &self.state {
            State::Part { received, counts } => (received.len() as u64, *counts),
            _ => (self.bytes.len() as u64, Counts::Bytes),
        };
        let size = self.bytes.len() as u64;
        let mut by_index = matches!(counts, Counts::Chunks(_));
        if counts == Counts::Unknown {
            by_index = self.dice.one_in(3);
        }
        if self.dice.one_in(30) {
            by_index = !by_index;
        }
        let begin = match self.dice.below(12) {
            0 => self.dice.below(received + 1),
            1 => received.saturating_sub(self.dice.below(20)),
            2 => received + 1 + self.dice.below(20),
            3 if self.dice.one_in(4) => u64::MAX - self.dice.below(3),
            _ => received,
        };
        let mut length = match self.dice.below(8) {
            0 => 0,
            1 => self.dice.below(8),
            2 => size.saturating_sub(begin),
            _ => self.dice.below(size / 3 + 2),
        };
        if !self.dice.one_in(12) {
            length = length.min(size.saturating_sub(begin));
        }
        let source = if self.dice.one_in(10) { &self.lies } else { &self.bytes };
        let from = usize::try_from(if by_index { received } else { begin }).unwrap_or(usize::MAX);
        let bytes = (0..length as usize)
            .map(|at| source.get(from.saturating_add(at)).copied().unwrap_or(7))
            .collect();
        let next = if let Counts::Chunks(next) = counts { next } else { 0 };
        let index = match self.dice.below(8) {
            0 => self.dice.below(next + 1),
            1 => next + self.dice.below(3),
            _ => next,
        };
        (if by_index { At::Index(index) } else { At::Offset(begin) }, bytes)
    }

    /// What must be answered, and how things are then. `None` where the upload is over.
    fn expect(&self, at: At, bytes: &[u8]) -> (Result<u64, Code>, State) {
        let size = self.bytes.len() as u64;
        let (received, counts) = match &self.state {
            State::Nothing => return (Err(Code::UploadGone), State::Nothing),
            State::Done { .. } => {
                let is_too_much = matches!(at, At::Offset(at) if at.checked_add(bytes.len() as u64).is_none_or(|end| end > size));
                return (if is_too_much { Err(Code::UploadTooLarge) } else { Ok(size) }, self.state.clone());
            }
            State::Part { received, counts } => (received, *counts),
        };
        let there = received.len() as u64;
        let begin = match (at, counts) {
            (At::Offset(_), Counts::Chunks(_)) | (At::Index(_), Counts::Bytes) => {
                return (Err(Code::BadChunk), self.state.clone());
            }
            (At::Offset(at), _) => at,
            (At::Index(index), Counts::Chunks(next)) if index < next => {
                return (Ok(there), self.state.clone());
            }
            (At::Index(index), _) => {
                let next = if let Counts::Chunks(next) = counts { next } else { 0 };
                if index > next {
                    return (Err(Code::UploadGap), self.state.clone());
                }
                there
            }
        };
        if begin.checked_add(bytes.len() as u64).is_none_or(|end| end > size) {
            return (Err(Code::UploadTooLarge), State::Nothing);
        }
        if begin > there {
            return (Err(Code::UploadGap), self.state.clone());
        }
        let mut received = received.clone();
        let known = ((there - begin) as usize).min(bytes.len());
        received.extend_from_slice(&bytes[known..]);
        let counts = match at {
            At::Offset(_) => Counts::Bytes,
            At::Index(index) => Counts::Chunks(index + 1),
        };
        (Ok(received.len() as u64), State::Part { received, counts })
    }

    async fn put(&mut self) {
        let Some(sending) = self.sending.clone() else { return };
        let (at, bytes) = self.chunk();
        self.note(format!("put {at:?}, {} bytes", bytes.len()));
        let (expected, state) = self.expect(at, &bytes);
        let answer = put(&sending, at, &bytes).await;
        assert_eq!(answer.as_ref().map(|it| *it).map_err(Error::code), expected);
        if let (Err(error), State::Part { received, .. }) = (&answer, &state)
            && error.code() == Code::UploadGap
        {
            assert_eq!(error.field("bytesUploaded"), Some(&*received.len().to_string()));
        }
        self.state = state;
        if self.state == State::Nothing {
            self.late.extend(self.sending.take());
        }
    }

    /// Several at once, as a client sends that does not wait.
    async fn put_many(&mut self) {
        let Some(sending) = self.sending.clone() else { return };
        let mut answers = Vec::new();
        for _ in 0..2 + self.dice.below(6) {
            let (at, bytes) = self.chunk();
            self.note(format!("put at once {at:?}, {} bytes", bytes.len()));
            let (expected, state) = self.expect(at, &bytes);
            answers.push((put(&sending, at, &bytes), expected));
            self.state = state;
        }
        for (answer, expected) in answers {
            assert_eq!(answer.await.map_err(|error| error.code()), expected);
        }
        if self.state == State::Nothing {
            self.late.extend(self.sending.take());
        }
    }

    /// All that is missing, as it is, or nearly.
    async fn next_all(&mut self) {
        let (Some(sending), State::Part { received, counts }) = (self.sending.clone(), &self.state) else {
            return;
        };
        let counts = *counts;
        let rest = self.bytes[received.len()..].to_vec();
        let at = match counts {
            Counts::Chunks(next) => At::Index(next),
            _ => At::Offset(received.len() as u64),
        };
        self.note(format!("put the rest {at:?}"));
        let (expected, state) = self.expect(at, &rest);
        assert_eq!(put(&sending, at, &rest).await.map_err(|error| error.code()), expected);
        self.state = state;
    }

    async fn complete(&mut self) {
        let Some(sending) = self.sending.clone() else { return };
        let right = digest(&self.bytes);
        let hash = match self.dice.below(6) {
            0 => None,
            1 => Some(digest(b"something else")),
            _ => Some(right),
        };
        self.note(format!("complete, with the right hash {:?}", hash.map(|hash| hash == right)));
        let done = complete(&sending, hash).await;
        let (expected, state) = match &self.state {
            State::Nothing => (Err(Code::UploadGone), State::Nothing),
            State::Part { received, .. } if received.len() < self.bytes.len() => {
                (Err(Code::UploadGap), self.state.clone())
            }
            State::Part { received: bytes, .. } | State::Done { bytes } => {
                let is_right = hash.is_none_or(|hash| hash == digest(bytes));
                let is_done = matches!(self.state, State::Done { .. });
                if is_right && is_done && !self.held.is_empty() {
                    (Err(Code::UploadGone), self.state.clone())
                } else if is_right {
                    (Ok(()), State::Done { bytes: bytes.clone() })
                } else if is_done {
                    (Err(Code::UploadCorrupt), self.state.clone())
                } else {
                    (Err(Code::UploadCorrupt), State::Part { received: Vec::new(), counts: Counts::Unknown })
                }
            }
        };
        assert_eq!(done.as_ref().map(|_| ()).map_err(Error::code), expected);
        self.state = state;
        if let Ok(file) = done {
            let bytes = fs::read(file.path()).unwrap();
            // What this is all about.
            assert!(hash.is_none_or(|hash| hash == digest(&bytes)), "success for bytes that differ");
            assert_eq!(file.name(), "canary.bin");
            self.successes += 1;
            if self.dice.one_in(2) {
                self.held.push(file);
            }
        }
    }

    async fn cut(&mut self) {
        match self.sending.clone() {
            Some(sending) if self.dice.one_in(2) => sending.detach(),
            _ => {}
        }
        let is_resumed = !self.dice.one_in(6);
        self.open(is_resumed).await;
    }

    async fn restart(&mut self) {
        self.note("restart");
        self.sending = None;
        self.late.clear();
        self.held.clear();
        quiet(&self.desk).await;
        self.desk = self.scratch.desk();
        if let State::Part { received, counts } = &mut self.state {
            *counts = if received.is_empty() { Counts::Unknown } else { Counts::Bytes };
        }
        if !self.dice.one_in(4) {
            self.open(true).await;
        }
    }

    async fn cancel(&mut self) {
        let Some(sending) = self.sending.take() else { return };
        self.note("cancel");
        sending.cancel();
        self.late.push(sending);
        self.gone().await;
    }

    async fn remove(&mut self) {
        self.note("remove");
        self.desk.remove(id(ID));
        self.late.extend(self.sending.take());
        self.gone().await;
    }

    /// Nobody wants it, so it goes: when it is let go of, and before anything else can be seen.
    async fn gone(&mut self) {
        if !self.held.is_empty() && matches!(self.state, State::Done { .. }) {
            assert!(self.desk.claim(id(ID)).is_none());
            self.held.clear();
        }
        self.state = State::Nothing;
        if self.dice.one_in(2) {
            // Somebody else may be faster than what removes it.
            let is_resumed = self.dice.one_in(2);
            return self.open(is_resumed).await;
        }
        while !self.scratch.names().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    /// A connection that is not the one any more.
    async fn late(&mut self) {
        let Some(sending) = self.late.pop() else { return };
        let (at, bytes) = self.chunk();
        self.note("a late chunk");
        let answer = if self.dice.one_in(3) {
            complete(&sending, None).await.map(|_| 0)
        } else {
            put(&sending, at, &bytes).await
        };
        assert_eq!(answer.map_err(|error| error.code()), Err(Code::UploadGone));
        if self.dice.one_in(2) {
            sending.cancel();
        }
    }

    fn sweep(&mut self) {
        self.note("sweep");
        self.desk.sweep().unwrap();
    }

    async fn claim(&mut self) {
        self.note("claim");
        match (self.desk.claim(id(ID)), &self.state) {
            (None, State::Nothing) => {}
            (Some(Claim::Part { received }), State::Part { received: bytes, .. }) => {
                assert_eq!(received, bytes.len() as u64);
            }
            (Some(Claim::Part { received }), State::Done { bytes }) => {
                assert!(!self.held.is_empty() && received == bytes.len() as u64, "nobody has it");
            }
            (Some(Claim::Done(file)), State::Done { bytes }) if self.held.is_empty() => {
                assert_eq!(fs::read(file.path()).unwrap(), *bytes)
            }
            (claim, state) => {
                panic!("{} of {state:?}", if claim.is_some() { "something" } else { "nothing" })
            }
        }
    }

    async fn full_disk(&mut self) {
        let (Some(sending), State::Part { received, .. }) = (self.sending.clone(), &self.state) else {
            return;
        };
        let is_whole = received.len() == self.bytes.len();
        let room = self.dice.below(40);
        let (at, bytes) = self.chunk();
        self.note(format!("{room} bytes of disk: {at:?}, {} bytes", bytes.len()));
        self.desk.room().folder.faults.leave(room);
        let (mut expected, mut state) = self.expect(at, &bytes);
        if is_whole {
            // Then it is a note that does not fit.
            let done = complete(&sending, None).await;
            expected = Err(Code::UploadNoSpace);
            state = self.state.clone();
            assert_eq!(done.map(|_| 0).map_err(|error| error.code()), expected);
        } else {
            let new = match (&state, &self.state) {
                (State::Part { received, .. }, State::Part { received: before, .. }) => {
                    received.len() - before.len()
                }
                _ => 0,
            };
            if new as u64 > room {
                expected = Err(Code::UploadNoSpace);
                state = self.state.clone();
            }
            assert_eq!(put(&sending, at, &bytes).await.map_err(|error| error.code()), expected);
        }
        self.desk.room().folder.faults.leave(u64::MAX);
        self.state = state;
        if self.state == State::Nothing {
            self.late.extend(self.sending.take());
        }
    }

    async fn move_away(&mut self) {
        let (Some(file), State::Done { bytes }) = (self.held.pop(), &self.state) else { return };
        let bytes = bytes.clone();
        self.note("move");
        let there = self.scratch.0.join("moved");
        file.move_to(&there).await.unwrap();
        assert_eq!(fs::read(&there).unwrap(), bytes);
        fs::remove_file(there).unwrap();
        self.late.extend(self.sending.take());
        self.state = State::Nothing;
        self.held.clear();
        // The turn of whoever sent it is not over, but there is nothing to send it to.
        self.late.clear();
    }

    /// Under the same id, with another size: it begins anew.
    async fn other_file(&mut self) {
        self.note("another file");
        let ask = Opening { size: self.bytes.len() as u64 + 1, ..self.ask(true) };
        let opened = self.desk.open(ask).await;
        self.late.extend(self.sending.take());
        if matches!(self.state, State::Done { .. }) && !self.held.is_empty() {
            assert_eq!(code(opened), Code::UploadRefused);
            return;
        }
        assert_eq!(opened.unwrap().received, 0);
        self.state = State::Part { received: Vec::new(), counts: Counts::Unknown };
        // And that one is not gone on with.
        self.open(true).await;
    }

    /// The disk has what the model has, and nothing else was touched.
    fn check(&self) {
        match &self.state {
            // It may be on its way out.
            State::Nothing => {}
            State::Part { received, .. } => {
                assert_eq!(fs::read(self.scratch.piece(id(ID), "part")).unwrap(), *received);
            }
            State::Done { bytes } => {
                assert_eq!(fs::read(self.scratch.piece(id(ID), "done")).unwrap(), *bytes)
            }
        }
        for name in self.scratch.names() {
            assert!(name.starts_with(&id(ID).to_string()), "{name}");
        }
    }

    async fn end(&mut self) {
        self.note("end");
        self.sending = None;
        self.late.clear();
        self.held.clear();
        quiet(&self.desk).await;
        if self.state != State::Nothing {
            let length = match &self.state {
                State::Part { received: bytes, .. } | State::Done { bytes } => bytes.len() as u64,
                State::Nothing => 0,
            };
            assert_eq!(self.desk.room().ledger.held(), (length, 1));
        }
        self.desk.remove(id(ID));
        quiet(&self.desk).await;
        assert_eq!(self.scratch.names(), [""; 0]);
        assert_eq!(self.desk.room().ledger.held(), (0, 0));
        forgotten(&self.desk).await;
        let mut beside: Vec<_> =
            fs::read_dir(&self.scratch.0).unwrap().map(|it| it.unwrap().file_name()).collect();
        beside.sort();
        assert_eq!(beside, ["canary", "parts"]);
        assert_eq!(fs::read_to_string(self.scratch.0.join("canary")).unwrap(), "alive");
    }
}

#[test]
fn no_story_ends_with_a_file_that_nobody_sent() {
    let number =
        |name: &str, or: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(or);
    let (stories, seed) = (number("UPLOAD_STORIES", 2_000), number("UPLOAD_SEED", 1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (mut steps, mut successes) = (0, 0);
    for seed in seed..seed + stories {
        let mut story = Story::new(seed);
        let played =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(story.play())));
        if let Err(panic) = played {
            eprintln!("UPLOAD_SEED={seed} UPLOAD_STORIES=1, {} bytes: {:#?}", story.bytes.len(), story.steps);
            std::panic::resume_unwind(panic);
        }
        steps += story.steps.len();
        successes += story.successes;
    }
    println!("{stories} stories from seed {seed}, {steps} steps, {successes} files done");
    assert!(stories < 100 || successes > stories / 4, "the stories are too sad to prove anything");
}
