//! One large file, which arrives whatever happens to the connection, the page or the server meanwhile.
//!
//! What arrived is kept for its visitor alone: whoever has the link gets the file, for as long as the link is good.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fluxstack_live::prelude::*;

use crate::storeroom::{KEPT_FOR, Storeroom};

/// Bytes of a parcel.
const LARGEST: u64 = 1 << 30;

/// A parcel, on its way or here.
#[derive(State)]
pub struct Parcel {
    /// While it is on its way.
    pub file: Upload,
    /// Once it is here.
    pub arrived: Option<Arrived>,
    /// Counted beside the upload, to see how long an action takes meanwhile.
    pub count: u32,
}

/// A parcel that is here, as the server has it.
#[wire]
#[derive(Clone, Debug, PartialEq)]
pub struct Arrived {
    /// Its file in the storage.
    pub key: String,
    /// What the file is called.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// What the server made of all its bytes: SHA-256, in hexadecimal.
    pub sha256: String,
    /// Where whoever has this gets the file.
    pub link: String,
    /// Until when, in milliseconds since 1970.
    pub until: u64,
}

impl Component for Parcel {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Parcel { file: Upload::any().max_bytes(LARGEST), arrived: None, count: 0 })
    }

    async fn on_upload(&mut self, _field: &'static str, cx: &mut Cx<Self>) -> Result<()> {
        let file = self.file.take()?;
        let (storeroom, files) = (cx.app::<Storeroom>()?, cx.files()?);
        storeroom.make_room(&files, file.size()).await?;
        // Nobody has to sign in here. So it is nobody's but for the link.
        let nobody = Identity::new(cx.instance_id().to_string());
        let kept = file.keep_for(&nobody).await?;
        let link = files.link(&kept.url, KEPT_FOR)?;
        let until = now() + u64::try_from(KEPT_FOR.as_millis()).unwrap_or(u64::MAX);
        let arrived =
            Arrived { key: kept.key, name: kept.name, size: kept.size, sha256: kept.sha256, link, until };
        self.arrived = Some(arrived);
        self.forget_in(KEPT_FOR, cx)
    }

    async fn on_rehydrate(&mut self, _rehydrated: Rehydrated, cx: &mut Cx<Self>) -> Result<()> {
        let until = self.arrived.as_ref().map_or(0, |arrived| arrived.until);
        self.forget_in(Duration::from_millis(until.saturating_sub(now())), cx)
    }
}

#[actions]
impl Parcel {
    /// One more, and answers how many.
    pub fn tap(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    /// Throws away what arrived, so that there is room for another.
    pub async fn discard(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        let arrived = self.arrived.take().ok_or_else(|| Error::not_found("nothing has arrived"))?;
        cx.files()?.delete(&arrived.key).await
    }
}

impl Parcel {
    /// By then the storeroom has thrown the file away, or will.
    fn forget_in(&mut self, time: Duration, cx: &mut Cx<Self>) -> Result<()> {
        cx.after(time, |parcel, _| parcel.arrived = None)?;
        Ok(())
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::{Folder, Harness, TestFile};
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_parcel_is_kept_with_its_digest_and_a_link_until_it_is_discarded() {
        let folder = Folder::new();
        let uploads = Uploads::at(folder.path());
        let live = Live::builder().discover().uploads(uploads).provide(Storeroom::of(folder.path()));
        let harness = Harness::new(live.build().unwrap());
        let mut client = harness.connect().await;
        let parcel = client.mount("Parcel", json!({})).await.unwrap();
        let file = TestFile::new("notes.txt", "text/plain", b"all of it ".repeat(20_000));
        client.upload(&parcel, "file", &file).await.unwrap();
        let state = client.view(&parcel).unwrap();
        let arrived = &state["arrived"];
        assert_eq!((&arrived["name"], &arrived["size"]), (&json!("notes.txt"), &json!(200_000)));
        assert_eq!(arrived["sha256"], file.hash());
        assert!(arrived["link"].as_str().unwrap().starts_with("/uploads/private/"));
        assert_eq!(state["file"]["files"], json!([]));
        let path = folder.path().join("kept").join(arrived["key"].as_str().unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), file.bytes);

        client.call(&parcel, "discard", json!({})).await.unwrap();
        assert!(!path.exists());
        assert_eq!(client.view(&parcel).unwrap()["arrived"], json!(null));
        assert_eq!(client.call(&parcel, "discard", json!({})).await.unwrap_err().code, "NOT_FOUND");
        assert_eq!(client.call(&parcel, "tap", json!({})).await, Ok(json!(1)));
    }
}
