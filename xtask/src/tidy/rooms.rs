//! The map: `ARCHITECTURE.md` names every room of the house, and stays a page one can read.

use std::collections::BTreeSet;

use super::Complaint;
use super::tree::Tree;

const MAP: &str = "ARCHITECTURE.md";
const LONGEST: usize = 300;

/// Folders whose folders are rooms of their own.
const HALLS: [&str; 3] = ["crates", "packages", "examples"];

/// Folders the map need not explain.
const UNLISTED: [&str; 3] = [".cargo", ".ci", ".github"];

/// Rooms that the map does not name, rooms it names that are not there, and a map that is too long.
pub(crate) fn map(tree: &Tree) -> Vec<Complaint> {
    let Some(map) = tree.get(MAP) else {
        return vec![Complaint::new(MAP, 0, "is missing: the map of the repository")];
    };
    let mut complaints = Vec::new();
    let lines = map.text.lines().count();
    if lines > LONGEST {
        complaints.push(Complaint::new(
            MAP,
            0,
            format!("{lines} lines, and {LONGEST} is the limit: it is a map, not the land"),
        ));
    }
    let rooms: BTreeSet<String> = tree.files.iter().flat_map(|file| rooms(&file.path)).collect();
    for room in &rooms {
        if !map.text.contains(&format!("`{room}")) && !map.text.contains(&format!("\n{room}/")) {
            complaints.push(Complaint::new(
                MAP,
                0,
                format!("does not name `{room}/`: say in a line what it is for"),
            ));
        }
    }
    for (index, line) in map.text.lines().enumerate() {
        for hall in HALLS {
            for named in
                line.split('`').skip(1).step_by(2).filter(|code| code.starts_with(&format!("{hall}/")))
            {
                let room: Vec<&str> = named.split('/').take(2).collect();
                let plain =
                    room[1].chars().all(|sign| sign.is_alphanumeric() || sign == '-') && !room[1].is_empty();
                if plain && !rooms.contains(&room.join("/")) {
                    complaints.push(Complaint::new(
                        MAP,
                        index + 1,
                        format!("names `{named}`, which does not exist"),
                    ));
                }
            }
        }
    }
    complaints
}

/// The rooms a file lies in: `crates` and `crates/live` for `crates/live/src/lib.rs`.
fn rooms(path: &str) -> Vec<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let mut rooms = Vec::new();
    if parts.len() > 1 && !UNLISTED.contains(&parts[0]) {
        rooms.push(parts[0].to_owned());
        if parts.len() > 2 && HALLS.contains(&parts[0]) {
            rooms.push(parts[..2].join("/"));
        }
    }
    rooms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(map: &str, paths: &[&str]) -> Vec<String> {
        let mut files = vec![(MAP, map)];
        files.extend(paths.iter().map(|path| (*path, "")));
        super::map(&Tree::of(&files)).into_iter().map(|complaint| complaint.text).collect()
    }

    #[test]
    fn every_room_is_named() {
        let paths = ["crates/live/src/lib.rs", "docs/protocol.md", ".ci/run", "README.md"];
        assert_eq!(texts("`crates/live` serves. `docs/` tells.", &paths), Vec::<String>::new());
        assert_eq!(texts("`crates/live` serves.", &paths).len(), 1);
        assert_eq!(texts("", &paths).len(), 3);
    }

    #[test]
    fn a_room_that_is_gone_is_not_named() {
        let found =
            texts("`crates/live/src/lib.rs`, `crates/attic/src`, `crates/*`", &["crates/live/src/lib.rs"]);
        assert_eq!(found, ["names `crates/attic/src`, which does not exist"]);
    }

    #[test]
    fn the_map_stays_short() {
        assert!(texts(&"x\n".repeat(301), &[])[0].contains("301 lines"));
    }

    #[test]
    fn there_is_a_map() {
        assert_eq!(super::map(&Tree::of(&[])).len(), 1);
    }
}
