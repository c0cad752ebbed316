//! Who may import whom inside the server.
//!
//! Nothing but this keeps the order of the modules of `crates/live`, so the order is the table below.

use super::Complaint;
use super::tokens::{Language, tokens};
use super::tree::{File, Tree};
use super::uses::{exports, paths, without_tests};

/// The modules of `crates/live`, top to bottom. A module imports from its own row and from rows
/// below it, never from above: what is low can be read, tested and changed without what is high.
const LAYERS: &[&[&str]] = &[
    // The edges: a web framework, tests, and what the macros write into other crates.
    &["axum", "testing", "private"],
    // Several connections over one socket.
    &["channels"],
    // What can be mounted, and under which limits.
    &["server"],
    // One connection.
    &["session"],
    // Which sessions there are, connected or away.
    &["roster"],
    // From a name, or a key, to a running instance.
    &["registry", "shared"],
    // One mounted component.
    &["instance"],
    // The way into an instance, the way out of it, and the rooms between many of them; each knows the others' end.
    &["mailbox", "outbox", "rooms"],
    // What an author writes against. The traits name each other.
    &["component", "action", "work", "watch", "state"],
    // What a client sees.
    &["field"],
    // How a state outlives its instance.
    &["vault"],
    // Files on their way in, from the first byte until somebody takes them.
    &["uploads"],
    // Files that are kept: who may read them, and the links to them.
    &["files"],
];

/// The last row of all: what crosses, what can go wrong, and what time it is.
const GROUND: &[&str] = &["wire", "error", "clock"];

/// Modules outside the order, with the reason why that is better than bending it.
const ACROSS: &[(&str, &str)] = &[(
    "typescript",
    "every layer describes itself to it, and it prints what every layer is; nothing runs through it",
)];

/// Modules anybody may import and that import only the ground and the protocol.
const LEAVES: &[&str] =
    &["auth", "bell", "frame", "limits", "quota", "seal", "services", "spare", "storage", "store"];

const LIVE: &str = "crates/live/src/";

/// Imports between the modules of the server.
pub(crate) fn inside_live(tree: &Tree) -> Vec<Complaint> {
    let sources: Vec<&File> = tree.under(LIVE).filter(|file| file.is_rust()).collect();
    let root = tree.get("crates/live/src/lib.rs").map_or("", |file| &file.text);
    let exports = exports(root);
    let modules: Vec<&str> = sources.iter().filter_map(|file| module(&file.path)).collect();
    let mut complaints = Vec::new();
    for file in sources {
        let Some(own) = module(&file.path) else { continue };
        if rank(own).is_none() {
            complaints.push(Complaint::new(
                &file.path,
                0,
                format!("`{own}` has no layer: add it to LAYERS or LEAVES in xtask/src/tidy/layers.rs"),
            ));
            continue;
        }
        let code = without_tests(tokens(&file.text, Language::Rust));
        for (index, token) in code.iter().enumerate() {
            let before = |back: usize| index.checked_sub(back).map_or("", |index| code[index].text);
            if token.text == "axum" && own != "axum" && before(1) != "::" {
                let next = code.get(index + 1).map_or("", |next| next.text);
                if next == "::" || before(1) == "use" {
                    complaints.push(Complaint::new(
                        &file.path,
                        token.line,
                        "only axum.rs and its folder name axum: move this there, so that axum can change without the rest",
                    ));
                }
            }
        }
        for (name, line) in paths(&code, depth(&file.path)) {
            let Some(other) = exports.get(name).copied().or_else(|| modules.contains(&name).then_some(name))
            else {
                continue;
            };
            if other != own && !may(own, other) {
                complaints.push(Complaint::new(&file.path, line, refusal(own, other)));
            }
        }
    }
    complaints
}

/// The module a file belongs to: `field` for `crates/live/src/field/list.rs`. The root has none.
fn module(path: &str) -> Option<&str> {
    let name = path.strip_prefix(LIVE)?.split('/').next()?.trim_end_matches(".rs");
    (!matches!(name, "lib" | "tests")).then_some(name)
}

/// How many `super` it takes from a file to the root, less one.
fn depth(path: &str) -> usize {
    path.trim_start_matches(LIVE).trim_end_matches("/mod.rs").matches('/').count()
}

/// Where a module stands; lower is nearer to the ground. Leaves are beside the rows.
#[derive(PartialEq, Eq)]
enum Rank {
    Row(usize),
    Leaf,
    Ground,
    Across,
}

fn rank(module: &str) -> Option<Rank> {
    if GROUND.contains(&module) {
        return Some(Rank::Ground);
    }
    if ACROSS.iter().any(|(across, _)| *across == module) {
        return Some(Rank::Across);
    }
    if LEAVES.contains(&module) {
        return Some(Rank::Leaf);
    }
    LAYERS.iter().position(|row| row.contains(&module)).map(Rank::Row)
}

fn may(importer: &str, imported: &str) -> bool {
    match (rank(importer), rank(imported)) {
        // A module without a rank is complained about by itself.
        (None, _) | (_, None) | (_, Some(Rank::Ground)) => true,
        (Some(Rank::Across), _) | (_, Some(Rank::Across)) => true,
        (Some(Rank::Row(own)), Some(Rank::Row(other))) => own <= other,
        (Some(Rank::Row(_)), Some(Rank::Leaf)) => true,
        (Some(Rank::Leaf | Rank::Ground), Some(Rank::Row(_) | Rank::Leaf)) => false,
    }
}

fn refusal(own: &str, other: &str) -> String {
    let rule = match rank(own) {
        Some(Rank::Leaf) => "is a leaf and may import only the protocol and the ground",
        Some(Rank::Ground) => "is the ground and may import nothing above it",
        _ => "is below it",
    };
    format!("`{own}` imports `{other}`, but {rule}: move what both need further down, or pass it in")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(files: &[(&str, &str)]) -> Vec<(usize, String)> {
        inside_live(&Tree::of(files)).into_iter().map(|complaint| (complaint.line, complaint.text)).collect()
    }

    #[test]
    fn reaching_downwards_is_fine() {
        let files = [
            (
                "crates/live/src/lib.rs",
                "mod session; mod instance; mod error; pub use error::{Error, Result};",
            ),
            (
                "crates/live/src/session.rs",
                "use crate::instance::Instance;\nuse crate::{error::Error, limits::Limits};",
            ),
            (
                "crates/live/src/instance.rs",
                "use crate::Error;\n#[cfg(test)]\nmod tests { use crate::testing::mount; }",
            ),
            ("crates/live/src/limits.rs", "use crate::wire::Wire; use fluxstack_live_protocol::Delta;"),
            (
                "crates/live/src/field/list.rs",
                "use super::Field; use super::super::wire::Wire; use crate::state::State;",
            ),
        ];
        assert_eq!(complaints(&files), []);
    }

    #[test]
    fn reaching_upwards_is_refused_with_the_line() {
        let found = complaints(&[
            ("crates/live/src/session.rs", ""),
            (
                "crates/live/src/instance.rs",
                "// use crate::session\nuse crate::{\n    error::Error,\n    session::Session,\n};",
            ),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, 4);
        assert!(found[0].1.starts_with("`instance` imports `session`"), "{}", found[0].1);
    }

    #[test]
    fn a_path_in_the_code_is_an_import_too() {
        let files = [
            ("crates/live/src/server.rs", ""),
            ("crates/live/src/state.rs", "fn a() { crate::server::start() }"),
        ];
        assert_eq!(complaints(&files).len(), 1);
    }

    #[test]
    fn a_name_from_the_root_counts_as_its_module() {
        let files = [
            ("crates/live/src/lib.rs", "pub use crate::server::{Builder, Live};"),
            ("crates/live/src/server.rs", ""),
            ("crates/live/src/wire.rs", "use crate::Live;"),
        ];
        assert_eq!(complaints(&files).len(), 1);
    }

    #[test]
    fn super_is_the_root_only_from_the_top() {
        let server = ("crates/live/src/server.rs", "");
        assert_eq!(complaints(&[server, ("crates/live/src/state.rs", "use super::server::Live;")]).len(), 1);
        assert_eq!(
            complaints(&[server, ("crates/live/src/field/mod.rs", "use super::server::Live;")]).len(),
            1
        );
        assert_eq!(
            complaints(&[server, ("crates/live/src/field/list.rs", "use super::super::server::Live;")]).len(),
            1
        );
        assert_eq!(complaints(&[server, ("crates/live/src/field/list.rs", "use super::server::Live;")]), []);
    }

    #[test]
    fn a_leaf_knows_only_the_ground() {
        let files =
            [("crates/live/src/limits.rs", "use crate::state::State;"), ("crates/live/src/state.rs", "")];
        assert!(complaints(&files)[0].1.contains("is a leaf"));
    }

    #[test]
    fn what_lies_across_may_look_both_ways() {
        let files = [
            ("crates/live/src/typescript.rs", "use crate::registry::Registration;"),
            ("crates/live/src/registry.rs", ""),
            ("crates/live/src/state.rs", "use crate::typescript::Types;"),
        ];
        assert_eq!(complaints(&files), []);
    }

    #[test]
    fn a_new_module_must_be_given_a_layer() {
        let found = complaints(&[("crates/live/src/teleport.rs", "")]);
        assert!(found[0].1.contains("LAYERS"), "{}", found[0].1);
    }

    #[test]
    fn only_one_module_names_axum() {
        let found = complaints(&[
            ("crates/live/src/axum.rs", "use axum::Router;"),
            ("crates/live/src/axum/files.rs", "use axum::Router;"),
            ("crates/live/src/server.rs", "use axum::Router;\nfn a() -> axum::Router { crate::axum::b() }"),
        ]);
        // Twice the crate; the third complaint is about importing the module above.
        assert_eq!(found.iter().filter(|(_, text)| text.contains("only axum.rs")).count(), 2);
        assert_eq!(found.len(), 3);
    }
}
