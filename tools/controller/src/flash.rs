// SPDX-License-Identifier: BSD-2-Clause
//! The flash of a controller that comes from the factory.

use molt_controller_banks::layout::{BANKS, FLASH};

/// Its content, with this image in the first bank; erased but for it.
#[must_use]
pub fn factory(image: Option<&[u8]>) -> Vec<u8> {
    let mut flash = vec![0xff; FLASH as usize];
    if let Some(image) = image {
        let at = BANKS[0] as usize;
        let bank = flash[at..].iter_mut();
        bank.zip(image).for_each(|(to, from)| *to = *from);
    }
    flash
}
