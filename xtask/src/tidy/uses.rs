//! What a Rust file reaches for: the paths it begins at the root of its crate.

use std::collections::BTreeMap;

use super::tokens::{Language, Token, is_word, tokens};

/// What `lib.rs` re-exports, and the module it comes from: `use crate::Error` is an import of `error`.
pub(crate) fn exports(root: &str) -> BTreeMap<&str, &str> {
    let mut exports = BTreeMap::new();
    let code = tokens(root, Language::Rust);
    for (index, token) in code.iter().enumerate() {
        if token.text != "use" || index == 0 {
            continue;
        }
        let mut words = code[index + 1..]
            .iter()
            .take_while(|token| token.text != ";")
            .filter(|token| is_word(token.text));
        let Some(mut from) = words.next() else { continue };
        if matches!(from.text, "crate" | "self") {
            let Some(next) = words.next() else { continue };
            from = next;
        }
        exports.extend(
            words.filter(|word| word.text.starts_with(char::is_uppercase)).map(|word| (word.text, from.text)),
        );
    }
    exports
}

/// The first names after `crate::` (or as many `super::` as lead there), one
/// by one if they are in a group. `depth` is how many more than one `super` that takes.
pub(crate) fn paths<'a>(code: &[Token<'a>], depth: usize) -> Vec<(&'a str, usize)> {
    let mut found = Vec::new();
    let text = |index: usize| code.get(index).map_or("", |token| token.text);
    let mut index = 0;
    while index < code.len() {
        let begins = index == 0 || text(index - 1) != "::";
        let mut next = index + 1;
        let from_root = match text(index) {
            "crate" if begins => text(next) == "::",
            "super" if begins => {
                let mut ups = 0;
                while text(next) == "::" && text(next + 1) == "super" {
                    next += 2;
                    ups += 1;
                }
                text(next) == "::" && ups == depth
            }
            _ => false,
        };
        if from_root && text(next + 1) == "{" {
            next = group(code, next + 1, &mut found);
        } else if from_root && is_word(text(next + 1)) {
            found.push((text(next + 1), code[next + 1].line));
        }
        index = next;
    }
    found
}

/// The first name of each item of a `{…}` group; where the group ends.
fn group<'a>(code: &[Token<'a>], open: usize, found: &mut Vec<(&'a str, usize)>) -> usize {
    let mut depth = 0;
    for (index, token) in code.iter().enumerate().skip(open) {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            word if depth == 1 && is_word(word) && matches!(code[index - 1].text, "{" | ",") => {
                found.push((word, token.line));
            }
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    code.len()
}

/// The code up to its tests, which may reach wherever they like.
pub(crate) fn without_tests(mut code: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let is_test = |window: &[Token<'_>]| {
        let words: Vec<&str> = window.iter().map(|token| token.text).collect();
        words == ["cfg", "(", "test", ")", "]", "mod"]
    };
    if let Some(at) = code.windows(6).position(is_test) {
        code.truncate(at);
    }
    code
}
