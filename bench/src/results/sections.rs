//! What is said of each scenario, and which of its figures are shown.

use super::numbers::whole;
use super::summary::Measure::{self, Busy, Cpu, Each, Left, P50, P99, P999, PerSecond};

/// A part of the page.
pub(crate) struct Section {
    /// The scenario, as lines and the command name it.
    pub(crate) scenario: &'static str,
    pub(crate) title: &'static str,
    /// What happens, and what is counted.
    pub(crate) text: &'static str,
    /// What an operation is called.
    pub(crate) operation: &'static str,
    /// What is put beside the floor, as a ratio, and drawn.
    pub(crate) first: Measure,
    /// What else is shown.
    pub(crate) others: &'static [Measure],
}

/// In the order of the page.
pub(crate) const SECTIONS: [Section; 12] = [
    Section {
        scenario: "actions",
        title: "Actions, one after the other",
        text: "Each connection has mounted a counter (`64x16` is 64 connections with 16 calls under way on each). A call is \
               answered with what changed and a reply, and the next is sent when one is answered. With one call under way \
               nearly all of the time is the kernel's, for everybody.",
        operation: "action",
        first: Cpu,
        others: &[PerSecond, P50, P99, Busy],
    },
    Section {
        scenario: "components",
        title: "Many components on a connection",
        text: "One connection that has mounted many components (`1x100` is a hundred) calls them in turn.",
        operation: "action",
        first: Cpu,
        others: &[PerSecond, P99, Busy],
    },
    Section {
        scenario: "room",
        title: "One says something, a thousand hear it",
        text: "All connections are in one room. One of them says something, and the operation is that one of the others is told: \
               every member hears every word, once and in order. `1000x16` is a thousand members and 16 words under way. \
               With a single word under way every delivery is a system call of its own.",
        operation: "delivery",
        first: Cpu,
        others: &[PerSecond, P50, P99, Busy],
    },
    Section {
        scenario: "shared",
        title: "One state for a thousand",
        text: "A thousand clients change one shared component as fast as they are answered (`1000`), and beside it the same \
               clients each a component of their own (`isolated`). What is counted is calls that were done and answered; in \
               the shared case each of them also reaches everybody else.",
        operation: "action",
        first: PerSecond,
        others: &[Cpu, P99, Busy],
    },
    Section {
        scenario: "mount",
        title: "Mounting",
        text: "Connections that are open mount and unmount components (`64x4` is 64 connections with four mounts under way on each). \
               Ours answers with a snapshot that is signed, so that it can be trusted when it comes back; the others send as many bytes.",
        operation: "mount",
        first: Cpu,
        others: &[PerSecond, P99, Busy],
    },
    Section {
        scenario: "idle",
        title: "Doing nothing",
        text: "Memory of connections that have mounted something and are silent (`10000x10` is ten thousand connections with ten \
               components each): what the server's resident memory grew by, for each connection. Memory of the kernel's sockets is not in it.",
        operation: "connection",
        first: Each,
        others: &[],
    },
    Section {
        scenario: "churn",
        title: "Coming and going",
        text: "Connect, upgrade, mount, hang up, and again. Memory left is what the server's resident memory grew by \
               for each cycle of the second half, when the allocator has what it needs.",
        operation: "cycle",
        first: Cpu,
        others: &[PerSecond, Left, P99, Busy],
    },
    Section {
        scenario: "rate",
        title: "At a fixed rate",
        text: "So many actions a second, whether or not the earlier ones were answered, spread over 500 connections. The time of each \
               is counted from the moment it was due, so a server that stands still for a while is charged for all that \
               should have been sent meanwhile.",
        operation: "action",
        first: P99,
        others: &[P50, P999, Cpu, Busy],
    },
    Section {
        scenario: "storm",
        title: "All come back at once",
        text: "Every connection is cut and comes back at once. The operation is one that is back: it has its state, and is answered.",
        operation: "return",
        first: Cpu,
        others: &[PerSecond, P50, P99, Busy],
    },
    Section {
        scenario: "slow",
        title: "Some do not read",
        text: "A hundred clients have one shared instance, and 500 calls a second change it, for all of them. In `20 of 100` twenty of \
               them stop reading, and read again in the end: the others must not notice, and the server must not keep \
               everything for those who do not read. Memory is what it grew by for each of them.",
        operation: "action",
        first: Cpu,
        others: &[PerSecond, P99, Each, Busy],
    },
    Section {
        scenario: "big-state",
        title: "A small change of something big",
        text: "An action changes one field of a large state, or one row of a long list. What is sent is the change.",
        operation: "action",
        first: Cpu,
        others: &[PerSecond, P99, Busy],
    },
    Section {
        scenario: "uploads",
        title: "Files",
        text: "Four connections send files of 8 MiB, one after the other, a chunk (`64-KiB`, `1-MiB`) at a time: the next when one \
               is answered, which is what is timed. It is answered when it is written, and at the end of a file its SHA-256 is \
               compared. `axum` does that too, and blocks its one thread with it. Files are in memory where the system has a \
               folder for that, so that no disk is measured.",
        operation: "megabyte",
        first: Cpu,
        others: &[PerSecond, P50, Busy],
    },
];

impl Section {
    /// A case, as people say it.
    pub(crate) fn shown(&self, case: &str) -> String {
        let number = |text: &str| text.parse().map_or_else(|_| text.to_owned(), whole);
        match self.scenario {
            "rate" => format!("{} a second", number(case)),
            "idle" => case.split('x').map(number).collect::<Vec<_>>().join(" connections × ") + " components",
            _ if case.starts_with(|sign: char| sign.is_ascii_digit()) => {
                case.split('x').map(number).collect::<Vec<_>>().join(" × ")
            }
            _ => case.to_owned(),
        }
    }

    /// The head of a column.
    pub(crate) fn column(&self, measure: Measure) -> String {
        let operation = self.operation;
        match measure {
            Measure::Cpu => format!("server CPU per {operation}"),
            Measure::PerSecond => format!("{} a second", plural(operation)),
            Measure::P50 => "p50".to_owned(),
            Measure::P99 => "p99".to_owned(),
            Measure::P999 => "p99.9".to_owned(),
            Measure::Each => "memory each".to_owned(),
            Measure::Left => format!("memory left per {operation}"),
            Measure::Busy => "generator busy".to_owned(),
        }
    }
}

fn plural(operation: &str) -> String {
    match operation.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{operation}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_said_as_people_say_them() {
        let shown = |scenario: &str, case: &str| {
            SECTIONS.iter().find(|section| section.scenario == scenario).unwrap().shown(case)
        };
        assert_eq!(shown("actions", "1000x16"), "1,000 × 16");
        assert_eq!(shown("rate", "20000"), "20,000 a second");
        assert_eq!(shown("idle", "10000x10"), "10,000 connections × 10 components");
        assert_eq!(shown("shared", "isolated"), "isolated");
    }

    #[test]
    fn columns_say_what_an_operation_is() {
        let room = SECTIONS.iter().find(|section| section.scenario == "room").unwrap();
        assert_eq!(room.column(Measure::Cpu), "server CPU per delivery");
        assert_eq!(room.column(Measure::PerSecond), "deliveries a second");
    }
}
