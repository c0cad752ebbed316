//! The field alone, without a desk.

use serde_json::{Value, json};

use super::sent::Sent;
use super::*;
use crate::error::Code;
use crate::field::Field;
use crate::wire::digest_of;
use fluxstack_live_protocol::SessionId;
use fluxstack_live_protocol::delta::Writer;

fn id(name: &str) -> FileId {
    FileId::new("session", "", name)
}

fn session(number: u128) -> SessionId {
    SessionId::from_u128(number)
}

fn begin(upload: &mut Upload, name: &str, size: u64) -> Result<bool> {
    let (owner, is_resumed) = (session(1), true);
    let (kind, is_sent) = ("text/plain", &|_| true);
    upload.begin(&Begun { id: id(name), turn: size, owner, name, kind, size, is_resumed, is_sent })
}

#[test]
fn what_befell_an_earlier_beginning_is_not_said_of_a_later_one() {
    let mut upload = Upload::any();
    begin(&mut upload, "a", 1).unwrap();
    assert!(!upload.is_later(id("a"), 1));
    begin(&mut upload, "a", 2).unwrap();
    assert!(upload.is_later(id("a"), 1) && !upload.is_later(id("a"), 2) && !upload.is_later(id("b"), 1));
}

fn flush(upload: &mut Upload, sent: &mut Sent) -> Option<Value> {
    let mut scratch = Vec::new();
    let staged = upload.stage(sent, &mut scratch).unwrap();
    Field::commit(upload, "files", sent, &staged, &scratch, &mut Writer::default());
    let written = staged.range.map(|range| serde_json::from_slice(&scratch[range]).unwrap());
    let mut snapshot = Vec::new();
    upload.snapshot(sent, &mut snapshot);
    assert_eq!(Field::digest(upload, sent), digest_of(&snapshot).unwrap());
    written
}

fn names(upload: &Upload) -> Vec<&str> {
    upload.files().iter().map(|file| file.name.as_str()).collect()
}

#[test]
fn a_page_is_told_the_rules_and_how_far_each_file_is() {
    let mut upload = Upload::accept(["image/*", ".PDF"]).max_bytes(100).max_files(2);
    let mut sent = Sent::default();
    let rules = json!({ "accept": ["image/*", ".PDF"], "maxBytes": 100, "maxFiles": 2, "files": [] });
    assert_eq!(flush(&mut upload, &mut sent), Some(rules));
    assert_eq!(flush(&mut upload, &mut sent), None, "nothing changed");
    assert!(begin(&mut upload, "a", 10).unwrap());
    upload.receive(id("a"), 4);
    let told = flush(&mut upload, &mut sent).unwrap();
    let entry = json!({ "id": id("a").to_string(), "name": "a", "type": "text/plain", "size": 10, "received": 4, "status": "sending" });
    assert_eq!(told["files"], json!([entry]));
    upload.receive(id("a"), 10);
    assert_eq!(flush(&mut upload, &mut sent).unwrap()["files"][0]["status"], "checking");
    assert!(upload.fail(id("a"), &Error::new(Code::UploadCorrupt, "no")));
    let told = flush(&mut upload, &mut sent).unwrap();
    let entry = &told["files"][0];
    assert_eq!(
        (&entry["status"], &entry["code"], &entry["error"]),
        (&json!("failed"), &json!("UPLOAD_CORRUPT"), &json!("no"))
    );
}

#[test]
fn any_is_what_says_nothing_and_what_says_everything() {
    for upload in [Upload::any(), Upload::default(), Upload::accept(["image/png", "*/*"])] {
        assert!(upload.accepted().is_empty());
        assert!(upload.rules.shown.is_empty());
    }
}

#[test]
#[should_panic(expected = "`imagepng` is no kind of file")]
fn what_is_no_kind_of_file_is_the_authors_mistake() {
    drop(Upload::accept(["imagepng"]));
}

#[test]
fn so_many_files_and_those_that_failed_make_way() {
    let mut upload = Upload::any().max_bytes(100).max_files(2);
    assert_eq!(begin(&mut upload, "large", 101).unwrap_err().code(), Code::UploadTooLarge);
    for name in ["a", "b"] {
        assert!(begin(&mut upload, name, 10).unwrap());
    }
    assert_eq!(begin(&mut upload, "c", 10).unwrap_err().code(), Code::UploadRefused);
    assert!(!begin(&mut upload, "b", 10).unwrap(), "it goes on");
    for name in ["a", "b"] {
        upload.fail(id(name), &Error::new(Code::UploadCorrupt, "no"));
    }
    for name in ["c", "d"] {
        assert!(begin(&mut upload, name, 10).unwrap());
    }
    assert_eq!(names(&upload), ["b", "c", "d"], "no more of those that failed are shown than may be there");
    assert_eq!(begin(&mut upload, "b", 10).unwrap_err().code(), Code::UploadRefused);
}

#[test]
fn files_whose_entries_are_gone_are_known_after_the_turn_is_kept() {
    let (mut upload, mut sent) = (Upload::any().max_files(3), Sent::default());
    for name in ["a", "b", "c"] {
        begin(&mut upload, name, 10).unwrap();
    }
    flush(&mut upload, &mut sent);
    assert!(upload.remove(&id("a").to_string()));
    assert!(!upload.remove("a"));
    assert_eq!(upload.take_gone(), []);
    // The turn is undone.
    upload.evict(&sent);
    upload.recover(&sent).unwrap();
    assert_eq!(names(&upload), ["a", "b", "c"]);
    flush(&mut upload, &mut sent);
    assert_eq!(upload.take_gone(), []);
    // It is kept, and the author has put another in its place.
    upload = Upload::any();
    begin(&mut upload, "b", 10).unwrap();
    flush(&mut upload, &mut sent);
    assert_eq!(upload.take_gone(), [id("a"), id("c")]);
    assert_eq!(upload.take_gone(), []);
    assert_eq!(upload.take_everything(), [id("b")]);
}

#[test]
fn a_component_that_is_put_back_has_its_rules_and_its_owners_back() {
    let (mut upload, mut sent) = (Upload::accept(["image/png"]).max_files(7).direct(), Sent::default());
    begin(&mut upload, "a", 10).unwrap();
    flush(&mut upload, &mut sent);
    let mut fresh = Upload::any();
    fresh.salvage(&mut upload, &sent);
    fresh.recover(&sent).unwrap();
    assert_eq!(flush(&mut fresh, &mut sent), None);
    assert!(fresh.is_direct());
    fresh.departed(session(2));
    assert_eq!(names(&fresh), ["a"]);
    fresh.departed(session(1));
    assert!(fresh.files().is_empty());
}

#[test]
fn what_is_restored_has_the_rules_of_this_server_and_belongs_to_nobody_yet() {
    let (mut upload, mut sent) = (Upload::any().max_files(7), Sent::default());
    begin(&mut upload, "a", 10).unwrap();
    begin(&mut upload, "b", 10).unwrap();
    flush(&mut upload, &mut sent);
    let mut snapshot = Vec::new();
    upload.snapshot(&sent, &mut snapshot);

    let mut restored = Upload::accept(["image/png"]).max_files(2);
    restored.restore(&snapshot).unwrap();
    assert_eq!(restored.rules.max_files, 2);
    assert_eq!(restored.missing(), [id("a"), id("b")]);
    begin(&mut restored, "b", 10).unwrap();
    restored.disown();
    assert_eq!(names(&restored), ["b"], "whoever went on with it owns it");
    assert!(restored.restore(b"[]").is_err());
}

#[test]
fn nothing_can_be_taken_that_is_not_here() {
    let mut upload = Upload::any();
    assert_eq!(upload.take().err().unwrap().message(), "there is no file: upload one first");
    begin(&mut upload, "a", 10).unwrap();
    assert_eq!(upload.take().err().unwrap().message(), "the file is not here yet: wait until it is done");
    assert_eq!(upload.take_one(&id("a").to_string()).err().unwrap().code(), Code::NotFound);
    assert!(upload.take_all().is_empty());
    assert_eq!(names(&upload), ["a"]);
}
