//! What a visitor brings pictures with: an upload for images, whose files are kept for everybody as they arrive.
//!
//! It is each visitor's own, so that nobody who sends ten large pictures, or never finishes one, is in the way of the
//! others. The [`Gallery`] is told of each, and is everybody's.

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
            let picture = Picture {
                key: kept.key,
                url: kept.url,
                name: kept.name,
                by: self.by.clone(),
                size: kept.size,
            };
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

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::{Client, Folder, Harness, TestFile};
    use serde_json::{Value, json};

    use super::*;
    use crate::storeroom::Storeroom;

    /// As small as a picture can be.
    const PIXEL: &[u8] =
        b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

    fn harness(folder: &Folder) -> Harness {
        let live = Live::builder().discover().authenticator(crate::visitor::believe);
        let live = live.uploads(Uploads::at(folder.path())).provide(Storeroom::of(folder.path()));
        Harness::new(live.build().unwrap())
    }

    async fn wall(client: &mut Client, gallery: &str) -> Vec<Value> {
        client.settle(gallery).await;
        client.view(gallery).unwrap()["pictures"].as_array().unwrap().clone()
    }

    #[tokio::test]
    async fn what_one_visitor_brings_hangs_before_all_and_only_a_moderator_takes_it_down() {
        let folder = Folder::new();
        let harness = harness(&folder);
        let (mut ada, mut bob) = (harness.connect().await, harness.connect().await);
        let gallery = ada.mount("Gallery", json!({})).await.unwrap();
        bob.mount("Gallery", json!({})).await.unwrap();
        let easel = ada.mount("Easel", json!({})).await.unwrap();
        ada.call(&easel, "introduce", json!({ "name": "Ada" })).await.unwrap();
        ada.upload(&easel, "pictures", &TestFile::new("a.gif", "image/gif", PIXEL)).await.unwrap();
        let hung = wall(&mut bob, &gallery).await.remove(0);
        assert_eq!(
            (&hung["name"], &hung["by"], &hung["size"]),
            (&json!("a.gif"), &json!("Ada"), &json!(PIXEL.len()))
        );
        let file = folder.path().join("kept").join(hung["key"].as_str().unwrap());
        assert_eq!(std::fs::read(&file).unwrap(), PIXEL);

        let html = TestFile::new("b.png", "image/png", *b"<!doctype html><p>Hello");
        assert_eq!(ada.upload(&easel, "pictures", &html).await.unwrap_err().code, "UPLOAD_TYPE");
        let key = json!({ "key": hung["key"] });
        assert_eq!(bob.call(&gallery, "takeDown", key.clone()).await.unwrap_err().code, "UNAUTHENTICATED");
        bob.ask(json!({ "type": "AUTH", "payload": { "name": "admin" } })).await.unwrap();
        bob.call(&gallery, "takeDown", key).await.unwrap();
        assert!(wall(&mut ada, &gallery).await.is_empty());
        while file.exists() {
            tokio::task::yield_now().await;
        }
    }
}
