//! The seam between load and protocol: what a client of some server says, and what it makes of what it hears.
//!
//! One value for each connection. It is called on the hot path of the generator, which must not be what is measured:
//! no allocation for each call, no JSON tree.

use anyhow::Result;

use super::frame::Frame;
use super::out::Out;

/// How one connection talks to its server.
///
/// A slot is one of the components of the connection, from 0. What is mounted in it counts calls.
pub trait Speech {
    /// Whether the protocol promises that a change is sent before the answer to the call that made it. It is verified.
    const SHOWS_FIRST: bool = false;

    /// What is asked of the HTTP server before the socket is opened. Its answer is given to [`invited`](Self::invited).
    fn invitation(&self) -> Option<Invitation> {
        None
    }

    /// The body of the answer to the invitation, which had a status of 200.
    ///
    /// # Errors
    ///
    /// It is not an answer that lets us in.
    fn invited(&mut self, _answer: &[u8]) -> Result<()> {
        Ok(())
    }

    /// Path and query of the upgrade request.
    fn path(&self) -> String;

    /// The socket is open: what is said first, if anything. [`News::Ready`] must follow, now or later; a speech of
    /// which the server says nothing first gives it at the first frame it asked for itself.
    fn begin(&mut self, out: &mut Out);

    /// Asks for the component of a slot.
    fn mount(&mut self, slot: usize, out: &mut Out);

    /// Ends it.
    fn unmount(&mut self, slot: usize, out: &mut Out);

    /// Calls the counting action of a slot. `number` is 1 for the first since it was mounted, and one more each time.
    fn call(&mut self, slot: usize, number: u64, out: &mut Out);

    /// Says something to everybody of the room; `number` is 1 for the first of this connection.
    fn tell(&mut self, number: u64, out: &mut Out);

    /// The socket was cut. What is heard next is the greeting on another one, with the same [`path`](Self::path), and
    /// what was mounted is to be taken up again as soon as it is heard: [`News::Back`] for each.
    ///
    /// # Errors
    ///
    /// This protocol knows no way back.
    fn cut(&mut self) -> Result<()> {
        anyhow::bail!("what is mounted here does not outlive its socket")
    }

    /// One message of the server, [`Frame::Text`] or [`Frame::Binary`]: adds what it says to `news`, in its order.
    /// Answers it needs, pongs of the protocol's own kind, go into `out`.
    ///
    /// # Errors
    ///
    /// It is nothing this server should say. The run fails.
    fn hear(&mut self, frame: Frame<'_>, news: &mut Vec<News>, out: &mut Out) -> Result<()>;
}

/// A request before the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Such as `POST`.
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// JSON, if there is any.
    pub body: Vec<u8>,
}

/// What a message of the server comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The server has greeted: components may be asked for.
    Ready,
    /// A component is there.
    Mounted {
        /// Where.
        slot: usize,
    },
    /// A component that was mounted on a socket that was cut was taken up again, as it was.
    Back {
        /// Where.
        slot: usize,
    },
    /// It is gone.
    Unmounted {
        /// Where it was.
        slot: usize,
    },
    /// The state counts this many calls since the mount, which must be exactly one more than before.
    Changed {
        /// Whose state.
        slot: usize,
        /// Calls.
        count: u64,
    },
    /// As `Changed`, where the protocol sends several changes as one: the count must be above the one before.
    Merged {
        /// Whose state.
        slot: usize,
        /// Calls.
        count: u64,
    },
    /// A call is done and answered.
    Answered {
        /// Whose.
        slot: usize,
        /// Which, as it was called.
        number: u64,
    },
    /// What this connection told is accepted.
    Said {
        /// Which of its own, from 1.
        number: u64,
    },
    /// Somebody of the room said something.
    Told {
        /// Who: the connection's number.
        from: u32,
        /// Which of theirs, from 1.
        number: u64,
    },
    /// The server would not. The run fails with this.
    Refused {
        /// What it said, and what may be done about it.
        what: String,
    },
    /// The server broke a promise of its protocol: a hole in the versions, a digest that is not the state's. The run
    /// goes on, and counts it.
    Wrong {
        /// Which promise.
        what: String,
    },
}
