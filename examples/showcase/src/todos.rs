//! A list of a thousand rows, of which one change sends one row.

use fluxstack_live::prelude::*;

/// Rows it starts with.
const ROWS: u32 = 1_000;

/// Rows it may have.
const MOST: usize = 5_000;

/// A list of things to do.
#[derive(State)]
pub struct Todos {
    /// The rows, newest first.
    pub items: List<Todo>,
    /// How many are not done.
    pub open: u32,
    #[state(keep)]
    last: u32,
}

/// One thing to do.
#[wire]
#[derive(Clone, Debug, PartialEq)]
pub struct Todo {
    /// Never given twice.
    pub id: u32,
    /// What is to be done.
    pub text: String,
    /// Whether it is.
    pub done: bool,
}

impl Component for Todos {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        let row = |id: u32| Todo { id, text: format!("Thing number {id}"), done: id.is_multiple_of(7) };
        let items: List<Todo> = (1..=ROWS).rev().map(row).collect();
        let open = count(&items);
        Ok(Todos { items, open, last: ROWS })
    }
}

#[actions]
impl Todos {
    /// Adds a row on top.
    pub fn add(&mut self, text: String) -> Result<u32> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::invalid("text", "what is to be done?"));
        }
        if text.chars().count() > 200 {
            return Err(Error::invalid("text", "at most 200 characters"));
        }
        if self.items.len() >= MOST {
            return Err(Error::new(Code::Conflict, "the list is full: remove something first"));
        }
        self.last += 1;
        self.items.insert(0, Todo { id: self.last, text: text.to_owned(), done: false });
        self.open += 1;
        Ok(self.last)
    }

    /// Ticks a row off, or on again.
    pub fn toggle(&mut self, id: u32) -> Result<()> {
        let at = self.find(id)?;
        self.items.update(at, |todo| todo.done = !todo.done);
        self.open = count(&self.items);
        Ok(())
    }

    /// Removes a row.
    pub fn remove(&mut self, id: u32) -> Result<()> {
        let at = self.find(id)?;
        self.items.remove(at);
        self.open = count(&self.items);
        Ok(())
    }

    /// Removes every row that is done, and answers how many there were.
    pub fn clear_done(&mut self) -> usize {
        let before = self.items.len();
        self.items.retain(|todo| !todo.done);
        before - self.items.len()
    }
}

impl Todos {
    fn find(&self, id: u32) -> Result<usize> {
        self.items.iter().position(|todo| todo.id == id).ok_or_else(|| Error::not_found("that row is gone"))
    }
}

fn count(items: &[Todo]) -> u32 {
    u32::try_from(items.iter().filter(|todo| !todo.done).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::mount;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn rows_come_go_and_change_alone() {
        let mut todos = mount::<Todos>(()).await.unwrap();
        assert_eq!(todos.state()["items"].as_array().map(Vec::len), Some(1_000));
        let id = todos.call("add", json!({ "text": " water the plants " })).await.unwrap();
        assert_eq!(todos.state()["items"][0], json!({ "id": id, "text": "water the plants", "done": false }));
        todos.call("toggle", json!({ "id": id })).await.unwrap();
        assert_eq!(todos.state()["items"][0]["done"], json!(true));
        todos.call("remove", json!({ "id": id })).await.unwrap();
        assert_eq!(todos.call("toggle", json!({ "id": id })).await.unwrap_err().code, "NOT_FOUND");
        assert_eq!(todos.call("clearDone", json!({})).await, Ok(json!(142)));
    }
}
