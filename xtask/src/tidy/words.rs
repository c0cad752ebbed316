//! Words that say nothing. A type with one of them in its name is two things, or its author did
//! not know what it was yet. We look at names we give, not at names we use.

use super::Complaint;
use super::names;
use super::tokens::{Language, tokens};
use super::tree::Tree;

const BANNED: &[(&str, &str)] = &[
    ("manager", "name it after what it holds or does: registry, session, outbox"),
    ("helper", "name it after what it does, and put it where it is used"),
    ("util", "name it after what it does, and put it where it is used"),
    ("common", "say what the things have in common, and call it that"),
    ("handler", "name it after the event, or after what it does about it"),
    ("data", "say which: state, payload, bytes, text, rows"),
    ("process", "say what happens: decode, route, apply, flush"),
];

/// A name that is not ours to choose, where it may be used, and why.
struct Exception {
    name: &'static str,
    /// The beginning of the paths where it is fine.
    under: &'static str,
    #[expect(dead_code, reason = "for whoever reads the table")]
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception { name: "EventHandlers", under: "packages/react/", reason: "the type of the option below" },
    Exception {
        name: "eventHandlers",
        under: "packages/react/",
        reason: "an option of the public hook that older FluxStack applications already pass",
    },
    Exception { name: "eventHandlers", under: "examples/", reason: "passing that option" },
    Exception {
        name: "sync_data",
        under: "crates/live/src/store/disk/",
        reason: "a method of redb's trait for what is under a database",
    },
    Exception { name: "dataTransfer", under: "e2e/", reason: "a member of the browser's own drag events" },
    Exception { name: "data", under: "packages/client/", reason: "what the wire calls the bytes of a chunk" },
    Exception { name: "characterData", under: "e2e/", reason: "an option of the DOM's MutationObserver" },
];

/// Declarations with such a word in their name.
pub(crate) fn banned(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in &tree.files {
        let code;
        let declared = if file.is_rust() {
            code = tokens(&file.text, Language::Rust);
            names::rust(&code)
        } else if file.is_typescript() {
            code = tokens(&file.text, Language::TypeScript);
            names::typescript(&code)
        } else {
            continue;
        };
        for token in declared {
            let excused =
                EXCEPTIONS.iter().any(|it| it.name == token.text && file.path.starts_with(it.under));
            let Some((word, advice)) = found(token.text).filter(|_| !excused) else { continue };
            let text = format!("`{}` has `{word}` in its name: {advice}", token.text);
            complaints.push(Complaint::new(&file.path, token.line, text));
        }
    }
    complaints
}

/// The banned word in a name, if there is one. `metadata` has none, `dataRows` and `handlers` have.
fn found(name: &str) -> Option<(&'static str, &'static str)> {
    let words = words(name);
    BANNED.iter().copied().find(|(banned, _)| {
        words.iter().any(|word| {
            let rest = word.strip_prefix(banned);
            matches!(rest, Some("" | "s" | "es"))
        })
    })
}

/// The words of `snake_case`, `camelCase`, `PascalCase` and `HTTPCase`, in lower case.
fn words(name: &str) -> Vec<String> {
    let signs: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (index, sign) in signs.iter().enumerate() {
        let after_lower = index > 0 && !signs[index - 1].is_uppercase();
        let before_lower = signs.get(index + 1).is_some_and(|next| next.is_lowercase());
        if !sign.is_alphanumeric() || (sign.is_uppercase() && (after_lower || before_lower)) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| sign.is_alphanumeric()) {
            word.extend(sign.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that are complained about, as text, so that none is `""`.
    fn complaints(path: &str, text: &str) -> String {
        let lines =
            banned(&Tree::of(&[(path, text)])).into_iter().map(|complaint| complaint.line.to_string());
        lines.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_word_is_found_in_every_style_of_name() {
        for name in [
            "data",
            "user_data",
            "userData",
            "UserData",
            "DATA_SIZE",
            "JSONData",
            "EventHandlers",
            "utils",
            "processes",
        ] {
            assert!(found(name).is_some(), "{name}");
        }
        for name in ["metadata", "Database", "utility", "processed", "date", "uncommon", "HANDLEr"] {
            assert!(found(name).is_none(), "{name}");
        }
    }

    #[test]
    fn rust_declarations_are_held_to_it() {
        for declaration in [
            "fn process_it() {}",
            "pub struct RoomManager;",
            "enum A { One, #[x] Data(u8) }",
            "trait Handler {}",
            "mod util;",
            "let data = 1;",
            "let (a, mut data) = b;",
            "if let Some(data) = b {}",
            "for data in b {}",
            "const DATA: u8 = 1;",
            "static COMMON: u8 = 1;",
            "type Helper = u8;",
            "struct A { pub(crate) data: u8 }",
            "fn a(data: u8) {}",
            "a.map(|data| b)",
        ] {
            assert_eq!(complaints("a.rs", declaration), "1", "{declaration}");
        }
    }

    #[test]
    fn rust_uses_are_not() {
        for used in [
            "use std::process::Command;",
            "let a = event.data;",
            "let std::process::ExitCode { .. } = b;",
            "a.process(b);",
            "syn::Data::Struct(it) => {}",
            "// struct Manager",
            "\"fn process\";",
        ] {
            assert_eq!(complaints("a.rs", used), "", "{used}");
        }
    }

    #[test]
    fn typescript_declarations_are_held_to_it() {
        for declaration in [
            "function processIt() {}",
            "const data = 1",
            "const { data } = a",
            "const [data, setRows] = a",
            "class RoomManager {}",
            "interface Handler {}",
            "type Util = 1",
            "interface A { readonly data?: 1 }",
            "class A { process(a: 1): void {} }",
            "const a = { common: 1 }",
        ] {
            assert_eq!(complaints("a.ts", declaration), "1", "{declaration}");
        }
        assert_eq!(complaints("a.ts", "interface A {\n  one: 1\n  data: 2\n}"), "3");
    }

    #[test]
    fn typescript_uses_are_not() {
        for used in [
            "event.data",
            "f(event.data)",
            "const { data: rows } = a",
            "a ? data : b",
            "process.env.A",
            "x\n  ? data\n  : b",
            "a\nprocess(b)",
        ] {
            assert_eq!(complaints("a.ts", used), "", "{used}");
        }
    }

    #[test]
    fn exceptions_hold_where_they_were_given() {
        assert_eq!(complaints("packages/react/src/a.ts", "interface A { eventHandlers: 1 }"), "");
        assert_eq!(complaints("packages/client/src/a.ts", "interface A { eventHandlers: 1 }"), "1");
    }
}
