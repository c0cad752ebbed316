//! What a client sees of a component: its `pub` fields, by name. Implemented by `#[derive(State)]`.
//!
//! Outwards a state is flushed, turn by turn. Inwards it is restored, once, from what was written down of it
//! (`restore.rs`), through the shapes it had since then (`migrate.rs`).

use fluxstack_live_protocol::SessionId;
use fluxstack_live_protocol::delta::Writer;

use crate::component::{Component, Cx};
use crate::error::{Error, Result};
use crate::field::Upload;
use crate::typescript::Types;

mod migrate;
mod pace;
mod restore;

pub use crate::field::FlushError;
pub use migrate::Migrate;
pub use pace::Pace;
pub use restore::RestoreError;

#[doc(hidden)]
pub use migrate::{Follows, Former, OldShape, Poured, Step};
#[doc(hidden)]
pub use restore::{Keep, Kept, Written, keep};

/// The state of a component. Derive it; there is nothing to write by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a live component's state",
    label = "this needs a state",
    note = "put `#[derive(State)]` on `{Self}`"
)]
pub trait State: Sized + Send + 'static {
    /// The name clients mount it by.
    const NAME: &'static str;

    /// The version of its shape, which is that of its `pub` fields; what is written down says which wrote it.
    const VERSION: u32;

    /// The oldest version of a page that is still served.
    const SERVES: u32;

    /// Whether private fields are written down as well.
    const KEEPS: bool;

    /// How many of its fields are [`Upload`](crate::Upload)s.
    const UPLOADS: usize;

    /// Whether a field is marked `#[state(every_ms = …)]`, so that a flush may hold something back.
    const PACED: bool;

    /// What is remembered of what was last sent.
    type Sent: Default + Send + 'static;

    /// Ends a turn: writes every change since the last flush into `out`, or changes nothing at all. A field
    /// that was sent so shortly before that `pace` holds it back stays as it was sent, but has to be fit to be
    /// sent, and counts towards the limit with what it is now.
    ///
    /// # Errors
    /// [`FlushError`] if a value cannot be sent or the state would be larger than `limit` bytes.
    fn flush(
        &mut self,
        sent: &mut Self::Sent,
        pace: &mut Pace,
        limit: usize,
        out: &mut Writer,
    ) -> Result<(), FlushError>;

    /// The digest of the state as last sent.
    fn digest(&self, sent: &Self::Sent) -> u32;

    /// Appends the state as last sent, as a JSON object: without what is held back. Asked between turns only.
    fn snapshot(&self, sent: &Self::Sent, out: &mut Vec<u8>);

    /// Appends the state as last sent, with every row of what clients read in part: what is written down of it, and
    /// what older clients are told. Asked between turns only.
    fn whole(&self, sent: &Self::Sent, out: &mut Vec<u8>) {
        self.snapshot(sent, out);
    }

    /// Appends a part of the list that is called so on the wire, as last sent: `{"from":…,"length":…,"rev":…,"rows":[…]}`.
    /// Asked between turns only.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if there is no such list that is read in part.
    fn read(&self, sent: &Self::Sent, list: &str, part: crate::field::Part, out: &mut Vec<u8>) -> Result<()> {
        let _ = (sent, list, part, out);
        Err(crate::field::not_listed())
    }

    /// Before the first flush: lists that are read in part begin with this revision. An instance that this one goes on
    /// from had others, perhaps also some that no snapshot knows of.
    fn begin_lists_at(sent: &mut Self::Sent, rev: u64) {
        let _ = (sent, rev);
    }

    /// Takes over what was last sent of `broken`; what was held back is lost. `self` is freshly mounted.
    ///
    /// # Errors
    /// [`FlushError`] if a committed value does not read back.
    fn recover(&mut self, broken: Self, sent: &Self::Sent) -> Result<(), FlushError>;

    /// Puts every field of a living component back to what was last sent of it. Private ones stay as they are.
    ///
    /// ```
    /// use fluxstack_live::prelude::*;
    /// use fluxstack_live::protocol::delta::Writer;
    ///
    /// #[derive(State)]
    /// pub struct Basket {
    ///     pub lines: List<String>,
    ///     seen: u32,
    /// }
    /// # impl Component for Basket {
    /// #     type Props = ();
    /// #     type Event = ();
    /// #     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> { Err(Error::forbidden()) }
    /// # }
    /// # #[actions]
    /// # impl Basket {}
    /// let mut basket = Basket { lines: List::from(vec!["tea".to_owned()]), seen: 0 };
    /// let (mut sent, mut pace) = Default::default();
    /// basket.flush(&mut sent, &mut pace, usize::MAX, &mut Writer::default()).unwrap();
    /// basket.lines.clear();
    /// basket.seen = 1;
    /// basket.undo(&sent).unwrap();
    /// assert_eq!((basket.lines.len(), basket.seen), (1, 1));
    /// ```
    ///
    /// # Errors
    /// [`FlushError`] if what was sent is not at hand, because it was moved out of its field and is still alive,
    /// or does not read back. The component can still be recovered from.
    fn undo(&mut self, sent: &Self::Sent) -> Result<(), FlushError>;

    /// Writes one field for the client and answers with its Rust name.
    ///
    /// # Errors
    /// As [`crate::field::Field::write`]; the same error for a field that is not writable and for one
    /// that does not exist.
    fn write(&mut self, field: &str, json: &[u8]) -> Result<&'static str, Error>;

    /// Puts one field back to what it was before the last write, which the author refused.
    fn revert(&mut self, field: &str);

    /// A session has left the instance for good, and the author knows: every field forgets it. In a turn like
    /// any other, and in no other turn: after a panic of this one it has to be said again.
    fn departed(&mut self, session: SessionId);

    /// Calls `each` with every [`Upload`](crate::Upload), by its name in Rust and its name on the wire.
    fn each_upload<'a>(&'a mut self, each: &mut dyn FnMut(&'static str, &'static str, &'a mut Upload));

    /// The [`Upload`](crate::Upload) that is called so on the wire, and its name in Rust. Without a name, which older
    /// clients do not say, the only one there is.
    fn upload_mut(&mut self, wire: Option<&str>) -> Option<(&'static str, &mut Upload)> {
        let mut found = None;
        self.each_upload(&mut |rust, name, upload| {
            if wire.map_or(Self::UPLOADS == 1, |wire| wire == name) {
                found = Some((rust, upload));
            }
        });
        found
    }

    /// Takes over what version `schema` of this component had when it was last flushed. `self` is freshly
    /// mounted and nothing of it was flushed yet; what the snapshot does not say stays as `mount` made it.
    ///
    /// A state of this version is read field by field, names that are unknown are passed over. One of an older
    /// version is read as the shape listed for it and goes through the steps after that, up to [`Migrate`].
    /// Afterwards every field can be sent; whether all of them are within the limit, the flush says.
    ///
    /// Calls what the author wrote: `Deserialize`, `From` and [`Migrate`] may panic.
    ///
    /// ```
    /// # use fluxstack_live::prelude::*;
    /// # #[derive(State)]
    /// # pub struct Counter { pub count: i64, pub step: i64 }
    /// # impl Component for Counter {
    /// #     type Props = ();
    /// #     type Event = ();
    /// #     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> { Err(Error::forbidden()) }
    /// # }
    /// # #[actions]
    /// # impl Counter {}
    /// let mut counter = Counter { count: 0, step: 2 };
    /// counter.restore(1, br#"{"count":40,"colour":"red"}"#).unwrap();
    /// assert_eq!((counter.count, counter.step), (40, 2));
    /// let error = counter.restore(1, br#"{"count":"forty"}"#).unwrap_err();
    /// assert!(error.to_string().contains("field `count` does not read: expected i64, found string"));
    /// ```
    ///
    /// # Errors
    /// [`RestoreError`]. Some fields may have been taken over by then: drop the component.
    fn restore(&mut self, schema: u32, state: &[u8]) -> Result<(), RestoreError>;

    /// Appends the private fields marked `#[state(keep)]` as a JSON object, as they are now. For ourselves to
    /// store: it is not meant for a client's eyes, nor for `JSON.parse`.
    ///
    /// ```
    /// # use fluxstack_live::prelude::*;
    /// # #[derive(State)]
    /// # pub struct Quiz { pub question: String, #[state(keep)] answer: u64 }
    /// # impl Component for Quiz {
    /// #     type Props = ();
    /// #     type Event = ();
    /// #     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> { Err(Error::forbidden()) }
    /// # }
    /// # #[actions]
    /// # impl Quiz {}
    /// let quiz = Quiz { question: "How many?".into(), answer: 42 };
    /// let mut kept = Vec::new();
    /// quiz.kept(&mut kept).unwrap();
    /// assert_eq!(kept, br#"{"answer":42}"#);
    ///
    /// let mut mounted = Quiz { question: String::new(), answer: 0 };
    /// mounted.restore_kept(1, &kept).unwrap();
    /// assert_eq!(mounted.answer, 42);
    /// ```
    ///
    /// # Errors
    /// [`FlushError::Unsendable`], and then `out` holds half of it.
    fn kept(&self, out: &mut Vec<u8>) -> Result<(), FlushError>;

    /// Takes over what [`State::kept`] wrote in version `schema` of this component. Comes before
    /// [`State::restore`], so that [`Migrate`] finds it and has the last word.
    ///
    /// What is missing stays as `mount` made it, and so does what does not read, if an older version wrote it.
    ///
    /// # Errors
    /// As [`State::restore`].
    fn restore_kept(&mut self, schema: u32, json: &[u8]) -> Result<(), RestoreError>;

    /// Whether the caller may have an instance, as far as `#[state(requires(…))]` says something about it. Asked
    /// when it is mounted, joined, or taken up again, when somebody signs in or out, and before every call.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`](crate::Code::Unauthenticated) if nobody is signed in,
    /// [`Code::Forbidden`](crate::Code::Forbidden) if somebody is who may not.
    fn demand(cx: &Cx<Self>) -> Result<()>
    where
        Self: Component,
    {
        let _ = cx;
        Ok(())
    }

    /// Describes the fields for `live.gen.ts`.
    fn describe(types: &mut Types) -> Vec<FieldShape>;

    /// The doc comment on the struct.
    const DOCS: &'static str;
}

/// One field, as TypeScript sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldShape {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its TypeScript type.
    pub ty: String,
    /// Its doc comment.
    pub docs: &'static str,
    /// Whether clients may write it.
    pub writable: bool,
}
