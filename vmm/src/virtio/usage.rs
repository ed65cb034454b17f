// SPDX-License-Identifier: BSD-2-Clause
//! The technique `unplug` of a disk: what the VMM says for its guest.
//!
//! Stock Linux gives a disk up when its driver is unbound, and takes it when it is bound again; virtio over MMIO has no other way. The VMM
//! sees both at the device's status, and defers updates of the component for as long as the guest's driver is there.

use molt_gate::Deferrals;

/// Whether the guest uses the disk, as `update` is told.
pub struct Usage<'a> {
    words: Deferrals<'a>,
    component: usize,
    uses: bool,
}

impl<'a> Usage<'a> {
    /// Of this component. `words`: in the client's gate pages.
    #[must_use]
    pub fn new(words: Deferrals<'a>, component: usize) -> Self {
        Self {
            words,
            component,
            uses: false,
        }
    }

    /// The guest's driver is there, or not. Returns whether `update` is to be notified.
    #[must_use]
    pub fn follow(&mut self, uses: bool) -> bool {
        if core::mem::replace(&mut self.uses, uses) == uses {
            return false;
        }
        let until = if uses { u64::MAX } else { 0 };
        self.words.defer(self.component, until)
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::AtomicU64;

    use super::*;
    use molt_gate::Warden;

    #[test]
    fn update_is_told_of_a_disk_that_is_given_up_while_it_waits() {
        let pages = [(); 2].map(|()| [const { AtomicU64::new(0) }; 512]);
        let [to_client, to_update] = &pages;
        let warden = Warden::new(to_client, to_update);
        let mut usage = Usage::new(Deferrals::new(to_client, to_update), 1);
        assert!(!usage.follow(true), "nobody waits");
        assert_eq!((warden.deferral(0), warden.deferral(1)), (0, u64::MAX));
        warden.wait_for(1, 5);
        assert!(!usage.follow(true), "that was said");
        assert!(usage.follow(false));
        assert_eq!(warden.deferral(1), 0);
    }
}
