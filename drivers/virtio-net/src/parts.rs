// SPDX-License-Identifier: BSD-2-Clause
//! Which of a client's frames are with the device, in one chain or, in segments, in several.

use molt_queue::{SlotId, layout};

/// A frame that is with the device.
#[derive(Debug)]
struct Part {
    /// Chains that the device is not done with.
    chains: u16,
    /// `None` while there are segments to follow.
    slot: Option<SlotId>,
}

/// By slot.
#[derive(Debug)]
pub(crate) struct Parts([Part; layout::SLOTS]);

impl Parts {
    pub const fn new() -> Self {
        const NONE: Part = Part {
            chains: 0,
            slot: None,
        };
        Self([NONE; layout::SLOTS])
    }

    /// The device has got a chain of the frame in this slot.
    pub fn give(&mut self, slot: &SlotId) {
        if let Some(part) = self.0.get_mut(slot.index()) {
            part.chains = part.chains.saturating_add(1);
        }
    }

    /// All of the frame was given. Returns its slot if the device is done with it already.
    pub fn end(&mut self, slot: SlotId) -> Option<SlotId> {
        match self.0.get_mut(slot.index()) {
            Some(part) if part.chains > 0 => {
                part.slot = Some(slot);
                None
            }
            _ => Some(slot),
        }
    }

    /// The device is done with a chain of the frame in slot number `index`. Returns the slot if that was all of it.
    pub fn done(&mut self, index: usize) -> Option<SlotId> {
        let part = self.0.get_mut(index)?;
        part.chains = part.chains.saturating_sub(1);
        match part.chains {
            0 => part.slot.take(),
            _ => None,
        }
    }
}
