//! What types of files there are, as far as we can tell one from another.
//!
//! One type has many names (`image/jpg`, `image/pjpeg`), and some content is of several types at once: every `.docx` is a
//! ZIP file. All names here are in lower case and without parameters.

/// What a file is by its content, by its extension or by what is said.
pub(super) type Kind<'a> = &'a str;

pub(super) const TEXT: Kind<'static> = "text/plain";
pub(super) const UNKNOWN: Kind<'static> = "application/octet-stream";

/// Types that are all the same when somebody says one and means another.
struct Family {
    /// The type that it is called.
    kind: &'static str,
    /// Other names of it.
    names: &'static [&'static str],
    extensions: &'static [&'static str],
    /// What its content may be recognised as, beside itself.
    content: &'static [&'static str],
    /// Whether its content is always recognised: what is not, is none.
    is_certain: bool,
}

const fn certain(
    kind: &'static str,
    names: &'static [&'static str],
    extensions: &'static [&'static str],
    content: &'static [&'static str],
) -> Family {
    Family { kind, names, extensions, content, is_certain: true }
}

const fn vague(
    kind: &'static str,
    names: &'static [&'static str],
    extensions: &'static [&'static str],
    content: &'static [&'static str],
) -> Family {
    Family { kind, names, extensions, content, is_certain: false }
}

const ZIP: &str = "application/zip";
const OLE: &str = "application/x-ole-storage";
const TIFF: &str = "image/tiff";
const MP4: &str = "video/mp4";
const OGG: &str = "audio/ogg";
const MATROSKA: &str = "video/x-matroska";

const FAMILIES: &[Family] = &[
    certain("image/png", &["image/x-png", "image/apng"], &["png", "apng"], &[]),
    certain("image/jpeg", &["image/jpg", "image/pjpeg"], &["jpg", "jpeg", "jpe", "jfif"], &[]),
    certain("image/gif", &[], &["gif"], &[]),
    certain("image/webp", &[], &["webp"], &[]),
    certain("image/bmp", &["image/x-ms-bmp", "image/x-bmp"], &["bmp", "dib"], &[]),
    certain(TIFF, &[], &["tif", "tiff"], &[]),
    certain("image/vnd.adobe.photoshop", &["image/x-photoshop", "application/x-photoshop"], &["psd"], &[]),
    vague("image/vnd.microsoft.icon", &["image/x-icon", "image/ico"], &["ico"], &[]),
    vague(
        "image/heif",
        &["image/heic", "image/heic-sequence", "image/heif-sequence"],
        &["heic", "heif"],
        &[MP4],
    ),
    vague("image/avif", &[], &["avif"], &["image/heif", MP4]),
    vague("image/jxl", &[], &["jxl"], &[]),
    vague("image/jp2", &[], &["jp2"], &[]),
    vague("image/x-canon-cr2", &[], &["cr2"], &[TIFF]),
    vague("image/x-adobe-dng", &[], &["dng", "nef", "arw"], &[TIFF]),
    vague(
        MP4,
        &["video/x-m4v", "video/quicktime", "video/3gpp"],
        &["mp4", "m4v", "mov", "qt", "3gp"],
        &["audio/m4a"],
    ),
    vague("audio/m4a", &["audio/mp4", "audio/x-m4a", "audio/aac", "audio/aacp"], &["m4a", "aac"], &[MP4]),
    certain(MATROSKA, &["video/matroska", "audio/x-matroska"], &["mkv", "mka"], &["video/webm"]),
    certain("video/webm", &["audio/webm"], &["webm"], &[MATROSKA]),
    certain("video/x-msvideo", &["video/avi", "video/msvideo"], &["avi"], &[]),
    vague("video/x-ms-wmv", &["audio/x-ms-wma"], &["wmv", "wma"], &[]),
    vague("video/mpeg", &["video/mp2t"], &["mpg", "mpeg", "m2ts"], &[]),
    vague("audio/mpeg", &["audio/mp3", "audio/x-mp3", "audio/x-mpeg"], &["mp3"], &["audio/m4a"]),
    certain(
        OGG,
        &["video/ogg", "application/ogg", "audio/opus", "audio/vorbis"],
        &["ogg", "oga", "ogv", "opus"],
        &[],
    ),
    certain("audio/x-flac", &["audio/flac"], &["flac"], &[]),
    certain("audio/x-wav", &["audio/wav", "audio/wave", "audio/vnd.wave"], &["wav"], &[]),
    vague("audio/x-aiff", &["audio/aiff"], &["aif", "aiff"], &[]),
    vague("audio/midi", &["audio/mid"], &["mid", "midi"], &[]),
    certain("application/pdf", &["application/x-pdf"], &["pdf"], &[]),
    certain("application/rtf", &["text/rtf", "text/richtext"], &["rtf"], &[]),
    certain("application/postscript", &[], &["ps", "eps"], &[]),
    certain(ZIP, &["application/x-zip-compressed", "application/x-zip", "multipart/x-zip"], &["zip"], &[]),
    certain("application/gzip", &["application/x-gzip", "application/x-tgz"], &["gz", "tgz"], &[]),
    certain("application/x-bzip2", &["application/bzip2"], &["bz2"], &[]),
    certain("application/x-xz", &[], &["xz"], &[]),
    certain("application/zstd", &[], &["zst"], &[]),
    certain("application/x-7z-compressed", &[], &["7z"], &[]),
    certain("application/vnd.rar", &["application/x-rar-compressed", "application/x-rar"], &["rar"], &[]),
    vague("application/x-tar", &[], &["tar"], &[]),
    certain("application/epub+zip", &[], &["epub"], &[ZIP]),
    certain(
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        &[],
        &["docx"],
        &[ZIP],
    ),
    certain("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &[], &["xlsx"], &[ZIP]),
    certain(
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        &[],
        &["pptx"],
        &[ZIP],
    ),
    certain("application/vnd.oasis.opendocument.text", &[], &["odt"], &[ZIP]),
    certain("application/vnd.oasis.opendocument.spreadsheet", &[], &["ods"], &[ZIP]),
    certain("application/vnd.oasis.opendocument.presentation", &[], &["odp"], &[ZIP]),
    certain("application/msword", &[], &["doc"], &[OLE]),
    certain("application/vnd.ms-excel", &["application/msexcel"], &["xls"], &[OLE]),
    certain("application/vnd.ms-powerpoint", &["application/mspowerpoint"], &["ppt"], &[OLE]),
    certain("application/vnd.sqlite3", &["application/x-sqlite3"], &["sqlite", "sqlite3"], &[]),
    vague("application/font-woff", &["font/woff", "font/woff2"], &["woff", "woff2"], &[]),
    vague("application/font-sfnt", &["font/ttf", "font/otf", "font/sfnt"], &["ttf", "otf"], &[]),
];

/// Extensions of what is text, and nothing that anybody runs.
const TEXTS: &[(&str, Kind<'static>)] = &[
    ("txt", TEXT),
    ("text", TEXT),
    ("log", TEXT),
    ("csv", "text/csv"),
    ("tsv", "text/tab-separated-values"),
    ("md", "text/markdown"),
    ("markdown", "text/markdown"),
    ("json", "application/json"),
    ("geojson", "application/geo+json"),
    ("jsonl", "application/jsonl"),
    ("ndjson", "application/x-ndjson"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("toml", "application/toml"),
    ("ini", TEXT),
    ("srt", "application/x-subrip"),
    ("vtt", "text/vtt"),
    ("ics", "text/calendar"),
    ("vcf", "text/vcard"),
    ("css", "text/css"),
];

/// What is said, in lower case and without parameters; `None` if it says nothing.
pub(super) fn said(kind: &str) -> Option<String> {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|sign| sign.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&sign))
    };
    let is_type =
        kind.len() <= 127 && kind.split_once('/').is_some_and(|(family, kind)| token(family) && token(kind));
    (is_type && kind != UNKNOWN && kind != "binary/octet-stream").then_some(kind)
}

/// The one name of a type.
pub(super) fn canonical(kind: Kind<'_>) -> Kind<'_> {
    family(kind).map_or(kind, |family| family.kind)
}

/// What an extension stands for, if we know.
pub(super) fn of_extension(extension: &str) -> Option<Kind<'static>> {
    let family = FAMILIES.iter().find(|family| family.extensions.contains(&extension));
    let text = || TEXTS.iter().find(|(text, _)| *text == extension).map(|(_, kind)| *kind);
    family.map(|family| family.kind).or_else(text)
}

/// Whether this is text that one reads.
pub(super) fn is_text(kind: Kind<'_>) -> bool {
    kind.starts_with("text/") || TEXTS.iter().any(|(_, text)| *text == kind) || kind.ends_with("+json")
}

/// Whether a file of this type can have content that was recognised so.
pub(super) fn can_be(kind: Kind<'_>, content: Kind<'_>) -> bool {
    let content = canonical(content);
    canonical(kind) == content || family(kind).is_some_and(|family| family.content.contains(&content))
}

/// Whether both can be said of one file.
pub(super) fn agree(one: Kind<'_>, other: Kind<'_>) -> bool {
    // Systems say many things of text: `application/vnd.ms-excel` of a CSV file is one of them.
    let loose = |text: Kind<'_>, kind: Kind<'_>| {
        is_text(text) && (is_text(kind) || kind == "application/vnd.ms-excel")
    };
    can_be(one, other) || can_be(other, one) || loose(one, other) || loose(other, one)
}

/// Whether we know this type at all.
pub(super) fn is_known(kind: Kind<'_>) -> bool {
    family(kind).is_some() || is_text(kind)
}

/// Whether content of this type is always recognised.
pub(super) fn is_certain(kind: Kind<'_>) -> bool {
    family(kind).is_some_and(|family| family.is_certain)
}

/// Whether many other types are made of this one.
pub(super) fn is_container(kind: Kind<'_>) -> bool {
    matches!(kind, ZIP | OLE | TIFF | MP4 | "application/gzip" | "application/vnd.sqlite3")
}

fn family(kind: Kind<'_>) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.kind == kind || family.names.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_to_one_type() {
        let names: Vec<&str> =
            FAMILIES.iter().flat_map(|it| std::iter::once(&it.kind).chain(it.names)).copied().collect();
        let extensions: Vec<&str> = FAMILIES
            .iter()
            .flat_map(|it| it.extensions)
            .copied()
            .chain(TEXTS.iter().map(|it| it.0))
            .collect();
        for all in [names, extensions] {
            for (place, name) in all.iter().enumerate() {
                assert!(!all[..place].contains(name), "{name}");
                assert_eq!(*name, name.to_lowercase());
            }
        }
    }

    #[test]
    fn what_is_said_is_read_without_parameters_and_case() {
        let cases: &[(&str, Option<&str>)] = &[
            ("image/png", Some("image/png")),
            ("Image/PNG", Some("image/png")),
            ("text/plain;charset=utf-8", Some("text/plain")),
            (" text/plain ; x=y", Some("text/plain")),
            ("", None),
            ("png", None),
            ("application/octet-stream", None),
            ("image/", None),
            ("a/b/c", None),
            ("image/p\r\nng", None),
            ("<script>/x", None),
        ];
        for (text, kind) in cases {
            assert_eq!(said(text).as_deref(), *kind, "{text:?}");
        }
    }
}
