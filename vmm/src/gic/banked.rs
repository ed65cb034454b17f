// SPDX-License-Identifier: BSD-2-Clause
//! Sets of interrupts, of which those below 32 exist once for each vCPU.

use crate::processor::MAX_VCPUS;

/// The interrupts that are private to a vCPU: SGIs and PPIs.
const PRIVATE: u128 = u32::MAX as u128;

/// A set of interrupts as each vCPU sees it: one bit for each.
#[derive(Clone, Copy)]
pub struct Banked {
    shared: u128,
    private: [u32; MAX_VCPUS],
}

impl Banked {
    /// No shared interrupt, and for each vCPU these private ones.
    pub const fn new(private: u32) -> Self {
        Self {
            shared: 0,
            private: [private; MAX_VCPUS],
        }
    }

    /// What a vCPU sees.
    #[inline]
    pub fn of(&self, vcpu: usize) -> u128 {
        self.shared | self.private.get(vcpu).map_or(0, |bits| u128::from(*bits))
    }

    /// Sets these bits.
    pub fn add(&mut self, vcpu: usize, bits: u128) {
        self.shared |= bits & !PRIVATE;
        if let Some(private) = self.private.get_mut(vcpu) {
            *private |= bits as u32;
        }
    }

    /// Clears these bits.
    pub fn remove(&mut self, vcpu: usize, bits: u128) {
        self.shared &= !bits;
        if let Some(private) = self.private.get_mut(vcpu) {
            *private &= !(bits as u32);
        }
    }

    /// Sets or clears these bits.
    pub fn put(&mut self, vcpu: usize, bits: u128, set: bool) {
        match set {
            true => self.add(vcpu, bits),
            false => self.remove(vcpu, bits),
        }
    }
}
