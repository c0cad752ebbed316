//! Pictures that everybody sees. They come from each visitor's own [`Easel`](crate::easel::Easel).
//!
//! A wall has an end: when another picture would be too many, or too much, the oldest goes, and its file with it. So
//! however many people hang pictures here, they fill neither the page nor the disk.

use fluxstack_live::prelude::*;

use crate::storeroom::Storeroom;

/// Pictures on the wall.
const MOST: usize = 24;
/// Bytes of all of them together: a visitor who scrolls down loads that much.
const MOST_BYTES: u64 = 64 << 20;

/// What hangs on the wall.
#[derive(State)]
pub struct Gallery {
    /// The newest first.
    pub pictures: List<Picture>,
}

/// A picture that somebody hung.
#[wire]
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its file in the storage.
    pub key: String,
    /// Where a page gets it.
    pub url: String,
    /// What the file was called.
    pub name: String,
    /// What whoever hung it called themselves.
    pub by: String,
    /// In bytes.
    pub size: u64,
}

/// What an easel tells the gallery.
#[wire]
pub enum GalleryEvent {
    /// There is one more.
    Hung {
        /// This one.
        picture: Picture,
    },
}

impl Component for Gallery {
    type Props = ();
    type Event = GalleryEvent;

    fn scope((): &()) -> Scope {
        Scope::Shared(String::new())
    }

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Gallery { pictures: List::new() })
    }

    async fn on_join(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        // Files of pictures that were on their way here when a server was killed, or of a wall that is forgotten.
        if cx.members() == 1 {
            let hung: Vec<_> = self.pictures.iter().map(|picture| picture.key.clone()).collect();
            let (storeroom, files) = (cx.app::<Storeroom>()?, cx.files());
            cx.spawn(async move { storeroom.tidy(&files, &hung).await }, |_, (), _| ())?;
        }
        Ok(())
    }

    fn on_event(&mut self, event: GalleryEvent, from: &Source, cx: &mut Cx<Self>) -> Result<()> {
        // Pages hang nothing: the easel has looked at the file.
        let (GalleryEvent::Hung { picture }, Source::Component(_)) = (event, from) else {
            return Err(Error::forbidden());
        };
        self.pictures.insert(0, picture);
        while self.is_full() && let Some(oldest) = self.pictures.pop() {
            delete(oldest, cx)?;
        }
        Ok(())
    }
}

#[actions]
impl Gallery {
    /// Takes a picture down.
    #[requires(role = "moderator")]
    pub fn take_down(&mut self, key: String, cx: &mut Cx<Self>) -> Result<()> {
        let at = self.pictures.iter().position(|picture| picture.key == key);
        let at = at.ok_or_else(|| Error::not_found("that picture is gone"))?;
        delete(self.pictures.remove(at), cx)
    }
}

impl Gallery {
    fn is_full(&self) -> bool {
        let bytes: u64 = self.pictures.iter().map(|picture| picture.size).sum();
        self.pictures.len() > MOST || bytes > MOST_BYTES
    }
}

/// Removes the file of a picture, beside the gallery: nobody waits for a disk.
fn delete(picture: Picture, cx: &mut Cx<Gallery>) -> Result<()> {
    let files = cx.files();
    cx.spawn(async move { files.delete(&picture.key).await }, |_, deleted, _| {
        if let Err(why) = deleted {
            tracing::warn!(?why, "the file of a picture was not deleted");
        }
    })
}
