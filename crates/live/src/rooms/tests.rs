//! What a room promises, without a server around it.

use fluxstack_live_protocol::{ConnectionId, Dialect};
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::*;
use crate::mailbox::{Inbox, Mail, mailbox};
use crate::outbox::{Next, Outbox};

fn rooms(change: impl FnOnce(&mut Limits)) -> Arc<Rooms> {
    let mut limits = Limits::default();
    change(&mut limits);
    Rooms::new(Arc::new(limits))
}

/// A page with one instance.
struct Page {
    session: SessionId,
    instance: InstanceId,
    outbox: Arc<Outbox>,
    stays: Stays,
}

impl Page {
    fn new(rooms: &Arc<Rooms>, history: usize, dialect: Dialect) -> Self {
        let instance = InstanceId::random();
        Self {
            session: SessionId::random(),
            instance,
            outbox: Outbox::new(ConnectionId::random(), dialect, &rooms.limits),
            stays: Stays::new(Arc::clone(rooms), instance, "Chat", history, None),
        }
    }

    fn native(rooms: &Arc<Rooms>, history: usize) -> Self {
        Self::new(rooms, history, Dialect::NATIVE)
    }

    fn join(&mut self, name: &str, since: Option<u64>, history: usize) -> Result<(Joined, Value)> {
        let mut answer = None;
        let outbox = Some(&self.outbox);
        let wanted = Wanted { since, history };
        self.stays.join(self.session, outbox, name, wanted, None, |joined, state| {
            answer = Some((joined, serde_json::from_slice(&state).unwrap()));
        })?;
        Ok(answer.expect("whoever joins is answered"))
    }

    fn origin(&self, also_self: bool) -> Origin {
        Origin { session: Some(self.session), also_self, instance: self.instance, is_client: true }
    }

    fn say(&self, name: &str, text: &str) -> Option<u64> {
        let event = json!({ "type": "said", "text": text }).to_string();
        self.stays.emit(name, event.into(), &self.origin(false))
    }

    /// What has arrived since this was last asked.
    fn read(&self) -> Vec<Value> {
        let mut read = Vec::new();
        while let Some(Next::Frames(frames)) = self.outbox.next(usize::MAX).now_or_never() {
            read.extend(frames.iter().map(|frame| serde_json::from_slice::<Value>(frame).unwrap()));
        }
        read
    }

    /// The same in few words: `2 hi` is event 2, `2` one that is not for this page.
    fn heard(&self) -> String {
        let words = self.read().into_iter().map(|frame| {
            let payload = &frame["payload"];
            match frame["type"].as_str().unwrap() {
                "ROOM_EVENT" => match (&payload["missed"], &payload["event"]) {
                    (Value::Number(missed), _) => format!("missed {missed}"),
                    (_, Value::Null) => payload["seq"].to_string(),
                    (_, event) => format!("{} {}", payload["seq"], event["text"].as_str().unwrap()),
                },
                "ROOM_JOINED" => format!("joined {} {}", payload["seq"], payload["recovered"]),
                kind => kind.to_owned(),
            }
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// The connection is lost, and another one made.
    fn reconnect(&mut self, rooms: &Rooms) {
        self.stays.away(self.session, self.outbox.connection());
        self.outbox.close(None);
        self.outbox = Outbox::new(ConnectionId::random(), Dialect::NATIVE, &rooms.limits);
    }

    fn back(&self, heard: &[(&str, u64)]) {
        let heard: Vec<_> = heard.iter().map(|(name, heard)| (Box::from(*name), *heard)).collect();
        self.stays.back(self.session, &self.outbox, &heard);
        self.stays.put_right(self.session, &self.outbox, &heard);
    }
}

#[test]
fn everybody_in_a_room_hears_in_order_and_the_sender_learns_only_the_number() {
    let rooms = rooms(|_| {});
    let (mut ada, mut bob, eve) = (Page::native(&rooms, 0), Page::native(&rooms, 0), Page::native(&rooms, 0));
    assert_eq!(ada.join("lobby", None, 0).unwrap().0.seq, 0);
    ada.say("lobby", "alone");
    assert_eq!(bob.join("lobby", None, 9).unwrap().0.seq, 1);
    assert_eq!(ada.say("lobby", "hi"), Some(2));
    assert_eq!(bob.say("lobby", "ho"), Some(3));
    assert_eq!(ada.heard(), "1, 2, 3 ho");
    assert_eq!(bob.heard(), "2 hi, 3");
    assert_eq!(eve.heard(), "");
    assert!(bob.stays.leave(Some(bob.session), "lobby", false));
    assert!(!bob.stays.leave(Some(bob.session), "lobby", false));
    ada.say("lobby", "gone");
    assert_eq!((ada.heard().as_str(), bob.heard().as_str()), ("4", ""));
}

#[test]
fn rooms_of_two_components_with_one_name_are_two() {
    let rooms = rooms(|_| {});
    let (mut ada, mut bob) = (Page::native(&rooms, 0), Page::native(&rooms, 0));
    bob.stays = Stays::new(Arc::clone(&rooms), bob.instance, "Game", 0, None);
    ada.join("lobby", None, 0).unwrap();
    bob.join("lobby", None, 0).unwrap();
    assert_eq!(rooms.len(), 2);
    ada.say("lobby", "hi");
    assert_eq!(bob.heard(), "");
}

#[test]
fn a_session_hears_once_through_however_many_instances_it_is_in() {
    let rooms = rooms(|_| {});
    let (mut ada, mut bob) = (Page::native(&rooms, 0), Page::native(&rooms, 0));
    let mut other = Stays::new(Arc::clone(&rooms), InstanceId::random(), "Chat", 0, None);
    ada.join("lobby", None, 0).unwrap();
    other.take_in(Some(ada.session), Some(&ada.outbox), "lobby", None).unwrap();
    bob.join("lobby", None, 0).unwrap();
    bob.say("lobby", "hi");
    assert_eq!(ada.heard(), "joined 0 null, 1 hi");
    // It is in the room until the last of them has left.
    drop(other);
    bob.say("lobby", "ho");
    assert_eq!(ada.heard(), "2 ho");
    ada.stays.leave(Some(ada.session), "lobby", true);
    bob.say("lobby", "bye");
    assert_eq!(ada.heard(), "ROOM_LEFT");
}

#[test]
fn one_event_is_written_once_for_a_thousand_members() {
    let rooms = rooms(|_| {});
    let mut pages: Vec<_> = (0..1_000).map(|_| Page::native(&rooms, 0)).collect();
    for page in &mut pages {
        page.join("lobby", None, 0).unwrap();
    }
    pages[0].stays.emit("lobby", "1".into(), &Origin { session: None, ..pages[0].origin(true) });
    assert_eq!(rooms.encoded(), 1);
    let read: Vec<_> = pages.iter().map(|page| page.read().len()).collect();
    assert_eq!(read, [1; 1_000]);
    // And once more for a sender that does not hear it.
    pages[0].say("lobby", "hi");
    assert_eq!(rooms.encoded(), 3);
}

#[test]
fn whoever_comes_back_gets_all_that_was_missed_or_is_told_that_it_is_gone() {
    let rooms = rooms(|_| {});
    let (mut ada, mut bob) = (Page::native(&rooms, 3), Page::native(&rooms, 3));
    ada.join("lobby", None, 0).unwrap();
    bob.join("lobby", None, 0).unwrap();
    ada.say("lobby", "1");
    bob.reconnect(&rooms);
    bob.say("lobby", "2");
    ada.say("lobby", "3");
    bob.back(&[("lobby", 0), ("attic", 7)]);
    ada.say("lobby", "4");
    assert_eq!(bob.heard(), "joined 0 true, 1 1, 2, 3 3, ROOM_LEFT, 4 4");
    bob.reconnect(&rooms);
    for number in 5..9 {
        ada.say("lobby", &number.to_string());
    }
    bob.back(&[("lobby", 4)]);
    ada.say("lobby", "9");
    assert_eq!(bob.heard(), "joined 8 false, 9 9");
    // One that does not know what it heard learns where it is.
    bob.reconnect(&rooms);
    bob.back(&[]);
    assert_eq!(bob.heard(), "joined 9 null");
}

#[test]
fn what_was_missed_is_told_once_however_many_instances_come_back() {
    let rooms = rooms(|_| {});
    let (mut ada, mut bob) = (Page::native(&rooms, 3), Page::native(&rooms, 3));
    let mut other = Stays::new(Arc::clone(&rooms), InstanceId::random(), "Chat", 3, None);
    ada.join("lobby", None, 0).unwrap();
    bob.join("lobby", None, 0).unwrap();
    other.take_in(Some(bob.session), Some(&bob.outbox), "lobby", None).unwrap();
    other.away(bob.session, bob.outbox.connection());
    bob.reconnect(&rooms);
    ada.say("lobby", "1");
    // Both say what they had heard before either has heard more.
    bob.back(&[("lobby", 0)]);
    other.back(bob.session, &bob.outbox, &[("lobby".into(), 0)]);
    ada.say("lobby", "2");
    assert_eq!(bob.heard(), "joined 0 true, 1 1, joined 1 true, 2 2");
    // One that finds out late that the older connection is gone does not take the newer one away.
    other.away(bob.session, ConnectionId::random());
    ada.say("lobby", "3");
    assert_eq!(bob.heard(), "3 3");
}

#[test]
fn a_late_joiner_may_ask_for_the_last_events() {
    let rooms = rooms(|_| {});
    let (mut ada, mut bob) = (Page::native(&rooms, 3), Page::native(&rooms, 3));
    ada.join("lobby", None, 0).unwrap();
    for number in 1..=5 {
        ada.say("lobby", &number.to_string());
    }
    let mut check = |since, history, recovered, expected: &[u64]| {
        let joined = bob.join("lobby", since, history).unwrap().0;
        let numbers: Vec<_> = joined.events.iter().map(|(seq, _)| *seq).collect();
        assert_eq!((joined.seq, joined.recovered, numbers.as_slice()), (5, recovered, expected));
    };
    check(None, 0, None, &[]);
    check(None, 2, None, &[4, 5]);
    check(None, usize::MAX, None, &[3, 4, 5]);
    check(Some(2), 0, Some(true), &[3, 4, 5]);
    check(Some(1), 9, Some(false), &[]);
    check(Some(5), 9, Some(true), &[]);
    check(Some(6), 9, Some(false), &[]);
    // What it said itself it does not hear again, unless it asks for what was said.
    assert_eq!(ada.join("lobby", Some(2), 0).unwrap().0.events.len(), 0);
    assert_eq!(ada.join("lobby", None, 9).unwrap().0.events.len(), 3);
    assert_eq!(bob.heard(), "");
}

#[test]
fn there_is_a_bound_to_rooms_and_to_members_and_a_code_that_says_so() {
    let rooms = rooms(|limits| {
        limits.rooms = 2;
        limits.rooms_total = 3;
        limits.room_members = 1;
    });
    let (mut ada, mut bob) = (Page::native(&rooms, 1), Page::native(&rooms, 1));
    let check = |page: &mut Page, name: &str, expected: Option<Code>| {
        assert_eq!(page.join(name, None, 0).err().map(|error| error.code()), expected, "{name}");
    };
    check(&mut ada, "a", None);
    check(&mut ada, "b", None);
    check(&mut ada, "b", None);
    check(&mut ada, "c", Some(Code::TooManyRooms));
    ada.stays.take_in(Some(ada.session), Some(&ada.outbox), "*", None).unwrap();
    check(&mut bob, "a", Some(Code::TooManyRooms));
    check(&mut bob, "d", Some(Code::TooManyRooms));
    assert_eq!(rooms.len(), 3);
    // A room that is only remembered makes way.
    ada.say("a", "1");
    ada.stays.leave(Some(ada.session), "a", false);
    assert_eq!(rooms.len(), 3);
    check(&mut bob, "d", None);
    assert_eq!(rooms.len(), 3);
    drop((ada, bob));
    assert_eq!(rooms.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_empty_room_is_remembered_for_five_minutes_if_there_is_anything_to_remember() {
    let rooms = rooms(|_| {});
    let (mut ada, mut bob) = (Page::native(&rooms, 5), Page::native(&rooms, 5));
    ada.join("quiet", None, 0).unwrap();
    ada.stays.leave_all(Some(ada.session));
    assert_eq!(rooms.len(), 0);
    ada.join("lobby", None, 0).unwrap();
    ada.say("lobby", "1");
    for _ in 0..3 {
        ada.stays.leave_all(Some(ada.session));
        tokio::time::advance(REMEMBERED - Duration::from_secs(1)).await;
        assert_eq!(ada.join("lobby", None, 9).unwrap().0.events.len(), 1);
    }
    ada.stays.leave_all(Some(ada.session));
    tokio::time::advance(REMEMBERED).await;
    bob.join("attic", None, 0).unwrap();
    // It was looked at once while somebody had been there again, so that once more is the end of it.
    tokio::time::advance(REMEMBERED).await;
    bob.join("cellar", None, 0).unwrap();
    assert_eq!(rooms.len(), 2);
    // What was said is forgotten, and its number is not given again.
    let joined = ada.join("lobby", None, 9).unwrap().0;
    assert_eq!((joined.seq, joined.events.len()), (1, 0));
}

#[test]
fn who_does_not_read_holds_little_and_is_told_how_much_is_missing() {
    let rooms = rooms(|_| {});
    let (mut ada, mut bob) = (Page::native(&rooms, 0), Page::native(&rooms, 0));
    ada.join("lobby", None, 0).unwrap();
    bob.join("lobby", None, 0).unwrap();
    let text = "x".repeat(4_000);
    for _ in 0..1_000 {
        ada.say("lobby", &text);
    }
    let waiting: usize = bob.read().iter().map(|frame| frame.to_string().len()).sum();
    assert!(waiting < 140 << 10, "{waiting} bytes waited");
    for _ in 0..1_000 {
        ada.say("lobby", "x");
    }
    let frames = bob.read();
    let missed = frames[0]["payload"]["missed"].as_u64().unwrap();
    assert_eq!((frames.len(), missed), (257, 744));
    assert_eq!(frames[1]["payload"]["seq"], 1_745);
}

#[test]
fn an_instance_hears_what_is_said_where_it_is_but_not_itself() {
    let rooms = rooms(|limits| limits.mailbox = 2);
    let (mine, mut inbox) = mailbox(0, 2);
    let mut ada = Page::native(&rooms, 0);
    ada.stays = Stays::new(Arc::clone(&rooms), ada.instance, "Chat", 0, Some(mine));
    let next = |inbox: &mut Inbox| match inbox.take() {
        Some(Mail::Heard { room, event }) => format!("{} {}", room.name, String::from_utf8_lossy(&event)),
        _ => String::new(),
    };
    ada.join("lobby", None, 0).unwrap();
    let emit = |event: &'static str, is_client| {
        ada.stays.emit("lobby", event.into(), &Origin { is_client, ..ada.origin(true) });
    };
    emit("1", false);
    emit("2", true);
    assert_eq!((next(&mut inbox), next(&mut inbox)), ("lobby 2".to_owned(), String::new()));
    // What it has no time for it does not hear; its client does.
    (3..9).for_each(|_| emit("3", true));
    assert_eq!(rooms.unheard.load(Ordering::Relaxed), 4);
    assert_eq!(ada.read().len(), 8);
    ada.stays.leave_all(Some(ada.session));
    // An instance may be in a room by itself.
    ada.stays.take_in(None, None, "attic", None).unwrap();
    assert_eq!(rooms.len(), 1);
    ada.stays.leave(None, "attic", true);
    assert_eq!(rooms.len(), 0);
}

#[test]
fn older_clients_share_a_state_and_are_told_who_comes_and_goes() {
    let rooms = rooms(|limits| limits.room_state = 100);
    let (mut ada, mut bob) = (Page::new(&rooms, 0, Dialect::LEGACY), Page::new(&rooms, 0, Dialect::LEGACY));
    let mut eve = Page::native(&rooms, 0);
    let begin = |page: &mut Page, state: &str| {
        let (outbox, mut shown) = (Arc::clone(&page.outbox), Value::Null);
        let wanted = Wanted::default();
        let read = |_, state: Vec<u8>| shown = serde_json::from_slice(&state).unwrap();
        page.stays.join(page.session, Some(&outbox), "lobby", wanted, Some(state.as_bytes()), read).unwrap();
        shown
    };
    assert_eq!(begin(&mut ada, r#"{"topic":"hi"}"#), json!({ "topic": "hi" }));
    assert_eq!(begin(&mut bob, r#"{"topic":"mine"}"#), json!({ "topic": "hi" }));
    eve.join("lobby", None, 0).unwrap();
    bob.stays.set_state(bob.session, "lobby", br#"{"topic":"new"}"#).unwrap();
    ada.say("lobby", "hello");
    eve.say("lobby", "there");
    drop(eve);
    assert_eq!(ada.stays.state(ada.session, "lobby").unwrap(), br#"{"topic":"new"}"#);
    let told = |page: &Page| {
        let frames = page.read().into_iter().inspect(|frame| {
            assert_eq!(frame["componentId"], json!(page.instance.to_string()));
        });
        frames
            .map(|frame| format!("{} {}", frame["event"].as_str().unwrap(), frame["data"]))
            .collect::<Vec<_>>()
    };
    let ada_was_told = told(&ada);
    assert!(ada_was_told[0].starts_with("$sub:join") && ada_was_told[0].contains("\"count\":2"));
    assert!(ada_was_told[1].starts_with("$sub:join") && ada_was_told[1].contains("\"count\":3"));
    assert_eq!(ada_was_told[2], r#"$state:update {"topic":"new"}"#);
    assert_eq!(ada_was_told[3], r#"said {"text":"there"}"#);
    assert!(ada_was_told[4].starts_with("$sub:leave") && ada_was_told[4].contains("\"count\":2"));
    assert_eq!(ada_was_told.len(), 5);
    assert_eq!(told(&bob)[1], r#"said {"text":"hello"}"#);
    let refused = bob.stays.set_state(ada.session, "lobby", b"{}").unwrap_err();
    assert_eq!(refused.code(), Code::NotAMember);
    // The state outlives those who are in the room.
    ada.stays.leave_all(Some(ada.session));
    bob.stays.leave_all(Some(bob.session));
    assert_eq!(begin(&mut ada, "{}"), json!({ "topic": "new" }));
}
