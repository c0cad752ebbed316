//! What becomes of tabs when servers are killed, drained and replaced, when a page is away for long, and when it
//! is copied or loaded anew. What a test does not say is said by the simulation itself: see
//! `fluxstack_live::testing::sim`.

mod ledger;

use std::time::Duration;

use fluxstack_live::testing::sim::{Answer, Cut, Outcome, Sim, Status, Way, explore};
use ledger::{Disk, GRACE, enter, entries, last, ms, opened, reset, settled};
use serde_json::json;

// Servers.

/// Wherever between a call and its answer the server is killed, and however long the store takes.
#[test]
fn a_call_is_done_once_wherever_the_server_is_killed() {
    let report = explore(120, 1, async |moment| {
        let (sim, tab, ledger) = opened(moment, &Disk::default()).await;
        sim.slow_store(ms(moment % 3 * 20));
        let calls = ["a", "b", "c"].map(|entry| enter(&tab, ledger, entry));
        sim.run(ms(moment)).await;
        if moment % 5 == 0 {
            sim.vanish()
        } else {
            sim.kill()
        }
        settled(&sim).await;
        let answers = calls.map(|call| tab.answer(call));
        assert_eq!(answers, [1, 2, 3].map(|total| Answer::Done(json!(total))));
        assert_eq!(entries(&tab, ledger), ["a", "b", "c"]);
        sim.report()
    });
    // Killed before it was done, and after.
    assert!((60..360).contains(&report.resent), "{report}");
    assert!(report.outcomes["rehydrated"] >= 119, "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_the_answer_does_the_call_again_and_one_after_it_does_not() {
    let (sim, tab, ledger) = opened(12, &Disk::default()).await;
    // Done in memory, and on its way into the store: nobody has been told.
    sim.slow_store(Duration::from_secs(3_600));
    let before = enter(&tab, ledger, "a");
    sim.run(ms(300)).await;
    assert_eq!((entries(&tab, ledger), tab.answer(before)), (vec!["a".to_owned()], Answer::Pending));
    sim.kill();
    sim.slow_store(Duration::ZERO);
    sim.start();
    sim.run(ms(1_000)).await;
    assert_eq!(tab.answer(before), Answer::Done(json!(1)));
    // In the store, and its answer lost with the socket.
    tab.lose(Way::Down, 1);
    let after = enter(&tab, ledger, "b");
    sim.run(ms(100)).await;
    assert_eq!(tab.answer(after), Answer::Pending);
    sim.kill();
    settled(&sim).await;
    assert_eq!(tab.answer(after), Answer::Done(json!(2)));
    assert_eq!(entries(&tab, ledger), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drains_answers_what_it_has_heard_and_the_next_one_the_rest() {
    let (sim, tab, ledger) = opened(13, &Disk::default()).await;
    sim.slow_store(ms(30));
    let slow = tab.call(ledger, "enterSlowly", json!({ "entry": "a", "ms": 400 }));
    let behind = enter(&tab, ledger, "b");
    sim.run(ms(100)).await;
    sim.drain();
    let late = enter(&tab, ledger, "c");
    sim.run(ms(700)).await;
    assert_eq!([tab.answer(slow), tab.answer(behind)], [Answer::Done(json!(1)), Answer::Done(json!(2))]);
    assert_eq!(tab.answer(late), Answer::Pending);
    settled(&sim).await;
    assert_eq!(tab.answer(late), Answer::Done(json!(3)));
    assert!(matches!(last(&tab, ledger), Outcome::Rehydrated(_)));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_dies_while_the_server_drains_takes_nothing_with_it() {
    let (sim, tab, ledger) = opened(14, &Disk::default()).await;
    let slow = tab.call(ledger, "enterSlowly", json!({ "entry": "a", "ms": 300 }));
    sim.run(ms(100)).await;
    sim.drain();
    tab.cut(Cut::Both);
    settled(&sim).await;
    assert_eq!(tab.answer(slow), Answer::Done(json!(1)));
}

/// The older connection is asked for a sign of life, and then the server is asked to stop.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_presented_to_a_draining_server_is_not_lost() {
    let (sim, tab, ledger) = opened(15, &Disk::default()).await;
    enter(&tab, ledger, "a");
    sim.settle().await;
    tab.cut(Cut::Tab);
    tab.reload();
    sim.run(ms(500)).await;
    sim.drain();
    settled(&sim).await;
    assert!(matches!(last(&tab, ledger), Outcome::Rehydrated(_)));
    assert_eq!(entries(&tab, ledger), ["a"]);
}

/// Case 12: back faster than the store could write, and lost again on the way back.
#[test]
fn coming_back_again_and_again_before_anything_is_stored_loses_nothing() {
    explore(40, 1, async |seed| {
        let (sim, tab, ledger) = opened(seed, &Disk::default()).await;
        sim.slow_store(ms(60));
        let calls = ["a", "b", "c", "d", "e", "f"].map(|entry| enter(&tab, ledger, entry));
        for round in 0..6 {
            sim.run(ms(10 + seed * round % 90)).await;
            if round % 2 == 0 {
                tab.cut(Cut::Tab)
            } else {
                sim.kill()
            }
            sim.start();
        }
        settled(&sim).await;
        assert!(calls.iter().all(|call| tab.answer(*call).is_done()));
        sim.report()
    });
}

// Absence.

/// Case 11: back after what was kept of it is gone. The page must not look alive meanwhile.
#[tokio::test(start_paused = true)]
async fn an_instance_that_went_to_rest_is_rebuilt_and_looks_stale_until_then() {
    let (sim, tab, ledger) = opened(16, &Disk::default()).await;
    enter(&tab, ledger, "a");
    sim.settle().await;
    tab.sleep(Duration::from_secs(200));
    tab.cut(Cut::Both);
    sim.pass_grace().await;
    sim.slow_store(ms(300));
    tab.wake();
    sim.run(ms(30)).await;
    assert_eq!(tab.status(ledger), Status::Stale);
    let meanwhile = enter(&tab, ledger, "b");
    settled(&sim).await;
    assert!(matches!(last(&tab, ledger), Outcome::Rehydrated(_)));
    assert_eq!(
        (tab.answer(meanwhile), entries(&tab, ledger)),
        (Answer::Done(json!(2)), vec!["a".into(), "b".into()])
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_does_not_wait_for_the_store() {
    let (sim, tab, ledger) = opened(29, &Disk::default()).await;
    sim.slow_store(Duration::from_secs(3_600));
    let entered = enter(&tab, ledger, "a");
    sim.run(ms(100)).await;
    tab.cut(Cut::Both);
    sim.run(ms(1_000)).await;
    // The answer to the call is not there before it is stored; the answer to the return is.
    assert_eq!((tab.status(ledger), tab.answer(entered)), (Status::Live, Answer::Pending));
    sim.slow_store(Duration::ZERO);
    sim.kill();
    settled(&sim).await;
}

#[tokio::test(start_paused = true)]
async fn what_happened_while_a_tab_was_away_is_told_or_counted_however_much_it_is() {
    // This one keeps few events, and lets few of them wait.
    let (sim, tab, ledger) = opened(30, &Disk::of(6)).await;
    tab.call(ledger, "enterSlowly", json!({ "entry": "first", "ms": 300 }));
    for entry in 0..60 {
        enter(&tab, ledger, &entry.to_string());
    }
    sim.run(ms(100)).await;
    tab.sleep(Duration::from_secs(1));
    tab.cut(Cut::Both);
    settled(&sim).await;
    let (events, missed) = tab.events(ledger);
    assert_eq!(events.len() as u64 + missed, 61);
    assert!(missed > 30 && !events.is_empty(), "{missed}");
}

#[test]
fn whoever_comes_back_as_it_goes_to_rest_finds_it() {
    explore(60, 1, async |moment| {
        let (sim, tab, ledger) = opened(moment, &Disk::default()).await;
        sim.slow_store(ms(40));
        let call = tab.call(ledger, "enterSlowly", json!({ "entry": "a", "ms": 20 }));
        tab.sleep(Duration::from_secs(3_600));
        tab.cut(Cut::Both);
        sim.run(GRACE + ms(moment)).await;
        tab.wake();
        settled(&sim).await;
        assert!(tab.answer(call).is_done());
        sim.report()
    });
}

/// Case 10: what was there has expired, and the client must not go on showing it.
#[tokio::test(start_paused = true)]
async fn what_no_store_has_any_more_is_reset_with_the_reason_and_not_shown() {
    let (sim, tab, ledger) = opened(17, &Disk::default()).await;
    enter(&tab, ledger, "a");
    sim.settle().await;
    let before = tab.instance(ledger);
    tab.sleep(Duration::from_secs(3_600));
    tab.cut(Cut::Both);
    sim.pass_grace().await;
    sim.forget().await;
    tab.wake();
    let meanwhile = enter(&tab, ledger, "b");
    settled(&sim).await;
    assert_eq!(last(&tab, ledger), reset("NOTHING_KEPT"));
    assert_ne!(tab.instance(ledger), before);
    assert_eq!(entries(&tab, ledger), [""; 0]);
    // It was meant for what was there; and the page could not know yet that nobody heard it.
    assert_eq!(tab.answer(meanwhile), Answer::InDoubt);
}

/// Case 15: a snapshot that the release before has signed.
#[tokio::test(start_paused = true)]
async fn what_a_tab_kept_brings_it_back_after_the_keys_have_changed() {
    let disk = Disk::with_keys();
    let (sim, tab, ledger) = opened(18, &disk).await;
    enter(&tab, ledger, "a");
    // Until it has been given the snapshot with it.
    sim.run(ms(2_000)).await;
    let before = tab.instance(ledger);
    let rotated = disk.rekeyed(
        ledger::keys("2027").accept("2026", format!("the secret of the year {:>20}", "2026")).unwrap(),
    );
    sim.deploy(move || rotated.live());
    sim.forget().await;
    sim.kill();
    settled(&sim).await;
    assert!(matches!(last(&tab, ledger), Outcome::Rehydrated(_)));
    assert_eq!((tab.instance(ledger), entries(&tab, ledger)), (before, vec!["a".to_owned()]));
    // A release that does not know the keys takes neither the token nor the snapshot.
    let other = disk.rekeyed(ledger::keys("2030"));
    sim.deploy(move || other.live());
    sim.forget().await;
    sim.kill();
    settled(&sim).await;
    assert_eq!(last(&tab, ledger), reset("SNAPSHOT_CORRUPT"));
}

// People.

/// Case 5: a tab is duplicated, and what it keeps with it.
#[tokio::test(start_paused = true)]
async fn a_copy_of_a_tab_does_not_steal() {
    let (sim, tab, ledger) = opened(19, &Disk::default()).await;
    enter(&tab, ledger, "a");
    sim.settle().await;
    let before = tab.instance(ledger);
    let copy = tab.duplicate();
    settled(&sim).await;
    assert_eq!((tab.instance(ledger), tab.outcomes(ledger)), (before.clone(), vec![Outcome::Mounted]));
    assert_eq!(last(&copy, ledger), reset("SESSION_IN_USE"));
    assert_ne!(copy.instance(ledger), before);
    // Each goes its own way, through everything.
    sim.kill();
    enter(&tab, ledger, "b");
    enter(&copy, ledger, "c");
    settled(&sim).await;
    assert_eq!(
        (entries(&tab, ledger), entries(&copy, ledger)),
        (vec!["a".into(), "b".into()], vec!["c".into()])
    );
}

#[tokio::test(start_paused = true)]
async fn two_copies_at_once_do_not_steal_either() {
    let (sim, tab, ledger) = opened(20, &Disk::default()).await;
    let copies = [tab.duplicate(), tab.duplicate()];
    settled(&sim).await;
    assert_eq!(tab.outcomes(ledger), [Outcome::Mounted]);
    assert!(copies.iter().all(|copy| last(copy, ledger) == reset("SESSION_IN_USE")));
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_a_tab_that_is_gone_has_what_it_had() {
    let (sim, tab, ledger) = opened(21, &Disk::default()).await;
    enter(&tab, ledger, "a");
    sim.settle().await;
    let copy = tab.duplicate();
    tab.close();
    settled(&sim).await;
    assert_eq!((last(&copy, ledger), entries(&copy, ledger)), (Outcome::Replayed(1), vec!["a".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_page_loaded_anew_has_what_the_one_before_it_had_and_forgets_what_that_one_asked() {
    let (sim, tab, ledger) = opened(22, &Disk::default()).await;
    enter(&tab, ledger, "a");
    sim.settle().await;
    let before = tab.instance(ledger);
    let asked = enter(&tab, ledger, "b");
    sim.run(ms(1)).await;
    tab.reload();
    let asked_anew = enter(&tab, ledger, "c");
    assert_eq!(tab.shows(ledger), None);
    settled(&sim).await;
    assert_eq!((tab.answer(asked), tab.answer(asked_anew).is_done()), (Answer::InDoubt, true));
    assert_eq!(tab.instance(ledger), before);
    assert!(entries(&tab, ledger).ends_with(&["c".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn frames_of_the_page_before_are_no_sign_that_it_still_lives() {
    let (sim, tab, ledger) = opened(23, &Disk::default()).await;
    enter(&tab, ledger, "a");
    sim.settle().await;
    // The last words of the old page hang in the network.
    tab.delay(Way::Up, ms(900));
    enter(&tab, ledger, "b");
    sim.run(ms(30)).await;
    tab.reload();
    settled(&sim).await;
    assert!(matches!(last(&tab, ledger), Outcome::Replayed(_)), "{:?}", last(&tab, ledger));
}

// Versions.

/// The second version of the ledger, which has one field more, and another name for the first.
mod second {
    use fluxstack_live::prelude::*;

    #[derive(State)]
    #[state(name = "Ledger", version = 2, migrate(LedgerV1))]
    pub struct Ledger {
        pub entries: List<String>,
        pub sum: u64,
        pub colour: String,
    }

    #[wire]
    pub struct LedgerV1 {
        pub entries: Vec<String>,
        pub total: u64,
        pub note: String,
    }

    impl Migrate<LedgerV1> for Ledger {
        fn migrate(&mut self, old: LedgerV1) {
            self.entries = old.entries.into();
            self.sum = old.total;
        }
    }

    impl Component for Ledger {
        type Props = ();
        type Event = ();

        async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
            Ok(Ledger { entries: List::default(), sum: 0, colour: "black".to_owned() })
        }
    }

    #[actions]
    impl Ledger {
        pub fn enter(&mut self, entry: String) -> u64 {
            self.sum += 1;
            self.entries.push(entry);
            self.sum
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_page_goes_on_with_what_a_new_version_made_of_its_state() {
    let disk = Disk::default();
    let (sim, tab, ledger) = opened(24, &disk).await;
    enter(&tab, ledger, "a");
    sim.settle().await;
    assert!(!tab.is_outdated(ledger));
    sim.deploy(move || disk.server().component::<second::Ledger>());
    sim.drain();
    let meanwhile = enter(&tab, ledger, "b");
    settled(&sim).await;
    assert_eq!(tab.answer(meanwhile), Answer::Done(json!(2)));
    assert_eq!(tab.shows(ledger).unwrap(), json!({ "entries": ["a", "b"], "sum": 2, "colour": "black" }));
    assert!(tab.is_outdated(ledger));
    tab.reload();
    settled(&sim).await;
    assert!(!tab.is_outdated(ledger));
    assert_eq!(entries(&tab, ledger), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_page_waits_for_the_server_that_it_was_made_for() {
    let disk = Disk::default();
    let (old, new) = (disk.clone(), disk.clone());
    let sim = ledger::watch(Sim::new(25, move || new.server().component::<second::Ledger>()));
    let tab = sim.tab();
    let ledger = tab.mount("Ledger", "ledger", json!({}));
    sim.settle().await;
    enter(&tab, ledger, "a");
    sim.settle().await;
    // Behind the balancer there is still a server of the version before.
    sim.deploy(move || old.live());
    sim.drain();
    sim.start();
    sim.run(Duration::from_secs(5)).await;
    assert_eq!(tab.status(ledger), Status::Stale);
    let meanwhile = enter(&tab, ledger, "b");
    sim.deploy(move || disk.server().component::<second::Ledger>());
    sim.kill();
    settled(&sim).await;
    assert_eq!(
        (tab.answer(meanwhile), entries(&tab, ledger)),
        (Answer::Done(json!(2)), vec!["a".into(), "b".into()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_field_that_one_version_has_and_the_other_has_not_comes_and_goes() {
    let disk = Disk::default();
    let (sim, tab, ledger) = opened(26, &disk).await;
    for round in 0..4 {
        let disk = disk.clone();
        sim.deploy(move || if round % 2 == 0 { disk.next() } else { disk.live() });
        sim.drain();
        enter(&tab, ledger, &round.to_string());
        settled(&sim).await;
        let colour = tab.shows(ledger).unwrap().get("colour").cloned();
        assert_eq!(colour, (round % 2 == 0).then(|| json!("black")));
    }
    assert_eq!(entries(&tab, ledger), ["0", "1", "2", "3"]);
}
