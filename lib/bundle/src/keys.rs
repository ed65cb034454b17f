// SPDX-License-Identifier: BSD-2-Clause
//! Whether a list of keys may replace the one in force.

use molt_suit::keylist::{KeyList, SignedList};
use molt_suit::{Reason, Refusal, TrustedKey};

use crate::Identity;

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
