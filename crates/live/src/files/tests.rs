//! Links, and who may read what.

#![expect(clippy::unwrap_used, reason = "a test may unwrap, also where it is not itself the test")]

use std::path::Path;

use tokio::time::advance;

use super::*;
use crate::storage::ObjectStorage;
use crate::storage::object_store::memory::InMemory;

const KEY: &str = "private/00112233445566778899aabbccddeeff/6f1ed002-ab5e-4b3a-a7d4-0242ac120002.png";
const OTHER: &str = "private/00112233445566778899aabbccddeeff/6f1ed002-ab5e-4b3a-a7d4-0242ac120003.png";

fn files(keys: Keys) -> Files {
    Files::new(Arc::new(ObjectStorage::new(InMemory::new())), keys, None)
}

fn year(of: u8) -> Keys {
    Keys::new(format!("20{of}"), [of; 32]).unwrap()
}

/// Whether an address is a good link to the file it names.
fn is_good(files: &Files, address: &str) -> bool {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    files.is_linked(&address.parse().unwrap(), query)
}

#[tokio::test(start_paused = true)]
async fn a_link_is_good_until_it_expires() {
    let files = files(year(26));
    let link = files.link(KEY, Duration::from_secs(60)).unwrap();
    assert!(link.starts_with(&format!("/uploads/{KEY}?until=")), "{link}");
    assert!(is_good(&files, &link));
    advance(Duration::from_secs(59)).await;
    assert!(is_good(&files, &link));
    advance(Duration::from_secs(3)).await;
    assert!(!is_good(&files, &link));
    assert!(is_good(&files, &files.link(&format!("/uploads/{KEY}"), Duration::MAX).unwrap()));
}

#[test]
fn a_link_that_was_changed_is_good_for_nothing() {
    let files = files(year(26));
    let link = files.link(KEY, Duration::from_secs(3_600)).unwrap();
    #[track_caller]
    fn check(files: &Files, link: &str, good: bool) {
        assert_eq!(is_good(files, link), good, "{link}");
    }
    check(&files, &link, true);
    check(&files, &link.replace("/uploads/", "/api/uploads/"), true);
    check(&files, &link.replace('?', "?width=100&"), true);
    check(&files, &link.replace(KEY, OTHER), false);
    check(&files, &link.replace("until=", "until=1"), false);
    check(&files, &link.replace("until=", "until=+"), false);
    check(&files, &link.replace("until=", "until=-"), false);
    check(&files, &link.replace("until=", "until=99999999999999999999"), false);
    check(&files, &link.replace("until", "til"), false);
    check(&files, &link.replace("sig=", "sig=A"), false);
    check(&files, &link.replace("&sig=", "&sig=&sig="), false);
    check(&files, &format!("{link}="), false);
    check(&files, &link[..link.len() - 1], false);
    check(&files, link.split_once('&').unwrap().0, false);
    check(&files, link.split_once('?').unwrap().0, false);
    let (start, signature) = link.rsplit_once('=').unwrap();
    for at in 0..signature.len() {
        let mut wrong = signature.as_bytes().to_vec();
        wrong[at] = if wrong[at] == b'A' { b'E' } else { b'A' };
        check(&files, &format!("{start}={}", String::from_utf8(wrong).unwrap()), false);
    }
}

#[test]
fn a_link_outlives_a_change_of_keys_and_not_the_key() {
    let link = files(year(25)).link(KEY, Duration::from_secs(3_600)).unwrap();
    assert!(is_good(&files(year(26).accept("2025", [25; 32]).unwrap()), &link));
    // Ids are not part of it: what counts is the secret.
    assert!(is_good(&files(Keys::new("other", [25; 32]).unwrap()), &link));
    assert!(!is_good(&files(year(26)), &link));
    assert!(!is_good(&files(Keys::random()), &link));
}

#[test]
fn who_may_read_is_the_owner_and_whom_the_rule_lets() {
    let ada = Key::private("ada", "a.png", "image/png");
    let public = Key::public("a.png", "image/png");
    let storage: Arc<dyn Storage> = Arc::new(ObjectStorage::new(InMemory::new()));
    let rule: MayRead = Arc::new(|request, user| {
        assert!(!request.key.is_public());
        match user {
            Some(user) => user.has_role("admin") && !user.has_role("broken") || panic!("a rule that breaks"),
            None => false,
        }
    });
    let strict = Files::new(Arc::clone(&storage), Keys::random(), None);
    let lenient = Files::new(storage, Keys::random(), Some(rule));
    let admin = Identity::new("root").role("admin");
    /// Who may read a file: without a rule, and with one.
    #[track_caller]
    fn check(files: [&Files; 2], key: &Key, user: Option<&Identity>, expected: [bool; 2]) {
        assert_eq!(files.map(|files| files.may_read(key, user)), expected, "{key} {user:?}");
    }
    let both = [&strict, &lenient];
    check(both, &public, None, [true, true]);
    check(both, &public, Some(&admin), [true, true]);
    check(both, &ada, Some(&Identity::new("ada")), [true, true]);
    check(both, &ada, Some(&admin), [false, true]);
    check(both, &ada, None, [false, false]);
    check(both, &ada, Some(&Identity::new("")), [false, false]);
    // The rule panics for whoever is no admin, and then nobody may.
    check(both, &ada, Some(&Identity::new("bob")), [false, false]);
}

#[tokio::test]
async fn an_application_reads_and_removes_what_it_kept() {
    let files = files(Keys::random());
    let path = std::env::temp_dir().join(format!("fluxstack-live-files-{}", std::process::id()));
    std::fs::write(&path, b"hello").unwrap();
    let key = Key::public("a.txt", "text/plain");
    files.storage().put(&key, Path::new(&path)).await.unwrap();
    assert_eq!(files.read(key.as_str(), 5).await.unwrap(), "hello");
    assert_eq!(files.read(&key.url(), 1_000).await.unwrap(), "hello");
    assert_eq!(files.read(key.as_str(), 4).await.unwrap_err().code(), Code::Invalid);
    assert_eq!(files.open(key.as_str()).await.unwrap().info.size, 5);
    files.delete(key.as_str()).await.unwrap();
    files.delete(key.as_str()).await.unwrap();
    for gone in [key.as_str(), "../../etc/passwd", ""] {
        assert_eq!(files.read(gone, 5).await.unwrap_err().code(), Code::NotFound, "{gone}");
    }
    assert_eq!(files.delete("../x").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(files.link("../x", Duration::from_secs(1)).unwrap_err().code(), Code::NotFound);
}
