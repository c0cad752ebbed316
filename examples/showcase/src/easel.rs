//! What a visitor brings pictures with: an upload for images, whose files are kept for everybody as they arrive.
//!
//! It is each visitor's own, so that nobody who sends ten large pictures, or never finishes one, is in the way of the
//! others. The [`Gallery`] is told of each, and is everybody's.

use fluxstack_live::Upload;
use fluxstack_live::prelude::*;

use crate::gallery::{Gallery, GalleryEvent, Picture};
use crate::visitor::Visitor;

/// Bytes of a picture.
const LARGEST: u64 = 10 << 20;
/// Pictures that a visitor may have on their way.
const AT_ONCE: usize = 10;

/// Pictures on their way to the wall.
#[derive(State)]
pub struct Easel {
    /// Those that are being sent.
    pub pictures: Upload,
    /// How many this visitor has hung.
    pub hung: u32,
    #[state(keep)]
    by: String,
}

impl Component for Easel {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        let pictures = Upload::accept(["image/png", "image/jpeg", "image/gif", "image/webp"])
            .max_bytes(LARGEST)
            .max_files(AT_ONCE);
        Ok(Easel { pictures, hung: 0, by: "Somebody".to_owned() })
    }

    async fn on_upload(&mut self, _field: &'static str, cx: &mut Cx<Self>) -> Result<()> {
        let gallery = cx.shared::<Gallery>("").ok_or_else(|| Error::not_found("the gallery is closed"))?;
        for file in self.pictures.take_all() {
            let kept = file.keep_public().await?;
            let picture =
                Picture { key: kept.key, url: kept.url, name: kept.name, by: self.by.clone(), size: kept.size };
            cx.emit_to(&gallery, GalleryEvent::Hung { picture });
            self.hung += 1;
        }
        Ok(())
    }
}

#[actions]
impl Easel {
    /// The caller hangs pictures under this name. Answers the name.
    pub fn introduce(&mut self, name: String, cx: &mut Cx<Self>) -> Result<String> {
        self.by = Visitor::of(&name, cx)?.name;
        Ok(self.by.clone())
    }
}
