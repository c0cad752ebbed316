//! What a form promises: its errors are those of its values and what its author said of them; a change sends the
//! parts that changed; and whatever happens to its instance, what comes back is what was there, checked anew where
//! the check may be another.

#![expect(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may unwrap, also where it is not itself the test"
)]

use std::collections::BTreeMap;

use fluxstack_live::prelude::*;
use fluxstack_live::protocol::delta::{Writer, merge};
use fluxstack_live::protocol::{Delta, digest};
use fluxstack_live::state::{FlushError, Pace};
use fluxstack_live::testing::{Harness, mount};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

#[wire]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order {
    pub full_name: String,
    pub lines: Vec<Line>,
    pub limit: Option<u32>,
}

#[wire]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    pub amount: u32,
}

impl Validate for Line {
    fn validate(&self, errors: &mut FieldErrors) {
        errors.check(self.amount > 0, "amount", "how many?");
    }
}

impl Validate for Order {
    fn validate(&self, errors: &mut FieldErrors) {
        errors.check(!self.full_name.is_empty(), "fullName", "tell us your name");
        for (at, line) in self.lines.iter().enumerate() {
            errors.within(format_args!("lines.{at}"), line);
        }
        let sum: u32 = self.lines.iter().map(|line| line.amount).sum();
        errors.check(
            self.limit.is_none_or(|limit| sum <= limit),
            "limit",
            format!("{sum} is more than that"),
        );
    }
}

#[derive(State)]
pub struct Desk {
    pub form: Form<Order>,
    #[state(every_ms = 60_000)]
    pub slow: Form<Order>,
}

impl Component for Desk {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Self::new())
    }
}

#[actions]
impl Desk {
    pub fn change(&mut self, values: Order) {
        self.form.change(values);
    }

    pub fn submit(&mut self, values: Order, password: String) -> Result<usize> {
        let order = self.form.submit(values)?;
        if order.full_name == "taken" {
            return Err(self.form.fail("fullName", "that name is taken"));
        }
        if password.len() < 12 {
            return Err(Error::invalid("password", "at least 12 letters"));
        }
        Ok(order.lines.len())
    }
}

impl Desk {
    fn new() -> Self {
        Self { form: Form::default(), slow: Form::default() }
    }

    fn form(&mut self, slow: bool) -> &mut Form<Order> {
        if slow { &mut self.slow } else { &mut self.form }
    }
}

/// The same without any cleverness.
#[derive(Clone, Debug, Default)]
struct Model {
    values: Order,
    failed: BTreeMap<String, String>,
    tried: bool,
}

impl Model {
    fn found(&self) -> BTreeMap<String, String> {
        let said = |(field, complaint): (&str, &str)| (field.to_owned(), complaint.to_owned());
        FieldErrors::of(&self.values).iter().map(said).collect()
    }

    fn errors(&self) -> BTreeMap<String, String> {
        let mut errors = self.failed.clone();
        errors.extend(self.found());
        errors
    }

    fn json(&self) -> Value {
        json!({ "values": self.values, "errors": self.errors(), "tried": self.tried })
    }

    fn change(&mut self, values: Order) {
        let before = std::mem::replace(&mut self.values, values);
        let amount = |order: &Order| order.lines.first().map(|line| line.amount);
        self.failed.retain(|field, _| match &**field {
            "fullName" => before.full_name == self.values.full_name,
            "lines" => before.lines == self.values.lines,
            "lines.0.amount" => amount(&before) == amount(&self.values),
            _ => true,
        });
    }

    /// What comes back of it when all there is is what was shown.
    fn restored(&self) -> Self {
        let found = self.found();
        let failed = self.failed.clone().into_iter().filter(|(field, _)| !found.contains_key(field));
        Self { failed: failed.collect(), ..self.clone() }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Change(Order),
    Submit(Order),
    /// With the values it has.
    Again,
    Fail(&'static str, String),
    Reset(Order),
}

#[derive(Clone, Copy, Debug)]
enum End {
    Flush,
    Hold,
    Panic,
    Undo,
    TooLarge,
    Restart,
}

fn orders() -> impl Strategy<Value = Order> {
    let lines = vec((0..3u32).prop_map(|amount| Line { amount }), 0..3);
    ("[ab\"é]{0,2}", lines, prop::option::of(0..4u32)).prop_map(|(full_name, lines, limit)| Order {
        full_name,
        lines,
        limit,
    })
}

fn ops() -> impl Strategy<Value = (bool, Op)> {
    let field = prop::sample::select(vec!["fullName", "lines", "lines.0.amount", "nowhere"]);
    let op = prop_oneof![
        4 => orders().prop_map(Op::Change),
        2 => orders().prop_map(Op::Submit),
        2 => Just(Op::Again),
        3 => (field, "[a-z]{1,3}").prop_map(|(field, said)| Op::Fail(field, said)),
        1 => orders().prop_map(Op::Reset),
    ];
    (any::<bool>(), op)
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        5 => Just(End::Flush),
        3 => Just(End::Hold),
        1 => Just(End::Panic),
        2 => Just(End::Undo),
        1 => Just(End::TooLarge),
        1 => Just(End::Restart),
    ]
}

fn play(op: Op, form: &mut Form<Order>, model: &mut Model) {
    match op {
        Op::Change(values) => {
            form.change(values.clone());
            model.change(values);
        }
        Op::Submit(values) => submit(values, form, model),
        Op::Again => submit(form.values().clone(), form, model),
        Op::Fail(field, said) => {
            let error = form.fail(field, said.clone());
            model.failed.insert(field.to_owned(), said);
            let said: BTreeMap<_, _> = error.fields().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
            assert_eq!((error.code(), said), (Code::Invalid, model.errors()));
        }
        Op::Reset(values) => {
            form.reset(values.clone());
            *model = Model { values, ..Model::default() };
        }
    }
}

fn submit(values: Order, form: &mut Form<Order>, model: &mut Model) {
    model.tried = true;
    model.change(values.clone());
    let outcome = form.submit(values.clone());
    if model.found().is_empty() {
        model.failed.clear();
        assert_eq!(outcome.unwrap(), values);
    } else {
        let error = outcome.unwrap_err();
        let said: BTreeMap<_, _> = error.fields().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        assert_eq!((error.code(), said), (Code::Invalid, model.errors()));
    }
}

/// An instance without its task, and a client that believes its deltas.
struct World {
    desk: Desk,
    sent: <Desk as State>::Sent,
    pace: Pace,
    models: [Model; 2],
    committed: [Model; 2],
    client: serde_json::Map<String, Value>,
    version: u64,
    last: Option<(Vec<u8>, serde_json::Map<String, Value>)>,
}

impl World {
    fn new(desk: Desk, models: [Model; 2]) -> Self {
        let (mut sent, mut pace) = (Default::default(), Pace::default());
        let (mut desk, committed) = (desk, models.clone());
        desk.flush(&mut sent, &mut pace, usize::MAX, &mut Writer::default()).unwrap();
        let mut world =
            Self { desk, sent, pace, models, committed, client: Default::default(), version: 0, last: None };
        world.client = serde_json::from_slice(&world.snapshot()).unwrap();
        world
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.desk.snapshot(&self.sent, &mut out);
        out
    }

    fn flush(&mut self, holds: bool) {
        let mut out = Writer::default();
        let mut now = Pace::default();
        let pace = if holds { &mut self.pace } else { &mut now };
        self.desk.flush(&mut self.sent, pace, usize::MAX, &mut out).unwrap();
        self.committed[0] = self.models[0].clone();
        let snapshot: Value = serde_json::from_slice(&self.snapshot()).unwrap();
        if !holds || snapshot["slow"] == self.models[1].json() {
            self.committed[1] = self.models[1].clone();
        }
        let changes = !out.is_empty();
        assert_eq!(
            changes,
            Value::Object(self.client.clone()) != snapshot,
            "a delta if there is a difference"
        );
        self.deliver(&mut out);
        self.check();
    }

    fn deliver(&mut self, out: &mut Writer) {
        let mut payload = Vec::new();
        out.finish(self.version, self.version + 1, self.desk.digest(&self.sent), &mut payload);
        let before = self.client.clone();
        Delta::parse(&payload).unwrap().apply(&mut self.client, self.version).unwrap();
        if let Some((first, mut shown)) = self.last.take() {
            let merged = Delta::parse(&merge(&first, &payload).unwrap()).unwrap();
            merged.apply(&mut shown, self.version - 1).unwrap();
            assert_eq!(shown, self.client, "two deltas merged do what both do");
        }
        self.last = Some((payload, before));
        self.version += 1;
    }

    fn end(&mut self, end: End) {
        match end {
            End::Flush => self.flush(false),
            End::Hold => self.flush(true),
            End::Panic => self.recover(),
            End::Undo => {
                self.desk.undo(&self.sent).unwrap();
                self.is_as_sent();
            }
            End::TooLarge => {
                let mut none = Writer::default();
                let error = self.desk.flush(&mut self.sent, &mut Pace::default(), 10, &mut none).unwrap_err();
                let size = serde_json::to_vec(&json!({
                    "form": self.models[0].json(), "slow": self.models[1].json(),
                }));
                assert_eq!(error, FlushError::TooLarge { size: size.unwrap().len(), limit: 10 });
                self.recover();
            }
            End::Restart => {
                let mut desk = Desk::new();
                desk.restore(1, &self.snapshot()).unwrap();
                *self = Self::new(desk, self.committed.clone().map(|model| model.restored()));
                self.check();
            }
        }
    }

    fn recover(&mut self) {
        let broken = std::mem::replace(&mut self.desk, Desk::new());
        self.desk.recover(broken, &self.sent).unwrap();
        self.is_as_sent();
    }

    fn is_as_sent(&mut self) {
        self.models = self.committed.clone();
        let mut out = Writer::default();
        self.desk.flush(&mut self.sent, &mut Pace::default(), usize::MAX, &mut out).unwrap();
        assert!(out.is_empty(), "what was put back has been sent");
        self.check();
    }

    fn check(&self) {
        let [form, slow] = &self.models;
        let shown = |form: &Form<Order>| {
            let errors: BTreeMap<_, _> = form.errors().iter().collect();
            json!({ "values": form.values(), "errors": errors, "tried": form.is_tried() })
        };
        assert_eq!(shown(&self.desk.form), form.json());
        assert_eq!(shown(&self.desk.slow), slow.json());
        let [form, slow] = self.committed.each_ref().map(Model::json);
        assert_eq!(Value::Object(self.client.clone()), json!({ "form": form, "slow": slow }));
        let snapshot = self.snapshot();
        assert_eq!(serde_json::from_slice::<Value>(&snapshot).unwrap(), Value::Object(self.client.clone()));
        assert_eq!(digest::of_json(&snapshot), Some(self.desk.digest(&self.sent)));
    }
}

proptest! {
    #[test]
    fn whatever_happens_client_and_server_agree(turns in vec((vec(ops(), 0..5), ends()), 1..10)) {
        let mut world = World::new(Desk::new(), Default::default());
        for (ops, end) in turns {
            for (slow, op) in ops {
                play(op, world.desk.form(slow), &mut world.models[usize::from(slow)]);
            }
            world.end(end);
        }
    }
}

/// What a flush sends.
fn delta(desk: &mut Desk, sent: &mut <Desk as State>::Sent) -> Value {
    let mut out = Writer::default();
    desk.flush(sent, &mut Pace::default(), usize::MAX, &mut out).unwrap();
    let mut payload = Vec::new();
    out.finish(0, 1, 0, &mut payload);
    let mut payload: Value = serde_json::from_slice(&payload).unwrap();
    payload.as_object_mut().unwrap().retain(|part, _| ["delta", "merge"].contains(&&**part));
    payload
}

#[test]
fn a_change_sends_the_parts_that_changed() {
    let (mut desk, mut sent) = (Desk::new(), Default::default());
    let first = delta(&mut desk, &mut sent);
    assert_eq!(first["delta"]["form"]["errors"], json!({ "fullName": "tell us your name" }));
    assert_eq!(delta(&mut desk, &mut sent), json!({}));

    let ada = Order { full_name: "Ada".into(), ..Order::default() };
    desk.form.change(ada.clone());
    let both = json!({ "values": ada, "errors": {} });
    assert_eq!(delta(&mut desk, &mut sent), json!({ "merge": { "form": [both, []] } }));

    let _ = desk.form.fail("fullName", "taken");
    let complaint = json!({ "errors": { "fullName": "taken" } });
    assert_eq!(delta(&mut desk, &mut sent), json!({ "merge": { "form": [complaint, []] } }));

    desk.form.submit(ada).unwrap();
    let tried = json!({ "errors": {}, "tried": true });
    assert_eq!(delta(&mut desk, &mut sent), json!({ "merge": { "form": [tried, []] } }));

    desk.form.reset(Order::default());
    let all = desk.form.values().clone();
    let all = json!({ "values": all, "errors": { "fullName": "tell us your name" }, "tried": false });
    assert_eq!(delta(&mut desk, &mut sent), json!({ "delta": { "form": all } }));
}

fn restored(form: &Value) -> Result<Form<Order>, String> {
    let mut desk = Desk::new();
    let state = json!({ "form": form });
    desk.restore(1, &serde_json::to_vec(&state).unwrap()).map_err(|why| why.to_string())?;
    Ok(desk.form)
}

#[test]
fn what_comes_back_is_checked_by_the_check_there_is_now() {
    // As an older program, with a milder check, would have written it.
    let values = json!({ "fullName": "", "lines": [{ "amount": 0 }], "limit": null });
    let form = restored(&json!({ "values": values, "errors": {}, "tried": true })).unwrap();
    assert_eq!(form.errors().get("fullName"), Some("tell us your name"));
    assert_eq!(form.errors().get("lines.0.amount"), Some("how many?"));
    assert!(form.is_tried());
}

#[test]
fn a_complaint_that_is_not_found_again_stays_until_its_field_changes_and_holds_nothing_up() {
    let values = json!({ "fullName": "Ada", "lines": [], "limit": null });
    let shown = json!({ "values": values, "errors": { "fullName": "taken" }, "tried": true });
    let mut form = restored(&shown).unwrap();
    form.change(Order { limit: Some(1), ..form.values().clone() });
    assert_eq!(form.errors().get("fullName"), Some("taken"));
    let mut other = form.clone();
    other.change(Order { full_name: "Bob".into(), ..Order::default() });
    assert!(other.errors().is_empty());
    assert!(form.submit(form.values().clone()).is_ok());
    assert!(form.errors().is_empty());
}

#[test]
fn what_is_no_form_does_not_come_back_and_a_flood_of_complaints_is_cut() {
    for broken in [json!(1), json!({}), json!({ "values": { "fullName": 1 } })] {
        let why = restored(&broken).unwrap_err();
        assert!(why.contains("field `form`"), "{why}");
    }
    let errors: BTreeMap<String, String> = (0..9_999).map(|at| (at.to_string(), "x".repeat(999))).collect();
    let values = json!({ "fullName": "Ada", "lines": [], "limit": null });
    let form = restored(&json!({ "values": values, "errors": errors })).unwrap();
    assert_eq!(form.errors().len(), 64);
    assert!(form.errors().iter().all(|(_, complaint)| complaint.chars().count() <= 200));
}

/// A form in its second version.
#[derive(State)]
#[state(version = 2, migrate(TripV1))]
pub struct Trip {
    pub form: Form<Order>,
}

/// What it was when a name had two parts.
#[wire]
pub struct TripV1 {
    pub form: FormV1,
}

#[wire]
pub struct FormV1 {
    pub values: Name,
}

#[wire]
pub struct Name {
    pub first: String,
    pub last: String,
}

impl Migrate<TripV1> for Trip {
    fn migrate(&mut self, old: TripV1) {
        let Name { first, last } = old.form.values;
        self.form.change(Order { full_name: format!("{first} {last}"), ..Order::default() });
    }
}

impl Component for Trip {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Trip { form: Form::default() })
    }
}

#[actions]
impl Trip {}

#[test]
fn a_form_of_an_older_version_is_poured_into_the_present_one() {
    let mut trip = Trip { form: Form::default() };
    let old = json!({ "form": {
        "values": { "first": "Ada", "last": "Lovelace" }, "errors": { "last": "gone" }, "tried": true,
    } });
    trip.restore(1, &serde_json::to_vec(&old).unwrap()).unwrap();
    assert_eq!(trip.form.values().full_name, "Ada Lovelace");
    assert!(trip.form.errors().is_empty());
}

#[tokio::test]
async fn a_refusal_names_every_field_and_leaves_the_form_as_it_was_handed_in() {
    let mut desk = mount::<Desk>(()).await.unwrap();
    let values = json!({ "fullName": "", "lines": [{ "amount": 0 }], "limit": null });
    let args = json!({ "values": values, "password": "correct horse battery" });
    let refused = desk.call("submit", args).await.unwrap_err();
    let errors = json!({ "fullName": "tell us your name", "lines.0.amount": "how many?" });
    assert_eq!((refused.code.as_str(), &refused.fields), ("INVALID", &errors));
    assert_eq!(desk.state()["form"], json!({ "values": values, "errors": errors, "tried": true }));

    let values = json!({ "fullName": "taken", "lines": [{ "amount": 1 }] });
    let args = json!({ "values": values, "password": "correct horse battery" });
    let refused = desk.call("submit", args).await.unwrap_err();
    assert_eq!(refused.fields, json!({ "fullName": "that name is taken" }));
    assert_eq!(desk.state()["form"]["errors"], refused.fields);
    // No page writes a form; it asks.
    assert_eq!(desk.write("form", json!({})).await.unwrap_err().code, "NOT_WRITABLE");
}

#[tokio::test]
async fn a_password_that_is_an_argument_never_comes_back() {
    let harness = Harness::new(Live::builder().component::<Desk>().build().unwrap());
    let mut page = harness.connect().await;
    let desk = page.mount("Desk", json!({})).await.unwrap();
    let values = json!({ "fullName": "Ada", "lines": [] });
    let secret = "hunter2hunter2";
    for (password, is_fine) in [(secret, true), (&secret[..7], false)] {
        let args = json!({ "values": values, "password": password });
        assert_eq!(page.call(&desk, "submit", args).await.is_ok(), is_fine);
    }
    let arrived = page.arrived();
    assert!(!arrived.is_empty());
    assert!(!arrived.iter().any(|frame| frame.to_string().contains("hunter")));
}
