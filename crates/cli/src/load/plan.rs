//! What is to be done to a server, and whether it may be.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::outcome::Outcome;
use super::server::open_files;

/// Connections of one run at most.
const MOST_CONNECTIONS: usize = 50_000;
/// How long one window may be.
const LONGEST: Duration = Duration::from_secs(600);
/// Files that are open beside the connections.
const BESIDE: u64 = 64;
/// Mounts of one connection that are under way at once, unless the plan has more in flight.
const MOUNTS: usize = 32;

/// What is done. Each is a file in `scenarios/`, and says there what its figures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scenario {
    /// Components are mounted and ended, again and again.
    Mount,
    /// Actions are called as soon as those before are answered.
    Actions,
    /// Actions are called when it is time, whether those before are answered or not.
    Rate,
    /// Connections are opened, and nothing is done with them.
    Idle,
    /// Connections are opened, mount one component, and close.
    Churn,
    /// One says something, and everybody else hears it.
    Room,
    /// All call one shared instance.
    Shared,
    /// Some stop reading, while the others call one shared instance.
    Slow,
    /// All sockets are cut, and come back.
    Storm,
    /// Files are sent.
    Uploads,
    /// Actions are called that change little of a large state.
    BigState,
}

impl Scenario {
    /// As it is called in an outcome.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mount => "mount",
            Self::Actions => "actions",
            Self::Rate => "rate",
            Self::Idle => "idle",
            Self::Churn => "churn",
            Self::Room => "room",
            Self::Shared => "shared",
            Self::Slow => "slow",
            Self::Storm => "storm",
            Self::Uploads => "uploads",
            Self::BigState => "big_state",
        }
    }
}

/// What is to be done, to whom, and how much of it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What.
    pub scenario: Scenario,
    /// To whom.
    pub address: SocketAddr,
    /// Open at once.
    pub connections: usize,
    /// Unanswered at once, of each connection.
    pub in_flight: usize,
    /// Mounted on each connection.
    pub components: usize,
    /// Calls a second of all connections together, where there is a schedule.
    pub rate: f64,
    /// Connections that stop reading, the last ones; for [`Scenario::Slow`].
    pub slow: usize,
    /// How long it goes on before it counts.
    pub warm_up: Duration,
    /// How long it counts.
    pub length: Duration,
    /// When nothing was heard for so long, nothing comes any more.
    pub patience: Duration,
    /// Whether the speech says of each change how many calls the state counts. If not, that is not verified.
    pub is_counted: bool,
    /// The server's process id, if its time and memory are to be measured.
    pub server: Option<u32>,
    /// What to look at when a mount is not answered.
    pub mounting: &'static str,
}

impl Plan {
    /// A small one, to begin with.
    pub fn new(scenario: Scenario, address: SocketAddr) -> Self {
        Self {
            scenario,
            address,
            connections: 64,
            in_flight: 16,
            components: 1,
            rate: 1_000.0,
            slow: 0,
            warm_up: Duration::from_secs(1),
            length: Duration::from_secs(5),
            patience: Duration::from_secs(20),
            is_counted: true,
            server: None,
            mounting: "look into the server's log",
        }
    }

    /// Whether it can be done, and may be.
    ///
    /// # Errors
    ///
    /// It says what to change.
    pub fn check(&self) -> Result<()> {
        let Self { connections, in_flight, components, .. } = *self;
        ensure!(connections > 0, "a load has at least one connection");
        ensure!(in_flight > 0, "a load has at least one request in flight");
        ensure!(
            connections <= MOST_CONNECTIONS,
            "{connections} connections, and {MOST_CONNECTIONS} is the limit"
        );
        ensure!(self.length <= LONGEST, "{:?}, and {LONGEST:?} is the limit of a run", self.length);
        ensure!(!self.length.is_zero(), "nothing can be measured in no time");
        let needs_one = matches!(
            self.scenario,
            Scenario::Actions | Scenario::Rate | Scenario::Storm | Scenario::BigState
        );
        ensure!(components > 0 || !needs_one, "actions need at least one component to be called on");
        ensure!(
            self.scenario != Scenario::Rate || (self.rate.is_finite() && self.rate > 0.0 && self.rate <= 1e7),
            "a rate is a number of calls a second above 0, and at most ten million"
        );
        let is_alone = matches!(self.scenario, Scenario::Room | Scenario::Shared) && connections < 2;
        ensure!(!is_alone, "in a room, and around what is shared, there are at least two");
        let is_one = matches!(self.scenario, Scenario::Room | Scenario::Shared | Scenario::Slow);
        ensure!(components == 1 || !is_one, "one component of each connection is in the room, and no more");
        ensure!(
            self.scenario != Scenario::Uploads || in_flight == 1,
            "a file is sent a chunk at a time: --in-flight 1, and more connections for more at once"
        );
        ensure!(self.slow < connections, "some have to read, or nobody can say what they feel");
        ensure!(
            self.scenario != Scenario::Slow || self.is_counted,
            "that the slow ones are shown the right state in the end is known by its count: say --counts"
        );
        let needed = connections as u64 + BESIDE;
        if let Some(open) = open_files()
            && open < needed
        {
            anyhow::bail!(
                "{connections} connections are as many open files, and this shell allows {open}: say \
                 `ulimit -n {needed}` first, here and where the server is started"
            );
        }
        Ok(())
    }

    /// Places for components that each connection needs.
    pub(crate) fn slots(&self) -> usize {
        match self.scenario {
            Scenario::Mount => self.in_flight,
            _ => self.components,
        }
    }

    /// Mounts of one connection that are under way at once.
    pub(crate) fn at_once(&self) -> usize {
        self.in_flight.max(MOUNTS)
    }

    /// What is known of the outcome before anything was done.
    pub fn outcome(&self) -> Outcome {
        let Self { connections, in_flight, components, .. } = *self;
        let case = match self.scenario {
            Scenario::Mount | Scenario::Actions => format!("{connections}x{in_flight}"),
            Scenario::Rate => format!("{} in {connections}", self.rate),
            Scenario::Idle => format!("{connections}x{components}"),
            Scenario::Churn | Scenario::Storm => format!("{connections}"),
            Scenario::Room | Scenario::Shared | Scenario::Uploads | Scenario::BigState => {
                format!("{connections}x{in_flight}")
            }
            Scenario::Slow => format!("{connections}, {} slow", self.slow),
        };
        Outcome {
            scenario: self.scenario.name().to_owned(),
            case,
            round: 1,
            connections,
            in_flight,
            components,
            ..Outcome::default()
        }
    }
}

/// A server as its address is written: `ws://127.0.0.1:3000/api/live/ws`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Name or address, and port.
    pub host: String,
    /// Path and query.
    pub path: String,
}

impl Target {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// It is not one we can load.
    pub fn parse(url: &str) -> Result<Self> {
        ensure!(
            !url.starts_with("wss://"),
            "{url} is encrypted; load the server behind whatever ends TLS, or it is that which is measured"
        );
        let rest = url.strip_prefix("ws://").with_context(|| {
            format!("{url} is not the address of a WebSocket, such as ws://127.0.0.1:3000/api/live/ws")
        })?;
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        ensure!(!host.is_empty() && !host.contains('@'), "{url} names no server");
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let host = if has_port { host.to_owned() } else { format!("{host}:80") };
        Ok(Self { host, path: path.to_owned() })
    }

    /// Where it is. Somebody else's machine is refused, unless they say that it is theirs: a load that is pointed wrong
    /// by mistake is an attack.
    ///
    /// # Errors
    ///
    /// Nobody knows the name, or the server is elsewhere.
    pub async fn address(&self, is_owned: bool) -> Result<SocketAddr> {
        let found = tokio::net::lookup_host(&self.host).await;
        let mut found = found.with_context(|| format!("nobody knows where {} is", self.host))?;
        let address = found.next().with_context(|| format!("{} has no address", self.host))?;
        ensure!(
            is_owned || address.ip().is_loopback(),
            "{address} is not this machine. Load on somebody else's server is an attack; if this one is yours, say \
             --i-own-this-server"
        );
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for (url, host, path) in [
            ("ws://127.0.0.1:3000/api/live/ws", "127.0.0.1:3000", "/api/live/ws"),
            ("ws://localhost", "localhost:80", "/"),
            ("ws://[::1]:9/a?b=c/d", "[::1]:9", "/a?b=c/d"),
            ("ws://[::1]/a", "[::1]:80", "/a"),
        ] {
            let expected = Target { host: host.to_owned(), path: path.to_owned() };
            assert_eq!(Target::parse(url).unwrap(), expected, "{url}");
        }
        for (url, expected) in
            [("wss://a/b", "ends TLS"), ("http://a", "not the address"), ("ws:///a", "names no server")]
        {
            assert!(Target::parse(url).unwrap_err().to_string().contains(expected), "{url}");
        }
    }

    #[tokio::test]
    async fn only_this_machine_is_loaded_without_a_word() {
        let elsewhere = Target::parse("ws://192.0.2.1:80/").unwrap();
        let refused = elsewhere.address(false).await.unwrap_err().to_string();
        assert!(refused.contains("--i-own-this-server"), "{refused}");
        assert!(elsewhere.address(true).await.is_ok());
        assert!(Target::parse("ws://127.0.0.1:1/").unwrap().address(false).await.is_ok());
    }

    type Change = fn(&mut Plan);

    #[test]
    fn a_plan_that_cannot_be_done_says_what_to_change() {
        let plan = |change: Change| {
            let mut plan = Plan::new(Scenario::Rate, SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
            change(&mut plan);
            plan.check().map_err(|error| error.to_string())
        };
        assert_eq!(plan(|_| {}), Ok(()));
        let cases: [(Change, &str); 6] = [
            (|plan| plan.connections = 0, "at least one"),
            (|plan| plan.connections = 50_001, "50000 is the limit"),
            (|plan| plan.length = Duration::from_secs(601), "600s is the limit"),
            (|plan| plan.length = Duration::ZERO, "no time"),
            (|plan| plan.components = 0, "at least one component"),
            (|plan| plan.rate = f64::NAN, "above 0"),
        ];
        for (change, expected) in cases {
            let error = plan(change).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
