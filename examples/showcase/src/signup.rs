//! A form that is checked while it is filled in, and the step of it that is open.
//!
//! The step is state as well, so that who comes back finds not only what they typed but also where they were.

use std::time::Duration;

use fluxstack_live::prelude::*;

/// How long somebody else's database takes to say whether an address is taken.
const LOOKUP: Duration = Duration::from_millis(300);

/// The last step; the first is 0.
const LAST_STEP: u8 = 2;

/// Makes an account, in three steps.
#[derive(State)]
pub struct Signup {
    /// What is filled in.
    pub form: Form<Account>,
    /// Which step is open.
    pub step: u8,
    /// Whether there is an account now.
    pub done: bool,
}

/// What somebody fills in.
#[wire]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// Where to write to.
    pub email: String,
    /// How to address them.
    pub name: String,
    /// In years.
    pub age: Option<u8>,
    /// What they want to pay for.
    pub plan: Plan,
    /// Whether they want to hear from us.
    pub newsletter: bool,
}

/// What can be had.
#[wire]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plan {
    /// For nothing.
    #[default]
    Free,
    /// For one.
    Solo,
    /// For many.
    Team,
}

impl Validate for Account {
    fn validate(&self, errors: &mut FieldErrors) {
        let Account { email, name, age, plan, newsletter } = self;
        errors.check(!email.trim().is_empty(), "email", "tell us where to write to");
        errors.check(email.contains('@'), "email", "an address has an @ in it");
        errors.check(email.chars().count() <= 200, "email", "at most 200 characters");
        errors.check(!name.trim().is_empty(), "name", "tell us your name");
        errors.check(name.chars().count() <= 30, "name", "at most 30 characters");
        errors.check(age.is_some(), "age", "tell us how old you are");
        errors.check(age.is_none_or(|age| age >= 16), "age", "you must be 16 or older");
        // What no attribute of one field could say.
        let hears = *newsletter || *plan != Plan::Team;
        errors.check(hears, "newsletter", "a team has to hear of changes");
    }
}

impl Component for Signup {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Signup { form: Form::default(), step: 0, done: false })
    }
}

#[actions]
impl Signup {
    /// Takes what is filled in by now.
    pub fn change(&mut self, values: Account) {
        self.form.change(values);
    }

    /// Opens a step.
    pub fn go(&mut self, step: u8) {
        self.step = step.min(LAST_STEP);
    }

    /// Makes the account, if everything is acceptable and nobody else has the address.
    pub async fn submit(&mut self, values: Account) -> Result<()> {
        let account = self.form.submit(values)?;
        if is_taken(&account.email).await {
            self.step = 0;
            return Err(self.form.fail("email", "taken"));
        }
        self.done = true;
        Ok(())
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.form.reset(Account::default());
        (self.step, self.done) = (0, false);
    }
}

/// Stands for a look into a database.
async fn is_taken(email: &str) -> bool {
    tokio::time::sleep(LOOKUP).await;
    email.trim().eq_ignore_ascii_case("taken@example.com")
}

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::mount;
    use serde_json::{Value, json};

    use super::*;

    fn account(email: &str) -> Value {
        json!({ "email": email, "name": "Ada", "age": 36, "plan": "solo", "newsletter": false })
    }

    #[tokio::test]
    async fn what_is_typed_is_kept_and_complained_about() {
        let mut signup = mount::<Signup>(()).await.unwrap();
        let half = json!({ "email": "ada", "name": "Ada", "plan": "team", "newsletter": false });
        signup.call("change", json!({ "values": half })).await.unwrap();
        let form = signup.state()["form"].clone();
        assert_eq!(form["values"]["name"], json!("Ada"));
        assert_eq!(
            form["errors"],
            json!({
                "age": "tell us how old you are", "email": "an address has an @ in it",
                "newsletter": "a team has to hear of changes",
            })
        );
        let refused = signup.call("submit", json!({ "values": half })).await.unwrap_err();
        assert_eq!((refused.code.as_str(), &refused.fields), ("INVALID", &form["errors"]));
        assert_eq!(signup.state()["form"]["tried"], json!(true));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_is_taken_is_complained_about_until_it_is_another() {
        let mut signup = mount::<Signup>(()).await.unwrap();
        signup.call("go", json!({ "step": 9 })).await.unwrap();
        assert_eq!(signup.state()["step"], json!(2));
        let taken = account("Taken@example.com");
        let refused = signup.call("submit", json!({ "values": taken })).await.unwrap_err();
        assert_eq!(refused.fields, json!({ "email": "taken" }));
        assert_eq!((&signup.state()["step"], &signup.state()["done"]), (&json!(0), &json!(false)));
        let free = account("ada@example.com");
        signup.call("change", json!({ "values": free })).await.unwrap();
        assert_eq!(signup.state()["form"]["errors"], json!({}));
        signup.call("submit", json!({ "values": free })).await.unwrap();
        assert_eq!(signup.state()["done"], json!(true));
        signup.call("reset", json!({})).await.unwrap();
        assert_eq!(signup.state()["form"]["values"]["email"], json!(""));
    }
}
