// SPDX-License-Identifier: BSD-2-Clause
//! The keys of a component: those of the image, and those of the list that replaces them.

use molt_suit::keylist::{KeyList, Ring, SignedList};
use molt_suit::{Reason, Refusal, TrustedKey};

use crate::Identity;

/// The keys of a component, and the lists that were verified.
///
/// A list that is verified changes nothing yet. Whoever keeps it says with each use which list is in force, by its sequence number.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    image: Ring,
    in_force: Option<KeyList>,
    /// The list that was verified last.
    verified: Option<KeyList>,
}

impl Keys {
    /// The keys of the image.
    #[must_use]
    pub const fn new(image: Ring) -> Self {
        Self {
            image,
            in_force: None,
            verified: None,
        }
    }

    /// Verifies a list that is to replace list `in_force` (0: none), and returns its sequence number.
    ///
    /// # Errors
    /// The reason for which it is refused.
    pub fn verify(
        &mut self,
        bytes: &[u8],
        identity: &Identity,
        in_force: u64,
    ) -> Result<u64, Refusal> {
        self.enforce(in_force);
        let list = verify_keys(bytes, identity, &self.image, self.in_force.as_ref())?;
        // The list in force may be lost: its number is not.
        if list.sequence <= in_force {
            return Err(Reason::OldKeys.into());
        }
        let sequence = list.sequence;
        self.verified = Some(list);
        Ok(sequence)
    }

    /// The ring with list `in_force` (0: none), for a bundle that is offered, or was committed before the start.
    ///
    /// # Errors
    /// [`Reason::Frozen`]: the list accepts no offers; or it is lost, so that nobody knows which keys are revoked, and nothing is accepted
    /// but a newer list.
    pub fn ring(&mut self, in_force: u64, offered: bool) -> Result<Ring, Reason> {
        self.enforce(in_force);
        match &self.in_force {
            Some(list) if list.sequence != in_force => Err(Reason::Frozen),
            None if in_force != 0 => Err(Reason::Frozen),
            Some(list) if list.frozen && offered => Err(Reason::Frozen),
            Some(list) => Ok(list.ring(&self.image)),
            None => Ok(self.image.clone()),
        }
    }

    /// The list that was verified last is in force from when its number is named.
    fn enforce(&mut self, in_force: u64) {
        let named = |list: &KeyList| list.sequence == in_force;
        if self.verified.as_ref().is_some_and(named) {
            self.in_force = self.verified.take();
        }
    }
}

/// Checks a list of keys for the component with these identifiers: who signed it, that it is for this component, and that it
/// is newer than the one in force. `image`: the keys of the system's image.
///
/// # Errors
/// The reason for which it is refused.
pub fn verify_keys(
    bytes: &[u8],
    identity: &Identity,
    image: &[TrustedKey],
    in_force: Option<&KeyList>,
) -> Result<KeyList, Refusal> {
    let list = SignedList::parse(bytes)?.authenticate(image, in_force)?;
    if list.vendor != identity.vendor {
        return Err(Reason::WrongVendor.into());
    }
    if list.class != identity.class {
        return Err(Reason::WrongClass.into());
    }
    // An older one could bring a revoked key back.
    if list.sequence <= in_force.map_or(0, |list| list.sequence) {
        return Err(Reason::OldKeys.into());
    }
    Ok(list)
}
