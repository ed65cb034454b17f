// SPDX-License-Identifier: BSD-2-Clause
//! The system counter and the types of time.
//!
//! On AArch64 PDs read the physical counter, CNTPCT_EL0: reading the virtual one (CNTVCT_EL0) traps in a native
//! PD under the hypervisor configuration. The frequency is what the firmware wrote into CNTFRQ_EL0
//! (62.5 MHz on QEMU's virt). On x86_64 they read the time stamp counter, whose frequency the kernel has measured and tells
//! the root task; a program is told it ([`tell`]).
#![cfg_attr(not(test), no_std)]

#[cfg(target_os = "none")]
mod arch;
mod deadlines;
mod told;

#[cfg(target_os = "none")]
pub use arch::*;

pub use deadlines::Deadlines;
pub use told::tell;

/// A value of the counter, or a difference of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticks(pub u64);

impl Ticks {
    /// `self` + `other`, at most `u64::MAX` (which is never reached).
    pub const fn saturating_add(self, other: Ticks) -> Ticks {
        Ticks(self.0.saturating_add(other.0))
    }

    /// The time since `earlier`; 0 if that is later.
    pub const fn since(self, earlier: Ticks) -> Ticks {
        Ticks(self.0.saturating_sub(earlier.0))
    }
}

/// The counter's frequency: converts between ticks and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frequency(u64);

const NS_PER_S: u64 = 1_000_000_000;

impl Frequency {
    /// The highest frequency: 18 GHz, which is above that of any counter. Up to it conversions need 64 bits only.
    pub const MAX: Self = Self(18_000_000_000);

    /// `hz` ticks a second; `None` above [`Self::MAX`], and for 0, which is what CNTFRQ_EL0 holds if no firmware set it.
    pub const fn new(hz: u64) -> Option<Self> {
        if hz == 0 || hz > Self::MAX.0 {
            None
        } else {
            Some(Self(hz))
        }
    }

    /// QEMU's virt machine: 62.5 MHz.
    pub const QEMU_VIRT: Self = Self(62_500_000);

    /// 1 GHz: QEMU's time stamp counter where it counts instructions.
    pub const ONE_GHZ: Self = Self(1_000_000_000);

    /// In ticks a second.
    pub const fn hz(self) -> u64 {
        self.0
    }

    /// `ticks` in nanoseconds, rounded down, at most `u64::MAX`.
    pub const fn ns(self, ticks: Ticks) -> u64 {
        // Of what is left of a second the product is below 2^64: a division of 128 bits takes hundreds of instructions, and
        // this is asked several times for each request.
        let hz = self.0;
        let (seconds, rest) = (ticks.0 / hz, ticks.0 % hz);
        (seconds.saturating_mul(NS_PER_S)).saturating_add(rest * NS_PER_S / hz)
    }

    /// `ns` nanoseconds in ticks, rounded up, so that waiting for them is long enough.
    pub const fn ticks(self, ns: u64) -> Ticks {
        let hz = self.0;
        let (seconds, rest) = (ns / NS_PER_S, ns % NS_PER_S);
        let rest = (rest * hz).div_ceil(NS_PER_S);
        Ticks(seconds.saturating_mul(hz).saturating_add(rest))
    }

    /// That of the counter that [`now`] reads.
    #[cfg(target_os = "none")]
    pub fn of_this_machine() -> Self {
        arch::frequency()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn converts_both_ways() {
        let clock = Frequency::QEMU_VIRT;
        assert_eq!(clock.ns(Ticks(1)), 16);
        assert_eq!(clock.ticks(16), Ticks(1));
        assert_eq!(clock.ticks(17), Ticks(2), "rounds up");
        assert_eq!(clock.ns(Ticks(62_500_000)), 1_000_000_000);
        let odd = Frequency::new(24_000_000).unwrap();
        assert_eq!(odd.ns(Ticks(1)), 41, "rounds down");
        for ns in [0, 1, 999, 1_000_000, 123_456_789_012] {
            let back = odd.ns(odd.ticks(ns));
            assert!(back >= ns && back < ns + 42);
        }
    }

    proptest! {
        /// As 128 bits have it.
        #[test]
        fn nothing_is_lost_of_either(hz in 1..=Frequency::MAX.hz(), value: u64, shift in 0u32..64) {
            let (clock, value) = (Frequency::new(hz).unwrap(), value >> shift);
            let wide = |value: u64, by: u128| u128::from(value) * by;
            let clamp = |value: u128| u64::try_from(value).unwrap_or(u64::MAX);
            let ns = wide(value, 1_000_000_000) / u128::from(hz);
            prop_assert_eq!(clock.ns(Ticks(value)), clamp(ns));
            let ticks = wide(value, hz.into()).div_ceil(1_000_000_000);
            prop_assert_eq!(clock.ticks(value), Ticks(clamp(ticks)));
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        assert_eq!(Frequency::new(0), None);
        let slow = Frequency::new(1).unwrap();
        assert_eq!(slow.ns(Ticks(u64::MAX)), u64::MAX);
        assert_eq!(Frequency::new(Frequency::MAX.hz() + 1), None);
        let fast = Frequency::MAX;
        assert_eq!(fast.ticks(u64::MAX), Ticks(u64::MAX));
        assert_eq!(Ticks(3).since(Ticks(5)), Ticks(0));
    }
}
