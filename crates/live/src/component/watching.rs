//! Other components' shared instances, as a component speaks of them: by their key.

use std::sync::Arc;

use super::{Address, Component, Cx};
use crate::error::Result;
use crate::watch::WatchId;

impl<C: Component> Cx<C> {
    /// Watches the shared instance of `D` with that key. After every turn of `D` that is kept, `select` picks out
    /// what matters here; when that is another value than before, `then` is called with it, in a turn of this
    /// instance's own. The first call brings the present value. `None` says that no such instance runs; when one
    /// begins, its value follows. A watch begins nothing and keeps nothing alive.
    ///
    /// Values that come faster than this instance has turns are not queued: the latest one counts. `select` should
    /// only read, for it may be called more often than there are changes; if it panics, the watch is over and the log says so.
    /// A watch ends with this instance and with [`Cx::unwatch`]. After a panic the watches are those that `mount`
    /// begins, which is the best place for them.
    ///
    /// ```
    /// # use fluxstack_live::prelude::*;
    /// #[derive(State)]
    /// pub struct Cart {
    ///     pub cents: List<u64>,
    /// }
    /// # #[wire] pub struct CartProps { pub cart: String }
    /// # impl Component for Cart {
    /// #     type Props = CartProps;
    /// #     type Event = ();
    /// #     fn scope(props: &CartProps) -> Scope { Scope::Shared(props.cart.clone()) }
    /// #     async fn mount(_props: CartProps, _cx: &mut Cx<Self>) -> Result<Self> { Ok(Cart { cents: List::new() }) }
    /// # }
    /// # #[actions] impl Cart { pub fn add(&mut self, cents: u64) { self.cents.push(cents); } }
    ///
    /// #[derive(State)]
    /// pub struct Checkout {
    ///     pub total: Option<u64>,
    /// }
    ///
    /// impl Component for Checkout {
    ///     type Props = CartProps;
    ///     type Event = ();
    ///
    ///     async fn mount(props: CartProps, cx: &mut Cx<Self>) -> Result<Self> {
    ///         cx.watch(
    ///             &props.cart,
    ///             |cart: &Cart| cart.cents.iter().sum::<u64>(),
    ///             |checkout, total, _cx| checkout.total = total,
    ///         )?;
    ///         Ok(Checkout { total: None })
    ///     }
    /// }
    /// # #[actions] impl Checkout {}
    /// # use fluxstack_live::testing::Harness;
    /// # use serde_json::json;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # let live = Live::builder().component::<Cart>().component::<Checkout>().build().unwrap();
    /// # let mut client = Harness::new(live).connect().await;
    /// # let cart = client.mount("Cart", json!({ "cart": "7" })).await.unwrap();
    /// # client.call(&cart, "add", json!({ "cents": 250 })).await.unwrap();
    /// # let checkout = client.mount("Checkout", json!({ "cart": "7" })).await.unwrap();
    /// # while client.view(&checkout).unwrap()["total"] != json!(250) { client.next().await.unwrap(); }
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Code::Conflict`](crate::Code::Conflict) if this instance would be told, in the end, of what it did itself:
    /// the message names the way round. [`Code::Busy`](crate::Code::Busy) if it has 1,000 watches already, or if
    /// `D` is under 10,000.
    pub fn watch<D: Component, T: PartialEq + Send + 'static>(
        &mut self,
        key: &str,
        select: impl Fn(&D) -> T + Send + 'static,
        then: impl FnMut(&mut C, Option<T>, &mut Self) + Send + 'static,
    ) -> Result<WatchId> {
        let (watches, watcher) = (Arc::clone(&self.nameplate().watches), self.nameplate().name());
        let target = (D::NAME, Arc::from(key));
        self.work().watch(|news| watches.watch(watcher, target, news, select), then)
    }

    /// Ends a watch; nothing happens if it is over. What it has not told yet is not told.
    pub fn unwatch(&mut self, watch: WatchId) {
        if let Some(work) = self.work_mut() {
            work.unwatch(watch);
        }
    }

    /// Where the shared instance of `D` with that key can be reached, if it runs, to [`Cx::emit_to`] it. What may be
    /// done there is up to its [`Component::on_event`].
    ///
    /// ```
    /// # use fluxstack_live::prelude::*;
    /// # #[derive(State)] pub struct Cart { pub paid: bool }
    /// # #[wire] pub enum CartEvent { Paid }
    /// # impl Component for Cart {
    /// #     type Props = ();
    /// #     type Event = CartEvent;
    /// #     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> { Ok(Cart { paid: false }) }
    /// # }
    /// # #[actions] impl Cart {}
    /// # #[derive(State)] pub struct Checkout { pub cart: String }
    /// # impl Component for Checkout {
    /// #     type Props = ();
    /// #     type Event = ();
    /// #     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> { Ok(Checkout { cart: "7".into() }) }
    /// # }
    /// #[actions]
    /// impl Checkout {
    ///     pub fn pay(&mut self, cx: &mut Cx<Self>) -> Result<()> {
    ///         let cart = cx.shared::<Cart>(&self.cart).ok_or_else(|| Error::not_found("the cart is gone"))?;
    ///         cx.emit_to(&cart, CartEvent::Paid);
    ///         Ok(())
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn shared<D: Component>(&self, key: &str) -> Option<Address<D>> {
        self.nameplate().watches.find(D::NAME, key).map(Address::new)
    }
}
