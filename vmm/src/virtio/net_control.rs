// SPDX-License-Identifier: BSD-2-Clause
//! The network card's control queue (virtio 1.2, 5.1.6.5): which frames the guest wants.

use molt_net::Mac;

const OK: u8 = 0;
const ERROR: u8 = 1;
/// Addresses of each kind that are kept; with more, all of the kind are accepted.
const ADDRESSES: usize = 16;
/// VLANs there are.
const VLANS: usize = 4096;
/// Ethernet's type of a frame with a VLAN tag (IEEE 802.1Q, 9.6).
const VLAN_TAG: [u8; 2] = [0x81, 0];

/// The effect of a command on the device itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The address changed.
    Address,
    /// Gratuitous packets were sent.
    Announced,
}

/// A table of addresses.
#[derive(Clone, Debug, Default)]
struct Table {
    addresses: heapless::Vec<Mac, ADDRESSES>,
    overflow: bool,
}

impl Table {
    fn has(&self, mac: Mac) -> bool {
        self.overflow || self.addresses.contains(&mac)
    }

    /// Reads a count and that many addresses. Returns the rest of the bytes too.
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (count, rest) = bytes.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (all, rest) = rest.split_at_checked(len.checked_mul(6)?)?;
        let mut table = Self::default();
        for mac in all.chunks_exact(6).filter_map(|mac| mac.try_into().ok()) {
            table.overflow |= table.addresses.push(mac).is_err();
        }
        Some((table, rest))
    }
}

/// The card's filter. Without commands it accepts frames for its address, for groups, and for all.
#[derive(Clone, Debug)]
pub struct Control {
    mac: Mac,
    promiscuous: bool,
    all_groups: bool,
    single: Table,
    groups: Option<Table>,
    vlans: [u64; VLANS / 64],
}

impl Default for Control {
    fn default() -> Self {
        Self::new([0; 6])
    }
}

impl Control {
    /// For a card with this address.
    pub fn new(mac: Mac) -> Self {
        Self {
            mac,
            promiscuous: false,
            all_groups: false,
            single: Table::default(),
            groups: None,
            vlans: [0; VLANS / 64],
        }
    }

    /// Its address.
    pub const fn mac(&self) -> Mac {
        self.mac
    }

    /// Whether the guest wants the frame.
    pub fn accepts(&self, frame: &[u8]) -> bool {
        let Some(&[a, b, c, d, e, f, _, _, _, _, _, _, g, h]) = frame.first_chunk::<14>() else {
            return false;
        };
        if self.promiscuous {
            return true;
        }
        if [g, h] == VLAN_TAG {
            let tag = frame.get(14..16).and_then(|tag| tag.try_into().ok());
            let vlan = usize::from(u16::from_be_bytes(tag.unwrap_or_default())) % VLANS;
            let passed = self.vlans.get(vlan / 64).copied().unwrap_or(0);
            if passed >> (vlan % 64) & 1 == 0 {
                return false;
            }
        }
        let mac = [a, b, c, d, e, f];
        if mac == [0xff; 6] {
            return true;
        }
        if a & 1 == 1 {
            let wanted = self.groups.as_ref().is_none_or(|groups| groups.has(mac));
            return self.all_groups || wanted;
        }
        mac == self.mac || self.single.has(mac)
    }

    /// Carries out a command: class, number, data. Returns the answer, and the effect on the device.
    pub fn run(&mut self, command: &[u8]) -> (u8, Option<Ask>) {
        let result = match command {
            [0, 0, on @ (0 | 1)] => {
                self.promiscuous = *on == 1;
                Some(None)
            }
            [0, 1, on @ (0 | 1)] => {
                self.all_groups = *on == 1;
                Some(None)
            }
            [1, 0, tables @ ..] => self.set_tables(tables).map(|()| None),
            [1, 1, a, b, c, d, e, f] if a & 1 == 0 => {
                self.mac = [*a, *b, *c, *d, *e, *f];
                Some(Some(Ask::Address))
            }
            [2, kind @ (0 | 1), low, high] => self
                .set_vlan(u16::from_le_bytes([*low, *high]), *kind == 0)
                .map(|()| None),
            [3, 0] => Some(Some(Ask::Announced)),
            _ => None,
        };
        match result {
            Some(ask) => (OK, ask),
            None => (ERROR, None),
        }
    }

    fn set_tables(&mut self, bytes: &[u8]) -> Option<()> {
        let (single, rest) = Table::read(bytes)?;
        let (groups, _) = Table::read(rest)?;
        (self.single, self.groups) = (single, Some(groups));
        Some(())
    }

    fn set_vlan(&mut self, vlan: u16, passed: bool) -> Option<()> {
        let vlan = usize::from(vlan);
        let word = self.vlans.get_mut(vlan / 64)?;
        match passed {
            true => *word |= 1 << (vlan % 64),
            false => *word &= !(1 << (vlan % 64)),
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Mac = [2, 0, 0, 0, 0, 1];
    const OTHER: Mac = [2, 0, 0, 0, 0, 2];
    const GROUP: Mac = [0x33, 0x33, 0, 0, 0, 1];

    fn frame(destination: Mac) -> Vec<u8> {
        [destination.as_slice(), &[0; 6], &[8, 0], &[0; 46]].concat()
    }

    fn tagged(vlan: u16) -> Vec<u8> {
        let tag = vlan.to_be_bytes();
        [OWN.as_slice(), &[0; 6], &VLAN_TAG, &tag, &[0; 46]].concat()
    }

    #[test]
    fn what_the_guest_wants() {
        let mut control = Control::new(OWN);
        assert!(control.accepts(&frame(OWN)) && control.accepts(&frame([0xff; 6])));
        assert!(control.accepts(&frame(GROUP)), "it has not said which");
        assert!(!control.accepts(&frame(OTHER)));
        assert_eq!(control.run(&[0, 0, 1]), (OK, None));
        assert!(control.accepts(&frame(OTHER)));
        assert_eq!(control.run(&[0, 0, 0]), (OK, None));
        let one = [&[1, 0, 1, 0, 0, 0], OTHER.as_slice(), &[0; 4]].concat();
        assert_eq!(control.run(&one), (OK, None));
        assert!(control.accepts(&frame(OTHER)));
        assert!(!control.accepts(&frame(GROUP)), "now it has: none");
        assert_eq!(control.run(&[0, 1, 1]), (OK, None));
        assert!(control.accepts(&frame(GROUP)));
        let change = [&[1, 1], OTHER.as_slice()].concat();
        assert_eq!(control.run(&change), (OK, Some(Ask::Address)));
        assert_eq!(control.mac(), OTHER);
        assert_eq!(control.run(&[3, 0]), (OK, Some(Ask::Announced)));
    }

    #[test]
    fn vlans_are_passed_when_they_were_named() {
        let mut control = Control::new(OWN);
        assert!(!control.accepts(&tagged(7)));
        assert_eq!(control.run(&[2, 0, 7, 0]), (OK, None));
        assert!(control.accepts(&tagged(7)) && !control.accepts(&tagged(8)));
        assert_eq!(control.run(&[2, 1, 7, 0]), (OK, None));
        assert!(!control.accepts(&tagged(7)));
        assert_eq!(control.run(&[2, 0, 0, 16]).0, ERROR, "there is no 4096");
    }

    #[test]
    fn commands_that_are_none() {
        let mut control = Control::new(OWN);
        let group = [&[1, 1], GROUP.as_slice()].concat();
        let claims_more = [&[1, 0, 0xff, 0xff, 0xff, 0xff], OTHER.as_slice()].concat();
        for command in [
            &[][..],
            &[0],
            &[0, 0],
            &[0, 0, 2],
            &[9, 9, 9],
            &[1, 1, 2],
            &[2, 0, 1],
            &group,
            &claims_more,
        ] {
            assert_eq!(control.run(command), (ERROR, None), "{command:?}");
        }
        let many = [2_u8; 6 * 40];
        let more = [&[1, 0, 40, 0, 0, 0], many.as_slice(), &[0; 4]].concat();
        assert_eq!(control.run(&more), (OK, None));
        assert!(control.accepts(&frame(OTHER)), "more than are kept: all");
    }
}
