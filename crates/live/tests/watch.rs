//! Watches: an instance is told what matters to it of a shared one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where by panicking")]
#![expect(missing_docs, reason = "a component of a test needs none")]

use std::time::Duration;

use fluxstack_live::WatchId;
use fluxstack_live::prelude::*;
use fluxstack_live::testing::{Client, Harness, Refused};
use serde_json::{Value, json};

/// What is watched.
#[derive(State)]
pub struct Cart {
    pub cents: List<u64>,
    pub note: String,
    pub paid_by: Vec<String>,
    /// What no client sees can be watched as well.
    weight: u64,
}

#[wire]
pub struct CartProps {
    pub cart: String,
    #[serde(default)]
    pub is_broken: bool,
}

#[wire]
pub enum CartEvent {
    Paid,
}

impl Component for Cart {
    type Props = CartProps;
    type Event = CartEvent;

    fn scope(props: &CartProps) -> Scope {
        Scope::Shared(props.cart.clone())
    }

    async fn mount(props: CartProps, _cx: &mut Cx<Self>) -> Result<Self> {
        if props.is_broken {
            return Err(Error::invalid("cart", "is broken"));
        }
        Ok(Cart { cents: List::new(), note: String::new(), paid_by: Vec::new(), weight: 0 })
    }

    fn on_event(&mut self, event: CartEvent, from: &Source, _cx: &mut Cx<Self>) -> Result<()> {
        match (event, from) {
            (CartEvent::Paid, Source::Component(by)) => self.paid_by.push(by.to_string()),
            _ => return Err(Error::forbidden()),
        }
        Ok(())
    }
}

#[actions]
impl Cart {
    pub fn add(&mut self, cents: u64) {
        self.cents.push(cents);
    }

    pub fn write_note(&mut self, note: String) {
        self.note = note;
    }

    pub fn weigh(&mut self, grams: u64) {
        self.weight = grams;
    }

    pub fn explode(&mut self) {
        self.cents.push(1_000_000);
        panic!("this is the test's own panic");
    }
}

/// What watches a cart, and writes down what it is told.
#[derive(State)]
pub struct Checkout {
    pub totals: Vec<Option<u64>>,
    pub weights: Vec<Option<u64>>,
    pub runs: bool,
    cart: String,
    watch: WatchId,
}

impl Checkout {
    fn watch_total(cart: &str, cx: &mut Cx<Self>) -> Result<WatchId> {
        cx.watch(
            cart,
            |cart: &Cart| cart.cents.iter().sum::<u64>(),
            |checkout, total, _cx| {
                assert!(total != Some(13), "this is the test's own panic");
                checkout.totals.push(total);
            },
        )
    }
}

impl Component for Checkout {
    type Props = CartProps;
    type Event = ();

    async fn mount(props: CartProps, cx: &mut Cx<Self>) -> Result<Self> {
        let watch = Self::watch_total(&props.cart, cx)?;
        if props.is_broken {
            return Err(Error::invalid("cart", "is broken"));
        }
        Ok(Checkout { totals: Vec::new(), weights: Vec::new(), runs: false, cart: props.cart, watch })
    }
}

#[actions]
impl Checkout {
    pub fn watch_weight(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        let then = |checkout: &mut Self, grams, _cx: &mut Cx<Self>| checkout.weights.push(grams);
        cx.watch(&self.cart, |cart: &Cart| cart.weight, then)?;
        Ok(())
    }

    /// Cannot stand more than 100 cents.
    pub fn watch_badly(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        let select = |cart: &Cart| {
            let total: u64 = cart.cents.iter().sum();
            assert!(total <= 100, "this is the test's own panic");
            total
        };
        cx.watch(&self.cart, select, |checkout, total, _cx| checkout.weights.push(total))?;
        Ok(())
    }

    /// Hears of one change only.
    pub fn watch_once(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        self.watch = cx.watch(
            &self.cart,
            |cart: &Cart| cart.weight,
            |checkout, grams, cx| {
                checkout.weights.push(grams);
                cx.unwatch(checkout.watch);
            },
        )?;
        Ok(())
    }

    pub fn watch_and_explode(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        self.watch_weight(cx)?;
        panic!("this is the test's own panic");
    }

    pub fn watch_often(&mut self, times: u32, cx: &mut Cx<Self>) -> Result<()> {
        for _ in 0..times {
            cx.watch(&self.cart, |_: &Cart| (), |_checkout, _told, _cx| {})?;
        }
        Ok(())
    }

    pub fn unwatch(&mut self, cx: &mut Cx<Self>) {
        cx.unwatch(self.watch);
    }

    pub fn pay(&mut self, cx: &mut Cx<Self>) -> Result<()> {
        let cart = cx.shared::<Cart>(&self.cart).ok_or_else(|| Error::not_found("the cart is gone"))?;
        cx.emit_to(&cart, CartEvent::Paid);
        Ok(())
    }

    pub async fn dawdle(&mut self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// One that watches others of its kind.
#[derive(State)]
pub struct Knot {
    pub told: u64,
}

#[wire]
pub struct KnotProps {
    pub key: String,
}

impl Component for Knot {
    type Props = KnotProps;
    type Event = ();

    fn scope(props: &KnotProps) -> Scope {
        if props.key == "private" { Scope::Private } else { Scope::Shared(props.key.clone()) }
    }

    async fn mount(_props: KnotProps, _cx: &mut Cx<Self>) -> Result<Self> {
        Ok(Knot { told: 0 })
    }
}

#[actions]
impl Knot {
    pub fn watch(&mut self, key: String, cx: &mut Cx<Self>) -> Result<()> {
        let then = |knot: &mut Self, told: Option<u64>, _cx: &mut Cx<Self>| {
            knot.told = knot.told.max(told.unwrap_or_default());
        };
        cx.watch(&key, |knot: &Knot| knot.told, then)?;
        Ok(())
    }

    pub fn tell(&mut self) {
        self.told += 1;
    }

    pub fn explode(&mut self) {
        panic!("this is the test's own panic");
    }
}

fn harness() -> Harness {
    let live = Live::builder().component::<Cart>().component::<Checkout>().component::<Knot>();
    // Nobody reads here while time passes, so nobody would answer.
    Harness::new(live.limits(|limits| limits.ping = Duration::from_secs(3_600)).build().unwrap())
}

/// Lets everything happen that is due: a stopped clock moves only when every task waits.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// What a page shows when everything that is due has happened.
async fn shown(client: &mut Client, id: &str) -> Value {
    settle().await;
    client.arrived();
    client.view(id).unwrap()
}

async fn mount(client: &mut Client, component: &str, cart: &str) -> String {
    client.mount(component, json!({ "cart": cart })).await.unwrap()
}

async fn knot(client: &mut Client, key: &str) -> String {
    client.mount("Knot", json!({ "key": key })).await.unwrap()
}

async fn call(client: &mut Client, id: &str, action: &str) {
    client.call(id, action, json!({})).await.unwrap();
}

async fn add(client: &mut Client, cart: &str, cents: u64) {
    client.call(cart, "add", json!({ "cents": cents })).await.unwrap();
}

async fn tie(client: &mut Client, knot: &str, key: &str) -> Result<Value, Refused> {
    client.call(knot, "watch", json!({ "key": key })).await
}

#[tokio::test(start_paused = true)]
async fn a_checkout_is_told_what_a_cart_comes_to_and_nothing_else() {
    let harness = harness();
    let (mut shopper, mut payer) = (harness.connect().await, harness.connect().await);
    let cart = mount(&mut shopper, "Cart", "7").await;
    add(&mut shopper, &cart, 250).await;
    let checkout = mount(&mut payer, "Checkout", "7").await;
    assert_eq!(shown(&mut payer, &checkout).await["totals"], json!([250]), "what there is, at once");
    add(&mut shopper, &cart, 100).await;
    settle().await;
    shopper.call(&cart, "writeNote", json!({ "note": "gift" })).await.unwrap();
    settle().await;
    add(&mut shopper, &cart, 0).await;
    settle().await;
    let other = mount(&mut shopper, "Cart", "8").await;
    add(&mut shopper, &other, 1).await;
    assert_eq!(shown(&mut payer, &checkout).await["totals"], json!([250, 350]));
}

#[tokio::test(start_paused = true)]
async fn a_field_that_no_client_sees_can_be_watched() {
    let harness = harness();
    let mut client = harness.connect().await;
    let cart = mount(&mut client, "Cart", "7").await;
    let checkout = mount(&mut client, "Checkout", "7").await;
    call(&mut client, &checkout, "watchWeight").await;
    settle().await;
    client.call(&cart, "weigh", json!({ "grams": 5 })).await.unwrap();
    assert_eq!(shown(&mut client, &checkout).await["weights"], json!([0, 5]));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_does_not_run_is_nothing_until_it_begins_and_after_it_ends() {
    let harness = harness();
    let mut client = harness.connect().await;
    let checkout = mount(&mut client, "Checkout", "7").await;
    assert_eq!(shown(&mut client, &checkout).await["totals"], json!([null]));
    for told in [json!([null, 0, null]), json!([null, 0, null, 0, null])] {
        let cart = mount(&mut client, "Cart", "7").await;
        settle().await;
        client.unmount(&cart).await;
        assert_eq!(shown(&mut client, &checkout).await["totals"], told);
    }
    // One that cannot begin is nothing new.
    client.mount("Cart", json!({ "cart": "7", "isBroken": true })).await.unwrap_err();
    assert_eq!(shown(&mut client, &checkout).await["totals"], json!([null, 0, null, 0, null]));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_rebuilt_from_the_store_is_told_of_again() {
    let harness = harness();
    let mut shopper = harness.connect_with("v=3&caps=delta,batch,resume").await.unwrap();
    let mut payer = harness.connect().await;
    let cart = mount(&mut shopper, "Cart", "7").await;
    add(&mut shopper, &cart, 250).await;
    let checkout = mount(&mut payer, "Checkout", "7").await;
    settle().await;
    drop(shopper);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(shown(&mut payer, &checkout).await["totals"], json!([250, null]));
    let mut shopper = harness.connect().await;
    mount(&mut shopper, "Cart", "7").await;
    assert_eq!(shown(&mut payer, &checkout).await["totals"], json!([250, null, 250]));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_panics_is_not_seen() {
    let harness = harness();
    let mut client = harness.connect().await;
    let cart = mount(&mut client, "Cart", "7").await;
    let checkout = mount(&mut client, "Checkout", "7").await;
    call(&mut client, &checkout, "watchWeight").await;
    client.call(&cart, "weigh", json!({ "grams": 5 })).await.unwrap();
    add(&mut client, &cart, 1).await;
    settle().await;
    client.call(&cart, "explode", json!({})).await.unwrap_err();
    let shown = shown(&mut client, &checkout).await;
    assert_eq!(shown["totals"], json!([0, 1]));
    assert_eq!(shown["weights"].as_array().unwrap().last(), Some(&json!(0)), "what was put back is seen");
}

#[tokio::test(start_paused = true)]
async fn of_a_flood_the_latest_wins() {
    let harness = harness();
    let mut client = harness.connect().await;
    let cart = mount(&mut client, "Cart", "7").await;
    let checkout = mount(&mut client, "Checkout", "7").await;
    settle().await;
    let dawdle = json!({ "type": "CALL_ACTION", "componentId": checkout, "action": "dawdle", "payload": {} });
    client.send(dawdle).await;
    for _ in 0..500 {
        add(&mut client, &cart, 1).await;
        settle().await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(shown(&mut client, &checkout).await["totals"], json!([0, 500]));
}

#[tokio::test(start_paused = true)]
async fn a_circle_is_refused_and_named() {
    let harness = harness();
    let mut client = harness.connect().await;
    let mut knots = Vec::new();
    for key in ["a", "b", "c", ""] {
        knots.push(knot(&mut client, key).await);
    }
    let [a, b, c, empty] = &knots[..] else { unreachable!("there are four") };
    let mut check = async |knot: &str, key: &str, circle: &str| {
        let refused = tie(&mut client, knot, key).await.err();
        let refused = refused.map(|refused| (refused.code, refused.error)).unwrap_or_default();
        if circle.is_empty() {
            assert_eq!(refused, Default::default());
        } else {
            let said = format!("this would go round in a circle: {circle}");
            assert_eq!(refused, ("CONFLICT".to_owned(), said));
        }
    };
    check(a, "a", "Knot(a) → Knot(a)").await;
    check(a, "b", "").await;
    check(b, "a", "Knot(b) → Knot(a) → Knot(b)").await;
    check(b, "", "").await;
    check(empty, "a", "Knot() → Knot(a) → Knot(b) → Knot()").await;
    // A diamond is no circle.
    check(a, "c", "").await;
    check(c, "", "").await;
    assert_eq!(harness.live().watches(), 4, "what was refused is not there");
}

#[tokio::test(start_paused = true)]
async fn a_change_goes_along_a_chain_and_meets_itself_in_a_diamond() {
    let harness = harness();
    let mut client = harness.connect().await;
    let mut knots = Vec::new();
    for key in ["a", "b", "c", "d"] {
        knots.push(knot(&mut client, key).await);
    }
    for (at, key) in [(1, "a"), (2, "a"), (3, "b"), (3, "c")] {
        tie(&mut client, &knots[at], key).await.unwrap();
    }
    let private = knot(&mut client, "private").await;
    tie(&mut client, &private, "d").await.unwrap();
    call(&mut client, &knots[0], "tell").await;
    assert_eq!(shown(&mut client, &private).await["told"], json!(1));
}

#[tokio::test(start_paused = true)]
async fn a_circle_is_possible_again_when_the_way_back_is_gone() {
    let harness = harness();
    let mut client = harness.connect().await;
    let (a, b) = (knot(&mut client, "a").await, knot(&mut client, "b").await);
    tie(&mut client, &a, "b").await.unwrap();
    tie(&mut client, &b, "a").await.unwrap_err();
    // Mended, it has the watches that its mount begins: none.
    client.call(&a, "explode", json!({})).await.unwrap_err();
    assert_eq!(harness.live().watches(), 0);
    tie(&mut client, &b, "a").await.unwrap();
    tie(&mut client, &a, "b").await.unwrap_err();
    client.unmount(&b).await;
    settle().await;
    assert_eq!(harness.live().watches(), 0);
    tie(&mut client, &a, "b").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_selector_that_panics_ends_its_watch_and_nothing_else() {
    let harness = harness();
    let mut client = harness.connect().await;
    let cart = mount(&mut client, "Cart", "7").await;
    let checkout = mount(&mut client, "Checkout", "7").await;
    call(&mut client, &checkout, "watchBadly").await;
    settle().await;
    for _ in 0..3 {
        add(&mut client, &cart, 60).await;
        settle().await;
    }
    let now = shown(&mut client, &checkout).await;
    assert_eq!(now["totals"], json!([0, 60, 120, 180]));
    assert_eq!(now["weights"], json!([0, 60]));
    assert_eq!(client.view(&cart).unwrap()["cents"].as_array().unwrap().len(), 3);
    assert_eq!(harness.live().watches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_being_told_puts_the_watcher_back_with_the_watches_of_its_mount() {
    let harness = harness();
    let mut client = harness.connect().await;
    let cart = mount(&mut client, "Cart", "7").await;
    let checkout = mount(&mut client, "Checkout", "7").await;
    call(&mut client, &checkout, "watchWeight").await;
    settle().await;
    assert_eq!(harness.live().watches(), 2);
    add(&mut client, &cart, 12).await;
    settle().await;
    assert_eq!(harness.live().watches(), 2);
    add(&mut client, &cart, 1).await;
    settle().await;
    // The watch of the new mount is told the same at first, and what always fails is given up in the end.
    let gone = client.call(&checkout, "dawdle", json!({})).await.unwrap_err();
    assert_eq!((gone.code.as_str(), harness.live().watches()), ("REHYDRATION_REQUIRED", 0));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_panics_has_begun_no_watch() {
    let harness = harness();
    let mut client = harness.connect().await;
    let checkout = mount(&mut client, "Checkout", "7").await;
    client.call(&checkout, "watchAndExplode", json!({})).await.unwrap_err();
    assert_eq!(shown(&mut client, &checkout).await["weights"], json!([]));
    assert_eq!(harness.live().watches(), 1, "that of its mount");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_watched_any_more_is_not_told() {
    let harness = harness();
    let mut client = harness.connect().await;
    let cart = mount(&mut client, "Cart", "7").await;
    let checkout = mount(&mut client, "Checkout", "7").await;
    settle().await;
    for _ in 0..2 {
        call(&mut client, &checkout, "unwatch").await;
        assert_eq!(harness.live().watches(), 0);
    }
    call(&mut client, &checkout, "watchOnce").await;
    settle().await;
    add(&mut client, &cart, 1).await;
    client.call(&cart, "weigh", json!({ "grams": 5 })).await.unwrap();
    let shown = shown(&mut client, &checkout).await;
    assert_eq!((&shown["totals"], &shown["weights"]), (&json!([0]), &json!([0])));
    assert_eq!(harness.live().watches(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_with_the_instance_that_watches() {
    let harness = harness();
    let mut client = harness.connect().await;
    let cart = mount(&mut client, "Cart", "7").await;
    for _ in 0..3 {
        let checkout = mount(&mut client, "Checkout", "7").await;
        call(&mut client, &checkout, "watchWeight").await;
        assert_eq!(harness.live().watches(), 2);
        client.unmount(&checkout).await;
        settle().await;
        assert_eq!(harness.live().watches(), 0);
    }
    client.mount("Checkout", json!({ "cart": "7", "isBroken": true })).await.unwrap_err();
    settle().await;
    assert_eq!(harness.live().watches(), 0, "of one that did not begin nothing is left");
    add(&mut client, &cart, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_keeps_nothing_alive() {
    let harness = harness();
    let (mut shopper, mut payer) = (harness.connect().await, harness.connect().await);
    let cart = mount(&mut shopper, "Cart", "7").await;
    mount(&mut payer, "Checkout", "7").await;
    settle().await;
    let tasks = harness.live().tasks();
    shopper.unmount(&cart).await;
    settle().await;
    assert_eq!(harness.live().tasks(), tasks - 1);
}

#[tokio::test(start_paused = true)]
async fn an_instance_has_so_many_watches_and_no_more() {
    let harness = harness();
    let mut client = harness.connect().await;
    mount(&mut client, "Cart", "7").await;
    for checkouts in 1..=10 {
        let checkout = mount(&mut client, "Checkout", "7").await;
        client.call(&checkout, "watchOften", json!({ "times": 999 })).await.unwrap();
        let refused = client.call(&checkout, "watchOften", json!({ "times": 1 })).await.unwrap_err();
        assert_eq!(refused.code, "BUSY");
        assert_eq!(harness.live().watches(), checkouts * 1_000);
    }
    let refused = client.mount("Checkout", json!({ "cart": "7" })).await.unwrap_err();
    assert_eq!(refused.code, "BUSY", "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_component_reaches_a_shared_one_by_its_key() {
    let harness = harness();
    let mut client = harness.connect().await;
    let checkout = mount(&mut client, "Checkout", "7").await;
    let refused = client.call(&checkout, "pay", json!({})).await.unwrap_err();
    assert_eq!(refused.code, "NOT_FOUND");
    let cart = mount(&mut client, "Cart", "7").await;
    call(&mut client, &checkout, "pay").await;
    assert_eq!(shown(&mut client, &cart).await["paidBy"], json!([checkout]));
    client.unmount(&cart).await;
    settle().await;
    client.call(&checkout, "pay", json!({})).await.unwrap_err();
}
