//! Whether a file is what it is said to be, and whether that is wanted.
//!
//! Three say what a file is: its content, its extension, and whoever sends it. All that say something have to agree. What
//! does something when it is opened is refused unless the field names it, whoever says so of the three.

use super::accept::{self, Accept};
use super::active;
use super::kinds::{self, TEXT, UNKNOWN};
use super::name;
use super::sniff::{Seen, sniff};
use crate::error::{Code, Error};

/// What a file was found to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) content_type: String,
    /// The extension of its name, if nothing speaks against it.
    pub(super) extension: Option<String>,
}

const NOT_TAKEN: &str = "files of this type are not accepted here";
const DOES_SOMETHING: &str = "files that do something when they are opened are not accepted here";
const NOT_WHAT_IT_SAYS: &str = "the file is not of the type that its name or its sender says";

/// What can be said before the first byte is there.
pub(super) fn expect(name: &str, said: &str, rules: &[Accept]) -> Result<(), Error> {
    let extension = name::extension(name);
    let said = kinds::said(said);
    claims(name, extension.as_deref(), said.as_deref(), rules)?;
    let by_name = extension.as_deref().and_then(kinds::of_extension);
    let all: Vec<&str> = said.as_deref().into_iter().chain(by_name).collect();
    // Nobody knows what it will be if neither says anything.
    if all.is_empty() || accept::takes(rules, &all, extension.as_deref()) {
        Ok(())
    } else {
        Err(not(NOT_TAKEN))
    }
}

/// What can be said when all of it is there; `head` are its first bytes.
pub(super) fn judge(head: &[u8], name: &str, said: &str, rules: &[Accept]) -> Result<Judged, Error> {
    let extension = name::extension(name);
    let said = kinds::said(said);
    claims(name, extension.as_deref(), said.as_deref(), rules)?;
    let by_name = extension.as_deref().and_then(kinds::of_extension);
    let is_prose = matches!(extension.as_deref(), Some("md" | "markdown"));
    let Seen { kind: seen, may_be_text } = sniff(head, is_prose);

    if let Some(seen) = seen {
        if let Some(active) = active::of_kind(seen) {
            // Its name may not say something else, even if that something is not taken either.
            let by_extension = extension.as_deref().and_then(active::of_extension);
            let is_hidden = by_name.is_some() || by_extension.is_some_and(|it| it != active);
            if is_hidden || !accept::names(rules, active, extension.as_deref()) {
                return Err(not(DOES_SOMETHING));
            }
        } else {
            let is_other = |kind: &str| {
                kinds::is_known(kind) && !kinds::can_be(kind, seen) && !kinds::can_be(seen, kind)
            };
            let is_other = by_name.is_some_and(is_other) || said.as_deref().is_some_and(is_other);
            // Some of what does something is packed. A picture is no page.
            let is_active = said
                .as_deref()
                .and_then(active::of_kind)
                .or(extension.as_deref().and_then(active::of_extension));
            if is_other || (is_active.is_some() && !kinds::is_container(seen)) {
                return Err(not(NOT_WHAT_IT_SAYS));
            }
        }
    } else {
        let promised = by_name.into_iter().chain(said.as_deref());
        for kind in promised {
            if kinds::is_certain(kind) || (kinds::is_text(kind) && !may_be_text) {
                // A system may say of text that it is a table.
                let is_table = may_be_text && by_name.is_some_and(kinds::is_text);
                if !is_table {
                    return Err(not(NOT_WHAT_IT_SAYS));
                }
            }
        }
    }

    // What is made of something else is called by its own name.
    let is_made_of = |own: &str, seen: &str| match active::of_kind(seen) {
        Some(active) => active::of_kind(own).is_none_or(|own| own == active) && !kinds::is_known(own),
        None => kinds::is_container(seen) && !kinds::is_known(own),
    };
    let own = by_name.or(said.as_deref()).filter(|own| {
        seen.is_none_or(|seen| kinds::can_be(own, seen) || kinds::can_be(seen, own) || is_made_of(own, seen))
    });
    let fallback = if may_be_text && !head.is_empty() { TEXT } else { UNKNOWN };
    let content_type = own.or(seen).unwrap_or(fallback);
    let other = said.as_deref().filter(|said| {
        let fits = |own: &str| kinds::can_be(own, said) || kinds::can_be(said, own) || !kinds::is_known(said);
        own.is_some_and(|own| fits(own) || (kinds::is_text(own) && kinds::is_text(said)))
    });
    let all: Vec<&str> = seen.into_iter().chain(own).chain(other).collect();
    if !accept::takes(rules, &all, extension.as_deref()) {
        return Err(not(NOT_TAKEN));
    }
    Ok(Judged { content_type: content_type.to_owned(), extension })
}

/// What the name and the sender say, by itself and against each other.
fn claims(name: &str, extension: Option<&str>, said: Option<&str>, rules: &[Accept]) -> Result<(), Error> {
    let named = |active| accept::names(rules, active, extension);
    let by_extension = extension.and_then(active::of_extension);
    let by_kind = said.and_then(active::of_kind);
    if by_extension.into_iter().chain(by_kind).any(|active| !named(active)) {
        return Err(not(DOES_SOMETHING));
    }
    if name::inner_extensions(name).any(|inner| active::is_inner_trap(&inner)) {
        return Err(not(DOES_SOMETHING));
    }
    let (Some(extension), Some(said)) = (extension, said) else { return Ok(()) };
    let agree = match (kinds::of_extension(extension), by_extension) {
        (Some(kind), _) => by_kind.is_none() && (!kinds::is_known(said) || kinds::agree(kind, said)),
        (None, Some(active)) => by_kind.map_or(!kinds::is_known(said) || said == TEXT, |it| it == active),
        (None, None) => true,
    };
    if agree { Ok(()) } else { Err(not(NOT_WHAT_IT_SAYS)) }
}

#[cold]
fn not(why: &'static str) -> Error {
    Error::new(Code::UploadType, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0";
    const WEBP: &[u8] = b"RIFF\x24\0\0\0WEBPVP8 ";
    const PDF: &[u8] = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n";
    const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\x08\0abcdefghijklmnopqrstuvwxyz";
    const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0";
    const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0";
    const ELF: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    const EXE: &[u8] = b"MZ\x90\0\x03\0\0\0";
    const MACHO: &[u8] = b"\xcf\xfa\xed\xfe\x07\0\0\x01\0\0\0\0";
    const HTML: &[u8] = b"<!DOCTYPE html><script>alert(1)</script>";
    const SVG: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    const TEXT: &[u8] = b"Dear Sir or Madam,\n";

    /// Judges a file with this content, name and declared type in a field that takes these.
    fn check(rules: &str, name: &str, said: &str, head: &[u8], expected: Result<&str, &str>) {
        let rules: Vec<Accept> =
            rules.split_whitespace().map(|entry| Accept::parse(entry).expect(entry)).collect();
        let judged = expect(name, said, &rules).and_then(|()| judge(head, name, said, &rules));
        let judged = judged.as_ref().map(|judged| judged.content_type.as_str()).map_err(Error::message);
        assert_eq!(judged, expected, "{name} said to be {said:?}, with {:?}", String::from_utf8_lossy(head));
    }

    #[test]
    fn what_is_what_it_says_is_taken_where_it_is_wanted() {
        let cases: &[(&str, &str, &str, &[u8], &str)] = &[
            ("", "a.png", "image/png", PNG, "image/png"),
            ("image/png", "a.png", "image/png", PNG, "image/png"),
            ("image/png", "a.PNG", "Image/PNG; x=y", PNG, "image/png"),
            ("image/*", "a.png", "", PNG, "image/png"),
            (".png", "a.png", "", PNG, "image/png"),
            ("image/*", "a", "", PNG, "image/png"),
            ("image/*", "clipboard", "image/png", PNG, "image/png"),
            ("image/jpg", "a.jpeg", "image/pjpeg", JPEG, "image/jpeg"),
            ("image/*", "a.gif", "image/gif", GIF, "image/gif"),
            ("image/*", "a.webp", "image/webp", WEBP, "image/webp"),
            ("image/* .pdf", "a.pdf", "application/pdf", PDF, "application/pdf"),
            ("", "a.zip", "application/x-zip-compressed", ZIP, "application/zip"),
            (
                ".docx",
                "a.docx",
                "",
                ZIP,
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            ),
            ("", "a.xls", "application/vnd.ms-excel", OLE, "application/vnd.ms-excel"),
            ("", "a.tar.gz", "application/gzip", GZIP, "application/gzip"),
            ("text/plain", "a.txt", "text/plain;charset=utf-8", TEXT, "text/plain"),
            ("text/plain", "a.txt", "text/plain", b"", "text/plain"),
            (
                "text/plain",
                "a.txt",
                "text/plain",
                b"BMW, MZ and ID3: all begin like something else",
                "text/plain",
            ),
            ("text/plain", "a.txt", "text/plain", b"MZ is how programs begin", "text/plain"),
            ("text/plain", "a.txt", "text/plain", b"<3 you", "text/plain"),
            ("text/plain", "latin.txt", "text/plain", b"Gr\xf6\xdfe", "text/plain"),
            ("text/csv", "a.csv", "application/vnd.ms-excel", b"a;b\n1;2\n", "text/csv"),
            (".md", "README.md", "", b"<h1 align=center>Name</h1>", "text/markdown"),
            ("application/json", "a.json", "application/json", b"{}", "application/json"),
            ("", "model.stl", "", b"\0\x01\x02\x03", "application/octet-stream"),
            ("", "map.kmz", "application/vnd.google-earth.kmz", ZIP, "application/vnd.google-earth.kmz"),
            ("image/svg+xml", "a.svg", "image/svg+xml", SVG, "image/svg+xml"),
            (".svg", "a.svg", "", SVG, "image/svg+xml"),
            (".html", "a.html", "text/html", HTML, "text/html"),
            (".gpx", "a.gpx", "application/gpx+xml", b"<?xml version='1.0'?><gpx/>", "application/gpx+xml"),
            (".sh", "a.sh", "application/x-sh", b"#!/bin/sh\n", "application/x-sh"),
            (".exe", "a.exe", "application/x-msdownload", EXE, "application/x-msdownload"),
            ("", "amazon.com.pdf", "application/pdf", PDF, "application/pdf"),
            ("", "logo.svg.png", "image/png", PNG, "image/png"),
            ("", "x.mp4", "video/mp4", b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2mp41", "video/mp4"),
        ];
        for (rules, name, said, head, kind) in cases {
            check(rules, name, said, head, Ok(kind));
        }
    }

    #[test]
    fn what_is_not_wanted_is_not_taken() {
        for (rules, name, said, head) in [
            ("image/png", "a.jpg", "image/jpeg", JPEG),
            ("image/png", "a", "", JPEG),
            ("image/*", "a.pdf", "application/pdf", PDF),
            ("image/*", "a.txt", "text/plain", TEXT),
            (".pdf", "a.png", "image/png", PNG),
            ("text/csv", "a", "", b"\0\x01"),
            ("application/pdf", "a", "", TEXT),
        ] {
            check(rules, name, said, head, Err(NOT_TAKEN));
        }
    }

    #[test]
    fn a_file_that_says_two_things_is_not_taken() {
        for (name, said, head) in [
            ("a.png", "image/jpeg", PNG),
            ("a.pdf", "image/png", PDF),
            ("a.png", "image/png", JPEG),
            ("a.png", "image/png", TEXT),
            ("a.png", "image/png", b""),
            ("a.jpg", "", PNG),
            ("a.pdf", "", TEXT),
            ("a", "image/png", ZIP),
            ("a.txt", "text/plain", b"a\0b"),
            ("a.txt", "text/plain", PNG),
            ("a.txt", "text/plain", PDF),
            ("a.csv", "text/csv", ZIP),
            ("a.docx", "", PDF),
            ("a.zip", "application/zip", OLE),
            ("a.mp4", "video/mp4", PNG),
        ] {
            check("", name, said, head, Err(NOT_WHAT_IT_SAYS));
        }
        check("image/svg+xml", "a.svg", "image/svg+xml", PNG, Err(NOT_WHAT_IT_SAYS));
        check(".svg .png", "a.svg", "", PNG, Err(NOT_WHAT_IT_SAYS));
    }

    #[test]
    fn what_does_something_is_taken_only_by_name() {
        let contents: &[&[u8]] = &[
            HTML,
            SVG,
            ELF,
            EXE,
            MACHO,
            b"#!/bin/sh\nrm -rf /\n",
            b"<?php echo 1;",
            b"<html><body>",
            b"  \r\n\t<HtMl >",
            b"\xef\xbb\xbf<html>",
            b"<!-- x --><script>1</script>",
            b"<!-- x -->\n<!doctype HTML>",
            b"<?xml version='1.0'?><a/>",
            b"<script src=x>",
            b"<?xml version='1.0'?><!DOCTYPE svg PUBLIC 'x' 'y'><svg/>",
            b"<!DOCTYPE svg [<!ENTITY x 'y'>]><svg/>",
            b"<!DOCTYPE x [<!ENTITY y '<a>'>]><svg:svg xmlns:svg='http://www.w3.org/2000/svg'/>",
            b"<?xml version='1.0'?><x:y xmlns:x='http://www.w3.org/1999/xhtml'/>",
            b"<!-- never ends <svg",
            b"<!---->",
            b"\xfe\xff\0<\0s\0v\0g\0>",
            b"\xff\xfe<\0h\0t\0m\0l\0>\0",
            b"<\0h\0t\0m\0l\0>\0",
            b"\0\0<html>",
            b"<h1>x</h1>",
            b"<iframe src=x>",
            b"<img src=x onerror=alert(1)>",
            b"\xca\xfe\xba\xbe\0\0\0\x34\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            b"\0asm\x01\0\0\0",
            b"dex\n035\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            b"\x4c\0\0\0\x01\x14\x02\0\0\0\0\0",
            b"CWS\x0a\x01\x02\x03\x04",
        ];
        for head in contents {
            for (rules, name, said) in [
                ("", "a", ""),
                ("image/*", "a.png", "image/png"),
                ("", "a.png", "image/png"),
                ("text/plain", "a.txt", "text/plain"),
                ("", "a.pdf", "application/pdf"),
                ("", "a.dat", "application/x-thing"),
                (".html .svg .exe .sh image/png", "a.png", "image/png"),
                ("text/html image/svg+xml image/png", "a.png", "image/png"),
            ] {
                check(rules, name, said, head, Err(DOES_SOMETHING));
            }
        }
        for (name, said) in [
            ("a.html", "text/html"),
            ("a.html", ""),
            ("a.svg", "image/svg+xml"),
            ("a.svg", ""),
            ("a.xml", ""),
            ("a", "text/html"),
            ("a", "image/svg+xml"),
            ("a.exe", ""),
            ("a.JS", ""),
            ("a.php", ""),
            ("a.sh", ""),
            ("a.png.exe", "image/png"),
            ("a.jar", ""),
            ("x.php.jpg", "image/jpeg"),
            ("x.PHP.jpg", "image/jpeg"),
            ("x.phtml.png", ""),
            ("x.asp.jpg", ""),
            ("x.exe.png", ""),
            ("x.php .png", ""),
            ("a", "application/x-msdownload"),
            ("a.png", "application/javascript"),
            ("a", "application/soap+xml"),
            ("a.xlsm", ""),
            ("a.svgz", ""),
        ] {
            for head in [PNG, TEXT, ZIP] {
                check("", name, said, head, Err(DOES_SOMETHING));
                check("image/* text/* application/*", name, said, head, Err(DOES_SOMETHING));
            }
        }
    }
}
