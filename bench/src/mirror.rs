//! The state that a client shows who was told everything.

use serde_json::{Value, json};

/// A state at a version.
pub(crate) struct Mirror {
    version: u64,
    state: Value,
}

impl Default for Mirror {
    fn default() -> Self {
        Self { version: 0, state: json!({ "lines": [], "said": {} }) }
    }
}

impl Mirror {
    /// Does what a delta says, if it starts from here.
    pub(crate) fn change(&mut self, base: u64, version: u64, payload: &Value) {
        if base != self.version {
            return;
        }
        self.version = version;
        for (field, value) in entries(&payload["delta"]) {
            self.state[field] = value.clone();
        }
        for (field, edits) in entries(&payload["splice"]) {
            let Some(list) = self.state[field].as_array_mut() else { continue };
            for edit in edits.as_array().into_iter().flatten() {
                let at = edit[0].as_u64().unwrap_or_default() as usize;
                let removed = edit[1].as_u64().unwrap_or_default() as usize;
                let inserted = edit.as_array().into_iter().flatten().skip(2).cloned();
                let from = at.min(list.len());
                let to = (from + removed).min(list.len());
                list.splice(from..to, inserted);
            }
        }
        for (field, change) in entries(&payload["merge"]) {
            let Some(map) = self.state[field].as_object_mut() else { continue };
            for (key, value) in entries(&change[0]) {
                map.insert(key.clone(), value.clone());
            }
            for key in change[1].as_array().into_iter().flatten().filter_map(Value::as_str) {
                map.remove(key);
            }
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The version and the state.
    pub(crate) fn take(&mut self) -> (u64, Value) {
        (self.version, self.state.take())
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_is_done_where_it_starts_and_nowhere_else() {
        let mut mirror = Mirror::default();
        let first =
            json!({ "splice": { "lines": [[0, 0, "a", "b"]] }, "merge": { "said": [{ "7": 1 }, []] } });
        mirror.change(0, 1, &first);
        mirror.change(0, 1, &first);
        mirror.change(1, 2, &json!({ "splice": { "lines": [[0, 1], [1, 0, "c"]] } }));
        assert_eq!(mirror.state, json!({ "lines": ["b", "c"], "said": { "7": 1 } }));
        mirror.change(2, 3, &json!({ "delta": { "lines": [] }, "merge": { "said": [{}, ["7"]] } }));
        assert_eq!(mirror.take(), (3, json!({ "lines": [], "said": {} })));
    }
}
