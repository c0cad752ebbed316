//! The expansions name nothing an author could have renamed, and need no `unsafe` of his.

#![forbid(unsafe_code)]
#![deny(warnings)]
#![allow(dead_code)]

use fluxstack_live as renamed;

// `ts-rs` counts on the prelude, so types that travel are written under ordinary names.
mod types {
    /// Props.
    #[crate::renamed::wire]
    pub struct Props {
        /// How many.
        #[serde(default)]
        pub count: i64,
        pub r#type: Option<String>,
        pub children: Vec<Self>,
        pub other: Option<Box<Other>>,
    }

    /// Each needs the other.
    #[crate::renamed::wire]
    pub struct Other {
        pub props: Vec<Props>,
    }

    #[crate::renamed::wire]
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Light {
        Red,
        Green,
    }
}

mod component {
    use crate::renamed;
    use crate::types::{Light, Props};

    mod core {}
    mod std {}
    mod serde {}
    mod fluxstack_live {}

    struct Result;
    struct Option;
    struct Vec;
    struct String;
    struct Some;
    struct Ok;
    struct Err;
    struct Default;
    struct Send;
    struct Future;
    struct State;
    struct Field;

    mod before {
        // Each of its own, private, and of a name that the next one has as well.
        pub(super) mod first {
            #[crate::renamed::wire]
            pub struct Traffic {
                pub old: i64,
            }
        }

        #[crate::renamed::wire]
        pub(super) struct Traffic {
            pub names: ::std::collections::BTreeMap<::std::string::String, i64>,
        }

        impl ::std::convert::From<first::Traffic> for Traffic {
            fn from(first::Traffic { old }: first::Traffic) -> Self {
                Traffic { names: ::std::convert::From::from([(::std::string::String::new(), old)]) }
            }
        }
    }

    impl renamed::Migrate<before::Traffic> for Traffic {
        fn migrate(&mut self, before::Traffic { names }: before::Traffic) {
            self.names = renamed::Map::from(names);
            self.r#false = false;
        }
    }

    #[derive(renamed::State)]
    #[state(name = "Lamp", version = 5, serves = 5)]
    #[state(migrate(from = 2, before::first::Traffic, before::Traffic, crate::component::before::Traffic))]
    #[state(requires(signed_in, role = "a", permission = "b", with = crate::component::cx), requires(with = cx))]
    pub struct Traffic {
        pub light: Light,
        pub r#type: ::std::string::String,
        pub lights: renamed::List<Light>,
        pub note: renamed::Bound<::std::string::String>,
        pub names: renamed::Map<::std::string::String, i64>,
        never: ::std::option::Option<::std::convert::Infallible>,
        #[state(keep)]
        r#false: bool,
        #[state(keep)]
        pub(crate) name: ::std::vec::Vec<Light>,
    }

    impl renamed::Component for Traffic {
        type Props = Props;
        type Event = ();

        async fn mount(_: Props, _: &mut renamed::Cx<Self>) -> renamed::Result<Self> {
            ::std::unimplemented!()
        }
    }

    fn cx(_: &renamed::Cx<Traffic>) -> renamed::Result<()> {
        ::std::result::Result::Ok(())
    }

    fn with(_: &Traffic, _: &renamed::Cx<Traffic>) -> renamed::Result<()> {
        ::std::result::Result::Ok(())
    }

    use self::{with as args, with as call, with as this};

    #[renamed::actions]
    impl Traffic {
        #[renamed::requires(signed_in, with = with, with = this, with = args, with = call)]
        pub fn turn(&mut self, this: i64, args: ::std::string::String, action: Light) -> renamed::Result<Light> {
            let _ = (this, args);
            ::std::result::Result::Ok(action)
        }

        #[requires(role = "a", with = crate::component::with)]
        #[requires(permission = "b",)]
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
}

fn main() {}
