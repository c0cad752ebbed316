//! What is said about a sealed body, in bytes: for whom, from where, from when.
//!
//! Two different claims are never the same bytes, because every text has its length before it and every
//! number a fixed width. So a signature over the bytes is one over every field for itself.

use fluxstack_live_protocol::{InstanceId, SessionId};

/// What a sealed thing is good for. One is never taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The token of a session.
    Session = 1,
    /// The state of an instance.
    Snapshot = 2,
}

/// What is said about a body, readable by whoever carries it. The fields are written in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) kind: Kind,
    /// Name of the component, empty for a session.
    pub(crate) component: Box<str>,
    /// 0 for a session.
    pub(crate) instance: InstanceId,
    pub(crate) session: SessionId,
    /// Who the user is, empty for nobody in particular.
    pub(crate) subject: Box<str>,
    /// Of the state.
    pub(crate) version: u64,
    /// Version of the component that wrote the body.
    pub(crate) schema: u32,
    /// Milliseconds since 1970.
    pub(crate) issued: u64,
}

impl Claims {
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.kind as u8);
        text(bytes, &self.component);
        bytes.extend_from_slice(&self.instance.to_u128().to_be_bytes());
        bytes.extend_from_slice(&self.session.to_u128().to_be_bytes());
        text(bytes, &self.subject);
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&self.schema.to_be_bytes());
        bytes.extend_from_slice(&self.issued.to_be_bytes());
    }

    /// The claims at the beginning of `fields`, which has the rest afterwards.
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let kind = match fields.array()? {
            [1] => Kind::Session,
            [2] => Kind::Snapshot,
            _ => return None,
        };
        Some(Self {
            kind,
            component: fields.text()?,
            instance: InstanceId::from_u128(u128::from_be_bytes(fields.array()?)),
            session: SessionId::from_u128(u128::from_be_bytes(fields.array()?)),
            subject: fields.text()?,
            version: u64::from_be_bytes(fields.array()?),
            schema: u32::from_be_bytes(fields.array()?),
            issued: u64::from_be_bytes(fields.array()?),
        })
    }
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    let length = u32::try_from(text.len()).expect("no name of a component or a user is 4 GiB long");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

/// Bytes still to be read. A field that is not there takes nothing.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }

    pub(super) fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        self.take(LENGTH)?.try_into().ok()
    }

    fn text(&mut self) -> Option<Box<str>> {
        let length = usize::try_from(u32::from_be_bytes(self.array()?)).ok()?;
        str::from_utf8(self.take(length)?).ok().map(Box::from)
    }
}
