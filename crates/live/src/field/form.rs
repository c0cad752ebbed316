//! [`Form`]: values somebody is filling in, what is wrong with them, and whether they tried to hand them in.
//!
//! What the author calls is here; how it travels is in `form_sent.rs`. Clients change it through actions only.
//!
//! What must stay true: `errors` is what [`Validate`] says of `values` as they are now, and besides that only
//! what the author [said](Form::fail) about them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::{FieldErrors, Validate};
use crate::error::{Code, Error, Result};
use crate::wire::Wire;

/// What somebody fills in, checked by the server while they do.
///
/// ```
/// use fluxstack_live::prelude::*;
///
/// #[wire]
/// #[derive(Clone, Default)]
/// pub struct Signup {
///     pub email: String,
///     /// What may be empty while it is filled in is an `Option`.
///     pub age: Option<u8>,
/// }
///
/// impl Validate for Signup {
///     fn validate(&self, errors: &mut FieldErrors) {
///         errors.check(self.email.contains('@'), "email", "enter an e-mail address");
///         errors.check(self.age.is_some_and(|age| age >= 16), "age", "you must be 16 or older");
///     }
/// }
///
/// #[derive(State)]
/// pub struct SignupForm {
///     pub form: Form<Signup>,
///     pub done: bool,
/// }
///
/// impl Component for SignupForm {
///     type Props = ();
///     type Event = ();
///
///     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
///         Ok(SignupForm { form: Form::default(), done: false })
///     }
/// }
///
/// #[actions]
/// impl SignupForm {
///     /// Called while somebody types.
///     pub fn change(&mut self, values: Signup) {
///         self.form.change(values);
///     }
///
///     /// Called once. The password is never in the form, so it is never sent back.
///     pub async fn submit(&mut self, values: Signup, password: String) -> Result<()> {
///         let signup = self.form.submit(values)?;
///         if is_taken(&signup.email).await {
///             return Err(self.form.fail("email", "somebody has an account with it"));
///         }
///         create(signup, password).await;
///         self.done = true;
///         Ok(())
///     }
/// }
/// # async fn is_taken(_: &str) -> bool { false }
/// # async fn create(_: Signup, _: String) {}
/// ```
///
/// The errors are there from the beginning, also those of an empty form: the page shows them for fields that were
/// touched, and all of them once [`tried`](Form::is_tried).
///
/// **What must not come back must not go in.** The values are sent to everybody who sees the component, and are
/// written down with its state. A password, a card number or a code is an argument of the action that submits, and a
/// complaint about it is [`Error::invalid`].
#[derive(Clone)]
pub struct Form<T> {
    pub(super) values: T,
    /// What is shown.
    pub(super) errors: FieldErrors,
    /// What the author said, apart from `Validate`.
    pub(super) failed: FieldErrors,
    pub(super) tried: bool,
}

impl<T> Form<T> {
    /// A form that begins with these values.
    #[must_use]
    pub fn new(values: T) -> Self
    where
        T: Validate,
    {
        let errors = FieldErrors::of(&values);
        Self { values, errors, failed: FieldErrors::default(), tried: false }
    }

    /// What is filled in by now, acceptable or not.
    #[must_use]
    pub fn values(&self) -> &T {
        &self.values
    }

    /// What is wrong with it.
    #[must_use]
    pub fn errors(&self) -> &FieldErrors {
        &self.errors
    }

    /// Whether somebody tried to hand it in since it was new or [reset](Form::reset).
    #[must_use]
    pub fn is_tried(&self) -> bool {
        self.tried
    }

    /// Takes other values and says what is wrong with them. Nothing is refused: half-filled values are what a form
    /// is for.
    ///
    /// ```
    /// # use fluxstack_live::prelude::*;
    /// # #[wire] #[derive(Default)] struct Login { name: String }
    /// # impl Validate for Login {
    /// #     fn validate(&self, errors: &mut FieldErrors) { errors.check(!self.name.is_empty(), "name", "who are you?"); }
    /// # }
    /// let mut form = Form::<Login>::default();
    /// assert_eq!(form.errors().get("name"), Some("who are you?"));
    /// form.change(Login { name: "ada".into() });
    /// assert!(form.errors().is_empty() && !form.is_tried());
    /// ```
    pub fn change(&mut self, values: T)
    where
        T: Validate + Wire,
    {
        self.put(values);
    }

    /// Takes what is handed in, and answers it if it is acceptable.
    ///
    /// What [`Form::fail`] said is forgotten then, because the server is being asked anew.
    ///
    /// # Errors
    /// [`Code::Invalid`] with every complaint, by field.
    pub fn submit(&mut self, values: T) -> Result<T>
    where
        T: Validate + Wire + Clone,
    {
        self.tried = true;
        if !self.put(values) {
            return Err(self.refusal());
        }
        self.failed = FieldErrors::default();
        self.errors = FieldErrors::default();
        Ok(self.values.clone())
    }

    /// Complains about `field` with something only the server can know, and answers the error to return. The
    /// complaint stays until that field changes its value or acceptable values are handed in again.
    ///
    /// ```
    /// # use fluxstack_live::prelude::*;
    /// # #[wire] #[derive(Clone, Default)] struct Login { name: String, colour: String }
    /// # impl Validate for Login { fn validate(&self, _: &mut FieldErrors) {} }
    /// let mut form = Form::<Login>::default();
    /// let error = form.fail("name", "that name is taken");
    /// assert_eq!(error.field("name"), Some("that name is taken"));
    /// form.change(Login { colour: "red".into(), ..Login::default() });
    /// assert_eq!(form.errors().len(), 1);
    /// form.change(Login { name: "ada".into(), ..Login::default() });
    /// assert!(form.errors().is_empty());
    /// ```
    pub fn fail(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        complaint: impl Into<Cow<'static, str>>,
    ) -> Error
    where
        T: Validate,
    {
        self.failed.replace(field.into(), complaint.into());
        self.check();
        self.refusal()
    }

    /// Begins anew with these values: not tried, and with nothing left of what was said before.
    pub fn reset(&mut self, values: T)
    where
        T: Validate,
    {
        *self = Self::new(values);
    }

    /// Takes other values and answers whether `Validate` has nothing against them.
    fn put(&mut self, values: T) -> bool
    where
        T: Validate + Wire,
    {
        if !self.failed.is_empty() {
            let [before, after] = [&self.values, &values].map(|values| serde_json::to_value(values).ok());
            self.failed.retain(|field| {
                let [before, after] = [&before, &after].map(|values| values.as_ref().map(|it| at(it, field)));
                before.is_some() && before == after
            });
        }
        self.values = values;
        let is_acceptable = self.check();
        if cfg!(debug_assertions) && !is_acceptable {
            warn_of_strangers(&self.values, &self.errors);
        }
        is_acceptable
    }

    /// Brings the errors up to date, and answers whether `Validate` has nothing against the values.
    pub(super) fn check(&mut self) -> bool
    where
        T: Validate,
    {
        self.errors = FieldErrors::of(&self.values);
        let is_acceptable = self.errors.is_empty();
        self.errors.fill(&self.failed);
        is_acceptable
    }

    #[cold]
    fn refusal(&self) -> Error {
        let error = Error::new(Code::Invalid, "some fields need attention");
        self.errors
            .iter()
            .fold(error, |error, (field, complaint)| error.and(field.to_owned(), complaint.to_owned()))
    }
}

/// What stands at a path such as `lines.0.amount`.
fn at<'a>(values: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(values, |values, step| match values {
        Value::Object(fields) => fields.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Says once for each field that a complaint is about nothing the page knows, and so is shown nowhere.
#[cold]
fn warn_of_strangers<T: Wire>(values: &T, errors: &FieldErrors) {
    use std::collections::BTreeSet;
    use std::sync::{Mutex, PoisonError};

    static WARNED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let Ok(values) = serde_json::to_value(values) else { return };
    for (field, complaint) in errors.iter().filter(|(field, _)| at(&values, field).is_none()) {
        let ty = std::any::type_name::<T>();
        if WARNED.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{field}: {ty}")) {
            tracing::warn!(
                field,
                complaint,
                "`{ty}` has no `{field}` where this complaint could be shown: use the name that the page knows, \
                 such as `nickName` for `nick_name`"
            );
        }
    }
}

impl<T: Default + Validate> Default for Form<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Form<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { values, errors, tried, .. } = self;
        f.debug_struct("Form")
            .field("values", values)
            .field("errors", &errors.iter().collect::<BTreeMap<_, _>>())
            .field("tried", tried)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::warnings::Count;
    use super::*;

    type Names = std::collections::BTreeMap<String, Vec<u32>>;

    impl Validate for Names {
        fn validate(&self, errors: &mut FieldErrors) {
            for field in ["nickName", "nickName.0", "nick_name", "nickName.1", "nickName.first"] {
                errors.add(field, "no");
            }
        }
    }

    #[test]
    fn a_complaint_about_what_no_page_knows_is_named_once() {
        static WARNINGS: AtomicUsize = AtomicUsize::new(0);
        tracing::subscriber::with_default(Count(&WARNINGS), || {
            let mut form = Form::<Names>::default();
            form.change(Names::from([("nickName".to_owned(), vec![7])]));
            form.change(Names::from([("nickName".to_owned(), vec![8])]));
        });
        let expected = if cfg!(debug_assertions) { 3 } else { 0 };
        assert_eq!(WARNINGS.load(Ordering::Relaxed), expected);
    }
}
