//! One story: two pages that send what they should and what they should not, and know what they must be answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::garbage;
use super::model::{Count, File, Stage};
use crate::uploads::content::{Dice, NOTHING};
use crate::uploads::line::{Cut, is_gone};
use crate::uploads::page::Page;

/// Bytes of a file, at most.
const SIZE: u64 = 120_000;
/// What they are called, unless they are called oddly.
const NAME: &str = "escaped.bin";
/// Files of a page.
const FILES: usize = 3;

/// See the module.
pub(super) struct Story<'a> {
    players: Vec<Player>,
    dice: Dice,
    outside: &'a Path,
    count: Count,
}

/// A page and its files.
struct Player {
    page: Page,
    address: SocketAddr,
    files: Vec<File>,
    /// What the server must have kept, by digest: how often is not asked.
    kept: BTreeMap<String, Vec<u8>>,
}

/// What a page does next with one of its files.
#[derive(Debug, Clone, Copy)]
enum Move {
    Begin,
    BeginOddly,
    Resume,
    Next,
    NextAsText,
    Again,
    Gap,
    Beyond,
    Complete,
    CompleteWithoutHash,
    CompleteWrongly,
    Cancel,
    Foreign,
    Garbage,
    Breach,
    Cut,
    CutInTheMiddle,
}

/// Each as often as it is likely.
const MOVES: &[(Move, u64)] = &[
    (Move::Begin, 10),
    (Move::BeginOddly, 5),
    (Move::Resume, 8),
    (Move::Next, 24),
    (Move::NextAsText, 8),
    (Move::Again, 8),
    (Move::Gap, 5),
    (Move::Beyond, 2),
    (Move::Complete, 12),
    (Move::CompleteWithoutHash, 2),
    (Move::CompleteWrongly, 3),
    (Move::Cancel, 3),
    (Move::Foreign, 6),
    (Move::Garbage, 12),
    (Move::Breach, 2),
    (Move::Cut, 4),
    (Move::CutInTheMiddle, 6),
];

impl<'a> Story<'a> {
    pub(super) async fn begin(
        address: SocketAddr,
        number: usize,
        dice: Dice,
        outside: &'a Path,
    ) -> Result<Self> {
        let mut players = Vec::new();
        for player in 0..2 {
            let page = Page::open(address, &format!("hostile-{number}-{player}")).await?;
            // Both call theirs the same, and mean others.
            let files = (0..FILES).map(|file| File::new(format!("file-{file}"))).collect();
            players.push(Player { page, address, files, kept: BTreeMap::new() });
        }
        Ok(Self { players, dice, outside, count: Count { stories: 1, ..Count::default() } })
    }

    pub(super) async fn tell(mut self, moves: usize) -> Result<Count> {
        let mut told = Vec::new();
        for _ in 0..moves {
            let mut rolled = self.dice.below(MOVES.iter().map(|(_, often)| often).sum());
            let chosen = MOVES.iter().find(|(_, often)| {
                let is_it = rolled < *often;
                rolled = rolled.saturating_sub(*often);
                is_it
            });
            let Some((mut chosen, _)) = chosen.copied() else { continue };
            let (player, file) = (self.dice.below(2) as usize, self.dice.below(FILES as u64) as usize);
            // Most is to be done with files that can be sent.
            if self.dice.below(2) == 0 {
                chosen = match self.players[player].files[file].stage {
                    Stage::None | Stage::Failed => Move::Begin,
                    Stage::Away => Move::Resume,
                    Stage::Open if self.players[player].files[file].rest() == 0 => Move::Complete,
                    Stage::Open | Stage::Done => chosen,
                };
            }
            told.push(format!("{chosen:?} {player}.{file}"));
            self.count.moves += 1;
            let made = self.make(chosen, player, file).await;
            let last = || told[told.len().saturating_sub(12)..].join(", ");
            made.with_context(|| format!("move {} after {}", told.len(), last()))?;
        }
        for player in 0..2 {
            for file in 0..FILES {
                let ended = self.end(player, file).await;
                ended.with_context(|| format!("ending {player}.{file} after {}", told.join(", ")))?;
            }
            self.compare(player).await?;
        }
        Ok(self.count)
    }

    /// Sends what is missing of a file that was begun.
    async fn end(&mut self, player: usize, file: usize) -> Result<()> {
        if self.players[player].files[file].stage == Stage::Away {
            self.resume(player, file).await?;
        }
        if self.players[player].files[file].stage != Stage::Open {
            return Ok(());
        }
        let has = &self.players[player].files[file];
        self.chunk(player, file, has.has(), has.rest(), false).await?;
        self.complete(Move::Complete, player, file).await
    }

    async fn make(&mut self, chosen: Move, player: usize, file: usize) -> Result<()> {
        let stage = self.players[player].files[file].stage;
        match (chosen, stage) {
            (Move::Begin, _) => {
                let size = self.dice.below(SIZE);
                let reply = self.start(player, file, NAME, json!(size), false).await?;
                let Some(reply) = reply else { return Ok(()) };
                ensure!(reply["success"] == true && reply["bytesUploaded"] == 0, "begun: {reply}");
                self.players[player].files[file].begin(NAME, size);
                Ok(())
            }
            (Move::BeginOddly, Stage::None) => self.begin_oddly(player, file).await,
            (Move::Resume, Stage::None | Stage::Open | Stage::Away | Stage::Done) => {
                self.resume(player, file).await
            }
            (Move::Next | Move::NextAsText, Stage::Open) => {
                let has = &self.players[player].files[file];
                let (offset, rest) = (has.has(), has.rest());
                // Some have to come to their end.
                let length = if self.dice.below(3) == 0 { rest } else { self.dice.below(rest + 1) };
                self.chunk(player, file, offset, length, matches!(chosen, Move::NextAsText)).await
            }
            (Move::Again, Stage::Open) => {
                let has = &self.players[player].files[file];
                let (has, rest) = (has.has(), has.rest());
                let offset = self.dice.below(has + 1);
                let length = self.dice.below(has - offset + rest + 1);
                self.chunk(player, file, offset, length, false).await
            }
            (Move::Gap, Stage::Open) => {
                let has = self.players[player].files[file].has();
                let offset = has + 1 + self.dice.below(SIZE);
                let reply = self.send(player, file, offset, &[7; 10], false).await?;
                // It cannot be of this file at all.
                if reply.as_ref().is_some_and(|reply| reply["code"] == "UPLOAD_TOO_LARGE") {
                    self.players[player].files[file].stage = Stage::Failed;
                }
                self.refused(reply, &["UPLOAD_GAP", "UPLOAD_TOO_LARGE"], Some(has))
            }
            (Move::Beyond, Stage::Open) => {
                let has = &self.players[player].files[file];
                let (offset, length) = (has.has(), has.rest() + 1 + self.dice.below(1_000));
                let bytes = vec![7; length as usize];
                let reply = self.send(player, file, offset, &bytes, false).await?;
                if reply.is_some() {
                    self.players[player].files[file].stage = Stage::Failed;
                }
                self.refused(reply, &["UPLOAD_TOO_LARGE"], None)
            }
            // What nobody has said it would send.
            (Move::Next | Move::NextAsText | Move::Again | Move::Gap | Move::Beyond, _) => {
                let offset = *self.dice.one(&[0, 1, 70_000]);
                let reply = self.send(player, file, offset, b"nobody asked", false).await?;
                self.refused(reply, &[], None)
            }
            (Move::Complete | Move::CompleteWithoutHash | Move::CompleteWrongly, _) => {
                self.complete(chosen, player, file).await
            }
            (Move::Cancel, _) => {
                let reply = self.request(player, file, "FILE_UPLOAD_CANCEL", json!({})).await?;
                let Some(reply) = reply else { return Ok(()) };
                ensure!(reply["success"] == true, "cancelled: {reply}");
                self.players[player].files[file].stage = Stage::None;
                Ok(())
            }
            (Move::Foreign, _) => self.foreign(player, file).await,
            (Move::Garbage, _) => {
                // Behind a gap, so that nothing of it is taken by mistake.
                let has = &self.players[player].files[file];
                let (gap, size) = (has.has() + 1, has.size);
                let mut header = self.header(player, file, gap);
                if gap >= size {
                    header["uploadId"] = json!("never-begun");
                }
                let frame = garbage::frame(&header, &mut self.dice);
                self.count.garbage += 1;
                let sent = self.players[player].page.line.send_binary(&[], &frame).await;
                self.alive(player, sent).await
            }
            (Move::Breach, _) => {
                self.count.garbage += 1;
                let bytes = garbage::breach(&mut self.dice);
                let sent = self.players[player].page.line.send_raw(&bytes).await;
                // Of a frame that is only announced the server may wait for the rest.
                if sent.is_err() || self.dice.below(2) == 0 {
                    return self.back(player, Cut::Reset).await;
                }
                self.back(player, Cut::Ended).await
            }
            (Move::Cut, _) => {
                let cut = *self.dice.one(&[Cut::Ended, Cut::Reset, Cut::Silent]);
                self.back(player, cut).await
            }
            (Move::CutInTheMiddle, Stage::Open) => self.cut_in_the_middle(player, file).await,
            (Move::BeginOddly | Move::Resume | Move::CutInTheMiddle, _) => Ok(()),
        }
    }

    /// A name that should not be, or a size that cannot be.
    async fn begin_oddly(&mut self, player: usize, file: usize) -> Result<()> {
        if self.dice.below(2) == 0 {
            let sizes = [json!(-1), json!(0.5), json!(1e300), json!("9"), json!(null), json!(u64::MAX)];
            let size = self.dice.one(&sizes).clone();
            let reply = self.start(player, file, NAME, size, false).await?;
            return self.refused(reply, &[], None);
        }
        let name = garbage::name(&self.outside.to_string_lossy(), &mut self.dice);
        let size = self.dice.below(SIZE);
        let Some(reply) = self.start(player, file, &name, json!(size), false).await? else { return Ok(()) };
        if reply["success"] == true {
            // It may be called so, and is not put there.
            ensure!(reply["bytesUploaded"] == 0, "begun: {reply}");
            self.players[player].files[file].begin(&name, size);
            return Ok(());
        }
        self.refused(Some(reply), &[], None)
    }

    async fn resume(&mut self, player: usize, file: usize) -> Result<()> {
        let has = &self.players[player].files[file];
        let (stage, received, size) = (has.stage, has.has(), has.size);
        let called = if stage == Stage::None { NAME.to_owned() } else { has.called.clone() };
        let size = if stage == Stage::None { self.dice.below(SIZE) } else { size };
        let reply = self.start(player, file, &called, json!(size), true).await?;
        let Some(reply) = reply else { return Ok(()) };
        ensure!(reply["success"] == true, "resumed: {reply}");
        let there = reply["bytesUploaded"].as_u64().context("no bytesUploaded")?;
        let file = &mut self.players[player].files[file];
        match stage {
            Stage::Open | Stage::Away => {
                let most = received + file.doubtful.len() as u64;
                let is_right = (received..=most).contains(&there);
                ensure!(is_right, "{received} to {most} bytes should be there, and {there} are");
                file.arrive(there);
                file.stage = Stage::Open;
            }
            // Its end may be asked for again.
            Stage::Done if there == size && size > 0 => {}
            _ => {
                ensure!(there == 0, "of a file that was not begun {there} bytes are there");
                file.begin(&called, size);
            }
        }
        Ok(())
    }

    /// Sends bytes that are right from where the server has to have them. What it has already is sent as something else.
    async fn chunk(
        &mut self,
        player: usize,
        file: usize,
        offset: u64,
        length: u64,
        is_text: bool,
    ) -> Result<()> {
        let bytes = self.bytes(offset, length);
        let reply = self.send(player, file, offset, &bytes, is_text).await?;
        let Some(reply) = reply else { return Ok(()) };
        let file = &mut self.players[player].files[file];
        file.put(offset, &bytes);
        let is_right = reply["type"] == "FILE_UPLOAD_PROGRESS" && reply["bytesUploaded"] == file.has();
        ensure!(is_right, "{} bytes are there, and the answer is {reply}", file.has());
        Ok(())
    }

    /// Sends some chunks without waiting for an answer, the last one perhaps in part, and loses the connection.
    async fn cut_in_the_middle(&mut self, player: usize, file: usize) -> Result<()> {
        for _ in 0..1 + self.dice.below(4) {
            let has = &self.players[player].files[file];
            let offset = has.has() + has.doubtful.len() as u64;
            let length = self.dice.below(has.size - offset + 1);
            let bytes = self.bytes(offset, length);
            let mut header = self.header(player, file, offset);
            let Player { page, files, .. } = &mut self.players[player];
            header["requestId"] = json!(page.number());
            let front = garbage::binary(&header, &[]);
            let most =
                if self.dice.below(4) == 0 { self.dice.below(length + 200) as usize } else { usize::MAX };
            page.line.begin_binary(&front, &bytes, most).await?;
            files[file].doubtful.extend(bytes);
            if most != usize::MAX {
                break;
            }
        }
        let cut = *self.dice.one(&[Cut::Ended, Cut::Reset, Cut::Silent]);
        self.back(player, cut).await
    }

    async fn complete(&mut self, chosen: Move, player: usize, file: usize) -> Result<()> {
        let has = &self.players[player].files[file];
        let (stage, is_whole, digest) = (has.stage, has.rest_or_none() == Some(0), has.digest());
        let hash = match chosen {
            Move::CompleteWrongly => json!({ "hash": "0".repeat(64) }),
            Move::CompleteWithoutHash => json!({}),
            _ => json!({ "hash": digest }),
        };
        let reply = self.request(player, file, "FILE_UPLOAD_COMPLETE", hash).await?;
        let Some(reply) = reply else { return Ok(()) };
        let is_wrong = matches!(chosen, Move::CompleteWrongly);
        if stage == Stage::Done && reply["success"] == true {
            // Asked again, it is answered as it was.
            ensure!(reply["hash"] == digest.as_str(), "completed again: {reply}");
            return Ok(());
        }
        if stage == Stage::Open && !is_whole {
            let has = self.players[player].files[file].has();
            return self.refused(Some(reply), &["UPLOAD_GAP"], Some(has));
        }
        if stage == Stage::Open && is_wrong {
            self.players[player].files[file].stage = Stage::Failed;
            return self.refused(Some(reply), &["UPLOAD_CORRUPT"], None);
        }
        if stage != Stage::Open {
            return self.refused(Some(reply), &[], None);
        }
        ensure!(reply["success"] == true && reply["hash"] == digest.as_str(), "completed: {reply}");
        self.count.completed += 1;
        let player = &mut self.players[player];
        player.files[file].stage = Stage::Done;
        let bytes = player.files[file].received.clone();
        player.kept.insert(digest, bytes);
        Ok(())
    }

    /// Somebody else's file, under their own name and under the owner's.
    async fn foreign(&mut self, player: usize, file: usize) -> Result<()> {
        let theirs = 1 - player;
        let mut header = self.header(theirs, file, self.players[theirs].files[file].has());
        let number = self.players[player].page.number();
        header["requestId"] = json!(number);
        let kinds = ["FILE_UPLOAD_CHUNK", "FILE_UPLOAD_COMPLETE", "FILE_UPLOAD_CANCEL", "FILE_UPLOAD_START"];
        let kind = *self.dice.one(&kinds);
        header["type"] = json!(kind);
        let player_page = &mut self.players[player].page;
        let sent = if kind == "FILE_UPLOAD_CHUNK" {
            let front = garbage::binary(&header, b"somebody else's");
            player_page.line.send_binary(&[], &front).await
        } else {
            header["filename"] = json!(NAME);
            header["fileType"] = json!("");
            header["fileSize"] = json!(9);
            player_page.line.send_text(&header.to_string()).await
        };
        let reply = self.answer(player, number, sent).await?;
        self.refused(reply, &[], None)
    }

    /// Any bytes, in a file that begins as no known kind of file does.
    fn bytes(&mut self, offset: u64, length: u64) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..length).map(|_| self.dice.below(256) as u8).collect();
        if let (0, Some(first)) = (offset, bytes.first_mut()) {
            *first = NOTHING;
        }
        bytes
    }

    fn header(&self, player: usize, file: usize, offset: u64) -> Value {
        let Player { page, files, .. } = &self.players[player];
        json!({ "type": "FILE_UPLOAD_CHUNK", "componentId": page.id, "uploadId": files[file].name, "offset": offset })
    }

    async fn start(
        &mut self,
        player: usize,
        file: usize,
        name: &str,
        size: Value,
        is_resumed: bool,
    ) -> Result<Option<Value>> {
        let more = json!({ "property": "file", "filename": name, "fileType": "application/octet-stream",
            "fileSize": size, "resume": is_resumed });
        self.request(player, file, "FILE_UPLOAD_START", more).await
    }

    async fn send(
        &mut self,
        player: usize,
        file: usize,
        offset: u64,
        bytes: &[u8],
        is_text: bool,
    ) -> Result<Option<Value>> {
        let mut header = self.header(player, file, offset);
        let page = &mut self.players[player].page;
        let number = page.number();
        header["requestId"] = json!(number);
        let sent = if is_text {
            header["data"] = json!(STANDARD.encode(bytes));
            page.line.send_text(&header.to_string()).await
        } else {
            page.line.send_binary(&garbage::binary(&header, &[]), bytes).await
        };
        self.answer(player, number, sent).await
    }

    async fn request(
        &mut self,
        player: usize,
        file: usize,
        kind: &str,
        more: Value,
    ) -> Result<Option<Value>> {
        let mut request = self.header(player, file, 0);
        request["type"] = json!(kind);
        for (name, value) in more.as_object().into_iter().flatten() {
            request[name] = value.clone();
        }
        let page = &mut self.players[player].page;
        let number = page.number();
        request["requestId"] = json!(number);
        let sent = page.line.send_text(&request.to_string()).await;
        self.answer(player, number, sent).await
    }

    /// The answer to a request, or none if the connection has been closed instead. Then the page is back.
    async fn answer(&mut self, player: usize, number: u64, sent: Result<()>) -> Result<Option<Value>> {
        let heard = async {
            sent?;
            loop {
                let message = self.players[player].page.hear().await?;
                if message["requestId"] == number {
                    return anyhow::Ok(message);
                }
            }
        };
        match heard.await {
            Ok(message) => Ok(Some(message)),
            Err(error) if is_gone(&error) => {
                self.count.closed += 1;
                self.back(player, Cut::Ended).await?;
                anyhow::bail!("the connection was closed: {error:#}")
            }
            Err(error) => Err(error),
        }
    }

    /// After something without an answer: the connection works on, or has been closed and can be had again.
    async fn alive(&mut self, player: usize, sent: Result<()>) -> Result<()> {
        let page = &mut self.players[player].page;
        let called = match sent {
            Ok(()) => page.call("touch").await.map(drop),
            Err(error) => Err(error),
        };
        match called {
            Err(error) if is_gone(&error) => {
                self.count.closed += 1;
                self.back(player, Cut::Ended).await
            }
            called => called,
        }
    }

    /// The page comes back on another connection, and has said nothing of its files yet.
    async fn back(&mut self, player: usize, cut: Cut) -> Result<()> {
        let Player { page, address, files, .. } = &mut self.players[player];
        page.come_back(*address, cut).await.context("coming back")?;
        for file in files {
            if file.stage == Stage::Open {
                file.stage = Stage::Away;
            }
        }
        Ok(())
    }

    /// That it was refused, for one of these reasons if there are any, and how much is said to be there.
    fn refused(&mut self, reply: Option<Value>, codes: &[&str], there: Option<u64>) -> Result<()> {
        let Some(reply) = reply else { return Ok(()) };
        let code = reply["code"].as_str().unwrap_or_default();
        let is_right = reply["success"] == false && (codes.is_empty() || codes.contains(&code));
        ensure!(is_right, "{codes:?} was to be the answer, and is {reply}");
        if let Some(there) = there.filter(|_| code == "UPLOAD_GAP") {
            ensure!(reply["bytesUploaded"] == there, "{there} bytes are there, and the answer is {reply}");
        }
        self.count.refused += 1;
        Ok(())
    }

    /// Looks at what the server has kept for a page.
    async fn compare(&mut self, player: usize) -> Result<()> {
        let Player { page, kept, .. } = &mut self.players[player];
        let said = page.call("kept").await?;
        let said = said.as_array().context("no list of what was kept")?;
        for one in said {
            let digest = one["sha256"].as_str().unwrap_or_default();
            ensure!(kept.contains_key(digest), "kept was what nobody sent: {one}");
        }
        for (digest, bytes) in kept.iter() {
            let one = said.iter().find(|one| one["sha256"] == digest.as_str());
            let one = one.with_context(|| format!("{digest} was completed and is not kept"))?;
            let path = one["path"].as_str().unwrap_or_default();
            if std::fs::read(path).with_context(|| format!("reading {path}"))? != *bytes {
                self.count.corrupt += 1;
                self.count.wrong.push(format!("hostile: {path} is not what was sent"));
            }
        }
        Ok(())
    }
}
