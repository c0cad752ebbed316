//! What a session mounted, by its id. A page has a few components, which are looked through faster than a table is
//! asked, and take less room; beyond these it is a table.

use std::collections::HashMap;

use fluxstack_live_protocol::InstanceId;

use crate::mailbox::Mailbox;

/// So many are no table.
const FEW: usize = 16;

/// See the module.
pub(crate) enum Instances {
    Few(Vec<(InstanceId, Mailbox)>),
    Many(HashMap<InstanceId, Mailbox>),
}

impl Instances {
    pub(crate) const fn new() -> Self {
        Self::Few(Vec::new())
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get(&self, id: InstanceId) -> Option<&Mailbox> {
        match self {
            Self::Few(few) => few.iter().find(|(there, _)| *there == id).map(|(_, mailbox)| mailbox),
            Self::Many(many) => many.get(&id),
        }
    }

    /// In the place of one that had the same id, if there was one.
    pub(crate) fn insert(&mut self, id: InstanceId, mailbox: Mailbox) {
        match self {
            Self::Few(few) => {
                if let Some((_, there)) = few.iter_mut().find(|(there, _)| *there == id) {
                    *there = mailbox;
                } else if few.len() < FEW {
                    // One at a time, because most have one or two.
                    few.reserve_exact(1);
                    few.push((id, mailbox));
                } else {
                    *self = Self::Many(few.drain(..).chain([(id, mailbox)]).collect());
                }
            }
            Self::Many(many) => {
                many.insert(id, mailbox);
            }
        }
    }

    pub(crate) fn remove(&mut self, id: InstanceId) -> Option<Mailbox> {
        match self {
            Self::Few(few) => {
                let at = few.iter().position(|(there, _)| *there == id)?;
                let (_, mailbox) = few.swap_remove(at);
                few.shrink_to_fit();
                Some(mailbox)
            }
            Self::Many(many) => {
                let mailbox = many.remove(&id)?;
                self.make_few();
                Some(mailbox)
            }
        }
    }

    /// Without those that are closed.
    pub(crate) fn forget_closed(&mut self) {
        match self {
            Self::Few(few) => few.retain(|(_, mailbox)| !mailbox.is_closed()),
            Self::Many(many) => many.retain(|_, mailbox| !mailbox.is_closed()),
        }
        self.make_few();
    }

    /// No table any more, if not even half as many are left as need one.
    fn make_few(&mut self) {
        if let Self::Many(many) = self
            && many.len() <= FEW / 2
        {
            *self = Self::Few(many.drain().collect());
        }
    }

    /// In no order.
    pub(crate) fn mailboxes(&self) -> impl Iterator<Item = &Mailbox> {
        let (few, many) = match self {
            Self::Few(few) => (few.as_slice(), None),
            Self::Many(many) => (&[][..], Some(many.values())),
        };
        few.iter().map(|(_, mailbox)| mailbox).chain(many.into_iter().flatten())
    }

    /// All of them, which leaves none.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::new())
    }

    pub(crate) fn into_mailboxes(self) -> impl Iterator<Item = Mailbox> {
        let (few, many) = match self {
            Self::Few(few) => (few, None),
            Self::Many(many) => (Vec::new(), Some(many)),
        };
        few.into_iter()
            .map(|(_, mailbox)| mailbox)
            .chain(many.into_iter().flatten().map(|(_, mailbox)| mailbox))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::mailbox;

    #[test]
    fn few_and_many_are_found_replaced_and_forgotten_in_the_same_way() {
        let id = |number: u64| InstanceId::from_u128(number.into());
        let mut instances = Instances::new();
        let mut inboxes = Vec::new();
        for number in 0..3 * FEW as u64 {
            let (mailbox, inbox) = mailbox(number, 1);
            instances.insert(id(number), mailbox);
            inboxes.push(inbox);
            let numbers: u64 = instances.mailboxes().map(Mailbox::number).sum();
            assert_eq!((instances.len() as u64, numbers), (number + 1, number * (number + 1) / 2));
        }
        assert!(matches!(instances, Instances::Many(_)));
        let (other, _inbox) = mailbox(1_000, 1);
        instances.insert(id(5), other.clone());
        assert_eq!(instances.get(id(5)).map(Mailbox::number), Some(1_000));
        inboxes.drain(FEW / 2..);
        instances.insert(id(5), other);
        instances.forget_closed();
        assert!(matches!(instances, Instances::Few(_)));
        for number in [0, 1, 2, 3, 4, 6, 7] {
            assert_eq!(instances.get(id(number)).map(Mailbox::number), Some(number));
            assert_eq!(instances.remove(id(number)).map(|mailbox| mailbox.number()), Some(number));
            assert!(instances.remove(id(number)).is_none() && instances.get(id(number)).is_none());
        }
        assert_eq!(
            instances.take().into_mailboxes().map(|mailbox| mailbox.number()).collect::<Vec<_>>(),
            [1_000]
        );
        assert!(instances.is_empty());
    }
}
