//! Frames nobody should send, from several connections at once, beside a model of what must come of them.
//!
//! A story is a few dozen moves of two pages, chosen by dice: what a client would do, and what none should. After
//! each the server has to answer what the model says. In the end every file that the server kept has to be the one that
//! was sent, there is nothing where nothing should be, and the server has not panicked.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use super::Scale;
use super::content::Dice;
use crate::child::{Child, LOG};
use crate::report::Report;
use crate::serve::Role;

mod garbage;
mod model;
mod story;

use model::Count;
use story::Story;

/// Stories that are told at once.
const AT_ONCE: usize = 4;
/// Moves of one.
const MOVES: usize = 60;

pub(crate) async fn hostile(scale: &Scale, report: &mut Report) -> Result<()> {
    let stories = if scale.is_quick { 40 } else { 1_000 };
    let folder = scale.fresh("hostile")?;
    let own = folder.join("server");
    fs::create_dir(&own)?;
    let around = Around::look(&[&folder, &scale.folder, &std::env::temp_dir()])?;
    let mut server = Child::in_folder(Role::Intake, scale.core, &own)?;
    let (address, seed, outside) = (server.address, scale.seed, Rc::new(folder.join("escaped")));
    let mut tellers = JoinSet::new();
    for teller in 0..AT_ONCE {
        let outside = Rc::clone(&outside);
        tellers.spawn_local(async move {
            let mut count = Count::default();
            for number in (teller..stories).step_by(AT_ONCE) {
                let dice = Dice::new(seed ^ ((number as u64) << 32));
                let told = async { Story::begin(address, number, dice, &outside).await?.tell(MOVES).await };
                match told.await {
                    Ok(of_story) => count.add(&of_story),
                    Err(why) => {
                        count.wrong.push(format!("hostile: story {number} of seed {seed}: {why:#}"));
                        // The first few say what is wrong.
                        if count.wrong.len() >= 3 {
                            break;
                        }
                    }
                }
            }
            count
        });
    }
    let mut count = Count::default();
    while let Some(told) = tellers.join_next().await {
        count.add(&told?);
    }
    if let Err(why) = server.lives() {
        report.wrong.push(format!("hostile: {why:#}"));
    }
    drop(server);
    let log = fs::read_to_string(own.join(LOG))?;
    let panics = log.lines().filter(|line| line.contains("panicked")).count();
    let escaped = around.escaped(&own)?;
    report.add("hostile: stories", count.stories as f64);
    report.add("hostile: moves", count.moves as f64);
    report.add("hostile: of them frames that mean nothing", count.garbage as f64);
    report.add("hostile: of them refused", count.refused as f64);
    report.add("hostile: connections the server closed", count.closed as f64);
    report.add("hostile: files completed, all compared byte by byte", count.completed as f64);
    report.add("hostile: files that differ", count.corrupt as f64).aim("0", count.corrupt == 0);
    report.add("hostile: files outside the folder", escaped.len() as f64).aim("0", escaped.is_empty());
    report.add("hostile: panics", panics as f64).aim("0", panics == 0);
    report.wrong.extend(count.wrong);
    report.wrong.extend(escaped.iter().map(|path| format!("hostile: {} is outside", path.display())));
    if panics > 0 {
        report.wrong.push(format!("hostile: the server panicked, see {}", own.join(LOG).display()));
    }
    if report.wrong.is_empty() { super::remove(&folder) } else { Ok(()) }
}

/// What lay around the server's folder before.
struct Around(BTreeMap<PathBuf, Vec<PathBuf>>);

impl Around {
    fn look(folders: &[&Path]) -> Result<Self> {
        let list = |folder: &&Path| Ok((folder.to_path_buf(), entries(folder)?));
        folders.iter().map(list).collect::<Result<_>>().map(Self)
    }

    /// What lies there now and may be ours, and what should not be called as it is inside.
    fn escaped(&self, own: &Path) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for (folder, before) in &self.0 {
            let new = entries(folder)?.into_iter().filter(|path| !before.contains(path));
            // Others write into folders that are everybody's; what the story calls its files nobody else does.
            found.extend(
                new.filter(|path| !own.starts_with(path) && path.to_string_lossy().contains("escaped")),
            );
        }
        inside(own, own, &mut found)?;
        Ok(found)
    }
}

/// Adds what is not called as the server calls its files.
fn inside(own: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            inside(own, &path, found)?;
        } else {
            let stem = name.split('.').next().unwrap_or_default();
            let is_id = stem.len() == 32 && stem.bytes().all(|sign| sign.is_ascii_hexdigit());
            let is_known = folder == own && (name == LOG || name.starts_with("live.redb"));
            if !is_id && !is_known {
                found.push(path);
            }
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    read.map(|entry| Ok(entry?.path())).collect()
}
