//! What a client of a load test does to one component, and what must come of it.
//!
//! The calls of a plan are numbered from 1, and nobody else calls the instance. So the answer to each is known
//! beforehand, and so is the state after any number of them: whatever was lost or done twice shows.

use serde_json::{Value, json};

/// Rows a fresh list has.
const ROWS: u64 = 1_000;
/// Rows added by us that the list holds at most.
const OURS: u64 = 32;

/// A component of the showcase, and what is done to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Counts up from 0.
    Count,
    /// Adds a row and removes the oldest, turn about.
    Rows,
}

impl Plan {
    pub(crate) fn component(self) -> &'static str {
        match self {
            Self::Count => "Counter",
            Self::Rows => "Todos",
        }
    }

    pub(crate) fn props(self) -> Value {
        match self {
            Self::Count => json!({ "count": 0 }),
            Self::Rows => json!({}),
        }
    }

    /// The action of a call, and its arguments.
    pub(crate) fn call(self, number: u64) -> (&'static str, Value) {
        match self {
            Self::Count => ("increment", json!({})),
            Self::Rows if number % 2 == 1 => ("add", json!({ "text": format!("call {number}") })),
            Self::Rows => {
                let removal = number / 2;
                let id = if removal <= OURS { removal } else { ROWS + removal - OURS };
                ("remove", json!({ "id": id }))
            }
        }
    }

    /// What the call is answered.
    pub(crate) fn answer(self, number: u64) -> Value {
        match self {
            Self::Count => json!(number),
            Self::Rows if number % 2 == 1 => json!(ROWS + number.div_ceil(2)),
            Self::Rows => Value::Null,
        }
    }

    /// Of how many calls this is the state, if it is one of `least..=most`.
    ///
    /// # Errors
    /// How many calls it shows instead, as far as that can be said.
    pub(crate) fn done(self, state: &Value, least: u64, most: u64) -> Result<u64, Option<u64>> {
        let shown = match self {
            Self::Count => state["count"].as_u64(),
            Self::Rows => rows(state),
        };
        match shown {
            Some(calls) if (least..=most).contains(&calls) => Ok(calls),
            other => Err(other),
        }
    }
}

/// Of how many calls a list is the outcome, if it is the outcome of any: row by row.
fn rows(state: &Value) -> Option<u64> {
    let items = state["items"].as_array()?;
    let ids: Vec<u64> = items.iter().map(|row| row["id"].as_u64()).collect::<Option<_>>()?;
    let added = ids.first()?.checked_sub(ROWS)?;
    let is_there = |removed: u64| {
        let ours = (ROWS + 1 + removed.saturating_sub(OURS)..=ROWS + added).rev();
        ids.iter().copied().eq(ours.chain((1 + removed.min(OURS)..=ROWS).rev()))
    };
    let text = |row: &Value, id: u64| row["text"] == format!("call {}", 2 * (id - ROWS) - 1);
    let is_ours = items.iter().zip(&ids).filter(|(_, id)| **id > ROWS).all(|(row, id)| text(row, *id));
    // The last call added the newest row, or removed one after that.
    let calls = [(2 * added).checked_sub(1), Some(2 * added)].into_iter().flatten();
    calls.filter(|calls| is_there(calls / 2)).find(|_| is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list after so many calls, made as the showcase makes it.
    fn list(calls: u64) -> Value {
        let mut rows: Vec<(u64, String)> =
            (1..=ROWS).rev().map(|id| (id, format!("Thing number {id}"))).collect();
        for number in 1..=calls {
            let (action, arguments) = Plan::Rows.call(number);
            match action {
                "add" => rows.insert(
                    0,
                    (Plan::Rows.answer(number).as_u64().unwrap(), arguments["text"].as_str().unwrap().into()),
                ),
                _ => {
                    let before = rows.len();
                    rows.retain(|(id, _)| json!(id) != arguments["id"]);
                    assert_eq!(rows.len() + 1, before, "call {number} removes a row that is there");
                }
            }
        }
        let rows: Vec<Value> = rows.into_iter().map(|(id, text)| json!({ "id": id, "text": text })).collect();
        json!({ "items": rows })
    }

    #[test]
    fn a_list_says_how_many_calls_it_has_seen() {
        for calls in [0, 1, 2, 3, 63, 64, 65, 66, 200, 201] {
            assert_eq!(Plan::Rows.done(&list(calls), 0, 999), Ok(calls));
        }
        assert_eq!(Plan::Rows.done(&list(7), 8, 999), Err(Some(7)));
    }

    #[test]
    fn a_list_with_something_lost_or_doubled_in_it_is_none() {
        let mut lost = list(201);
        lost["items"].as_array_mut().unwrap().remove(5);
        assert_eq!(Plan::Rows.done(&lost, 0, 999), Err(None));
        let mut doubled = list(201);
        let row = doubled["items"][3].clone();
        doubled["items"].as_array_mut().unwrap().insert(3, row);
        assert_eq!(Plan::Rows.done(&doubled, 0, 999), Err(None));
        let mut changed = list(201);
        changed["items"][3]["text"] = json!("call 1");
        assert_eq!(Plan::Rows.done(&changed, 0, 999), Err(None));
    }

    #[test]
    fn a_count_is_the_number_of_calls() {
        assert_eq!(Plan::Count.done(&json!({ "count": 3 }), 2, 3), Ok(3));
        assert_eq!(Plan::Count.done(&json!({ "count": 4 }), 2, 3), Err(Some(4)));
    }
}
