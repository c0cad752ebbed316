//! Which shared instances watch which: a graph without circles.
//!
//! In a circle a change would go round for ever. Private instances cannot be watched, so they are in none.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::Name;

/// See the module. From the name that watches to those it watches, and how often.
#[derive(Default)]
pub(super) struct Graph(HashMap<Name, BTreeMap<Name, usize>>);

impl Graph {
    /// `watcher` watches `target`; once more, if it does already.
    ///
    /// # Errors
    /// The shortest circle this would make, from `watcher` and back to it.
    pub(super) fn add(&mut self, watcher: &Name, target: &Name) -> Result<(), Vec<Name>> {
        let is_new = !self.0.get(watcher).is_some_and(|watched| watched.contains_key(target));
        if is_new && let Some(way) = self.way(target, watcher) {
            return Err(std::iter::once(watcher.clone()).chain(way).collect());
        }
        *self.0.entry(watcher.clone()).or_default().entry(target.clone()).or_default() += 1;
        Ok(())
    }

    /// `watcher` watches `target` once less.
    pub(super) fn remove(&mut self, watcher: &Name, target: &Name) {
        let Some(watched) = self.0.get_mut(watcher) else { return };
        if let Some(times) = watched.get_mut(target) {
            *times -= 1;
            if *times == 0 {
                watched.remove(target);
            }
        }
        if watched.is_empty() {
            self.0.remove(watcher);
        }
    }

    /// The shortest way from one to another, both included.
    fn way(&self, from: &Name, to: &Name) -> Option<Vec<Name>> {
        // Each with the way's last step but one.
        let mut found: Vec<(&Name, Option<usize>)> = vec![(from, None)];
        let mut known = HashSet::from([from]);
        let mut next = VecDeque::from([0]);
        while let Some(at) = next.pop_front() {
            if found[at].0 == to {
                let back = std::iter::successors(Some(at), |at| found[*at].1);
                let mut way: Vec<Name> = back.map(|at| found[at].0.clone()).collect();
                way.reverse();
                return Some(way);
            }
            for name in self.0.get(found[at].0).into_iter().flat_map(BTreeMap::keys) {
                if known.insert(name) {
                    next.push_back(found.len());
                    found.push((name, Some(at)));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &'static str) -> Name {
        (name, "".into())
    }

    /// Draws edges such as `"AB"`, and answers the circle that the last of them would make.
    fn check(edges: &[&'static str]) -> Option<String> {
        let mut graph = Graph::default();
        let (last, first) = edges.split_last().unwrap();
        let mut add = |edge: &'static str| graph.add(&name(&edge[..1]), &name(&edge[1..]));
        for edge in first {
            add(edge).unwrap();
        }
        let circle = add(last).err()?;
        Some(circle.into_iter().map(|(component, _)| component).collect())
    }

    #[test]
    fn a_circle_is_refused_and_named_by_its_shortest_way() {
        for (edges, circle) in [
            (&["AA"][..], Some("AA")),
            (&["AB", "BA"], Some("BAB")),
            (&["AB", "BC", "CA"], Some("CABC")),
            (&["AB", "BC", "CD", "AD", "DA"], Some("DAD")),
            (&["AB", "AC", "BD", "CD"], None),
            (&["AB", "AB", "BC"], None),
        ] {
            assert_eq!(check(edges).as_deref(), circle, "{edges:?}");
        }
    }

    #[test]
    fn an_edge_is_gone_when_it_was_taken_away_as_often_as_it_was_drawn() {
        let (a, b) = (name("A"), name("B"));
        let mut graph = Graph::default();
        graph.add(&a, &b).unwrap();
        graph.add(&a, &b).unwrap();
        graph.remove(&a, &b);
        assert!(graph.add(&b, &a).is_err());
        graph.remove(&a, &b);
        graph.remove(&a, &b);
        assert!(graph.0.is_empty());
        graph.add(&b, &a).unwrap();
    }
}
