//! Load on a server, and what became of it: how fast, how much of it, and whether all of it was right.
//!
//! A [`Speech`] knows the words of one protocol; everything else here knows sockets, times and counts. So the same
//! load goes to our server, to one that does nothing but answer, and to other frameworks, and what is measured is the
//! server. `flux load` and the bench tree both run this.
//!
//! Whatever is measured is verified while it is: each call answered once and in order, each change counted once. A
//! figure of a server that lost something is not a figure.

mod account;
mod crew;
mod frame;
mod json;
pub mod live;
mod member;
mod out;
mod outcome;
mod plan;
mod scenarios;
mod server;
mod socket;
mod speech;
mod tally;

pub use crew::{Crew, Opening, Window};
pub use frame::{Frame, read_frame, write_frame, write_head};
pub use member::{Member, Pace};
pub use out::Out;
pub use outcome::{BUSY, Latency, Outcome};
pub use plan::{Plan, Scenario, Target};
pub use scenarios::run;
pub use server::{Worked, resident};
pub use socket::Socket;
pub use speech::{Invitation, News, Speech};
pub use tally::Tally;
