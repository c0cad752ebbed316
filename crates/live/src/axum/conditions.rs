//! What a request for a file really asks for: all of it, a part, or nothing because it has it already.
//!
//! Knows no files, only what is known of one. What must stay true: a part is one that the file has and is not empty;
//! what cannot be understood is passed over, and the answer is the whole file.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderName, Method, header};

use crate::storage::ObjectInfo;

/// What is to be answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// 200.
    Whole,
    /// 206, with these bytes.
    Part(Range<u64>),
    /// 304.
    Nothing,
    /// 412: it is not what the request is about.
    Other,
    /// 416: it has no such bytes.
    Beyond,
}

/// Whether the answer depends on more than that the file is there.
pub(super) fn has_any(headers: &HeaderMap) -> bool {
    let all = [
        header::RANGE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_UNMODIFIED_SINCE,
    ];
    all.iter().any(|name| headers.contains_key(name))
}

/// What this request wants of this file. The order is that of the standard (RFC 9110, section 13.2.2).
pub(super) fn wanted(method: &Method, headers: &HeaderMap, info: &ObjectInfo) -> Wanted {
    let etag = etag(info);
    if let Some(tags) = text(headers, &header::IF_MATCH) {
        if !names(tags, etag.filter(|etag| !is_weak(etag))) {
            return Wanted::Other;
        }
    } else if date(headers, &header::IF_UNMODIFIED_SINCE).is_some_and(|since| seconds(info.modified) > since)
    {
        return Wanted::Other;
    }
    if let Some(tags) = text(headers, &header::IF_NONE_MATCH) {
        if names(tags, etag) {
            return Wanted::Nothing;
        }
    } else if date(headers, &header::IF_MODIFIED_SINCE).is_some_and(|since| seconds(info.modified) <= since) {
        return Wanted::Nothing;
    }
    // Only a GET has parts.
    if *method != Method::GET || !is_still(headers, info) {
        return Wanted::Whole;
    }
    text(headers, &header::RANGE).map_or(Wanted::Whole, |range| part(range, info.size))
}

/// The file's tag, if it is one.
pub(super) fn etag(info: &ObjectInfo) -> Option<&str> {
    let etag = info.etag.as_deref()?;
    let inner = etag.strip_prefix("W/").unwrap_or(etag).strip_prefix('"')?.strip_suffix('"')?;
    inner.bytes().all(|byte| byte == b'!' || (b'#'..=b'~').contains(&byte)).then_some(etag)
}

/// Whether a part may be sent: not if the rest, which the client has, was of another file.
fn is_still(headers: &HeaderMap, info: &ObjectInfo) -> bool {
    let Some(condition) = headers.get(header::IF_RANGE) else { return true };
    let Ok(condition) = condition.to_str() else { return false };
    if condition.contains('"') {
        return etag(info).is_some_and(|etag| !is_weak(etag) && etag == condition.trim());
    }
    date(headers, &header::IF_RANGE) == Some(seconds(info.modified))
}

/// The bytes that a `Range` header names. Several ranges are answered with the whole file: that is allowed, and
/// everybody who asks for several can do without.
fn part(range: &str, size: u64) -> Wanted {
    let Some((unit, range)) = range.split_once('=') else { return Wanted::Whole };
    let Some((first, last)) = range.trim().split_once('-') else { return Wanted::Whole };
    let (Some(first), Some(last)) = (number(first), number(last)) else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    let range = match (first, last) {
        (None, None) => return Wanted::Whole,
        (Some(first), Some(last)) if last < first => return Wanted::Whole,
        (Some(first), last) => first..last.map_or(size, |last| last.saturating_add(1).min(size)),
        (None, Some(last)) => size.saturating_sub(last)..size,
    };
    if range.is_empty() { Wanted::Beyond } else { Wanted::Part(range) }
}

/// A number as it may stand in a range: digits, or nothing at all, which is `Some(None)`. One that is too large for us
/// is beyond every file.
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    let is_one = text.bytes().all(|byte| byte.is_ascii_digit());
    is_one.then(|| if text.is_empty() { None } else { Some(text.parse().unwrap_or(u64::MAX)) })
}

/// Whether a list of tags names this one. Which of them are weak does not count.
fn names(tags: &str, etag: Option<&str>) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    tags.trim() == "*" || etag.is_some_and(|etag| tags.split(',').any(|tag| strong(tag) == strong(etag)))
}

fn is_weak(etag: &str) -> bool {
    etag.starts_with("W/")
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, name)?).ok()
}

/// As exact as a date in a header is.
fn seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests;
