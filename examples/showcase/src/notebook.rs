//! Notes that can be written without a connection: every change names what it is about, so that it means the same
//! whenever it arrives.
//!
//! A page that is offline makes the ids itself, because it has to speak of a note before the server has heard of it.

use fluxstack_live::prelude::*;

/// Notes it may have.
const MOST: usize = 2_000;

/// Characters of a note, of an id and of what is looked for.
const LONGEST: usize = 500;

/// Notes under a name.
#[derive(State)]
pub struct Notebook {
    /// Its name.
    pub name: String,
    /// Those that have in them what is looked for, oldest first.
    pub notes: List<Note>,
    /// How many there are in all.
    pub total: u32,
    /// What is looked for.
    pub search: String,
    /// How often it was bumped.
    pub bumps: u32,
    /// All of them.
    #[state(keep)]
    all: Vec<Note>,
    /// The last id that was made here.
    #[state(keep)]
    last: u32,
}

/// A note.
#[wire]
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Made by the page, or by the server if the page had none.
    pub id: String,
    /// What it says.
    pub text: String,
}

/// Which notebook it is.
#[wire]
pub struct NotebookProps {
    /// Its name.
    #[serde(default)]
    pub name: String,
}

impl Component for Notebook {
    type Props = NotebookProps;
    type Event = ();

    async fn mount(props: NotebookProps, _cx: &mut Cx<Self>) -> Result<Self> {
        let name = bounded("name", props.name)?;
        let (notes, all) = (List::new(), Vec::new());
        Ok(Notebook { name, notes, total: 0, search: String::new(), bumps: 0, all, last: 0 })
    }
}

#[actions]
impl Notebook {
    /// Adds a note at the end, and answers its id.
    pub fn add(&mut self, text: String, id: Option<String>) -> Result<String> {
        let text = acceptable(text)?;
        if self.all.len() >= MOST {
            return Err(Error::new(Code::Conflict, "the notebook is full: remove something first"));
        }
        let id = match id.filter(|id| !id.is_empty()) {
            Some(id) => bounded("id", id)?,
            None => {
                self.last += 1;
                format!("note-{}", self.last)
            }
        };
        if self.all.iter().any(|note| note.id == id) {
            return Err(Error::new(Code::Conflict, "there is such a note already"));
        }
        let note = Note { id: id.clone(), text };
        if note.has(&self.search) {
            self.notes.push(note.clone());
        }
        self.all.push(note);
        self.total += 1;
        Ok(id)
    }

    /// Gives a note another text.
    pub fn rename(&mut self, id: String, text: String) -> Result<()> {
        let text = acceptable(text)?;
        let note = self.all.iter_mut().find(|note| note.id == id);
        note.ok_or_else(|| Error::not_found("that note is gone"))?.text = text;
        self.find();
        Ok(())
    }

    /// Removes a note.
    pub fn remove(&mut self, id: String) -> Result<()> {
        let at = self.all.iter().position(|note| note.id == id);
        self.all.remove(at.ok_or_else(|| Error::not_found("that note is gone"))?);
        self.notes.retain(|note| note.id != id);
        self.total -= 1;
        Ok(())
    }

    /// One more, and answers how many.
    pub fn bump(&mut self) -> u32 {
        self.bumps += 1;
        self.bumps
    }

    /// Shows only notes that have this in them, in capitals or not; all of them for an empty text.
    pub fn search(&mut self, text: String) -> Result<()> {
        self.search = bounded("text", text)?;
        self.find();
        Ok(())
    }
}

impl Notebook {
    // The list finds out itself which rows are the same.
    fn find(&mut self) {
        self.notes = self.all.iter().filter(|note| note.has(&self.search)).cloned().collect();
    }
}

impl Note {
    fn has(&self, search: &str) -> bool {
        self.text.to_lowercase().contains(&search.to_lowercase())
    }
}

fn bounded(field: &'static str, text: String) -> Result<String> {
    if text.chars().count() > LONGEST {
        return Err(Error::invalid(field, format!("at most {LONGEST} characters")));
    }
    Ok(text)
}

fn acceptable(text: String) -> Result<String> {
    let text = bounded("text", text.trim().to_owned())?;
    if text.is_empty() {
        return Err(Error::invalid("text", "an empty note is no note"));
    }
    if text.to_lowercase().contains("forbidden") {
        return Err(Error::invalid("text", "that is forbidden"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::{Mounted, mount};
    use serde_json::json;

    use super::*;

    async fn notebook() -> Mounted<Notebook> {
        let mut notebook = mount::<Notebook>(NotebookProps { name: "first".into() }).await.unwrap();
        for (id, text) in [("a", "Milk"), ("b", " Bread ")] {
            notebook.call("add", json!({ "id": id, "text": text })).await.unwrap();
        }
        notebook
    }

    #[tokio::test]
    async fn notes_come_change_and_go() {
        let mut notebook = notebook().await;
        assert_eq!(notebook.call("bump", json!({})).await, Ok(json!(1)));
        notebook.call("rename", json!({ "id": "a", "text": "Oat milk" })).await.unwrap();
        notebook.call("remove", json!({ "id": "b" })).await.unwrap();
        let state = notebook.state();
        assert_eq!(state["notes"], json!([{ "id": "a", "text": "Oat milk" }]));
        assert_eq!((&state["name"], &state["total"]), (&json!("first"), &json!(1)));
        assert_eq!(notebook.call("remove", json!({ "id": "b" })).await.unwrap_err().code, "NOT_FOUND");
    }

    #[tokio::test]
    async fn what_is_forbidden_or_there_already_is_refused() {
        let mut notebook = notebook().await;
        let refused =
            notebook.call("add", json!({ "id": "c", "text": "Forbidden fruit" })).await.unwrap_err();
        assert_eq!(refused.fields, json!({ "text": "that is forbidden" }));
        let refused = notebook.call("add", json!({ "id": "a", "text": "Again" })).await.unwrap_err();
        assert_eq!(refused.code, "CONFLICT");
        let refused = notebook.call("rename", json!({ "id": "a", "text": "FORBIDDEN" })).await.unwrap_err();
        assert_eq!(refused.code, "INVALID");
        assert_eq!(notebook.state()["total"], json!(2));
    }

    #[tokio::test]
    async fn a_search_hides_notes_and_loses_none() {
        let mut notebook = notebook().await;
        let ids = |notebook: &mut Mounted<Notebook>| {
            let notes = notebook.state()["notes"].as_array().cloned().unwrap_or_default();
            notes.iter().map(|note| note["id"].as_str().unwrap_or_default().to_owned()).collect::<String>()
        };
        notebook.call("search", json!({ "text": "BREAD" })).await.unwrap();
        assert_eq!(ids(&mut notebook), "b");
        notebook.call("add", json!({ "id": "c", "text": "Breadcrumbs" })).await.unwrap();
        notebook.call("add", json!({ "id": "d", "text": "Salt" })).await.unwrap();
        notebook.call("rename", json!({ "id": "b", "text": "Rolls" })).await.unwrap();
        assert_eq!(ids(&mut notebook), "c");
        notebook.call("search", json!({ "text": "" })).await.unwrap();
        assert_eq!(ids(&mut notebook), "abcd");
        assert_eq!(notebook.call("add", json!({ "text": "Jam" })).await, Ok(json!("note-1")));
    }
}
