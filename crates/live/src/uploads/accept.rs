//! What a field takes.

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
