//! The names a file gives, as opposed to those it uses.

use super::tokens::{Token, is_word};

/// Names a Rust file declares: items, variants, fields, parameters and variables.
pub(crate) fn rust<'a>(code: &[Token<'a>]) -> Vec<Token<'a>> {
    const ITEMS: [&str; 9] = ["fn", "struct", "enum", "trait", "mod", "const", "static", "type", "union"];
    let text = |index: usize| code.get(index).map_or("", |token| token.text);
    let mut found = Vec::new();
    for (index, token) in code.iter().enumerate() {
        let before = index.checked_sub(1).map_or("", text);
        let mut next = index + 1;
        if ITEMS.contains(&token.text) && before != "*" {
            while text(next) == "mut" {
                next += 1;
            }
            if is_word(text(next)) {
                found.push(code[next]);
            }
            if token.text == "enum" {
                found.extend(variants(&code[next..]));
            }
        } else if matches!(token.text, "let" | "for") {
            found.extend(pattern(&code[next..]));
        } else if is_word(token.text) {
            // A field or a parameter has a type, the parameter of a closure may do without.
            let typed = text(next) == ":"
                && matches!(before, "{" | "," | "(" | ")" | "]" | "|" | "pub" | "mut" | "ref");
            let bare = before == "|" && matches!(text(next), "|" | ",");
            if typed || bare {
                found.push(*token);
            }
        }
    }
    found
}

/// The variants of the enum whose name begins this code.
fn variants<'a>(code: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut depth = 0;
    let mut found = Vec::new();
    for (index, token) in code.iter().enumerate() {
        match token.text {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth -= 1;
                if depth == 0 && token.text == "}" {
                    break;
                }
            }
            ";" if depth == 0 => break,
            word if depth == 1 && is_word(word) && matches!(code[index - 1].text, "{" | "," | "]") => {
                found.push(*token)
            }
            _ => {}
        }
    }
    found
}

/// The variables of a pattern: what stands alone before `=`, `:`, `in` or the end.
fn pattern<'a>(code: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut found = Vec::new();
    for (index, token) in code.iter().enumerate() {
        match token.text {
            "=" | ":" | ";" | "in" | "<" => break,
            word if is_word(word) && !word.starts_with(char::is_uppercase) => {
                let next = code.get(index + 1).map_or("", |next| next.text);
                if !matches!(next, "::" | "(" | "{" | "!" | ".") {
                    found.push(*token);
                }
            }
            _ => {}
        }
    }
    found
}

/// Names a TypeScript file declares: items, members, properties and variables.
pub(crate) fn typescript<'a>(code: &[Token<'a>]) -> Vec<Token<'a>> {
    const ITEMS: [&str; 6] = ["function", "class", "interface", "type", "enum", "namespace"];
    const VARIABLES: [&str; 3] = ["const", "let", "var"];
    const MARKS: [&str; 6] = ["readonly", "public", "private", "protected", "static", "async"];
    const WORDS: [&str; 7] = ["if", "for", "while", "switch", "catch", "function", "return"];
    let text = |index: usize| code.get(index).map_or("", |token| token.text);
    let mut found = Vec::new();
    let mut resume = 0;
    for (index, token) in code.iter().enumerate() {
        if index < resume {
            continue;
        }
        let before = index.checked_sub(1).map_or("", text);
        let mut next = index + 1;
        if ITEMS.contains(&token.text) && is_word(text(next)) {
            found.push(code[next]);
        } else if VARIABLES.contains(&token.text) {
            if is_word(text(next)) {
                found.push(code[next]);
            } else {
                let end = code[next..].iter().position(|token| token.text == "=" || token.text == "of");
                let names = &code[next..next + end.unwrap_or(0)];
                resume = next + names.len();
                let named = |at: usize| names.get(at + 1).is_none_or(|after| after.text != ":");
                found.extend(
                    names
                        .iter()
                        .enumerate()
                        .filter(|(at, it)| is_word(it.text) && named(*at))
                        .map(|(_, it)| *it),
                );
            }
        } else if is_word(token.text) && !WORDS.contains(&token.text) {
            let begins = matches!(before, "{" | "}" | "," | ";" | "(") || MARKS.contains(&before);
            let on_new_line = index > 0
                && code[index - 1].line < token.line
                && !matches!(before, "?" | "=" | "&" | "|" | "." | "case");
            if begins || on_new_line {
                next += usize::from(text(next) == "?");
                if text(next) == ":" || (text(next) == "(" && opens_body(&code[next..])) {
                    found.push(*token);
                }
            }
        }
    }
    found
}

/// Whether these parentheses are those of a method: a body or a type follows them.
fn opens_body(code: &[Token<'_>]) -> bool {
    let mut depth = 0;
    for (index, token) in code.iter().enumerate() {
        depth += i32::from(token.text == "(") - i32::from(token.text == ")");
        if depth == 0 {
            return code.get(index + 1).is_some_and(|next| matches!(next.text, "{" | ":"));
        }
    }
    false
}
