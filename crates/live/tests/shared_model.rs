//! Shared instances against a model: whatever sessions do, each joins once and leaves once, nothing that was
//! answered is lost, and nobody stays who is not there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]
#![allow(missing_docs, unreachable_pub, reason = "a test's components are read here and nowhere else")]

mod app;
mod back;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use back::{page, token};
use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Client, Harness};
use serde_json::json;
use tokio::time::Instant;

const SESSIONS: usize = 24;
const HALLS: [&str; 4] = ["a", "b", "c", "d"];
const STEPS: usize = 2_000;
const GRACE: Duration = Duration::from_secs(60);

/// Who is in which hall, as the component was told.
#[derive(Default)]
struct Ledger(Mutex<BTreeMap<(String, String), i64>>);

impl Ledger {
    fn add(&self, hall: &str, session: String, by: i64) {
        let mut book = self.0.lock().unwrap();
        let entry = book.entry((hall.to_owned(), session)).or_default();
        *entry += by;
        assert!((0..=1).contains(entry), "a session is in a hall once or not at all");
    }

    fn members(&self, hall: &str) -> usize {
        let book = self.0.lock().unwrap();
        book.iter().filter(|((of, _), there)| of == hall && **there == 1).count()
    }
}

#[derive(State)]
pub struct Hall {
    pub said: u32,
    pub online: Presence<String>,
    key: String,
}

#[wire]
pub struct HallProps {
    pub key: String,
}

impl Component for Hall {
    type Props = HallProps;
    type Event = ();
    const GRACE: Option<Duration> = Some(GRACE);

    fn scope(props: &HallProps) -> Scope {
        Scope::Shared(props.key.clone())
    }

    async fn mount(props: HallProps, _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Hall { said: 0, online: Presence::default(), key: props.key })
    }

    async fn on_join(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        let session = cx.caller().unwrap().session_id().to_string();
        cx.app::<Arc<Ledger>>()?.add(&self.key, session.clone(), 1);
        self.online.enter(cx, session);
        Ok(())
    }

    async fn on_leave(&mut self, cx: &mut Cx<Self>) {
        let session = cx.caller().unwrap().session_id().to_string();
        cx.app::<Arc<Ledger>>().unwrap().add(&self.key, session, -1);
    }
}

#[actions]
impl Hall {
    pub fn say(&mut self) -> u32 {
        self.said += 1;
        self.said
    }
}

/// A small generator whose numbers follow from its seed (SplitMix64, by Steele, Lea and Flood).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((x ^ (x >> 31)) % sides as u64).unwrap()
    }
}

/// What one page does and knows.
struct Page {
    client: Option<Client>,
    token: String,
    /// The halls it has mounted, under which id, and how often.
    mounted: HashMap<&'static str, (String, usize)>,
    lost: Instant,
}

async fn check(seed: u64) {
    // Pages read only when it is their turn.
    let quiet = |limits: &mut Limits| {
        (limits.ping, limits.write) = (Duration::from_secs(360_000), Duration::from_secs(360_000));
    };
    let ledger = Arc::new(Ledger::default());
    let live =
        Live::builder().component::<Hall>().limits(quiet).provide(Arc::clone(&ledger)).build().unwrap();
    let harness = Harness::new(live);
    let mut dice = Dice(seed);
    let mut pages = Vec::new();
    for number in 0..SESSIONS {
        let client = page(&harness, &format!("p{number}")).await;
        let token = token(&client);
        pages.push(Page { client: Some(client), token, mounted: HashMap::new(), lost: Instant::now() });
    }
    for step in 0..STEPS {
        let at = dice.roll(SESSIONS);
        let hall = HALLS[dice.roll(HALLS.len())];
        let place = format!("seed {seed}, step {step}, page {at}, hall {hall}");
        let what = dice.roll(100);
        let Page { client, token, mounted, lost } = &mut pages[at];
        match (client.as_mut(), what) {
            (Some(there), 0..40) => {
                let Ok(id) = there.mount("Hall", json!({ "key": hall })).await else { panic!("{place}") };
                let (known, times) = mounted.entry(hall).or_default();
                *times += 1;
                known.clone_from(&id);
            }
            (Some(there), 40..60) => {
                let Some((id, times)) = mounted.get_mut(hall) else { continue };
                let id = id.clone();
                *times -= 1;
                if *times == 0 {
                    mounted.remove(hall);
                    there.unmount(&id).await;
                } else {
                    // It is still shown by another handle.
                    there.request(json!({ "type": "COMPONENT_UNMOUNT", "componentId": id })).await;
                }
            }
            (Some(there), 60..85) => {
                let Some((id, _)) = mounted.get(hall) else { continue };
                let before = there.view(id).map_or(0, |view| view["said"].as_u64().unwrap_or_default());
                let said = there.call(id, "say", json!({})).await;
                let said = said.unwrap_or_else(|why| panic!("{place}: {why:?}")).as_u64().unwrap();
                assert!(said > before, "{place}: {said} came after {before}");
            }
            (Some(_), 85..93) => {
                *lost = Instant::now();
                *client = None;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            (None, 0..50) => {
                let mut there = page(&harness, &format!("p{at}")).await;
                let is_taken_up = there.resume_session(token).await.is_ok();
                assert!(is_taken_up, "{place}: the session is not known any more");
                token.clone_from(&there.token());
                for (hall, (id, times)) in mounted.iter_mut() {
                    match there.rejoin("Hall", id, json!({ "key": hall })).await {
                        Ok(answer) => {
                            if let Some(new) = answer["componentId"].as_str() {
                                *id = new.to_owned();
                            }
                        }
                        Err(refused) => {
                            assert_eq!(refused.code, "NOTHING_KEPT", "{place}");
                            *id = there.mount("Hall", json!({ "key": hall })).await.unwrap();
                        }
                    }
                    // As a page would for its other handles of the same hall.
                    for _ in 1..*times {
                        *id = there.mount("Hall", json!({ "key": hall })).await.unwrap();
                    }
                }
                *client = Some(there);
            }
            _ => tokio::time::sleep(Duration::from_secs(dice.roll(20) as u64)).await,
        }
        if step % 50 == 0 {
            // Whatever is due has happened.
            tokio::time::sleep(Duration::from_millis(5)).await;
            for hall in HALLS {
                let is_there = |page: &&Page| {
                    page.mounted.contains_key(hall) && (page.client.is_some() || page.lost.elapsed() < GRACE)
                };
                let expected = pages.iter().filter(is_there).count();
                assert_eq!(ledger.members(hall), expected, "{place}: members of {hall}");
                let looks = pages.iter_mut().find_map(|page| {
                    let (id, _) = page.mounted.get(hall)?;
                    page.client.as_mut().map(|client| (client, id.clone()))
                });
                if let Some((client, id)) = looks {
                    client.settle(&id).await;
                    let view = client.view(&id).unwrap();
                    assert_eq!(view["online"].as_object().unwrap().len(), expected, "{place}: who is shown");
                }
            }
        }
    }
    // Everybody leaves, in one way or another.
    for page in &mut pages {
        page.client = None;
    }
    tokio::time::sleep(2 * GRACE).await;
    assert_eq!(HALLS.map(|hall| ledger.members(hall)), [0; 4], "seed {seed}");
    assert_eq!(harness.live().tasks(), 0, "seed {seed}: an instance is left");
}

#[tokio::test(start_paused = true)]
async fn every_session_joins_once_and_leaves_once_whatever_happens() {
    match std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => check(seed).await,
        None => {
            for seed in 1..=3 {
                check(seed).await;
            }
        }
    }
}
