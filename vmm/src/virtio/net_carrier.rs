// SPDX-License-Identifier: BSD-2-Clause
//! Whether the guest's link is up (VIRTIO_NET_S_LINK_UP, virtio 1.2, 5.1.4).
//!
//! With the technique `unplug` the link is down while the device is away. A swap can be over before the guest has looked. Then
//! the link stays down until it has, so that it sees each outage as one "down" and one "up". (Frames go on with the device,
//! whatever the guest has seen.)

/// An outage with the technique `unplug`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outage {
    None,
    /// The device is away. `seen`: the guest has read that the link is down.
    Away {
        seen: bool,
    },
    /// The device is back, and the guest has not read that the link was down.
    Unseen,
}

/// The state of the link.
#[derive(Clone, Copy, Debug)]
pub struct Carrier {
    /// The card's own link, as its driver has published it.
    pub link: bool,
    /// The technique is `unplug`.
    pub unplugs: bool,
    outage: Outage,
}

impl Default for Carrier {
    fn default() -> Self {
        Self {
            link: false,
            unplugs: false,
            outage: Outage::None,
        }
    }
}

impl Carrier {
    /// What the guest is shown.
    pub fn is_up(&self) -> bool {
        self.link && self.outage == Outage::None
    }

    /// The device goes away. `live`: the guest uses it.
    pub fn gone(&mut self, live: bool) {
        // Who has seen neither the last "down" nor the "up" behind it has one outage.
        let seen = !live || self.outage == Outage::Away { seen: true };
        if self.unplugs {
            self.outage = Outage::Away { seen };
        }
    }

    /// The device is there again.
    pub fn back(&mut self) {
        self.outage = match self.outage {
            Outage::Away { seen: false } | Outage::Unseen => Outage::Unseen,
            Outage::Away { seen: true } | Outage::None => Outage::None,
        };
    }

    /// The guest reads the state.
    pub fn looked(&mut self) {
        self.outage = match self.outage {
            Outage::Away { .. } => Outage::Away { seen: true },
            Outage::Unseen | Outage::None => Outage::None,
        };
    }

    /// The guest's driver starts anew, and has to be shown nothing of what was before.
    pub fn reset(&mut self) {
        self.looked();
    }
}
