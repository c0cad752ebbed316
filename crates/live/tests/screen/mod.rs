//! What is shown of instances while a transcript is played, where it does not matter in how many frames it came.

use std::collections::HashMap;

use fluxstack_live_protocol::Delta;
use serde_json::{Map, Value};

/// States by the ids of their instances.
#[derive(Default)]
pub(crate) struct Screen {
    shown: HashMap<String, Shown>,
}

struct Shown {
    state: Map<String, Value>,
    version: u64,
}

impl Screen {
    /// Shows what is in a frame; whether it was a state and nothing else.
    ///
    /// # Panics
    /// If it does not fit to what is shown, or its digest is wrong.
    pub(crate) fn show(&mut self, message: &Value) -> bool {
        let result = &message["result"];
        if let Some(state) = result["initialState"].as_object() {
            self.put(&result["componentId"], state, &result["version"]);
            return false;
        }
        let (id, payload) = (&message["componentId"], &message["payload"]);
        match message["type"].as_str() {
            Some("STATE_UPDATE") => {
                let state = payload["state"].as_object().expect("a state is an object");
                self.put(id, state, &payload["version"]);
                true
            }
            Some("STATE_DELTA") => {
                let delta = Delta::parse(payload.to_string().as_bytes()).expect("a delta");
                let shown = self.shown.get_mut(text(id)).expect("a delta of something that is mounted");
                // What is old says nothing new.
                if delta.version > shown.version {
                    let fits = delta.apply(&mut shown.state, shown.version);
                    fits.unwrap_or_else(|why| panic!("{why}: {message}"));
                    shown.version = delta.version;
                }
                true
            }
            _ => false,
        }
    }

    /// What is shown of an instance.
    pub(crate) fn state(&self, id: &Value) -> Value {
        self.shown.get(text(id)).map_or(Value::Null, |shown| shown.state.clone().into())
    }

    /// The version of it.
    pub(crate) fn version(&self, id: &Value) -> u64 {
        self.shown.get(text(id)).map_or(0, |shown| shown.version)
    }

    fn put(&mut self, id: &Value, state: &Map<String, Value>, version: &Value) {
        let shown = Shown { state: state.clone(), version: version.as_u64().expect("a version") };
        self.shown.insert(text(id).to_owned(), shown);
    }
}

fn text(id: &Value) -> &str {
    id.as_str().unwrap_or_default()
}
