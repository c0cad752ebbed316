//! How long a file is, how it begins, and what must not be in it.

use super::Complaint;
use super::tree::{File, Tree};

/// Longer than this and nobody holds it in the head.
const REFUSED: usize = 600;
/// From here on a file is worth a look.
const NOTED: usize = 300;

/// Text that is only true on one machine, and what to do about it. Written in pieces, so that this
/// file does not complain about itself.
const ADDRESSES: &[(&[&str], &str)] = &[
    (&["/ho", "me/"], "a path of somebody's machine: make it relative, or take it from the environment"),
    (&["/Us", "ers/"], "a path of somebody's machine: make it relative, or take it from the environment"),
    (&["/ro", "ot/"], "a path of somebody's machine: make it relative, or take it from the environment"),
    (&["/wo", "rk/"], "a path of somebody's machine: make it relative, or take it from the environment"),
    (&[":\\Us", "ers\\"], "a path of somebody's machine: make it relative, or take it from the environment"),
];

/// Lint exceptions must say why, and go when they are no longer needed.
const ALLOW: &[&str] = &["#[al", "low("];

/// Hand-written sources that are too long.
pub(crate) fn lengths(tree: &Tree) -> Vec<Complaint> {
    sources(tree)
        .filter(|(_, lines)| *lines > REFUSED)
        .map(|(file, lines)| {
            let text =
                format!("{lines} lines, and {REFUSED} is the limit: find the two things in it and part them");
            Complaint::new(&file.path, 0, text)
        })
        .collect()
}

/// Those that are getting there.
pub(crate) fn long_files(tree: &Tree) -> Vec<String> {
    sources(tree)
        .filter(|(_, lines)| (NOTED + 1..=REFUSED).contains(lines))
        .map(|(file, lines)| format!("{} has {lines} lines", file.path))
        .collect()
}

/// Sources of the crates that do not say what they are.
pub(crate) fn headers(tree: &Tree) -> Vec<Complaint> {
    tree.under("crates/")
        .filter(|file| file.is_rust() && file.path.split('/').nth(2) == Some("src"))
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| {
            let text = "begin with `//!`: what the module is, who talks to it, what must stay true";
            Complaint::new(&file.path, 1, text)
        })
        .collect()
}

/// Exceptions from lints that nobody gave a reason for.
pub(crate) fn exceptions_have_reasons(tree: &Tree) -> Vec<Complaint> {
    let allow = ALLOW.concat();
    tree.files
        .iter()
        // The macros write code into other people's crates, where an exception may be needless.
        // The cases of `tests/ui` are what an application might write, mistakes included.
        .filter(|file| file.is_rust() && !file.path.starts_with("crates/macros/src/"))
        .filter(|file| !file.path.contains("/tests/ui/"))
        .flat_map(|file| file.text.lines().enumerate().map(move |(index, line)| (file, index + 1, line)))
        .filter(|(_, _, line)| line.trim_start().starts_with(&allow))
        .map(|(file, line, _)| Complaint::new(&file.path, line, "write `#[expect(…, reason = \"…\")]`"))
        .collect()
}

/// Paths of machines, and download addresses in the lock file.
pub(crate) fn addresses(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in &tree.files {
        for (index, line) in file.text.lines().enumerate() {
            for (pieces, text) in ADDRESSES {
                if on_its_own(line, &pieces.concat()) {
                    complaints.push(Complaint::new(&file.path, index + 1, *text));
                }
            }
            if file.path.ends_with("package-lock.json")
                && line.trim_start().starts_with("\"resolved\": \"http")
            {
                let text = "a download address: keep `omit-lockfile-registry-resolved=true` in .npmrc and run `npm install` again";
                complaints.push(Complaint::new(&file.path, index + 1, text));
            }
        }
    }
    complaints
}

/// Whether the line has the path at its beginning, and not as the middle of a longer one.
fn on_its_own(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|sign| {
            !sign.is_alphanumeric() && !matches!(sign, '.' | '-' | '_' | '}' | ')' | '*' | '~')
        })
    })
}

/// Hand-written Rust and TypeScript, with their lengths.
fn sources(tree: &Tree) -> impl Iterator<Item = (&File, usize)> {
    tree.files
        .iter()
        .filter(|file| file.is_rust() || file.is_typescript())
        .map(|file| (file, file.text.lines().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> String {
        "x\n".repeat(count)
    }

    #[test]
    fn a_file_over_the_limit_is_refused_and_one_near_it_noted() {
        let (long, near, fine) = (lines(601), lines(301), lines(300));
        let tree = Tree::of(&[
            ("a.rs", &long),
            ("b.ts", &near),
            ("c.tsx", &fine),
            ("d.gen.ts", &long),
            ("e.md", &long),
        ]);
        assert_eq!(
            lengths(&tree).iter().map(|complaint| complaint.path.as_str()).collect::<Vec<_>>(),
            ["a.rs"]
        );
        assert_eq!(long_files(&tree), ["b.ts has 301 lines"]);
    }

    #[test]
    fn a_source_says_what_it_is() {
        let tree = Tree::of(&[
            ("crates/live/src/a.rs", "use b;\n//! late"),
            ("crates/live/src/b.rs", "//! Here."),
            ("crates/live/tests/c.rs", "fn c() {}"),
        ]);
        assert_eq!(headers(&tree).len(), 1);
    }

    #[test]
    fn a_lint_exception_gives_its_reason() {
        let exception = format!("    {}dead_code)]\n", ALLOW.concat());
        assert_eq!(exceptions_have_reasons(&Tree::of(&[("a.rs", &exception)]))[0].line, 1);
        assert!(exceptions_have_reasons(&Tree::of(&[("crates/macros/src/a.rs", &exception)])).is_empty());
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        for (pieces, _) in ADDRESSES {
            let text = format!("fine\nsee \"{}me/project\"", pieces.concat());
            let found = addresses(&Tree::of(&[("docs/a.md", &text)]));
            assert_eq!(found.iter().map(|complaint| complaint.line).collect::<Vec<_>>(), [2], "{text}");
        }
        let url = format!("https://example.com{}page", ADDRESSES[0].0.concat());
        assert!(addresses(&Tree::of(&[("docs/a.md", &url)])).is_empty());
    }

    #[test]
    fn the_lock_file_has_no_download_addresses() {
        let lock = "{\n  \"resolved\": \"https://example.com/a.tgz\"\n  \"resolved\": \"packages/client\"\n}";
        assert_eq!(addresses(&Tree::of(&[("package-lock.json", lock)])).len(), 1);
    }
}
