//! What a field takes.

use super::active::{self, Active};
use super::kinds::{Kind, canonical};

/// One entry of what a field takes: `image/png`, `image/*` or `.pdf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accept {
    /// A type, in lower case and without parameters.
    Type(Box<str>),
    /// All types that begin so: `image/`.
    Family(Box<str>),
    /// An extension, in lower case and without its dot.
    Extension(Box<str>),
}

impl Accept {
    /// Reads an entry as an author or an `accept` attribute writes it. `*/*` and what is none of the three are `None`.
    pub(crate) fn parse(entry: &str) -> Option<Self> {
        let entry = entry.trim().to_ascii_lowercase();
        if let Some(extension) = entry.strip_prefix('.') {
            let plain = !extension.is_empty() && extension.bytes().all(|sign| sign.is_ascii_alphanumeric());
            return plain.then(|| Self::Extension(extension.into()));
        }
        let (family, kind) = entry.split(';').next().and_then(|kind| kind.trim_end().split_once('/'))?;
        if family.is_empty() || kind.is_empty() || family == "*" || kind.contains('/') {
            return None;
        }
        Some(if kind == "*" {
            Self::Family(format!("{family}/").into())
        } else {
            Self::Type(format!("{family}/{kind}").into())
        })
    }
}

/// Whether a field takes a file of one of these types, or with this extension. One without entries takes everything.
pub(super) fn takes(accept: &[Accept], kinds: &[Kind<'_>], extension: Option<&str>) -> bool {
    accept.is_empty()
        || accept.iter().any(|entry| match entry {
            Accept::Type(kind) => kinds.iter().any(|it| canonical(it) == canonical(kind)),
            Accept::Family(family) => {
                // Names of one type may be of two families: `video/ogg`, `audio/ogg`.
                kinds.iter().any(|it| it.starts_with(&**family) || canonical(it).starts_with(&**family))
            }
            Accept::Extension(it) => extension == Some(it),
        })
}

/// Whether an author has named what does something when it is opened: by its type, or by its extension.
pub(super) fn names(accept: &[Accept], active: Active, extension: Option<&str>) -> bool {
    accept.iter().any(|entry| match entry {
        Accept::Type(kind) => active::of_kind(kind) == Some(active),
        Accept::Family(_) => false,
        Accept::Extension(it) => {
            let is_its = extension == Some(it);
            // Many formats are XML, and many programs are run by their first line, whatever their name ends in.
            let open =
                matches!(active, Active::Xml | Active::Script) && super::kinds::of_extension(it).is_none();
            is_its
                && (active::of_extension(it) == Some(active) || (open && active::of_extension(it).is_none()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_types_families_and_extensions() {
        let cases: &[(&str, Option<Accept>)] = &[
            ("image/png", Some(Accept::Type("image/png".into()))),
            (" Image/PNG ", Some(Accept::Type("image/png".into()))),
            ("text/plain;charset=utf-8", Some(Accept::Type("text/plain".into()))),
            ("image/*", Some(Accept::Family("image/".into()))),
            (".pdf", Some(Accept::Extension("pdf".into()))),
            (".PDF", Some(Accept::Extension("pdf".into()))),
            ("*/*", None),
            ("*", None),
            ("pdf", None),
            (".", None),
            (".tar.gz", None),
            ("./x", None),
            ("image/", None),
            ("/png", None),
            ("a/b/c", None),
            ("", None),
        ];
        for (text, entry) in cases {
            assert_eq!(Accept::parse(text), *entry, "{text}");
        }
    }
}
