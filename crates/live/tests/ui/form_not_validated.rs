//! A form of values that nobody says how to check.

use fluxstack_live::prelude::*;

#[wire]
#[derive(Clone, Default)]
pub struct Signup {
    pub email: String,
}

#[derive(State)]
pub struct SignupForm {
    pub form: Form<Signup>,
}

#[actions]
impl SignupForm {
    pub fn change(&mut self, values: Signup) {
        self.form.change(values);
    }
}

impl Component for SignupForm {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        unreachable!()
    }
}

fn main() {}
