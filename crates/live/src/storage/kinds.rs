//! What kinds of files there are: which name ending, which content type, and what a browser is told to do with it.
//!
//! A file is served by its ending alone, and the ending is one of this table: so what a client calls its file, or
//! says is in it, never becomes a header. What must stay true: nothing in which a browser would run anything is
//! shown. Who adds a row asks what the browser does with the type when it is opened by itself.

/// What becomes of a file that is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// The browser shows it: pictures, sound, moving pictures, plain text. Nothing in them runs.
    Shown,
    /// It is downloaded, under its own type: a browser could show it, but not safely, or not well.
    Downloaded,
    /// It is downloaded as bytes without a type: under its own type it would be a page or a part of one.
    Opaque,
}

use Opened::{Downloaded, Opaque, Shown};

/// What is known of one ending.
#[derive(Debug, PartialEq, Eq)]
struct Kind {
    extension: &'static str,
    content_type: &'static str,
    opened: Opened,
}

const fn kind(extension: &'static str, content_type: &'static str, opened: Opened) -> Kind {
    Kind { extension, content_type, opened }
}

/// What a file without a kind is served as, and one of which nothing more may be said.
const BYTES: &str = "application/octet-stream";

/// All there are. The first of several with one type is the one that is given to files without a name that fits.
const KINDS: &[Kind] = &[
    kind("png", "image/png", Shown),
    kind("jpg", "image/jpeg", Shown),
    kind("jpeg", "image/jpeg", Shown),
    kind("gif", "image/gif", Shown),
    kind("webp", "image/webp", Shown),
    kind("avif", "image/avif", Shown),
    kind("bmp", "image/bmp", Shown),
    kind("ico", "image/x-icon", Shown),
    kind("heic", "image/heic", Downloaded),
    kind("tiff", "image/tiff", Downloaded),
    kind("tif", "image/tiff", Downloaded),
    // In an `<img>` nothing of it runs, and the type must be its own there. By itself it is a page with scripts.
    kind("svg", "image/svg+xml", Downloaded),
    kind("mp4", "video/mp4", Shown),
    kind("m4v", "video/mp4", Shown),
    kind("webm", "video/webm", Shown),
    kind("ogv", "video/ogg", Shown),
    kind("mov", "video/quicktime", Shown),
    kind("mkv", "video/x-matroska", Downloaded),
    kind("avi", "video/x-msvideo", Downloaded),
    kind("mp3", "audio/mpeg", Shown),
    kind("m4a", "audio/mp4", Shown),
    kind("aac", "audio/aac", Shown),
    kind("ogg", "audio/ogg", Shown),
    kind("opus", "audio/ogg", Shown),
    kind("wav", "audio/wav", Shown),
    kind("flac", "audio/flac", Shown),
    kind("txt", "text/plain; charset=utf-8", Shown),
    kind("csv", "text/csv; charset=utf-8", Downloaded),
    kind("md", "text/markdown; charset=utf-8", Downloaded),
    kind("json", "application/json", Downloaded),
    // Scripts in it are harmless in the viewers of today, but they do not open under the sandbox that everything
    // here is served with, and the sandbox is worth more.
    kind("pdf", "application/pdf", Downloaded),
    kind("rtf", "application/rtf", Downloaded),
    kind("epub", "application/epub+zip", Downloaded),
    kind("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Downloaded),
    kind("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Downloaded),
    kind("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation", Downloaded),
    kind("odt", "application/vnd.oasis.opendocument.text", Downloaded),
    kind("ods", "application/vnd.oasis.opendocument.spreadsheet", Downloaded),
    kind("odp", "application/vnd.oasis.opendocument.presentation", Downloaded),
    kind("zip", "application/zip", Downloaded),
    kind("gz", "application/gzip", Downloaded),
    kind("tar", "application/x-tar", Downloaded),
    kind("7z", "application/x-7z-compressed", Downloaded),
    kind("xz", "application/x-xz", Downloaded),
    kind("zst", "application/zstd", Downloaded),
    kind("woff2", "font/woff2", Downloaded),
    kind("html", "text/html", Opaque),
    kind("htm", "text/html", Opaque),
    kind("xhtml", "application/xhtml+xml", Opaque),
    kind("xml", "application/xml", Opaque),
    kind("xml", "text/xml", Opaque),
    kind("js", "text/javascript", Opaque),
    kind("js", "application/javascript", Opaque),
    kind("mjs", "text/javascript", Opaque),
    kind("css", "text/css", Opaque),
    kind("wasm", "application/wasm", Opaque),
    kind("bin", BYTES, Opaque),
];

/// Whether files may end like this.
pub(super) fn is_extension(extension: &str) -> bool {
    of(extension).is_some()
}

/// What a file with this ending is served as.
pub(super) fn content_type(extension: Option<&str>) -> &'static str {
    match extension.and_then(of) {
        Some(kind) if kind.opened != Opaque => kind.content_type,
        _ => BYTES,
    }
}

/// Whether a browser may show a file with this ending.
pub(super) fn is_shown(extension: Option<&str>) -> bool {
    extension.and_then(of).is_some_and(|kind| kind.opened == Shown)
}

/// The ending for a file that somebody calls `name` and that is known to be of `content_type`: its own if that is one
/// of the type, else the type's, else none.
pub(super) fn extension(name: &str, content_type: &str) -> Option<&'static str> {
    let of_type = |kind: &&Kind| essence(kind.content_type).eq_ignore_ascii_case(essence(content_type));
    let own = name.rsplit_once('.').map(|(_, extension)| extension);
    let own = KINDS.iter().filter(|kind| own.is_some_and(|own| kind.extension.eq_ignore_ascii_case(own)));
    // Of plain bytes any name may be true: many kinds have no content that tells.
    let is_unknown = essence(content_type).is_empty() || essence(content_type).eq_ignore_ascii_case(BYTES);
    let found = own.clone().find(of_type).or_else(|| if is_unknown { own.clone().next() } else { None });
    let found = found.or_else(|| if is_unknown { None } else { KINDS.iter().find(of_type) });
    found.map(|kind| kind.extension)
}

fn of(extension: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.extension == extension)
}

/// A content type without what comes after it.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_one_of_ours_or_none() {
        #[track_caller]
        fn check(name: &str, content_type: &str, expected: Option<&str>) {
            assert_eq!(extension(name, content_type), expected, "{name} {content_type}");
        }
        check("photo.png", "image/png", Some("png"));
        check("PHOTO.JPEG", "image/jpeg", Some("jpeg"));
        check("photo", "image/jpeg", Some("jpg"));
        // What is in it decides, not what it is called.
        check("photo.html", "image/png", Some("png"));
        check("page.png", "text/html", Some("html"));
        check("notes.txt", "text/plain", Some("txt"));
        check("notes.txt", "Text/Plain; charset=latin1", Some("txt"));
        check("table.csv", "application/octet-stream", Some("csv"));
        check("table.csv", "", Some("csv"));
        check("setup.exe", "application/octet-stream", None);
        check("setup.exe", "application/x-msdownload", None);
        check("a.../../etc/passwd", "", None);
        check("a.png\0", "", None);
        check(".png", "", Some("png"));
        check("", "", None);
        check("noise.bin", "application/octet-stream", Some("bin"));
    }

    #[test]
    fn nothing_that_runs_is_shown_or_has_its_type() {
        #[track_caller]
        fn check(extension: &str, served: &str, shown: bool) {
            assert_eq!(
                (content_type(Some(extension)), is_shown(Some(extension))),
                (served, shown),
                "{extension}"
            );
        }
        check("png", "image/png", true);
        check("txt", "text/plain; charset=utf-8", true);
        check("svg", "image/svg+xml", false);
        check("pdf", "application/pdf", false);
        for active in ["html", "htm", "xhtml", "xml", "js", "mjs", "css", "wasm"] {
            check(active, BYTES, false);
        }
        check("exe", BYTES, false);
        assert_eq!((content_type(None), is_shown(None)), (BYTES, false));
    }

    #[test]
    fn every_ending_fits_into_a_key() {
        for Kind { extension, content_type, .. } in KINDS {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            assert!((1..=8).contains(&extension.len()) && extension.bytes().all(plain), "{extension}");
            assert!(content_type.is_ascii() && content_type.contains('/'), "{content_type}");
        }
    }
}
