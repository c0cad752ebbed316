//! How `live.gen.ts` is laid out. Takes `ts-rs` declarations apart and writes them as people would.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{ComponentShape, Declared, MAY_BE_LEFT_OUT};

const HEAD: &str = "\
// Generated from the Rust components. Do not edit: run `cargo xtask types`.
";

pub(super) fn file(
    components: &[ComponentShape],
    imported: &BTreeSet<&'static str>,
    declared: &BTreeMap<String, Declared>,
) -> String {
    let mut out = HEAD.to_owned();
    let imported: String = imported.iter().map(|name| format!(", type {name}")).collect();
    line(&mut out, format_args!("import {{ component, type Component{imported} }} from '@fluxstack/client'"));
    for (name, declared) in declared {
        out.push('\n');
        comment(&mut out, "", &declared.docs);
        declaration(&mut out, name, declared);
    }
    for component in components {
        out.push('\n');
        shape(&mut out, component);
    }
    out.push_str("\ndeclare module '@fluxstack/client' {\n  interface Components {\n");
    for ComponentShape { name, .. } in components {
        line(&mut out, format_args!("    {name}: {name}Shape"));
    }
    out.push_str("  }\n}\n");
    out
}

fn shape(out: &mut String, component: &ComponentShape) {
    let ComponentShape { name, version, docs, props, state, actions, event } = component;
    comment(out, "", docs);
    line(out, format_args!("export interface {name}Shape {{"));
    line(out, format_args!("  props: {}", props.as_deref().unwrap_or("Record<string, never>")));
    block(out, "state", state, |out, field| {
        comment(out, "    ", field.docs);
        line(out, format_args!("    {}: {}", key(field.name), field.ty));
    });
    let writable: Vec<_> = state.iter().filter(|field| field.writable).collect();
    block(out, "writable", &writable, |out, field| {
        line(out, format_args!("    {}: {}", key(field.name), field.ty));
    });
    block(out, "actions", actions, |out, action| {
        comment(out, "    ", action.docs);
        let arguments: Vec<_> = action
            .args
            .iter()
            .map(|(name, ty, optional)| format!("{}{}: {ty}", key(name), if *optional { "?" } else { "" }))
            .collect();
        let arguments = match arguments.as_slice() {
            [] => String::new(),
            arguments => format!("args: {{ {} }}", arguments.join("; ")),
        };
        line(out, format_args!("    {}({arguments}): {}", action.name, action.result));
    });
    line(out, format_args!("  event: {}", event.as_deref().unwrap_or("never")));
    line(out, format_args!("}}"));
    // A page that says nothing was made for the first version.
    let schema = if *version > 1 { format!(", {version}") } else { String::new() };
    line(
        out,
        format_args!(
            "export const {name}: Component<{name}Shape> = component<{name}Shape>('{name}'{schema})"
        ),
    );
}

fn block<T>(out: &mut String, name: &str, items: &[T], write: impl Fn(&mut String, &T)) {
    if items.is_empty() {
        return line(out, format_args!("  {name}: {{}}"));
    }
    line(out, format_args!("  {name}: {{"));
    items.iter().for_each(|item| write(out, item));
    line(out, format_args!("  }}"));
}

fn line(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    writeln!(out, "{arguments}").expect("a String takes every letter");
}

/// A doc comment, if there is one.
fn comment(out: &mut String, indent: &str, text: &str) {
    let text = text.trim().replace("*/", "*\\/");
    if text.is_empty() {
        return;
    }
    if !text.contains('\n') {
        return line(out, format_args!("{indent}/** {text} */"));
    }
    line(out, format_args!("{indent}/**"));
    for text in text.lines() {
        line(out, format_args!("{}", format!("{indent} * {text}").trim_end()));
    }
    line(out, format_args!("{indent} */"));
}

/// The text of a doc comment as `ts-rs` writes it.
pub(super) fn uncomment(comment: &str) -> String {
    let inner = comment.trim().trim_start_matches("/**").trim_end_matches("*/");
    let lines = inner.lines().map(|line| {
        let line = line.trim();
        line.strip_prefix('*').map_or(line, |line| line.strip_prefix(' ').unwrap_or(line))
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// A name as the key of an object type.
fn key(name: &str) -> String {
    let mut letters = name.chars();
    let plain = letters.next().is_some_and(|first| first.is_alphabetic() || first == '_' || first == '$')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$');
    if plain { name.to_owned() } else { format!("'{name}'") }
}

/// A type as it stands in a sentence of ours: one line, single quotes.
pub(super) fn type_name(ty: &str) -> String {
    quotes(ty).replace(MAY_BE_LEFT_OUT, "")
}

fn quotes(ty: &str) -> String {
    if ty.contains('\'') { ty.to_owned() } else { ty.replace('"', "'") }
}

/// One field of an object type.
struct Member {
    docs: String,
    key: String,
    ty: String,
}

fn declaration(out: &mut String, name: &str, declared: &Declared) {
    let marker = format!(": {MAY_BE_LEFT_OUT}");
    let text = declared.declaration.replace(&marker, if declared.taken { "?: " } else { ": " });
    let (head, body) = text.split_once('=').unwrap_or_default();
    // The name as it is declared, which may have parameters.
    let name = head.trim().strip_prefix("type ").unwrap_or(name);
    let body = body.trim().trim_end_matches(';');
    let parts: Vec<&str> = split(body, b'|');
    match parts.as_slice() {
        [one] => match members(one) {
            Some(members) => {
                line(out, format_args!("export interface {name} {{"));
                for Member { docs, key, ty } in &members {
                    comment(out, "  ", docs);
                    line(out, format_args!("  {key}: {ty}"));
                }
                line(out, format_args!("}}"));
            }
            None => line(out, format_args!("export type {name} = {}", type_name(one.trim()))),
        },
        parts if parts.iter().all(|part| members(part).is_some()) => {
            line(out, format_args!("export type {name} ="));
            for members in parts.iter().filter_map(|part| members(part)) {
                variant(out, &members);
            }
        }
        parts => {
            let parts: Vec<_> = parts.iter().map(|part| type_name(part.trim())).collect();
            line(out, format_args!("export type {name} = {}", parts.join(" | ")));
        }
    }
}

fn variant(out: &mut String, members: &[Member]) {
    if members.iter().all(|member| member.docs.is_empty()) {
        let members: Vec<_> = members.iter().map(|Member { key, ty, .. }| format!("{key}: {ty}")).collect();
        return line(out, format_args!("  | {{ {} }}", members.join("; ")));
    }
    line(out, format_args!("  | {{"));
    for Member { docs, key, ty } in members {
        comment(out, "      ", docs);
        line(out, format_args!("      {key}: {ty}"));
    }
    line(out, format_args!("    }}"));
}

/// The fields of an object type; `None` if it is something else.
fn members(ty: &str) -> Option<Vec<Member>> {
    let inner = ty.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    if inner.starts_with('[') || split(ty, b'&').len() > 1 {
        return None;
    }
    let members = split(inner, b',').into_iter().filter(|member| !member.trim().is_empty());
    members
        .map(|member| {
            let member = member.trim();
            let (docs, member) = match member.find("*/") {
                Some(end) if member.starts_with("/**") => {
                    (uncomment(&member[..end + 2]), member[end + 2..].trim())
                }
                _ => (String::new(), member),
            };
            let (name, ty) = member.split_once(':')?;
            let (name, optional) = name.strip_suffix('?').map_or((name, ""), |name| (name, "?"));
            Some(Member {
                docs,
                key: format!("{}{optional}", key(name.trim_matches('"'))),
                ty: type_name(ty.trim()),
            })
        })
        .collect()
}

/// Splits at `mark`, but not inside brackets, strings and comments.
fn split(text: &str, mark: u8) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start, mut at) = (0, 0, 0);
    while let Some(letter) = text.as_bytes().get(at).copied() {
        match letter {
            // Names of variants; they have no escapes.
            b'"' | b'\'' => at += text[at + 1..].find(char::from(letter)).map_or(0, |len| len + 1),
            b'/' if text[at..].starts_with("/**") => at += text[at..].find("*/").map_or(0, |len| len + 1),
            b'{' | b'[' | b'(' | b'<' => depth += 1,
            b'}' | b']' | b')' | b'>' => depth -= 1,
            _ if letter == mark && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&text[start..]);
    parts
}
