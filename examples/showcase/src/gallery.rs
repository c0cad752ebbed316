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
            let (storeroom, files) = (cx.app::<Storeroom>()?, cx.files()?);
            cx.spawn(async move { storeroom.tidy(&files, &hung).await }, |_, (), _| ())?;
        }
        Ok(())
    }

    fn on_event(&mut self, event: GalleryEvent, from: &Source, cx: &mut Cx<Self>) -> Result<()> {
        // Pages hang nothing: the easel has looked at the file.
        let (GalleryEvent::Hung { picture }, Source::Component(_)) = (event, from) else {
            return Err(Error::forbidden());
        };
        self.hang(picture).into_iter().try_for_each(|oldest| delete(oldest, cx))
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
    /// Brings what has to make room.
    fn hang(&mut self, picture: Picture) -> Vec<Picture> {
        self.pictures.insert(0, picture);
        let mut gone = Vec::new();
        while self.pictures.len() > MOST || self.bytes() > MOST_BYTES {
            gone.extend(self.pictures.pop());
        }
        gone
    }

    fn bytes(&self) -> u64 {
        self.pictures.iter().map(|picture| picture.size).sum()
    }
}

/// Removes the file of a picture, beside the gallery: nobody waits for a disk.
fn delete(picture: Picture, cx: &mut Cx<Gallery>) -> Result<()> {
    let files = cx.files()?;
    cx.spawn(async move { files.delete(&picture.key).await }, |_, deleted, _| {
        if let Err(why) = deleted {
            tracing::warn!(?why, "the file of a picture was not deleted");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(number: usize, size: u64) -> Picture {
        let text = number.to_string();
        Picture { key: text.clone(), url: text.clone(), name: text, by: "Ada".to_owned(), size }
    }

    fn keys(pictures: &[Picture]) -> Vec<&str> {
        pictures.iter().map(|picture| &*picture.key).collect()
    }

    #[test]
    fn the_oldest_makes_room_when_there_are_too_many_or_they_are_too_large() {
        let mut gallery = Gallery { pictures: List::new() };
        for number in 0..MOST {
            assert!(gallery.hang(picture(number, 1)).is_empty());
        }
        assert_eq!(keys(&gallery.hang(picture(MOST, 1))), ["0"]);
        assert_eq!((gallery.pictures.len(), &*gallery.pictures[0].key), (MOST, "24"));
        let gone = gallery.hang(picture(25, MOST_BYTES - 2));
        assert_eq!((gone.len(), keys(&gallery.pictures)), (22, vec!["25", "24", "23"]));
    }
}
