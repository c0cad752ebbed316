//! The servers of the bench: ours, and floors, which send the same bytes and do nothing else.

pub(crate) mod axum;
mod batch;
pub(crate) mod files;
mod floor;
pub(crate) mod framed;
pub(crate) mod live;
mod outbox;
pub(crate) mod yawc;

#[cfg(test)]
mod tests;
