//! Rust and TypeScript cut into words, without comments and without what strings say.
//!
//! Enough to find imports and declarations, which is all the rules need; a parser would be ten
//! times as long and refuse files that are half written.

/// A word, a number, `::`, or one sign. Strings come out as `""`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    TypeScript,
}

/// What the text says, token by token.
pub(crate) fn tokens(text: &str, language: Language) -> Vec<Token<'_>> {
    let mut reader = Reader { text, at: 0, line: 1, language, found: Vec::new() };
    while reader.at < text.len() {
        reader.step();
    }
    reader.found
}

pub(crate) fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$')
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    language: Language,
    found: Vec<Token<'a>>,
}

impl<'a> Reader<'a> {
    fn step(&mut self) {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return };
        if rest.starts_with("//") {
            self.skip(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.skip(self.comment(rest));
        } else if let Some(length) = self.string(rest) {
            self.found.push(Token { text: "\"\"", line: self.line });
            self.skip(length);
        } else if first == '\'' && self.language == Language::Rust {
            // A lifetime: a string or character would have been found above.
            self.skip(1 + word(&rest[1..]));
        } else if is_word(rest) || first.is_ascii_digit() {
            self.push(word(rest));
        } else if rest.starts_with("::") {
            self.push(2);
        } else if first.is_whitespace() {
            self.skip(first.len_utf8());
        } else {
            self.push(first.len_utf8());
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn push(&mut self, length: usize) {
        self.found.push(Token { text: &self.rest()[..length], line: self.line });
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        self.line += self.rest()[..length].matches('\n').count();
        self.at += length;
    }

    /// Length of a block comment; Rust's nest.
    fn comment(&self, rest: &str) -> usize {
        let (mut at, mut depth) = (2, 1);
        while depth > 0 && at < rest.len() {
            match (&rest.as_bytes()[at..], self.language) {
                ([b'*', b'/', ..], _) => (at, depth) = (at + 2, depth - 1),
                ([b'/', b'*', ..], Language::Rust) => (at, depth) = (at + 2, depth + 1),
                _ => at += 1,
            }
        }
        at
    }

    /// Length of the string, character or pattern that starts here, if one does.
    fn string(&self, rest: &str) -> Option<usize> {
        match self.language {
            Language::Rust => {
                raw_string(rest).or_else(|| quoted(rest, '"', true)).or_else(|| character(rest))
            }
            Language::TypeScript => {
                // A string ends on its line, so an apostrophe in the text of a page is just a sign.
                quoted(rest, '"', false)
                    .or_else(|| quoted(rest, '\'', false))
                    .or_else(|| template(rest))
                    .or_else(|| if self.expects_value() { quoted(rest, '/', false) } else { None })
            }
        }
    }

    /// Whether a slash here begins a pattern rather than divides.
    fn expects_value(&self) -> bool {
        self.found.last().is_none_or(|last| {
            matches!(
                last.text,
                "(" | "," | "=" | ":" | "[" | "!" | "&" | "|" | "?" | ";" | "return" | "{" | "}"
            )
        })
    }
}

fn word(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(text.len())
}

fn quoted(text: &str, quote: char, lines: bool) -> Option<usize> {
    let mut signs = text.strip_prefix(quote)?.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' => drop(signs.next()),
            '\n' if !lines => return None,
            sign if sign == quote => return Some(1 + at + 1),
            _ => {}
        }
    }
    None
}

fn raw_string(text: &str) -> Option<usize> {
    let marked = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = marked.find(|c| c != '#')?;
    let body = marked[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", &marked[..hashes]);
    let end = body.find(&close)?;
    Some(text.len() - body.len() + end + close.len())
}

fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let mut signs = inside.char_indices();
    let (_, first) = signs.next()?;
    if first == '\\' {
        signs.next();
        return inside[2..].find('\'').map(|end| 1 + 2 + end + 1);
    }
    let (at, next) = signs.next()?;
    (next == '\'').then_some(1 + at + 1)
}

/// A template with everything in it, however nested.
fn template(text: &str) -> Option<usize> {
    text.strip_prefix('`')?;
    let mut at = 1;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with('`') {
            return Some(at + 1);
        } else if rest.starts_with("${") {
            let mut depth = 0;
            while at < text.len() {
                let rest = &text[at..];
                if let Some(length) = template(rest).or_else(|| quoted(rest, '\'', false)) {
                    at += length;
                    continue;
                }
                let sign = rest.chars().next()?;
                at += sign.len_utf8();
                depth += i32::from(sign == '{') - i32::from(sign == '}');
                if depth == 0 && sign == '}' {
                    break;
                }
            }
        } else {
            let sign = rest.chars().next()?;
            at += sign.len_utf8();
            if sign == '\\' {
                at += text[at..].chars().next()?.len_utf8();
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, language: Language) -> Vec<&str> {
        tokens(text, language).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_strings_say_nothing() {
        let rust =
            "/* a /* b */ c */ let x = \"use crate::axum\"; // fn handler\nr#\"\"q\"#; '\\''; 'a'; &'a str";
        assert_eq!(
            texts(rust, Language::Rust),
            ["let", "x", "=", "\"\"", ";", "\"\"", ";", "\"\"", ";", "\"\"", ";", "&", "str"]
        );
    }

    #[test]
    fn lines_are_those_of_the_file() {
        let found = tokens("//! one\n/* two\nthree */ use a::b;\nfn c", Language::Rust);
        assert_eq!(found[0], Token { text: "use", line: 3 });
        assert_eq!(found.last(), Some(&Token { text: "c", line: 4 }));
    }

    #[test]
    fn typescript_patterns_templates_and_page_text() {
        let code = "const a = /['\"]/g.test(`x ${`it's ${b}`} y`) / c / d\n<p>don't</p>";
        assert_eq!(
            texts(code, Language::TypeScript),
            [
                "const", "a", "=", "\"\"", "g", ".", "test", "(", "\"\"", ")", "/", "c", "/", "d", "<", "p",
                ">", "don", "'", "t", "<", "/", "p", ">"
            ]
        );
    }
}
