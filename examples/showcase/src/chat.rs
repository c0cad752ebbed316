//! A chat with rooms to talk in: one shared instance for each, and one more room of events across them all.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fluxstack_live::prelude::*;

use crate::visitor::Visitor;

/// Messages that are kept, and shown to those who come late.
const KEPT: usize = 200;
/// Characters of a message or an announcement.
const LONGEST: usize = 500;
/// What moderators announce is heard here, wherever one talks.
const ANNOUNCEMENTS: &str = "announcements";

/// People who talk.
#[derive(State)]
pub struct Chat {
    /// What it is about.
    pub topic: String,
    /// What was said, the newest last.
    pub messages: List<Message>,
    /// Who is here.
    pub online: Presence<Visitor>,
    #[state(keep)]
    last: u32,
}

/// Something that was said.
#[wire]
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Never given twice in a room.
    pub id: u32,
    /// By whom: their key in [`Chat::online`], then.
    pub from: String,
    /// What they called themselves.
    pub name: String,
    /// What they said.
    pub text: String,
    /// Milliseconds since 1970.
    pub at: u64,
}

/// Which chat it is.
#[wire]
pub struct ChatProps {
    /// The name of the room, in small letters, digits and hyphens.
    pub room: String,
}

/// What happens in a chat, and is not kept.
#[wire]
pub enum ChatEvent {
    /// Somebody types.
    Typing {
        /// Their key.
        who: String,
    },
    /// A moderator has something to say to everybody.
    Announced {
        /// What.
        text: String,
        /// What they call themselves.
        by: String,
    },
}

impl Component for Chat {
    type Props = ChatProps;
    type Event = ChatEvent;

    /// So that whoever comes back after lunch still finds the conversation.
    const KEEP_ALIVE: Duration = Duration::from_secs(60 * 60);
    /// Whoever comes late hears the last announcement.
    const ROOM_HISTORY: usize = 1;

    fn scope(props: &ChatProps) -> Scope {
        Scope::Shared(props.room.clone())
    }

    async fn mount(props: ChatProps, _cx: &mut Cx<Self>) -> Result<Self> {
        let is_fine = |sign: u8| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == b'-';
        if !(1..=24).contains(&props.room.len()) || !props.room.bytes().all(is_fine) {
            return Err(Error::invalid("room", "at most 24 small letters, digits and hyphens"));
        }
        let topic = match &*props.room {
            "lobby" => "Whatever comes to mind",
            "garden" => "What grows, and what refuses to",
            _ => "Nothing in particular yet",
        };
        Ok(Chat { topic: topic.to_owned(), messages: List::new(), online: Presence::new(), last: 0 })
    }

    fn may_join(&self, room: &str, _cx: &Cx<Self>) -> Result<()> {
        if room == ANNOUNCEMENTS { Ok(()) } else { Err(Error::forbidden()) }
    }
}

#[actions]
impl Chat {
    /// The caller is here, under this name. Answers the key by which the others know them.
    pub fn introduce(&mut self, name: String, cx: &mut Cx<Self>) -> Result<String> {
        self.online.enter(cx, Visitor::of(&name, cx)?);
        Ok(self.online.key(cx).unwrap_or_default().to_owned())
    }

    /// Says something to everybody here.
    pub fn say(&mut self, text: String, cx: &mut Cx<Self>) -> Result<u32> {
        let text = worded(&text)?;
        let (from, name) = self.caller(cx)?;
        self.last += 1;
        self.messages.push(Message { id: self.last, from, name, text, at: now() });
        while self.messages.len() > KEPT {
            self.messages.remove(0);
        }
        Ok(self.last)
    }

    /// The caller types. Told to everybody here, and forgotten.
    pub fn typing(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        let (who, _) = self.caller(cx)?;
        cx.emit(ChatEvent::Typing { who });
        Ok(())
    }

    /// Says what it is about from now on.
    #[requires(role = "moderator")]
    pub fn turn_to(&mut self, topic: String) -> Result<()> {
        self.topic = worded(&topic)?;
        Ok(())
    }

    /// Takes back everything that was said here.
    #[requires(role = "moderator")]
    pub fn clear(&mut self) {
        self.messages.clear();
    }

    /// Says something to everybody, in whichever room they talk.
    #[requires(role = "moderator")]
    pub fn announce(&mut self, text: String, cx: &mut Cx<Self>) -> Result<()> {
        let text = worded(&text)?;
        let by = cx.user()?.id().to_owned();
        cx.room(ANNOUNCEMENTS)?.emit(ChatEvent::Announced { text, by });
        Ok(())
    }
}

impl Chat {
    /// Key and name of whoever asks.
    fn caller(&self, cx: &Cx<Self>) -> Result<(String, String)> {
        let present = self.online.key(cx).and_then(|key| Some((key, self.online.get(key)?)));
        match present {
            Some((key, present)) => Ok((key.to_owned(), present.with.name.clone())),
            None => Err(Error::new(Code::Conflict, "say who you are first")),
        }
    }
}

/// Something that can be said.
fn worded(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::invalid("text", "say something"));
    }
    if text.chars().count() > LONGEST {
        return Err(Error::invalid("text", format!("at most {LONGEST} characters")));
    }
    Ok(text.to_owned())
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::{Client, Harness};
    use serde_json::{Value, json};

    use super::*;

    async fn come(harness: &Harness, room: &str, name: &str) -> (Client, String) {
        let mut client = harness.connect().await;
        let chat = client.mount("Chat", json!({ "room": room })).await.unwrap();
        client.call(&chat, "introduce", json!({ "name": name })).await.unwrap();
        (client, chat)
    }

    fn harness() -> Harness {
        Harness::new(Live::builder().discover().build().unwrap())
    }

    fn texts(client: &Client, chat: &str) -> Vec<Value> {
        let view = client.view(chat).unwrap();
        view["messages"].as_array().unwrap().iter().map(|message| message["text"].clone()).collect()
    }

    #[tokio::test]
    async fn what_is_said_is_heard_in_its_room_and_by_those_who_come_late() {
        let harness = harness();
        let (mut ada, lobby) = come(&harness, "lobby", "Ada").await;
        let (bob, garden) = come(&harness, "garden", "Bob").await;
        assert_ne!(lobby, garden);
        ada.call(&lobby, "say", json!({ "text": " Hello " })).await.unwrap();
        let (late, _) = come(&harness, "lobby", "Cy").await;
        assert_eq!(texts(&late, &lobby), ["Hello"]);
        assert_eq!(texts(&bob, &garden), [""; 0]);
        let refused = ada.call(&lobby, "say", json!({ "text": " " })).await.unwrap_err();
        assert_eq!(refused.fields, json!({ "text": "say something" }));
    }

    #[tokio::test]
    async fn the_last_two_hundred_messages_are_kept() {
        let (mut ada, lobby) = come(&harness(), "lobby", "Ada").await;
        for number in 1..=203 {
            ada.call(&lobby, "say", json!({ "text": number.to_string() })).await.unwrap();
        }
        let kept = texts(&ada, &lobby);
        assert_eq!((kept.len(), &kept[0], &kept[199]), (200, &json!("4"), &json!("203")));
    }

    #[tokio::test]
    async fn only_moderators_keep_order() {
        let (mut ada, lobby) = come(&harness(), "lobby", "Ada").await;
        for (action, args) in [
            ("clear", json!({})),
            ("turnTo", json!({ "topic": "me" })),
            ("announce", json!({ "text": "me" })),
        ] {
            assert_eq!(ada.call(&lobby, action, args).await.unwrap_err().code, "UNAUTHENTICATED", "{action}");
        }
    }

    #[tokio::test]
    async fn a_moderator_clears_turns_and_is_heard_by_whoever_listens() {
        let live = Live::builder().discover().authenticator(crate::visitor::believe).build().unwrap();
        let harness = Harness::new(live);
        let (mut mo, lobby) = come(&harness, "lobby", "Mo").await;
        let (mut ada, garden) = come(&harness, "garden", "Ada").await;
        mo.ask(json!({ "type": "AUTH", "payload": { "name": "admin" } })).await.unwrap();
        mo.call(&lobby, "say", json!({ "text": "Hello" })).await.unwrap();
        mo.call(&lobby, "clear", json!({})).await.unwrap();
        mo.call(&lobby, "turnTo", json!({ "topic": "Rain" })).await.unwrap();
        mo.settle(&lobby).await;
        assert_eq!(texts(&mo, &lobby), [""; 0]);
        assert_eq!(mo.view(&lobby).unwrap()["topic"], "Rain");

        let join = |room| json!({ "type": "ROOM_JOIN", "componentId": garden, "roomId": room, "payload": { "history": 1 } });
        assert_eq!(ada.ask(join("secrets")).await.unwrap_err().code, "FORBIDDEN");
        mo.call(&lobby, "announce", json!({ "text": "One" })).await.unwrap();
        let announced = |text| json!({ "type": "announced", "text": text, "by": "admin" });
        let joined = ada.ask(join(ANNOUNCEMENTS)).await.unwrap();
        assert_eq!(joined["events"], json!([[1, announced("One")]]));
        ada.arrived();
        mo.call(&lobby, "announce", json!({ "text": "Two" })).await.unwrap();
        ada.settle(&garden).await;
        let heard = ada.arrived();
        let events: Vec<_> = heard.iter().filter(|message| message["type"] == "ROOM_EVENT").collect();
        assert_eq!(events.len(), 1, "{heard:?}");
        assert_eq!(events[0]["payload"]["event"], announced("Two"));
        // Nobody who is in the room says there what they like: the component does.
        let emit = json!({ "type": "ROOM_EMIT", "componentId": garden, "roomId": ANNOUNCEMENTS,
            "payload": { "event": announced("Three") } });
        assert_eq!(ada.ask(emit).await.unwrap_err().code, "FORBIDDEN");
    }

    #[tokio::test]
    async fn a_room_has_a_name_that_can_be_typed() {
        let mut client = harness().connect().await;
        for room in ["", "Lobby", "a b", "äöü", &"a".repeat(25)] {
            let refused = client.mount("Chat", json!({ "room": room })).await.unwrap_err();
            assert_eq!(refused.code, "INVALID", "{room}");
        }
    }
}
