//! [`Validate`] and [`FieldErrors`]: what an author says of the values of a [`Form`](super::Form).
//!
//! Complaints are shown to whoever sees the form, so they are bounded in number and in length. A bound never
//! makes values acceptable: what does not fit is cut, and there is a complaint all the same.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

/// How many fields are complained about at once; nobody reads more.
const MOST: usize = 64;

/// Characters of the longest complaint.
const LONGEST: usize = 200;

/// Characters of the longest name of a field, which may be a path.
const LONGEST_NAME: usize = 120;

/// Values that can say what is wrong with them.
///
/// It is called on every change, by the server alone, so it looks at the values and at nothing else: no
/// database, no clock. What only a look-up can know is for [`Form::fail`](super::Form::fail).
///
/// ```
/// use fluxstack_live::prelude::*;
///
/// #[wire]
/// pub struct Trip {
///     pub from_city: String,
///     pub to_city: String,
/// }
///
/// impl Validate for Trip {
///     fn validate(&self, errors: &mut FieldErrors) {
///         errors.check(!self.from_city.is_empty(), "fromCity", "where do you start?");
///         // Two fields may be looked at together, and a debugger can step in here.
///         errors.check(self.from_city != self.to_city, "toCity", "you are there already");
///     }
/// }
///
/// let errors = FieldErrors::of(&Trip { from_city: "Rome".into(), to_city: "Rome".into() });
/// assert_eq!(errors.get("toCity"), Some("you are there already"));
/// ```
#[diagnostic::on_unimplemented(
    message = "nobody says which values of `{Self}` a form accepts",
    label = "a `Form` validates its values",
    note = "write `impl Validate for {Self} {{ fn validate(&self, errors: &mut FieldErrors) {{ … }} }}`; an empty body accepts all"
)]
pub trait Validate {
    /// Adds a complaint for each field that is not acceptable, under the name the page knows it by: `nickName`
    /// for `nick_name`, `lines.0.amount` inside a list.
    fn validate(&self, errors: &mut FieldErrors);
}

/// `Self` is what a form of `Owner` holds; as [`Carried`](crate::wire::Carried) for arguments.
#[doc(hidden)]
pub trait Validated<Owner, const AT: usize>: Validate {}

/// At most one complaint for each field.
///
/// Bounded: 64 fields, 200 characters for each complaint. Never put a secret into one, or what somebody typed
/// at length: complaints travel, and are written down with the state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FieldErrors(BTreeMap<Cow<'static, str>, Cow<'static, str>>);

impl FieldErrors {
    /// Everything that is wrong with `values`.
    #[must_use]
    pub fn of<T: Validate + ?Sized>(values: &T) -> Self {
        let mut errors = Self::default();
        values.validate(&mut errors);
        errors
    }

    /// Complains about `field` unless `is_fine`. The first complaint about a field stands.
    ///
    /// ```
    /// use fluxstack_live::prelude::*;
    /// let (name, mut errors) = ("", FieldErrors::default());
    /// errors.check(!name.is_empty(), "name", "tell us your name");
    /// errors.check(name.len() > 2, "name", "a little more");
    /// assert_eq!(errors.get("name"), Some("tell us your name"));
    /// ```
    pub fn check(
        &mut self,
        is_fine: bool,
        field: impl Into<Cow<'static, str>>,
        complaint: impl Into<Cow<'static, str>>,
    ) {
        if !is_fine {
            self.add(field, complaint);
        }
    }

    /// Complains about `field`. The first complaint about a field stands.
    pub fn add(&mut self, field: impl Into<Cow<'static, str>>, complaint: impl Into<Cow<'static, str>>) {
        let field = cut(field.into(), LONGEST_NAME);
        if self.0.len() < MOST && !self.0.contains_key(&field) {
            self.0.insert(field, cut(complaint.into(), LONGEST));
        }
    }

    /// Takes over what a part of the values says of itself, under `path`.
    ///
    /// ```
    /// use fluxstack_live::prelude::*;
    /// use fluxstack_live::prelude::*;
    ///
    /// struct Line(u32);
    ///
    /// impl Validate for Line {
    ///     fn validate(&self, errors: &mut FieldErrors) {
    ///         errors.check(self.0 > 0, "amount", "how many?");
    ///     }
    /// }
    ///
    /// let mut errors = FieldErrors::default();
    /// for (at, line) in [Line(2), Line(0)].iter().enumerate() {
    ///     errors.within(format_args!("lines.{at}"), line);
    /// }
    /// assert_eq!(errors.get("lines.1.amount"), Some("how many?"));
    /// ```
    pub fn within<T: Validate + ?Sized>(&mut self, path: impl std::fmt::Display, part: &T) {
        for (field, complaint) in Self::of(part).0 {
            self.add(format!("{path}.{field}"), complaint);
        }
    }

    /// The complaint about `field`, if there is one.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(AsRef::as_ref)
    }

    /// All complaints, by field.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(field, complaint)| (field.as_ref(), complaint.as_ref()))
    }

    /// How many fields are complained about.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing to complain about.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Complains about `field`, instead of what was said before.
    pub(super) fn replace(&mut self, field: Cow<'static, str>, complaint: Cow<'static, str>) {
        let field = cut(field, LONGEST_NAME);
        self.0.remove(&field);
        self.add(field, complaint);
    }

    /// Takes over what is said of fields that nothing is said of here.
    pub(super) fn fill(&mut self, others: &Self) {
        others.0.iter().for_each(|(field, complaint)| self.add(field.clone(), complaint.clone()));
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.0.retain(|field, _| keep(field));
    }
}

impl From<BTreeMap<String, String>> for FieldErrors {
    fn from(complaints: BTreeMap<String, String>) -> Self {
        let mut errors = Self::default();
        complaints.into_iter().for_each(|(field, complaint)| errors.add(field, complaint));
        errors
    }
}

/// The first `most` characters.
fn cut(text: Cow<'static, str>, most: usize) -> Cow<'static, str> {
    let Some((end, _)) = text.char_indices().nth(most) else { return text };
    let end = text[..end].char_indices().next_back().map_or(0, |(last, _)| last);
    Cow::Owned(format!("{}…", &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_bounded_and_there_is_one_all_the_same() {
        let mut errors = FieldErrors::default();
        errors.add("é".repeat(500), "ö".repeat(500));
        let (field, complaint) = errors.iter().next().unwrap();
        assert_eq!((field.chars().count(), complaint.chars().count()), (LONGEST_NAME, LONGEST));
        assert!(field.ends_with("é…") && complaint.ends_with("ö…"));
        for at in 0..500 {
            errors.add(format!("field{at}"), "no");
        }
        assert_eq!(errors.len(), MOST);
        let exact = "x".repeat(LONGEST);
        assert_eq!(cut(exact.clone().into(), LONGEST), exact);
    }

    #[test]
    fn the_first_complaint_about_a_field_stands() {
        let mut errors = FieldErrors::default();
        errors.check(true, "name", "never said");
        errors.check(false, "name", "first");
        errors.add("name", String::from("second"));
        assert_eq!(errors.iter().collect::<Vec<_>>(), [("name", "first")]);
        errors.replace("name".into(), "third".into());
        assert_eq!(errors.get("name"), Some("third"));
    }
}
