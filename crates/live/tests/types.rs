//! What components look like in TypeScript, down to the letter, and how the file says that it is stale.

#![expect(missing_docs, reason = "only some have docs, to see what becomes of those that have none")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;

use fluxstack_live::prelude::*;
use fluxstack_live::typescript::{ComponentShape, Types, check, render};

/// Somebody.
#[wire]
pub struct Member {
    /// Unique.
    /// And never reused.
    pub id: u64,
    pub nick_name: Option<String>,
}

/// What a chat is mounted with.
#[wire]
pub struct ChatProps {
    pub room: String,
    pub since: Option<i64>,
    /// How many.
    #[serde(default)]
    pub limit: u32,
    #[serde(default)]
    pub filter: Filter,
}

#[wire]
#[derive(Default)]
pub struct Filter {
    pub words: Option<Vec<String>>,
    pub by: Option<Box<Member>>,
}

/// One thing said.
#[wire]
pub struct Message {
    pub from: Author,
    pub r#type: Kind,
    pub tags: BTreeSet<String>,
    pub replies: Vec<Message>,
    pub place: (f32, f32),
    pub seen: HashMap<String, bool>,
    pub extra: serde_json::Value,
    #[serde(rename = "x-raw")]
    pub raw: [u8; 2],
    #[serde(skip)]
    pub cached: std::cell::Cell<u8>,
}

/// Only shown, never sent by a client.
#[wire]
pub struct Author {
    pub name: Option<String>,
    #[serde(default)]
    pub colour: String,
}

#[wire]
#[derive(Clone, Copy)]
pub enum Kind {
    PlainText,
    Emoji,
}

/// What happens in a room.
#[wire]
pub enum ChatEvent {
    /// Somebody types.
    Typing {
        who_else: Vec<Member>,
    },
    Closed,
}

#[wire]
pub struct Hour(pub u8);

#[wire]
pub struct Entry {
    pub text: Option<String>,
}

impl Validate for Entry {
    fn validate(&self, _: &mut FieldErrors) {}
}

/// Everyone who mounts the same room */ shares this.
#[derive(State)]
pub struct Chat {
    /// What it is about.
    pub topic: Bound<String>,
    pub messages: List<Message>,
    pub online: Map<u64, Author>,
    pub by_hour: BTreeMap<u8, Hour>,
    pub kind: Bound<Option<Kind>>,
    pub pending: Option<Author>,
    pub here: Presence<Author>,
    pub draft: Form<Entry>,
    secret: u8,
}

impl Component for Chat {
    type Props = ChatProps;
    type Event = ChatEvent;

    async fn mount(_: ChatProps, _cx: &mut Cx<Self>) -> Result<Self> {
        Err(Error::forbidden())
    }
}

#[actions]
impl Chat {
    /// Says something.
    ///
    /// Answers with its number.
    pub async fn post(&mut self, text: String, cx: &mut Cx<Self>, reply_to: Option<u64>) -> Result<u64> {
        let _ = (text, cx, reply_to, self.secret);
        Ok(0)
    }

    pub fn clear(&mut self) {}

    pub fn first(&mut self) -> Option<Author> {
        None
    }

    pub fn invite(&mut self, member: Member) -> Result<()> {
        drop(member);
        Ok(())
    }
}

/// Nothing at all.
#[derive(State)]
#[state(name = "Nothing", version = 3, migrate(from = 3))]
pub struct Empty {}

impl Component for Empty {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Self {})
    }
}

#[actions]
impl Empty {}

const EXPECTED: &str = "\
// Generated from the Rust components. Do not edit: run `cargo xtask types`.
import { component, type Component, type Form } from '@fluxstack/client'

/** Only shown, never sent by a client. */
export interface Author {
  name: string | null
  colour: string
}

/** What happens in a room. */
export type ChatEvent =
  | { type: 'typing'; whoElse: Array<Member> }
  | { type: 'closed' }

/** What a chat is mounted with. */
export interface ChatProps {
  room: string
  since?: number | null
  /** How many. */
  limit?: number
  filter?: Filter
}

export interface Entry {
  text: string | null
}

export interface Filter {
  words?: Array<string> | null
  by?: Member | null
}

export type Hour = number

export type JsonValue = number | string | boolean | Array<JsonValue> | { [key in string]: JsonValue } | null

export type Kind = 'plainText' | 'emoji'

/** Somebody. */
export interface Member {
  /**
   * Unique.
   * And never reused.
   */
  id: number
  nickName?: string | null
}

/** One thing said. */
export interface Message {
  from: Author
  type: Kind
  tags: Array<string>
  replies: Array<Message>
  place: [number, number]
  seen: { [key in string]: boolean }
  extra: JsonValue
  'x-raw': [number, number]
}

/** Somebody who is there. */
export interface Present<T> {
  /** Milliseconds since 1970 when they entered; with several sessions, when the first of them did. */
  since: number
  /** What they entered with, or changed it to. */
  with: T
}

/** Everyone who mounts the same room *\\/ shares this. */
export interface ChatShape {
  props: ChatProps
  state: {
    /** What it is about. */
    topic: string
    messages: Array<Message>
    online: Record<number, Author>
    byHour: { [key in number]: Hour }
    kind: Kind | null
    pending: Author | null
    here: Readonly<Record<string, Present<Author>>>
    draft: Form<Entry>
  }
  writable: {
    topic: string
    kind: Kind | null
  }
  actions: {
    /**
     * Says something.
     *
     * Answers with its number.
     */
    post(args: { text: string; replyTo?: number | null }): number
    clear(): void
    first(): Author | null
    invite(args: { member: Member }): void
  }
  event: ChatEvent
}
export const Chat: Component<ChatShape> = component<ChatShape>('Chat')

/** Nothing at all. */
export interface NothingShape {
  props: Record<string, never>
  state: {}
  writable: {}
  actions: {}
  event: never
}
export const Nothing: Component<NothingShape> = component<NothingShape>('Nothing', 3)

declare module '@fluxstack/client' {
  interface Components {
    Chat: ChatShape
    Nothing: NothingShape
  }
}
";

#[test]
fn components_read_in_typescript_as_in_rust() {
    let mut types = Types::default();
    // In the wrong order, because the linker gives no other promise.
    let components = vec![ComponentShape::of::<Empty>(&mut types), ComponentShape::of::<Chat>(&mut types)];
    let found = render(components, types).unwrap();
    for (at, (found, expected)) in found.lines().zip(EXPECTED.lines()).enumerate() {
        assert_eq!(found, expected, "line {}", at + 1);
    }
    assert_eq!(found, EXPECTED);
}

#[test]
fn what_travels_only_one_way_does_not_depend_on_who_is_asked_first() {
    let shape = |first: fn(&mut Types) -> String, second: fn(&mut Types) -> String| {
        let mut types = Types::default();
        first(&mut types);
        second(&mut types);
        render(Vec::new(), types).unwrap()
    };
    let (shows, takes) = (Types::shows::<Member>, Types::takes::<Filter>);
    assert_eq!(shape(shows, takes), shape(takes, shows));
    assert!(shape(shows, takes).contains("nickName?: string | null"));
    assert!(shape(shows, shows).contains("nickName: string | null"));
}

#[test]
fn two_things_of_one_name_are_refused_by_name() {
    mod other {
        use fluxstack_live::prelude::*;

        #[wire]
        pub struct Member {
            pub id: u8,
        }

        #[wire]
        pub struct ChatShape {
            pub id: u8,
        }

        #[wire]
        pub struct Form {
            pub id: u8,
        }

        #[wire]
        pub struct Component {
            pub id: u8,
        }
    }
    let complaint = |mut types: Types, shapes: fn(&mut Types) -> Vec<ComponentShape>| {
        let shapes = shapes(&mut types);
        render(shapes, types).unwrap_err().to_string()
    };
    let mut types = Types::default();
    types.shows::<Member>();
    types.shows::<Vec<other::Member>>();
    let text = complaint(types, |_| Vec::new());
    assert!(text.contains("types::Member") && text.contains("other::Member"), "{text}");

    let mut types = Types::default();
    types.shows::<other::ChatShape>();
    let text = complaint(types, |types| vec![ComponentShape::of::<Chat>(types)]);
    assert!(text.contains("the shape of `Chat`"), "{text}");

    let mut types = Types::default();
    types.shows::<other::Component>();
    assert!(complaint(types, |_| Vec::new()).contains("@fluxstack/client"));

    let mut types = Types::default();
    types.shows::<other::Form>();
    let text = render(Vec::new(), types).unwrap();
    assert!(text.contains("\nimport { component, type Component } from"), "nothing of that name is imported");
    let mut types = Types::default();
    types.shows::<other::Form>();
    let text = complaint(types, |types| vec![ComponentShape::of::<Chat>(types)]);
    assert!(text.contains("other::Form") && text.contains("@fluxstack/client"), "{text}");

    let twice =
        |types: &mut Types| vec![ComponentShape::of::<Empty>(types), ComponentShape::of::<Empty>(types)];
    assert!(complaint(Types::default(), twice).contains("two components are called `Nothing`"));
}

#[test]
fn a_stale_file_is_told_by_its_first_wrong_line() {
    let path = std::env::temp_dir().join(format!("live-types-{}.gen.ts", std::process::id()));
    let missing = check(&path).unwrap_err().to_string();
    assert!(missing.contains("LIVE_TYPES=write"), "{missing}");

    fs::write(&path, EXPECTED.replace('\n', "\r\n")).unwrap();
    check(&path).unwrap();

    fs::write(&path, EXPECTED.replace("export type Hour = number", "export type Hour = string")).unwrap();
    let stale = check(&path).unwrap_err().to_string();
    fs::remove_file(&path).unwrap();
    let line = EXPECTED.lines().position(|line| line.starts_with("export type Hour")).unwrap() + 1;
    assert!(stale.contains(&format!("Line {line}: `export type Hour = string`")), "{stale}");
    assert!(stale.contains("live-types-") && !stale.contains(std::path::MAIN_SEPARATOR), "{stale}");
}
