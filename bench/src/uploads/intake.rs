//! The live server that takes files.

use std::path::{Path, PathBuf};

use anyhow::Result as Anyhow;
use axum::Router;
use fluxstack_live::prelude::*;
use fluxstack_live::{DiskStore, Upload, Uploads};

/// Bytes of a file, at most: more than any that is sent whole.
const LARGEST: u64 = 64 << 30;
/// Files on their way in one instance.
const FILES: usize = 8;

/// Takes files and puts them where they can be compared, and counts how often it was touched.
#[derive(State)]
pub struct Intake {
    /// Where they come in.
    pub file: Upload,
    /// How often.
    pub touched: u64,
    /// Those that were completed.
    kept: Vec<Kept>,
}

/// A file that was completed.
#[wire]
#[derive(Clone)]
pub struct Kept {
    /// Where it is.
    pub path: String,
    /// As the server has it.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// Where completed files go.
struct Place(PathBuf);

impl Component for Intake {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        let file = Upload::any().max_bytes(LARGEST).max_files(FILES);
        Ok(Intake { file, touched: 0, kept: Vec::new() })
    }

    async fn on_upload(&mut self, _field: &'static str, cx: &mut Cx<Self>) -> Result<()> {
        let place = cx.app::<Place>()?;
        let file = self.file.take()?;
        let name = file.path().file_name().unwrap_or_default().to_owned();
        let path = place.0.join(format!("{}.{}", name.to_string_lossy(), self.kept.len()));
        let (sha256, size) = (file.sha256().to_owned(), file.size());
        file.move_to(&path).await?;
        self.kept.push(Kept { path: path.to_string_lossy().into_owned(), sha256, size });
        Ok(())
    }
}

#[actions]
impl Intake {
    /// Does next to nothing.
    pub fn touch(&mut self) -> u64 {
        self.touched += 1;
        self.touched
    }

    /// What was completed.
    pub fn kept(&mut self) -> Vec<Kept> {
        self.kept.clone()
    }

    /// Removes what was completed.
    pub fn forget(&mut self) -> Result<()> {
        for kept in self.kept.drain(..) {
            std::fs::remove_file(kept.path)?;
        }
        Ok(())
    }
}

/// What is served, with its files in this folder; what was mounted as well, if it is to survive the server.
pub(crate) fn live(folder: &Path, is_durable: bool) -> Anyhow<Live> {
    let kept = folder.join("kept");
    std::fs::create_dir_all(&kept)?;
    let mut live = Live::builder()
        .component::<Intake>()
        .provide(Place(kept))
        .uploads(Uploads::at(folder.join("uploads")))
        .limits(Limits::unlimited)
        .limits(|limits| (limits.upload_quota, limits.upload_disk) = (u64::MAX, u64::MAX));
    if is_durable {
        live = live.store(DiskStore::open(folder.join("live.redb"))?);
    }
    Ok(live.build()?)
}

pub(crate) fn router(live: &Live) -> Router {
    Router::new().nest("/api/live", live.router())
}
