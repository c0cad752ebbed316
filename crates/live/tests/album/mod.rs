//! The component that the tests of uploads send files to, and what they share.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "every test file takes what it needs")]

use std::path::PathBuf;

use fluxstack_live::prelude::*;
use fluxstack_live::server::Builder;
use fluxstack_live::testing::{Client, Folder, Harness, TestFile};
use fluxstack_live::{FileStatus, Keys};
use serde_json::{Value, json};

/// Takes texts and small pictures; does with them what it is told.
#[derive(State)]
pub struct Album {
    pub files: Upload,
    /// What was done, in its order.
    pub done: List<String>,
    /// What the next finished file comes to.
    #[state(keep)]
    next: Next,
}

#[wire]
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Next {
    /// It stays in the field.
    #[default]
    Stay,
    /// It is moved away.
    Keep,
    /// It is kept where everybody can look at it.
    Publish,
    Refuse,
    /// It is taken, and then something fails.
    TakeAndRefuse,
    Panic,
}

#[wire]
pub struct AlbumProps {
    /// All who name it share one.
    #[serde(default)]
    pub shared: Option<String>,
    #[serde(default)]
    pub next: Next,
}

/// Where the album keeps what it takes.
pub struct Shelf(pub PathBuf);

impl Component for Album {
    type Props = AlbumProps;
    type Event = ();

    fn scope(props: &AlbumProps) -> Scope {
        props.shared.clone().map_or(Scope::Private, Scope::Shared)
    }

    async fn mount(props: AlbumProps, _cx: &mut Cx<Self>) -> Result<Self> {
        let files = Upload::accept(["text/plain", "image/png"]).max_bytes(8 << 20).max_files(3);
        Ok(Album { files, done: List::default(), next: props.next })
    }

    async fn on_upload(&mut self, field: &'static str, cx: &mut Cx<Self>) -> Result<()> {
        let file = self.files.files().iter().find(|file| file.status == FileStatus::Done);
        let name = file.map(|file| file.name.clone()).unwrap_or_default();
        self.done.push(format!("{field}: {name}"));
        match self.next {
            Next::Stay => Ok(()),
            Next::Keep => self.keep(cx).await,
            Next::Publish => self.files.take()?.keep_public().await.map(drop),
            Next::Refuse => Err(Error::new(Code::Conflict, "not this one")),
            Next::TakeAndRefuse => self.take_and_fail(),
            Next::Panic => panic!("this is the test's own panic"),
        }
    }
}

#[actions]
impl Album {
    pub fn count(&mut self) -> usize {
        self.files.files().len()
    }

    /// Takes the first finished file and puts it on the shelf.
    pub async fn keep(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        let file = self.files.take()?;
        let path = cx.app::<Shelf>()?.0.join(file.sha256());
        file.move_to(path).await
    }

    pub fn take_and_drop(&mut self) -> Result<String> {
        Ok(self.files.take()?.name().to_owned())
    }

    pub fn take_and_panic(&mut self) -> Result<()> {
        let _file = self.files.take()?;
        panic!("this is the test's own panic");
    }

    pub fn take_and_fail(&mut self) -> Result<()> {
        let _file = self.files.take()?;
        Err(Error::new(Code::Conflict, "the shelf is full"))
    }

    pub fn remove(&mut self, id: String) -> bool {
        self.files.remove(&id)
    }

    /// What the next finished file comes to.
    pub fn choose(&mut self, next: Next) {
        self.next = next;
    }

    pub fn explode(&mut self) {
        panic!("this is the test's own panic");
    }
}

/// A server of albums, with its folders; all of it goes with the test.
pub struct Place {
    pub harness: Harness,
    pub uploads: Folder,
    pub shelf: Folder,
}

pub fn builder(uploads: &Folder, shelf: &Folder) -> Builder {
    Live::builder()
        .component::<Album>()
        .provide(Shelf(shelf.path().to_owned()))
        .uploads(Uploads::at(uploads.path()))
}

pub fn keys() -> Keys {
    Keys::new("test", [7; 32]).expect("a secret of 32 bytes is long enough")
}

pub fn place() -> Place {
    place_with(|builder| builder)
}

pub fn place_with(change: impl FnOnce(Builder) -> Builder) -> Place {
    let (uploads, shelf) = (Folder::new(), Folder::new());
    let live = change(builder(&uploads, &shelf)).build().expect("a server");
    Place { harness: Harness::new(live), uploads, shelf }
}

/// A page that can come back.
pub async fn page(harness: &Harness) -> Client {
    harness.connect_with("v=3&caps=delta,batch,resume&client=page").await.expect("there is more")
}

pub async fn album(client: &mut Client) -> String {
    client.mount("Album", json!({})).await.expect("an album")
}

pub fn text(name: &str, bytes: usize) -> TestFile {
    // Nothing of it repeats where a chunk might be put into the wrong place.
    let line = |number: usize| format!("line {number} of {name}\n").into_bytes();
    let content: Vec<u8> = (0..).flat_map(line).take(bytes).collect();
    TestFile::new(name, "text/plain", content)
}

/// What a page would show of the files.
pub fn shown(client: &mut Client, id: &str) -> Vec<Value> {
    drop(client.arrived());
    let state = client.view(id).expect("an album");
    state["files"]["files"].as_array().cloned().unwrap_or_default()
}

/// Files of the desk, beside its own notes.
pub fn at_the_desk(folder: &Folder) -> usize {
    let kind = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "part" || kind == "done");
    folder.files().iter().filter(|path| kind(path)).count()
}

/// Waits until something holds, without a clock.
pub async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}
