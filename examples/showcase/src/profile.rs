//! A form whose fields the page writes as you type; the server checks each and derives the rest.

use fluxstack_live::prelude::*;

/// A name and an address, checked as they are typed.
#[derive(State)]
pub struct Profile {
    /// At most 30 characters.
    pub name: Bound<String>,
    /// Has to look like an address, or be empty.
    pub email: Bound<String>,
    /// Between 0 and 100.
    pub volume: Bound<u8>,
    /// Made by the server of what was written.
    pub greeting: String,
    /// How often it was saved.
    pub saved: u32,
}

impl Component for Profile {
    type Props = ();
    type Event = ProfileEvent;

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        let short = |name: &String| {
            if name.chars().count() <= 30 { Ok(()) } else { Err("at most 30 characters") }
        };
        let address = |email: &String| {
            if email.is_empty() || email.contains('@') { Ok(()) } else { Err("an address has an @ in it") }
        };
        let percent = |volume: &u8| if *volume <= 100 { Ok(()) } else { Err("at most 100") };
        Ok(Profile {
            name: Bound::new(String::new()).check(short),
            email: Bound::new(String::new()).check(address),
            volume: Bound::new(40).check(percent),
            greeting: "Tell me your name.".to_owned(),
            saved: 0,
        })
    }

    fn written(&mut self, field: &'static str, _cx: &mut Cx<Self>) -> Result<()> {
        if field == "name" {
            let name = self.name.trim();
            self.greeting =
                if name.is_empty() { "Tell me your name.".to_owned() } else { format!("Hello, {name}!") };
        }
        Ok(())
    }
}

/// What happens to a profile.
#[wire]
pub enum ProfileEvent {
    /// It was saved.
    Saved {
        /// How often by now.
        times: u32,
    },
}

#[actions]
impl Profile {
    /// Saves it, if it is complete.
    pub fn save(&mut self, cx: &mut Cx<Self>) -> Result<u32> {
        if self.name.trim().is_empty() {
            return Err(Error::invalid("name", "tell us your name"));
        }
        if self.email.is_empty() {
            return Err(Error::invalid("email", "tell us where to write to"));
        }
        self.saved += 1;
        cx.emit(ProfileEvent::Saved { times: self.saved });
        Ok(self.saved)
    }
}

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::mount;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn what_is_typed_is_checked_and_answered() {
        let mut profile = mount::<Profile>(()).await.unwrap();
        profile.write("name", json!("Ada")).await.unwrap();
        assert_eq!(profile.delta(), json!({ "name": "Ada", "greeting": "Hello, Ada!" }));
        let refused = profile.write("volume", json!(101)).await.unwrap_err();
        assert_eq!(refused.fields, json!({ "volume": "at most 100" }));
        assert_eq!(profile.write("saved", json!(9)).await.unwrap_err().code, "NOT_WRITABLE");
        let refused = profile.call("save", json!({})).await.unwrap_err();
        assert_eq!(refused.fields, json!({ "email": "tell us where to write to" }));
        profile.write("email", json!("ada@example.com")).await.unwrap();
        assert_eq!(profile.call("save", json!({})).await, Ok(json!(1)));
        assert_eq!(profile.events(), [json!({ "type": "saved", "times": 1 })]);
    }
}
