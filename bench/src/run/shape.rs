//! What is done in a case: which of the engine's scenarios, and how much of it.

/// One of the engine's scenarios.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// Calls, the next when one is answered.
    Actions { connections: usize, in_flight: usize, components: usize },
    /// Calls at times that were set before.
    Rate { connections: usize, per_second: u32 },
    /// One says something to a room.
    Room { members: usize, in_flight: usize },
    /// All change one shared instance, or each one of its own.
    Shared { clients: usize, is_isolated: bool },
    /// Mount and unmount.
    Mount { connections: usize, in_flight: usize },
    /// Mount and be silent.
    Idle { connections: usize, components: usize },
    /// Connect, mount, hang up.
    Churn { connections: usize },
    /// Cut, and back.
    Storm { connections: usize },
    /// A shared instance that some do not read, while the others call it so often a second.
    Slow { clients: usize, slow: usize, per_second: u32 },
    /// A call that changes one field beside so many bytes.
    State { connections: usize, bytes: usize },
    /// A call that changes one row of so many.
    List { connections: usize, rows: usize },
    /// Each sends files, in chunks of so many bytes.
    Uploads { connections: usize, chunk: usize },
}

impl Shape {
    /// Sockets that are open at once.
    pub(crate) fn connections(self) -> usize {
        match self {
            Self::Actions { connections, .. }
            | Self::Rate { connections, .. }
            | Self::Mount { connections, .. }
            | Self::Idle { connections, .. }
            | Self::Churn { connections }
            | Self::Storm { connections }
            | Self::State { connections, .. }
            | Self::List { connections, .. }
            | Self::Uploads { connections, .. } => connections,
            // One that says what the others hear.
            Self::Room { members, .. } => members + 1,
            Self::Shared { clients, .. } | Self::Slow { clients, .. } => clients,
        }
    }

    /// What is mounted on each of them.
    pub(crate) fn components(self) -> usize {
        match self {
            Self::Actions { components, .. } | Self::Idle { components, .. } => components,
            _ => 1,
        }
    }

    /// What is unanswered at once on each of them; none, if nobody waits for answers.
    pub(crate) fn in_flight(self) -> Option<usize> {
        match self {
            Self::Actions { in_flight, .. }
            | Self::Room { in_flight, .. }
            | Self::Mount { in_flight, .. } => Some(in_flight),
            Self::State { .. } | Self::List { .. } => Some(16),
            Self::Shared { .. }
            | Self::Idle { .. }
            | Self::Churn { .. }
            | Self::Storm { .. }
            | Self::Uploads { .. } => Some(1),
            Self::Rate { .. } | Self::Slow { .. } => None,
        }
    }
}
