//! What is in the folder: what is not ours, what makes no sense, and what nobody wants any more.

use super::*;

#[tokio::test]
async fn what_a_folder_has_that_is_not_ours_is_left_alone() {
    let scratch = Scratch::new();
    drop(scratch.desk());
    let strangers = ["README", "x.part", "0123.json", "../beside"];
    for name in strangers {
        fs::write(scratch.0.join("parts").join(name), "not ours").unwrap();
    }
    let target = scratch.0.join("target");
    fs::write(&target, "not ours").unwrap();
    #[cfg(unix)]
    for ending in ["part", "done", "json", "tmp"] {
        std::os::unix::fs::symlink(&target, scratch.piece(id("link"), ending)).unwrap();
    }
    let desk = scratch.desk_with(|limits| limits.upload_age = Duration::ZERO, |uploads| uploads);
    desk.sweep().unwrap();
    assert!(desk.claim(id("link")).is_none());
    // A link is replaced, and what it leads to stays.
    let file = send(&desk, "link", b"0123").await;
    file.move_to(scratch.0.join("there.txt")).await.unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "not ours");
    for name in strangers {
        assert_eq!(fs::read_to_string(scratch.0.join("parts").join(name)).unwrap(), "not ours");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_not_there() {
    let note = r#"{"name":"notes.txt","kind":"text/plain","size":4,"begun":1}"#;
    let done = format!(
        r#"{{"name":"notes.txt","kind":"","size":4,"begun":1,"done":{{"content_type":"text/plain","extension":null,"sha256":"{}"}}}}"#,
        "0".repeat(64)
    );
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("a part without a note", &[("part", "01")]),
        ("a note alone", &[("json", note)]),
        ("a part that is too long", &[("part", "01234"), ("json", note)]),
        ("a note that is none", &[("part", "01"), ("json", "{")]),
        ("a note that is too long", &[("part", "01"), ("json", &format!("{note}{}", " ".repeat(20_000)))]),
        ("a file that nobody judged", &[("done", "0123"), ("json", note)]),
        ("a file of another size", &[("done", "012"), ("json", &done)]),
        ("a part and a file", &[("part", "01"), ("done", "0123"), ("json", &done)]),
    ];
    for (case, pieces) in cases {
        let scratch = Scratch::new();
        drop(scratch.desk());
        for (ending, text) in *pieces {
            fs::write(scratch.piece(id("a"), ending), text).unwrap();
        }
        let desk = scratch.desk();
        assert!(desk.claim(id("a")).is_none(), "{case}");
        assert_eq!(desk.room().ledger.held(), (0, 0), "{case}");
        assert_eq!(scratch.names(), [""; 0], "{case}");
        assert_eq!(desk.open(resumes("a", 4)).await.unwrap().received, 0, "{case}");
    }
}

#[tokio::test]
async fn what_nobody_wants_for_a_day_is_removed_and_what_somebody_has_is_not() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let sending = desk.open(asks("sending", 4)).await.unwrap();
    drop(desk.open(asks("left", 4)).await.unwrap());
    let held = send(&desk, "held", b"0123").await;
    drop(send(&desk, "dropped", b"0123").await);
    drop(desk.open(asks("young", 4)).await.unwrap());
    fs::write(scratch.piece(id("draft"), "tmp"), "").unwrap();
    let old = std::time::SystemTime::now() - Duration::from_secs(25 * 60 * 60);
    for upload in ["sending", "left", "held", "dropped", "draft"] {
        for ending in ["part", "done", "json", "tmp"] {
            if let Ok(file) = fs::File::options().write(true).open(scratch.piece(id(upload), ending)) {
                file.set_modified(old).unwrap();
            }
        }
    }
    while Arc::strong_count(&desk) > 3 {
        tokio::task::yield_now().await;
    }
    desk.sweep().unwrap();
    let mut left: Vec<String> =
        ["sending.part", "sending.json", "held.done", "held.json", "young.part", "young.json"]
            .iter()
            .map(|it| it.split_once('.').map(|(upload, ending)| format!("{}.{ending}", id(upload))).unwrap())
            .collect();
    left.sort();
    assert_eq!(scratch.names(), left);
    put(&sending.sending, At::Offset(0), b"0123").await.unwrap();
    drop(held);
    desk.sweep().unwrap();
    assert!(desk.claim(id("held")).is_none());
    // Also by a server that starts again.
    fs::File::options()
        .write(true)
        .open(scratch.piece(id("young"), "part"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    fs::File::options()
        .write(true)
        .open(scratch.piece(id("young"), "json"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    drop(sending);
    quiet(&desk).await;
    drop(desk);
    let desk = scratch.desk();
    assert!(desk.claim(id("young")).is_none());
    assert_eq!(desk.room().ledger.held(), (4, 1));
}

#[tokio::test]
async fn what_is_removed_only_in_part_does_not_count_with_what_is_gone() {
    for (stuck, left) in [("part", (4, 1)), ("json", (0, 0))] {
        let scratch = Scratch::new();
        let desk = scratch.desk();
        let opened = desk.open(asks("a", 8)).await.unwrap();
        put(&opened.sending, At::Offset(0), b"0123").await.unwrap();
        desk.room().folder.faults.stick(stuck);
        desk.remove(id("a"));
        drop(opened);
        quiet(&desk).await;
        assert_eq!(desk.room().ledger.held(), left, "{stuck}");
        desk.room().folder.faults.stick("nothing");
        desk.remove(id("a"));
        quiet(&desk).await;
        assert_eq!(desk.room().ledger.held(), (0, 0), "{stuck}");
        assert_eq!(scratch.names(), [""; 0], "{stuck}");
    }
}

#[tokio::test]
async fn nobody_waits_for_a_file_while_it_is_written_to_the_disk_that_it_is_done() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let opened = desk.open(asks("a", 4)).await.unwrap();
    put(&opened.sending, At::Offset(0), b"0123").await.unwrap();
    let (slot, seen) = (desk.room().slot(id("a")), Arc::new(Mutex::new(Vec::new())));
    let (watched, sees) = (Arc::downgrade(&slot), Arc::clone(&seen));
    desk.room().folder.faults.watch(move || {
        sees.lock().unwrap().push(watched.upgrade().unwrap().is_locked());
    });
    complete(&opened.sending, None).await.unwrap();
    // The file, its note, and the folder.
    assert_eq!(*seen.lock().unwrap(), [false; 3]);
}

#[tokio::test]
async fn a_file_whose_folder_cannot_be_synced_is_not_done() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    let opened = desk.open(asks("a", 4)).await.unwrap();
    put(&opened.sending, At::Offset(0), b"0123").await.unwrap();
    let (failing, count) = (Arc::downgrade(&desk), AtomicU64::new(0));
    desk.room().folder.faults.watch(move || {
        let is_folder = count.fetch_add(1, Ordering::SeqCst) == 2;
        failing.upgrade().unwrap().room().folder.faults.fail_to_sync(is_folder);
    });
    assert_eq!(code(complete(&opened.sending, None).await), Code::Internal);
    drop(opened);
    quiet(&desk).await;
    assert_eq!(scratch.names(), [""; 0]);
    assert_eq!(desk.room().ledger.held(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_desk_sweeps_by_the_hour_until_it_is_gone() {
    let scratch = Scratch::new();
    let desk = scratch.desk();
    drop(desk.open(asks("a", 4)).await.unwrap());
    quiet(&desk).await;
    for _ in 0..26 {
        tokio::time::advance(Duration::from_secs(60 * 60)).await;
        // What sweeps is on another thread.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    }
    while !scratch.names().is_empty() {
        tokio::task::yield_now().await;
    }
    quiet(&desk).await;
    let over = desk.over.clone();
    drop(desk);
    assert!(over.is_cancelled());
}
