//! What a file is by its first bytes.

use super::kinds::{Kind, UNKNOWN, canonical};

/// How many first bytes are looked at.
pub(super) const HEAD: usize = 8 << 10;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// What it is, if that can be seen.
    pub(super) kind: Option<Kind<'static>>,
    /// Whether nothing in it keeps it from being text: it may still be in an encoding that nobody knows.
    pub(super) may_be_text: bool,
}

/// Looks at the first [`HEAD`] bytes. `is_prose` says that a tag at the beginning makes no page of it, as in Markdown.
pub(super) fn sniff(head: &[u8], is_prose: bool) -> Seen {
    let kind = markup(head, is_prose).or_else(|| signature(head));
    Seen { kind, may_be_text: !head.contains(&0) }
}

/// Whether it has none of the bytes that no text has.
fn is_text(head: &[u8]) -> bool {
    head.iter().all(|byte| !matches!(byte, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f))
}

/// Signatures of things that are text themselves. All others mean nothing in a text: `BM` is how a bitmap begins, and
/// how a letter to BMW does.
const TEXTUAL: &[Kind<'static>] =
    &["text/x-shellscript", "application/pdf", "application/rtf", "application/postscript"];

fn signature(head: &[u8]) -> Option<Kind<'static>> {
    let kind = match head {
        // What `infer` leaves out, or finds in two bytes only.
        [b'#', b'!', ..] => "text/x-shellscript",
        [b'{', b'\\', b'r', b't', b'f', ..] => "application/rtf",
        [b'%', b'!', ..] => "application/postscript",
        [b'<', b'?', b'p', b'h', b'p', ..] | [b'<', b'?', b'=', ..] => {
            return Some("application/x-httpd-php");
        }
        [b'd', b'e', b'x', b'\n', b'0', ..] => "application/vnd.android.dex",
        [b'P', b'K', 5, 6, ..] => "application/zip",
        [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => {
            "application/x-mach-binary"
        }
        [0x4c, 0, 0, 0, 1, 0x14, 2, 0, ..] => "application/x-ms-shortcut",
        [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ..] => "application/x-ole-storage",
        [b'O', b'g', b'g', b'S', ..] => "audio/ogg",
        [b'f', b'L', b'a', b'C', ..] => "audio/x-flac",
        // Two bytes of a million kinds of files.
        [0x4c, 1, ..] | [0, 2, ..] | [0x64, 0x86, ..] | [0x30, 0x82, ..] => return None,
        _ => infer::get(head)?.mime_type(),
    };
    let kind = if kind == "application/x-ole-storage" { kind } else { canonical(kind) };
    let counts = if is_text(head) { TEXTUAL.contains(&kind) } else { kind != UNKNOWN };
    counts.then_some(kind)
}

/// Tags that begin nothing but a page. The others may begin a note, too.
const PAGES: &[&str] = &[
    "!doctype html",
    "html",
    "head",
    "script",
    "iframe",
    "body",
    "style",
    "title",
    "frameset",
    "object",
    "embed",
    "meta",
    "link",
    "base",
];
const TAGS: &[&str] = &[
    "h1", "h2", "h3", "div", "font", "table", "a", "b", "br", "p", "i", "img", "form", "input", "span",
    "center", "button", "video", "audio", "details", "template", "math",
];

/// Pages, pictures that are pages, and what else begins with a tag, behind whatever may stand before it.
fn markup(head: &[u8], is_prose: bool) -> Option<Kind<'static>> {
    let text = readable(head);
    let mut rest = text.trim_start_matches(is_blank);
    let mut is_xml = false;
    let mut is_commented = false;
    loop {
        let tag = rest.strip_prefix('<')?;
        let end = if tag.starts_with("!--") {
            is_commented = true;
            rest.find("-->").map(|end| end + 3)
        } else if begins(tag, "?xml") {
            is_xml = true;
            rest.find("?>").map(|end| end + 2)
        } else if tag.starts_with('?') && is_xml {
            rest.find("?>").map(|end| end + 2)
        } else if begins(tag, "!doctype") {
            let name = tag["!doctype".len()..].trim_start_matches(is_blank);
            if begins(name, "html") {
                return Some("text/html");
            }
            if begins(name, "svg") {
                return Some("image/svg+xml");
            }
            is_xml = true;
            // Its definitions are in brackets, with tags of their own.
            rest.find(['>', '[']).and_then(|end| match rest.as_bytes()[end] {
                b'[' => rest
                    .find("]>")
                    .or_else(|| rest.find("] >"))
                    .and_then(|end| rest[end..].find('>').map(|more| end + more + 1)),
                _ => Some(end + 1),
            })
        } else {
            return element(tag, is_xml, is_prose, text.as_str());
        };
        // What does not end here may begin with anything.
        let Some(end) = end else { break };
        rest = rest[end..].trim_start_matches(is_blank);
        if rest.is_empty() || (!rest.starts_with('<') && (is_xml || is_commented)) {
            break;
        }
    }
    let lower = text.to_ascii_lowercase();
    if lower.contains("<svg") {
        Some("image/svg+xml")
    } else if is_xml {
        Some("application/xml")
    } else {
        (is_commented && !is_prose).then_some("text/html")
    }
}

/// What begins with this tag.
fn element(tag: &str, is_xml: bool, is_prose: bool, text: &str) -> Option<Kind<'static>> {
    // A name may have a prefix: `<svg:svg`.
    let name = tag
        .split(|sign: char| !sign.is_ascii_alphanumeric() && !":_-.".contains(sign))
        .next()
        .unwrap_or_default();
    let name = name.to_ascii_lowercase();
    let local = name.rsplit(':').next().unwrap_or_default();
    let is_namespaced = |what: &str| text.contains(what);
    if local == "svg" || (is_xml && is_namespaced("http://www.w3.org/2000/svg")) {
        return Some("image/svg+xml");
    }
    if PAGES.contains(&local) || is_namespaced("http://www.w3.org/1999/xhtml") {
        return Some("text/html");
    }
    if is_xml || name.contains(':') {
        return Some("application/xml");
    }
    (!is_prose && TAGS.contains(&&*name)).then_some("text/html")
}

fn begins(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

fn is_blank(sign: char) -> bool {
    // What some programs put before the first tag, and browsers skip.
    matches!(sign, ' ' | '\t' | '\n' | '\r' | '\u{c}' | '\u{b}' | '\u{feff}' | '\0')
}

/// The bytes as a browser reads them, with what it cannot read replaced; also UTF-16, in which a page can be as well.
fn readable(head: &[u8]) -> String {
    let wide = |of: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| of([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match head {
        [0xff, 0xfe, rest @ ..] => wide(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => wide(u16::from_be_bytes, rest),
        [b'<', 0, ..] => wide(u16::from_le_bytes, head),
        [0, b'<', ..] => wide(u16::from_be_bytes, head),
        _ => String::from_utf8_lossy(head).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_bytes_are_looking_at_them_ends() {
        const PIECES: &[&[u8]] = &[
            b"<",
            b">",
            b"<!",
            b"<!--",
            b"-->",
            b"<?",
            b"<?xml",
            b"?>",
            b"<!DOCTYPE",
            b"[",
            b"]>",
            b"] >",
            b"svg",
            b"html",
            b":",
            b" ",
            b"\0",
            b"\xff\xfe",
            b"\xfe\xff",
            b"\xef\xbb\xbf",
            b"\xc3",
            "ß".as_bytes(),
            "\u{1f468}".as_bytes(),
            b"PK\x03\x04",
            b"%PDF",
            b"#!",
            b"MZ",
            b"<svg",
            b"\x89PNG\r\n\x1a\n",
            b"RIFF",
            b"ftyp",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        ];
        let mut dice = 1_u64;
        let mut below = |end: usize| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) as usize % end
        };
        for _ in 0..50_000 {
            let mut head = Vec::new();
            for _ in 0..below(12) {
                head.extend_from_slice(PIECES[below(PIECES.len())]);
            }
            head.truncate(below(HEAD));
            let seen = sniff(&head, below(2) == 0);
            assert_eq!(seen.may_be_text, !head.contains(&0));
        }
    }
}
