// SPDX-License-Identifier: BSD-2-Clause
//! Makes lists of keys.

use molt_suit::keylist::{self, KeyList};
use molt_suit::{Algorithm, encode};

use crate::{EnvelopeError, PrivateKey};

/// A list that `key` has signed.
///
/// # Errors
/// When the list is too long, or the algorithm is not the key's.
pub fn sign_list(
    list: &KeyList,
    key: &PrivateKey,
    algorithm: Algorithm,
) -> Result<Vec<u8>, EnvelopeError> {
    let large = || EnvelopeError::TooLarge;
    let body = list.body().ok_or_else(large)?;
    let payload = keylist::signed(&body).map_err(EnvelopeError::Refused)?;
    let message = molt_suit::Sign1::message(algorithm, &payload).ok_or_else(large)?;
    let signature = key.sign(algorithm, &message)?;
    let block = encode::sign1(algorithm, &payload, |_| signature).ok_or_else(large)?;
    let bytes = keylist::list(&body, &[&block]).ok_or_else(large)?;
    Ok(bytes.to_vec())
}
