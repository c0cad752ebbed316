//! `#[state(…)]`: what the author says beyond the fields. On the struct its name and its versions, on a
//! private field that it is kept, on a `pub` one how often it is sent, and whether it is read in part.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::spanned::Spanned as _;
use syn::{Attribute, DeriveInput, Field, Ident, LitInt, LitStr, Token, Type, Visibility};

use crate::case::Complaints;
use crate::requires::{self, Requirement};

/// What stands on the struct.
pub(crate) struct Settings {
    /// The name clients mount it by.
    pub(crate) name: LitStr,
    /// The version of its shape.
    pub(crate) version: u32,
    /// The oldest page it serves.
    pub(crate) serves: u32,
    /// The oldest version it can be restored from.
    pub(crate) oldest: u32,
    /// The shapes it had, from that version to the one before the present.
    pub(crate) former: Vec<Type>,
    /// Who may have an instance.
    pub(crate) requires: Vec<Requirement>,
}

/// A version, and where it was written.
#[derive(Clone, Copy)]
struct Version {
    number: u32,
    span: Span,
}

/// `migrate(from = 2, CounterV2, CounterV3)`.
struct Migrations {
    span: Span,
    from: Option<Version>,
    former: Vec<Type>,
}

/// Reads what stands on the struct; what is refused counts as not said.
pub(crate) fn of_struct(input: &DeriveInput, complaints: &mut Complaints) -> Settings {
    let mut name = LitStr::new(&input.ident.unraw().to_string(), input.ident.span());
    let (mut version, mut serves, mut migrations) = (None, None, None);
    let mut required = Vec::new();
    for attribute in ours(&input.attrs) {
        let parsed = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                name = read_name(&meta)?;
            } else if meta.path.is_ident("version") {
                version = Some(read_version(meta.value()?)?);
            } else if meta.path.is_ident("serves") {
                serves = Some(read_version(meta.value()?)?);
            } else if meta.path.is_ident("migrate") {
                migrations = Some(read_migrations(&meta)?);
            } else if meta.path.is_ident("requires") {
                required.extend(read_requires(&meta)?);
            } else if meta.path.is_ident("keep") {
                return Err(meta.error("`keep` belongs on a private field: a `pub` one is kept anyway"));
            } else if meta.path.is_ident("every_ms") {
                return Err(meta.error("`every_ms` belongs on a `pub` field that changes often"));
            } else if meta.path.is_ident("window") {
                return Err(meta.error("`window` belongs on a `pub` field that is a long `List`"));
            } else {
                return Err(meta.error(
                    "`#[state(…)]` takes `name = \"…\"`, `version = 2`, `serves = 1`, `migrate(…)` and `requires(…)`",
                ));
            }
            Ok(())
        });
        if let Err(error) = parsed {
            complaints.push(error.span(), error);
            // Half of what was said is not judged: the complaint above may be the reason why.
            return Settings {
                name,
                version: 1,
                serves: 1,
                oldest: 1,
                former: Vec::new(),
                requires: Vec::new(),
            };
        }
    }
    let present = version.map_or(1, |version| version.number);
    if let Some(serves) = serves.filter(|serves| serves.number > present) {
        complaints.push(
            serves.span,
            format!(
                "there are no pages of version {} yet: `serves` is at most the version, {present}",
                serves.number
            ),
        );
    }
    let serves = serves.map_or(present.saturating_sub(1).max(1), |serves| serves.number.min(present));
    let complaint = match (&migrations, version) {
        (Some(migrations), _) => judge(migrations, present, &input.ident),
        (None, Some(version)) if present > 1 => Some((version.span, unlisted(present, &input.ident))),
        _ => None,
    };
    let migrations = migrations.filter(|_| complaint.is_none());
    if let Some((span, message)) = complaint {
        complaints.push(span, message);
    }
    let (oldest, former) = match migrations {
        Some(Migrations { from, former, .. }) => (from.map_or(1, |from| from.number), former),
        None => (present, Vec::new()),
    };
    Settings { name, version: present, serves, oldest, former, requires: required }
}

/// What stands on a field.
#[derive(Default)]
pub(crate) struct OfField {
    /// Whether it is to be kept.
    pub(crate) keep: bool,
    /// How many milliseconds have to be between two times it is sent.
    pub(crate) every: Option<u16>,
    /// Whether clients read it in part.
    pub(crate) window: bool,
}

/// Reads what stands on a field; what is refused counts as not said.
pub(crate) fn of_field(field: &Field, complaints: &mut Complaints) -> OfField {
    let (mut keep, mut every, mut window) = (None, None, None);
    for attribute in ours(&field.attrs) {
        let parsed = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("every_ms") {
                // First, so that it counts as said even if the number is none.
                every = Some((meta.path.span(), None));
                every = Some((meta.path.span(), Some(read_interval(meta.value()?)?)));
                return Ok(());
            }
            if meta.path.is_ident("window") {
                window = Some(meta.path.span());
                if meta.input.peek(Token![=]) {
                    return Err(meta.error("`window` says all there is to say: drop what follows it"));
                }
                return Ok(());
            }
            if !meta.path.is_ident("keep") {
                return Err(meta.error(
                    "on a field there is `keep` if it is private, and `every_ms = 16` or `window` if it is `pub`",
                ));
            }
            keep = Some(meta.path.span());
            if meta.input.is_empty() {
                return Ok(());
            }
            Err(meta.error("write `#[state(keep)]`, and nothing beside it"))
        });
        if let Err(error) = parsed {
            complaints.push(error.span(), error);
        }
    }
    let is_pub = matches!(field.vis, Visibility::Public(_));
    if let (Some(span), true) = (keep, is_pub) {
        complaints.push(span, "a `pub` field is always kept: drop the `#[state(keep)]`");
    }
    if let (Some((span, _)), false) = (every, is_pub) {
        complaints.push(span, "a private field is never sent: drop the `every_ms`, or make the field `pub`");
    }
    if let (Some(span), false) = (window, is_pub) {
        complaints.push(span, "a private field is never sent: drop the `window`, or make the field `pub`");
    }
    OfField {
        keep: keep.is_some() && !is_pub,
        every: every.and_then(|(_, every)| every).filter(|_| is_pub),
        window: window.is_some() && is_pub,
    }
}

fn ours(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("state"))
}

fn read_name(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    let name: LitStr = meta.value()?.parse()?;
    let text = name.value();
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
    if begins && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
        return Ok(name);
    }
    Err(syn::Error::new(
        name.span(),
        "the name becomes a name in TypeScript: letters, digits and `_`, beginning with a letter",
    ))
}

fn read_requires(meta: &ParseNestedMeta<'_>) -> syn::Result<Vec<Requirement>> {
    if !meta.input.peek(syn::token::Paren) {
        return Err(meta.error("say what is required, in parentheses: `requires(signed_in)`"));
    }
    let list;
    syn::parenthesized!(list in meta.input);
    requires::list(&list)
}

fn read_version(input: ParseStream<'_>) -> syn::Result<Version> {
    // The shapes are counted when the program is compiled, so a constant's name will not do.
    let literal: LitInt =
        input.parse().map_err(|error| syn::Error::new(error.span(), "write the number itself, such as 2"))?;
    match literal.base10_parse()? {
        0 => Err(syn::Error::new(literal.span(), "versions begin with 1")),
        number => Ok(Version { number, span: literal.span() }),
    }
}

/// Milliseconds between two times a field is sent.
fn read_interval(input: ParseStream<'_>) -> syn::Result<u16> {
    /// Whoever looks at a screen for so long without a change takes it for broken.
    const MOST: u16 = 60_000;
    let wanted = "write the number of milliseconds itself, from 1 to 60000, such as 16";
    let literal: LitInt = input.parse().map_err(|error| syn::Error::new(error.span(), wanted))?;
    match literal.base10_parse::<u64>() {
        Ok(0) => Err(syn::Error::new(
            literal.span(),
            "a field is sent every turn unless there is something between: drop the `every_ms`, or write at least 1",
        )),
        Ok(number) if literal.suffix().is_empty() => match u16::try_from(number) {
            Ok(every) if every <= MOST => Ok(every),
            _ => Err(syn::Error::new(literal.span(), format!("at most {MOST}, which is a minute"))),
        },
        _ => Err(syn::Error::new(literal.span(), wanted)),
    }
}

fn read_migrations(meta: &ParseNestedMeta<'_>) -> syn::Result<Migrations> {
    let mut migrations = Migrations { span: meta.path.span(), from: None, former: Vec::new() };
    if !meta.input.peek(syn::token::Paren) {
        return Err(
            meta.error("list the older shapes in parentheses, oldest first: `migrate(CounterV1, CounterV2)`")
        );
    }
    let list;
    syn::parenthesized!(list in meta.input);
    while !list.is_empty() {
        if list.peek(Ident) && list.peek2(Token![=]) {
            let word: Ident = list.parse()?;
            if word != "from" || !migrations.former.is_empty() {
                return Err(syn::Error::new(
                    word.span(),
                    "before the shapes there may be `from = 2`, the oldest version that is read, and nothing else",
                ));
            }
            list.parse::<Token![=]>()?;
            migrations.from = Some(read_version(&list)?);
        } else {
            migrations.former.push(list.parse()?);
        }
        if !list.is_empty() {
            list.parse::<Token![,]>()?;
        }
    }
    Ok(migrations)
}

/// What is wrong with the list, and where.
fn judge(migrations: &Migrations, present: u32, owner: &Ident) -> Option<(Span, String)> {
    let Migrations { span, from, former } = migrations;
    let first = from.map_or(1, |from| from.number);
    if let Some(Version { span, .. }) = from.filter(|from| from.number > present) {
        let message =
            format!("`from` is the oldest version that is still read, at most the present one, {present}");
        return Some((span, message));
    }
    let wanted = (present - first) as usize;
    if let Some(extra) = former.get(wanted) {
        let older = match (present, first) {
            (1, _) => "version 1 is the first".to_owned(),
            (_, first) if first == present => format!("nothing older than version {present} is read"),
            (_, first) => format!("what was in {} is listed already", versions(first, present - 1)),
        };
        let next = first as usize + former.len();
        return Some((
            extra.span(),
            format!("{older}, and this is one more: drop it, or raise `version` to {next}"),
        ));
    }
    if former.len() == wanted {
        return None;
    }
    let begun = first + former.len() as u32;
    let complete = suggestion(first, present, former, owner);
    let shorter = present - former.len() as u32;
    let fewer = suggestion(shorter, present, former, owner);
    Some((
        *span,
        format!(
            "no shape is listed for {}: write `{complete}`, the oldest first, or `{fewer}` if states older than version {shorter} may be thrown away",
            versions(begun, present - 1),
        ),
    ))
}

/// What to say if nothing is said of older versions.
fn unlisted(present: u32, owner: &Ident) -> String {
    format!(
        "tell what the state was in {}: write `{}` with a `#[wire]` struct for each, or `{}` to throw older states away",
        versions(1, present - 1),
        suggestion(1, present, &[], owner),
        suggestion(present, present, &[], owner),
    )
}

/// `version 1`, `versions 1 and 2`, `versions 1 to 3`.
fn versions(first: u32, last: u32) -> String {
    match last.saturating_sub(first) {
        0 => format!("version {first}"),
        1 => format!("versions {first} and {last}"),
        _ => format!("versions {first} to {last}"),
    }
}

/// A list that is complete, with names for the shapes that have none yet.
fn suggestion(first: u32, present: u32, former: &[Type], owner: &Ident) -> String {
    /// More than these are left to the author's imagination.
    const MOST: u32 = 6;
    let mut parts = Vec::new();
    if first > 1 {
        parts.push(format!("from = {first}"));
    }
    parts.extend(former.iter().map(shown));
    let named = first + former.len() as u32;
    parts.extend((named..present).take(MOST as usize).map(|version| format!("{}V{version}", owner.unraw())));
    if present.saturating_sub(named) > MOST {
        parts.push("…".into());
    }
    format!("migrate({})", parts.join(", "))
}

/// A type as its author wrote it, near enough.
pub(crate) fn shown(ty: &Type) -> String {
    let tight = [(" :: ", "::"), (" <", "<"), ("< ", "<"), (" >", ">"), (" ,", ",")];
    let text = ty.to_token_stream().to_string();
    tight.iter().fold(text, |text, (loose, tight)| text.replace(loose, tight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_shown_as_it_was_written() {
        for text in ["CounterV1", "before::first::Counter", "crate::Map<String, Vec<u8>>"] {
            assert_eq!(shown(&syn::parse_str(text).unwrap()), text);
        }
    }

    #[test]
    fn versions_are_counted_as_people_count() {
        assert_eq!(
            [versions(1, 1), versions(2, 3), versions(1, 9)],
            ["version 1", "versions 2 and 3", "versions 1 to 9"]
        );
    }
}
