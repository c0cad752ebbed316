//! Ranges and conditions, against a table and against a model.

use axum::http::HeaderValue;
use proptest::prelude::*;

use super::*;

/// A file of so many bytes, of the second 1,000,000,000.
fn file(size: u64) -> ObjectInfo {
    let modified = UNIX_EPOCH + Duration::from_millis(1_000_000_000_900);
    ObjectInfo { size, modified, etag: Some("\"a-1\"".to_owned()) }
}

const THEN: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
const EARLIER: &str = "Sun, 09 Sep 2001 01:46:39 GMT";

#[track_caller]
fn check(headers: &[(&'static str, &str)], expected: Wanted) {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    assert_eq!(wanted(&Method::GET, &all, &file(100)), expected, "{headers:?}");
}

#[test]
fn a_range_is_a_part_the_whole_or_beyond() {
    check(&[], Wanted::Whole);
    check(&[("range", "bytes=0-0")], Wanted::Part(0..1));
    check(&[("range", "bytes=10-19")], Wanted::Part(10..20));
    check(&[("range", "bytes=10-")], Wanted::Part(10..100));
    check(&[("range", "bytes=0-")], Wanted::Part(0..100));
    check(&[("range", "bytes=99-1000")], Wanted::Part(99..100));
    check(&[("range", "bytes=-1")], Wanted::Part(99..100));
    check(&[("range", "bytes=-1000")], Wanted::Part(0..100));
    check(&[("range", "Bytes = 1-2")], Wanted::Part(1..3));
    check(&[("range", "bytes=0-18446744073709551615")], Wanted::Part(0..100));
    check(&[("range", "bytes=0-99999999999999999999999")], Wanted::Part(0..100));
    check(&[("range", "bytes=100-")], Wanted::Beyond);
    check(&[("range", "bytes=100-200")], Wanted::Beyond);
    check(&[("range", "bytes=99999999999999999999999-")], Wanted::Beyond);
    check(&[("range", "bytes=-0")], Wanted::Beyond);
    for other in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-4",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=-1-2",
        "bytes=1--2",
        "bytes=0-1,3-4",
        "bytes=0-0,-1",
        "lines=0-1",
        "bytes=0x1-2",
        "bytes=1.0-2",
    ] {
        check(&[("range", other)], Wanted::Whole);
    }
}

#[test]
fn an_empty_file_has_no_parts() {
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"] {
        let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static(range))]);
        assert_eq!(wanted(&Method::GET, &headers, &file(0)), Wanted::Beyond, "{range}");
    }
}

#[test]
fn who_has_it_is_sent_nothing() {
    check(&[("if-none-match", "\"a-1\"")], Wanted::Nothing);
    check(&[("if-none-match", "W/\"a-1\"")], Wanted::Nothing);
    check(&[("if-none-match", "\"b\", \"a-1\"")], Wanted::Nothing);
    check(&[("if-none-match", "*")], Wanted::Nothing);
    check(&[("if-none-match", "\"b\"")], Wanted::Whole);
    check(&[("if-none-match", "a-1")], Wanted::Whole);
    check(&[("if-modified-since", THEN)], Wanted::Nothing);
    check(&[("if-modified-since", EARLIER)], Wanted::Whole);
    check(&[("if-modified-since", "yesterday")], Wanted::Whole);
    // The tag knows better than the date.
    check(&[("if-none-match", "\"b\""), ("if-modified-since", THEN)], Wanted::Whole);
    check(&[("if-none-match", "\"a-1\""), ("range", "bytes=0-1")], Wanted::Nothing);
}

#[test]
fn what_is_not_the_same_file_any_more_is_not_sent_in_parts() {
    let range = ("range", "bytes=0-1");
    check(&[range, ("if-range", "\"a-1\"")], Wanted::Part(0..2));
    check(&[range, ("if-range", "\"b\"")], Wanted::Whole);
    check(&[range, ("if-range", "W/\"a-1\"")], Wanted::Whole);
    check(&[range, ("if-range", THEN)], Wanted::Part(0..2));
    check(&[range, ("if-range", EARLIER)], Wanted::Whole);
    check(&[range, ("if-range", "soon")], Wanted::Whole);
    check(&[("if-match", "\"b\"")], Wanted::Other);
    check(&[("if-match", "\"b\", \"a-1\""), range], Wanted::Part(0..2));
    check(&[("if-match", "*")], Wanted::Whole);
    check(&[("if-unmodified-since", EARLIER)], Wanted::Other);
    check(&[("if-unmodified-since", THEN)], Wanted::Whole);
}

#[test]
fn a_tag_is_one_or_it_is_left_out() {
    #[track_caller]
    fn check(said: &str, is_one: bool) {
        let info = ObjectInfo { etag: Some(said.to_owned()), ..file(1) };
        assert_eq!(etag(&info), is_one.then_some(said));
    }
    check("\"a\"", true);
    check("W/\"a\"", true);
    check("\"\"", true);
    check("a", false);
    check("\"a\"b\"", false);
    check("\"a\r\nset-cookie: b\"", false);
    check("\"", false);
}

proptest! {
    /// The bytes that a part has are those that a range says, counted one by one.
    #[test]
    fn a_part_is_what_the_range_says(size in 0_u64..50, first in 0_u64..60, last in 0_u64..60, form in 0..3) {
        let (text, model): (String, Vec<u64>) = match form {
            0 => (format!("{first}-{last}"), (0..size).filter(|at| (first..=last).contains(at)).collect()),
            1 => (format!("{first}-"), (0..size).filter(|at| *at >= first).collect()),
            _ => (format!("-{last}"), (0..size).filter(|at| at + last >= size).collect()),
        };
        match part(&format!("bytes={text}"), size) {
            Wanted::Part(range) => prop_assert_eq!(range.collect::<Vec<_>>(), model),
            Wanted::Beyond => prop_assert!(model.is_empty()),
            Wanted::Whole => prop_assert!(form == 0 && last < first),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    /// Whatever the header says, a part is in the file.
    #[test]
    fn no_header_reaches_outside(text in r"(bytes)?=?[0-9+ ,=-]{0,30}", size: u64) {
        if let Wanted::Part(range) = part(&text, size) {
            prop_assert!(range.start < range.end && range.end <= size);
        }
    }
}
