//! A till: what is in the basket, a coupon the page writes, and the total, which is the server's alone.

use fluxstack_live::prelude::*;

/// What can be bought, and for how many cents.
const GOODS: &[(&str, u32)] = &[("apple", 40), ("bread", 320), ("cheese", 590), ("olives", 275)];

/// Pieces of one thing.
const MOST: u32 = 99;

/// What somebody is about to buy.
#[derive(State)]
pub struct Till {
    /// What is in the basket.
    pub items: List<Item>,
    /// A word that makes it cheaper: `TENTH` or `HALF`.
    pub coupon: Bound<String>,
    /// In cents, with the coupon.
    pub total: u32,
}

/// A line of the bill.
#[wire]
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What it is.
    pub name: String,
    /// In cents, for one.
    pub price: u32,
    /// How many.
    pub quantity: u32,
}

impl Component for Till {
    type Props = ();
    type Event = ();

    async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
        let known = |coupon: &String| {
            if coupon.is_empty() || percent(coupon).is_some() { Ok(()) } else { Err("no such coupon") }
        };
        Ok(Till { items: List::new(), coupon: Bound::new(String::new()).check(known), total: 0 })
    }

    fn written(&mut self, _field: &'static str, _cx: &mut Cx<Self>) -> Result<()> {
        self.add_up();
        Ok(())
    }
}

#[actions]
impl Till {
    /// Puts one more of it into the basket.
    pub fn add(&mut self, name: String) -> Result<()> {
        match self.items.iter().position(|item| item.name == name) {
            Some(at) if self.items[at].quantity >= MOST => {
                return Err(Error::new(Code::Conflict, format!("at most {MOST} of each")));
            }
            Some(at) => self.items.update(at, |item| item.quantity += 1),
            None => {
                let known = GOODS.iter().find(|(known, _)| *known == name);
                let (_, price) = known.ok_or_else(|| Error::not_found("we do not sell that"))?;
                self.items.push(Item { name, price: *price, quantity: 1 });
            }
        }
        self.add_up();
        Ok(())
    }

    /// Takes one of it out again.
    pub fn remove(&mut self, name: String) -> Result<()> {
        let at = self.items.iter().position(|item| item.name == name);
        let at = at.ok_or_else(|| Error::not_found("there is none in the basket"))?;
        if self.items[at].quantity > 1 {
            self.items.update(at, |item| item.quantity -= 1);
        } else {
            self.items.remove(at);
        }
        self.add_up();
        Ok(())
    }

    /// Takes the money, answers how much it was, and empties the basket.
    pub fn pay(&mut self) -> Result<u32> {
        if self.items.is_empty() {
            return Err(Error::new(Code::Conflict, "there is nothing to pay for"));
        }
        self.items.clear();
        self.coupon.clear();
        Ok(std::mem::take(&mut self.total))
    }
}

impl Till {
    fn add_up(&mut self) {
        let sum: u32 = self.items.iter().map(|item| item.price * item.quantity).sum();
        self.total = sum - sum * percent(&self.coupon).unwrap_or_default() / 100;
    }
}

/// How many hundredths a coupon takes off.
fn percent(coupon: &str) -> Option<u32> {
    match coupon {
        "TENTH" => Some(10),
        "HALF" => Some(50),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use fluxstack_live::testing::mount;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn the_total_is_the_servers_whatever_the_coupon() {
        let mut till = mount::<Till>(()).await.unwrap();
        for name in ["apple", "apple", "bread"] {
            till.call("add", json!({ "name": name })).await.unwrap();
        }
        assert_eq!(till.state()["total"], json!(400));
        till.write("coupon", json!("TENTH")).await.unwrap();
        assert_eq!(till.state()["total"], json!(360));
        let refused = till.write("coupon", json!("ALL")).await.unwrap_err();
        assert_eq!(refused.fields, json!({ "coupon": "no such coupon" }));
        assert_eq!(till.write("total", json!(0)).await.unwrap_err().code, "NOT_WRITABLE");
        till.call("remove", json!({ "name": "bread" })).await.unwrap();
        assert_eq!(till.call("pay", json!({})).await, Ok(json!(72)));
        assert_eq!(till.state(), json!({ "items": [], "coupon": "", "total": 0 }));
        assert_eq!(till.call("add", json!({ "name": "gold" })).await.unwrap_err().code, "NOT_FOUND");
    }
}
