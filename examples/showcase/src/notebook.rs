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
    /// All of them, oldest first.
    pub notes: List<Note>,
    /// What is looked for.
    pub search: String,
    /// The ids of the notes that have it in them, while something is looked for.
    pub found: Option<Vec<String>>,
    /// How often it was bumped.
    pub bumps: u32,
    /// How many ids were made here.
    made: u32,
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
        Ok(Notebook {
            name: bounded("name", props.name)?,
            notes: List::new(),
            search: String::new(),
            found: None,
            bumps: 0,
            made: 0,
        })
    }
}

#[actions]
impl Notebook {
    /// Adds a note at the end, and answers its id.
    pub fn add(&mut self, text: String, id: Option<String>) -> Result<String> {
        let text = acceptable(text)?;
        if self.notes.len() >= MOST {
            return Err(Error::new(Code::Conflict, "the notebook is full: remove something first"));
        }
        let id = match id.filter(|id| !id.is_empty()) {
            Some(id) => bounded("id", id)?,
            None => self.new_id(),
        };
        if self.find(&id).is_ok() {
            return Err(Error::new(Code::Conflict, "there is such a note already"));
        }
        self.notes.push(Note { id: id.clone(), text });
        self.look();
        Ok(id)
    }

    /// Gives a note another text.
    pub fn rename(&mut self, id: String, text: String) -> Result<()> {
        let text = acceptable(text)?;
        let at = self.find(&id)?;
        self.notes.update(at, |note| note.text = text);
        self.look();
        Ok(())
    }

    /// Removes a note.
    pub fn remove(&mut self, id: String) -> Result<()> {
        let at = self.find(&id)?;
        self.notes.remove(at);
        self.look();
        Ok(())
    }

    /// One more, and answers how many.
    pub fn bump(&mut self) -> u32 {
        self.bumps += 1;
        self.bumps
    }

    /// Looks for notes that have this in them, in capitals or not; an empty text ends it.
    pub fn search(&mut self, text: String) -> Result<()> {
        self.search = bounded("text", text)?;
        self.look();
        Ok(())
    }
}

impl Notebook {
    fn find(&self, id: &str) -> Result<usize> {
        let at = self.notes.iter().position(|note| note.id == id);
        at.ok_or_else(|| Error::not_found("that note is gone"))
    }

    fn look(&mut self) {
        let wanted = self.search.trim().to_lowercase();
        let has = |note: &&Note| note.text.to_lowercase().contains(&wanted);
        let found = || self.notes.iter().filter(has).map(|note| note.id.clone()).collect();
        self.found = (!wanted.is_empty()).then(found);
    }

    /// An id that no note has.
    fn new_id(&mut self) -> String {
        loop {
            self.made += 1;
            let id = format!("note-{}", self.made);
            if self.find(&id).is_err() {
                return id;
            }
        }
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
        assert_eq!(state["name"], json!("first"));
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
        assert_eq!(notebook.state()["notes"].as_array().map(Vec::len), Some(2));
    }

    #[tokio::test]
    async fn what_is_looked_for_is_found_also_after_a_change() {
        let mut notebook = notebook().await;
        notebook.call("search", json!({ "text": "BREAD" })).await.unwrap();
        assert_eq!(notebook.state()["found"], json!(["b"]));
        notebook.call("add", json!({ "id": "c", "text": "Breadcrumbs" })).await.unwrap();
        notebook.call("rename", json!({ "id": "b", "text": "Rolls" })).await.unwrap();
        assert_eq!(notebook.state()["found"], json!(["c"]));
        notebook.call("search", json!({ "text": "" })).await.unwrap();
        assert_eq!(notebook.state()["found"], json!(null));
    }

    #[tokio::test]
    async fn a_note_without_an_id_is_given_one_that_is_free() {
        let mut notebook = notebook().await;
        notebook.call("add", json!({ "text": "Jam", "id": "note-1" })).await.unwrap();
        assert_eq!(notebook.call("add", json!({ "text": "Tea" })).await, Ok(json!("note-2")));
    }
}
