//! The expansions name nothing an author could have renamed, and need no `unsafe` of his.

#![forbid(unsafe_code)]
#![deny(warnings)]
#![allow(dead_code)]

use fluxstack_live as renamed;

mod core {}
mod std {}
mod serde {}
mod alloc {}

pub struct Result;
pub struct Option;
pub struct Vec;
pub struct Some;
pub struct Ok;
pub struct Err;
pub struct Default;
pub struct Send;
pub struct Future;
pub struct State;
pub struct Field;

/// Props.
#[renamed::wire]
pub struct Props {
    /// How many.
    #[serde(default)]
    pub count: i64,
    pub r#type: ::std::option::Option<::std::string::String>,
    pub children: ::std::vec::Vec<Self>,
    pub other: ::std::option::Option<::std::boxed::Box<Other>>,
}

#[renamed::wire]
pub struct Other {
    pub props: ::std::vec::Vec<Props>,
}

#[renamed::wire]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Light {
    Red,
    Green,
}

#[derive(renamed::State)]
#[state(name = "Lamp")]
pub struct Traffic {
    pub light: Light,
    pub r#type: ::std::string::String,
    pub lights: renamed::List<Light>,
    pub note: renamed::Bound<::std::string::String>,
    never: ::std::option::Option<::std::convert::Infallible>,
}


impl renamed::Component for Traffic {
    type Props = Props;
    type Event = ();

    async fn mount(_: Props, _: &mut renamed::Cx<Self>) -> renamed::Result<Self> {
        ::std::unimplemented!()
    }
}

#[renamed::actions]
impl Traffic {
    pub fn turn(&mut self, this: i64, args: ::std::string::String, action: Light) -> renamed::Result<Light> {
        let _ = (this, args);
        ::std::result::Result::Ok(action)
    }

    pub async fn r#loop(&mut self, cx: &mut renamed::Cx<Self>, types: i64, shapes: i64) -> i64 {
        let _ = cx;
        types + shapes
    }

    #[cfg(any())]
    pub fn gone(&mut self, what: Gone) {}

    #[deprecated]
    pub fn old(&mut self) {}
}

/// An author may clean up behind a component.
impl ::std::ops::Drop for Traffic {
    fn drop(&mut self) {}
}

fn main() {}
