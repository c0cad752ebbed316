//! Who may import whom among crates and packages.
//!
//! Their boundaries are kept by manifests and by the compiler; this looks at the manifests, and at
//! imports that a package manager would resolve without asking anybody.

use super::Complaint;
use super::tree::Tree;

/// What the protocol may depend on: nothing that opens a socket, reads a clock or spawns a task.
const PROTOCOL_MAY: &[(&str, &str)] = &[
    ("base64", "how bytes stand in JSON; works on what it is given"),
    ("bytes", "a message and the block it came in, without a copy; memory and nothing else"),
    ("serde", "reading and writing is what the protocol is"),
    ("serde_json", "the wire is JSON"),
    ("thiserror", "writes trait implementations and nothing else"),
    ("uuid", "ids nobody can guess; asks the system for randomness and keeps nothing"),
];

/// Which package may not import which, beginning with its folder.
const PACKAGES: &[(&str, &[&str], &str)] = &[
    (
        "packages/client/",
        &["react", "react-dom", "zustand", "@fluxstack/react", "@fluxstack/devtools"],
        "the client knows no framework; what needs one belongs in packages/react",
    ),
    (
        "packages/react/",
        &["@fluxstack/devtools"],
        "devtools is for development only and must not be in anybody's bundle; let it read what the client shows",
    ),
    (
        "packages/devtools/",
        &["react", "react-dom", "@fluxstack/react"],
        "devtools serves every framework; it may import the client",
    ),
];

/// What manifests and import lines say about the units.
pub(crate) fn between(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if let Some(manifest) = tree.get("crates/protocol/Cargo.toml") {
        for (name, line) in dependencies(&manifest.text) {
            if PROTOCOL_MAY.iter().all(|(allowed, _)| *allowed != name) {
                complaints.push(Complaint::new(
                    &manifest.path,
                    line,
                    format!("the protocol may not depend on `{name}`: it has no I/O, no clock and no runtime. If `{name}` has none either, add it with a reason to PROTOCOL_MAY in xtask/src/tidy/units.rs"),
                ));
            }
        }
    }
    for (folder, refused, reason) in PACKAGES {
        let source = format!("{folder}src/");
        for file in tree.under(&source).filter(|file| file.is_typescript()) {
            for (line, specifier) in imports(&file.text) {
                if let Some(name) = refused.iter().find(|name| names_package(specifier, name)) {
                    complaints.push(Complaint::new(
                        &file.path,
                        line,
                        format!("{folder} must not import {name}: {reason}"),
                    ));
                }
            }
        }
    }
    complaints
}

/// Names under `[dependencies]` and its kin for targets, but not what only tests and builds need.
fn dependencies(manifest: &str) -> Vec<(&str, usize)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (index, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            let (table, name) = section.split_once("dependencies.").unwrap_or((section, ""));
            inside = section == "dependencies" || section.ends_with(".dependencies");
            if !name.is_empty() && (table.is_empty() || table.ends_with('.')) {
                found.push((name, index + 1));
            }
        } else if inside && !line.starts_with('#') && line.contains('=') {
            let name = line.split(['=', '.']).next().unwrap_or_default().trim();
            found.push((name, index + 1));
        }
    }
    found
}

/// What a TypeScript file imports, by line.
fn imports(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter_map(|(index, line)| {
        let line = line.trim();
        let (_, rest) = ["from ", "import(", "import "].iter().find_map(|word| {
            let at = line.find(word)?;
            let rest = line[at + word.len()..].trim_start();
            rest.starts_with(['\'', '"']).then_some((word, &rest[1..]))
        })?;
        Some((index + 1, rest.split(['\'', '"']).next()?))
    })
}

/// Whether `react/jsx-runtime` is of `react`.
fn names_package(specifier: &str, package: &str) -> bool {
    specifier.strip_prefix(package).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(files: &[(&str, &str)]) -> Vec<(usize, String)> {
        between(&Tree::of(files)).into_iter().map(|complaint| (complaint.line, complaint.text)).collect()
    }

    #[test]
    fn the_protocol_may_not_get_a_runtime() {
        let manifest = "[package]\nname = \"p\"\n[dependencies]\nserde.workspace = true\ntokio = \"1\"\n\
                        [dependencies.mio]\nversion = \"1\"\n[dev-dependencies]\nproptest = \"1\"\n";
        let found = texts(&[("crates/protocol/Cargo.toml", manifest)]);
        assert_eq!(found.len(), 2);
        assert!(found[0].1.contains("`tokio`") && found[0].0 == 5);
        assert!(found[1].1.contains("`mio`") && found[1].0 == 6);
    }

    #[test]
    fn the_client_may_not_know_react() {
        let found = texts(&[(
            "packages/client/src/handle.ts",
            "import { state } from './reactive'\nimport { useState } from 'react'\nexport * from \"react/jsx-runtime\"\n",
        )]);
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn react_may_not_meet_devtools() {
        let file = ("packages/react/src/index.ts", "import('@fluxstack/devtools')\nimport 'react'\n");
        assert_eq!(texts(&[file]).len(), 1);
    }

    #[test]
    fn a_test_of_the_client_may_use_what_it_likes() {
        assert!(texts(&[("packages/client/test/a.test.ts", "import 'react'\n")]).is_empty());
    }
}
