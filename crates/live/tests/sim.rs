//! The simulator, held to its word: one seed is one history, a great many of them keep every promise, and what is
//! done to a frame or a socket is noticed by whoever is to notice it. What a test does not say is said by the
//! simulation itself: see `fluxstack_live::testing::sim`.

mod ledger;

use std::time::Duration;

use fluxstack_live::testing::sim::{Answer, Corruption, Cut, Outcome, Status, Way, explore};
use ledger::{Disk, enter, entries, last, ms, opened, reset, settled};
use serde_json::json;

// One seed, one history.

#[test]
fn the_same_seed_leaves_the_same_trace() {
    let trace = |seed| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { ledger::schedule(seed).await.0.trace() })
    };
    for seed in 1..=100 {
        let (one, other) = (trace(seed), trace(seed));
        if let Some(at) = (0..one.len()).find(|at| one.get(*at) != other.get(*at)) {
            panic!("seed {seed} parts: {:#?}, {:?}", &one[at.saturating_sub(9)..=at], other.get(at));
        }
        assert_eq!(one.len(), other.len(), "seed {seed}");
    }
}

#[test]
fn three_hundred_schedules_keep_every_promise() {
    let report = explore(300, 1_000, ledger::flawless);
    assert_eq!(report.schedules, 300);
    // They did what they are for.
    assert!(report.acknowledged > 5_000, "{report}");
    assert!(report.corrupted_frames() > 200, "{report}");
    for fault in
        ["kill", "drain", "cut", "cut seen by tab", "cut seen by server", "sleep", "reload", "duplicate"]
    {
        assert!(report.faults.get(fault).is_some_and(|count| *count >= 20), "{fault}: {report}");
    }
    for outcome in ["resumed", "replayed", "rehydrated"] {
        assert!(report.outcomes.get(outcome).is_some_and(|count| *count >= 100), "{outcome}: {report}");
    }
}

// Frames.

#[tokio::test(start_paused = true)]
async fn a_lost_frame_is_noticed_by_the_next_one() {
    let (sim, tab, ledger) = opened(1, &Disk::default()).await;
    tab.lose(Way::Down, 1);
    let lost = enter(&tab, ledger, "a");
    sim.run(ms(100)).await;
    assert_eq!(entries(&tab, ledger), [""; 0]);
    enter(&tab, ledger, "b");
    sim.run(ms(200)).await;
    assert_eq!(entries(&tab, ledger), ["a", "b"]);
    assert_eq!(tab.answer(lost), Answer::Pending, "its answer was in the frame");
    settled(&sim).await;
    assert_eq!(tab.answer(lost), Answer::Done(json!(1)));
    assert_eq!(sim.report().resyncs, 1);
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_loses_an_answer_is_given_up_by_itself() {
    let (sim, tab, ledger) = opened(2, &Disk::default()).await;
    tab.lose(Way::Down, 1);
    let lost = enter(&tab, ledger, "a");
    sim.run(Duration::from_secs(11)).await;
    assert_eq!(tab.answer(lost), Answer::Done(json!(1)));
    assert_eq!(last(&tab, ledger), Outcome::Replayed(2));
    settled(&sim).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_arrived_is_sent_again() {
    let (sim, tab, ledger) = opened(3, &Disk::default()).await;
    tab.lose(Way::Up, 1);
    let lost = enter(&tab, ledger, "a");
    sim.run(Duration::from_secs(11)).await;
    assert_eq!(tab.answer(lost), Answer::Done(json!(1)));
    assert_eq!(last(&tab, ledger), Outcome::Resumed);
    settled(&sim).await;
}

#[tokio::test(start_paused = true)]
async fn late_frames_change_nothing_but_the_time() {
    let (sim, tab, ledger) = opened(4, &Disk::default()).await;
    tab.delay(Way::Up, ms(700));
    tab.delay(Way::Down, ms(700));
    let (one, other) = (enter(&tab, ledger, "a"), enter(&tab, ledger, "b"));
    sim.run(ms(1_300)).await;
    assert_eq!(tab.answer(one), Answer::Pending);
    settled(&sim).await;
    assert_eq!([tab.answer(one), tab.answer(other)], [Answer::Done(json!(1)), Answer::Done(json!(2))]);
    assert_eq!(tab.outcomes(ledger), [Outcome::Mounted]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_twice_is_shown_and_done_once() {
    let (sim, tab, ledger) = opened(5, &Disk::default()).await;
    tab.double(Way::Up);
    enter(&tab, ledger, "a");
    sim.run(ms(100)).await;
    tab.double(Way::Down);
    enter(&tab, ledger, "b");
    settled(&sim).await;
    assert_eq!(entries(&tab, ledger), ["a", "b"]);
    assert_eq!(tab.events(ledger), (vec![json!({ "entry": "a" }), json!({ "entry": "b" })], 0));
    assert_eq!(sim.report().resyncs, 0);
}

/// Case 9 of the peers': an older response after a newer one.
#[tokio::test(start_paused = true)]
async fn an_older_frame_after_a_newer_one_does_not_bring_the_old_state_back() {
    let (sim, tab, ledger) = opened(6, &Disk::default()).await;
    tab.swap(Way::Down);
    enter(&tab, ledger, "a");
    sim.run(ms(5)).await;
    enter(&tab, ledger, "b");
    settled(&sim).await;
    assert_eq!(entries(&tab, ledger), ["a", "b"]);
    // And a slow call is answered before a quick one that was made after it.
    let slow = tab.call(ledger, "enterSlowly", json!({ "entry": "c", "ms": 500 }));
    let quick = enter(&tab, ledger, "d");
    sim.run(ms(400)).await;
    assert_eq!([tab.answer(slow), tab.answer(quick)], [Answer::Pending, Answer::Pending]);
    settled(&sim).await;
    assert_eq!(entries(&tab, ledger), ["a", "b", "c", "d"]);
}

#[test]
fn whatever_byte_changes_no_state_is_shown_that_the_server_did_not_send() {
    let report = explore(150, 1, async |seed| {
        let (sim, tab, ledger) = opened(seed, &Disk::with_keys()).await;
        let board = tab.mount("Board", "board", json!({}));
        sim.run(ms(500)).await;
        for round in 0..4 {
            tab.corrupt(1);
            enter(&tab, ledger, &format!("a{round}"));
            enter(&tab, board, &format!("b{round}"));
            sim.run(ms(300)).await;
        }
        settled(&sim).await;
        sim.report()
    });
    let of = |class| report.corrupted.get(&class).copied().unwrap_or(0);
    assert_eq!(of(Corruption::Undetected), 0, "{report}");
    for class in [Corruption::Unreadable, Corruption::Digest, Corruption::Base, Corruption::Astray] {
        assert!(of(class) >= 1, "{class:?}: {report}");
    }
    let (found, could_be) = report.detected();
    assert_eq!(found, could_be, "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_tab_is_shown_newer_state_and_told_what_it_missed() {
    let (sim, tab, ledger) = opened(27, &Disk::of(6)).await;
    // The answers fill what may be on its way, and what comes after them has to wait.
    tab.delay(Way::Down, Duration::from_secs(2));
    for entry in 0..150 {
        enter(&tab, ledger, &entry.to_string());
        sim.run(ms(5)).await;
    }
    settled(&sim).await;
    assert_eq!(entries(&tab, ledger).len(), 150);
    let (events, missed) = tab.events(ledger);
    assert_eq!(events.len() as u64 + missed, 150);
    assert!(missed > 0);
    assert_eq!(tab.outcomes(ledger), [Outcome::Mounted]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_in_doubt_is_sent_again_like_a_call() {
    let (sim, tab, ledger) = opened(28, &Disk::default()).await;
    tab.lose(Way::Down, 1);
    let written = tab.write(ledger, "note", json!("milk"));
    let refused = tab.write(ledger, "total", json!(7));
    sim.run(ms(100)).await;
    sim.kill();
    settled(&sim).await;
    assert_eq!(tab.answer(written), Answer::Done(json!(null)));
    assert_eq!(tab.answer(refused), Answer::Refused("NOT_WRITABLE".to_owned()));
    assert_eq!(tab.shows(ledger).unwrap()["note"], "milk");
    assert_eq!(sim.report().resent, 2);
}

// Sockets.

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_cut_is_taken_up_again_where_it_was() {
    let (sim, tab, ledger) = opened(7, &Disk::default()).await;
    let instance = tab.instance(ledger);
    tab.cut(Cut::Both);
    sim.run(ms(1)).await;
    assert_eq!(tab.status(ledger), Status::Stale);
    settled(&sim).await;
    assert_eq!((tab.status(ledger), tab.instance(ledger)), (Status::Live, instance));
    assert_eq!(last(&tab, ledger), Outcome::Resumed);
}

/// Case 4: the new socket arrives before the server sees the old one close.
#[tokio::test(start_paused = true)]
async fn the_next_socket_of_a_page_takes_over_while_the_old_one_still_seems_to_be_there() {
    let (sim, tab, ledger) = opened(8, &Disk::default()).await;
    for entry in ["a", "b", "c"] {
        let call = enter(&tab, ledger, entry);
        tab.cut(Cut::Tab);
        sim.run(ms(800)).await;
        assert!(tab.answer(call).is_done());
    }
    settled(&sim).await;
    assert!(
        tab.outcomes(ledger)[1..].iter().all(|told| matches!(told, Outcome::Resumed | Outcome::Replayed(_)))
    );
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_only_the_server_saw_close_is_found_dead_within_three_seconds() {
    let (sim, tab, ledger) = opened(9, &Disk::default()).await;
    tab.cut(Cut::Server);
    let call = enter(&tab, ledger, "a");
    sim.run(ms(3_000)).await;
    assert!(tab.answer(call).is_done());
    settled(&sim).await;
}

/// Case 2: a phone sleeps, and its socket is open but dead.
#[tokio::test(start_paused = true)]
async fn a_tab_that_slept_is_in_step_a_second_after_it_woke() {
    let (sim, tab, ledger) = opened(10, &Disk::default()).await;
    // Shorter than the server's patience: the socket lives on.
    tab.sleep(Duration::from_secs(20));
    let call = enter(&tab, ledger, "a");
    sim.run(Duration::from_secs(21)).await;
    assert!(tab.answer(call).is_done());
    // Longer: it is gone, and the instance rests.
    tab.sleep(Duration::from_secs(600));
    sim.run(Duration::from_secs(601)).await;
    assert!(matches!(last(&tab, ledger), Outcome::Rehydrated(_)));
    // And one that died in silence, which it cannot know before it has asked.
    tab.sleep(Duration::from_secs(60));
    sim.vanish();
    sim.start_in(ms(500));
    sim.run(Duration::from_secs(60)).await;
    let call = enter(&tab, ledger, "b");
    sim.run(ms(3_000)).await;
    assert!(tab.answer(call).is_done());
    settled(&sim).await;
    assert_eq!(entries(&tab, ledger), ["a", "b"]);
}

/// Case 6: what a page says as it connects is not what it said when it was loaded.
#[tokio::test(start_paused = true)]
async fn a_tab_that_comes_back_is_who_it_is_now() {
    let (sim, tab, ledger) = opened(11, &Disk::default()).await;
    let entered = enter(&tab, ledger, "a");
    tab.cut(Cut::Tab);
    tab.speaks("batch,resume");
    settled(&sim).await;
    assert!(tab.answer(entered).is_done());
    // What it missed came as a whole state, and so does what follows.
    enter(&tab, ledger, "b");
    settled(&sim).await;
    assert_eq!(entries(&tab, ledger), ["a", "b"]);
    // Another user does not find what the first one had.
    tab.cut(Cut::Both);
    tab.may_be_reset();
    tab.belongs_to("ada");
    settled(&sim).await;
    assert_eq!(last(&tab, ledger), reset("SESSION_REFUSED"));
    assert_eq!(entries(&tab, ledger), [""; 0]);
}
